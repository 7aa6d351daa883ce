"""polygon_daily_agg_raw: unadjusted daily aggregates, the whole market where the source gives it.

Price context and consolidated volume only. A day is replaced as a whole; daily_metrics and the index table read it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import polars as pl

from darkpool_assets.defs.daily_asset import FROM_POLYGON, daily_asset, make_sessions
from darkpool_assets.defs.raw.asking_again import aggregates_are_due
from darkpool_assets.defs.raw.feed_storage import Feed, store_with_look_back
from darkpool_assets.defs.raw.odd_symbols import Universe
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.reading import Reading
from darkpool_assets.warehouse import Warehouse


@daily_asset(
    "polygon_daily_agg_raw",
    group="raw",
    owner="ingest",
    kinds={"polygon", "duckdb"},
    tags=FROM_POLYGON,
    description="Polygon daily aggregates (unadjusted), with those of the look-back. Price context only.",
)
def polygon_daily_agg_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    polygon: dg.ResourceParam[PolygonFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """One session's aggregates, and those of its look-back that are not stored yet."""
    universe = Universe(settings)
    feed = Feed(
        "polygon_daily_agg_raw",
        warehouse,
        lambda day, look_back: [universe.with_failures(polygon.daily_agg(day, look_back=look_back))],
        merge=_beside_stored,
        is_forced=is_forced(context),
        requests=lambda: polygon.requests,
        is_due=aggregates_are_due if polygon.aggregates_are_asked_for else None,
    )
    yield from make_sessions(
        context, lambda day: store_with_look_back(feed, day, settings=settings), on_failure=feed.record_failure
    )


def _beside_stored(warehouse: Warehouse, day: dt.date, reading: Reading) -> Reading:
    """The reading with the stored rows of the symbols that it leaves out: a fault does not lose what was read before."""
    if not reading.left_out:
        return reading
    stored = warehouse.read_day("polygon_daily_agg_raw", day)
    kept = stored.filter(pl.col("symbol").is_in([one.symbol for one in reading.left_out]))
    return replace(reading, rows=pl.concat([reading.rows, kept]).sort("symbol"))
