"""What a service is asked again: failed symbols, changed tickers and windows, outages, killed runs, sources that change."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.raw import polygon_equity_trades_raw as trades_module
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.market_history import MarketHistory, build_market_history
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.session_runs import Outcome, SessionRunner
from darkpool_assets.sources.errors import NotPublishedYet
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets_tests.hand_made_feeds import FRIDAY, HandMadeFeeds
from darkpool_assets_tests.hand_made_graph import Graph
from darkpool_assets_tests.live_graph import LiveGraph, served_at_once

TAPE, SHORT, OTC = "polygon_equity_trades_raw", "finra_short_daily_raw", "finra_otc_weekly_raw"
TICKERS = "SPY,RGTI"
WEEKLY = "/data/group/otcMarket/name"
KILLED_BEFORE_THE_LEDGER = """
import os, signal, sys
import dagster as dg
from darkpool_assets import warehouse
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.resources import build_resources
from darkpool_assets.settings import load_settings
warehouse._insert_all = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
dg.materialize([polygon_equity_trades_raw], partition_key=sys.argv[1], resources=build_resources(load_settings()))
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def three_sessions(tmp_path_factory: pytest.TempPathFactory) -> MarketHistory:
    """A market of 10, 11 and 12 December 2025."""
    folder = tmp_path_factory.mktemp("three")
    return build_market_history(SampleMarket(folder, last_session=dt.date(2025, 12, 12), sessions=3, trades_per_symbol=60))


@pytest.fixture
def week(three_sessions: MarketHistory, tmp_path: Path) -> Iterator[LiveGraph]:
    """The graph on a server of that market."""
    with served_at_once(three_sessions, tmp_path) as graph:
        yield graph


def days_of(graph: LiveGraph) -> Sequence[dt.date]:
    return graph.server.market.trade_sessions


def store(graph: LiveGraph, tickers: str = TICKERS, **changes: Any) -> dict[str, Any]:
    """Materialise the day's tape; gives its newest ledger row."""
    graph.materialise(polygon_equity_trades_raw, tickers=tickers, **changes)
    return graph.entry(TAPE)


def run(graph: LiveGraph, days: Sequence[dt.date], *assets: str, **changes: Any) -> Outcome:
    """A range run of raw assets alone."""
    settings = graph.settings(**({"tickers": TICKERS} | changes))
    return SessionRunner(settings, graph.instance, on_day=lambda *_: None).run(days, select=assets)


def asked_by(graph: LiveGraph, call) -> set[str]:
    """The paths that the server was asked for during `call`."""
    before = len(graph.server.requests)
    call()
    return {received.path for received in graph.server.requests[before:]}


def stored_symbols(graph: LiveGraph, day: dt.date | None = None) -> list[str]:
    rows = graph.rows(TAPE).filter(pl.col("trade_date") == (day or graph.day))
    return rows["symbol"].unique().sort().to_list()


def times_of(graph: LiveGraph) -> tuple[dt.time, dt.time]:
    """Times (UTC) of the first and the last stored print."""
    times = graph.rows(TAPE)["timestamp"].dt.time()
    return times.min(), times.max()  # pyright: ignore[reportReturnType]


def statuses(graph: LiveGraph, feed: str, day: dt.date) -> list[str]:
    entries = graph.rows("ingest_ledger").filter(pl.col("feed") == feed, pl.col("partition_date") == day)
    return entries.sort("at")["status"].to_list()


def ticks(symbol: str) -> set[str]:
    return {f"/v3/trades/{symbol}", f"/v3/quotes/{symbol}"}


def break_down(graph: LiveGraph, path: str, kind: FaultKind = FaultKind.UNAVAILABLE, *, containing: str = "") -> None:
    graph.server.faults.add(Fault(path, kind, times=None, containing=containing))


def open_of(day: dt.date) -> str:
    """What only the requests of this day's ticks hold: the first instant of its window."""
    return str(int(dt.datetime.combine(day, dt.time(14, 30), dt.UTC).timestamp()) * 10**9)


# A symbol that fails


@pytest.mark.parametrize(
    ("kind", "kind_of_error"), [(FaultKind.WRONG_SHAPE, "MalformedSource"), (FaultKind.UNAVAILABLE, "Unreachable")]
)
def test_a_symbol_that_fails_again_costs_that_symbol_alone(live: LiveGraph, kind: FaultKind, kind_of_error: str):
    break_down(live, "/v3/trades/SPY", kind)
    store(live)
    others = live.rows(TAPE)
    result = live.materialise([polygon_equity_trades_raw, lit_direction_daily], tickers=TICKERS)
    assert result.success
    assert live.rows(TAPE).equals(others)
    assert kind_of_error in live.entry(TAPE)["message"]
    assert "SPY" in live.entry(TAPE)["message"]
    assert live.rows("lit_direction_daily").filter(pl.col("trade_count") > 0)["symbol"].to_list() == ["RGTI"]


def test_a_symbol_that_fails_for_ever_keeps_no_new_day_from_being_asked_for(week: LiveGraph):
    *stored, new = days_of(week)
    break_down(week, "/v3/trades/SPY")
    run(week, stored, TAPE)
    week.server.faults.clear()
    for day in stored:
        break_down(week, "/v3/trades/SPY", containing=open_of(day))
    outcome = run(week, days_of(week), TAPE)
    assert stored_symbols(week, new) == ["RGTI", "SPY"]
    assert len(outcome.failures) == len(stored)
    assert all("SPY" in failure for failure in outcome.failures)


def test_a_stored_symbol_that_fails_when_forced_keeps_its_prints_and_is_asked_for_again(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    break_down(live, "/v3/trades/SPY")
    entry = store(live, force=True)
    assert (entry["status"], list(json.loads(entry["failures"]))) == ("PARTIAL", ["SPY"])
    assert live.rows(TAPE).equals(before)
    live.server.faults.clear()
    assert asked_by(live, lambda: store(live)) == ticks("SPY")
    assert live.rows(TAPE).equals(before)


def test_every_symbol_failing_when_forced_leaves_the_day_as_it_was(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    break_down(live, "/v3/trades")
    assert store(live, force=True)["status"] == "DEGRADED"
    assert live.rows(TAPE).equals(before)


def test_a_stored_symbol_is_not_asked_for_whatever_the_service_would_say(live: LiveGraph):
    store(live)
    break_down(live, "/v3")
    assert asked_by(live, lambda: store(live)) == set()


def test_a_failed_ticker_that_was_taken_out_is_asked_for_when_it_is_back(live: LiveGraph):
    break_down(live, "/v3/trades/SPY")
    store(live)
    live.server.faults.clear()
    assert asked_by(live, lambda: store(live, "RGTI,AAPL")) == ticks("AAPL")
    assert asked_by(live, lambda: store(live, "SPY,RGTI,AAPL")) == ticks("SPY")
    assert stored_symbols(live) == ["AAPL", "RGTI", "SPY"]


def test_a_day_put_together_by_several_runs_equals_that_of_one(live: LiveGraph, tmp_path: Path):
    break_down(live, "/v3/quotes/RGTI")
    store(live)
    live.server.faults.clear()
    store(live)
    store(live, "SPY,RGTI,AAPL")
    other = LiveGraph(live.server, live.instance, tmp_path / "other")
    store(other, "SPY,RGTI,AAPL")
    assert live.rows(TAPE).equals(other.rows(TAPE))


# Tickers


def test_tickers_taken_out_and_put_back_are_not_asked_for_again(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    assert asked_by(live, lambda: (store(live, "RGTI"), store(live, TICKERS))) == set()
    assert live.rows(TAPE).equals(before)


def test_forcing_one_ticker_keeps_the_prints_of_those_taken_out(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    assert asked_by(live, lambda: store(live, "RGTI", force=True)) == ticks("RGTI")
    assert live.rows(TAPE).equals(before)
    assert asked_by(live, lambda: store(live)) == set()


def test_both_spellings_of_a_ticker_are_one_tape(live: LiveGraph):
    assert asked_by(live, lambda: store(live, "BRK/B,RGTI")) == ticks("BRK.B") | ticks("RGTI")
    before = live.rows(TAPE)
    assert asked_by(live, lambda: (store(live, "BRK.B,RGTI"), store(live, "BRK/B,BRK.B,RGTI"))) == set()
    assert live.rows(TAPE).equals(before)


def test_a_ticker_without_a_trade_is_asked_for_once(live: LiveGraph):
    store(live)
    assert asked_by(live, lambda: store(live, f"{TICKERS},ZZZZ")) == {"/v3/trades/ZZZZ"}
    assert live.entry(TAPE)["status"] == "STORED"
    assert asked_by(live, lambda: store(live, f"{TICKERS},ZZZZ")) == set()


def test_a_day_without_any_trade_is_not_published_yet_and_asked_for_again(live: LiveGraph):
    assert store(live, "ZZZZ")["status"] == "NOT_PUBLISHED"
    assert asked_by(live, lambda: store(live, "ZZZZ")) == {"/v3/trades/ZZZZ"}


def test_a_file_that_is_not_there_yet_is_no_word_on_a_new_ticker(live: LiveGraph, monkeypatch: pytest.MonkeyPatch):
    def absent(*_args: object, **_options: object) -> None:
        raise NotPublishedYet("the flat file is not there yet")

    store(live, "RGTI")
    with monkeypatch.context() as patched:
        patched.setattr(PolygonFeeds, "quoted_trades", absent)
        assert store(live)["status"] == "NOT_PUBLISHED"
    assert asked_by(live, lambda: store(live)) == ticks("SPY")


# Session windows


def test_another_session_window_asks_for_every_ticker_and_going_back_does_too(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    assert asked_by(live, lambda: store(live, rth_end="12:00")) == ticks("SPY") | ticks("RGTI")
    first, last = times_of(live)
    assert dt.time(14, 30) <= first < last <= dt.time(17)
    store(live)
    assert live.rows(TAPE).equals(before)


def test_a_symbol_that_fails_under_another_window_leaves_no_print_of_the_old_one(live: LiveGraph):
    store(live)
    break_down(live, "/v3/trades/SPY")
    store(live, rth_end="12:00")
    assert stored_symbols(live) == ["RGTI"]
    live.server.faults.clear()
    assert asked_by(live, lambda: store(live, rth_end="12:00")) == ticks("SPY")


def test_an_outage_under_another_window_keeps_the_old_prints_and_derives_nothing_of_them(live: LiveGraph):
    store(live)
    before = live.rows(TAPE)
    break_down(live, "/v3")
    result = live.materialise([polygon_equity_trades_raw, lit_direction_daily], tickers=TICKERS, rth_end="12:00")
    assert not result.success
    assert live.rows(TAPE).equals(before)
    assert live.rows("lit_direction_daily").is_empty()


def test_a_half_day_ends_early_and_is_settled(tmp_path: Path):
    half_day = SampleMarket(tmp_path, last_session=dt.date(2025, 11, 28), sessions=1, trades_per_symbol=60)
    with served_at_once(build_market_history(half_day), tmp_path) as graph:
        entry = store(graph)
        assert "session window 14:30:00 to 18:15:00 UTC" in entry["message"]
        first, last = times_of(graph)
        assert dt.time(14, 30) <= first < last <= dt.time(18, 15)
        assert asked_by(graph, lambda: store(graph)) == set()


def test_before_the_window_has_ended_nobody_is_asked(live: LiveGraph, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trades_module, "TRADES_FINAL_AFTER", dt.timedelta(days=9999))
    assert asked_by(live, lambda: store(live)) == set()
    assert live.entry(TAPE)["status"] == "NOT_PUBLISHED"
    monkeypatch.undo()
    assert store(live)["status"] == "STORED"


# Ranges and outages


def test_an_outage_from_the_second_day_on_costs_those_days_and_the_next_run_makes_them(week: LiveGraph, tmp_path: Path):
    first, *later = days_of(week)
    for day in later:
        break_down(week, "/v3/trades", containing=open_of(day))
    outcome = run(week, days_of(week), TAPE)
    assert outcome.made == [first]
    assert [statuses(week, TAPE, day) for day in days_of(week)] == [["STORED"], ["FAILED"], ["FAILED"]]
    week.server.faults.clear()
    before = len(week.server.requests)
    assert run(week, days_of(week), TAPE).failures == []
    assert len(week.server.requests) - before == 2 * 2 * len(later)
    other = LiveGraph(week.server, week.instance, tmp_path / "other")
    run(other, days_of(week), TAPE)
    assert week.rows(TAPE).equals(other.rows(TAPE))


def test_a_service_that_fails_twice_in_a_row_is_not_asked_any_more_in_the_run(week: LiveGraph):
    break_down(week, "/v3/trades")
    assert run(week, days_of(week), TAPE, tickers="SPY").made == []
    assert len(week.server.requests) == 2 * 6
    assert "Unreachable" in week.entry(TAPE)["message"]


def test_one_address_that_fails_for_ever_is_no_outage(week: LiveGraph):
    old, *days = days_of(week)
    break_down(week, f"/equity/regsho/daily/CNMSshvol{old:%Y%m%d}.txt")
    outcome = run(week, days, SHORT, partitions_start=old)
    assert outcome.made == days
    assert [failure for failure in outcome.failures if str(old) in failure] == outcome.failures != []
    assert week.warehouse.stored_days(SHORT, old, days[-1]) == days


def test_a_refused_key_is_not_tried_on_the_other_days(week: LiveGraph):
    break_down(week, "/v2/aggs/grouped", FaultKind.UNAUTHORIZED)
    run(week, days_of(week), "polygon_daily_agg_raw")
    assert week.asked("/v2/aggs/grouped") == 1


# OTC weeks


def test_a_week_that_cannot_be_read_costs_that_week_alone(live: LiveGraph):
    break_down(live, WEEKLY, FaultKind.WRONG_SHAPE, containing="2025-10-27")
    assert live.materialise(finra_otc_weekly_raw).success
    assert live.entry(OTC)["status"] == "DEGRADED"
    assert "MalformedSource" in live.entry(OTC)["message"]
    assert dt.date(2025, 12, 8) in set(live.rows(OTC)["week_start_date"])
    assert live.rows(OTC)["week_start_date"].n_unique() == 8
    live.server.faults.clear()
    before = len(live.server.requests)
    assert live.materialise(finra_otc_weekly_raw).success
    assert live.rows(OTC)["week_start_date"].n_unique() == 9
    assert len(live.server.requests) - before <= 1 + 2 * 2  # a token; two tiers of one week, perhaps of both datasets


def test_a_week_that_fails_is_told_for_every_day_of_a_range_and_asked_for_once(week: LiveGraph):
    break_down(week, WEEKLY, FaultKind.WRONG_SHAPE, containing="2025-10-27")
    outcome = run(week, days_of(week), OTC)
    assert all(any(str(day) in failure for failure in outcome.failures) for day in days_of(week))
    assert statuses(week, OTC, dt.date(2025, 12, 1)) == ["STORED"]
    assert week.asked(WEEKLY) <= 1 + 8 * 4


def test_an_outage_between_two_weeks_keeps_the_weeks_before_and_asks_for_the_rest_later(live: LiveGraph):
    for late in ("2025-12-01", "2025-12-08"):
        break_down(live, WEEKLY, containing=late)
    assert live.materialise(finra_otc_weekly_raw).success
    before = live.rows(OTC)
    assert before["week_start_date"].max() == dt.date(2025, 11, 24)
    live.server.faults.clear()
    assert live.materialise(finra_otc_weekly_raw).success
    kept = live.rows(OTC).filter(pl.col("week_start_date") < dt.date(2025, 12, 1))
    assert kept.equals(before)
    assert live.rows(OTC)["week_start_date"].max() == dt.date(2025, 12, 8)


# Sources that change, rows that are gone, runs that are killed


def test_a_day_of_files_is_not_asked_for_but_a_ticker_that_they_lack_is(live: LiveGraph):
    feeds = HandMadeFeeds(live.folder / "feeds")
    path = feeds.write_trades(live.day, symbols=["SPY", "QQQ"])
    assert store(live, "SPY,QQQ", polygon_trades_dir=path.parent)["source"] == path.name
    before = live.rows(TAPE)
    assert asked_by(live, lambda: store(live, "SPY,QQQ")) == set()
    assert live.rows(TAPE).equals(before)
    feeds.write_trades(live.day, symbols=["QQQ"])
    store(live, "SPY,QQQ", polygon_trades_dir=path.parent)
    assert asked_by(live, lambda: store(live, "SPY,QQQ")) == ticks("SPY")
    assert stored_symbols(live) == ["QQQ", "SPY"]


def test_prints_that_were_pruned_are_asked_for_again_before_anything_is_derived_of_them(live: LiveGraph):
    live.materialise([polygon_equity_trades_raw, lit_direction_daily], tickers=TICKERS)
    prints, derived = live.rows(TAPE), live.rows("lit_direction_daily")
    with connect_to(live.folder / "darkpool.duckdb")() as connection:
        connection.execute(f"delete from {TAPE}")
    assert live.materialise([polygon_equity_trades_raw, lit_direction_daily], tickers=TICKERS).success
    assert live.rows(TAPE).equals(prints)
    assert live.rows("lit_direction_daily").equals(derived)


def test_prints_of_files_that_were_pruned_are_stored_again(graph: Graph):
    graph.materialise(polygon_equity_trades_raw, FRIDAY)
    prints = graph.rows(TAPE)
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        connection.execute(f"delete from {TAPE}")
    graph.materialise(polygon_equity_trades_raw, FRIDAY)
    assert graph.rows(TAPE).equals(prints)


def test_a_run_killed_between_rows_and_ledger_stored_neither_and_the_next_one_makes_the_day(live: LiveGraph, tmp_path: Path):
    live.let_go()
    values = {**live.server.settings(), "TICKERS": TICKERS, "DUCKDB_PATH": str(tmp_path / "darkpool.duckdb")}
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_LEDGER, str(live.day)], env=os.environ | values, cwd=tmp_path, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert live.asked("/v3/trades") == 2
    assert live.rows(TAPE).is_empty()
    assert live.rows("ingest_ledger").is_empty()
    assert asked_by(live, lambda: store(live)) == ticks("SPY") | ticks("RGTI")
    assert stored_symbols(live) == ["RGTI", "SPY"]


def test_two_runs_on_one_day_store_it_once(live: LiveGraph):
    live.server.terms = replace(live.server.terms, largest_page=100)
    store(live)
    before = live.rows(TAPE)
    store(live)
    assert live.rows(TAPE).equals(before)
    assert statuses(live, TAPE, live.day) == ["STORED"]
