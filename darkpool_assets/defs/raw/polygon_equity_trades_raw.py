"""polygon_equity_trades_raw: the session window's prints of the configured tickers, with the quote that prevailed.

All venues are stored; which prints are lit is decided by the analytics. Quotes are joined here and not kept.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import polars as pl

from darkpool_assets.analytics.prevailing_quote import attach_prevailing_quotes
from darkpool_assets.analytics.trade_eligibility import PrintCategory, categorise_prints, drop_repeated_prints
from darkpool_assets.defs.daily_asset import daily_asset, make_sessions
from darkpool_assets.defs.raw.feed_storage import Feed, report_readings
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.reading import Reading
from darkpool_assets.warehouse import Warehouse


@daily_asset(
    "polygon_equity_trades_raw",
    group="raw",
    owner="ingest",
    kinds={"polygon", "duckdb"},
    description="Polygon trades of the configured tickers inside the session window, each with the last NBBO strictly before it.",
)
def polygon_equity_trades_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    polygon: dg.ResourceParam[PolygonFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """One session's prints with their prevailing quotes."""
    feed = Feed(
        "polygon_equity_trades_raw",
        warehouse,
        lambda day, _look_back: [_quoted_trades(polygon, day, settings=settings)],
        counts=_lit_counts,
        is_forced=is_forced(context),
    )
    yield from make_sessions(context, lambda day: report_readings(*feed.store_day(day)), on_failure=feed.record_failure)


def window_text(window: tuple[dt.datetime, dt.datetime]) -> str:
    """How the ledger spells the session window that the stored prints lie in."""
    return f"session window {window[0]:%H:%M:%S} to {window[1]:%H:%M:%S} UTC"


def _lit_counts(reading: Reading) -> dict[str, float]:
    """Eligible lit prints of the day: kept in the ledger, so that they can be checked after raw trades are pruned."""
    lit = categorise_prints(reading.rows).filter(pl.col("category") == PrintCategory.LIT.value)
    return {"lit_rows": lit.height, "lit_volume": float(lit["size"].sum())}


def _quoted_trades(polygon: PolygonFeeds, day: dt.date, *, settings: Settings) -> Reading:
    """The day's trades with bid and ask; the hash covers everything that decides what is stored."""
    trades = polygon.trades(day)
    quotes = polygon.quotes(day)
    window = settings.session_window(day)
    parts = [trades.content_hash, quotes.content_hash if quotes else "", ",".join(settings.tickers), str(window)]
    rows = drop_repeated_prints(trades.rows)
    if rows["bid"].count():
        message = "quotes: the trade file's own"
    elif quotes is None:
        message = "no quotes source: tick test"
    else:
        rows = attach_prevailing_quotes(rows.drop("bid", "ask"), quotes.rows)
        message = f"quotes: {quotes.source}, {quotes.physical_rows:,} rows"
    message = f"{message}; {window_text(window)}"
    return replace(
        trades,
        rows=rows,
        duplicate_rows=trades.rows.height - rows.height,
        content_hash=hashlib.sha256("|".join(parts).encode()).hexdigest(),
        message=message,
    )
