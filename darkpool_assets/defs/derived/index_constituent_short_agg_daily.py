"""index_constituent_short_agg_daily: short pressure of each index from its members' rows of the whole-market short file.

Members count whether or not they are configured tickers; without a constituents list there are no rows.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.index_aggregation import build_index_aggregation
from darkpool_assets.analytics.otc_anchor import weekly_otc_volumes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.derivation import derive_sessions, derived_report, pressure_rules, run_as_of, store_derived
from darkpool_assets.defs.derived.metric_inputs import look_back
from darkpool_assets.defs.ledgers import refuse_after_failure
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.settings import Settings
from darkpool_assets.sources.constituents import read_configured_constituents
from darkpool_assets.warehouse import Warehouse

_PREVIEW = ["index_symbol", "agg_short_ratio", "dollar_weighted_short_ratio", "coverage_pct", "index_return", "data_quality"]
_FEEDS = ("finra_short_daily_raw", "polygon_daily_agg_raw", "finra_otc_weekly_raw")


@daily_asset(
    "index_constituent_short_agg_daily",
    group="derived",
    owner="metrics",
    kinds={"polars", "duckdb"},
    description="Aggregate and dollar-weighted short ratio of each index's members, with coverage and the index's return.",
    deps=[finra_short_daily_raw, polygon_daily_agg_raw, finra_otc_weekly_raw],
)
def index_constituent_short_agg_daily(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """One row per index that has members on the day."""
    constituents: list[pl.DataFrame] = []

    def make(warehouse: Warehouse, day: dt.date) -> SessionReport:
        refuse_after_failure(warehouse, day, feeds=_FEEDS)
        if not constituents:
            constituents.append(read_configured_constituents(settings))
        as_of = run_as_of(settings)
        rows = _aggregate(warehouse, constituents[0], day=day, as_of=as_of, settings=settings)
        stored = store_derived(warehouse, "index_constituent_short_agg_daily", rows, day=day, settings=settings, as_of=as_of)
        return derived_report(rows, stored, columns=_PREVIEW, counted="data_quality", constituents=constituents[0].height)

    yield from derive_sessions(context, make, warehouse=warehouse, settings=settings)


def _aggregate(
    warehouse: Warehouse, constituents: pl.DataFrame, *, day: dt.date, as_of: dt.date, settings: Settings
) -> pl.DataFrame:
    first, _last = look_back(day)
    members = spellings_of(constituents["symbol"].unique(maintain_order=True))
    indices = constituents["index_symbol"].unique(maintain_order=True).to_list()
    priced = [*members["polygon_symbol"], *indices, *(f"I:{index}" for index in indices), *settings.index_proxy_map.values()]
    week = market_calendar.week_of(day)
    otc_rows = warehouse.read_window("finra_otc_weekly_raw", week, week, symbols=members["polygon_symbol"].to_list())
    return build_index_aggregation(
        constituents,
        warehouse.read_newest_short_rows(first, day, symbols=members["reg_sho_symbol"].to_list()),
        warehouse.read_short_sources(first, day),
        warehouse.read_window("polygon_daily_agg_raw", first, day, symbols=priced),
        weekly_otc_volumes(otc_rows, as_of=as_of).select("symbol"),
        day=day,
        sessions=market_calendar.sessions_between(first, day),
        rules=pressure_rules(settings),
        proxy_map=settings.index_proxy_map,
        inference_version=settings.inference_version,
        as_of=as_of,
    )
