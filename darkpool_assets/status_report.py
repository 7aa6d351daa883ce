"""What `darkpool status` shows: partitions per table, newest readings, OTC weeks awaited, changed provenance, the gate by day.

Reads the warehouse and prints nothing itself.
"""

import datetime as dt
import json
from typing import Final

import polars as pl
from rich.markup import escape
from rich.table import Column
from rich.table import Table as ScreenTable

from darkpool_assets import market_calendar
from darkpool_assets.analytics.otc_anchor import weekly_otc_volumes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import DataQuality
from darkpool_assets.warehouse import Warehouse

_GATE_DAYS: Final = 10
_SHOWN_CHANGES: Final = 10


def status_tables(warehouse: Warehouse, *, settings: Settings, now: dt.datetime) -> list[ScreenTable]:
    """The screens of `darkpool status`, in order."""
    return [
        _stored(warehouse),
        _newest_readings(warehouse),
        *_reservations(warehouse),
        _awaited_weeks(warehouse, settings=settings, as_of=settings.as_of_date(now)),
        _gate(warehouse, settings=settings),
        _changes_of_provenance(warehouse, settings=settings),
    ]


def _stored(warehouse: Warehouse) -> ScreenTable:
    table = ScreenTable("Table", "Days", "Rows", "First", "Last", title="Stored", title_justify="left")
    for row in warehouse.count_rows().iter_rows(named=True):
        table.add_row(row["table"], f"{row['days']:,}", f"{row['rows']:,}", _text(row["first_day"]), _text(row["last_day"]))
    return table


def _newest_readings(warehouse: Warehouse) -> ScreenTable:
    names = [Column(name, overflow="fold") for name in ("Feed", "Partition", "Source", "Status", "Rows", "Requests", "At (UTC)")]
    table = ScreenTable(*names, title="Newest readings", title_justify="left")
    newest = warehouse.newest_entries("ingest_ledger", dt.date.min, market_calendar.last_calendar_day(), by=["feed", "status"])
    for row in newest.sort("feed", "at", descending=[False, True]).iter_rows(named=True):
        counts = ("–" if row[name] is None else f"{row[name]:,}" for name in ("stored_rows", "requests"))
        when = f"{row['at']:%Y-%m-%d %H:%M}"
        table.add_row(row["feed"], str(row["partition_date"]), row["source"], row["status"], *counts, when)
    return table


def _reservations(warehouse: Warehouse) -> list[ScreenTable]:
    """What the newest readings left out or could not tell apart; no table where there is nothing to say."""
    newest = warehouse.newest_entries(
        "ingest_ledger", dt.date.min, market_calendar.last_calendar_day(), by=["feed", "partition_date", "source"]
    ).filter(pl.col("left_out").is_not_null() | (pl.col("unidentified_rows") > 0))
    if newest.is_empty():
        return []
    table = ScreenTable(
        "Feed", "Partition", Column("What", overflow="fold"), title="Read with reservations", title_justify="left"
    )
    for row in newest.sort("partition_date", "at", descending=True).head(_SHOWN_CHANGES).iter_rows(named=True):
        faults = [f"{one['symbol']} left out: {one['fault']}" for one in json.loads(row["left_out"] or "[]")]
        if row["unidentified_rows"]:
            faults.append(f"{row['unidentified_rows']:,} prints without id or sequence number: repeated ones not recognised")
        table.add_row(row["feed"], str(row["partition_date"]), escape("; ".join(faults)))
    if newest.height > _SHOWN_CHANGES:
        table.add_row("…", "", f"and {newest.height - _SHOWN_CHANGES} more readings")
    return [table]


def _awaited_weeks(warehouse: Warehouse, *, settings: Settings, as_of: dt.date) -> ScreenTable:
    table = ScreenTable(
        "OTC week", "Due (T1)", "Due (T2, OTCE)", "Tickers known", title="OTC weeks in reach", title_justify="left"
    )
    weeks = market_calendar.otc_weeks_in_reach(as_of)
    symbols = spellings_of(settings.tickers)["polygon_symbol"].to_list()
    known = weekly_otc_volumes(warehouse.read_window("finra_otc_weekly_raw", weeks[0], weeks[-1], symbols=symbols), as_of=as_of)
    for week in reversed(weeks):
        count = known.filter(pl.col("week_start_date") == week)["symbol"].n_unique()
        due, late = market_calendar.otc_due_date(week, "T1"), market_calendar.otc_due_date(week, None)
        table.add_row(str(week), str(due), str(late), f"{count} of {len(symbols)}" if count else "awaited")
    return table


def _changes_of_provenance(warehouse: Warehouse, *, settings: Settings) -> ScreenTable:
    table = ScreenTable(
        "At (UTC)", "OTC week", "From", "To", "Sessions", "Rows", title="Newest changes of provenance", title_justify="left"
    )
    events = warehouse.read_window(
        "provenance_events",
        settings.partitions_start,
        market_calendar.last_calendar_day(),
        inference_version=settings.inference_version,
    )
    changes = events.group_by(pl.col("at").dt.date(), "week_start_date", "from_quality", "to_quality").agg(
        pl.col("date").n_unique().alias("sessions"), pl.len().alias("rows")
    )
    for row in changes.sort("at", "week_start_date", descending=True).head(_SHOWN_CHANGES).iter_rows(named=True):
        cells = (row["at"], row["week_start_date"], row["from_quality"], row["to_quality"], row["sessions"], row["rows"])
        table.add_row(*("–" if cell is None else str(cell) for cell in cells))
    return table


def _gate(warehouse: Warehouse, *, settings: Settings) -> ScreenTable:
    table = ScreenTable(
        "Session",
        "Gate",
        "Anchored",
        Column("Rules that do not hold", overflow="fold"),
        title="Phase C gate by day",
        title_justify="left",
    )
    first, last = settings.partitions_start, market_calendar.last_calendar_day()
    days = warehouse.stored_days("daily_metrics", first, last, inference_version=settings.inference_version)
    for day in reversed(days[-_GATE_DAYS:]):
        verdict = judge_day(warehouse, day, settings=settings)
        rows = warehouse.read_day("daily_metrics", day, inference_version=settings.inference_version)
        anchored = (rows["data_quality"] == DataQuality.OTC_ANCHORED.value).sum()
        broken = ", ".join(f"{one.rule.number} {one.rule.name}" for one in verdict.verdicts if not one.passed)
        table.add_row(str(day), "open" if verdict.is_open else "CLOSED", f"{anchored} of {rows.height}", broken or "–")
    return table


def _text(day: dt.date | None) -> str:
    return "–" if day is None else str(day)
