"""finra_short_daily_raw: FINRA's daily short sale files of the whole market, every family that the day has.

Stored as published, in vintages. Not off-exchange volume and not direction: daily_metrics reads it as pressure only.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import polars as pl

from darkpool_assets.defs.daily_asset import FROM_FINRA, daily_asset, make_sessions
from darkpool_assets.defs.raw.asking_again import short_is_due
from darkpool_assets.defs.raw.feed_storage import Feed, store_with_look_back
from darkpool_assets.defs.raw.odd_symbols import Universe
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.finra.short_daily import family_of
from darkpool_assets.sources.reading import Reading
from darkpool_assets.warehouse import Warehouse


@daily_asset(
    "finra_short_daily_raw",
    group="raw",
    owner="ingest",
    kinds={"finra", "duckdb"},
    tags=FROM_FINRA,
    description="FINRA daily short sale volume of the whole market, with the files of the look-back. Pressure, never direction.",
)
def finra_short_daily_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    finra: dg.ResourceParam[FinraFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """One session's short sale files, and those of its look-back that are not stored yet."""
    universe = Universe(settings)
    feed = Feed(
        "finra_short_daily_raw",
        warehouse,
        lambda day, look_back: [universe.with_failures(reading) for reading in finra.short_sale(day, look_back=look_back)],
        vintage=("trade_date", "source"),
        merge=_beside_stored,
        is_forced=is_forced(context),
        requests=lambda: finra.requests,
        is_due=short_is_due if finra.short_is_asked_for else None,
    )
    yield from make_sessions(
        context, lambda day: store_with_look_back(feed, day, settings=settings), on_failure=feed.record_failure
    )


def _beside_stored(warehouse: Warehouse, day: dt.date, reading: Reading) -> Reading:
    """The reading with the stored rows of the symbols that it leaves out: a fault does not lose what was read before."""
    odd = [one.symbol for one in reading.left_out]
    stored = warehouse.read_newest_short_rows(day, day, symbols=odd).filter(source=family_of(reading.source).value)
    kept = stored.drop("ingested_at").with_columns(source_file=pl.lit(reading.source), content_hash=pl.lit(reading.content_hash))
    return replace(reading, rows=pl.concat([reading.rows, kept.select(reading.rows.columns)]).sort("symbol")) if odd else reading
