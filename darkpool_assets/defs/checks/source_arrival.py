"""Whether every feed of a day arrived by the day's cut-off, read off the ingest ledger; outside the gate, for what came stands.

Before the cut-off a feed that is not published yet is awaited. The rule is a pure function of ledger rows and the moment;
`darkpool check` asks it too.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.stored_day import Finding, Rule
from darkpool_assets.defs.checks.findings_verdict import findings_verdict
from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.settings import Settings
from darkpool_assets.tables import FINRA_OTC_WEEKLY_RAW, TABLES
from darkpool_assets.vocabulary import IngestStatus, Severity
from darkpool_assets.warehouse import Warehouse

_CHECK: Final = "every_source_of_the_day_arrived_by_its_cut_off"
_ASSET: Final = "daily_metrics"
_REMEDY: Final = (
    "The source sensor asks again by itself for five sessions; after them `darkpool run`, or materialise the day again."
)
_MEANING: Final = "No feed of the day failed, and none is awaited from 23:30 New York on (earlier with an early close)."
_FEEDS: Final = tuple(table.name for table in TABLES.values() if table.stage == "raw")
# A Monday's rows are also those of its week: of a session speak only what it found in reach, and its failure.
_OTC_SOURCES_OF_A_SESSION: Final = ("weeks in reach", "")
_WHOLE: Final = (IngestStatus.STORED, IngestStatus.UNCHANGED)
_CAME: Final = (*_WHOLE, IngestStatus.PRUNED, IngestStatus.NOT_CONFIGURED)


@dataclass(frozen=True)
class Arrival:
    """What of a day did not arrive, by feed; and the feeds that may still come."""

    missing: tuple[Finding, ...]
    awaited: tuple[str, ...]


def arrival_of(readings: pl.DataFrame, *, day: dt.date, now: dt.datetime) -> Arrival:
    """Judge the newest reading of each feed: what failed, in part or whole, is missing; what is not published, from the cut-off.

    Args:
        readings: Newest ingest_ledger rows of the day per feed and source.
        day: Session.
        now: Aware instant.
    """
    newest = _newest_by_feed(readings)
    missing: list[Finding] = []
    awaited: list[str] = []
    for feed in _FEEDS:
        status = newest[feed]["status"] if feed in newest else None
        if status in _CAME:
            continue
        if status in {None, IngestStatus.NOT_PUBLISHED} and now < market_calendar.cut_off(day):
            awaited.append(feed)
        else:
            told = f"{status}: {newest[feed]['failures'] or newest[feed]['message']}" if status else "was never read for this day"
            missing.append(Finding(feed, told))
    return Arrival(tuple(missing), tuple(awaited))


def _newest_by_feed(readings: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Feed -> its newest row about the session; what was pruned had come, and is only replaced by a whole reading."""
    is_of_the_session = pl.col("source").is_in(_OTC_SOURCES_OF_A_SESSION) | (pl.col("feed") != FINRA_OTC_WEEKLY_RAW.name)
    newest: dict[str, dict[str, Any]] = {}
    for row in readings.filter(is_of_the_session).sort("at").iter_rows(named=True):
        had_come = newest.get(row["feed"], {}).get("status") == IngestStatus.PRUNED
        if not had_come or row["status"] in _WHOLE:
            newest[row["feed"]] = row
    return newest


def arrival_rule(now: dt.datetime) -> Rule:
    """The rule at the instant `now`, for those who ask it beside the gate's."""
    return Rule(
        16,
        _CHECK,
        _ASSET,
        Severity.ERROR,
        lambda stored: [*arrival_of(stored.readings, day=stored.day, now=now).missing],
        _REMEDY,
    )


@dg.multi_asset_check(
    name="source_arrival", specs=[partitioned_check_spec(_CHECK, asset=_ASSET, description=f"{_MEANING} If not: {_REMEDY}")]
)
def source_arrival(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """The verdict of every day of the run; fails the run when a day asked for could not be made."""
    now = dt.datetime.now(dt.UTC)
    verdicts = {key: _verdict(warehouse, dt.date.fromisoformat(key), now=now) for key in context.partition_keys}
    yield from report_verdicts(context, verdicts, asset=_ASSET, check=_CHECK)
    fail_for_unmade_days(context, warehouse, version=settings.inference_version)


def _verdict(warehouse: Warehouse, day: dt.date, *, now: dt.datetime) -> DayVerdict:
    arrival = arrival_of(warehouse.newest_entries("ingest_ledger", day, day, by=["feed", "source"]), day=day, now=now)
    verdict = findings_verdict(arrival.missing, remedy=_REMEDY)
    if not arrival.awaited:
        return verdict
    until = f"{market_calendar.cut_off(day):%Y-%m-%d %H:%M} New York"
    return DayVerdict(verdict.passed, {**verdict.metadata, "awaited": ", ".join(arrival.awaited), "awaited until": until})
