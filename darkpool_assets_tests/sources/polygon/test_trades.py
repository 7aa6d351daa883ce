"""Trades files: flat files, own files, saved REST answers."""

import datetime as dt
import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpool_assets import tables
from darkpool_assets.sources.errors import AnotherDay
from darkpool_assets.sources.polygon.trades import read_trades_file, with_condition_lists
from darkpool_assets.sources.records import Records
from darkpool_assets.vocabulary import TradeSource

HEADER = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,"
    "tape,trf_id,trf_timestamp"
)
OPEN = 1714570200_000000000  # 2024-05-01 09:30 New York
CLOSE = OPEN + int(6.75 * 3600) * 10**9  # 16:15, the last instant of the window
ANSWERS = Path(__file__).parents[2] / "answers"


def _line(
    ticker: str = "SPY", conditions: str = '"12,37"', correction: object = 0, exchange: object = 11, trade_id: str = "1",
    participant: object = OPEN, price: str = "500.25", sequence: object = 1, sip: object = OPEN, size: str = "100", trf: str = "",
) -> str:  # fmt: skip
    return f"{ticker},{conditions},{correction},{exchange},{trade_id},{participant},{price},{sequence},{sip},{size},1,{trf},"


def _flat(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


@pytest.fixture
def read(write, day, window):
    """Read text as a trades file of `day` for the ticker SPY."""

    def _read(text: str | bytes, name="trades.csv", symbols=("SPY",), **other):
        return read_trades_file(write(name, text), **{"day": day, "window": window, "symbols": symbols} | other)

    return _read


def test_a_flat_file_row_becomes_a_row_of_the_table(read, day):
    reading = read(_flat(_line(sip=OPEN + 123456789, trf="201", exchange=4)), data_source=TradeSource.FLAT_FILE)
    assert reading.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    assert reading.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN + 123456789]
    assert reading.rows.drop("timestamp").row(0, named=True) == {
        "symbol": "SPY", "trade_date": day, "price": 500.25, "size": 100.0, "bid": None, "ask": None, "exchange": 4,
        "trf_id": 201, "id": "1", "conditions": "12,37", "correction": 0, "sequence_number": 1, "bar_open": None,
        "data_source": "FLAT_FILE",
    }  # fmt: skip


def test_a_file_of_ones_own_is_marked_so(read):
    assert read(_flat(_line())).rows["data_source"].to_list() == ["FILE"]


def test_only_the_configured_tickers_are_read_in_their_file_spelling(read):
    text = _flat(_line("BRK.B"), _line("SPY"), _line("SPYX"), _line('"QQQ"'))
    reading = read(text, symbols=("BRK/B", "QQQ"))
    assert (reading.rows["symbol"].to_list(), reading.physical_rows) == (["BRK.B", "QQQ"], 2)


def test_both_ends_of_the_window_are_inside(read):
    times = [OPEN - 1, OPEN, CLOSE, CLOSE + 1]
    reading = read(_flat(*(_line(trade_id=str(number), sip=time) for number, time in enumerate(times))))
    assert reading.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN, CLOSE]
    assert reading.off_session_rows == 2


@pytest.mark.parametrize("field", ["price", "size"])
@pytest.mark.parametrize("value", ["", "0", "-1", "nan", "inf", "1e400"])
def test_a_row_without_a_usable_price_or_size_is_dropped_and_counted(field, value, read):
    reading = read(_flat(_line(), _line(trade_id="2", **{field: value})))
    assert (reading.rows.height, reading.dropped_rows, reading.physical_rows) == (1, 1, 2)


def test_rows_are_sorted_by_symbol_time_and_sequence_number(read):
    lines = [_line(sip=OPEN + 1, trade_id="a"), _line(sequence=2, trade_id="b"), _line(trade_id="c"), _line("DIA")]
    rows = read(_flat(*lines), symbols=("SPY", "DIA")).rows
    assert rows["id"].to_list() == ["1", "c", "b", "a"]


def test_every_physical_row_is_accounted_for(read):
    text = _flat(_line(), _line(), _line(trade_id="2", price="0"), _line(trade_id="3", sip=OPEN - 5), _line("DIA"))
    reading = read(text)
    parts = (reading.rows.height, reading.dropped_rows, reading.off_session_rows)
    assert (parts, reading.physical_rows) == ((2, 1, 1), 4)


def test_the_participants_time_stands_in_for_a_missing_sip_time(read):
    assert read(_flat(_line(sip="", participant=OPEN + 7))).rows["timestamp"].cast(pl.Int64).to_list() == [OPEN + 7]


@pytest.mark.parametrize(
    "time",
    [
        str(OPEN + 500_000_000),
        "2024-05-01T13:30:00.5Z",
        "2024-05-01 13:30:00.500000+00:00",
        "2024-05-01T09:30:00.5-04:00",
        "2024-05-01 09:30:00.5-04",
        "2024-05-01T09:30:00.500-0400",
    ],
)
def test_an_own_file_may_be_small_and_write_its_times_as_it_likes(time, read):
    reading = read(f"symbol,timestamp,price,size,bid,ask\nSPY,{time},500.25,1.5,500.2,500.3\n")
    row = reading.rows.row(0, named=True)
    assert reading.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN + 500_000_000]
    assert (row["size"], row["bid"], row["ask"]) == (1.5, 500.2, 500.3)
    assert (row["exchange"], row["trf_id"], row["id"], row["sequence_number"]) == (None, None, None, None)


@pytest.mark.parametrize("time", ["2024-05-01 09:30:00", "2024-05-01T13:30:00.5", "2024-05-01", "05/01/2024 09:30"])
def test_a_time_without_an_offset_is_refused_by_line(time, read, refuses):
    text = f"symbol,timestamp,price,size\nSPY,2024-05-01T13:30:00Z,500,1\nSPY,{time},500,1\n"
    refuses(lambda: read(text), "trades.csv", "line 3, column timestamp", repr(time), "seconds and its offset from UTC")


def test_exported_trades_can_be_read_again(read):
    stored = read(_flat(_line(sip=OPEN + 123456789))).rows
    exported = stored.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC")).write_csv()
    assert read(exported, name="own.csv").rows["timestamp"].to_list() == stored["timestamp"].to_list()


OWN = "symbol,timestamp,price,"


@pytest.mark.parametrize(
    ("columns", "fields", "size"),
    [
        ("size,decimal_size", "3,3.9", 3.9),
        ("decimal_size,size", "0.75,0", 0.75),
        ("decimal_size", "2.5", 2.5),
        ("size,decimal_size", "7,", 7.0),
        ("size,decimal_size", "many,1.5", 1.5),
    ],
)
def test_decimal_size_is_the_size_where_it_is_present(columns, fields, size, read):
    assert read(f"{OWN}{columns}\nSPY,{OPEN},500,{fields}\n").rows["size"].to_list() == [size]


def test_a_wrong_decimal_size_is_refused_under_its_name(read, refuses):
    refuses(lambda: read(f"{OWN}size,decimal_size\nSPY,{OPEN},500,1,x\n"), "line 2, column decimal_size or size", "'x'")


def test_an_endless_line_is_refused_by_its_number(read, refuses):
    refuses(lambda: read(_flat(_line(), "SPY" * 700_000)), "trades.csv", "line 3", "more than 1,048,576 bytes")


def test_whole_numbers_may_be_written_as_data_frames_write_them(read):
    row = read(_flat(_line(exchange="11.0", correction="", trf="0.0"))).rows.row(0, named=True)
    assert (row["exchange"], row["correction"], row["trf_id"]) == (11, None, 0)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ('"[12, 37]"', "12,37"),
        ('"12, 37"', "12,37"),
        ("12", "12"),
        ("", None),
        ("[]", None),
        ("[ ]", None),
        ("[8 15]", "8,15"),
        ("[ 8 15]", "8,15"),
        ("[1  5 ]", "1,5"),
        ("8 15", "8,15"),
        ('"8 , 15"', "8,15"),
        ("[14]", "14"),
    ],
)
def test_conditions_become_a_comma_list(written, stored, read):
    assert read(_flat(_line(conditions=written))).rows["conditions"].to_list() == [stored]


@pytest.mark.parametrize(
    "written",
    ["12;37", "12|37", "12/37", "[12 37", "12 37]", "['12' '37']", '"12,,37"', '"12,"', "12.0", "[1 ... 9]", "(12 37)", "-8"],
)
def test_conditions_written_in_another_way_are_refused_by_line(written, read, refuses):
    words = ("trades.csv", "line 3, column conditions", "condition ids separated by commas or blanks")
    refuses(lambda: read(_flat(_line(), _line(conditions=written, trade_id="2"))), *words)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=5), st.sampled_from([",", ", ", " ", "  ", " , "]), st.booleans())
def test_however_a_list_of_conditions_is_separated_no_two_ids_are_glued(ids, separator, bracketed):
    text = separator.join(map(str, ids))
    written = f"[{text}]" if bracketed else text
    records = Records("t", "line", {"conditions": "conditions"}, pl.DataFrame({"at": [2], "conditions": [written]}))
    rows = pl.DataFrame({"at": [2], "conditions": [written]}, schema_overrides={"at": pl.Int64})
    assert with_condition_lists(records, rows)["conditions"].to_list() == [",".join(map(str, ids))]


def test_a_side_that_is_no_price_is_an_invalid_quote(read):
    text = f"symbol,timestamp,price,size,bid,ask\nSPY,{OPEN},5,1,inf,-3\nSPY,{OPEN + 1},5,1,,nan\n"
    assert read(text).rows.select("bid", "ask").rows() == [(0.0, 0.0), (None, 0.0)]


def test_rows_of_other_days_are_off_session(read):
    reading = read(_flat(_line(), _line(trade_id="2", sip=OPEN + 86_400 * 10**9)))
    assert (reading.rows.height, reading.off_session_rows) == (1, 1)


def test_a_file_without_a_row_of_the_day_is_of_another_day(read):
    with pytest.raises(AnotherDay, match=r"trades\.csv: line 2: found 2024-05-01 13:30 UTC .*; allowed: rows of 2024-05-02"):
        read(_flat(_line()), day=dt.date(2024, 5, 2))


def test_times_in_milliseconds_are_dates_of_another_day(read, refuses):
    refuses(lambda: read(_flat(_line(sip=OPEN // 10**6))), "trades.csv", "line 2", "1970-01-01", "nanoseconds since 1970")


def test_a_day_without_a_configured_ticker_is_an_empty_reading(read):
    reading = read(_flat(_line("DIA")))
    assert (reading.rows.height, reading.physical_rows) == (0, 0)
    assert reading.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (_line(price="abc"), ("line 3, column price", "'abc'", "a number")),
        (_line(size="1,5"), ("line 3", "14 fields", "13 fields separated by ','")),
        (_line(sip="soon"), ("line 3, column sip_timestamp", "'soon'", "nanoseconds")),
        (_line(sip="", participant=""), ("line 3, column sip_timestamp", "nothing", "a value")),
        (_line(exchange="NYSE"), ("line 3, column exchange", "'NYSE'", "a whole number")),
        (_line(exchange=2**31), ("line 3, column exchange", "'2147483648'", "from 0 to")),
        (_line(correction=-1), ("line 3, column correction", "'-1'")),
        (_line(sequence="1.5"), ("line 3, column sequence_number", "'1.5'")),
        (_line(conditions="F T"), ("line 3, column conditions", "'F T'", "12,37")),
        (_line(price="1e12"), ("line 3, column price", "'1e12'", "up to 1,000,000,000")),
        (_line(size="1e13"), ("line 3, column size", "'1e13'", "up to")),
        (_line(trade_id="a\x00b"), ("line 3, column id", "control characters")),
        (_line()[:60], ("fields", "13 fields")),
        (_line()[:1], ("last line", "1 fields")),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(line, words, read, refuses):
    refuses(lambda: read(_flat(_line(), line)), "trades.csv", *words)


def test_missing_columns_are_named_with_those_found(read, refuses):
    refuses(lambda: read("ticker,price\nSPY,1\n"), "trades.csv", "line 1", "columns ticker, price", "sip_timestamp", "size")


@pytest.mark.parametrize("text", ["", "<html>\n</html>\n", b"\xff\xfe\x00\n", HEADER])
def test_what_holds_no_trades_is_refused(text, read, refuses):
    refuses(lambda: read(text), "trades.csv")


@pytest.mark.parametrize("cut", [-200, -8, -1])
def test_a_cut_flat_file_is_refused(cut, read, refuses):
    packed = gzip.compress(_flat(*(_line(trade_id=str(number), sip=OPEN + number) for number in range(5000))).encode())
    refuses(lambda: read(packed[:cut]), "trades.csv", "compressed content")


def test_compression_and_byte_order_mark_do_not_matter(read):
    plain, packed = read(_flat(_line())), read("\ufeff" + _flat(_line()), name="trades.csv.gz")
    assert plain.rows.equals(packed.rows)


def _answer(*rows: dict[str, object], **body: object) -> str:
    return json.dumps({"status": "OK", "results": rows, **body})


def _json_row(**other: object) -> dict[str, object]:
    return {"sip_timestamp": OPEN + 1, "price": 500.25, "size": 10, "exchange": 11, "id": "7", "conditions": [12, 37], **other}


def test_a_saved_answer_of_the_only_configured_ticker_is_its(read):
    row = read(_answer(_json_row()), name="trades.json").rows.row(0, named=True)
    assert (row["symbol"], row["price"], row["conditions"], row["trf_id"]) == ("SPY", 500.25, "12,37", None)


def test_a_saved_answer_without_a_ticker_is_refused_when_several_are_configured(read, refuses):
    refuses(lambda: read(_answer(_json_row()), name="trades.json", symbols=("SPY", "DIA")), "trades.json", "rows", "2 configured")


@pytest.mark.parametrize("key", ["ticker", "symbol", "T"])
def test_a_saved_list_may_name_its_tickers(key, read):
    text = json.dumps([_json_row(**{key: "SPY"}), _json_row(**{key: "DIA"}), _json_row(**{key: "IWM"})])
    reading = read(text, name="trades.json.gz", symbols=("SPY", "DIA"))
    assert (reading.rows["symbol"].to_list(), reading.physical_rows) == (["DIA", "SPY"], 2)


def test_a_wrong_value_of_a_saved_answer_is_refused_by_row(read, refuses):
    text = _answer(_json_row(), _json_row(price="much"))
    refuses(lambda: read(text, name="trades.json"), "trades.json", "row 2, column price", "'much'")


def test_one_page_of_several_is_refused(read, refuses):
    refuses(lambda: read(_answer(_json_row(), next_url="https://example.org"), name="t.json"), "t.json", "next_url", "all pages")


def test_other_tickers_or_another_window_are_other_content(read, window):
    text = _flat(_line())
    first = read(text).content_hash
    assert read(text).content_hash == first
    assert read(text, symbols=("SPY", "DIA")).content_hash != first
    assert read(text, window=(window[0], window[0])).content_hash != first


def test_a_saved_real_answer_is_read(real_samples):
    day = dt.date(2022, 4, 28)
    evening = (dt.datetime(2022, 4, 28, 21, tzinfo=dt.UTC), dt.datetime(2022, 4, 28, 22, tzinfo=dt.UTC))
    path = real_samples / "polygon" / "v3_trades_AAPL_limit_2.json"
    reading = read_trades_file(path, day=day, window=evening, symbols=["AAPL"])
    assert reading.rows["timestamp"].cast(pl.Int64).to_list() == [1651181822461979400] * 2
    prints = reading.rows.select("price", "exchange", "conditions", "trf_id").rows()
    assert prints == [(156.43, 11, "12,37", 3), (157.43, 12, "12,37", 3)]
