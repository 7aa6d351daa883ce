"""Symbols' days over REST, over real sockets: prints with their quotes, what stands in for them, and what a fault costs."""

import datetime as dt
import json
import logging
import signal
import threading
import time
import weakref
from collections.abc import Iterator

import polars as pl
import pytest

from darkpool_assets import tables
from darkpool_assets.analytics.prevailing_quote import attach_prevailing_quotes, attach_streamed_quotes
from darkpool_assets.market_calendar import session_window
from darkpool_assets.sources.answer_limits import Limits
from darkpool_assets.sources.errors import CredentialsRefused, MalformedSource, NotEntitled, NotPublishedYet, Unreachable
from darkpool_assets.sources.polygon.live import LiveTrades
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest, polygon_hosts
from darkpool_assets.sources.polygon.tick_pages import TradesPage, read_trades_page
from darkpool_assets.sources.transport import Transport
from darkpool_assets_tests.sources.polygon.polygon_service import BUSY, NOT_ENTITLED, OUT_OF_REACH, UNKNOWN_KEY, PolygonService

KEY = "canary-71d9aa"
DAY = dt.date(2024, 5, 1)
NEXT_DAY = dt.date(2024, 5, 2)
OPEN = 1714570200_000000000  # 09:30 New York
SECOND = 10**9
DAY_NS = 86_400 * SECOND
SYMBOLS = ("DIA", "QQQ", "SPY")
FAST = Limits(retries=2, wait_initial=0, wait_max=0)


def _window(day: dt.date, start=dt.time(9, 30), end=dt.time(16, 15)):
    return session_window(day, rth_start=start, rth_end=end)


def _trade(at: int, price: object = 10, size: object = 100, **other: object) -> dict[str, object]:
    return {
        "sip_timestamp": at, "participant_timestamp": at, "price": price, "size": size, "exchange": 12, "tape": 1,
        "id": f"{at}", "sequence_number": at % DAY_NS // 1000, "conditions": [14, 41], **other,
    }  # fmt: skip


def _quote(at: int, bid: object, ask: object = 11) -> dict[str, object]:
    return {"sip_timestamp": at, "bid_price": bid, "ask_price": ask, "sequence_number": at % DAY_NS // 1000}


def _bar(at: int, **other: object) -> dict[str, object]:
    return {"v": 100, "vw": 10, "o": 10, "c": 10.5, "h": 11, "l": 9, "t": at // 10**6, "n": 7, **other}


def _tape(days: int = 1) -> list[dict[str, object]]:
    """Seven trades a day, the first and the last at the ends of the session window."""
    moments = (0, 1, 1, 5, 60, 3_600, 24_300)
    return [_trade(OPEN + day * DAY_NS + at * SECOND, price=10 + n) for day in range(days) for n, at in enumerate(moments)]


def _quotes(days: int = 1) -> list[dict[str, object]]:
    moments = (-301, -300, -1, 0, 1, 4, 5, 59, 24_299, 24_300, 24_301)
    return [_quote(OPEN + day * DAY_NS + at * SECOND, bid=n) for day in range(days) for n, at in enumerate(moments)]


@pytest.fixture
def service() -> Iterator[PolygonService]:
    """Two days of three symbols."""
    bars = [_bar(OPEN + day * DAY_NS + minute * 60 * SECOND) for day in range(2) for minute in range(-1, 3)]
    with PolygonService(
        trades={symbol: _tape(days=2) for symbol in SYMBOLS},
        quotes={symbol: _quotes(days=2) for symbol in SYMBOLS},
        bars=dict.fromkeys(SYMBOLS, bars[:4]),
        page_rows=3,
    ) as running:
        yield running


@pytest.fixture
def rest(service) -> Iterator[PolygonRest]:
    with Transport("Polygon", auth=BearerAuth(KEY), limits=FAST, hosts=polygon_hosts(service.url)) as transport:
        yield PolygonRest(transport, base_url=service.url)


@pytest.fixture
def live(rest) -> LiveTrades:
    return LiveTrades(rest)


def _read(live: LiveTrades, day=DAY, symbols=SYMBOLS, attach=attach_streamed_quotes, **window: dt.time):
    return live.read_day(day, window=_window(day, **window), symbols=symbols, attach=attach)


def test_each_print_meets_the_last_quote_before_it(live):
    rows = _read(live, symbols=["SPY"]).rows
    assert rows.select("price", "bid", "ask").rows() == [
        (10, 2, 11), (11, 3, 11), (12, 3, 11), (13, 5, 11), (14, 7, 11), (15, 7, 11), (16, 8, 11),
    ]  # fmt: skip


def test_pages_of_trades_are_let_go_before_quotes_stream(live, monkeypatch):
    pages: list[weakref.ref[TradesPage]] = []
    held: list[TradesPage | None] = []

    def read_page(*args, **options):
        page = read_trades_page(*args, **options)
        pages.append(weakref.ref(page))
        return page

    def attach(prints, quotes):
        held.extend(page() for page in pages)
        return attach_streamed_quotes(prints, quotes)

    monkeypatch.setattr("darkpool_assets.sources.polygon.live.read_trades_page", read_page)
    _read(live, symbols=["SPY"], attach=attach)
    assert held == [None, None, None]


def test_prints_come_as_rows_of_the_table_in_tape_order(live):
    reading = _read(live)
    assert reading.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    assert reading.rows["symbol"].to_list() == [symbol for symbol in SYMBOLS for _ in range(7)]
    assert reading.rows.equals(reading.rows.sort("symbol", "timestamp", "sequence_number", maintain_order=True))
    assert set(reading.rows["data_source"]) == {"TRADES"}
    assert set(reading.rows["trade_date"]) == {DAY}


def test_a_reading_says_what_was_read(live, service):
    reading = _read(live)
    assert (reading.source, reading.message) == ("v3/trades", "quotes: /v3/quotes, 27 rows")
    assert (reading.physical_rows, reading.dropped_rows, reading.off_session_rows, reading.failures) == (21, 0, 0, {})
    assert reading.requests == len(service.asked) == 3 * (3 + 3)


@pytest.mark.parametrize("page_rows", [1, 2, 4, 50])
def test_where_a_page_ends_decides_nothing(page_rows, live, service):
    service.page_rows = page_rows
    rows = _read(live, symbols=["SPY"]).rows
    quotes = pl.DataFrame(service.quotes["SPY"]).select(
        pl.lit("SPY").alias("symbol"), pl.col("sip_timestamp").cast(pl.Datetime("ns")).alias("timestamp"), "sequence_number",
        pl.col("bid_price").cast(pl.Float64).alias("bid"), pl.col("ask_price").cast(pl.Float64).alias("ask"),
    )  # fmt: skip
    assert rows.height == 7
    assert rows.equals(tables.POLYGON_EQUITY_TRADES_RAW.conform(attach_prevailing_quotes(rows, quotes)))


@pytest.mark.parametrize(
    ("start", "first_trades", "first_quotes"),
    [
        (dt.time(9, 30), OPEN, OPEN - 300 * SECOND),
        (dt.time(12, 0), OPEN + 9_000 * SECOND, OPEN - 300 * SECOND),
        (dt.time(8, 0), OPEN - 5_400 * SECOND, OPEN - 5_700 * SECOND),
    ],
)
def test_quotes_are_asked_for_from_a_little_before_the_window(start, first_trades, first_quotes, live, service):
    _read(live, symbols=["SPY"], start=start)
    spans = {asked.path: asked.query for asked in service.asked if "cursor" not in asked.query}
    for path, first in (("/v3/trades/SPY", first_trades), ("/v3/quotes/SPY", first_quotes)):
        assert int(spans[path]["timestamp.gte"]) == first
        assert int(spans[path]["timestamp.lt"]) == OPEN + 24_300 * SECOND + 1


def test_a_ticker_is_asked_for_once_as_polygon_spells_it(live, service):
    service.trades["BRK.B"] = _tape()
    assert set(_read(live, symbols=["BRK/B", "BRK.B"]).rows["symbol"]) == {"BRK.B"}
    assert len(service.paths("/v3/trades/BRK.B")) == 3


def test_a_symbol_without_trades_is_no_failure_and_needs_no_quotes(live, service):
    del service.trades["QQQ"]
    reading = _read(live)
    assert set(reading.rows["symbol"]) == {"DIA", "SPY"}
    assert reading.failures == {}
    assert service.paths("/v3/quotes/QQQ") == []


def test_prints_that_are_none_are_dropped_and_counted(live, service):
    service.trades["SPY"] = [_trade(OPEN, size=-1), _trade(OPEN, price=0), _trade(OPEN, size=None), _trade(OPEN)]
    reading = _read(live, symbols=["SPY"])
    assert (reading.rows.height, reading.physical_rows, reading.dropped_rows) == (1, 4, 3)


# What the plan lacks


def test_without_trades_in_the_plan_every_symbol_has_bars(live, service):
    service.fail("/v3/trades", *NOT_ENTITLED)
    reading = _read(live)
    assert reading.rows.select("symbol", "price", "size", "bar_open", "bid").rows() == [
        (symbol, 10.5, 100, 10, None) for symbol in SYMBOLS for _ in range(3)
    ]
    assert (reading.source, reading.physical_rows, reading.off_session_rows) == ("v2/aggs minute bars", 12, 3)
    assert reading.message == "trades are not in the plan (403): one-minute bars, bulk volume classification"


def test_one_symbol_that_is_refused_while_others_are_answered_is_its_own_failure(live, service):
    service.fail("/v3/trades/SPY", *NOT_ENTITLED)
    reading = _read(live)
    assert (set(reading.rows["symbol"]), set(reading.rows["data_source"])) == ({"DIA", "QQQ"}, {"TRADES"})
    assert set(reading.failures) == {"SPY"}


def test_an_only_symbol_that_is_refused_falls_to_bars(live, service):
    service.fail("/v3/trades/SPY", *NOT_ENTITLED)
    assert set(_read(live, symbols=["SPY"]).rows["data_source"]) == {"MINUTE_BARS"}


def test_a_service_that_is_silent_for_several_symbols_is_not_asked_for_the_rest(rest, service):
    many = [f"S{number:02}" for number in range(20)]
    service.fail("/v3/trades", *BUSY)
    with pytest.raises(Unreachable):
        _read(LiveTrades(rest, workers=1), symbols=many)
    asked = {path.rsplit("/", 1)[1] for path in service.paths("/v3/trades")}
    assert set(many[:4]) <= asked <= set(many[:6])


def test_a_service_that_falls_silent_costs_the_symbols_that_were_not_read(rest, service):
    many = ["DIA", *(f"S{number:02}" for number in range(20))]
    service.fail("/v3/trades/S", *BUSY)
    reading = _read(LiveTrades(rest, workers=1), symbols=many)
    assert (set(reading.rows["symbol"]), len(reading.failures)) == ({"DIA"}, 20)


def test_asked_beside_stored_symbols_the_failure_of_all_is_an_error_too(live, service):
    service.fail("/v3/trades/SPY", *BUSY)
    with pytest.raises(Unreachable):
        live.read_day(DAY, window=_window(DAY), symbols=["SPY"], attach=attach_streamed_quotes, may_be_empty=True)


def test_trades_that_the_plan_lacks_are_not_asked_for_symbol_by_symbol(rest, service):
    many = [f"S{number}" for number in range(20)]
    service.bars = dict.fromkeys(many, service.bars["SPY"])
    service.fail("/v3/trades", *NOT_ENTITLED)
    live = LiveTrades(rest, workers=2)
    assert _read(live, symbols=many).rows["symbol"].n_unique() == 20
    asked = len(service.paths("/v3/trades"))
    assert asked <= 3
    with pytest.raises(MalformedSource):  # these bars are of the day before
        _read(live, NEXT_DAY, symbols=many)
    assert len(service.paths("/v3/trades")) == asked


def test_a_day_beyond_the_plans_reach_says_nothing_of_other_days(live, service):
    service.faults["/v3"] = lambda asked: OUT_OF_REACH if asked.query.get("timestamp.gte") == str(OPEN) else None
    assert set(_read(live).rows["data_source"]) == {"MINUTE_BARS"}
    assert set(_read(live, NEXT_DAY).rows["data_source"]) == {"TRADES"}
    before = len(service.paths("/v3"))
    _read(live)
    assert len(service.paths("/v3")) == before


def test_without_bars_in_the_plan_too_the_day_ends_at_once(rest, service):
    service.fail("/v", *NOT_ENTITLED)
    with pytest.raises(NotEntitled, match=r"/v2/aggs/ticker/.*does not include this of /v2/aggs"):
        _read(LiveTrades(rest, workers=1))
    assert len(service.asked) == 4  # two symbols that agree, of each


def test_without_quotes_in_the_plan_no_print_has_one(live, service):
    service.fail("/v3/quotes", *NOT_ENTITLED)
    reading = _read(live)
    assert (reading.rows.height, reading.rows["bid"].count(), reading.rows["ask"].count()) == (21, 0, 0)
    assert reading.rows.schema == tables.POLYGON_EQUITY_TRADES_RAW.schema
    assert (reading.message, reading.failures) == ("quotes are not in the plan (403): tick test", {})


def test_quotes_that_the_plan_lacks_are_not_asked_for_symbol_by_symbol(rest, service):
    service.fail("/v3/quotes", *NOT_ENTITLED)
    live = LiveTrades(rest, workers=1)
    _read(live)
    _read(live, NEXT_DAY)
    assert len(service.paths("/v3/quotes")) == 2  # symbols that agree


def test_a_symbol_whose_quotes_are_refused_while_others_have_theirs_is_its_own_failure(rest, service):
    service.fail("/v3/quotes/SPY", *NOT_ENTITLED)
    reading = _read(LiveTrades(rest, workers=1))
    assert (set(reading.rows["symbol"]), set(reading.failures)) == ({"DIA", "QQQ"}, {"SPY"})
    assert reading.physical_rows == reading.rows.height == 14


# What a fault costs


def test_an_unknown_key_ends_the_day_at_once(rest, service):
    service.fail("/", *UNKNOWN_KEY)
    with pytest.raises(CredentialsRefused, match="POLYGON_API_KEY"):
        _read(LiveTrades(rest, workers=1), symbols=[f"S{number}" for number in range(20)])
    assert len(service.asked) == 1


def _page(*rows: object, **other: object) -> tuple[int, dict[str, object]]:
    return 200, {"status": "OK", "results": list(rows), **other}


TRADE_FAULTS = {
    "503 for ever": (BUSY, "no whole answer after 3 attempts"),
    "429 for ever": ((429, ""), "rate limit"),
    "a block": ((403, "<html>blocked</html>"), "answered 403"),
    "no such symbol": ((404, {"status": "NOT_FOUND"}), "answered 404"),
    "html with 200": ((200, "<html>login</html>"), "body"),
    "cut off": ((200, '{"status": "OK", "results": [{"sip_time'), "body"),
    "a list": ((200, "[]"), "body"),
    "rows that are none": (_page(1, 2), "body"),
    "results that are none": ((200, {"status": "OK", "results": "many"}), "body"),
    "an error with 200": ((200, {"status": "ERROR", "error": "no"}), "status"),
    "NaN": ((200, json.dumps(_page(_trade(OPEN, price=float("nan")))[1])), "NaN"),
    "1e400": ((200, json.dumps(_page(_trade(OPEN, price=5555))[1]).replace("5555", "1e400")), "1e400"),
    "an absurd size": (_page(_trade(OPEN, size=1e300)), "size"),
    "an absurd price": (_page(_trade(OPEN, price=1e12)), "price"),
    "another day": (_page(_trade(OPEN + DAY_NS)), "2024-05-01"),
    "not ascending": (_page(_trade(OPEN + 1), _trade(OPEN)), "timestamp"),
    "no time": (_page({"price": 1, "size": 1}), "timestamp"),
    "a foreign next_url": (_page(_trade(OPEN), next_url="http://127.0.0.1:9/v3/trades/SPY"), "no key was sent there"),
}


@pytest.mark.parametrize(("reply", "words"), TRADE_FAULTS.values(), ids=TRADE_FAULTS)
def test_a_symbol_that_fails_is_named_and_costs_nobody_else(reply, words, live, service):
    service.fail("/v3/trades/QQQ", *reply)
    reading = _read(live)
    assert set(reading.failures) == {"QQQ"}
    assert words in reading.failures["QQQ"]
    assert "Polygon /v3/trades/QQQ" in reading.failures["QQQ"]
    assert KEY not in reading.failures["QQQ"]
    assert reading.rows["symbol"].unique().sort().to_list() == ["DIA", "SPY"]
    assert reading.rows["bid"].null_count() == 0


QUOTE_FAULTS = {
    "503 for ever": (BUSY, "no whole answer after 3 attempts"),
    "another day": (_page(_quote(OPEN + DAY_NS, 1)), "2024-05-01"),
    "NaN": ((200, json.dumps(_page(_quote(OPEN, float("nan")))[1])), "NaN"),
    "a foreign next_url": (_page(_quote(OPEN, 1), next_url="http://127.0.0.1:9/v3/quotes/SPY"), "no key was sent there"),
}


@pytest.mark.parametrize(("reply", "words"), QUOTE_FAULTS.values(), ids=QUOTE_FAULTS)
def test_a_symbol_whose_quotes_fail_is_not_stored_without_them(reply, words, live, service):
    service.fail("/v3/quotes/QQQ", *reply)
    reading = _read(live)
    assert set(reading.failures) == {"QQQ"}
    assert words in reading.failures["QQQ"]
    assert reading.rows["symbol"].unique().sort().to_list() == ["DIA", "SPY"]


def _send_twice(service: PolygonService, kind: str, ticker: str) -> None:
    """Let the first page of `ticker` come under two cursors."""
    path, asked_so_far = f"/v3/{kind}/{ticker}", iter(range(10**6))

    def first_page_again(asked):
        if next(asked_so_far) == 0:
            first = service._page(getattr(service, kind)[ticker], asked)
            held.append(first)
            return first[0], {**first[1], "next_url": service.next_url(path, "the same once more")}
        return held[0] if asked.query.get("cursor") == "the same once more" else None

    held: list = []
    service.faults[path] = first_page_again


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_a_page_that_comes_twice_changes_no_row(kind, live, service):
    expected = _read(live).rows
    _send_twice(service, kind, "QQQ")
    assert _read(live).rows.equals(expected)


def test_trades_that_come_twice_are_counted_as_duplicates(live, service):
    _send_twice(service, "trades", "QQQ")
    reading = _read(live)
    assert (reading.physical_rows, reading.duplicate_rows, reading.failures) == (24, 3, {})
    assert reading.physical_rows == reading.rows.height + reading.duplicate_rows


def test_quotes_that_come_twice_are_not_counted_as_quotes(live, service):
    _send_twice(service, "quotes", "QQQ")
    reading = _read(live)
    assert reading.message == "quotes: /v3/quotes, 27 rows; repeated pages dropped: 1"
    assert (reading.physical_rows, reading.duplicate_rows) == (21, 0)


def test_dropped_and_off_session_rows_of_a_repeated_page_are_counted_once(live, service):
    service.trades["SPY"] = [_trade(OPEN, size=-1), _trade(OPEN), _trade(OPEN + SECOND), _trade(OPEN + 2 * SECOND)]
    _send_twice(service, "trades", "SPY")
    reading = _read(live, symbols=["SPY"])
    assert (reading.physical_rows, reading.duplicate_rows, reading.dropped_rows, reading.rows.height) == (7, 3, 1, 3)


def test_a_reading_and_the_log_say_how_many_pages_came_twice(live, service, caplog):
    _send_twice(service, "trades", "QQQ")
    _send_twice(service, "quotes", "SPY")
    assert _read(live).message.endswith("; repeated pages dropped: 2")
    assert "2024-05-01: /v3/trades/QQQ: a page came twice, its 3 rows were dropped" in caplog.text


def test_without_quotes_in_the_plan_repeated_pages_are_said_too(live, service):
    service.fail("/v3/quotes", *NOT_ENTITLED)
    _send_twice(service, "trades", "QQQ")
    assert _read(live).message == "quotes are not in the plan (403): tick test; repeated pages dropped: 1"


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_a_page_that_goes_back_in_time_fails_its_symbol(kind, live, service):
    rows, path = getattr(service, kind)["QQQ"], f"/v3/{kind}/QQQ"
    service.faults[path] = lambda asked: (
        _page(*rows[3:6]) if "cursor" in asked.query else _page(*rows[5:7], next_url=service.next_url(path, "a"))
    )
    reading = _read(live)
    assert "page 2: results: found rows older than the last of the page before" in reading.failures["QQQ"]
    assert reading.rows["symbol"].n_unique() == 2


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_pages_in_a_circle_fail_their_symbol(kind, live, service):
    path = f"/v3/{kind}/QQQ"
    service.faults[path] = lambda _asked: _page(next_url=service.next_url(path, "again"))
    assert "next_url: found a page that was read" in _read(live).failures["QQQ"]


def test_bars_that_fail_cost_their_symbol_alone(live, service):
    service.fail("/v3/trades", *NOT_ENTITLED)
    service.bars["QQQ"] = [_bar(OPEN, v=-1)]
    reading = _read(live)
    assert set(reading.rows["symbol"]) == {"DIA", "SPY"}
    assert "row 1, column v" in reading.failures["QQQ"]


def test_a_day_on_which_every_symbol_fails_raises_the_first_ones_error(live, service):
    service.fail("/v3/trades", *BUSY)
    with pytest.raises(Unreachable, match="Polygon /v3/trades/DIA"):
        _read(live)


def test_a_day_without_any_trade_is_not_published_yet(live, service):
    service.trades = {}
    with pytest.raises(NotPublishedYet, match="2024-05-01"):
        _read(live)


def test_a_day_without_any_bar_is_not_published_yet(live, service):
    service.bars = {}
    service.fail("/v3/trades", *NOT_ENTITLED)
    with pytest.raises(NotPublishedYet, match="2024-05-01"):
        _read(live)


def test_a_failure_is_not_taken_for_a_day_that_is_not_published(live, service):
    service.trades = {}
    service.fail("/v3/trades/SPY", *BUSY)
    with pytest.raises(Unreachable, match="Polygon /v3/trades/SPY"):
        _read(live)


def test_a_fault_of_our_own_is_not_a_symbols_failure(live):
    def attach(_trades, _pages):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _read(live, attach=attach)


def test_ctrl_c_cancels_what_is_pending(rest, service):
    has_returned = threading.Event()

    def attach(trades, _pages):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        has_returned.wait(5)
        return trades

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _read(LiveTrades(rest, workers=1), attach=attach)
    finally:
        has_returned.set()
        signal.signal(signal.SIGINT, before)
    _wait_for_threads()
    assert set(service.paths()) == {"/v3/trades/DIA"}


def test_what_runs_when_the_day_ends_stops_after_the_page_at_hand(rest, service):
    is_running, pages = threading.Event(), iter(range(1, 10**9))

    def endless(_asked):
        is_running.set()
        number = next(pages)
        return _page(_trade(OPEN + number), next_url=service.next_url("/v3/trades/QQQ", f"after {number}"))

    def attach(_trades, _pages):
        assert is_running.wait(5)
        raise ZeroDivisionError

    service.faults["/v3/trades/QQQ"] = endless
    with pytest.raises(ZeroDivisionError):
        _read(LiveTrades(rest, workers=2), attach=attach)
    _wait_for_threads()


def _wait_for_threads() -> None:
    deadline = time.monotonic() + 5
    while any(thread.name.startswith("polygon") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread goes on asking"
        time.sleep(0.01)


def test_neither_log_nor_rows_hold_the_key(live, service, caplog):
    caplog.set_level(logging.DEBUG)
    service.fail("/v3/trades/QQQ", 403, f"blocked: {KEY}")
    service.fail("/v3/quotes", *NOT_ENTITLED)
    reading = _read(live)
    assert "DIA: 7 prints, 0 quotes" in caplog.text
    assert "cursor" not in caplog.text
    assert KEY not in caplog.text + str(reading) + reading.rows.write_csv()
