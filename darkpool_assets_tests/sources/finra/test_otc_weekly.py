"""FINRA's weekly OTC summary rows."""

import csv
import datetime as dt
import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import MissingSource, NotPublishedYet
from darkpool_assets.sources.finra.otc_weekly import OtcFields, otc_files_in, otc_hash, read_otc_content, read_otc_rows
from darkpool_assets.sources.json_records import JsonRows
from darkpool_assets.sources.reading import Reading

WEEK = dt.date(2026, 1, 5)
TODAY = dt.date(2026, 11, 30)
NO_FIELDS = OtcFields()


def _row(**other: object) -> dict[str, object]:
    row: dict[str, object] = {
        "weekStartDate": "2026-01-05", "issueSymbolIdentifier": "AAPL", "issueName": "Apple Inc.", "tierIdentifier": "T1",
        "tierDescription": "NMS Tier 1", "summaryTypeCode": "ATS_W_SMBL", "productTypeCode": "UTP",
        "totalWeeklyShareQuantity": 15052890, "totalWeeklyTradeCount": 126566, "initialPublishedDate": "2026-01-26",
        "lastUpdateDate": "2026-02-02", "lastReportedDate": "2026-01-09", "totalNotionalSum": 1,
    }  # fmt: skip
    return {**row, **other}


def _without(*columns: str, **other: object) -> dict[str, object]:
    return {key: value for key, value in _row(**other).items() if key not in columns}


def _read(*rows: dict[str, object], fields: OtcFields = NO_FIELDS):
    return read_otc_content(Content("otc.json", json.dumps(rows).encode()), fields=fields, today=TODAY)


def _read_file(path: Path) -> Reading:
    return read_otc_content(Content.of_file(path), fields=NO_FIELDS, today=TODAY)


def _delimited(*rows: dict[str, object], delimiter: str) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def test_a_query_api_row_becomes_a_row_of_the_table():
    rows = _read(_row()).rows
    assert rows.drop("content_hash").row(0, named=True) == {
        "symbol": "AAPL", "week_start_date": WEEK, "off_exchange_volume": 15052890.0, "trade_count": 126566.0,
        "tier_identifier": "T1", "tier_description": "NMS Tier 1", "summary_type_code": "ATS_W_SMBL", "product_type_code": "UTP",
        "issue_name": "Apple Inc.", "market_participant_name": None, "mpid": None, "firm_crd_number": None,
        "initial_published_date": dt.date(2026, 1, 26),
        "last_update_date": dt.date(2026, 2, 2), "last_reported_date": dt.date(2026, 1, 9), "source_file": "otc.json",
    }  # fmt: skip
    stamped = rows.with_columns(ingested_at=pl.lit("2026-02-02T00:00:00").str.to_datetime())
    assert tables.FINRA_OTC_WEEKLY_RAW.conform(stamped).columns == tables.FINRA_OTC_WEEKLY_RAW.column_names


@pytest.mark.parametrize(
    ("name", "delimiter"), [("w.csv", ","), ("w.txt", "|"), ("w.psv", "|"), ("w.csv.gz", ","), ("w.json", ""), ("w.json.gz", "")]
)
def test_csv_pipe_and_json_say_the_same(name, delimiter, write):
    rows = [_row(), _row(summaryTypeCode="OTC_W_SMBL", totalWeeklyShareQuantity=7.5)]
    path = write(name, _delimited(*rows, delimiter=delimiter) if delimiter else json.dumps(rows))
    assert _read_file(path).rows.drop("source_file").equals(_read(*rows).rows.drop("source_file"))


def test_our_own_column_names_are_known():
    stored = _read(_row()).rows
    again = read_otc_content(Content("own.csv", stored.write_csv().encode()), fields=NO_FIELDS, today=TODAY)
    assert again.rows.drop("source_file").equals(stored.drop("source_file"))


def test_column_names_can_be_overridden():
    row = _without("weekStartDate", "issueSymbolIdentifier", "totalWeeklyShareQuantity", "totalWeeklyTradeCount")
    mine = {**row, "week": "2026-01-05T00:00:00", "ticker": "MSFT", "shares": 3, "trades": 2}
    rows = _read(mine, fields=OtcFields("week", "ticker", "shares", "trades")).rows
    assert rows.select("symbol", "week_start_date", "off_exchange_volume", "trade_count").row(0) == ("MSFT", WEEK, 3.0, 2.0)


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        (OtcFields(date="nope"), "FINRA_DATE_FIELD=nope"), (OtcFields(symbol="nope"), "FINRA_SYMBOL_FIELD=nope"),
        (OtcFields(volume="nope"), "FINRA_VOLUME_FIELD=nope"), (OtcFields(trade_count="nope"), "FINRA_TRADE_COUNT_FIELD=nope"),
    ],
)  # fmt: skip
def test_an_override_that_names_no_column_is_refused_by_its_setting(fields, setting, refuses):
    refuses(lambda: _read(_row(), fields=fields), "otc.json", setting, "issueSymbolIdentifier")


@pytest.mark.parametrize(
    ("description", "tier"),
    [("NMS Tier 1", "T1"), ("NMS Tier 2", "T2"), ("OTCE", "OTCE"), ("OTC Equity", "OTCE"), ("Other", None), (None, None)],
)
def test_an_absent_tier_is_read_off_its_description(description, tier):
    assert _read(_without("tierIdentifier", tierDescription=description)).rows["tier_identifier"].to_list() == [tier]


def test_a_blank_tier_is_read_off_its_description_and_a_given_one_is_kept():
    rows = [_row(tierIdentifier="", tierDescription="NMS Tier 2"), _row(issueSymbolIdentifier="B", tierIdentifier="OTCE")]
    assert _read(*rows).rows["tier_identifier"].to_list() == ["T2", "OTCE"]


@pytest.mark.parametrize(
    "dropped",
    [
        _row(tierIdentifier="NA"),
        _row(tierIdentifier="NMS"),
        _row(issueSymbolIdentifier=None),
        _without("issueSymbolIdentifier", totalWeeklyShareQuantity=None),
    ],
)
def test_rows_of_no_published_tier_and_rows_without_a_symbol_are_dropped_and_counted(dropped):
    reading = _read(_row(), dropped)
    assert (reading.rows.height, reading.physical_rows, reading.dropped_rows, reading.duplicate_rows) == (1, 2, 1, 0)


def test_firm_rows_of_a_symbol_are_stored():
    firm = _row(summaryTypeCode="ATS_W_SMBL_FIRM", MPID="UBSA", marketParticipantName="UBS ATS", totalWeeklyShareQuantity=1)
    rows = _read(_row(), firm).rows
    stored = rows.filter(mpid="UBSA").select("summary_type_code", "market_participant_name")
    assert stored.rows() == [("ATS_W_SMBL_FIRM", "UBS ATS")]


def test_rows_that_differ_in_product_type_or_issue_name_are_different_rows():
    assert _read(_row(), _row(productTypeCode="CTS"), _row(issueName="Old Apple")).rows.height == 3


def test_exact_duplicates_are_stored_once_and_counted():
    reading = _read(_row(), _row(), _row(totalNotionalSum=2))
    assert (reading.rows.height, reading.duplicate_rows, reading.physical_rows) == (1, 2, 3)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (_row(weekStartDate="2026-01-06"), ("row 3, column weekStartDate", "'2026-01-06'", "a Monday")),
        (_row(weekStartDate=None), ("row 3, column weekStartDate", "nothing")),
        (_row(weekStartDate="05.01.2026"), ("row 3, column weekStartDate", "'05.01.2026'", "a date")),
        (_row(totalWeeklyShareQuantity=-1), ("row 3, column totalWeeklyShareQuantity", "'-1'")),
        (_row(totalWeeklyShareQuantity=None), ("row 3, column totalWeeklyShareQuantity", "nothing")),
        (_row(totalWeeklyShareQuantity="many"), ("row 3, column totalWeeklyShareQuantity", "'many'")),
        (_row(totalWeeklyTradeCount="1e999"), ("row 3, column totalWeeklyTradeCount", "'1e999'")),
        (_row(summaryTypeCode=""), ("row 3, column summaryTypeCode", "nothing")),
        (_row(lastUpdateDate="soon"), ("row 3, column lastUpdateDate", "'soon'")),
        (_row(totalWeeklyShareQuantity=5), ("row 3, column issueSymbolIdentifier", "'AAPL'", "one row per")),
        (_row(initialPublishedDate="2026-01-10"), ("row 3, column initialPublishedDate", "'2026-01-10'", "the end of its week")),
        (_row(initialPublishedDate="2028-01-12"), ("row 3, column initialPublishedDate", "'2028-01-12'", "two years")),
    ],
)
def test_a_fault_in_a_summed_row_costs_the_symbols_week(row, words, leaves_out):
    reading = _read(_row(), _row(issueSymbolIdentifier="B"), row)
    assert leaves_out(reading, "AAPL", "otc.json", *words).is_whole
    assert reading.rows["symbol"].to_list() == ["B"]


def test_another_week_of_an_odd_symbol_is_stored():
    reading = _read(_row(), _row(weekStartDate="2026-01-12", totalWeeklyShareQuantity=-1))
    assert reading.rows["week_start_date"].to_list() == [WEEK]
    assert [(one.symbol, one.week) for one in reading.left_out] == [("AAPL", dt.date(2026, 1, 12))]


def test_a_week_that_cannot_be_read_costs_every_week_of_its_symbol():
    reading = _read(_row(), _row(weekStartDate="2026-01-12"), _row(weekStartDate="soon"), _row(issueSymbolIdentifier="B"))
    assert reading.rows["symbol"].to_list() == ["B"]
    assert [(one.symbol, one.week) for one in reading.left_out] == [("AAPL", None)]


@pytest.mark.parametrize("published", ["2026-01-11", "2028-01-11", None])
def test_a_publication_from_the_end_of_the_week_to_two_years_after_it_counts(published):
    assert _read(_row(initialPublishedDate=published)).left_out == ()


@pytest.mark.parametrize("week", ["2026-03-02", "2026-02-23", "2027-01-04", "9999-12-27"])
def test_a_week_that_has_not_ended_is_a_fault(week, leaves_out):
    row = _row(weekStartDate=week, initialPublishedDate=None)
    reading = read_otc_content(Content("otc.json", json.dumps([row]).encode()), fields=NO_FIELDS, today=dt.date(2026, 3, 1))
    leaves_out(reading, "AAPL", "row 1, column weekStartDate", "a week that has ended by 2026-03-01")


def test_a_week_has_ended_on_the_monday_after_it():
    row = _row(weekStartDate="2026-02-23", initialPublishedDate=None)
    content = Content("otc.json", json.dumps([row]).encode())
    assert read_otc_content(content, fields=NO_FIELDS, today=dt.date(2026, 3, 2)).left_out == ()


def _firm(crd: object, shares: object, **other: object) -> dict[str, object]:
    firm = {"summaryTypeCode": "OTC_W_SMBL_FIRM", "marketParticipantName": "EXAMPLE LLC", "firmCRDNumber": crd}
    return _row(**firm, totalWeeklyShareQuantity=shares, **other)


def test_firms_of_one_name_are_told_apart_by_their_crd_number():
    reading = _read(_row(), _firm(1, 600), _firm(2, 400))
    assert (reading.left_out, set(reading.rows["firm_crd_number"])) == ((), {None, "1", "2"})


@pytest.mark.parametrize("firms", [(_firm(1, 600), _firm(1, 400)), (_firm(None, 600), _firm(None, 400)), (_firm(1, -1),)])
def test_rows_that_are_never_summed_cannot_cost_those_that_are(firms):
    reading = _read(_row(), _firm(9, 7), *firms)
    assert reading.rows.select("summary_type_code", "firm_crd_number").rows() == [("ATS_W_SMBL", None), ("OTC_W_SMBL_FIRM", "9")]
    assert {(one.symbol, one.week, one.is_whole) for one in reading.left_out} == {("AAPL", WEEK, False)}


@pytest.mark.parametrize("firm", [{"firmCRDNumber": 0}, {"MPID": "N/A"}, {"marketParticipantName": "-"}])
def test_what_stands_in_the_firm_columns_of_a_summed_row_makes_no_second_row(firm):
    reading = _read(_row(), _row(**firm))
    assert (reading.rows["off_exchange_volume"].to_list(), reading.duplicate_rows) == ([15052890.0], 1)
    assert _read(_row(), _row(totalWeeklyShareQuantity=1, **firm)).rows.is_empty()


def test_a_row_of_another_week_than_was_asked_for_costs_its_symbol_that_week():
    given = [_row(), _row(issueSymbolIdentifier="B", weekStartDate="2025-12-29")]
    rows = JsonRows("weeklySummary", [{name: str(value) for name, value in row.items()} for row in given], {})
    reading = read_otc_rows(rows, week=WEEK, fields=NO_FIELDS, today=TODAY)
    assert reading.rows["symbol"].to_list() == ["AAPL"]
    assert [(one.symbol, one.week) for one in reading.left_out] == [("B", dt.date(2025, 12, 29))]


def test_many_odd_firm_rows_do_not_refuse_the_file():
    firms = [_firm(None, -1, issueSymbolIdentifier=f"S{number}") for number in range(20)]
    assert _read(_row(), *firms).rows["symbol"].to_list() == ["AAPL"]


def test_a_row_without_a_crd_number_has_the_content_hash_that_it_had_before_the_column_was_read():
    assert _read(_row()).rows["content_hash"].item() == "691dfafd26a3a9f577f6911aab5ca4e1b4a41824003f10d7800acb97bd4a8e87"


@pytest.mark.parametrize("text", ["[]", "", "\n"])
def test_a_saved_answer_without_rows_is_not_published_yet(text):
    with pytest.raises(NotPublishedYet, match=r"otc\.json: an answer without rows"):
        read_otc_content(Content("otc.json", text.encode()), fields=NO_FIELDS, today=TODAY)


def test_a_file_without_summary_types_says_how_to_add_them(refuses):
    refuses(lambda: _read(_without("summaryTypeCode")), "otc.json", "columns", "summaryTypeCode", "ATS_W_SMBL or OTC_W_SMBL")


def test_a_header_without_rows_is_refused(refuses):
    header = _delimited(_row(), delimiter=",").splitlines()[0]
    refuses(
        lambda: read_otc_content(Content("otc.csv", header.encode()), fields=NO_FIELDS, today=TODAY),
        "otc.csv",
        "line 2",
        "nothing below",
    )


@pytest.mark.parametrize("text", ["<!DOCTYPE html>\n<html></html>", "", "\x00\x01|\x02\n", "summaryTypeCode\n1\n"])
def test_what_is_no_weekly_file_is_refused_at_its_columns(text, refuses):
    refuses(lambda: read_otc_content(Content("otc.csv", text.encode()), fields=NO_FIELDS, today=TODAY), "otc.csv")


def test_a_cut_compressed_file_is_refused(write, refuses):
    rows = [_row(issueSymbolIdentifier=f"A{number}") for number in range(500)]
    path = write("otc.csv", gzip.compress(_delimited(*rows, delimiter=",").encode())[:-40])
    refuses(lambda: _read_file(path), "otc.csv", "compressed content")


def _hashes(*rows: dict[str, object]) -> dict[tuple[object, ...], str]:
    stored = _read(*rows).rows
    return {(row["symbol"], row["week_start_date"]): row["content_hash"] for row in stored.iter_rows(named=True)}


def test_all_rows_of_a_symbols_week_are_one_vintage():
    rows = [_row(), _row(summaryTypeCode="OTC_W_SMBL"), _row(issueSymbolIdentifier="B"), _row(weekStartDate="2026-01-12")]
    stored = _read(*rows).rows
    vintages = stored.select("symbol", "week_start_date", "content_hash").unique()
    assert (stored.height, vintages.height, vintages["content_hash"].n_unique()) == (4, 3, 3)


def test_a_restated_row_changes_only_its_own_symbols_week():
    first = [_row(), _row(summaryTypeCode="OTC_W_SMBL"), _row(issueSymbolIdentifier="B")]
    before, after = _hashes(*first), _hashes(_row(totalWeeklyShareQuantity=1), *first[1:])
    assert before["AAPL", WEEK] != after["AAPL", WEEK]
    assert before["B", WEEK] == after["B", WEEK]


def test_row_order_repetition_and_unknown_columns_do_not_make_a_new_vintage():
    rows = [_row(), _row(summaryTypeCode="OTC_W_SMBL")]
    assert _hashes(*rows) == _hashes(*reversed(rows), _row(totalNotionalSum=5))


def test_every_weekly_file_of_a_directory_is_listed(write, tmp_path):
    for name in ("b.csv", "2026/01/a.json.gz", "c.psv", "d.txt", "SAMPLE_DATA.txt", "README.txt", "e.parquet"):
        write(name, "x")
    assert [path.name for path in otc_files_in(tmp_path)] == ["a.json.gz", "b.csv", "c.psv", "d.txt"]


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(MissingSource, match="FINRA_OTC_DIR"):
        otc_files_in(tmp_path / "absent")


def test_a_recorded_answer_is_read_whole_once_its_filters_are_columns(real_samples, write):
    recorded = json.loads((real_samples / "finra_otc" / "weeklySummary_AAPL_recorded.json").read_text())[0]
    filters = {part["fieldName"]: part["fieldValue"] for part in recorded["json"]["compareFilters"]}
    rows = [row | filters for row in json.loads(recorded["text"])]
    reading = _read_file(write("weekly.json", json.dumps(rows)))
    assert reading.rows.height == reading.physical_rows == int(recorded["headers"]["record-total"])
    assert reading.rows["tier_identifier"].unique().to_list() == ["T1"]
    restated = reading.rows.filter(pl.col("last_update_date") > pl.col("initial_published_date"))
    assert restated.height == sum(row["lastUpdateDate"] > row["initialPublishedDate"] for row in rows) > 0
    assert reading.rows["off_exchange_volume"].sum() == sum(row["totalWeeklyShareQuantity"] for row in rows)


def test_a_recorded_answer_without_its_filters_is_refused(real_samples, write, refuses):
    recorded = json.loads((real_samples / "finra_otc" / "weeklySummary_AAPL_recorded.json").read_text())[0]
    refuses(lambda: _read_file(write("weekly.json", recorded["text"])), "weekly.json", "summaryTypeCode")


def test_a_file_has_another_hash_under_another_column_name():
    content = Content("otc.json", b"[]")
    hashes = {otc_hash(content, fields=fields) for fields in (NO_FIELDS, OtcFields(volume="shares"), OtcFields(symbol="shares"))}
    assert len(hashes) == 3
    assert content.digest() in hashes
