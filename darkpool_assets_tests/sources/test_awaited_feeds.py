"""What is still awaited of a day: asked once, of the sample market's server or of local files, and told in words."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from darkpool_assets.sample_market.finra_services import CDN_PATH, DATA_PATH
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY
from darkpool_assets.settings import load_settings
from darkpool_assets.sources.answer_limits import PROBE_LIMITS
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.polygon.feeds import PolygonFeeds

SHORT, AGGREGATES, TRADES = "finra_short_daily_raw", "polygon_daily_agg_raw", "polygon_equity_trades_raw"
DAY = dt.date(2025, 12, 12)
CNMS = f"{CDN_PATH}/CNMSshvol20251212.txt"
GROUPED = f"/v2/aggs/grouped/locale/us/market/stocks/{DAY}"
REG_SHO = f"{DATA_PATH}/regShoDaily"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def served(one_session: MarketHistory) -> Iterator[MarketServer]:
    with MarketServer(one_session.market, now=new_york("21:00"), history=one_session) as server:
        yield server


@pytest.fixture
def server(served: MarketServer) -> MarketServer:
    """The server on the evening of the day: everything is out."""
    served.now = new_york("21:00")
    served.faults.clear()
    return served


def new_york(time: str) -> dt.datetime:
    return dt.datetime.combine(DAY, dt.time.fromisoformat(time), ZoneInfo("America/New_York"))


def settings_of(server: MarketServer, **changes: Any):
    values = {name.lower(): value for name, value in server.settings().items() if name != "TARGET_DATE"}
    return load_settings(**(values | {"tickers": "SPY,AAPL"} | changes))


def awaited(settings, *, known=()) -> dict[str, str]:
    with FinraFeeds(settings, limits=PROBE_LIMITS) as finra, PolygonFeeds(settings, limits=PROBE_LIMITS) as polygon:
        return finra.awaited(DAY, known=known) | polygon.awaited(DAY, known=known)


def paths_asked(server: MarketServer, **options: Any) -> tuple[dict[str, str], list[str]]:
    before = len(server.requests)
    found = awaited(settings_of(server), **options)
    return found, [received.path for received in server.requests[before:]]


def test_nothing_is_awaited_once_all_is_out_and_each_feed_is_asked_once(server: MarketServer):
    assert paths_asked(server) == ({}, [CNMS, GROUPED, "/v3/trades/SPY"])


def test_what_is_known_to_be_out_is_not_asked_for(server: MarketServer):
    assert paths_asked(server, known=[SHORT, AGGREGATES]) == ({}, ["/v3/trades/SPY"])


def test_the_short_file_is_awaited_until_it_is_posted(server: MarketServer):
    server.now = new_york("17:59")
    assert awaited(settings_of(server)) == {SHORT: f"FINRA has not posted the short sale file of {DAY} yet."}


def test_trades_and_aggregates_are_awaited_before_the_session(server: MarketServer):
    server.now = new_york("09:29")
    found = awaited(settings_of(server), known=[SHORT])
    assert found == {
        AGGREGATES: f"Polygon has no daily aggregates of {DAY} yet.",
        TRADES: f"Polygon has no trade of SPY on {DAY} yet.",
    }


@pytest.mark.parametrize(("time", "is_out"), [("17:59", False), ("18:00", True)])
def test_reg_sho_daily_stands_in_for_a_file_that_is_not_posted_and_is_asked_for_one_row(
    server: MarketServer, time: str, is_out: bool
):
    server.now = new_york(time)
    changes = {"finra_short_sale_cdn_url": f"{server.url}{CDN_PATH}/x", "finra_short_sale_url": f"{server.url}{REG_SHO}"}
    before = len(server.requests_to(REG_SHO))
    found = awaited(settings_of(server, **changes), known=[AGGREGATES, TRADES])
    assert found == ({} if is_out else {SHORT: f"FINRA has neither a short sale file nor regShoDaily rows of {DAY} yet."})
    assert len(server.requests_to(REG_SHO)) - before == 1


def test_trades_that_the_plan_does_not_include_are_not_awaited(server: MarketServer):
    server.faults.add(Fault("/v3/trades", FaultKind.NOT_ENTITLED))
    assert awaited(settings_of(server)) == {}


def test_a_service_that_cannot_be_reached_is_a_reason():
    settings = load_settings(
        finra_short_sale_cdn_url=NOBODY, polygon_base_url=NOBODY, polygon_api_key=SAMPLE_POLYGON_KEY, tickers="SPY"
    )
    found = awaited(settings)
    assert list(found) == [SHORT, AGGREGATES, TRADES]
    assert found[SHORT].startswith("FINRA could not be reached: ConnectError")
    assert found[TRADES].startswith("Polygon could not be reached: ConnectError")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FaultKind.TOO_MANY_REQUESTS, "'s rate limit"),
        (FaultKind.UNAVAILABLE, " could not be reached: answered 503"),
        (FaultKind.DROPPED, " could not be reached: RemoteProtocolError"),
        (FaultKind.UNAUTHORIZED, "answered 401"),
        (FaultKind.BLOCKED, "answered 403"),
        (FaultKind.HTML_PAGE, "Nothing of it was stored."),
    ],
)
def test_a_service_in_trouble_is_asked_once_and_is_a_reason(server: MarketServer, kind: FaultKind, words: str):
    server.faults.add(*(Fault(path, kind, times=None) for path in (CNMS, GROUPED, "/v3/trades")))
    found, paths = paths_asked(server)
    assert (list(found), len(paths)) == ([SHORT, AGGREGATES, TRADES], 3)
    assert all(words in reason and SAMPLE_POLYGON_KEY not in reason and "?" not in reason for reason in found.values())


def test_no_request_waits_for_its_turn(server: MarketServer):
    started = dt.datetime.now(dt.UTC)
    assert awaited(settings_of(server, polygon_requests_per_minute=1)) == {}
    assert dt.datetime.now(dt.UTC) - started < dt.timedelta(seconds=20)


def test_a_feed_without_a_source_is_not_awaited():
    assert awaited(load_settings(offline=True)) == {}


def in_folders(folder: Path, **changes: Any):
    places = {"finra_short_sale": "short", "polygon_trades": "trades", "polygon_quotes": "quotes", "polygon_daily_agg": "aggs"}
    for place in places.values():
        (folder / place).mkdir(exist_ok=True)
    folders = {f"{feed}_dir": folder / place for feed, place in places.items()}
    return load_settings(**({"offline": True} | folders | changes))


def test_a_folder_is_awaited_until_it_has_the_file_of_the_day(write, tmp_path: Path):
    found = awaited(in_folders(tmp_path))
    assert [reason.partition(" of ")[0] for reason in found.values()] == [
        "FINRA_SHORT_SALE_DIR: no short sale file",
        "POLYGON_DAILY_AGG_DIR: no aggregates file",
        "POLYGON_TRADES_DIR: no trades file",
    ]
    for name in ("short/CNMSshvol20251212.txt", "aggs/2025-12-12.csv.gz", "trades/2025-12-12.csv.gz"):
        write(name, "x")
    assert list(awaited(in_folders(tmp_path)).values()) == [
        f"POLYGON_QUOTES_DIR: no quotes file of {DAY} in {tmp_path / 'quotes'} yet."
    ]
    write("quotes/2025-12-12.csv.gz", "x")
    assert awaited(in_folders(tmp_path)) == {}


def test_a_folder_or_file_that_does_not_exist_is_a_reason(tmp_path: Path):
    absent = tmp_path / "absent"
    found = awaited(in_folders(tmp_path, finra_short_sale_file=absent, polygon_trades_dir=absent), known=[AGGREGATES])
    assert found[SHORT].startswith("FINRA_SHORT_SALE_FILE: nothing at")
    assert found[TRADES].startswith("POLYGON_TRADES_DIR: nothing at")
