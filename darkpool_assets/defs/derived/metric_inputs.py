"""Which stored rows a day's metrics and indices rest on: the look-back of each feed, read from the warehouse.

Shared by the derived assets, the gate and the search for stale days, so that what is recomputed rests on what was computed
from.
"""

import datetime as dt
from collections.abc import Sequence

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import LEFT_OUT_SCHEMA, MetricInputs
from darkpool_assets.analytics.index_aggregation import IndexInputs
from darkpool_assets.analytics.otc_anchor import weekly_otc_volumes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.defs.ledgers import left_out_of_json
from darkpool_assets.settings import Settings
from darkpool_assets.warehouse import Warehouse


def look_back(day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last date whose cheap feeds bear on `day`: the look-back before it, to the end of its week."""
    return market_calendar.sessions_before(day, market_calendar.MIN_LOOK_BACK_SESSIONS)[0], market_calendar.week_of(
        day
    ) + dt.timedelta(days=6)


def read_metric_inputs(warehouse: Warehouse, day: dt.date, *, symbols: Sequence[str], inference_version: str) -> MetricInputs:
    """What is stored for `symbols` (in either spelling) on `day`, its look-back and its week."""
    first, last = look_back(day)
    spellings = spellings_of(symbols)
    polygon = spellings["polygon_symbol"].to_list()
    weeks = market_calendar.otc_weeks_in_reach(day)
    return MetricInputs(
        lit=warehouse.read_window("lit_direction_daily", first, day, symbols=list(symbols), inference_version=inference_version),
        short_rows=warehouse.read_newest_short_rows(first, last, symbols=spellings["reg_sho_symbol"].to_list()),
        short_sources=warehouse.read_short_sources(first, last),
        aggs=warehouse.read_window("polygon_daily_agg_raw", first, last, symbols=polygon),
        otc_rows=warehouse.read_window("finra_otc_weekly_raw", weeks[0], weeks[-1], symbols=polygon),
        short_left_out=_short_rows_left_out(warehouse, weeks[-1], last, symbols=spellings["reg_sho_symbol"].to_list()),
    )


def _short_rows_left_out(warehouse: Warehouse, first: dt.date, last: dt.date, *, symbols: Sequence[str]) -> pl.DataFrame:
    """trade_date and symbol of the short rows that the newest readings left out."""
    entries = warehouse.newest_entries(
        "ingest_ledger", first, last, owner="finra_short_daily_raw", by=["partition_date"], whole=True
    ).drop_nulls("left_out")
    rows = [
        (day, one.symbol)
        for day, text in entries.select("partition_date", "left_out").iter_rows()
        for one in left_out_of_json(text)
        if one.symbol in symbols
    ]
    return pl.DataFrame(rows, schema=LEFT_OUT_SCHEMA, orient="row").unique().sort("trade_date", "symbol")


def read_index_inputs(
    warehouse: Warehouse, constituents: pl.DataFrame, *, day: dt.date, as_of: dt.date, settings: Settings
) -> IndexInputs:
    """What is stored for the members of `constituents` on `day` and its look-back, and whose OTC week of the day is known."""
    first, _last = look_back(day)
    members = spellings_of(constituents["symbol"].unique(maintain_order=True))
    indices = constituents["index_symbol"].unique(maintain_order=True).to_list()
    priced = [*members["polygon_symbol"], *indices, *(f"I:{index}" for index in indices), *settings.index_proxy_map.values()]
    week = market_calendar.week_of(day)
    otc_rows = warehouse.read_window("finra_otc_weekly_raw", week, week, symbols=members["polygon_symbol"].to_list())
    return IndexInputs(
        constituents=constituents,
        short_rows=warehouse.read_newest_short_rows(first, day, symbols=members["reg_sho_symbol"].to_list()),
        short_sources=warehouse.read_short_sources(first, day),
        aggs=warehouse.read_window("polygon_daily_agg_raw", first, day, symbols=priced),
        otc_known=weekly_otc_volumes(otc_rows, as_of=as_of).select("symbol"),
    )
