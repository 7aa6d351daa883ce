import datetime as dt
import gc
import threading
import time

import httpx
import pytest

from darkpool_assets.sample_market import SampleMarket
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY, Plan, RequestRate, Terms
from darkpool_assets.settings import load_settings

EVENING = dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC)
GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/2025-12-31"
KEY = {"Authorization": f"Bearer {SAMPLE_POLYGON_KEY}"}


@pytest.fixture
def server(history):
    with MarketServer(history.market, now=EVENING, history=history) as running:
        yield running


def test_it_listens_on_this_machine_only(server):
    assert server.url.startswith("http://127.0.0.1:")


def test_a_connection_is_kept_alive_over_requests(server):
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        streams = [client.get(GROUPED).extensions["network_stream"] for _ in range(3)]
    assert len({id(stream) for stream in streams}) == 1


def test_several_callers_are_answered_at_once(server):
    server.faults.add(Fault("/v3/trades/SPY", FaultKind.SLOW_DRIP))
    with httpx.stream("GET", server.url + "/v3/trades/SPY", headers=KEY) as drip:
        assert httpx.get(server.url + GROUPED, headers=KEY).status_code == 200
        assert drip.status_code == 200


def test_answers_are_gzipped_for_callers_that_accept_it(server):
    packed = httpx.get(server.url + GROUPED, headers=KEY)
    plain = httpx.get(server.url + GROUPED, headers=KEY | {"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json()["results"] == plain.json()["results"]


def test_the_log_names_what_was_asked_but_not_its_values(server):
    httpx.get(server.url + GROUPED, params={"adjusted": "false"}, headers=KEY)
    httpx.get(server.url + "/elsewhere")
    first, second = server.requests
    assert (first.path, first.query_names, first.has_authorization, first.status) == (GROUPED, ("adjusted",), True, 200)
    assert (second.path, second.has_authorization, second.status) == ("/elsewhere", False, 404)
    assert SAMPLE_POLYGON_KEY not in repr(server.requests)
    assert server.requests_to("/v2/aggs") == [first]


def test_stopping_ends_every_thread_and_connection(history):
    before = threading.active_count()
    with MarketServer(history.market, now=EVENING, history=history) as server:
        client = httpx.Client(base_url=server.url, headers=KEY)
        client.get(GROUPED)
        server.faults.add(Fault("/v3", FaultKind.SLOW_DRIP, seconds=30.0))
        drip = client.stream("GET", "/v3/trades/SPY")
        drip.__enter__()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert threading.active_count() == before
    client.close()
    del drip
    gc.collect()


def test_the_clock_moves_while_it_serves(server):
    server.now = EVENING - dt.timedelta(hours=4)
    assert httpx.get(server.url + GROUPED, headers=KEY).json()["resultsCount"] == 0
    server.now = EVENING
    assert httpx.get(server.url + GROUPED, headers=KEY).json()["resultsCount"] > 0


def test_an_instant_without_a_time_zone_is_refused(server):
    with pytest.raises(ValueError, match="without a time zone"):
        server.now = dt.datetime(2025, 12, 31, 12)  # noqa: DTZ001 - what must be refused


def test_the_settings_point_every_feed_at_the_server(server, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in server.settings().items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    addresses = [settings.finra_otc_url, settings.finra_token_url, settings.finra_short_sale_cdn_url, settings.polygon_base_url]
    assert all(address.startswith(server.url) for address in addresses)
    assert settings.polygon_trades_dir is settings.finra_otc_dir is settings.finra_short_sale_url is None
    assert settings.sample_data
    assert not settings.offline
    assert (settings.target_date, settings.as_of) == (dt.date(2025, 12, 31), "2025-12-31")


def test_the_target_is_the_last_session_that_is_over(server):
    server.now = dt.datetime(2025, 12, 31, 15, tzinfo=dt.UTC)
    assert server.settings()["TARGET_DATE"] == "2025-12-30"


def test_an_account_that_finra_does_not_know_is_not_in_the_settings(history):
    with MarketServer(history.market, now=EVENING, terms=Terms(finra_credentials=None), history=history) as server:
        assert "FINRA_API_KEY" not in server.settings()


def test_equal_markets_answer_alike(tmp_path):
    market = SampleMarket(tmp_path, last_session=dt.date(2025, 12, 12), sessions=1, trades_per_symbol=50)
    address = "/v3/trades/SPY?limit=50000&order=asc"
    bodies = []
    for _ in range(2):
        with MarketServer(market, now=EVENING, plan=Plan.TRADES) as server:
            bodies.append(httpx.get(server.url + address, headers=KEY).json()["results"])
    assert bodies[0] == bodies[1] != []


def test_a_rate_lets_the_next_one_go_when_the_oldest_is_out_of_its_window():
    rate = RequestRate(60.0)
    assert [rate.wait(2, now) for now in (0.0, 10.0, 20.0)] == [0.0, 0.0, 40.0]
    assert rate.wait(2, 60.0) == 0.0
