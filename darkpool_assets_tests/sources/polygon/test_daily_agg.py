"""Daily aggregates: flat files, saved REST answers, own tables."""

import datetime as dt
import json
from typing import Any

import pytest

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AnotherDay, BrokenContent, IncompleteSource, NotPublishedYet
from darkpool_assets.sources.polygon.daily_agg import read_daily_agg_file, read_grouped_daily
from darkpool_assets.vocabulary import TradeSource

FLAT_HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
START = 1714536000_000000000  # 2024-05-01 00:00 New York
DAY_NS = 86_400 * 10**9
OWN_HEADER = "symbol,trade_date,open,high,low,close,vwap,volume,transactions,split_factor"


def _flat_line(ticker="SPY", volume="1000.5", close="501", start: object = START) -> str:
    return f"{ticker},{volume},500,{close},502,499,{start},42"


def _own_line(symbol="SPY", date="2024-05-01", close="501", vwap="500.5", split="") -> str:
    return f"{symbol},{date},500,502,499,{close},{vwap},1000,42,{split}"


def _bar(**other: object) -> dict[str, object]:
    return {"o": 500, "h": 502, "l": 499, "c": 501, "v": 1000.5, "vw": 500.5, "n": 42, "t": START // 10**6, **other}


def _answer(*bars: dict[str, object], **body: object) -> str:
    return json.dumps({"adjusted": False, "resultsCount": len(bars), "results": bars, **body})


@pytest.fixture
def read(write, day):
    """Read text as an aggregates file of `day`."""

    def _read(text: str, name="aggs.csv", **other):
        return read_daily_agg_file(write(name, text), **{"day": day} | other)

    return _read


def test_a_flat_file_row_becomes_a_row_of_the_table(read, day):
    reading = read(f"{FLAT_HEADER}\n{_flat_line()}\n", data_source=TradeSource.FLAT_FILE)
    assert reading.rows.schema == tables.POLYGON_DAILY_AGG_RAW.schema
    assert reading.rows.row(0, named=True) == {
        "symbol": "SPY", "trade_date": day, "open": 500.0, "high": 502.0, "low": 499.0, "close": 501.0, "vwap": None,
        "volume": 1000.5, "transactions": 42.0, "split_factor": None, "data_source": "FLAT_FILE",
    }  # fmt: skip


def test_a_flat_file_is_of_one_day(read, leaves_out):
    others = [_flat_line(name, start=START + DAY_NS) for name in ("DIA", "QQQ")]
    reading = read("\n".join([FLAT_HEADER, _flat_line(), others[0]]))
    leaves_out(reading, "DIA", "aggs.csv", "line 3, column window_start", "an instant of 2024-05-01 in every row")
    with pytest.raises(AnotherDay, match="line 3, column window_start"):
        read("\n".join([FLAT_HEADER, _flat_line(), *others]))


def test_a_flat_file_of_another_day_says_so(read):
    with pytest.raises(AnotherDay, match=r"line 2, column window_start: found 2024-04-30 .*; allowed: 2024-05-01"):
        read(f"{FLAT_HEADER}\n{_flat_line(start=START - 1)}\n")


def test_an_answer_for_the_whole_market_is_of_the_day_that_was_asked_for(read, day):
    reading = read(_answer(_bar(T="SPY", t=0), _bar(T="ABRpD", t=0)), name="grouped.json")
    assert reading.rows.select("symbol", "trade_date", "vwap").rows() == [("ABRpD", day, 500.5), ("SPY", day, 500.5)]


def test_an_answer_whose_name_spells_another_day_is_refused(read):
    with pytest.raises(AnotherDay, match=r"name: found 2024-05-02; allowed: 2024-05-01"):
        read(_answer(_bar(T="SPY")), name="2024-05-02.json")


def test_an_undated_answer_can_be_refused(read):
    with pytest.raises(AnotherDay, match="found no date"):
        read(_answer(_bar(T="SPY")), name="grouped.json", accept_undated=False)
    assert read(_answer(_bar(T="SPY")), name="2024-05-01.json", accept_undated=False).rows.height == 1


def test_an_answer_for_one_tickers_range_gives_the_row_of_the_day(read):
    text = _answer(_bar(), _bar(t=START // 10**6 + 86_400_000, c=1), ticker="SPY")
    reading = read(text, name="range.json")
    assert reading.rows.select("symbol", "close").rows() == [("SPY", 501.0)]
    assert (reading.physical_rows, reading.off_session_rows) == (2, 1)


def test_a_range_without_the_day_is_of_another_day(read):
    with pytest.raises(AnotherDay, match=r"row 1, column t: found 2024-05-02"):
        read(_answer(_bar(t=START // 10**6 + 86_400_000), ticker="SPY"), name="range.json")


@pytest.mark.parametrize(("body", "found"), [({"adjusted": True}, "adjusted true"), ({"adjusted": None}, "no adjusted")])
def test_adjusted_prices_are_refused(body, found, read, refuses):
    words = ("g.json", "body", found, "fetch it again with adjusted=false")
    refuses(lambda: read(_answer(_bar(T="SPY"), **body), name="g.json"), *words)


def test_an_answer_with_fewer_rows_than_it_announces_is_refused(read, refuses):
    words = ("g.json", "resultsCount", "'2'", "1, the number of rows")
    refuses(lambda: read(_answer(_bar(T="SPY"), resultsCount=2), name="g.json"), *words)


def test_a_table_of_ones_own_may_hold_several_days(read, day):
    reading = read("\n".join([OWN_HEADER, _own_line(date="2024-04-30"), _own_line(split="2"), _own_line("DIA")]))
    assert reading.rows.select("symbol", "trade_date", "vwap", "split_factor").rows() == [
        ("DIA", day, 500.5, None),
        ("SPY", day, 500.5, 2.0),
    ]
    assert (reading.physical_rows, reading.off_session_rows) == (3, 1)


def test_a_table_of_ones_own_without_the_day_is_not_published_yet(read):
    with pytest.raises(NotPublishedYet, match=r"aggs\.csv: no row of 2024-05-01"):
        read(f"{OWN_HEADER}\n{_own_line(date='2024-04-30')}\n")


def test_our_own_rows_can_be_read_again(read):
    first = read(f"{FLAT_HEADER}\n{_flat_line()}\n").rows
    assert read(first.write_csv(), name="own.csv").rows.equals(first)
    rows = [{**row, "trade_date": str(row["trade_date"])} for row in first.iter_rows(named=True)]
    assert read(json.dumps(rows), name="own.json").rows.equals(first)


def test_exact_duplicates_are_stored_once_and_counted(read):
    reading = read("\n".join([FLAT_HEADER, _flat_line(), _flat_line()]))
    assert (reading.rows.height, reading.duplicate_rows) == (1, 1)


def test_prices_may_be_absent(read):
    assert read("\n".join([FLAT_HEADER, _flat_line(close="")])).rows["close"].to_list() == [None]


@pytest.mark.parametrize(
    ("line", "symbol", "words"),
    [
        (_flat_line(close="x"), "SPY", ("line 4, column close", "'x'", "a number")),
        (_flat_line(close="0"), "SPY", ("line 4, column close", "'0'", "above 0")),
        (_flat_line(close="-1"), "SPY", ("line 4, column close", "'-1'")),
        (_flat_line(close="nan"), "SPY", ("line 4, column close", "'nan'")),
        (_flat_line(close="1e400"), "SPY", ("line 4, column close", "'1e400'")),
        (_flat_line(close="502.01"), "SPY", ("line 4, column close", "'502.01'", "from the low to the high")),
        (_flat_line(close="498.99"), "SPY", ("line 4, column close", "from the low to the high")),
        ("SPY,1000,503,501,502,499,1714536000000000000,42", "SPY", ("line 4, column open", "from the low to the high")),
        ("SPY,1000,500,501,499,502,1714536000000000000,42", "SPY", ("line 4, column low", "'502'", "up to the high")),
        (_flat_line(volume="-1"), "SPY", ("line 4, column volume", "'-1'", "from 0 to")),
        (_flat_line(ticker=""), "(no symbol)", ("line 4, column ticker", "nothing", "a value")),
        (_flat_line(ticker='"A	B"'), "A?B", ("line 4, column ticker", "printable")),
        (_flat_line(start=""), "SPY", ("line 4, column window_start", "nothing", "a value")),
        (_flat_line(start="x"), "SPY", ("line 4, column window_start", "'x'")),
        (_flat_line(start=str(START - 86_400 * 10**9)), "SPY", ("line 4, column window_start", "2024-05-01 in every row")),
        (_flat_line(close="500.9"), "SPY", ("line 4, column ticker", "'SPY'", "one row per (ticker)")),
    ],
)
def test_a_fault_in_the_rows_of_one_symbol_costs_that_symbol(line, symbol, words, read, leaves_out):
    reading = read("\n".join([FLAT_HEADER, _flat_line("DIA"), _flat_line(), line]))
    leaves_out(reading, symbol, "aggs.csv", *words)
    assert reading.rows["symbol"].to_list() == sorted({"DIA", "SPY"} - {symbol})


def test_a_line_of_the_wrong_shape_refuses_the_file(read, refuses):
    refuses(lambda: read("\n".join([FLAT_HEADER, _flat_line(), "SPY,1"])), "aggs.csv", "line 3", "2 fields", "8 fields")


@pytest.mark.parametrize("price", ["499", "502"])
def test_a_close_at_the_low_or_the_high_is_a_price(price, read):
    assert read("\n".join([FLAT_HEADER, _flat_line(close=price)])).rows["close"].to_list() == [float(price)]


def test_a_fault_of_another_day_costs_nothing(read):
    reading = read("\n".join([OWN_HEADER, _own_line(), _own_line(date="2024-04-30", close="-1")]))
    assert (reading.left_out, reading.rows.height) == ((), 1)


def test_a_row_without_a_date_costs_its_symbol_whichever_day_it_is_of(read, leaves_out):
    leaves_out(read("\n".join([OWN_HEADER, _own_line("DIA"), _own_line(), _own_line(date="soon")])), "SPY", "'soon'", "a date")


@pytest.mark.parametrize("t", [-1, 10**18, "noon"])
def test_a_time_that_is_no_millisecond_costs_the_ticker(t, read, leaves_out):
    leaves_out(read(_answer(_bar(), _bar(t=t), ticker="SPY"), name="r.json"), "SPY", "r.json", "row 2, column t")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("line 1",)), (FLAT_HEADER, ("line 2", "nothing below")), (OWN_HEADER, ("line 2", "nothing below")),
        ("ticker,close\nA,1\n", ("line 1", "columns ticker, close", "open or o")),
        ("ticker,open,high,low,close,volume\nA,1,1,1,1,1\n", ("columns", "trade_date or window_start")),
        ("<html></html>", ("line 1",)), ("[]", ("body", "no row")),
        ('{"status":"NOT_AUTHORIZED"}', ("body", "NOT_AUTHORIZED")), ('{"adjusted":false}', ("body",)),
        ('{"status":"ERROR","results":[{"T":"A"}]}', ("status", "ERROR")), ("{}", ("body",)),
        ('[{"T":"A","o":1,"h":1,"l":1,"c":1,"v":1,"t":1}]', ("columns", "trade_date or window_start")),
    ],
)  # fmt: skip
def test_what_is_no_aggregates_file_is_refused(text, words, read, refuses):
    refuses(lambda: read(text), "aggs.csv", *words)


def test_the_same_day_of_a_growing_table_is_the_same_content(read):
    before = read(f"{OWN_HEADER}\n{_own_line()}\n").content_hash
    assert read(f"{OWN_HEADER}\n{_own_line()}\n{_own_line(date='2024-05-02')}\n").content_hash == before
    assert read(f"{OWN_HEADER}\n{_own_line(close='501.5')}\n").content_hash != before


def _grouped(text: str, day: dt.date):
    return read_grouped_daily(Content("Polygon grouped", text.encode()), day=day)


def test_a_fresh_answer_is_of_the_day_that_was_asked_for_whatever_it_says(day):
    reading = _grouped(_answer(_bar(T="SPY", t=0), _bar(T="ABRpD", t=10**13), status="OK"), day)
    assert reading.rows.select("symbol", "trade_date", "vwap", "data_source").rows() == [
        ("ABRpD", day, 500.5, "GROUPED_DAILY"),
        ("SPY", day, 500.5, "GROUPED_DAILY"),
    ]
    assert (reading.source, reading.physical_rows, reading.expected_rows, reading.requests) == ("v2/aggs grouped", 2, 2, 1)


def test_a_fresh_answer_and_its_saved_copy_are_the_same_rows(read, day):
    text = _answer(_bar(T="SPY"), _bar(T="DIA"), status="OK")
    saved = read(text, name="grouped.json", data_source=TradeSource.GROUPED_DAILY)
    assert _grouped(text, day).rows.equals(saved.rows)
    assert _grouped(text, day).content_hash == saved.content_hash


@pytest.mark.parametrize("results", [{}, {"results": None}, {"results": []}])
@pytest.mark.parametrize("status", ["OK", "DELAYED"])
def test_an_answer_without_rows_is_not_published_yet_fresh_or_saved(results, status, day, read):
    text = json.dumps({"queryCount": 0, "resultsCount": 0, "adjusted": False, "status": status, **results})
    with pytest.raises(NotPublishedYet, match="2024-05-01"):
        _grouped(text, day)
    with pytest.raises(NotPublishedYet, match="2024-05-01"):
        read(text, name=f"{day}.json")


def test_a_fresh_answer_that_is_no_json_is_broken(day):
    with pytest.raises(BrokenContent, match="Polygon grouped: body: found b'<html>"):
        _grouped("<html>busy</html>", day)


def test_a_fresh_answer_with_fewer_rows_than_it_announces_is_incomplete(day):
    with pytest.raises(IncompleteSource, match="resultsCount"):
        _grouped(_answer(_bar(T="SPY"), status="OK", resultsCount=2), day)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_answer(_bar(T="SPY"), status="OK", adjusted=True), ("adjusted true",)),
        (_answer(_bar(T="SPY"), status="NOT_AUTHORIZED"), ("status", "NOT_AUTHORIZED", "OK or DELAYED")),
        (_answer(_bar(T="SPY")), ("status", "OK or DELAYED")),
        (_answer(_bar(), status="OK", ticker="SPY"), ("rows", "ticker or symbol or T")),
    ],
)
def test_a_fresh_answer_of_the_wrong_form_is_refused(text, words, day, refuses):
    refuses(lambda: _grouped(text, day), "Polygon grouped", *words)


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (_bar(T="SPY", c=-1), ("row 2, column c", "'-1'")),
        (_bar(T="SPY", v=float("nan")), ("row 2, column v", "'NaN'")),
        (_bar(T="SPY", l=503), ("row 2, column l", "up to the high")),
    ],
)
def test_a_fault_of_one_symbol_in_a_fresh_answer_costs_that_symbol(bar, words, day, leaves_out):
    reading = _grouped(_answer(_bar(T="DIA"), bar, status="OK"), day)
    leaves_out(reading, "SPY", "Polygon grouped", *words)
    assert (reading.rows["symbol"].to_list(), reading.physical_rows, reading.expected_rows) == (["DIA"], 2, 2)


def _real(real_samples, name: str) -> dict[str, Any]:
    return json.loads((real_samples / "polygon" / name).read_text())


def test_a_real_adjusted_answer_is_refused(real_samples, refuses):
    path = real_samples / "polygon" / "v2_aggs_grouped_locale_us_market_stocks_2005-04-04_adjusted_true.json"
    refuses(lambda: read_daily_agg_file(path, day=dt.date(2005, 4, 4)), path.name, "adjusted true")


def test_a_real_range_answer_is_read_when_it_is_unadjusted(real_samples, read):
    answer = _real(real_samples, "v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json") | {"adjusted": False}
    rows = read(json.dumps(answer), name="range.json", day=dt.date(2005, 4, 4)).rows
    assert rows.select("symbol", "close", "vwap", "volume").rows() == [("AAPL", 1.4675, 1.4589, 578172308.0)]


def test_a_real_whole_market_answer_is_read_when_it_is_unadjusted(real_samples, read):
    example = _real(real_samples, "examples_extract.json")["/v2/aggs/grouped/locale/us/market/stocks/{date}"]
    rows = read(json.dumps(example["example"] | {"adjusted": False}), name="grouped.json").rows
    assert rows["symbol"].to_list() == ["KIMpL", "TANH", "VSAT"]
