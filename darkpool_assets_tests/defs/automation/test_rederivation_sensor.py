"""The re-derivation sensor: exactly the sessions of a published week and those that rest on it, once per content."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.rederivation_sensor import stale_requests, weeks_request
from darkpool_assets.defs.clock import system_clock
from darkpool_assets.defs.run_options import RANGE_END, RANGE_START
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import write_sample_market
from darkpool_assets.session_runs import SessionRunner
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, kept_open

NUMBERS = ["finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_daily_agg_raw", "daily_metrics"]


@dataclass(frozen=True)
class HolidayWeek:
    """Sessions of a week and of the next one as they were stored the evening before the week was published."""

    monday: dt.date
    published: dt.date
    folder: Path

    def settings(self, as_of: dt.date) -> Settings:
        market = _market(self.folder, self.monday)
        values: dict[str, Any] = {name.lower(): value for name, value in sample_settings(market).items()}
        values |= {"tickers": "SPY,XLF", "as_of": str(as_of), "target_date": None, "polygon_trades_dir": None}
        values |= {"partitions_start": str(self.monday - dt.timedelta(weeks=1))}
        return load_settings(**values, duckdb_path=self.folder / "darkpool.duckdb", output_dir=self.folder / "output")

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(connect_to(self.folder / "darkpool.duckdb"))

    @property
    def after(self) -> dt.date:
        """The first session after the week."""
        return _market(self.folder, self.monday).last_session

    def stale(self, as_of: dt.date) -> list[dt.date]:
        return list(StoredSessions(self.settings(as_of), self.warehouse).stale())


def _market(folder: Path, monday: dt.date) -> SampleMarket:
    last = market_calendar.sessions_of_week(monday + dt.timedelta(weeks=1))[0]
    return SampleMarket(folder=folder / "market", last_session=last, sessions=1, look_back=10, trades_per_symbol=1)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((dt.date(2025, 9, 1), dt.date(2025, 9, 22)), id="Labor Day", marks=pytest.mark.long),
        pytest.param((dt.date(2025, 11, 24), dt.date(2025, 12, 15)), id="Thanksgiving"),
        pytest.param((dt.date(2025, 12, 29), dt.date(2026, 1, 20)), id="year end", marks=pytest.mark.long),
    ],
)
def holiday_week(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HolidayWeek:
    """A week of four sessions and the first session after it, PRE_OTC; the year's end is published after a holiday."""
    monday, published = request.param
    week = HolidayWeek(monday, published, tmp_path_factory.mktemp("week"))
    write_sample_market(_market(week.folder, monday), progress=lambda *_: None)
    for file in (week.folder / "market" / "finra_otc").glob("*.json"):
        if file.name.split("_")[1] < str(monday - dt.timedelta(weeks=1)):
            file.unlink()
    days = [*market_calendar.sessions_of_week(monday), week.after]
    with dg.DagsterInstance.ephemeral() as instance, kept_open(week.folder):
        runner = SessionRunner(week.settings(published - dt.timedelta(days=1)), instance, on_day=lambda *_: None)
        assert runner.run(days, select=NUMBERS).failures == []
    return week


def test_on_its_publication_the_four_sessions_of_a_holiday_week_are_stale_and_the_one_that_rests_on_it(holiday_week: HolidayWeek):
    sessions = market_calendar.sessions_of_week(holiday_week.monday)
    assert len(sessions) == 4
    assert holiday_week.stale(holiday_week.published) == [
        *sessions,
        _market(holiday_week.folder, holiday_week.monday).last_session,
    ]


def test_the_evening_before_nothing_is_stale(holiday_week: HolidayWeek):
    assert holiday_week.stale(holiday_week.published - dt.timedelta(days=1)) == []


def test_neighbouring_stale_sessions_are_one_run_of_what_rests_on_their_inputs(holiday_week: HolidayWeek):
    settings = holiday_week.settings(holiday_week.published)
    (request,) = stale_requests(holiday_week.warehouse, settings=settings, clock=system_clock)
    sessions = market_calendar.sessions_of_week(holiday_week.monday)
    assert request.tags[RANGE_START] == str(sessions[0])
    assert request.tags[RANGE_END] > str(sessions[-1])
    assert {key.to_user_string() for key in request.asset_selection or []} == {
        "daily_metrics", "index_constituent_short_agg_daily", "composite_signal", "daily_tables",
    }  # fmt: skip


def test_the_same_content_has_the_same_run_key_and_another_one_has_not(holiday_week: HolidayWeek):
    keys = [
        [one.run_key for one in stale_requests(holiday_week.warehouse, settings=holiday_week.settings(day), clock=system_clock)]
        for day in (holiday_week.published, holiday_week.published, holiday_week.published + dt.timedelta(days=60))
    ]
    assert keys[0] == keys[1] != keys[2]


def ask(graph: Graph) -> list[dg.RunRequest]:
    settings = graph.settings(target_date=str(FRIDAY))
    now = dt.datetime(2026, 1, 6, 1, tzinfo=dt.UTC)
    return weeks_request(graph.warehouse, FinraFeeds(settings), settings=settings, now=now)


def test_a_weekly_file_that_was_read_requests_nothing(again: Graph):
    assert ask(again) == []


def test_a_new_weekly_file_is_read_in_a_run_of_the_newest_session_and_then_anchors_its_week(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, updated=dt.date(2026, 1, 5), factor=1.5, name="restated")
    (request,) = ask(again)
    assert (request.tags[RANGE_START], [key.to_user_string() for key in request.asset_selection or []]) == (
        str(FRIDAY), ["finra_otc_weekly_raw"],
    )  # fmt: skip
    assert not again.run([FRIDAY], ["finra_otc_weekly_raw"], as_of="2026-01-06").failures
    assert ask(again) == []
    assert list(again.stored(as_of="2026-01-06").stale()) == WEEK


def test_what_changes_no_number_makes_no_day_stale(again: Graph):
    again.run(WEEK[:1], ["finra_short_daily_raw", "polygon_daily_agg_raw"], force=True)
    assert again.stored().stale() == {}
