"""Running sessions from the command line: the same definitions and the same Dagster instance as the UI.

Choosing sessions is session_choice's work and making them the assets'; here ranges become runs, finished days are skipped,
later days that rest on changed ones are derived again, the last session is drawn, and what failed is collected from the
ledgers.
"""

import datetime as dt
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY, range_tags
from darkpool_assets.defs.automation.wanted_sessions import HEALED_SESSIONS
from darkpool_assets.defs.ledgers import standing_failure, utc_now
from darkpool_assets.defs.raw.finra_otc_weekly_raw import WEEKS_IN_REACH
from darkpool_assets.defs.run_options import FORCE_TAG, LARGEST_RUN
from darkpool_assets.defs.stale_sessions import DERIVED_AGAIN, DRAWN
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.event_log import keep_event_log_open
from darkpool_assets.resources import connect_to
from darkpool_assets.run_failures import StepFailure, failure_lines
from darkpool_assets.session_choice import MissedSessions, contiguous_blocks, missed_sessions
from darkpool_assets.settings import Settings
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

_MODULES: Final = re.compile(r"^(?:\w+\.)+(?=\w+: )")
_INTERRUPTIONS: Final = (dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)

OnDay = Callable[[str, int, int], None]


class Plots(StrEnum):
    """Which sessions of a range get plots and pages."""

    LAST = "last"
    ALL = "all"


@dataclass
class Outcome:
    """What a command made: sessions by kind, and what failed, each cause in one line."""

    made: list[dt.date] = field(default_factory=list)
    skipped: list[dt.date] = field(default_factory=list)
    derived_again: list[dt.date] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    not_published: list[str] = field(default_factory=list)
    not_configured: list[str] = field(default_factory=list)


class SessionRunner:
    """Runs sessions of one code location on one Dagster instance."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, *, on_day: OnDay) -> None:
        keep_event_log_open(instance)
        self._settings = settings
        self._instance = instance
        self._warehouse = Warehouse(connect_to(settings.duckdb_path))
        self._stored = StoredSessions(settings, self._warehouse)
        loggers = dg.Definitions(loggers={"progress": _progress_logger(on_day)})
        self._job = dg.Definitions.merge(build_definitions(settings), loggers).resolve_job_def(END_OF_DAY)

    @property
    def asset_names(self) -> list[str]:
        """Every asset of the graph, by name."""
        return sorted(key.to_user_string() for key in self._job.asset_layer.executable_asset_keys)

    def run(
        self, days: Sequence[dt.date], *, select: Sequence[str] | None = None, force: bool = False, plots: Plots = Plots.LAST
    ) -> Outcome:
        """Make `days`; then derive again those stored days that have gone stale, and draw the last session.

        Args:
            days: Sessions, oldest first.
            select: Assets; all of them where None.
            force: Fetch and derive again what is unchanged.
            plots: Which of `days` get plots and pages; days that have pages already and changed get them again, too,
                also those that a command before this one changed and did not come to draw.
        """
        started = utc_now()
        outcome, steps = Outcome(), list[StepFailure]()
        selected = list(select or self.asset_names)
        if tables := [name for name in selected if name not in DRAWN]:
            outcome.made = self._run_blocks(days, tables, force=force, failures=steps)
        if select is None or set(select) & set(DERIVED_AGAIN):
            stale = list(self._stored.stale(besides=days))
            outcome.derived_again = self._run_blocks(stale, DERIVED_AGAIN, force=force, failures=steps)
        changed = {*outcome.made, *outcome.derived_again, *self._stored.outdated_drawings()}
        paged = {day for day in changed if self._stored.has_site_page(day)}
        to_draw = sorted(paged | set(_days_to_draw(days, plots)))
        for name in DRAWN:  # one after the other: a plot that the gate refuses does not take the day's page away
            if name in selected:
                drawn = self._run_blocks(to_draw, [name], force=force, failures=steps)
                outcome.made = outcome.made or [day for day in drawn if day in days]
        self._collect(outcome, started, days, steps=steps)
        return outcome

    def missed(self, *, now: dt.datetime) -> MissedSessions:
        """The sessions that nobody made since the newest stored one."""
        first, last, version = (
            self._settings.partitions_start,
            market_calendar.last_calendar_day(),
            self._settings.inference_version,
        )
        stored = self._warehouse.stored_days("daily_metrics", first, last, inference_version=version)
        return missed_sessions(self._settings, newest=max(stored, default=None), now=now)

    def with_unfinished(self, days: Sequence[dt.date]) -> list[dt.date]:
        """`days` and, of the sessions just before them, those that a feed did not give or was late for."""
        before = market_calendar.sessions_before(days[0], HEALED_SESSIONS) if days else []
        return [*self._stored.unfinished(before), *days]

    def run_unfinished(
        self, days: Sequence[dt.date], *, select: Sequence[str] | None = None, plots: Plots = Plots.LAST
    ) -> Outcome:
        """Make those of `days` that are not there yet, or that were made under other settings; skip the rest."""
        selected = list(select or self.asset_names)
        materialised = {name: self._instance.get_materialized_partitions(dg.AssetKey(name)) for name in selected}
        undrawn = set(days) - set(_days_to_draw(days, plots))
        complete = [
            day
            for day in days
            if all(day.isoformat() in keys for name, keys in materialised.items() if not (name in DRAWN and day in undrawn))
        ]
        there = self._stored.settled(complete, selected)
        outcome = self.run([day for day in days if day not in set(there)], select=select, plots=plots)
        outcome.skipped = there
        return outcome

    def _run_blocks(
        self, days: Sequence[dt.date], select: Sequence[str], *, force: bool, failures: list[StepFailure]
    ) -> list[dt.date]:
        """Run `days`, failed steps into `failures`; returns the days of runs that started a step.

        Raises:
            KeyboardInterrupt: also where Dagster took the interruption for a failure of the step.
        """
        ran: list[dt.date] = []
        for block in contiguous_blocks(days, largest=LARGEST_RUN):
            result = self._execute(block, select, force=force)
            if any(_is_interruption(event) for event in result.all_events):
                raise KeyboardInterrupt
            failures += [] if result.success else _step_failures(result)
            if any(event.is_step_start for event in result.all_events):
                ran += block
        return ran

    def _execute(self, block: list[dt.date], select: Sequence[str], *, force: bool) -> dg.ExecuteInProcessResult:
        tags = {FORCE_TAG: "true"} if force else {}
        partition = block[0].isoformat() if len(block) == 1 else None
        if partition is None:
            tags |= range_tags(block)
        return self._job.execute_in_process(
            instance=self._instance,
            partition_key=partition,
            tags=tags,
            asset_selection=[dg.AssetKey(name) for name in select],
            run_config={"loggers": {"progress": {}}},
            raise_on_error=False,
        )

    def _collect(self, outcome: Outcome, started: dt.datetime, days: Sequence[dt.date], *, steps: Sequence[StepFailure]) -> None:
        entries = self._entries_since(started)
        version = self._settings.inference_version
        outcome.failures = failure_lines(
            entries, steps, standing=lambda day, name: standing_failure(self._warehouse, day, name, version=version)
        )
        failed = set(entries.filter(pl.col("status") == IngestStatus.FAILED.value)["day"])
        outcome.made = [day for day in outcome.made if day not in failed]
        outcome.derived_again = [day for day in outcome.derived_again if day not in failed]
        wanted = entries.filter(pl.col("day").is_in(list(days)))
        outcome.not_published = _feeds_with(IngestStatus.NOT_PUBLISHED, wanted, of=len(days))
        outcome.not_configured = _feeds_with(IngestStatus.NOT_CONFIGURED, wanted, of=len(days))

    def _entries_since(self, started: dt.datetime) -> pl.DataFrame:
        """The newest entry of each day and raw table or asset that this command wrote."""
        first, last = dt.date.min, market_calendar.last_calendar_day()
        recent = []
        for ledger, owner in (("ingest_ledger", "feed"), ("derivation_ledger", "asset")):
            day_column = TABLES[ledger].day_column
            newest = self._warehouse.newest_entries(ledger, first, last, by=[day_column, owner], whole=True)
            entries = newest.filter(pl.col("at") >= started)
            if ledger == "ingest_ledger":  # a weekly file is told of under the sessions that rest on it, not under its week
                is_file = (pl.col("feed") == "finra_otc_weekly_raw") & ~pl.col("source").is_in(["", WEEKS_IN_REACH])
                entries = entries.filter(~is_file)
            optional = {name: _text_column(name, entries) for name in ("failures", "caused_by")}
            recent.append(entries.select("status", "message", owner=owner, day=day_column, **optional))
        return pl.concat(recent)


def _days_to_draw(days: Sequence[dt.date], plots: Plots) -> Sequence[dt.date]:
    return days if plots is Plots.ALL else days[-1:]


def _feeds_with(status: IngestStatus, entries: pl.DataFrame, *, of: int) -> list[str]:
    """Name the feeds of that status, with the sessions that have it."""
    counts = entries.filter(pl.col("status") == status.value).group_by("owner").len().sort("owner")
    return [f"{owner} ({count} of {of} sessions)" for owner, count in counts.iter_rows()]


def _text_column(name: str, entries: pl.DataFrame) -> pl.Expr:
    return pl.col(name) if name in entries.columns else pl.lit(None, pl.String)


def _is_interruption(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    return any(one is not None and one.cls_name in _INTERRUPTIONS for one in (error, error and error.cause))


def _step_failures(result: dg.ExecuteInProcessResult) -> list[StepFailure]:
    """What failed in a run: its steps, or the run itself where it did not come to any."""
    failed = [event for event in result.all_events if event.is_step_failure]
    if failed:
        return [
            StepFailure(
                str(event.step_key),
                _message(event.step_failure_data.error),
                repeats_ledgers=event.step_failure_data.user_failure_data is not None,
            )
            for event in failed
        ]
    ended = [event for event in result.all_events if event.is_run_failure]
    return [StepFailure("run", _message(event.job_failure_data.error)) for event in ended] or [StepFailure("run", "failed")]


def _message(error: Any) -> str:
    """What a serialised error says, its kind by name alone."""
    return _MODULES.sub("", str((error.cause or error).message).strip()) if error else "failed"


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
