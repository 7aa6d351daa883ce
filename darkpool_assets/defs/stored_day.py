"""Reading a stored day for the rules: the same reading for the checks, the gate and the command line."""

import datetime as dt

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.phase_c_gate import GateVerdict, judge_stored_day
from darkpool_assets.analytics.stored_day import StoredDay
from darkpool_assets.defs.derived.metric_inputs import read_metric_inputs
from darkpool_assets.defs.ledgers import derived_window
from darkpool_assets.settings import Settings
from darkpool_assets.warehouse import Warehouse

_DERIVED = ("lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily")


def read_stored_day(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> StoredDay:
    """Everything that is stored of `day` under INFERENCE_VERSION."""
    with warehouse.connected() as connected:
        return _read(connected, day, settings=settings)


def _read(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> StoredDay:
    version = settings.inference_version
    metrics = warehouse.read_day("daily_metrics", day, inference_version=version)
    weeks = market_calendar.otc_weeks_in_reach(day)
    readings = warehouse.newest_entries("ingest_ledger", day, day, by=["feed", "source"])
    derivations = warehouse.newest_entries("derivation_ledger", day, day, by=["asset", "inference_version", "status"]).filter(
        pl.col("asset").is_in(_DERIVED), pl.col("inference_version") == version, pl.col("status") == "STORED"
    )
    directions = derivations.filter(pl.col("asset") == _DERIVED[0])
    return StoredDay(
        day=day,
        inference_version=version,
        window=derived_window(directions, day) if directions.height else settings.session_window(day),
        metrics=metrics,
        lit=warehouse.read_day("lit_direction_daily", day, inference_version=version),
        index=warehouse.read_day("index_constituent_short_agg_daily", day, inference_version=version),
        inputs=read_metric_inputs(warehouse, day, symbols=metrics["symbol"].to_list(), inference_version=version),
        trades=warehouse.read_day("polygon_equity_trades_raw", day),
        short_rows=warehouse.read_newest_short_rows(day, day, symbols=None),
        aggs=warehouse.read_day("polygon_daily_agg_raw", day),
        otc_week=warehouse.read_day("finra_otc_weekly_raw", weeks[-1]),
        readings=readings,
        derivations=derivations,
    )


def judge_day(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> GateVerdict:
    """The gate's verdict of `day` as it is stored now."""
    return judge_stored_day(read_stored_day(warehouse, day, settings=settings))
