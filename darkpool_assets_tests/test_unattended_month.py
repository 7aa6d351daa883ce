"""A month that nobody attends: ticks of the schedule and the sensors in order, their requests run, FINRA and Polygon on loopback.

From Monday, 27 October 2025 to Tuesday, 2 December: Thanksgiving and its early close, three weeks published, one restated,
a short file that comes a day late, and an evening on which nobody answers.
"""

import datetime as dt
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
import stamina
import time_machine
from dagster._core.event_api import PartitionKeyFilter
from polars.testing import assert_frame_equal

from darkpool_assets import market_calendar
from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY
from darkpool_assets.defs.run_options import RANGE_END, RANGE_START
from darkpool_assets.defs.stale_sessions import DRAWN
from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.sample_market.constituents import constituents_csv
from darkpool_assets.sample_market.market_history import build_market_history
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import Terms
from darkpool_assets.session_runs import SessionRunner
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.vocabulary import FetchMode
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_graph import kept_open
from darkpool_assets_tests.live_graph import Clock, keep_pace_by

pytestmark = [pytest.mark.operation, pytest.mark.long]

NEW_YORK = ZoneInfo(market_calendar.NEW_YORK)
FIRST, LAST = dt.date(2025, 10, 27), dt.date(2025, 12, 2)
LATE_SHORT_FILE = dt.date(2025, 11, 14)
OUTAGE = dt.date(2025, 11, 21)
WEEKS = {dt.date(2025, 10, 27): dt.date(2025, 11, 17), dt.date(2025, 11, 3): dt.date(2025, 11, 24),
         dt.date(2025, 11, 10): dt.date(2025, 12, 1)}  # fmt: skip
RESTATED, RESTATED_ON = dt.date(2025, 10, 27), dt.date(2025, 12, 2)
DERIVED = ("lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", "composite_signal")

SOURCES, AGAIN, SCHEDULE = "source_sensor", "rederivation_sensor", "end_of_day_schedule"
TICKS = (
    (dt.time(10, 0), SOURCES), (dt.time(10, 20), AGAIN), (dt.time(16, 5), SOURCES), (dt.time(20, 20), SOURCES),
    (dt.time(20, 30), SCHEDULE), (dt.time(20, 40), SOURCES), (dt.time(21, 0), AGAIN), (dt.time(21, 10), AGAIN),
    (dt.time(23, 30), SCHEDULE), (dt.time(23, 50), SOURCES),
)  # fmt: skip


@dataclass
class Operation:
    """The product on its own: definitions with a clock to be set, an instance, the ticks' cursors, what they requested."""

    settings: Settings
    server: MarketServer
    instance: dg.DagsterInstance
    now: dt.datetime
    cursors: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[dt.datetime, str, dg.RunRequest]] = field(default_factory=list)
    skipped: list[tuple[dt.datetime, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.definitions = build_definitions(self.settings, clock=lambda: self.now)

    @property
    def sessions(self) -> list[dt.date]:
        """The sessions that are to be made: all of them, or the one that each week ends with."""
        every = market_calendar.sessions_between(FIRST, LAST)
        return every if self.settings.fetch_mode is FetchMode.SINGLE else [day for day in every if day in _ends_of_weeks(every)]

    def sessions_of(self, week: dt.date) -> set[dt.date]:
        return set(market_calendar.sessions_of_week(week)) & set(self.sessions)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(connect_to(self.settings.duckdb_path))

    def rows(self, table: str) -> pl.DataFrame:
        return self.warehouse.read_window(table, dt.date.min, dt.date.max)

    def tick(self, name: str) -> None:
        """Evaluate one schedule or sensor now, and run what it requests, each run key once, as the daemon does."""
        if name == SCHEDULE:
            context = dg.build_schedule_context(
                instance=self.instance, scheduled_execution_time=self.now, resources=build_resources(self.settings)
            )
            with context:
                data = self.definitions.resolve_schedule_def(name).evaluate_tick(context)
        else:
            with dg.build_sensor_context(
                instance=self.instance, cursor=self.cursors.get(name), resources=build_resources(self.settings)
            ) as sensor_context:
                data = self.definitions.resolve_sensor_def(name).evaluate_tick(sensor_context)
            self.cursors[name] = data.cursor or self.cursors.get(name, "")
        if data.skip_message:
            self.skipped.append((self.now, name, data.skip_message))
        for request in data.run_requests or []:
            if request.run_key not in {one.run_key for _at, _by, one in self.ran}:
                self.ran.append((self.now, name, request))
                self._run(request)

    def _run(self, request: dg.RunRequest) -> None:
        self.definitions.resolve_job_def(END_OF_DAY).execute_in_process(
            instance=self.instance,
            tags=dict(request.tags),
            asset_selection=request.asset_selection and list(request.asset_selection),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def requested(self, *, whole: bool) -> list[tuple[dt.date, dt.date, str]]:
        """(New York date, session, by whom) of every session requested: whole days, or a few of their assets."""
        return [
            (at.astimezone(NEW_YORK).date(), day, by)
            for at, by, request in self.ran
            if (request.asset_selection is None) == whole
            for day in _days_of(request)
        ]


def _ends_of_weeks(days: list[dt.date]) -> set[dt.date]:
    return {market_calendar.sessions_of_week(market_calendar.week_of(day))[-1] for day in days}


def _days_of(request: dg.RunRequest) -> list[dt.date]:
    return market_calendar.sessions_between(*(dt.date.fromisoformat(request.tags[tag]) for tag in (RANGE_START, RANGE_END)))


@pytest.fixture(scope="module", params=["weekly", "single"])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operation]:
    """The month, played through: with the session that each week ends with, or with every session."""
    folder = tmp_path_factory.mktemp("month")
    memory = Path("/dev/shm")  # the event log is written thousands of times
    market = SampleMarket(folder=folder / "market", last_session=LAST, sessions=26, trades_per_symbol=60)
    (market.folder / "constituents").mkdir(parents=True)
    (market.folder / "constituents" / "spx_sample.csv").write_text(constituents_csv(market))
    start = dt.datetime.combine(FIRST, dt.time(12), NEW_YORK)
    stamina.set_testing(True, attempts=2, cap=True)
    turns = Clock()
    try:
        with (
            MarketServer(market, now=start, history=build_market_history(market), terms=Terms(clock=turns)) as server,
            pytest.MonkeyPatch.context() as patch,
            kept_open(folder),
            tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as home,
            dg.DagsterInstance.local_temp(home) as instance,
            time_machine.travel(start, tick=True) as traveller,
        ):
            keep_pace_by(turns, patch)
            operation = Operation(_settings(server, folder, fetch_mode=request.param, backfill_count=1), server, instance, start)
            for day in (FIRST + dt.timedelta(days=offset) for offset in range((LAST - FIRST).days + 1)):
                for time_of_day, name in TICKS:
                    moment = dt.datetime.combine(day, time_of_day, NEW_YORK)
                    if moment > start:
                        operation.now = moment
                        traveller.move_to(moment)
                        _set_server(server, moment)
                        operation.tick(name)
                shutil.rmtree(folder / "output" / str(day), ignore_errors=True)  # drawn days are drawn again, which takes longest
            yield operation
    finally:
        stamina.set_testing(False)


def _settings(server: MarketServer, folder: Path, **changes: object) -> Settings:
    values = {name.lower(): value for name, value in server.settings().items() if name not in {"AS_OF", "TARGET_DATE"}}
    values |= {"tickers": "AAPL,RGTI", "partitions_start": "2025-09-22", "automation": True}
    return load_settings(**(values | {"duckdb_path": folder / "darkpool.duckdb", "output_dir": folder / "output"} | changes))


def _set_server(server: MarketServer, now: dt.datetime) -> None:
    """What the services know at `now`: no short file on the evening of one session, and nobody answers on another."""
    day, at = now.date(), now.time()
    server.now = dt.datetime.combine(day, dt.time(17, 59), NEW_YORK) if day == LATE_SHORT_FILE and at > dt.time(18) else now
    server.faults.clear()
    if day == OUTAGE and at > dt.time(16):
        server.faults.add(Fault("/", FaultKind.UNAVAILABLE, times=None))


def test_every_session_is_made_once_and_those_with_a_fault_once_more(month: Operation):
    made = Counter(day for _on, day, _by in month.requested(whole=True))
    assert made == Counter(month.sessions) + Counter([LATE_SHORT_FILE, OUTAGE])


def test_a_session_is_made_on_its_own_evening(month: Operation):
    on_time = {day for on, day, by in month.requested(whole=True) if on == day and by == SOURCES}
    assert on_time == set(month.sessions) - {LATE_SHORT_FILE, OUTAGE}


def test_what_the_cut_off_made_without_a_source_is_made_again_once_it_is_out(month: Operation):
    for day in (LATE_SHORT_FILE, OUTAGE):
        requests = [(on, by) for on, other, by in month.requested(whole=True) if other == day]
        assert requests == [(day, SCHEDULE), (day + dt.timedelta(days=1), SOURCES)], day


def test_a_late_file_fails_its_check_until_it_is_there(month: Operation):
    key = dg.AssetCheckKey(dg.AssetKey("daily_metrics"), "every_source_of_the_day_arrived_by_its_cut_off")
    history = month.instance.event_log_storage.get_asset_check_execution_history(
        key, limit=50, partition_filter=PartitionKeyFilter(key=LATE_SHORT_FILE.isoformat())
    )
    verdicts = [record.status.value for record in history if record.status.value != "PLANNED"]
    assert verdicts[::-1][:2] == ["FAILED", "SUCCEEDED"]


def test_a_week_anchors_its_sessions_on_the_evening_of_its_publication(month: Operation):
    derived = {(on, day) for on, day, _by in month.requested(whole=False)}
    for week, published in WEEKS.items():
        assert {day for on, day in derived if on == published} >= month.sessions_of(week), week
    events = month.rows("provenance_events").filter(symbol="AAPL", to_quality="OTC_ANCHORED")
    assert dict(events.group_by("week_start_date").len().iter_rows()) == {week: len(month.sessions_of(week)) for week in WEEKS}


def test_a_restated_week_is_derived_again_on_that_evening(month: Operation):
    derived = {day for on, day, _by in month.requested(whole=False) if on == RESTATED_ON}
    assert derived >= month.sessions_of(RESTATED)


def test_polls_that_find_nothing_new_derive_nothing_again(month: Operation):
    derived = {on for on, _day, by in month.requested(whole=False) if by == AGAIN}
    after_late_data = {day + dt.timedelta(days=1) for day in (LATE_SHORT_FILE, OUTAGE)}
    publications = {on for on in derived if on.weekday() == 0} | {RESTATED_ON}
    assert derived - publications <= after_late_data | _asked_on_holidays(month)


def _asked_on_holidays(month: Operation) -> set[dt.date]:
    """Evenings on which the sensor itself asked FINRA for weeks, for no session did."""
    return {
        at.astimezone(NEW_YORK).date()
        for at, _by, request in month.ran
        if request.asset_selection == [dg.AssetKey("finra_otc_weekly_raw")]
    }


def test_the_tables_equal_those_of_one_clean_backfill(month: Operation, tmp_path: Path):
    settings = _settings(month.server, tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        runner = SessionRunner(settings, instance, on_day=lambda *_: None)
        outcome = runner.run(month.sessions, select=[name for name in runner.asset_names if name not in DRAWN])
    assert outcome.failures == []
    clean = Warehouse(connect_to(settings.duckdb_path))
    for table in DERIVED:
        mine, theirs = (rows.drop("as_of", strict=False) for rows in (month.rows(table), clean.read_window(table, FIRST, LAST)))
        assert_frame_equal(mine, theirs, check_exact=False, rel_tol=1e-12, abs_tol=1e-12)
