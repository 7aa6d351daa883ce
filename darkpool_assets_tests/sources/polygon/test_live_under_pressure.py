"""Symbols' days from a service that refuses requests or trickles, over real sockets: what they cost, and that all is whole."""

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from darkpool_assets.analytics.prevailing_quote import attach_streamed_quotes
from darkpool_assets.market_calendar import session_window
from darkpool_assets.settings import load_settings
from darkpool_assets.sources.answer_limits import Limits
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.polygon.live import LiveTrades
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest, polygon_hosts
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.request_pace import Pace
from darkpool_assets.sources.transport import Transport
from darkpool_assets_tests.sources.polygon.polygon_service import Asked, PolygonService, Reply
from darkpool_assets_tests.sources.scripted_server import ScriptedServer, dripping_body, json_reply
from darkpool_assets_tests.sources.simulated_service import MovingClock

DAY = dt.date(2024, 5, 1)
OPEN = 1714570200_000000000  # 09:30 New York
SECOND = 10**9
TICKERS = ("AAPL", "DIA", "IWM", "QQQ", "SPY")
WINDOW = session_window(DAY, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
TOO_MANY: Reply = (429, {"status": "ERROR", "error": "You've exceeded the maximum requests per minute"})
HEADERS = [{"Retry-After": "2"}, {}]


def _trade(number: int) -> dict[str, object]:
    at = OPEN + number * SECOND
    return {"sip_timestamp": at, "price": 10, "size": 100, "exchange": 12, "id": f"{number}", "sequence_number": number}


def _quote(number: int) -> dict[str, object]:
    return {"sip_timestamp": OPEN + number * SECOND - 1, "bid_price": 9, "ask_price": 11, "sequence_number": number}


@pytest.fixture
def service() -> Iterator[PolygonService]:
    """Five tickers with four pages of trades and four of quotes each."""
    trades, quotes = [_trade(number) for number in range(20)], [_quote(number) for number in range(20)]
    with PolygonService(dict.fromkeys(TICKERS, trades), dict.fromkeys(TICKERS, quotes), page_rows=5) as running:
        yield running


def _refuse_twice(service: PolygonService, headers: dict[str, str]) -> None:
    """Answer the first two requests for each address with 429."""
    arrived: Counter[str] = Counter()

    def refuse(asked: Asked) -> Reply | None:
        arrived[asked.path] += 1
        return (*TOO_MANY[:2], headers) if arrived[asked.path] <= 2 else None

    service.faults["/v3"] = refuse


def _check_whole(reading: Reading, service: PolygonService) -> None:
    assert reading.failures == {}
    assert reading.rows["symbol"].value_counts(sort=True).rows() == [(ticker, 20) for ticker in TICKERS]
    assert (reading.rows["bid"].null_count(), reading.message) == (0, "quotes: /v3/quotes, 100 rows")
    assert len(service.asked) == reading.requests == 10 * (2 + 4)


@pytest.mark.parametrize("headers", HEADERS)
def test_twenty_refusals_early_in_a_run_cost_less_than_three_minutes(headers, service, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _seconds: None))
    clock = MovingClock()
    pace = Pace(None, what="Polygon", clock=clock, sleep=clock.sleep)
    _refuse_twice(service, headers)
    with Transport("Polygon", auth=BearerAuth("key"), pace=pace, hosts=polygon_hosts(service.url)) as transport:
        live = LiveTrades(PolygonRest(transport, base_url=service.url))
        reading = live.read_day(DAY, window=WINDOW, symbols=TICKERS, attach=attach_streamed_quotes)
    _check_whole(reading, service)
    assert sum(clock.slept) < 180


@pytest.mark.long
@pytest.mark.parametrize("headers", HEADERS)
def test_twenty_refusals_early_in_a_run_cost_less_than_three_real_minutes(headers, service):
    settings = load_settings(tickers=",".join(TICKERS), polygon_api_key="key", polygon_base_url=service.url)
    _refuse_twice(service, headers)
    started = time.monotonic()
    with PolygonFeeds(settings) as feeds:
        reading = feeds.quoted_trades(DAY, symbols=TICKERS, attach=attach_streamed_quotes)
    took = time.monotonic() - started
    _check_whole(reading, service)
    print(f"{headers or 'no header'}: {took:.1f} s")
    assert took < 180


def test_a_page_that_trickles_for_ever_costs_its_symbol_two_deadlines():
    whole = json_reply({"status": "OK", "results": [_trade(1)]})
    limits = Limits(deadline=0.3, wait_initial=0)
    with ScriptedServer() as server, Transport("Polygon", limits=limits, hosts=[server.url]) as transport:
        server.on("/v3/trades/DIA", whole)
        server.on("/v3/quotes/DIA", json_reply({"status": "OK", "results": [_quote(1)]}))
        server.on("/v3/trades/SPY", dripping_body(every=0.02))
        live = LiveTrades(PolygonRest(transport, base_url=server.url))
        reading = live.read_day(DAY, window=WINDOW, symbols=["DIA", "SPY"], attach=attach_streamed_quotes)
        assert len(server.asked("/v3/trades/SPY")) == 2
    assert "2 attempts (not whole after 0.3 s)" in reading.failures["SPY"]
    assert reading.rows["symbol"].to_list() == ["DIA"]


def test_a_later_page_that_trickles_for_ever_costs_its_symbol_two_deadlines_too():
    limits = Limits(deadline=0.3, wait_initial=0)
    with ScriptedServer() as server, Transport("Polygon", limits=limits, hosts=[server.url]) as transport:
        path = "/v3/trades/SPY"
        first = {"status": "OK", "results": [_trade(1)], "next_url": f"{server.url}{path}?cursor=2"}
        server.on(path, json_reply(first), dripping_body(every=0.02))
        server.on("/v3/trades/DIA", json_reply({"status": "OK", "results": []}))
        live = LiveTrades(PolygonRest(transport, base_url=server.url))
        reading = live.read_day(DAY, window=WINDOW, symbols=["DIA", "SPY"], attach=attach_streamed_quotes, may_be_empty=True)
        assert len(server.asked(path)) == 3
    assert json.dumps(reading.failures["SPY"]).count("page 2: no whole answer after 2 attempts") == 1
