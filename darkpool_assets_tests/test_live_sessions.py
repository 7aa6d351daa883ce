"""Sessions made over HTTP: equal to those made of files, asking for what is needed only, and going on after failures."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.sample_market.market_history import build_market_history
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import Plan
from darkpool_assets_tests.conftest import MadeMarket
from darkpool_assets_tests.hand_made_graph import error_of, kept_open
from darkpool_assets_tests.live_graph import LiveGraph, served

DERIVED = ("lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily")
SHORT, OTC = "/equity/regsho/daily", "/data/group/otcMarket/name"
TRADES, QUOTES, AGGREGATES = "/v3/trades", "/v3/quotes", "/v2/aggs/grouped"


def asked_below(graph: LiveGraph, path: str) -> set[str]:
    """What the server was asked for below a path."""
    return {received.path for received in graph.server.requests_to(path)}


def test_sessions_over_http_equal_the_sessions_of_files(made_market: MadeMarket, tmp_path: Path):
    of_files, days = made_market.settings, made_market.days[1:]
    same = {"partitions_start": of_files.partitions_start, "tickers": ",".join(of_files.tickers)}
    with served(build_market_history(made_market.market), tmp_path) as live, kept_open(tmp_path):
        assert live.run(days, **same).failures == []
        for table in DERIVED:
            files = made_market.warehouse.read_window(table, days[0], days[-1])
            assert live.rows(table).equals(files), table


def test_a_settled_session_is_not_asked_for_again(live_again: LiveGraph):
    assert live_again.run().failures == []
    assert live_again.server.requests == []


def test_force_asks_for_everything_again_and_stores_the_same(made_live: LiveGraph, live_again: LiveGraph):
    before = {table: live_again.rows(table) for table in DERIVED}
    assert live_again.run(force=True).failures == []
    look_back = made_live.asked(SHORT) + made_live.asked(AGGREGATES)
    assert len(live_again.server.requests) >= len(made_live.server.requests) - look_back
    assert asked_below(made_live, "/v3") == asked_below(live_again, "/v3")
    assert made_live.asked(OTC) == live_again.asked(OTC)
    assert all(live_again.rows(table).equals(before[table]) for table in DERIVED)


def test_the_ledger_keeps_what_was_asked_for_with_rows_and_requests(live: LiveGraph):
    assert live.materialise(polygon_equity_trades_raw).success
    entry = live.entry("polygon_equity_trades_raw")
    stored = live.rows("polygon_equity_trades_raw").height
    tickers = [ticker.replace("/", ".") for ticker in live.settings().tickers]
    assert (entry["status"], entry["requests"], entry["stored_rows"]) == ("STORED", len(live.server.requests), stored)
    assert json.loads(entry["symbols"]) == sorted(tickers)


def test_one_symbols_failure_is_named_and_the_others_are_stored(live: LiveGraph):
    live.server.faults.add(Fault("/v3/trades/SPY", FaultKind.UNAVAILABLE, times=None))
    outcome = live.run()
    assert [failure for failure in outcome.failures if "SPY" in failure] == outcome.failures != []
    metrics = live.rows("daily_metrics").filter(pl.col("date") == live.day)
    assert metrics.filter(~pl.col("has_lit"))["symbol"].to_list() == ["SPY"]
    assert live.entry("polygon_equity_trades_raw")["status"] == "PARTIAL"


def test_the_next_run_asks_for_the_failed_symbol_alone(live: LiveGraph):
    live.server.faults.add(Fault("/v3/quotes/SPY", FaultKind.UNAVAILABLE, times=None))
    live.run()
    live.server.faults.clear()
    before = len(live.server.requests)
    assert live.run().failures == []
    later = {received.path for received in live.server.requests[before:]}
    assert later == {"/v3/trades/SPY", "/v3/quotes/SPY"}
    assert live.rows("daily_metrics").filter(pl.col("date") == live.day)["has_lit"].all()


def test_a_ticker_added_later_is_asked_for_alone(live: LiveGraph):
    everyone = live.settings().tickers
    live.run(tickers=",".join(everyone[:-1]))
    before = len(live.server.requests)
    assert live.run(tickers=",".join(everyone)).failures == []
    new = everyone[-1].replace("/", ".")
    later = {received.path for received in live.server.requests[before:]}
    assert later == {f"/v3/trades/{new}", f"/v3/quotes/{new}"}
    assert live.rows("polygon_equity_trades_raw")["symbol"].n_unique() == len(everyone)


def test_a_plan_without_trades_falls_to_bars_that_never_reach_otc_volume(live: LiveGraph):
    live.server.plan = Plan.FREE
    live.server.terms = replace(live.server.terms, requests_per_minute=1_000)
    assert live.run().failures == []
    metrics = live.rows("daily_metrics").filter(pl.col("date") == live.day)
    assert set(metrics["classification_method"]) == {"BVC"}
    assert metrics["otc_buy_volume"].null_count() == metrics.height
    assert live.asked(TRADES) <= 4  # those that were under way when the first 403 came


def test_a_plan_without_quotes_falls_to_the_tick_test(live: LiveGraph):
    live.server.plan = Plan.TRADES
    assert live.run().failures == []
    metrics = live.rows("daily_metrics").filter(pl.col("date") == live.day)
    assert set(metrics["classification_method"]) == {"TICK"}
    assert "quotes are not in the plan" in live.entry("polygon_equity_trades_raw")["message"]


def test_a_short_file_before_18_00_is_not_published_yet_and_comes_with_a_later_run(live: LiveGraph):
    live.server.now = dt.datetime.combine(live.day, dt.time(22, 30), dt.UTC)  # 17:30 in New York
    first = live.run()
    assert (first.failures, first.not_published) == ([], ["finra_short_daily_raw (1 of 1 sessions)"])
    assert not live.rows("daily_metrics").filter(pl.col("date") == live.day)["has_short"].any()
    live.server.now += dt.timedelta(hours=1)
    assert live.run().failures == []
    assert live.rows("daily_metrics").filter(pl.col("date") == live.day)["has_short"].any()


def test_a_block_is_never_taken_for_not_published_yet(live: LiveGraph):
    live.server.faults.add(Fault(SHORT, FaultKind.BLOCKED, times=None))
    result = live.materialise(finra_short_daily_raw)
    assert not result.success
    assert "RefusedBySource" in live.entry("finra_short_daily_raw")["message"]
    assert "403" in error_of(result)


def test_reg_sho_daily_stands_in_for_a_file_that_is_not_posted(live: LiveGraph):
    live.server.now = dt.datetime.combine(live.day, dt.time(22, 30), dt.UTC)
    live.materialise(finra_short_daily_raw, finra_short_sale_url=f"{live.server.url}{OTC}/regShoDaily")
    sources = live.rows("finra_short_daily_raw").filter(pl.col("trade_date") == live.day)["source"].unique().to_list()
    assert sources in (["API"], [])  # the service may post its rows with the file


def test_an_otc_outage_lets_the_day_go_on_with_the_stored_weeks(live: LiveGraph):
    assert live.materialise(finra_otc_weekly_raw).success
    before = live.rows("finra_otc_weekly_raw")
    live.server.faults.add(Fault(OTC, FaultKind.UNAVAILABLE, times=None))
    assert live.materialise(finra_otc_weekly_raw, force=True).success
    assert live.entry("finra_otc_weekly_raw")["status"] == "DEGRADED"
    assert live.rows("finra_otc_weekly_raw").equals(before)


def test_an_otc_outage_is_named_by_the_command_and_by_its_check(live_again: LiveGraph):
    live = live_again
    live.server.faults.add(Fault(OTC, FaultKind.UNAVAILABLE, times=None))
    outcome = live.run(force=True)
    assert [failure for failure in outcome.failures if "finra_otc_weekly_raw" in failure and "Unreachable" in failure]
    assert live.day in outcome.made


def test_an_otc_outage_without_a_stored_week_fails_the_asset(live: LiveGraph):
    live.server.faults.add(Fault(OTC, FaultKind.UNAVAILABLE, times=None))
    result = live.materialise(finra_otc_weekly_raw)
    assert not result.success
    assert live.entry("finra_otc_weekly_raw")["status"] == "FAILED"


def test_a_service_out_of_reach_is_given_up_for_the_run(live: LiveGraph):
    live.server.faults.add(Fault(SHORT, FaultKind.UNAVAILABLE, times=None))
    assert not live.materialise(finra_short_daily_raw, partitions_start=dt.date(2018, 8, 1)).success
    assert live.asked(SHORT) == 6  # one file with its retries, not 45


def test_a_week_is_asked_for_once_a_day(live: LiveGraph):
    live.materialise(finra_otc_weekly_raw)
    before = live.asked(OTC)
    live.materialise(finra_otc_weekly_raw)
    assert live.asked(OTC) == before > 0


def test_the_universe_filter_asks_for_tickers_members_and_proxies_only(live: LiveGraph):
    assert live.materialise(finra_otc_weekly_raw, finra_symbol_filter="universe").success
    universe = set(json.loads(live.warehouse.newest_entries(
        "ingest_ledger", dt.date.min, dt.date.max, owner="finra_otc_weekly_raw", by=["feed", "source"]
    )["symbols"].drop_nulls()[0]))  # fmt: skip
    stored = set(live.rows("finra_otc_weekly_raw")["symbol"])
    assert stored
    assert stored <= universe


def test_requests_may_be_made_by_get(live: LiveGraph):
    assert live.materialise(finra_otc_weekly_raw, finra_request_method="GET").success
    assert {received.method for received in live.server.requests_to(OTC)} == {"GET"}
    assert live.rows("finra_otc_weekly_raw").height


def test_an_expired_token_is_renewed_in_the_middle_of_a_run(live: LiveGraph):
    live.materialise(finra_otc_weekly_raw)
    weeks = live.rows("finra_otc_weekly_raw").drop("ingested_at")
    live.server.terms = replace(live.server.terms, token_seconds=1)
    live.server.expire_tokens()
    assert live.materialise(finra_otc_weekly_raw, force=True).success
    assert live.rows("finra_otc_weekly_raw").drop("ingested_at").equals(weeks)


def test_wrong_credentials_are_named_by_their_settings(live: LiveGraph):
    result = live.materialise(finra_otc_weekly_raw, finra_api_key="wrong", finra_api_secret="wrong")
    assert "FINRA_API_KEY" in error_of(result)


def test_without_a_finra_key_the_public_answers_are_asked_for(live: LiveGraph):
    live.server.terms = replace(live.server.terms, answers_public=True)
    assert live.materialise(finra_otc_weekly_raw, finra_api_key=None, finra_api_secret=None).success
    assert not any(received.has_authorization for received in live.server.requests)


@pytest.mark.parametrize("feed", [polygon_equity_trades_raw, polygon_daily_agg_raw])
def test_without_a_polygon_key_the_feed_is_not_configured(live: LiveGraph, feed):
    assert live.materialise(feed, polygon_api_key=None).success
    assert live.entry(feed.key.to_user_string())["status"] == "NOT_CONFIGURED"


def test_offline_asks_nobody(live: LiveGraph):
    assert live.run(offline=True).failures == []
    assert live.server.requests == []


def test_aggregates_that_the_plan_does_not_reach_leave_the_price_null_and_are_named(live: LiveGraph):
    live.server.faults.add(Fault(AGGREGATES, FaultKind.NOT_ENTITLED, times=None))
    outcome = live.run()
    assert live.day in outcome.made
    assert any("polygon_daily_agg_raw" in failure for failure in outcome.failures)
    assert not live.rows("daily_metrics").filter(pl.col("date") == live.day)["has_price"].any()


@pytest.mark.parametrize(("lapsed", "evidence"), [(Plan.FREE, "data_source"), (Plan.TRADES, "bid")])
def test_a_lapsed_plan_never_replaces_what_a_better_one_gave(live: LiveGraph, lapsed: Plan, evidence: str):
    live.server.terms = replace(live.server.terms, requests_per_minute=1_000)
    assert live.materialise(polygon_equity_trades_raw).success
    before = live.rows("polygon_equity_trades_raw")
    live.server.plan = lapsed
    assert live.materialise(polygon_equity_trades_raw, force=True).success
    after = live.rows("polygon_equity_trades_raw")
    assert after[evidence].equals(before[evidence])
    assert after.equals(before)
    entry = live.entry("polygon_equity_trades_raw")
    assert entry["status"] == "PARTIAL"
    assert "which stays" in entry["failures"]


def test_a_blocked_recheck_leaves_the_stored_day_and_its_derivation_alone(live_again: LiveGraph):
    live = live_again
    live.server.faults.add(Fault(SHORT, FaultKind.BLOCKED, times=None))
    outcome = live.run(force=True)
    assert live.day in outcome.made
    assert [failure for failure in outcome.failures if "RefusedBySource" in failure and "stays" in failure]
    assert live.rows("daily_metrics").filter(pl.col("date") == live.day)["has_short"].any()


def test_a_failure_that_brings_nothing_new_rewrites_nothing(live: LiveGraph):
    live.server.faults.add(Fault("/v3/trades/SPY", FaultKind.WRONG_SHAPE, times=None))
    live.run()
    before = live.rows("polygon_equity_trades_raw")
    outcome = live.run()
    assert live.entry("polygon_equity_trades_raw")["status"] == "PARTIAL"
    assert live.rows("polygon_equity_trades_raw").equals(before)
    assert "SPY" in " ".join(outcome.failures)
    live.server.faults.clear()
    assert live.run().failures == []
    assert live.rows("polygon_equity_trades_raw")["symbol"].n_unique() == 4
