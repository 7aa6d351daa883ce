"""The one label that reads short pressure against the price move, for symbols and for indices.

No windows and no z-scores are made here. daily_metrics stores the label as pressure_context_label, the index table as
interpretation_label.
"""

from dataclasses import dataclass

import polars as pl

from darkpool_assets.analytics.rolling_zscore import finite_or_null
from darkpool_assets.analytics.short_pressure import ShortNumerator
from darkpool_assets.vocabulary import PressureContext


@dataclass(frozen=True)
class PressureRules:
    """The settings that decide short pressure, its z-scores and its label.

    Attributes:
        numerator: SHORT_RATIO_NUMERATOR.
        short_window: SHORT_Z_WINDOW, sessions.
        return_window: RETURN_Z_WINDOW, sessions.
        min_periods: ZSCORE_MIN_PERIODS.
        return_z_min: RETURN_Z_MIN, below which |return_z| gives no direction.
        short_z_high: SHORT_Z_HIGH, from which short pressure is high.
        short_z_low: SHORT_Z_LOW, down to which short pressure is low.
    """

    numerator: ShortNumerator = "short_plus_exempt"
    short_window: int = 20
    return_window: int = 20
    min_periods: int = 10
    return_z_min: float = 0.5
    short_z_high: float = 1.0
    short_z_low: float = -1.0


def pressure_context_label(
    *,
    short_z: str | pl.Expr,
    return_z: str | pl.Expr,
    return_1d: str | pl.Expr,
    return_z_min: float,
    short_z_high: float,
    short_z_low: float,
) -> pl.Expr:
    """The label of each row (a PressureContext value, never null), by the owner's rule.

    The direction is the sign of return_z when |return_z| >= `return_z_min`, none below it; without a return_z it is the sign
    of return_1d. High short pressure (short_z >= `short_z_high`) is SHORT_INTO_STRENGTH on an up day and SHORT_ON_WEAKNESS on
    a down day; low pressure (short_z <= `short_z_low`) is LOW_SHORT_STRONG_UP and LOW_SHORT_SELL_OFF. Everything else,
    a null short_z included, is NEUTRAL.
    """
    pressure, move = finite_or_null(short_z), _direction(return_z, return_1d, return_z_min)
    high, low = pressure >= short_z_high, pressure <= short_z_low
    return (
        pl.when(high & (move > 0))
        .then(pl.lit(PressureContext.SHORT_INTO_STRENGTH.value))
        .when(high & (move < 0))
        .then(pl.lit(PressureContext.SHORT_ON_WEAKNESS.value))
        .when(low & (move > 0))
        .then(pl.lit(PressureContext.LOW_SHORT_STRONG_UP.value))
        .when(low & (move < 0))
        .then(pl.lit(PressureContext.LOW_SHORT_SELL_OFF.value))
        .otherwise(pl.lit(PressureContext.NEUTRAL.value))
    )


def _direction(return_z: str | pl.Expr, return_1d: str | pl.Expr, return_z_min: float) -> pl.Expr:
    z = finite_or_null(return_z)
    by_z = pl.when(z.abs() >= return_z_min).then(z.sign()).otherwise(0.0)
    return pl.when(z.is_not_null()).then(by_z).otherwise(finite_or_null(return_1d).sign())
