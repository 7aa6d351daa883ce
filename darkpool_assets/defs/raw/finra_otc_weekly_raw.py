"""finra_otc_weekly_raw: FINRA's weekly OTC volume, the authoritative off-exchange anchor, in vintages.

A weekly feed in daily partitions: a day makes sure that every week it may rest on is stored as currently published.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset, make_sessions
from darkpool_assets.defs.ledgers import event_entry
from darkpool_assets.defs.raw.feed_storage import Feed, report_readings
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.errors import NotConfigured, NotPublishedYet
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.reading import Reading
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse


@daily_asset(
    "finra_otc_weekly_raw",
    group="raw",
    owner="ingest",
    kinds={"finra", "duckdb"},
    description="FINRA OTC (ATS and non-ATS) weekly volume: the week of the day and the eight before it, as published so far.",
)
def finra_otc_weekly_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    finra: dg.ResourceParam[FinraFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """The nine weeks that one session may rest on."""
    feed = Feed(
        "finra_otc_weekly_raw", warehouse, lambda *_: [], vintage=("symbol", "week_start_date"), is_forced=is_forced(context)
    )
    read_once: list[SessionReport] = []

    def make(day: dt.date) -> SessionReport:
        if not read_once:
            read_once.append(_store_weeks(feed, finra, day))
        return _weeks_in_reach(warehouse, day, read_once[0], settings=settings)

    yield from make_sessions(context, make, on_failure=feed.record_failure)


def _store_weeks(feed: Feed, finra: FinraFeeds, day: dt.date) -> SessionReport:
    """Store what the weekly source holds; every week of it, for files hold many."""
    try:
        readings = finra.otc_weekly()
    except (NotConfigured, NotPublishedYet) as reason:
        status = IngestStatus.NOT_CONFIGURED if isinstance(reason, NotConfigured) else IngestStatus.NOT_PUBLISHED
        return SessionReport(str(reason), metadata={"status": status.value})
    with feed.warehouse.connected() as warehouse:
        held = replace(feed, warehouse=warehouse, beside=frozenset(reading.source for reading in readings))
        statuses: set[IngestStatus] = set()
        for reading in readings:
            # Once a file is stored, those after it are too: a changed older file must not outdo a restatement.
            held.is_forced = held.is_forced or IngestStatus.STORED in statuses
            statuses.add(held.store(_newest_week(reading) or day, [reading]))
    status = IngestStatus.STORED if IngestStatus.STORED in statuses else IngestStatus.UNCHANGED
    return report_readings(status, readings, "")


def _newest_week(reading: Reading) -> dt.date | None:
    """The ledger keeps a file under its newest week, whichever session asked for it."""
    return reading.rows.select(pl.col("week_start_date").max()).item()


def _weeks_in_reach(warehouse: Warehouse, day: dt.date, read: SessionReport, *, settings: Settings) -> SessionReport:
    """Which weeks the day may rest on, which are stored, and which are awaited."""
    weeks = market_calendar.otc_weeks_in_reach(day)
    rows = warehouse.read_window("finra_otc_weekly_raw", weeks[0], weeks[-1])
    stored = set(rows["week_start_date"])
    status = IngestStatus(read.metadata["status"])
    entry = event_entry("finra_otc_weekly_raw", day, source="weeks in reach", status=status, message=read.summary)
    warehouse.append({"ingest_ledger": entry})
    as_of = settings.as_of_date(dt.datetime.now(dt.UTC))
    lines = [
        dg.TableRecord(
            {
                "week": week.isoformat(),
                "stored": week in stored,
                "due (T1)": market_calendar.otc_due_date(week, "T1").isoformat(),
                "due (T2, OTCE)": market_calendar.otc_due_date(week, None).isoformat(),
            }
        )
        for week in weeks
    ]
    summary = f"{status.value}: {len(stored & set(weeks))} of {len(weeks)} weeks stored"
    metadata = {
        "as_of": as_of.isoformat(),
        "weeks": dg.MetadataValue.table(lines),
        "symbols": rows.select(pl.col("symbol").n_unique()).item(),
        **read.metadata,
    }
    return SessionReport(summary, rows=rows.height, metadata=metadata)
