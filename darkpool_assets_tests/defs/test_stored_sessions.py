"""What is settled and what is stale: changed files, restated weeks, sources that moved."""

import datetime as dt
import gzip
import os
import time
from typing import Any

import pytest

from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, THURSDAY, TUESDAY, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph

ALL = ["daily_metrics", "index_constituent_short_agg_daily", "lit_direction_daily"]
NUMBERS = ["finra_otc_weekly_raw", *ALL]


def written_now(path) -> None:
    """A file whose time is later than everything that was made of it."""
    later = time.time() + 5
    os.utime(path, (later, later))


def test_a_made_day_is_settled(again: Graph):
    assert [day for day in WEEK if not again.stored().settled([day], ALL)] == []


def test_after_a_plain_run_no_day_is_compared_with_what_it_was_made_of(made_week: Graph, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("darkpool_assets.defs.stale_sessions.metric_digests")
    assert made_week.stored().stale() == {}


def test_days_that_are_left_out_are_not_stale(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, factor=1.5)
    again.run([WEDNESDAY], ["finra_otc_weekly_raw"])
    assert list(again.stored().stale(besides=[MONDAY, FRIDAY])) == [TUESDAY, WEDNESDAY, THURSDAY]


def test_a_changed_short_file_unsettles_its_own_day_only(again: Graph):
    written_now(again.feeds.write_short(TUESDAY, factor=2))
    assert [day for day in WEEK if not again.stored().settled([day], ALL)] == [TUESDAY]


@pytest.mark.parametrize("kind", ["trades", "quotes", "aggs"])
def test_a_changed_tape_or_aggregate_unsettles_its_day(again: Graph, kind: str):
    written_now(again.feeds.folder / kind / f"{FRIDAY}.csv")
    assert [day for day in WEEK if not again.stored().settled([day], ALL)] == [FRIDAY]


@pytest.mark.parametrize("name", ["otc/weekly_2025-12-08.json", "constituents/spx_sample.csv"])
def test_a_changed_week_or_constituents_file_unsettles_every_day(again: Graph, name: str):
    written_now(again.feeds.folder / name)
    assert [day for day in WEEK if not again.stored().settled([day], ALL)] == WEEK


def test_a_source_that_vanished_unsettles_the_day(again: Graph):
    assert not again.stored(finra_otc_file=str(again.feeds.folder / "gone.csv")).settled([FRIDAY], ALL)


def test_another_source_folder_unsettles_the_day(again: Graph):
    assert not again.stored(finra_otc_dir=str(again.feeds.folder)).settled([FRIDAY], ALL)


def test_a_new_vintage_derives_the_other_days_of_its_week_again_and_the_gate_stays_open(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, factor=1.5)
    outcome = again.run([WEDNESDAY], NUMBERS)
    assert outcome.derived_again == [MONDAY, TUESDAY, THURSDAY, FRIDAY]
    spy = again.rows("daily_metrics").filter(symbol="SPY")
    assert set(spy["otc_off_exchange_volume"]) == {9_000_000.0}
    assert spy["otc_alloc_volume"].sum() == pytest.approx(9_000_000.0)
    assert all(judge_day(again.warehouse, day, settings=again.settings()).is_open for day in WEEK)


def test_a_week_restated_by_a_later_as_of_unsettles_anchored_days(again: Graph):
    covered: dict[str, Any] = {"tickers": "SPY,QQQ"}
    (again.feeds.folder / "constituents" / "spx_sample.csv").write_text("index,symbol,list_date\nSPX_SAMPLE,QQQ,2025-12-01\n")
    again.feeds.write_otc(MONDAY, published=PUBLISHED, updated=dt.date(2026, 1, 20), factor=2, name="restated")
    assert not again.run(WEEK, NUMBERS, as_of="2026-01-10", **covered).failures
    assert again.stored(as_of="2026-01-11", **covered).settled([FRIDAY], ALL)
    assert not again.stored(as_of="2026-01-20", **covered).settled([FRIDAY], ALL)


def test_a_week_that_is_published_meanwhile_anchors_the_stored_days(graph: Graph):
    again_later = "2025-12-29"
    week_file = graph.feeds.write_otc(MONDAY, published=PUBLISHED)
    content = week_file.read_text()
    week_file.unlink()
    graph.run(WEEK, [*NUMBERS, "finra_short_daily_raw", "polygon_daily_agg_raw"], as_of="2025-12-28")
    assert set(graph.rows("daily_metrics")["data_quality"]) == {"PRE_OTC"}
    week_file.write_text(content)
    outcome = graph.run([FRIDAY], NUMBERS, as_of=again_later)
    assert outcome.derived_again == [MONDAY, TUESDAY, WEDNESDAY, THURSDAY]
    assert set(graph.rows("daily_metrics").filter(symbol="SPY")["data_quality"]) == {"OTC_ANCHORED"}
    assert graph.rows("provenance_events").height == 2 * len(WEEK)


def test_prints_of_another_session_window_are_refused_by_the_derivation(again: Graph):
    outcome = again.run([FRIDAY], ["lit_direction_daily"], rth_start="10:00")
    assert "Materialise polygon_equity_trades_raw again" in outcome.failures[0]
    assert again.run([FRIDAY], ["polygon_equity_trades_raw", "lit_direction_daily"], rth_start="10:00").failures == []


def test_a_feed_stored_after_the_derivation_unsettles_the_day(again: Graph):
    again.feeds.write_short(TUESDAY, factor=2)
    again.run([TUESDAY], ["finra_short_daily_raw"])
    assert not again.stored().settled([TUESDAY], ALL)


def test_a_page_that_failed_once_and_was_made_since_fails_no_later_range(again: Graph):
    broken = again.feeds.write_short(TUESDAY, trailer=99)
    select = ["finra_short_daily_raw", *ALL, "daily_tables"]
    assert again.run([MONDAY, TUESDAY], select).failures
    broken.unlink()
    again.feeds.write_short(TUESDAY)
    assert again.run([MONDAY, TUESDAY], select).failures == []


def test_a_renamed_short_file_keeps_the_gate_open(again: Graph):
    file = again.feeds.short_file(TUESDAY)
    content = file.read_bytes()
    file.unlink()
    file.with_name(f"{file.stem}.txt.gz").write_bytes(gzip.compress(content))
    again.run([TUESDAY], ["finra_short_daily_raw"])
    assert judge_day(again.warehouse, TUESDAY, settings=again.settings()).is_open


def test_a_composite_older_than_its_metrics_leaves_the_day_unsettled(again: Graph):
    assert again.stored().settled([FRIDAY], [*ALL, "composite_signal"])
    again.materialise(daily_metrics, FRIDAY)
    assert not again.stored().settled([FRIDAY], [*ALL, "composite_signal"])


def test_a_day_made_without_a_source_is_not_settled_once_there_is_one(again: Graph):
    assert again.materialise(polygon_daily_agg_raw, FRIDAY, polygon_daily_agg_dir=None).success
    alike = {"polygon_daily_agg_dir": None, "offline": True}
    again.run([FRIDAY], NUMBERS, **alike)
    assert again.stored(**alike).settled([FRIDAY], ALL)
    assert not again.stored(polygon_daily_agg_dir=None, offline=False, polygon_api_key="a key").settled([FRIDAY], ALL)


def test_a_session_that_a_feed_was_late_for_is_unfinished(again: Graph):
    again.feeds.short_file(THURSDAY).unlink()
    again.materialise(finra_short_daily_raw, THURSDAY)
    assert again.stored().unfinished(WEEK) == [THURSDAY]
    assert again.runner().with_unfinished([FRIDAY]) == [THURSDAY, FRIDAY]
