"""Running sessions from the command line: the same definitions and the same Dagster instance as the UI.

Choosing sessions is session_choice's work and making them the assets'; here ranges become runs, finished days are skipped,
later days that rest on changed ones are derived again, and what failed is collected from the ledgers.
"""

import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.definitions import END_OF_DAY, build_definitions
from darkpool_assets.defs.ledgers import NUMBER_SETTINGS, utc_now
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.defs.run_options import FORCE_TAG
from darkpool_assets.resources import connect_to
from darkpool_assets.session_choice import contiguous_blocks, stale_sessions
from darkpool_assets.settings import Settings
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import DataQuality, IngestStatus
from darkpool_assets.warehouse import Warehouse

LARGEST_RUN: Final = 30
RAW: Final = ("finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw")
WINDOWED: Final = ("daily_metrics", "index_constituent_short_agg_daily", "daily_tables")
_UNFINISHED: Final = (IngestStatus.NOT_PUBLISHED, IngestStatus.FAILED, IngestStatus.PARTIAL, IngestStatus.DEGRADED)
_FAILED: Final = (IngestStatus.FAILED, IngestStatus.PARTIAL, IngestStatus.DEGRADED)
_LOCAL_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "finra_otc_weekly_raw": ("finra_otc_file", "finra_otc_dir"),
    "finra_short_daily_raw": ("finra_short_sale_file", "finra_short_sale_dir"),
    "polygon_equity_trades_raw": ("polygon_trades_file", "polygon_trades_dir"),
    "polygon_daily_agg_raw": ("polygon_daily_agg_file", "polygon_daily_agg_dir"),
}

OnDay = Callable[[str, int, int], None]


@dataclass
class Outcome:
    """What a command made: sessions by kind, and what failed, each in words."""

    made: list[dt.date] = field(default_factory=list)
    skipped: list[dt.date] = field(default_factory=list)
    derived_again: list[dt.date] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    not_published: list[str] = field(default_factory=list)
    not_configured: list[str] = field(default_factory=list)


class SessionRunner:
    """Runs sessions of one code location on one Dagster instance."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, *, on_day: OnDay) -> None:
        self._settings = settings
        self._instance = instance
        self._warehouse = Warehouse(connect_to(settings.duckdb_path))
        loggers = dg.Definitions(loggers={"progress": _progress_logger(on_day)})
        self._job = dg.Definitions.merge(build_definitions(settings), loggers).resolve_job_def(END_OF_DAY)

    @property
    def asset_names(self) -> list[str]:
        """Every asset of the graph, by name."""
        return sorted(key.to_user_string() for key in self._job.asset_layer.executable_asset_keys)

    def run(self, days: Sequence[dt.date], *, select: Sequence[str] | None = None, force: bool = False) -> Outcome:
        """Make `days`; then derive again those stored days whose numbers rest on what changed."""
        started = utc_now()
        outcome = Outcome()
        direction = self._direction(days)
        outcome.made = self._run_blocks(days, select or self.asset_names, force=force, outcome=outcome)
        stale = self._stale(days, changed=self._changed_days(started) | self._redirected_days(days, direction))
        if stale and (select is None or set(select) & set(WINDOWED)):
            outcome.derived_again = self._run_blocks(stale, WINDOWED, force=force, outcome=outcome)
        self._collect(outcome, started, days)
        return outcome

    def run_unfinished(self, days: Sequence[dt.date], *, select: Sequence[str] | None = None) -> Outcome:
        """Make those of `days` that are not there yet, or that were made under other settings; skip the rest."""
        selected = list(select or self.asset_names)
        materialised = [self._instance.get_materialized_partitions(dg.AssetKey(name)) for name in selected]
        there = [day for day in days if all(day.isoformat() in keys for keys in materialised) and self._is_settled(day, selected)]
        outcome = self.run([day for day in days if day not in set(there)], select=select)
        outcome.skipped = there
        return outcome

    def _run_blocks(self, days: Sequence[dt.date], select: Sequence[str], *, force: bool, outcome: Outcome) -> list[dt.date]:
        """Run `days`, failures into `outcome`; returns the days whose run came to its steps."""
        ran: list[dt.date] = []
        for block in contiguous_blocks(days, largest=LARGEST_RUN):
            result = self._execute(block, select, force=force)
            if not result.success:
                outcome.failures += _run_failures(result)
            if any(event.is_step_start for event in result.all_events):
                ran += block
        return ran

    def _execute(self, block: list[dt.date], select: Sequence[str], *, force: bool) -> dg.ExecuteInProcessResult:
        tags = {FORCE_TAG: "true"} if force else {}
        partition = block[0].isoformat() if len(block) == 1 else None
        if partition is None:
            tags["dagster/asset_partition_range_start"] = block[0].isoformat()
            tags["dagster/asset_partition_range_end"] = block[-1].isoformat()
        return self._job.execute_in_process(
            instance=self._instance,
            partition_key=partition,
            tags=tags,
            asset_selection=[dg.AssetKey(name) for name in select],
            run_config={"loggers": {"progress": {}}},
            raise_on_error=False,
        )

    def _stale(self, days: Sequence[dt.date], *, changed: set[dt.date]) -> list[dt.date]:
        """Stored sessions that rest on what this command stored, its look-back included, and that it did not make itself."""
        window = max(self._settings.short_z_window, self._settings.return_z_window, self._settings.lit_z_window) + 1
        if not changed:
            return []
        first = max(market_calendar.week_of(min(changed)), self._settings.partitions_start)
        last = market_calendar.sessions_after(max(changed), window)[-1]
        version = self._settings.inference_version
        stored = self._warehouse.stored_days("daily_metrics", first, last, inference_version=version)
        return stale_sessions(stored, changed=changed, made=set(days), window=window)

    def _changed_days(self, started: dt.datetime) -> set[dt.date]:
        first, last = dt.date.min, market_calendar.last_calendar_day()
        # By status too: what was stored as look-back may have been read again, unchanged, as a day of its own.
        by = ["feed", "partition_date", "source", "status"]
        entries = self._warehouse.newest_entries("ingest_ledger", first, last, by=by)
        stored = pl.col("status").is_in([IngestStatus.STORED.value, IngestStatus.PARTIAL.value])
        daily = pl.col("feed") != "finra_otc_weekly_raw"
        return set(entries.filter(stored, daily, pl.col("at") >= started)["partition_date"])

    def _redirected_days(self, days: Sequence[dt.date], before: pl.DataFrame) -> set[dt.date]:
        """Those of `days` whose inferred direction is not what it was: later z-scores rest on it, whatever feeds say."""
        return set(pl.concat([before, self._direction(days)]).filter(~pl.struct(pl.all()).is_duplicated())["date"])

    def _direction(self, days: Sequence[dt.date]) -> pl.DataFrame:
        first, last = (days[0], days[-1]) if days else (dt.date.min, dt.date.min)
        rows = self._warehouse.read_window(
            "lit_direction_daily", first, last, inference_version=self._settings.inference_version
        )
        return rows.select("date", "symbol", "log_buy_sell", "classification_method")

    def _is_settled(self, day: dt.date, selected: Sequence[str]) -> bool:
        readings = self._warehouse.newest_entries("ingest_ledger", day, day, by=["feed"])
        unfinished = readings.filter(pl.col("status").is_in([status.value for status in _UNFINISHED]))
        absent = readings.filter(pl.col("status") == IngestStatus.NOT_CONFIGURED.value)["feed"]
        if unfinished.height or any(self._has_local_source(feed) for feed in absent):
            return False
        if "daily_tables" in selected and not (tables_folder(self._settings, day) / "daily_metrics.html").is_file():
            return False
        return self._is_derived_alike(day)

    def _is_derived_alike(self, day: dt.date) -> bool:
        """Derived with these tickers and settings, and anchored, or else as of the same date."""
        newest = self._warehouse.newest_entries("derivation_ledger", day, day, owner="daily_metrics", by=["inference_version"])
        entry = newest.filter(pl.col("inference_version") == self._settings.inference_version)
        if entry.is_empty() or entry["status"][0] != IngestStatus.STORED:
            return False
        values = self._settings.model_dump(mode="json", include=set(NUMBER_SETTINGS))
        if json.loads(entry["tickers"][0]) != list(self._settings.tickers) or json.loads(entry["settings"][0]) != values:
            return False
        rows = self._warehouse.read_day("daily_metrics", day, inference_version=self._settings.inference_version)
        anchored = (rows["data_quality"] == DataQuality.OTC_ANCHORED.value).all()
        return anchored or entry["as_of"][0] == self._settings.as_of_date(dt.datetime.now(dt.UTC))

    def _has_local_source(self, feed: str) -> bool:
        return any(getattr(self._settings, name) is not None for name in _LOCAL_SOURCES[feed])

    def _collect(self, outcome: Outcome, started: dt.datetime, days: Sequence[dt.date]) -> None:
        first, last = dt.date.min, market_calendar.last_calendar_day()
        recent = []
        for ledger, owner in (("ingest_ledger", "feed"), ("derivation_ledger", "asset")):
            day_column = TABLES[ledger].day_column
            entries = self._warehouse.newest_entries(ledger, first, last, by=[day_column, owner]).filter(pl.col("at") >= started)
            recent.append(entries.select("status", "message", owner=owner, day=day_column, failures=_failures_of(entries)))
        entries = pl.concat(recent)
        named = entries.filter(pl.col("status").is_in([status.value for status in _FAILED]))
        words = [f"{row['day']} {row['owner']}: {row['failures'] or row['message']}" for row in named.iter_rows(named=True)]
        outcome.failures = sorted(set(words)) or outcome.failures
        failed = set(named.filter(pl.col("status") == IngestStatus.FAILED.value)["day"])
        outcome.made = [day for day in outcome.made if day not in failed]
        outcome.derived_again = [day for day in outcome.derived_again if day not in failed]
        wanted = entries.filter(pl.col("day").is_in(list(days)))
        for kind, words_of in (
            (IngestStatus.NOT_PUBLISHED, outcome.not_published),
            (IngestStatus.NOT_CONFIGURED, outcome.not_configured),
        ):
            found = wanted.filter(pl.col("status") == kind.value).group_by("owner").agg(pl.col("day").min(), days=pl.len())
            words_of += [
                f"{row['owner']} ({row['days']} of {len(days)} sessions)" for row in found.sort("owner").iter_rows(named=True)
            ]


def _failures_of(entries: pl.DataFrame) -> pl.Expr:
    return pl.col("failures") if "failures" in entries.columns else pl.lit(None, pl.String)


def _run_failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """What failed in a run: its steps, or the run itself where it did not come to any."""
    failed = [event for event in result.all_events if event.is_step_failure]
    if failed:
        return [f"{event.step_key}: {_message(event.step_failure_data.error)}" for event in failed]
    ended = [event for event in result.all_events if event.is_run_failure]
    return [f"run: {_message(event.job_failure_data.error)}" for event in ended] or ["run: failed"]


def _message(error: Any) -> str:
    return str((error.cause or error).message).strip() if error else "failed"


def _progress_logger(on_day: OnDay) -> dg.LoggerDefinition:
    """A Dagster logger that turns the assets' per-day lines into progress: asset, days done, days in all."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            details = getattr(record, "dagster_meta", {})
            message = str(details.get("orig_message", ""))
            if details.get("step_key") and message.endswith(")") and "/" in message:
                done, total = message[message.rindex("(") + 1 : -1].split("/")
                if done.isdigit() and total.isdigit():
                    on_day(str(details["step_key"]), int(done), int(total))

    @dg.logger
    def progress(_context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("darkpool.progress", logging.INFO)
        logger.addHandler(Handler())
        return logger

    return progress
