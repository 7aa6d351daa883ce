"""FINRA's daily short sale files and Query API rows."""

import datetime as dt
import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AmbiguousSource, AnotherDay, MalformedSource, MissingSource, NotPublishedYet
from darkpool_assets.sources.finra.short_daily import (
    read_short_content,
    read_short_file,
    short_files_of,
    without_odd_symbols_of_any,
)
from darkpool_assets.sources.reading import Reading

DAY = dt.date(2020, 1, 2)
NAME = "CNMSshvol20200102.txt"
HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
ROWS = ("20200102|AAPL|100|1|300|B,Q,N", "20200102|ABRpD|1.029900|0|2.5|Q", "20200102|NA|0|0|7|N")
VOLUMES = ("short_volume", "short_exempt_volume", "total_volume")


def _text(*rows: str, trailer: int | None = None, end: str = "\r\n") -> str:
    return end.join([HEADER, *rows, str(len(rows) if trailer is None else trailer)]) + end


def _read(text: str | bytes, name: str = NAME, day: dt.date = DAY):
    return read_short_content(Content(name, text.encode() if isinstance(text, str) else text), day=day)


def _api_row(**other: object) -> dict[str, object]:
    row = {
        "reportingFacilityCode": "NQTRF", "marketCode": "Q", "tradeReportDate": "2020-01-02", "shortParQuantity": 10,
        "securitiesInformationProcessorSymbolIdentifier": "AAPL", "shortExemptParQuantity": 1, "totalParQuantity": 40.5,
    }  # fmt: skip
    return {**row, **other}


def test_a_published_file_becomes_typed_rows_with_its_counts():
    reading = _read(_text(*ROWS))
    assert reading.rows.drop("content_hash").rows() == [
        ("AAPL", DAY, 100.0, 1.0, 300.0, "B,Q,N", "CNMS", NAME),
        ("ABRpD", DAY, 1.0299, 0.0, 2.5, "Q", "CNMS", NAME),
        ("NA", DAY, 0.0, 0.0, 7.0, "N", "CNMS", NAME),
    ]
    assert (reading.source, reading.physical_rows, reading.expected_rows, reading.duplicate_rows) == (NAME, 3, 3, 0)


def test_a_reading_fits_its_table():
    rows = _read(_text(*ROWS)).rows
    stamped = rows.with_columns(ingested_at=pl.lit("2020-01-02T00:00:00").str.to_datetime())
    assert tables.FINRA_SHORT_DAILY_RAW.conform(stamped).height == 3


@pytest.mark.parametrize("symbol", ["NA", "NAN", "TRUE", "null", "1E5", "AXSpD/CL", "BRK/B"])
def test_symbols_are_text_and_keep_their_case(symbol):
    assert _read(_text(f"20200102|{symbol}|1|0|2|Q")).rows["symbol"].to_list() == [symbol]


def test_line_ends_and_row_order_do_not_make_a_new_vintage():
    crlf, lf = _read(_text(*ROWS)), _read("\ufeff" + _text(*reversed(ROWS), end="\n"))
    assert crlf.content_hash == lf.content_hash
    assert_frame_equal(crlf.rows, lf.rows)


def test_another_number_or_another_family_makes_a_new_vintage():
    original = _read(_text(*ROWS)).content_hash
    assert _read(_text(*ROWS[:2], ROWS[2].replace("7", "8"))).content_hash != original
    assert _read(_text(*ROWS), name="FNYXshvol20200102.txt").content_hash != original


def test_columns_are_found_by_name():
    text = "Symbol|Extra|Date|TotalVolume|ShortExemptVolume|ShortVolume\nA|x|20200102|3|1|2\n1\n"
    assert _read(text).rows.select("symbol", *VOLUMES).rows() == [("A", 2.0, 1.0, 3.0)]


def test_a_facility_without_trades_publishes_no_rows():
    reading = _read(_text(), name="FNRAshvol20200102.txt")
    assert (reading.rows.height, reading.physical_rows, reading.expected_rows) == (0, 0, 0)
    assert reading.rows.schema == _read(_text(*ROWS)).rows.schema


def test_exact_duplicates_are_stored_once_and_the_trailer_counts_physical_rows():
    reading = _read(_text(*ROWS, ROWS[0]))
    assert (reading.rows.height, reading.physical_rows, reading.expected_rows, reading.duplicate_rows) == (3, 4, 4, 1)


@pytest.mark.parametrize(
    ("name", "family"),
    [(f"{family}shvol20200102.txt", family) for family in ("CNMS", "FNSQ", "FNQC", "FNYX", "FNRA", "FORF")]
    + [("fnyxshvol20200102.txt", "FNYX"), ("short.txt", "CNMS")],
)
def test_the_family_is_read_off_the_name(name, family):
    assert _read(_text(*ROWS), name=name).rows["source"].unique().to_list() == [family]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["20200102|A|1|0|2"], ("line 2", "5 fields", "6 fields separated by '|'")),
        ([ROWS[0], "20200102|A|1|0|2|Q|x"], ("line 3", "7 fields")),
        (["20200199|A|1|0|2|Q"], ("line 2, column Date", "'20200199'")),
    ],
)
def test_a_fault_of_form_is_refused_with_its_place(rows, words, refuses):
    refuses(lambda: _read(_text(*rows)), NAME, *words)


@pytest.mark.parametrize(
    ("row", "symbol", "words"),
    [
        ("20200102|A|x|0|2|Q", "A", ("line 5, column ShortVolume", "'x'", "a number")),
        ("20200102|A|-1|0|2|Q", "A", ("line 5, column ShortVolume", "'-1'", "from 0 to")),
        ("20200102|A|1|nan|2|Q", "A", ("line 5, column ShortExemptVolume", "'nan'")),
        ("20200102|A|1|0|1e400|Q", "A", ("line 5, column TotalVolume", "'1e400'")),
        ("20200102|A|1|0||Q", "A", ("line 5, column TotalVolume", "nothing", "a value")),
        ("20200102||1|0|2|Q", "(no symbol)", ("line 5, column Symbol", "nothing")),
        ("20200102|A B|1|0|2|Q", "A B", ("line 5, column Symbol", "'A B'")),
        ('20200102|A"B|1|0|2|Q', 'A"B', ("line 5, column Symbol", "quote")),
        ("20200199|A|1|0|2|Q", "A", ("line 5, column Date", "'20200199'")),
        ("20200103|A|1|0|2|Q", "A", ("line 5, column Date", "'20200103'", "2020-01-02")),
        ("20200102|AAPL|100|1|301|Q", "AAPL", ("line 5, column Symbol", "'AAPL'", "one row per (Symbol)")),
    ],
)
def test_a_fault_in_the_rows_of_one_symbol_costs_that_symbol(row, symbol, words, leaves_out):
    reading = _read(_text(*ROWS, row))
    leaves_out(reading, symbol, NAME, *words)
    assert set(reading.rows["symbol"]) == {line.split("|")[1] for line in ROWS} - {symbol}
    assert (reading.physical_rows, reading.expected_rows) == (4, 4)


def _many(faulty: int, of: int) -> str:
    rows = [f"20200102|S{number}|{'x' if number < faulty else 1}|0|2|Q" for number in range(of)]
    return _text(*rows)


@pytest.mark.parametrize(("faulty", "of"), [(5, 10), (6, 1200)])
def test_few_odd_symbols_are_left_out(faulty, of):
    reading = _read(_many(faulty, of))
    assert (len(reading.left_out), reading.rows.height) == (faulty, of - faulty)


@pytest.mark.parametrize(("faulty", "of"), [(6, 10), (6, 1199)])
def test_many_odd_symbols_with_more_than_half_a_percent_of_the_rows_refuse_the_file(faulty, of, refuses):
    refuses(lambda: _read(_many(faulty, of)), NAME, "line 2, column ShortVolume", "6 symbols have a fault")


def test_half_of_the_rows_of_another_day_are_faults_and_more_are_another_days_file(leaves_out):
    foreign = ["20200103|A|1|0|2|Q", "20200103|B|1|0|2|Q"]
    assert [one.symbol for one in _read(_text(*ROWS[:2], *foreign)).left_out] == ["A", "B"]
    with pytest.raises(AnotherDay, match=r"line 3, column Date: found '20200103'"):
        _read(_text(ROWS[0], *foreign))


@pytest.mark.parametrize("trailer", ['"3"', "3|||||", '"3"|||||', '"3"|""|""|""|""|""'])
def test_a_file_saved_again_with_quotes_reads_like_the_published_one(trailer):
    quoted = ["|".join(f'"{field}"' for field in line.split("|")) for line in (HEADER, *ROWS)]
    assert _read("\r\n".join([*quoted, trailer])).rows.drop("content_hash").equals(_read(_text(*ROWS)).rows.drop("content_hash"))


def test_a_trailer_that_disagrees_is_refused(refuses):
    refuses(lambda: _read(_text(*ROWS, trailer=4)), NAME, "line 5 (row count)", "found 4", "3, the number of rows above it")


@pytest.mark.parametrize(
    "text", ["\r\n".join([HEADER, *ROWS]), "\r\n".join([HEADER, *ROWS[:2], ROWS[2][:9]]), HEADER, HEADER + "\r\n"]
)
def test_a_file_without_a_trailer_is_refused(text, refuses):
    refuses(lambda: _read(text), NAME, "(the last)", "the number of rows above it, alone")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>Forbidden</body></html>\n",
        "Date|Symbol|TotalVolume\n0\n",
        HEADER.replace("|", ",") + "\n0\n",
        b"\x00\x01\x02\xff\n",
    ],
)
def test_what_is_no_short_file_is_refused_at_its_header(text, refuses):
    refuses(lambda: _read(text), NAME, "line 1")


def test_a_file_of_another_day_says_so():
    with pytest.raises(AnotherDay, match=r"line 2, column Date: found '20200102'; allowed: 2020-01-03"):
        _read(_text(*ROWS), day=dt.date(2020, 1, 3))


def test_a_file_without_rows_is_of_the_day_that_its_name_spells():
    with pytest.raises(AnotherDay, match="found 2020-01-02; allowed: 2020-01-03"):
        _read(_text(), day=dt.date(2020, 1, 3))


def test_query_api_rows_are_summed_over_facilities():
    rows = [_api_row(), _api_row(reportingFacilityCode="NYTRF", marketCode="N", totalParQuantity=9.5), _api_row()]
    reading = _read(json.dumps(rows), name="regsho_20200102.json")
    assert reading.rows.drop("content_hash").rows() == [("AAPL", DAY, 20.0, 2.0, 50.0, "N,Q", "API", "regsho_20200102.json")]
    assert (reading.physical_rows, reading.expected_rows, reading.duplicate_rows) == (3, None, 1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([_api_row(tradeReportDate="2020-01-03")], ("row 1, column tradeReportDate", "'2020-01-03'", "2020-01-02")),
        ([{"a": 1}], ("rows", "columns a", "tradeReportDate")),
    ],
)
def test_wrong_query_api_rows_are_refused_with_their_place(rows, words, refuses):
    refuses(lambda: _read(json.dumps(rows), name="regsho.json"), "regsho.json", *words)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (_api_row(totalParQuantity=1), ("row 3, column securitiesInformation", "'AAPL'", "reportingFacilityCode")),
        (_api_row(shortParQuantity="x"), ("row 3, column shortParQuantity", "'x'")),
        (_api_row(tradeReportDate="2020-01-03"), ("row 3, column tradeReportDate", "'2020-01-03'", "2020-01-02")),
    ],
)
def test_a_wrong_query_api_row_costs_every_facility_of_its_symbol(row, words, leaves_out):
    other = _api_row(securitiesInformationProcessorSymbolIdentifier="B")
    reading = _read(json.dumps([_api_row(), other, row]), name="regsho.json")
    leaves_out(reading, "AAPL", "regsho.json", *words)
    assert reading.rows["symbol"].to_list() == ["B"]


def _family(name: str, *rows: str) -> Reading:
    return _read(_text(*rows), name=f"{name}shvol20200102.txt")


def test_a_symbol_that_one_file_of_the_day_leaves_out_is_in_none_of_them():
    odd = _family("FNYX", "20200102|A|80|0|-100|N", "20200102|B|1|0|2|N")
    others = [_family("FNSQ", "20200102|A|10|0|100|Q", "20200102|B|1|0|2|Q"), _family("FORF", "20200102|C|1|0|2|O")]
    readings = without_odd_symbols_of_any([odd, *others])
    assert [reading.rows["symbol"].to_list() for reading in readings] == [["B"], ["B"], ["C"]]
    assert {len(reading.left_out) for reading in readings} == {1}
    assert readings[1].content_hash != others[0].content_hash
    assert set(readings[1].rows["content_hash"]) == {readings[1].content_hash}
    assert readings[2].content_hash == others[1].content_hash


@pytest.mark.parametrize("text", ["[]", "", " \n"])
def test_a_saved_answer_without_rows_is_not_published_yet(text):
    with pytest.raises(NotPublishedYet, match=r"regsho\.json: an answer without rows"):
        _read(text, name="regsho.json")


def test_a_directory_gives_every_family_of_the_day(write, tmp_path):
    names = ["CNMSshvol20200102.txt", "2020/01/FNYXshvol20200102.txt.gz", "regsho_20200102.json", "CNMSshvol20200103.txt"]
    for name in (*names, "README.txt"):
        write(name, _text())
    found = [path.name for path in short_files_of(tmp_path, day=DAY)]
    assert found == ["CNMSshvol20200102.txt", "FNYXshvol20200102.txt.gz", "regsho_20200102.json"]


def test_two_files_of_one_family_are_refused_by_both_names(write, tmp_path):
    write(NAME, _text())
    write("2020/01/20200102.txt", _text())
    with pytest.raises(AmbiguousSource, match=r"FINRA_SHORT_SALE_DIR.*CNMS of 2020-01-02.*20200102\.txt.*CNMSshvol20200102\.txt"):
        short_files_of(tmp_path, day=DAY)


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(MissingSource, match="FINRA_SHORT_SALE_DIR"):
        short_files_of(tmp_path / "absent", day=DAY)


def test_a_compressed_file_reads_like_the_plain_one(write):
    assert read_short_file(write(NAME + ".gz", _text(*ROWS)), day=DAY).content_hash == _read(_text(*ROWS)).content_hash


@pytest.mark.parametrize("day", [dt.date(2020, 1, 2), dt.date(2020, 1, 3)])
def test_the_real_consolidated_file_is_the_sum_of_the_real_facilities(day, real_samples):
    read = {
        family: read_short_file(real_samples / "finra_short" / f"{family}shvol{day:%Y%m%d}.txt", day=day)
        for family in ("CNMS", "FNSQ", "FNQC", "FNYX", "FNRA", "FORF")
    }
    assert all(reading.physical_rows == reading.expected_rows == reading.rows.height for reading in read.values())
    facilities = pl.concat(read[family].rows for family in ("FNSQ", "FNQC", "FNYX", "FNRA"))
    summed = facilities.group_by("symbol").agg(pl.col(*VOLUMES).sum()).sort("symbol")
    assert_frame_equal(summed, read["CNMS"].rows.select("symbol", *VOLUMES))


def test_a_real_file_belongs_to_its_day_only(real_samples):
    with pytest.raises(AnotherDay):
        read_short_file(real_samples / "finra_short" / NAME, day=dt.date(2020, 1, 3))


def test_real_fractional_rows_are_read_once_they_have_their_trailer(real_samples):
    excerpt = (real_samples / "finra_short" / "CNMS_20260504_excerpt_8rows.psv").read_text().splitlines()
    day = dt.date(2026, 5, 4)
    reading = _read("\r\n".join([*excerpt, "8"]), name="CNMSshvol20260504.txt", day=day)
    assert reading.rows.height == 8
    assert reading.rows.filter(symbol="AA")["total_volume"].to_list() == [1852775.004909]
    with pytest.raises(MalformedSource, match=r"line 9 \(the last\)"):
        _read("\r\n".join(excerpt), day=day)


def test_real_query_api_rows_are_summed(real_samples):
    path = real_samples / "finra_short" / "regshoDaily_api_AAPL_2026-01-06.json"
    rows = read_short_file(path, day=dt.date(2026, 1, 6)).rows
    summed = rows.select("symbol", *VOLUMES, "market", "source").row(0)
    assert summed == ("AAPL", 69397 + 4891733 + 198716, 20 + 85087 + 250, 154130 + 17699980 + 588753, "B,N,Q", "API")
