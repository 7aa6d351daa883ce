"""A database over time: how much of the configured tickers each session covers, and how FINRA's weeks become anchors.

Frames of what is stored, for check_report, the notebook and rendering's coverage_picture; nothing is judged or drawn here.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.phase_c_gate import GateVerdict
from darkpool_assets.defs.phase_c.report_site import read_stored_sessions
from darkpool_assets.rendering.site.site_model import Gate
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, IngestStatus, OtcStatus
from darkpool_assets.warehouse import Warehouse

_FLAGS: Final = {"lit_pct": "has_lit", "short_pct": "has_short", "price_pct": "has_price", "otc_pct": "has_otc"}


def coverage_over_time(
    warehouse: Warehouse, *, settings: Settings, until: dt.date = dt.date.max, last: int | None = None,
    judged: Mapping[dt.date, GateVerdict] | None = None,
) -> pl.DataFrame:  # fmt: skip
    """How much of the configured tickers each stored session covers, oldest first.

    Args:
        warehouse: The database.
        settings: INFERENCE_VERSION and PARTITIONS_START choose the sessions.
        until: Newest session.
        last: How many sessions, the newest ones; all without it.
        judged: Verdicts given now; the gate of other sessions is what composite_signal last met.

    Returns:
        One row per session: session, configured (tickers when it was derived), lit_pct, short_pct, price_pct, otc_pct and
        anchored_pct (0..100 of them), gate (OPEN, CLOSED or NOT_JUDGED), and the number of tickers per classification method.
    """
    version = settings.inference_version
    with warehouse.connected() as connected:
        sessions = [one for one in read_stored_sessions(connected, settings=settings) if one.day <= until][-(last or 0) :]
        first, newest = (sessions[0].day, sessions[-1].day) if sessions else (dt.date.max, dt.date.max)
        rows = connected.read_window("daily_metrics", first, newest, inference_version=version)
        entries = connected.newest_entries(
            "derivation_ledger", first, newest, owner="daily_metrics", by=["date", "inference_version", "status"]
        ).filter(pl.col("inference_version") == version, pl.col("status") == IngestStatus.STORED.value)
    gates = {one.day: one.gate for one in sessions}
    gates |= {day: Gate.OPEN if verdict.is_open else Gate.CLOSED for day, verdict in (judged or {}).items() if day in gates}
    known = pl.DataFrame({"session": list(gates), "gate": list(gates.values())}, schema={"session": pl.Date, "gate": pl.String})
    return known.join(_covered(rows, _configured(rows, entries)), on="session", how="left").select(
        "session", "configured", *_FLAGS, "anchored_pct", "gate", *(method.value for method in ClassificationMethod)
    )


def _configured(rows: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """One row per (date, symbol) that a session was derived for; its rows' own symbols where the ledger does not tell."""
    told = entries.select("date", symbol=pl.col("tickers").str.json_decode(pl.List(pl.String))).explode("symbol")
    return pl.concat([told, rows.select("date", "symbol").join(told, on="date", how="anti")]).unique()


def _covered(rows: pl.DataFrame, configured: pl.DataFrame) -> pl.DataFrame:
    stored = configured.join(rows.unique(["date", "symbol"]), on=["date", "symbol"], how="left")
    flags = {name: pl.col(flag) for name, flag in _FLAGS.items()}
    flags["anchored_pct"] = pl.col("data_quality") == DataQuality.OTC_ANCHORED.value
    method = pl.col("classification_method")
    return stored.group_by(session="date").agg(
        pl.len().alias("configured"),
        *((100 * flag.fill_null(value=False).mean()).alias(name) for name, flag in flags.items()),
        *((method == one.value).sum().alias(one.value) for one in ClassificationMethod),
    )


def weeks_over_time(warehouse: Warehouse, *, settings: Settings) -> pl.DataFrame:
    """How the rows of each FINRA week stand on their own OTC week, oldest week first.

    Returns:
        One row per week that holds a stored session: week (Monday), due and due_late (when T1, and T2 and OTCE, are published),
        published (first publication among the weeks used), as_of (newest of its rows), sessions, rows, the number of rows per
        otc_status, and became_anchored and changed_at: how many rows turned from PRE_OTC to OTC_ANCHORED, and when last (UTC).
    """
    version, first, last = settings.inference_version, settings.partitions_start, market_calendar.last_calendar_day()
    with warehouse.connected() as connected:
        rows = connected.read_window("daily_metrics", first, last, inference_version=version)
        events = connected.read_window("provenance_events", first, last, inference_version=version)
    week = pl.col("date").dt.truncate("1w")
    anchored = events.filter(pl.col("to_quality") == DataQuality.OTC_ANCHORED.value)
    turned = anchored.group_by(week=week).agg(became_anchored=pl.len(), changed_at=pl.col("at").max())
    own = pl.col("otc_published_date").filter(pl.col("otc_week_used") == week)
    weeks = rows.group_by(week=week).agg(
        own.min().alias("published"),
        pl.col("as_of").max(),
        pl.col("date").n_unique().alias("sessions"),
        pl.len().alias("rows"),
        *((pl.col("otc_status") == status.value).sum().alias(status.value) for status in OtcStatus),
    )
    due = [_due_dates(weeks["week"], tier, name) for tier, name in (("T1", "due"), (None, "due_late"))]
    dated = weeks.with_columns(due).join(turned, on="week", how="left").sort("week")
    return dated.select("week", "due", "due_late", pl.all().exclude("week", "due", "due_late")).with_columns(
        pl.col("became_anchored").fill_null(0)
    )


def _due_dates(weeks: pl.Series, tier: str | None, name: str) -> pl.Series:
    return pl.Series(name, [market_calendar.otc_due_date(week, tier) for week in weeks], pl.Date)
