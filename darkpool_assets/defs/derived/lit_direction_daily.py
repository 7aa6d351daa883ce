"""lit_direction_daily: the inferred direction of each ticker's lit trades of one day.

A directional proxy from lit venues alone; off-exchange prints are counted beside it, never in it.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from darkpool_assets.analytics.lit_direction import build_lit_direction
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.derivation import derive_sessions, derived_report, run_as_of, store_derived
from darkpool_assets.defs.ledgers import UpstreamFailed, are_trades_pruned, refuse_after_failure
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw, window_text
from darkpool_assets.defs.side_by_side import by_memory
from darkpool_assets.settings import Settings
from darkpool_assets.warehouse import Warehouse

_PREVIEW = ["symbol", "lit_buy_ratio", "log_buy_sell", "lit_total_volume", "classification_method", "direction_stable"]


@daily_asset(
    "lit_direction_daily",
    group="derived",
    owner="metrics",
    kinds={"polars", "duckdb"},
    description="Buy and sell volume of the lit trades, inferred trade by trade: NBBO first, tick test as fallback.",
    infers_direction=True,
    deps=[polygon_equity_trades_raw],
)
def lit_direction_daily(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """One row per configured ticker, also where no trade came."""

    def make(warehouse: Warehouse, day: dt.date) -> SessionReport:
        refuse_after_failure(warehouse, day, feeds=("polygon_equity_trades_raw",))
        rows = build_lit_direction(
            _prints_of(warehouse, day, settings=settings),
            day=day,
            symbols=settings.tickers,
            rule=settings.classification_rule,
            min_lit_volume=settings.min_lit_volume,
            inference_version=settings.inference_version,
        )
        stored = store_derived(warehouse, "lit_direction_daily", rows, day=day, settings=settings, as_of=run_as_of(settings))
        return derived_report(rows, stored, columns=_PREVIEW, counted="classification_method")

    yield from derive_sessions(context, make, warehouse=warehouse, settings=settings, attempts=by_memory(settings))


def _prints_of(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> pl.DataFrame:
    """The stored prints of the day.

    Raises:
        UpstreamFailed: they were pruned, or stored under another session window.
    """
    if are_trades_pruned(warehouse, day):
        raise UpstreamFailed(
            f"{day}: the raw trades were pruned (RAW_TRADES_KEEP_SESSIONS), and what was derived of them stays as it is. "
            "Materialise polygon_equity_trades_raw again, then this asset."
        )
    prints = warehouse.read_day("polygon_equity_trades_raw", day)
    entries = warehouse.newest_entries("ingest_ledger", day, day, owner="polygon_equity_trades_raw", by=["status"])
    stored = entries.drop_nulls("content_hash").sort("at")["message"].to_list()
    window = window_text(settings.session_window(day))
    if prints.height and stored and window not in stored[-1]:
        raise UpstreamFailed(
            f"{day}: the prints were stored otherwise ({stored[-1]}), not for the {window} that RTH_START and RTH_END give. "
            "Materialise polygon_equity_trades_raw again, then this asset."
        )
    return prints
