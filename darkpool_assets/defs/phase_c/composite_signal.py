"""composite_signal: the day's inferred accumulation or distribution of each ticker, with its confidence and its reasons.

The gate judges the day as it is stored, and what was judged is what the composite is made of. A closed gate raises and leaves
earlier rows as they are.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from darkpool_assets.analytics.composite_scores import CompositeRules
from darkpool_assets.analytics.composite_signal import CompositeInputs, build_composite_signal
from darkpool_assets.analytics.phase_c_gate import judge_stored_day
from darkpool_assets.defs.daily_asset import BEHIND_THE_GATE, SessionReport, daily_asset
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.derivation import derive_sessions, derived_report, preview, store_derived
from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.ledgers import refuse_after_failed_derivation
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.side_by_side import by_memory
from darkpool_assets.defs.stored_day import read_stored_day
from darkpool_assets.settings import Settings
from darkpool_assets.warehouse import Warehouse

_RESTS_ON = ("lit_direction_daily", "daily_metrics")
_PREVIEW = [
    "symbol",
    "final_label",
    "composite_score",
    "confidence",
    "directional_score",
    "pressure_score",
    "participation_score",
    "data_quality",
]
_REASONS = ["symbol", "final_label", "label_reasons"]


@daily_asset(
    "composite_signal",
    group="phase_c",
    owner="metrics",
    kinds={"polars", "duckdb"},
    tags=BEHIND_THE_GATE,
    description="Lit direction and short pressure weighed into one score and a label, made only of a day that passes the gate.",
    infers_direction=True,
    # The index table is no input: the gate judges its rows too, so that they must be there first.
    deps=[
        daily_metrics,
        lit_direction_daily,
        finra_short_daily_raw,
        polygon_daily_agg_raw,
        finra_otc_weekly_raw,
        index_constituent_short_agg_daily,
    ],
)
def composite_signal(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """One row per row of daily_metrics; refused while the gate is closed."""

    def make(warehouse: Warehouse, day: dt.date) -> SessionReport:
        stored = read_stored_day(warehouse, day, settings=settings)
        judge_stored_day(stored).require_open()
        refuse_after_failed_derivation(warehouse, day, assets=_RESTS_ON, version=settings.inference_version)
        rows = build_composite_signal(
            CompositeInputs(stored.metrics, stored.inputs), day=day, rules=composite_rules(stored.settings(), settings)
        )
        as_of = stored.metrics["as_of"][0]
        count = store_derived(warehouse, "composite_signal", rows, day=day, settings=settings, as_of=as_of)
        # Of a range only the newest day tells its reasons here, to keep the event log small; every row holds its own.
        newest = day.isoformat() == context.partition_keys[-1]
        reasons = {"reasons": preview(rows, _REASONS)} if newest else {}
        return derived_report(rows, count, columns=_PREVIEW, counted="final_label", **reasons)

    yield from derive_sessions(context, make, warehouse=warehouse, settings=settings, attempts=by_memory(settings))


def composite_rules(then: Mapping[str, Any], settings: Settings) -> CompositeRules:
    """PRESSURE_SIGN as it is now; windows and numerator as they were `then`, when daily_metrics was derived."""
    return CompositeRules(
        pressure_sign=settings.pressure_sign,
        numerator=then["short_ratio_numerator"],
        lit_window=then["lit_z_window"],
        short_window=then["short_z_window"],
        min_periods=then["zscore_min_periods"],
    )
