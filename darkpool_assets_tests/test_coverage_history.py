"""Coverage and OTC weeks over time, held against rows that a test knows."""

import datetime as dt

import polars as pl
import pytest

from darkpool_assets.coverage_history import coverage_over_time, weeks_over_time
from darkpool_assets.database_check import check_day
from darkpool_assets.resources import connect_to
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, THURSDAY, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph

THIRD = pytest.approx(100 / 3)
TWO_THIRDS = pytest.approx(200 / 3)


def change(graph: Graph, *changes: str) -> None:
    """Change stored rows."""
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        for sql in changes:
            connection.execute(sql)


def row(frame: pl.DataFrame, day: dt.date) -> dict:
    """The row of one session."""
    return frame.row(by_predicate=pl.col("session") == day, named=True)


def coverage(graph: Graph, **options) -> pl.DataFrame:
    """Coverage under the graph's settings."""
    return coverage_over_time(graph.warehouse, settings=graph.settings(), **options)


def test_every_stored_session_has_one_row_oldest_first(made_week: Graph):
    assert coverage(made_week)["session"].to_list() == WEEK


def test_a_whole_session_covers_every_ticker_and_is_open(made_week: Graph):
    found = row(coverage(made_week), FRIDAY)
    shares = {name: found[name] for name in ("configured", "lit_pct", "short_pct", "price_pct", "gate", "NBBO", "BVC", "NONE")}
    assert shares == {
        "configured": 3, "lit_pct": 100, "short_pct": 100, "price_pct": 100, "gate": "OPEN", "NBBO": 3, "BVC": 0, "NONE": 0,
    }  # fmt: skip


def test_tickers_without_a_flag_are_missing_from_its_share(again: Graph):
    which = f"where date = '{FRIDAY}' and symbol"
    change(
        again,
        f"update daily_metrics set has_lit = false, classification_method = 'BVC' {which} = 'SPY'",
        f"update daily_metrics set has_short = false {which} in ('SPY', 'QQQ')",
        f"update daily_metrics set has_price = false {which} = 'IWM'",
        f"update daily_metrics set has_otc = false {which} in ('SPY', 'IWM')",
        f"update daily_metrics set data_quality = if(symbol = 'QQQ', 'OTC_ANCHORED', 'PRE_OTC') where date = '{FRIDAY}'",
    )
    found = row(coverage(again), FRIDAY)
    names = ("lit_pct", "short_pct", "price_pct", "otc_pct", "anchored_pct")
    assert [found[name] for name in names] == [TWO_THIRDS, THIRD, TWO_THIRDS, THIRD, THIRD]
    assert (found["NBBO"], found["BVC"]) == (2, 1)


def test_a_configured_ticker_without_a_row_counts_as_without_everything(again: Graph):
    change(again, f"delete from daily_metrics where date = '{FRIDAY}' and symbol = 'SPY'")
    found = row(coverage(again), FRIDAY)
    assert (found["configured"], found["lit_pct"], found["price_pct"]) == (3, TWO_THIRDS, TWO_THIRDS)


def test_a_repeated_row_and_a_ticker_that_was_not_configured_count_for_nothing(again: Graph):
    which = f"where date = '{FRIDAY}' and symbol = 'SPY'"
    change(
        again,
        f"insert into daily_metrics select * from daily_metrics {which}",
        f"insert into daily_metrics select * replace ('ZZZ' as symbol) from daily_metrics {which}",
    )
    found = row(coverage(again), FRIDAY)
    assert (found["configured"], found["lit_pct"], found["NBBO"]) == (3, 100, 3)


def test_a_session_that_the_ledger_forgot_counts_its_rows(again: Graph):
    change(again, f"delete from derivation_ledger where date = '{FRIDAY}'")
    found = row(coverage(again), FRIDAY)
    assert (found["configured"], found["lit_pct"], found["gate"]) == (3, 100, "NOT_JUDGED")


def test_the_gate_is_what_the_composite_met_unless_it_is_judged_now(again: Graph):
    change(again, f"update daily_metrics set has_short = false where date = '{THURSDAY}' and symbol = 'SPY'")
    assert row(coverage(again), THURSDAY)["gate"] == "OPEN"
    gate = check_day(again.warehouse, THURSDAY, settings=again.settings()).gate
    assert row(coverage(again, judged={THURSDAY: gate}), THURSDAY)["gate"] == "CLOSED"


def test_a_refused_composite_is_recorded_as_a_closed_gate(again: Graph):
    change(again, f"update daily_metrics set has_short = false where date = '{THURSDAY}' and symbol = 'SPY'")
    assert again.run([THURSDAY], select=["composite_signal"]).failures
    assert row(coverage(again), THURSDAY)["gate"] == "CLOSED"


def test_the_last_sessions_up_to_a_day_can_be_chosen(made_week: Graph):
    assert coverage(made_week, until=THURSDAY, last=2)["session"].to_list() == [WEDNESDAY, THURSDAY]
    assert coverage(made_week, last=50)["session"].to_list() == WEEK


@pytest.mark.parametrize("frame_of", [coverage_over_time, weeks_over_time])
def test_an_empty_database_is_a_frame_without_rows(graph: Graph, frame_of):
    assert frame_of(graph.warehouse, settings=graph.settings()).is_empty()


def test_another_version_is_not_covered(made_week: Graph):
    assert coverage_over_time(made_week.warehouse, settings=made_week.settings(inference_version="B")).is_empty()


def test_a_week_says_when_it_was_due_and_published_and_how_its_rows_stand(made_week: Graph):
    (week,) = weeks_over_time(made_week.warehouse, settings=made_week.settings()).to_dicts()
    assert (week["week"], week["due"], week["due_late"]) == (MONDAY, dt.date(2025, 12, 29), dt.date(2026, 1, 12))
    assert (week["published"], week["as_of"], week["sessions"], week["rows"]) == (PUBLISHED, dt.date(2026, 1, 5), 5, 15)
    assert (week["ANCHORED"], week["NO_COVERAGE"], week["NOT_YET_PUBLISHED"], week["OVERDUE"]) == (10, 5, 0, 0)
    assert (week["became_anchored"], week["changed_at"]) == (0, None)


def test_rows_that_were_anchored_later_are_counted_with_their_moment(graph: Graph):
    graph.run([FRIDAY], select=["finra_otc_weekly_raw", "daily_metrics"], as_of="2025-12-12")
    (before,) = weeks_over_time(graph.warehouse, settings=graph.settings()).to_dicts()
    assert (before["ANCHORED"], before["published"], before["became_anchored"]) == (0, None, 0)
    graph.run([FRIDAY], select=["daily_metrics"], as_of="2026-01-05", force=True)
    (after,) = weeks_over_time(graph.warehouse, settings=graph.settings()).to_dicts()
    assert (after["ANCHORED"], after["published"], after["became_anchored"]) == (2, PUBLISHED, 2)
    assert after["changed_at"] is not None
