"""The end-of-day schedule: New York time, sessions only, early closes, and what the settings choose."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from darkpool_assets.defs.automation.end_of_day import build_end_of_day_schedule, sessions_at_cut_off
from darkpool_assets.defs.automation.session_requests import NOT_MADE_TAG, request_sessions, sessions_under_way
from darkpool_assets.defs.clock import system_clock
from darkpool_assets.defs.run_options import RANGE_END, RANGE_START
from darkpool_assets.resources import connect_to
from darkpool_assets.settings import load_settings
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY
from darkpool_assets_tests.hand_made_graph import Graph

D = dt.date


def at(day: dt.date, time: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.fromisoformat(time), ZoneInfo("America/New_York"))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(connect_to(tmp_path / "darkpool.duckdb"))


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def asked_for(
    warehouse: Warehouse, instance: dg.DagsterInstance, now: dt.datetime, **changes: object
) -> list[tuple[str, str]] | str:
    """First and last day of each request, or why there is none."""
    answer = sessions_at_cut_off(warehouse, instance, settings=load_settings(offline=True, **changes), now=now)
    if isinstance(answer, dg.SkipReason):
        return str(answer.skip_message)
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in answer]


def test_a_session_that_nobody_made_is_requested_at_its_cut_off(warehouse, instance):
    assert asked_for(warehouse, instance, at(D(2025, 11, 26), "23:30")) == [("2025-11-26", "2025-11-26")]


def test_before_the_cut_off_nothing_is_requested(warehouse, instance):
    assert asked_for(warehouse, instance, at(D(2025, 11, 26), "20:30")) == "The cut-off of 2025-11-26 is not over."


def test_an_early_close_has_its_cut_off_three_hours_earlier(warehouse, instance):
    assert asked_for(warehouse, instance, at(D(2025, 11, 28), "20:30")) == [("2025-11-28", "2025-11-28")]


def test_a_tick_missed_over_the_weekend_requests_friday(warehouse, instance):
    assert asked_for(warehouse, instance, at(D(2025, 11, 29), "10:00")) == [("2025-11-28", "2025-11-28")]


def test_sessions_that_are_too_many_to_be_made_unasked_are_named_by_the_runs_that_make_the_newest(again: Graph):
    settings = again.settings(target_date=None, as_of=None)
    answer = sessions_at_cut_off(again.warehouse, again.instance, settings=settings, now=at(D(2026, 1, 20), "23:30"))
    assert isinstance(answer, list)
    (request,) = answer
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2025-12-18", "2026-01-20")
    assert request.tags[NOT_MADE_TAG] == "3 sessions, 2025-12-15 to 2025-12-17: darkpool backfill 2025-12-15 2025-12-17"


def test_a_holiday_requests_no_session_of_its_own(again: Graph):
    evening = at(D(2025, 12, 13), "23:30")
    answer = sessions_at_cut_off(again.warehouse, again.instance, settings=again.settings(target_date=None), now=evening)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == f"{FRIDAY} is made, and no session since."


def test_a_session_that_a_run_makes_is_not_requested_again(warehouse, instance):
    waiting = request_sessions([D(2025, 11, 25), D(2025, 11, 26)], key="click")[0]
    with dg.DagsterInstance.ephemeral() as busy:
        busy.add_run(dg.DagsterRun(job_name="end_of_day", tags=dict(waiting.tags), status=dg.DagsterRunStatus.STARTED))
        assert sessions_under_way(busy) == {D(2025, 11, 25), D(2025, 11, 26)}
        reason = asked_for(warehouse, busy, at(D(2025, 11, 26), "23:30"))
    assert reason == "A run makes 2025-11-26 already."


@pytest.mark.parametrize(
    ("changes", "requested"),
    [
        ({"fetch_mode": "daily", "backfill_count": 3}, [("2025-11-24", "2025-11-26")]),
        ({"fetch_mode": "weekly", "backfill_count": 3}, [("2025-11-14", "2025-11-14"), ("2025-11-21", "2025-11-21")]),
        ({"target_date": "2025-11-20"}, [("2025-11-20", "2025-11-20")]),
    ],
    ids=["daily", "weekly", "target"],
)
def test_the_settings_choose_what_the_job_makes(warehouse, instance, changes, requested):
    assert asked_for(warehouse, instance, at(D(2025, 11, 26), "23:30"), **changes) == requested


@pytest.mark.parametrize(("automation", "status"), [(True, "RUNNING"), (False, "STOPPED")])
def test_the_schedule_ticks_in_new_york_and_is_switched_on_by_its_setting(automation, status):
    schedule = build_end_of_day_schedule(load_settings(automation=automation), clock=system_clock)
    assert schedule.execution_timezone == "America/New_York"
    assert (schedule.cron_schedule, schedule.default_status.value) == (("30 20 * * 1-5", "30 23 * * 1-5"), status)
