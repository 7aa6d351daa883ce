"""One page of /v3/trades and /v3/quotes: what is read, what is refused, and that a saved answer reads the same."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets import tables
from darkpool_assets.market_calendar import session_window
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AnotherDay, BrokenContent, MalformedSource
from darkpool_assets.sources.polygon.quotes import QUOTE_SCHEMA
from darkpool_assets.sources.polygon.tick_pages import read_quotes_page, read_trades_page
from darkpool_assets.sources.polygon.trades import read_trades_file

DAY = dt.date(2024, 5, 1)
WINDOW = session_window(DAY, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
OPEN = 1714570200_000000000  # 09:30 New York
CLOSE = OPEN + int(6.75 * 3600) * 10**9  # 16:15, the last instant of the window
NEXT = "https://api.polygon.io/v3/trades/SPY?cursor=abc"
NAME = "Polygon /v3/trades/SPY"


def trade(**changes: object) -> dict:
    row = {
        "conditions": [12, 37], "correction": 0, "exchange": 4, "id": "7", "participant_timestamp": OPEN, "price": 500.25,
        "sequence_number": 1, "sip_timestamp": OPEN + 1, "size": 100, "tape": 2, "trf_id": 201, "trf_timestamp": OPEN,
    }  # fmt: skip
    return {key: value for key, value in (row | changes).items() if value is not ...}


def quote(**changes: object) -> dict:
    row = {
        "ask_exchange": 15, "ask_price": 500.3, "ask_size": 3, "bid_exchange": 19, "bid_price": 500.2, "bid_size": 4,
        "participant_timestamp": OPEN, "sequence_number": 1, "sip_timestamp": OPEN + 1, "tape": 3,
    }  # fmt: skip
    return {key: value for key, value in (row | changes).items() if value is not ...}


def body(*rows: object, **changes: object) -> bytes:
    page = {"results": list(rows), "status": "OK", "request_id": "1", "next_url": NEXT} | changes
    return json.dumps({key: value for key, value in page.items() if value is not ...}).encode()


def trades(data: bytes, symbol: str = "SPY"):
    return read_trades_page(Content(NAME, data), symbol=symbol, day=DAY, window=WINDOW)


def quotes(data: bytes):
    return read_quotes_page(Content(NAME, data), symbol="SPY", day=DAY)


def refusal(read, data: bytes, kind: type[MalformedSource] = MalformedSource) -> str:
    with pytest.raises(MalformedSource) as caught:
        read(data)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(NAME)
    return str(caught.value)


def test_a_trade_becomes_a_row_of_the_table():
    page = trades(body(trade(sip_timestamp=OPEN + 123456789)))
    assert page.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    assert page.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN + 123456789]
    assert page.rows.drop("timestamp").row(0, named=True) == {
        "symbol": "SPY", "trade_date": DAY, "price": 500.25, "size": 100.0, "bid": None, "ask": None, "exchange": 4,
        "trf_id": 201, "id": "7", "conditions": "12,37", "correction": 0, "sequence_number": 1, "bar_open": None,
        "data_source": "TRADES",
    }  # fmt: skip


def test_a_quote_becomes_a_row_of_the_quotes():
    page = quotes(body(quote()))
    assert page.rows.schema == QUOTE_SCHEMA
    assert page.rows.drop("timestamp").rows() == [("SPY", 500.2, 500.3, 1)]
    assert page.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN + 1]


def test_the_symbol_is_spelled_as_polygon_spells_it():
    assert trades(body(trade()), symbol="BRK/B").rows["symbol"].to_list() == ["BRK.B"]


def test_optional_keys_may_be_absent_from_some_rows_or_all():
    bare = trade(conditions=..., correction=..., trf_id=..., trf_timestamp=..., id=..., participant_timestamp=...)
    row = trades(body(bare)).rows.row(0, named=True)
    assert (row["conditions"], row["correction"], row["trf_id"], row["id"]) == (None, None, None, None)
    assert trades(body(bare, trade())).rows["trf_id"].to_list() == [None, 201]


@pytest.mark.parametrize(
    ("written", "stored"), [([12], "12"), ([], None), (None, None), ("12,37", "12,37"), ("[12, 37]", "12,37")]
)
def test_conditions_become_a_comma_list(written, stored):
    assert trades(body(trade(conditions=written))).rows["conditions"].to_list() == [stored]


@pytest.mark.parametrize("value", [0, -1, None, "", "nan", "inf"])
@pytest.mark.parametrize("name", ["price", "size"])
def test_a_trade_without_a_usable_price_or_size_is_dropped_and_counted(name, value):
    page = trades(body(trade(), trade(**{name: value})))
    assert (page.rows.height, page.dropped_rows, page.physical_rows) == (1, 1, 2)


def test_both_ends_of_the_window_are_inside_and_the_rest_is_counted():
    page = trades(body(*(trade(sip_timestamp=time) for time in (OPEN - 1, OPEN, CLOSE, CLOSE + 1))))
    assert page.rows["timestamp"].cast(pl.Int64).to_list() == [OPEN, CLOSE]
    assert (page.off_session_rows, page.dropped_rows, page.physical_rows) == (2, 0, 4)


def test_rows_keep_the_order_of_the_page():
    page = trades(body(trade(sequence_number=9, id="b"), trade(sequence_number=1, id="a")))
    assert page.rows["id"].to_list() == ["b", "a"]


def test_the_participants_time_stands_in_for_a_missing_sip_time():
    assert trades(body(trade(sip_timestamp=...))).rows["timestamp"].cast(pl.Int64).to_list() == [OPEN]


@pytest.mark.parametrize(
    ("bid", "ask", "stored"),
    [(500.3, 500.2, (500.3, 500.2)), (500, 500, (500.0, 500.0)), (..., 500, (0.0, 500.0)), (0, None, (0.0, 0.0)),
     (-1, 1e300, (0.0, 0.0))],
)  # fmt: skip
def test_an_invalid_quote_is_kept_because_it_is_the_last_one(bid, ask, stored):
    assert quotes(body(quote(), quote(bid_price=bid, ask_price=ask))).rows.select("bid", "ask").row(1) == stored


@pytest.mark.parametrize("read", [trades, quotes])
@pytest.mark.parametrize("rows", [[], None, ...])
def test_a_page_may_have_no_row(read, rows):
    page = read(body(results=rows, next_url=...))
    assert (page.rows.height, page.physical_rows, page.next_url) == (0, 0, None)


def test_an_empty_page_has_the_columns_of_a_full_one():
    assert trades(body()).rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    assert quotes(body()).rows.schema == QUOTE_SCHEMA


@pytest.mark.parametrize(("read", "row"), [(trades, trade), (quotes, quote)])
def test_a_repeated_page_has_no_row_and_counts_what_came(read, row):
    page = read(body(row(), row())).repeated()
    assert (page.rows.height, page.physical_rows, page.repeated_rows, page.next_url) == (0, 2, 2, NEXT)


def test_every_row_of_a_repeated_page_counts_as_repeated_alone():
    page = trades(body(trade(), trade(size=-1), trade(sip_timestamp=OPEN + 8 * 3_600 * 10**9))).repeated()
    assert (page.physical_rows, page.repeated_rows, page.dropped_rows, page.off_session_rows) == (3, 3, 0, 0)


@pytest.mark.parametrize(("found", "told"), [(NEXT, NEXT), (..., None), (None, None), ("", None)])
def test_next_url_is_told_or_none(found, told):
    assert trades(body(trade(), next_url=found)).next_url == told
    assert quotes(body(quote(), next_url=found)).next_url == told


@pytest.mark.parametrize("status", ["OK", "DELAYED"])
def test_a_delayed_page_is_a_page(status):
    assert trades(body(trade(), status=status)).physical_rows == 1


@pytest.mark.parametrize("status", ["ERROR", "NOT_AUTHORIZED", "", None, ..., 1])
def test_any_other_status_is_refused(status):
    assert "status: found" in refusal(trades, body(trade(), status=status))


@pytest.mark.parametrize("read", [trades, quotes])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>busy</html>",
        body(trade())[:-40],
        body(trade()) + b"{}",
        b"\xff\xfe",
        b'{"status":"\xff"}',
        b"{'status':'OK'}",
    ],
)
def test_what_is_not_json_is_broken_and_may_be_asked_for_again(read, data):
    assert "allowed: a whole JSON object" in refusal(read, data, BrokenContent)


@pytest.mark.parametrize("read", [trades, quotes])
@pytest.mark.parametrize(
    "data",
    [b"[]", b"[" + body() + b"]", b"null", b"5", b'"OK"', body(results={}), body(results="x"), body(1), body([]), body("x"),
     body(trade(sip_timestamp=[OPEN])), body(quote(sip_timestamp={"a": 1})), b'{"status":' + b"[" * 5000 + b"]" * 5000 + b"}"],
)  # fmt: skip
def test_json_of_another_shape_is_refused_and_not_asked_for_again(read, data):
    assert "allowed: an object whose results are rows" in refusal(read, data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
@pytest.mark.parametrize("name", ["price", "tape"])
def test_numbers_that_are_not_finite_are_refused(number, name):
    data = body(trade(), trade(**{name: "here"})).replace(b'"here"', number.encode())
    assert f"found {number}; allowed: finite numbers" in refusal(trades, data)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price": 1e10}, ("column price", "'10000000000'", "up to 1,000,000,000")),
        ({"size": 1e13}, ("column size", "a number up to")),
        ({"price": True}, ("column price", "'true'", "a number")),
        ({"price": "abc"}, ("column price", "'abc'", "a number")),
        ({"exchange": -1}, ("column exchange", "'-1'", "a whole number from 0")),
        ({"exchange": 4.5}, ("column exchange", "'4.5'", "a whole number")),
        ({"correction": 2**31}, ("column correction", "a whole number from 0 to 2147483647")),
        ({"trf_id": 10**30}, ("column trf_id", "a whole number")),
        ({"sip_timestamp": OPEN + 0.5e9 + 2**63}, ("column sip_timestamp", "whole nanoseconds")),
        ({"sip_timestamp": 1.5}, ("column sip_timestamp", "'1.5'")),
        ({"sip_timestamp": ..., "participant_timestamp": ...}, ("column sip_timestamp", "found nothing", "a value")),
        ({"conditions": [12, None]}, ("column conditions", "'null'", "condition ids")),
        ({"conditions": [1.5]}, ("column conditions", "condition ids")),
        ({"conditions": ["x"]}, ("column conditions", "'x'", "condition ids")),
        ({"id": "a\0b"}, ("column id", "without control characters")),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(changes, words):
    message = refusal(trades, body(trade(), trade(**changes)))
    for word in ("row 2, ", *words):
        assert word in message


def test_a_row_that_is_null_is_refused():
    assert "row 2, column sip_timestamp: found nothing" in refusal(trades, body(trade(), None))


@pytest.mark.parametrize("missing", ["price", "size"])
def test_trades_none_of_which_has_a_price_or_a_size_are_of_another_shape(missing):
    message = refusal(trades, body(trade(**{missing: ...}), trade(**{missing: ...})))
    assert f"no row with {missing}" in message


def test_quotes_none_of_which_has_a_side_are_of_another_shape():
    assert "no row with bid_price or ask_price" in refusal(quotes, body(quote(bid_price=..., ask_price=...)))
    assert quotes(body(quote(bid_price=...))).physical_rows == 1


@pytest.mark.parametrize(("read", "row"), [(trades, trade), (quotes, quote)])
@pytest.mark.parametrize("time", [OPEN + 86_400 * 10**9, OPEN - 86_400 * 10**9, 0, 17145702, 1714570200000])
def test_a_row_of_another_day_is_refused(read, row, time):
    message = refusal(read, body(row(), row(sip_timestamp=time)), AnotherDay)
    assert f"row 2, column sip_timestamp: found '{time}'; allowed: nanoseconds of 2024-05-01" in message


@pytest.mark.parametrize(("read", "row"), [(trades, trade), (quotes, quote)])
def test_rows_that_go_back_in_time_are_refused(read, row):
    message = refusal(read, body(row(sip_timestamp=OPEN + 5), row(sip_timestamp=OPEN + 4)))
    assert "row 2, column sip_timestamp" in message
    assert "the order of time" in message


def test_a_page_larger_than_any_page_is_refused():
    assert "size: found more than" in refusal(trades, b" " * ((64 << 20) + 1))


numbers = st.one_of(st.integers(-2, 10**10), st.floats(-1, 1e8, allow_nan=False), st.just(0.1 + 0.2), st.none(), st.just(...))
small = st.one_of(st.integers(0, 300), st.none(), st.just(...))
trade_rows = st.builds(
    trade, price=numbers.filter(lambda value: not isinstance(value, int) or value <= 10**9), size=numbers, exchange=small,
    trf_id=small, correction=small, id=st.one_of(st.integers(0, 10**17), st.from_regex(r"[ -~]{0,20}", fullmatch=True)),
    conditions=st.one_of(st.lists(st.integers(0, 99), max_size=4), st.none(), st.just(...)),
    sequence_number=st.one_of(st.integers(0, 5), st.just(...)), sip_timestamp=st.integers(OPEN - 2, OPEN + 4),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(trade_rows, max_size=8))
def test_a_page_reads_like_the_same_answer_saved_to_a_file(rows: list[dict], tmp_path_factory: pytest.TempPathFactory):
    ordered = [trade(), *sorted(rows, key=lambda row: row["sip_timestamp"])]
    ordered.sort(key=lambda row: row["sip_timestamp"])
    path = tmp_path_factory.mktemp("answer") / "trades.json"
    path.write_bytes(body(*ordered, next_url=...))
    page, file = trades(body(*ordered)), read_trades_file(path, day=DAY, window=WINDOW, symbols=["SPY"])
    in_order = page.rows.sort("symbol", "timestamp", "sequence_number", maintain_order=True)
    trimmed = in_order.with_columns(pl.col("id").str.strip_chars().replace("", None))
    assert_frame_equal(trimmed.drop("data_source"), file.rows.drop("data_source"), check_exact=True)
    counts = (page.physical_rows, page.dropped_rows, page.off_session_rows)
    assert counts == (file.physical_rows, file.dropped_rows, file.off_session_rows)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_page_is_read_or_refused_by_name(data: st.DataObject):
    whole = bytearray(body(trade(), trade(id="8")))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        told = f"{NAME}: {trades(bytes(whole)).physical_rows} rows"
    except MalformedSource as error:
        told = str(error)
    assert told.startswith(NAME)


def test_a_real_page_of_trades_is_read(real_samples: Path):
    path = real_samples / "polygon" / "v3_trades_AAPL_limit_2.json"
    day = dt.date(2022, 4, 28)
    window = session_window(day, rth_start=dt.time(9, 30), rth_end=dt.time(20, 0))
    page = read_trades_page(Content.of_file(path), symbol="AAPL", day=day, window=window)
    assert page.rows.select("price", "size", "conditions").rows() == [(156.43, 10.0, "12,37"), (157.43, 10.0, "12,37")]


def test_a_real_page_of_quotes_in_descending_order_is_refused(real_samples: Path):
    path = real_samples / "polygon" / "v3_quotes_AAPL.json"
    with pytest.raises(MalformedSource, match="the order of time"):
        read_quotes_page(Content.of_file(path), symbol="AAPL", day=dt.date(2022, 5, 10))
