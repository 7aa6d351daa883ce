"""One session by schedule, one week by sensor, and (long) backfills that outlive kill -9, in real processes."""

import datetime as dt
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import duckdb
import httpx
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.cli import PROJECT
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import write_sample_market
from darkpool_assets.settings import load_settings
from darkpool_assets.warehouse import Warehouse

pytestmark = pytest.mark.operation

LOCATION = Path(__file__).with_name("ticking_location.py")
TABLES = ["finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw",
          "lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", "composite_signal",
          "daily_tables"]  # fmt: skip
LAUNCH = """
    mutation ($assets: [AssetKeyInput!], $days: [String!]) {
      launchPartitionBackfill(backfillParams: {assetSelection: $assets, partitionNames: $days}) {
        __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
      }
    }
"""
CLICK = """
    mutation ($parameters: ExecutionParams!) {
      launchPipelineExecution(executionParams: $parameters) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
      }
    }
"""
T = TypeVar("T")


@dataclass
class Operation:
    """A project on the sample market's files, its Dagster instance, and the processes that work on it."""

    folder: Path
    market: SampleMarket
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    @property
    def target(self) -> dt.date:
        """The session that the schedule makes."""
        return self.market.last_session

    @property
    def week_files(self) -> list[Path]:
        """The weekly files of the target's week: its tiers, and restatements."""
        return sorted((self.market.folder / "finra_otc").rglob(f"weeklySummary_{market_calendar.week_of(self.target)}_*.json"))

    @property
    def published(self) -> Path:
        """The copy for readers outside."""
        return self.folder / "published.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        values = {name: value for name, value in sample_settings(self.market).items() if name not in {"AS_OF", "BACKFILL_COUNT"}}
        return values | {
            "FETCH_MODE": "single", "TICKERS": "SPY,RGTI", "AUTOMATION": "true", "OUTPUT_DIR": str(self.folder / "output"),
            "DUCKDB_PATH": str(self.folder / "darkpool.duckdb"), "DAGSTER_HOME": str(self.folder / "dagster_home"),
            "PARTITIONS_START": str(self.market.trade_sessions[0]), "PUBLISHED_DUCKDB_PATH": str(self.published),
        }  # fmt: skip

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(connect_to(self.folder / "darkpool.duckdb"))

    @property
    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(self.environment["DAGSTER_HOME"])

    def start(self) -> None:
        """`dagster dev`: web server, daemon and code server, in a process group of their own."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "dagster", "dev", "-f", str(LOCATION), "-h", "127.0.0.1", "-p", str(port)]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env=os.environ | self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        wait_until(self._is_up, what="dagster dev")

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.address}/server_info", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def kill_everything(self) -> None:
        """kill -9 of the daemon, the web server, the code servers and the runs."""
        for process in self.processes:
            for pid in _processes_of(self.folder):
                _kill(pid)
            process.wait()
        self.processes.clear()

    def backfill(self, days: Sequence[dt.date]) -> None:
        """What the UI's backfill dialog sends."""
        variables = {"assets": [{"path": [name]} for name in TABLES], "days": [str(day) for day in days]}
        self._send(LAUNCH, variables, expected="LaunchBackfillSuccess")

    def click(self, day: dt.date) -> None:
        """What the UI's Materialize button sends for one day."""
        selector = {
            "repositoryLocationName": LOCATION.name, "repositoryName": "__repository__", "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [name]} for name in TABLES], "assetCheckSelection": [],
        }  # fmt: skip
        tags = [{"key": "dagster/partition", "value": str(day)}]
        parameters = {"selector": selector, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags}}
        self._send(CLICK, {"parameters": parameters}, expected="LaunchRunSuccess")

    def _send(self, mutation: str, variables: dict[str, object], *, expected: str) -> None:
        body = httpx.post(f"{self.address}/graphql", json={"query": mutation, "variables": variables}, timeout=60).json()
        assert [answer["__typename"] for answer in (body.get("data") or {}).values()] == [expected], body

    def stored(self, table: str, day: dt.date) -> int:
        return self.warehouse.read_day(table, day).height

    def is_whole(self, days: Sequence[dt.date]) -> bool:
        """Whether every table of every day is there, each partition materialised, and the gate is open."""
        settings = load_settings(**{name.lower(): value for name, value in self.environment.items() if name != "DAGSTER_HOME"})
        with self.instance as instance:
            made = [instance.get_materialized_partitions(dg.AssetKey(name)) for name in TABLES]
        return all(
            all(str(day) in of_asset for of_asset in made) and judge_day(self.warehouse, day, settings=settings).is_open
            for day in days
        )

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        with self.instance as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(statuses)) if statuses else None))


def wait_until(look: Callable[[], T], *, what: str, seconds: float = 240) -> T:
    """The first truthy answer of `look`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.3)
    return found


def _processes_of(folder: Path) -> list[int]:
    """Processes that work in `folder`: Dagster puts its children into groups of their own."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if (process / "cwd").resolve() == folder.resolve():
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _worker_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    """The process that executes `run`, as the run's own log names it."""
    messages = " ".join(entry.message for entry in instance.all_logs(run.run_id))
    return int(re.findall(r"\(pid: (\d+)\)", messages)[-1])


@pytest.fixture(scope="module")
def operation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operation]:
    """The daemon at work; the week of the target session is not published yet."""
    folder = tmp_path_factory.mktemp("daemon")
    market = SampleMarket(folder=folder / "market", last_session=dt.date(2025, 12, 12), sessions=13, trades_per_symbol=40)
    write_sample_market(market, progress=lambda *_: None)
    made = Operation(folder, market)
    (folder / "unpublished").mkdir()
    for file in made.week_files:
        shutil.move(file, folder / "unpublished" / file.name)
    (folder / "dagster_home").mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", folder / "dagster_home" / "dagster.yaml")
    made.start()
    yield made
    made.kill_everything()


def test_the_schedule_makes_the_session_once(operation: Operation):
    wait_until(lambda: operation.runs(dg.DagsterRunStatus.SUCCESS), what="the schedule's run")
    (run,) = operation.runs()
    assert run.tags["dagster/schedule_name"] == "end_of_day_schedule"
    assert operation.is_whole([operation.target])
    assert set(operation.warehouse.read_day("daily_metrics", operation.target)["data_quality"]) == {"PRE_OTC"}


def test_a_week_that_lands_is_anchored_by_the_sensor(operation: Operation):
    for file in (operation.folder / "unpublished").iterdir():
        shutil.copyfile(file, operation.market.folder / "finra_otc" / file.name)
    anchored = lambda: operation.warehouse.read_day("provenance_events", operation.target)  # noqa: E731
    wait_until(lambda: anchored().height, what="the week's session to be anchored")
    assert set(anchored()["to_quality"]) == {"OTC_ANCHORED"}
    wait_until(lambda: len(operation.runs(dg.DagsterRunStatus.SUCCESS)) == 3, what="both runs of the sensor")
    assert {run.tags.get("dagster/sensor_name") for run in operation.runs()} == {None, "rederivation_sensor"}


def _volumes(operation: Operation) -> set[float]:
    return set(operation.warehouse.read_day("daily_metrics", operation.target)["otc_off_exchange_volume"].drop_nulls())


def _restated(row: dict[str, Any]) -> dict[str, Any]:
    """Twice the shares, a hundred days later."""
    updated = dt.date.fromisoformat(row["lastUpdateDate"]) + dt.timedelta(days=100)
    return row | {"totalWeeklyShareQuantity": row["totalWeeklyShareQuantity"] * 2, "lastUpdateDate": str(updated)}


@contextmanager
def _reader(copy: Path) -> Iterator[list[int]]:
    """Somebody who opens the published copy again and again; what was read each time: rows of daily_metrics."""
    read: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            with duckdb.connect(str(copy), read_only=True) as connection:
                read.append(connection.execute("select count(*) from daily_metrics").fetchall()[0][0])

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield read
        finally:
            over.set()
        looking.result()


@pytest.mark.long
def test_a_click_a_backfill_and_a_sensor_take_turns_while_the_copy_is_read(operation: Operation):
    *days, clicked = operation.market.trade_sessions[8:12]
    before = _volumes(operation)
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    with _reader(operation.published) as read:
        operation.backfill(days)
        operation.click(clicked)
        for file in operation.week_files:
            file.write_text(json.dumps([_restated(row) for row in json.loads(file.read_text())]))
        wait_until(lambda: operation.is_whole([*days, clicked]), what="the backfill and the click")
        wait_until(lambda: _volumes(operation) == {2 * volume for volume in before}, what="the restated week")
        wait_until(lambda: len(operation.runs(*ended)) == len(operation.runs()), what="every run to end")
    with operation.instance as instance:
        records = instance.get_run_records()
    spans = sorted((record.start_time or 0.0, record.end_time or 0.0) for record in records)
    assert {record.dagster_run.status for record in records} == {dg.DagsterRunStatus.SUCCESS}
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert len(set(read)) > 1
    assert read == sorted(read)


@pytest.mark.long
def test_a_backfill_whose_run_is_killed_is_made_by_another_run(operation: Operation):
    days = operation.market.trade_sessions[:4]
    operation.backfill(days)
    (run,) = wait_until(lambda: operation.runs(dg.DagsterRunStatus.STARTED), what="the backfill's run")
    wait_until(lambda: operation.stored("polygon_equity_trades_raw", days[-1]), what="its raw trades")
    with operation.instance as instance:
        _kill(_worker_of(instance, run))
    wait_until(lambda: operation.is_whole(days), what="the days to be made after all")
    with operation.instance as instance:
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.long
def test_a_backfill_goes_on_when_everything_was_killed(operation: Operation):
    days = operation.market.trade_sessions[4:8]
    operation.backfill(days)
    wait_until(lambda: operation.stored("polygon_equity_trades_raw", days[0]), what="the first raw trades")
    operation.kill_everything()
    operation.start()
    wait_until(lambda: operation.is_whole(days), what="the days to be made after all")


@pytest.mark.long
def test_no_run_is_left_behind(operation: Operation):
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    wait_until(lambda: len(operation.runs(*ended)) == len(operation.runs()), what="every run to end")
    assert operation.is_whole([*operation.market.trade_sessions[:8], operation.target])
