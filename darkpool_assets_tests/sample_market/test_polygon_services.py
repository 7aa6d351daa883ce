import datetime as dt
import json
import time
from zoneinfo import ZoneInfo

import httpx
import polars as pl
import pytest

from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.polygon_bars import minute_bars
from darkpool_assets.sample_market.polygon_files import day_aggregates, day_tape
from darkpool_assets.sample_market.polygon_pages import trades_json
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY, Plan, Terms
from darkpool_assets.sample_market.session_clock import SECOND, SessionClock

DAY = dt.date(2025, 12, 30)
EVENING = dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC)
CLOCK = SessionClock.of(DAY)
RANGE = f"/v2/aggs/ticker/SPY/range/1/day/{DAY}/{DAY}"
GROUPED = f"/v2/aggs/grouped/locale/us/market/stocks/{DAY}"
KEY = {"Authorization": f"Bearer {SAMPLE_POLYGON_KEY}"}
WHOLE_DAY = {"timestamp.gte": CLOCK.midnight, "timestamp.lt": CLOCK.last, "order": "asc", "limit": 50_000}


@pytest.fixture(scope="module")
def server(history):
    with MarketServer(history.market, now=EVENING, history=history) as running:
        yield running


@pytest.fixture
def own_server(history):
    with MarketServer(history.market, now=EVENING, history=history) as running:
        yield running


@pytest.fixture(scope="module")
def tape(history):
    return day_tape(history, DAY)


def ask(server, path, headers=KEY, **params):
    return httpx.get(server.url + path, params=params, headers=headers, verify=False)


def pages(server, path, **params):
    found = [ask(server, path, **params).json()]
    while next_url := found[-1].get("next_url"):
        found.append(httpx.get(next_url, headers=KEY, verify=False).json())
    return found


# Keys, plans, rates


def test_the_key_is_taken_from_the_header_alone(server):
    assert ask(server, GROUPED).status_code == 200
    for refused in (
        ask(server, GROUPED, headers={}),
        ask(server, GROUPED, headers={"Authorization": "Bearer other"}),
        ask(server, GROUPED, headers={}, apiKey=SAMPLE_POLYGON_KEY),
        ask(server, GROUPED, apiKey=SAMPLE_POLYGON_KEY),
    ):
        assert refused.status_code == 401
        assert refused.json()["error"] == "Unknown API Key"


@pytest.mark.parametrize(
    ("plan", "trades", "quotes"), [(Plan.FREE, 403, 403), (Plan.TRADES, 200, 403), (Plan.TRADES_AND_QUOTES, 200, 200)]
)
def test_a_plan_has_its_endpoints(own_server, plan, trades, quotes):
    own_server.plan = plan
    found = [ask(own_server, f"/v3/{kind}/SPY", limit=1) for kind in ("trades", "quotes")]
    assert [answer.status_code for answer in found] == [trades, quotes]
    assert all(answer.json()["status"] == "NOT_AUTHORIZED" for answer in found if answer.status_code == 403)
    assert ask(own_server, GROUPED).status_code == 200


@pytest.mark.parametrize(("says", "waiting"), [(True, "61"), (False, None)])
def test_the_free_plan_answers_five_requests_a_minute(own_server, says, waiting):
    seconds = [0.0]
    own_server.plan, own_server.terms = Plan.FREE, Terms(says_retry_after=says, clock=lambda: seconds[0])
    answers = [ask(own_server, GROUPED) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers.get("retry-after") == waiting
    seconds[0] = 60.5
    assert ask(own_server, GROUPED).status_code == 200


def test_another_rate_can_be_set(own_server):
    own_server.terms = Terms(requests_per_minute=1, clock=lambda: 0.0)
    assert [ask(own_server, GROUPED).status_code for _ in range(2)] == [200, 429]


# Trades and quotes


def test_trades_say_what_the_flat_file_says(server, tape):
    results = ask(server, "/v3/trades/BRK.B", **WHOLE_DAY).json()["results"]
    rows = tape.trades.filter(pl.col("ticker") == "BRK.B", pl.col("sip_timestamp") < CLOCK.last).drop("ticker")
    expected = [
        {
            name: value
            for name, value in row.items()
            if value is not None and not (name.startswith(("trf", "corr")) and value == 0)
        }
        for row in rows.to_dicts()
    ]
    for row in expected:
        if "conditions" in row:
            row["conditions"] = [int(code) for code in row["conditions"].split(",")]
    assert results == expected


def test_quotes_say_what_the_flat_file_says(server, tape):
    results = ask(server, "/v3/quotes/SPY", **WHOLE_DAY).json()["results"]
    rows = tape.quotes.filter(ticker="SPY")
    shared = [
        "ask_price",
        "ask_size",
        "ask_exchange",
        "bid_price",
        "bid_size",
        "bid_exchange",
        "sip_timestamp",
        "sequence_number",
    ]
    assert pl.DataFrame(results).select(shared).rows() == rows.filter(pl.col("sip_timestamp") < CLOCK.last).select(shared).rows()
    assert any(row["bid_price"] == 0 for row in results)


def test_optional_fields_are_absent_and_never_null(server):
    results = ask(server, "/v3/trades/SPY", **WHOLE_DAY).json()["results"]
    present = [name for row in results for name in row]
    assert all(0 < present.count(name) < len(results) for name in ("conditions", "correction", "trf_id", "trf_timestamp"))
    assert None not in {value for row in results for value in row.values() if not isinstance(value, list)}


def test_pages_join_to_the_whole_without_a_key_in_their_addresses(server):
    whole = ask(server, "/v3/trades/QQQ", **WHOLE_DAY).json()
    cut = pages(server, "/v3/trades/QQQ", **WHOLE_DAY | {"limit": 700})
    assert "next_url" not in whole
    assert [row for page in cut for row in page["results"]] == whole["results"]
    assert len(cut) > 3
    assert all(page["next_url"].startswith(f"{server.url}/v3/trades/QQQ?cursor=") for page in cut[:-1])
    assert not any(SAMPLE_POLYGON_KEY in page["next_url"] for page in cut[:-1])


def test_a_server_may_page_in_smaller_steps_than_asked(own_server):
    own_server.terms = Terms(largest_page=1000)
    assert {len(page["results"]) for page in pages(own_server, "/v3/trades/QQQ", **WHOLE_DAY)[:-1]} == {1000}


def test_the_newest_thousand_come_by_default(server):
    results = ask(server, "/v3/trades/SPY").json()["results"]
    times = [row["sip_timestamp"] for row in results]
    assert len(times) == 1000
    assert times == sorted(times, reverse=True)
    assert dt.datetime.fromtimestamp(times[0] / SECOND, dt.UTC).date() == dt.date(2025, 12, 31)


def test_both_ends_of_a_range_can_be_inside_or_outside(server):
    times = [row["sip_timestamp"] for row in ask(server, "/v3/trades/SPY", **WHOLE_DAY).json()["results"]][10:14]
    assert len(set(times)) == 4
    bounds = [("gte", "lte", times), ("gt", "lte", times[1:]), ("gte", "lt", times[:-1]), ("gt", "lt", times[1:-1])]
    for lower, upper, expected in bounds:
        asked = {f"timestamp.{lower}": times[0], f"timestamp.{upper}": times[-1], "order": "asc"}
        assert [row["sip_timestamp"] for row in ask(server, "/v3/trades/SPY", **asked).json()["results"]] == expected
    assert [row["sip_timestamp"] for row in ask(server, "/v3/trades/SPY", timestamp=times[1]).json()["results"]] == [times[1]]


def test_a_range_reaches_over_days(server):
    asked = {"timestamp.gte": SessionClock.of(dt.date(2025, 12, 29)).close, "timestamp.lt": CLOCK.open + SECOND, "limit": 50_000}
    for order in ("asc", "desc"):
        cut = pages(server, "/v3/trades/SPY", order=order, **asked | {"limit": 300})
        times = [row["sip_timestamp"] for page in cut for row in page["results"]]
        assert times == sorted(times, reverse=order == "desc")
        assert min(times) < CLOCK.midnight < max(times)


def test_nothing_is_newer_than_the_servers_instant(own_server):
    own_server.now = dt.datetime(2025, 12, 30, 15, 0, tzinfo=dt.UTC)
    newest = ask(own_server, "/v3/trades/SPY", limit=1).json()["results"][0]["sip_timestamp"]
    assert CLOCK.open < newest <= int(own_server.now.timestamp()) * SECOND


@pytest.mark.parametrize("symbol", ["ZZZZ", "spy", "NSRGY"])
def test_an_unknown_ticker_has_no_results(server, symbol):
    answer = ask(server, f"/v3/trades/{symbol}", **WHOLE_DAY).json()
    assert (answer["status"], answer["results"]) == ("OK", [])


def test_a_day_without_a_session_has_no_results(server):
    christmas = CLOCK.midnight - 5 * 86_400 * SECOND
    asked = {"timestamp.gte": christmas, "timestamp.lt": christmas + 86_400 * SECOND}
    assert ask(server, "/v3/quotes/SPY", **asked).json()["results"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 50_001},
        {"limit": 0},
        {"order": "up"},
        {"sort": "price"},
        {"timestamp.gte": "x"},
        {"cursor": "x"},
        {"symbol": "A"},
    ],
)
def test_wrong_parameters_are_400(server, params):
    answer = ask(server, "/v3/trades/SPY", **params)
    assert (answer.status_code, answer.json()["status"]) == (400, "ERROR")


def test_a_full_page_is_rendered_fast(tape):
    rows = pl.concat([tape.trades] * 8).head(50_000)
    began = time.process_time()
    page = trades_json(rows)
    assert time.process_time() - began < 1
    assert len(json.loads(page)) == 50_000


# Bars


def test_the_whole_market_of_a_day_says_what_the_flat_file_says(server, history):
    answer = ask(server, GROUPED, adjusted="false").json()
    rows = {row["T"]: row for row in answer["results"]}
    for bar in day_aggregates(history, DAY).to_dicts():
        row = rows[bar["ticker"]]
        assert [row[name] for name in "vochln"] == [
            bar[name] for name in ("volume", "open", "close", "high", "low", "transactions")
        ]
    assert answer["resultsCount"] == answer["queryCount"] == len(rows)
    assert {row["t"] for row in rows.values()} == {CLOCK.close // 1_000_000}
    assert "vw" not in rows["SPY"]


def test_bars_are_adjusted_for_later_splits_unless_told_otherwise(server):
    for path in (RANGE.replace("SPY", "NVDA"), GROUPED):
        found = [ask(server, path, **params).json() for params in ({}, {"adjusted": "false"})]
        assert [answer["adjusted"] for answer in found] == [True, False]
        adjusted, plain = (next(row for row in answer["results"] if row.get("T", "NVDA") == "NVDA") for answer in found)
        assert (adjusted["v"], adjusted["c"] * 2) == (plain["v"] * 2, plain["c"])


def test_a_days_bar_appears_with_the_close(own_server):
    own_server.now = dt.datetime(2025, 12, 30, 20, 59, tzinfo=dt.UTC)
    assert ask(own_server, RANGE).json()["resultsCount"] == 0
    own_server.now = dt.datetime(2025, 12, 30, 21, 0, tzinfo=dt.UTC)
    bar = ask(own_server, RANGE).json()["results"][0]
    assert bar["t"] == CLOCK.midnight // 1_000_000


def test_day_bars_come_over_a_range_in_the_order_asked_and_in_pages(server, history):
    path = "/v2/aggs/ticker/SPY/range/1/day/2025-12-01/2025-12-31"
    whole = ask(server, path, sort="desc").json()["results"]
    cut = pages(server, path, sort="desc", limit=5)
    assert [row for page in cut for row in page["results"]] == whole
    assert [row["t"] for row in whole] == sorted((row["t"] for row in whole), reverse=True)
    assert len(whole) == 22


@pytest.mark.parametrize(
    "path", [RANGE.replace("SPY", "ZZZZ"), RANGE.replace(str(DAY), "2025-12-25"), GROUPED.replace(str(DAY), "2025-12-25")]
)
def test_what_has_no_bars_has_no_results_at_all(server, path):
    answer = ask(server, path).json()
    assert (answer["status"], answer["resultsCount"]) == ("OK", 0)
    assert "results" not in answer


@pytest.mark.parametrize("path", [RANGE.replace("2025", "25"), GROUPED.replace("2025", "25")])
def test_a_day_that_is_no_date_is_400(server, path):
    assert ask(server, path).status_code == 400


def test_a_route_that_is_not_there_is_404(server):
    assert ask(server, "/v3/reference/tickers").status_code == 404
    assert httpx.post(server.url + GROUPED, headers=KEY).status_code == 404


def test_minute_bars_are_built_from_the_tapes_trades(server, tape):
    answer = ask(server, RANGE.replace("day", "minute"), adjusted="false", limit=50_000).json()
    rows = tape.trades.filter(ticker="SPY")
    assert answer["results"] == minute_bars(rows).to_dicts()
    opening = next(bar for bar in answer["results"] if bar["t"] == CLOCK.open // 1_000_000)
    inside = rows.filter(pl.col("sip_timestamp").is_between(CLOCK.open, CLOCK.open + 60 * SECOND, closed="left"))
    assert inside["price"].min() <= opening["l"] <= opening["o"] <= opening["h"] <= inside["price"].max()


def test_a_minute_counts_a_print_once_and_leaves_out_copies_and_cancelled_ones():
    minute = int(dt.datetime(2025, 12, 30, 10, 0, tzinfo=ZoneInfo("America/New_York")).timestamp()) * SECOND
    trades = pl.DataFrame(
        {
            "sip_timestamp": [minute, minute + 1, minute + 2, minute + 3, minute + 4, minute + 60 * SECOND],
            "price": [10.0, 11.0, 11.0, 99.0, 99.0, 12.0],
            "size": [100, 50, 50, 70, 70, 5],
            "exchange": [4, 11, 11, 12, 10, 10],
            "trf_id": [201, None, None, 0, 0, 0],
            "id": ["1", "2", "2", "3", "4", "5"],
            "conditions": [None, "14", "14", None, "15", "37"],
            "correction": [None, 0, 0, 8, 0, 0],
        }
    )
    first, second = minute_bars(trades).to_dicts()
    assert first == {"v": 150, "o": 10.0, "c": 11.0, "h": 11.0, "l": 10.0, "t": minute // 1_000_000, "n": 2}
    assert (second["v"], second["t"] - first["t"]) == (5, 60_000)


def test_fractional_sizes_join_with_whole_ones(fractional_history):
    now = dt.datetime(2026, 3, 6, 23, tzinfo=dt.UTC)
    with MarketServer(fractional_history.market, now=now, history=fractional_history) as server:
        results = ask(server, "/v3/trades/SPY", limit=2000).json()["results"]
    assert any(row["size"] % 1 for row in results)
