"""The graph on hand-made feeds: fixtures that make days, copy them and run single assets through Dagster."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY, range_tags
from darkpool_assets.defs.stale_sessions import DRAWN
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.session_runs import Outcome, Plots, SessionRunner
from darkpool_assets.settings import Settings
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import WEEK, HandMadeFeeds


@dataclass(frozen=True)
class Graph:
    """The graph on hand-made feeds, with an instance of its own; each way to run it is the product's own."""

    feeds: HandMadeFeeds
    instance: dg.DagsterInstance
    folder: Path
    opened: ExitStack = field(default_factory=ExitStack)

    def settings(self, **changes: Any) -> Settings:
        """Settings that read the feeds and write below this test's folder."""
        mine: dict[str, Any] = {"duckdb_path": self.folder / "darkpool.duckdb", "output_dir": self.folder / "output"}
        return self.feeds.settings(**(mine | changes))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse that the runs write."""
        return Warehouse(connect_to(self.folder / "darkpool.duckdb"))

    def let_go(self) -> None:
        """Close the database, which the fixtures keep open: for readers of its file and for other processes."""
        self.opened.close()

    def materialise(
        self, asset: dg.AssetsDefinition | Sequence[dg.AssetsDefinition], day: dt.date, **changes: Any
    ) -> dg.ExecuteInProcessResult:
        """One day of an asset (or of a few), without checks, as a click in the UI makes it; the result may be a failure."""
        resources = build_resources(self.settings(**changes))
        return dg.materialize(
            [asset] if isinstance(asset, dg.AssetsDefinition) else asset,
            instance=self.instance,
            partition_key=day.isoformat(),
            resources=resources,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def run(
        self,
        days: Sequence[dt.date],
        select: Sequence[str] | None = None,
        *,
        force: bool = False,
        plots: str | None = None,
        **changes: Any,
    ) -> Outcome:
        """The days as the command line makes them; plots and pages, which take longest, only where `plots` asks for them."""
        runner = self.runner(**changes)
        if plots is None:
            select = select or [name for name in runner.asset_names if name not in DRAWN]
        return runner.run(days, select=select, force=force, plots=Plots(plots or "last"))

    def runner(self, **changes: Any) -> SessionRunner:
        """The command line's runner."""
        return SessionRunner(self.settings(**changes), self.instance, on_day=lambda *_: None)

    def stored(self, **changes: Any) -> StoredSessions:
        """The stored sessions, held against changed settings."""
        return StoredSessions(self.settings(**changes), self.warehouse)

    def judge(self, days: Sequence[dt.date], *, checks: Sequence[dg.AssetCheckKey]) -> dg.ExecuteInProcessResult:
        """Checks of one day, or of a range of days, alone, as the UI's "execute checks" runs them."""
        job = build_definitions(self.settings()).resolve_job_def(END_OF_DAY)
        return job.get_subset(asset_selection=set(), asset_check_selection=set(checks)).execute_in_process(
            instance=self.instance,
            partition_key=days[0].isoformat() if len(days) == 1 else None,
            tags=range_tags(days) if len(days) > 1 else {},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def made(self, asset: str) -> set[str]:
        """Partitions that Dagster knows as materialised."""
        return self.instance.get_materialized_partitions(dg.AssetKey(asset))

    def metadata(self, asset: str, day: dt.date) -> dict[str, Any]:
        """Metadata of the newest materialisation of one partition."""
        found = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[day.isoformat()]), limit=1
        ).records
        assert found, f"{asset} {day} was never materialised"
        materialisation = found[0].asset_materialization
        assert materialisation is not None
        return {name: _plain(value) for name, value in materialisation.metadata.items()}

    def verdicts(self, asset: str, check: str, day: dt.date) -> list[AssetCheckExecutionRecord]:
        """Every recorded verdict of one check on one partition, newest first."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), check)
        only = PartitionKeyFilter(key=day.isoformat())
        return list(self.instance.event_log_storage.get_asset_check_execution_history(key, limit=10, partition_filter=only))

    def rows(self, table: str) -> pl.DataFrame:
        """Every stored row of a table."""
        return self.warehouse.read_window(table, dt.date.min, dt.date.max)

    def ledger(self, feed: str, day: dt.date) -> list[str]:
        """Statuses in the ingest ledger of one feed and partition, oldest first."""
        return (
            self.rows("ingest_ledger")
            .filter(pl.col("feed") == feed, pl.col("partition_date") == day)
            .sort("at")["status"]
            .to_list()
        )

    def derivations(self, asset: str, day: dt.date) -> list[str]:
        """Statuses in the derivation ledger of one asset's day, oldest first."""
        entries = self.rows("derivation_ledger").filter(pl.col("asset") == asset, pl.col("date") == day)
        return entries.sort("at")["status"].to_list()


def _plain(value: dg.MetadataValue) -> Any:
    return [record.data for record in value.records] if isinstance(value, dg.TableMetadataValue) else value.value


def error_of(result: dg.ExecuteInProcessResult) -> str:
    """What the run's failed steps said."""
    failed = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return "\n".join(str((error.cause or error).message) for error in failed if error)


def without_moment(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as they can be compared between runs."""
    return rows.drop("ingested_at", "at", strict=False)


@contextmanager
def kept_open(folder: Path) -> Iterator[ExitStack]:
    """Hold the database of a folder: opening it anew takes 20 ms, and a run does that two dozen times a day."""
    with ExitStack() as opened:
        opened.enter_context(connect_to(folder / "darkpool.duckdb")())
        yield opened


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """The graph on feeds that a test may break."""
    with dg.DagsterInstance.ephemeral() as instance, kept_open(tmp_path) as opened:
        yield Graph(HandMadeFeeds(tmp_path / "feeds").write_everything(), instance, tmp_path, opened)


@pytest.fixture(scope="session")
def made_week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """The week of 8 December 2025, made by one range run as of 5 January; not to be changed."""
    folder = tmp_path_factory.mktemp("week")
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(HandMadeFeeds(folder / "feeds").write_everything(), instance, folder)
        with kept_open(folder):
            outcome = graph.run(WEEK)
        assert not outcome.failures
        with kept_open(folder):  # all is in the file now, which is copied
            yield graph


@contextmanager
def copy_of(made_week: Graph, folder: Path) -> Iterator[Graph]:
    """A copy of the made week's database with its feeds, which are not to be changed; its instance has seen no run."""
    shutil.copyfile(made_week.folder / "darkpool.duckdb", folder / "darkpool.duckdb")
    with dg.DagsterInstance.ephemeral() as instance, kept_open(folder) as opened:
        yield Graph(made_week.feeds, instance, folder, opened)


@pytest.fixture
def again(made_week: Graph, tmp_path: Path) -> Iterator[Graph]:
    """A copy of the made week's feeds and database, to be changed and run again; its instance has seen no run."""
    shutil.copytree(made_week.feeds.folder, tmp_path / "feeds")
    shutil.copyfile(made_week.folder / "darkpool.duckdb", tmp_path / "darkpool.duckdb")
    with dg.DagsterInstance.ephemeral() as instance, kept_open(tmp_path) as opened:
        with connect_to(tmp_path / "darkpool.duckdb")() as connection:
            moved = [str(made_week.feeds.folder), str(tmp_path / "feeds")]
            connection.execute("update derivation_ledger set settings = replace(settings, ?, ?)", moved)
        yield Graph(HandMadeFeeds(tmp_path / "feeds"), instance, tmp_path, opened)


@pytest.fixture
def column_schema() -> Callable[[dg.AssetsDefinition], list[str]]:
    """Column names that an asset's definition shows in the UI."""

    def names(asset: dg.AssetsDefinition) -> list[str]:
        schema = asset.metadata_by_key[asset.key]["dagster/column_schema"]
        return [column.name for column in schema.columns]

    return names


@pytest.fixture
def declared() -> Callable[[str], list[str]]:
    """Column names of a table's declaration."""
    return lambda table: TABLES[table].column_names
