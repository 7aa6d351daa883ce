"""finra_short_daily_raw: FINRA's daily short sale files of the whole market, every family that the day has.

Stored as published, in vintages. Not off-exchange volume and not direction: daily_metrics reads it as pressure only.
"""

from collections.abc import Iterator

import dagster as dg

from darkpool_assets.defs.daily_asset import FROM_FINRA, daily_asset, make_sessions
from darkpool_assets.defs.raw.asking_again import short_is_due
from darkpool_assets.defs.raw.feed_storage import Feed, store_with_look_back
from darkpool_assets.defs.raw.odd_symbols import Universe
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.finra.feeds import FinraFeeds
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
        is_forced=is_forced(context),
        requests=lambda: finra.requests,
        is_due=short_is_due if finra.short_is_asked_for else None,
    )
    yield from make_sessions(
        context, lambda day: store_with_look_back(feed, day, settings=settings), on_failure=feed.record_failure
    )
