"""One-minute bars: what of an answer becomes rows, and what is refused."""

import datetime as dt
import json
import os

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkpool_assets import tables
from darkpool_assets.market_calendar import session_window
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AnotherDay, BrokenContent, IncompleteSource, SourceError
from darkpool_assets.sources.polygon.daily_agg import read_grouped_daily
from darkpool_assets.sources.polygon.minute_bars import read_minute_bars

DAY = dt.date(2024, 5, 1)
WINDOW = session_window(DAY, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
CASES = 3000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 150
OPENING = 1714570200_000  # 09:30:00 New York, in milliseconds
MINUTE = 60_000


def _bar(minute=0, **other: object) -> dict[str, object]:
    return {"v": 100.5, "vw": 10.05, "o": 10, "c": 10.1, "h": 10.2, "l": 9.9, "t": OPENING + minute * MINUTE, "n": 7, **other}


def _answer(*bars: object, **other: object) -> str:
    whole = {"ticker": "SPY", "adjusted": False, "status": "OK", "queryCount": len(bars), "resultsCount": len(bars)}
    return json.dumps({**whole, "results": bars, **other})


def _read(text: str | bytes, symbol="SPY", window=WINDOW):
    data = text.encode() if isinstance(text, str) else text
    return read_minute_bars(Content("bars", data), symbol=symbol, day=DAY, window=window)


def test_a_bar_becomes_a_row_of_the_trades_table():
    reading = _read(_answer(_bar()))
    assert reading.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    row = {name: value for name, value in reading.rows.row(0, named=True).items() if value is not None}
    assert row == {
        "symbol": "SPY", "trade_date": DAY, "timestamp": WINDOW[0].replace(tzinfo=None), "price": 10.1, "size": 100.5,
        "bar_open": 10.0, "data_source": "MINUTE_BARS",
    }  # fmt: skip


def test_only_bars_that_lie_inside_the_window_count():
    last = 6 * 60 + 45 - 1  # the minute from 16:14 to 16:15
    reading = _read(_answer(*(_bar(minute) for minute in (-1, 0, last, last + 1))))
    assert reading.rows["timestamp"].dt.strftime("%H:%M").to_list() == ["13:30", "20:14"]
    assert (reading.physical_rows, reading.off_session_rows) == (4, 2)


def test_a_bar_that_the_window_cuts_lies_outside():
    cut = (WINDOW[0] + dt.timedelta(seconds=30), WINDOW[0] + dt.timedelta(minutes=2, seconds=30))
    assert _read(_answer(*map(_bar, range(4))), window=cut).rows["timestamp"].dt.strftime("%H:%M").to_list() == ["13:31"]


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(-3, 10)), st.integers(0, 5), st.integers(6, 9))
def test_rows_are_the_bars_of_the_window_in_order_of_time(minutes, first, last):
    window = tuple(WINDOW[0] + dt.timedelta(minutes=minute) for minute in (first, last))
    reading = _read(_answer(*map(_bar, minutes)), window=window)
    starts = (reading.rows["timestamp"].dt.epoch("ms") - OPENING) // MINUTE
    assert starts.to_list() == list(range(first, last))
    assert reading.physical_rows == reading.rows.height + reading.off_session_rows


def test_a_bar_without_volume_is_dropped_and_counted():
    reading = _read(_answer(_bar(0, v=0), _bar(1)))
    assert (reading.rows.height, reading.dropped_rows) == (1, 1)


def test_exact_copies_are_stored_once_and_counted():
    reading = _read(_answer(_bar(), _bar()))
    assert (reading.rows.height, reading.duplicate_rows) == (1, 1)


def test_a_ticker_is_spelled_as_polygon_spells_it():
    assert _read(_answer(_bar(), ticker="BRK.B"), symbol="BRK/B").rows["symbol"].to_list() == ["BRK.B"]


@pytest.mark.parametrize("body", [{"results": []}, {"results": None}, {}])
def test_an_answer_without_bars_is_a_day_without_trades(body):
    reading = _read(json.dumps({"ticker": "SPY", "adjusted": False, "status": "DELAYED", "resultsCount": 0, **body}))
    assert (reading.rows.height, reading.physical_rows) == (0, 0)


def test_bars_of_another_day_are_refused():
    with pytest.raises(AnotherDay, match=r"bars: row 2, column t: .* of 2024-05-01 \(New York\)"):
        _read(_answer(_bar(), _bar(24 * 60)))


@pytest.mark.parametrize("text", ["", "<html>down</html>", _answer(_bar())[:-9], b"\xff\xfe\x00"])
def test_what_is_no_json_is_broken(text):
    with pytest.raises(BrokenContent, match=r"bars: body: .*allowed: JSON"):
        _read(text)


@pytest.mark.parametrize("other", [{"next_url": "https://api.polygon.io/next"}, {"resultsCount": 2}, {"results": []}])
def test_an_answer_that_is_not_whole_is_incomplete(other):
    with pytest.raises(IncompleteSource):
        _read(_answer(_bar(), **other))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_answer(_bar(), adjusted=True), ("adjusted true", "adjusted=false")),
        (_answer(_bar(), adjusted=None), ("no adjusted",)),
        (_answer(_bar(), ticker="QQQ"), ("ticker", "'QQQ'", "SPY")),
        (_answer(_bar(T="SPY"), ticker=None), ("ticker", "None")),
        (_answer(_bar(), status="ERROR", error="no"), ("status", "ERROR", "OK or DELAYED")),
        (_answer(_bar(), status=["OK"]), ("status",)),
        (_answer(_bar(), resultsCount=[]), ("resultsCount",)),
        (_answer(results="rows"), ("results", "a list of objects")),
        (_answer(results={}), ("results", "a list of objects")),
        (_answer([1, 2]), ("results", "a list of objects")),
        ("[]", ("body", "list", "an object")),
        (_answer({"t": OPENING}), ("columns t", "open or o")),
        (_answer(_bar(c={})), ("row 1, column c", "a plain value")),
    ],
)
def test_what_is_no_answer_with_bars_is_refused(text, words, refuses):
    refuses(lambda: _read(text), "bars", *words)


@pytest.mark.parametrize("name", ["o", "c", "h", "l", "vw", "v", "n"])
@pytest.mark.parametrize("value", ["NaN", "1e400", "-1e400", "-1", "1e300", '"x"'])
def test_numbers_that_no_bar_has_are_refused(name, value, refuses):
    text = _answer(_bar(), _bar(1, **{name: "here"})).replace('"here"', value)
    refuses(lambda: _read(text), "bars", f"row 2, column {name}")


@pytest.mark.parametrize("name", ["o", "c", "v", "t"])
def test_a_bar_without_what_it_is_made_of_is_refused(name, refuses):
    refuses(lambda: _read(_answer(_bar(), _bar(1, **{name: None}))), f"row 2, column {name}", "a value")


@pytest.mark.parametrize("t", [OPENING + 1, OPENING * 1000, OPENING // 1000, -1, "noon", 10**30])
def test_a_time_that_is_no_minute_of_the_day_is_refused(t, refuses):
    refuses(lambda: _read(_answer(_bar(t=t))), "row 1, column t")


def test_two_bars_of_one_minute_are_refused(refuses):
    refuses(lambda: _read(_answer(_bar(), _bar(v=9))), "row 2", "one row per (t)")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(OPENING),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["t", "c", "T", "results"]), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["ticker", "adjusted", "status", "resultsCount", "results", "next_url"]
_BYTES = st.sampled_from([b"NaN", b"1e400", b"-1", b"9" * 40, b"\xff", b"\x00", b'"', b"[", b"}", b"\\ud800"]) | st.binary(
    max_size=6
)
_fuzzed = settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _endure(data: bytes) -> None:
    """Either reader gives whole rows or an error of the sources' own tree."""
    for read in (_read, lambda data: read_grouped_daily(Content("grouped", data), day=DAY)):
        try:
            rows, message = read(data).rows, "read"
        except SourceError as error:
            rows, message = pl.DataFrame({"none": [0.0]}), str(error)
        assert message.isprintable()
        assert all(rows.select(pl.col(pl.Float64).is_finite().all(ignore_nulls=True)).row(0))


@_fuzzed
@given(st.sampled_from(_NAMES), _VALUES)
def test_any_value_beside_the_rows_is_endured(name, value):
    _endure(_answer(_bar(T="SPY"), **{name: value}).encode())


@_fuzzed
@given(st.sampled_from([*_bar(), "T"]), _VALUES)
def test_any_value_in_a_row_is_endured(name, value):
    _endure(_answer(_bar(T="SPY"), _bar(1, **{"T": "DIA", name: value})).encode())


@_fuzzed
@given(st.integers(0, 200), st.integers(0, 8), _BYTES)
def test_damaged_bytes_are_endured(start, length, piece):
    data = bytearray(_answer(_bar(T="SPY")).encode())
    data[start : start + length] = piece
    _endure(bytes(data))
