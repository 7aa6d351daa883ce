"""Quotes files: flat files, own files, saved REST answers."""

import datetime as dt
import json

import polars as pl
import pytest

from darkpool_assets.sources.errors import AnotherDay
from darkpool_assets.sources.polygon.quotes import QUOTE_SCHEMA, read_quotes_file

HEADER = (
    "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,participant_timestamp,"
    "sequence_number,sip_timestamp,tape,trf_timestamp"
)
OPEN = 1714570200_000000000  # 2024-05-01 09:30 New York
MIDNIGHT = OPEN - int(9.5 * 3600) * 10**9
CLOSE = OPEN + int(6.75 * 3600) * 10**9


def _line(bid="500.2", ask="500.3", sip: object = OPEN, sequence=1, ticker="SPY") -> str:
    return f'{ticker},11,{ask},1,12,{bid},1,"1,2",,{OPEN},{sequence},{sip},1,'


@pytest.fixture
def read(write, day, window):
    """Read lines as a quotes flat file of `day` for the ticker SPY."""

    def _read(*lines: str, symbols=("SPY",), **other):
        path = write("quotes.csv.gz", "\n".join([HEADER, *lines]))
        return read_quotes_file(path, **{"day": day, "window": window, "symbols": symbols} | other)

    return _read


def test_quotes_are_sorted_by_symbol_time_and_sequence_number(read):
    lines = [_line(sip=OPEN + 1), _line(sequence=2, bid="3"), _line(sequence=1, bid="4"), _line(ticker="BRK.B")]
    reading = read(*lines, symbols=("SPY", "BRK/B"))
    assert reading.rows.schema == QUOTE_SCHEMA
    assert reading.rows.select("symbol", "bid").rows() == [("BRK.B", 500.2), ("SPY", 4.0), ("SPY", 3.0), ("SPY", 500.2)]


def test_quotes_lead_in_from_midnight_and_end_with_the_window(read):
    reading = read(*(_line(sip=time) for time in (MIDNIGHT - 1, MIDNIGHT, OPEN, CLOSE, CLOSE + 1)))
    assert reading.rows["timestamp"].cast(pl.Int64).to_list() == [MIDNIGHT, OPEN, CLOSE]
    assert (reading.physical_rows, reading.off_session_rows) == (5, 2)


@pytest.mark.parametrize(
    ("bid", "ask", "stored"),
    [("500.3", "500.2", (500.3, 500.2)), ("500", "500", (500.0, 500.0)), ("", "500", (0.0, 500.0)), ("0", "", (0.0, 0.0)),
     ("nan", "inf", (0.0, 0.0)), ("-1", "1e400", (0.0, 0.0))],
)  # fmt: skip
def test_an_invalid_quote_is_kept_because_it_is_the_last_one(bid, ask, stored, read):
    assert read(_line(bid, ask)).rows.select("bid", "ask").rows() == [stored]


def test_an_own_file_needs_four_columns(write, day, window):
    path = write("quotes.csv", "symbol,timestamp,bid,ask\nSPY,2024-05-01T13:30:00Z,1,2\n")
    rows = read_quotes_file(path, day=day, window=window, symbols=["SPY"]).rows
    assert rows.select("bid", "ask", "sequence_number").rows() == [(1.0, 2.0, None)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (_line(bid="abc"), ("line 3, column bid_price", "'abc'", "a number")),
        (_line(sip="x"), ("line 3, column sip_timestamp", "'x'")),
        ("SPY,1", ("line 3", "2 fields", "14 fields")),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(line, words, read, refuses):
    refuses(lambda: read(_line(), line), "quotes.csv.gz", *words)


def test_a_file_without_a_row_of_the_day_is_of_another_day(read):
    with pytest.raises(AnotherDay, match=r"quotes\.csv\.gz: line 2.*rows of 2024-05-03"):
        read(_line(), day=dt.date(2024, 5, 3))


def test_a_day_without_a_configured_ticker_is_an_empty_reading(read):
    assert read(_line(ticker="DIA")).rows.equals(pl.DataFrame(schema=QUOTE_SCHEMA))


def test_a_header_alone_is_refused(read, refuses):
    refuses(read, "quotes.csv.gz", "line 2", "nothing below the header")


def test_a_saved_real_answer_is_read_once_it_is_whole(real_samples, write, refuses):
    source = real_samples / "polygon" / "v3_quotes_AAPL.json"
    day = dt.date(2022, 5, 10)
    window = (dt.datetime(2022, 5, 10, 13, 30, tzinfo=dt.UTC), dt.datetime(2022, 5, 10, 20, 15, tzinfo=dt.UTC))
    refuses(lambda: read_quotes_file(source, day=day, window=window, symbols=["AAPL"]), source.name, "next_url")
    whole = {key: value for key, value in json.loads(source.read_text()).items() if key != "next_url"}
    rows = read_quotes_file(write("whole.json", json.dumps(whole)), day=day, window=window, symbols=["AAPL"]).rows
    assert rows.height == len(whole["results"]) == 10
    assert rows["timestamp"].is_sorted()
    assert rows["ask"].unique().to_list() == [155.87]
