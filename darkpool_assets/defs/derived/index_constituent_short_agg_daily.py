"""index_constituent_short_agg_daily: short pressure of each index from its members' rows of the whole-market short file.

Members count whether or not they are configured tickers; without a constituents list there are no rows.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.index_aggregation import build_index_aggregation
from darkpool_assets.analytics.input_digests import index_digests
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.derivation import (
    derive_sessions,
    derived_report,
    longest_window,
    pressure_rules,
    run_as_of,
    store_derived,
)
from darkpool_assets.defs.derived.metric_inputs import look_back, read_index_inputs
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
        as_of, sessions = run_as_of(settings), market_calendar.sessions_between(look_back(day)[0], day)
        inputs = read_index_inputs(warehouse, constituents[0], day=day, as_of=as_of, settings=settings)
        rows = build_index_aggregation(
            inputs,
            day=day,
            sessions=sessions,
            rules=pressure_rules(settings),
            proxy_map=settings.index_proxy_map,
            inference_version=settings.inference_version,
            as_of=as_of,
        )
        made_of = index_digests(inputs, day=day, window=longest_window(settings))
        stored = store_derived(
            warehouse, "index_constituent_short_agg_daily", rows, day=day, settings=settings, as_of=as_of, made_of=made_of
        )
        return derived_report(rows, stored, columns=_PREVIEW, counted="data_quality", constituents=constituents[0].height)

    yield from derive_sessions(context, make, warehouse=warehouse, settings=settings)
