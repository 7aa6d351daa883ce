"""daily_metrics: direction, short pressure, price context and OTC volume of each ticker, side by side, with provenance.

Every configured ticker has its row. A change of a stored row's data_quality is kept in provenance_events.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from darkpool_assets.analytics.daily_metrics import build_daily_metrics
from darkpool_assets.analytics.input_digests import metric_digests
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.derivation import (
    derive_sessions,
    derived_report,
    longest_window,
    pressure_rules,
    preview,
    run_as_of,
    store_derived,
)
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.derived.metric_inputs import read_metric_inputs
from darkpool_assets.defs.ledgers import refuse_after_failed_derivation, refuse_after_failure, utc_now
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.settings import Settings
from darkpool_assets.tables import PROVENANCE_EVENTS
from darkpool_assets.warehouse import Warehouse

_PREVIEW = [
    "symbol",
    "pressure_context_label",
    "data_quality",
    "log_buy_sell",
    "short_ratio",
    "short_ratio_z",
    "close",
    "return_1d",
]
_FEEDS = ("finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw", "finra_otc_weekly_raw")


@daily_asset(
    "daily_metrics",
    group="derived",
    owner="metrics",
    kinds={"polars", "duckdb"},
    description="The day of every ticker: direction, short pressure, price context and OTC volume, each with its provenance.",
    infers_direction=True,
    deps=[lit_direction_daily, finra_short_daily_raw, polygon_daily_agg_raw, finra_otc_weekly_raw],
)
def daily_metrics(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """One row per configured ticker, always."""

    def make(warehouse: Warehouse, day: dt.date) -> SessionReport:
        refuse_after_failure(warehouse, day, feeds=_FEEDS)
        refuse_after_failed_derivation(warehouse, day, assets=("lit_direction_daily",), version=settings.inference_version)
        as_of = run_as_of(settings)
        inputs = read_metric_inputs(warehouse, day, symbols=settings.tickers, inference_version=settings.inference_version)
        rows = build_daily_metrics(
            inputs,
            day=day,
            symbols=settings.tickers,
            rules=pressure_rules(settings),
            lit_window=settings.lit_z_window,
            inference_version=settings.inference_version,
            as_of=as_of,
        )
        before = warehouse.read_day("daily_metrics", day, inference_version=settings.inference_version)
        events = changes_of_provenance(before, rows, at=utc_now())
        made_of = metric_digests(
            inputs, day=day, symbols=settings.tickers, as_of=as_of, lit_window=settings.lit_z_window,
            window=longest_window(settings),
        )  # fmt: skip
        stored = store_derived(
            warehouse, "daily_metrics", rows, day=day, settings=settings, as_of=as_of, also={"provenance_events": events},
            made_of=made_of,
        )  # fmt: skip
        return derived_report(rows, stored, columns=_PREVIEW, counted="data_quality", **_told(events))

    yield from derive_sessions(context, make, warehouse=warehouse, settings=settings)


def changes_of_provenance(before: pl.DataFrame, after: pl.DataFrame, *, at: dt.datetime) -> pl.DataFrame:
    """Rows of provenance_events: every (symbol, date, inference_version) stored before whose data_quality is another one now."""
    key = ["symbol", "date", "inference_version"]
    joined = after.join(before.select(*key, from_quality="data_quality"), on=key)
    changed = joined.filter(pl.col("from_quality") != pl.col("data_quality"))
    return PROVENANCE_EVENTS.conform(
        changed.select(
            *key,
            "from_quality",
            to_quality="data_quality",
            week_start_date="otc_week_used",
            published_date="otc_published_date",
            at=pl.lit(at, pl.Datetime("us")),
        )
    )


def _told(events: pl.DataFrame) -> dict[str, object]:
    """The changes of provenance for the Dagster UI: how many, and the first of them."""
    columns = ["symbol", "from_quality", "to_quality", "week_start_date", "published_date"]
    shown = {"provenance changes": preview(events, columns)} if events.height else {}
    return {"provenance changed": events.height, **shown}
