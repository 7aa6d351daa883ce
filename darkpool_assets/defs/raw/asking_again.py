"""When a service is asked, and asked again for what is stored: decided from the ledger and the moment, for days, tickers, weeks.

Local files are not known here: they are read in every run, and their hash decides. feed_storage and the raw assets ask.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.sources.finra.otc_weekly import week_source
from darkpool_assets.vocabulary import IngestStatus

SHORT_RECHECK_DAYS: Final = 3
OTC_RECHECK_DAYS: Final = 60
SHORT_FILES_POSTED: Final = dt.time(18, 0, tzinfo=ZoneInfo(market_calendar.NEW_YORK))
AGGREGATES_FINAL_AFTER: Final = dt.timedelta(hours=4, minutes=15)  # of the close: extended hours run for four of them
TRADES_FINAL_AFTER: Final = dt.timedelta(minutes=20)
_WHOLE: Final = (IngestStatus.STORED, IngestStatus.UNCHANGED)
_READ: Final = (*_WHOLE, IngestStatus.PARTIAL)

Window = tuple[dt.datetime, dt.datetime]


def sources_final_at(day: dt.date, *, window: Window) -> dict[str, dt.datetime]:
    """Raw table -> the aware instant from which its source may have the whole of `day`; the daily feeds alone.

    Short files are posted by 18:00 New York, whatever the close. Aggregates hold extended hours, which end four hours after
    the close: 20:15, or 17:15 on an early close. Trades are those of the session window.

    Args:
        day: Session.
        window: First and last instant of the session.
    """
    return {
        "finra_short_daily_raw": dt.datetime.combine(day, SHORT_FILES_POSTED),
        "polygon_daily_agg_raw": market_calendar.close_time(day) + AGGREGATES_FINAL_AFTER,
        "polygon_equity_trades_raw": window[1] + TRADES_FINAL_AFTER,
    }


def short_is_due(day: dt.date, entries: pl.DataFrame, *, now: dt.datetime) -> bool:
    """Whether the short files of `day` are asked for: not stored yet, or up to 3 days old and not asked for today.

    Args:
        day: Session.
        entries: Ingest ledger rows of the feed and day.
        now: Aware instant.
    """
    read, today = _last_whole_reading(entries), market_calendar.new_york_date(now)
    return read is None or (market_calendar.new_york_date(read) < today and (today - day).days <= SHORT_RECHECK_DAYS)


def aggregates_are_due(day: dt.date, entries: pl.DataFrame, *, now: dt.datetime) -> bool:  # noqa: ARG001 - one signature
    """Whether the aggregates of `day` are asked for: not stored yet, or read before extended hours were over."""
    read = _last_whole_reading(entries)
    return read is None or read < market_calendar.close_time(day) + AGGREGATES_FINAL_AFTER


def settled_tickers(reading: Mapping[str, Any], *, window: Window) -> set[str]:
    """The tickers whose prints of a day are stored for good: not failed, and read after the end of the window.

    Args:
        reading: The day's newest ingest ledger row with prints, of this session window.
        window: First and last instant of the session.
    """
    if _utc(reading["at"]) < window[1] + TRADES_FINAL_AFTER:
        return set()
    return set(json.loads(reading["symbols"] or "[]")) - set(json.loads(reading["failures"] or "{}"))


def newest_reading(entries: pl.DataFrame, *, mentions: str) -> dict[str, Any] | None:
    """The newest of a day's ingest ledger rows that came with rows, if its message has the words of `mentions`."""
    readings = entries.filter(pl.col("status").is_in([status.value for status in _READ])).sort("at")
    newest = readings.row(-1, named=True) if readings.height else None
    return newest if newest and mentions in (newest["message"] or "") else None


def week_is_due(
    week: dt.date,
    rows: pl.DataFrame,
    entries: pl.DataFrame,
    *,
    tiers: Collection[str],
    symbols: Collection[str] | None,
    now: dt.datetime,
) -> bool:
    """Whether an OTC week is asked for: at most once a day, while it is missing or was published less than 60 days ago.

    A tier that is missing beside a stored one counts as published on the later tiers' due date: a universe of tickers may
    have none of it, so that it stays away for ever. A week that was asked for without a ticker of today's universe is due
    at once.

    Args:
        week: Monday.
        rows: Stored rows of the week: tier_identifier, initial_published_date.
        entries: Ingest ledger rows of the feed and week.
        tiers: The tiers that are asked for.
        symbols: Today's universe; None for the whole market.
        now: Aware instant.
    """
    readings = entries.filter(pl.col("source") == week_source(week)).sort("at")
    if readings.is_empty() or not _covers(readings["symbols"][-1], symbols):
        return True
    today = market_calendar.new_york_date(now)
    if market_calendar.new_york_date(_utc(readings["at"][-1])) >= today:
        return False
    return rows.is_empty() or (today - _newest_publication(week, rows, tiers)).days < OTC_RECHECK_DAYS


def _newest_publication(week: dt.date, rows: pl.DataFrame, tiers: Collection[str]) -> dt.date:
    """When the last of a stored week's rows were published; its due date stands in for what is not known."""
    dates = [*rows["initial_published_date"].drop_nulls()]
    is_whole = bool(dates) and set(tiers) <= set(rows["tier_identifier"])
    return max(dates if is_whole else [*dates, market_calendar.otc_due_date(week, None)])


def _covers(asked: str | None, symbols: Collection[str] | None) -> bool:
    """Whether a reading of the tickers `asked` (a JSON list; None: the whole market) holds `symbols`."""
    return asked is None or (symbols is not None and set(symbols) <= set(json.loads(asked)))


def _last_whole_reading(entries: pl.DataFrame) -> dt.datetime | None:
    """When the newest entries, one of each file, were read; None where one of them is not a whole reading."""
    newest = entries.filter(pl.col("at") == pl.col("at").max())
    is_whole = newest.height > 0 and newest["status"].is_in([status.value for status in _WHOLE]).all()
    return _utc(newest["at"][0]) if is_whole else None


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC)
