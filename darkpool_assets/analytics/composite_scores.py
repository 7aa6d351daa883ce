"""The rules of the composite: its scores and their weights, how much evidence each rests on, and which label comes first.

Column expressions over one day's rows and the owner's constants; no frame is joined here. composite_signal applies them,
composite_reasons puts them into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from darkpool_assets.analytics.short_pressure import ShortNumerator
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, DenominatorType, FinalLabel

DIRECTIONAL_WEIGHT: Final = 0.65
PRESSURE_WEIGHT: Final = 0.35
PARTICIPATION_WEIGHT: Final = 0.15
AMPLE_COVERAGE_PCT: Final = 80.0
MIN_PARTICIPATION_WEEKS: Final = 5
LEAST_CONFIDENCE: Final = 0.35
LEAN_FROM: Final = 0.2
INFERRED_FROM: Final = 0.5
# A method that is not named here (BVC, NONE) never feeds the composite.
METHOD_FACTORS: Final[Mapping[str, float]] = {
    ClassificationMethod.NBBO.value: 1.0,
    ClassificationMethod.MIXED.value: 0.85,
    ClassificationMethod.TICK.value: 0.75,
}
DENOMINATOR_FACTORS: Final[Mapping[str, float]] = {
    DenominatorType.FINRA_TOTAL.value: 1.0,
    DenominatorType.POLYGON_TOTAL.value: 0.5,
}
QUALITY_FACTORS: Final[Mapping[str, float]] = {DataQuality.OTC_ANCHORED.value: 1.0, DataQuality.PRE_OTC.value: 0.85}


@dataclass(frozen=True)
class CompositeRules:
    """The settings that decide the composite; all but the sign are those that daily_metrics was derived with.

    Attributes:
        pressure_sign: PRESSURE_SIGN; -1 reads short volume as selling pressure, 1 as market makers filling buyers.
        numerator: SHORT_RATIO_NUMERATOR.
        lit_window: LIT_Z_WINDOW, sessions.
        short_window: SHORT_Z_WINDOW, sessions.
        min_periods: ZSCORE_MIN_PERIODS.
    """

    pressure_sign: Literal[-1, 1] = -1
    numerator: ShortNumerator = "short_plus_exempt"
    lit_window: int = 20
    short_window: int = 20
    min_periods: int = 10


def score_of(z: str, *, sign: Literal[-1, 1] = 1) -> pl.Expr:
    """tanh(sign x z / 2), in -1..1; null without a z. Zero has no sign."""
    return (sign * pl.col(z) / 2).tanh() + 0.0


def directional_score() -> pl.Expr:
    """tanh(log_buy_sell_z / 2); null when the z is null or the direction rests on bars (BVC) or on nothing (NONE)."""
    return pl.when(pl.col("classification_method").is_in(list(METHOD_FACTORS))).then(score_of("log_buy_sell_z"))


def composite_score() -> pl.Expr:
    """The weighted mean of the scores that are there, scaled by participation, within -1..1; null when both are missing."""
    weighted, weights = _weighted_sums()
    scale = 1 + PARTICIPATION_WEIGHT * pl.col("participation_score")
    scaled = weighted / weights * pl.when(scale.is_not_null()).then(scale).otherwise(1.0)
    return pl.when(weights > 0).then(scaled.clip(-1.0, 1.0) + 0.0)


def _weighted_sums() -> tuple[pl.Expr, pl.Expr]:
    """Sum of weight x score and sum of weights, over the scores that are there."""
    parts = ((pl.col("directional_score"), DIRECTIONAL_WEIGHT), (pl.col("pressure_score"), PRESSURE_WEIGHT))
    # A missing score leaves both sums: it is not a score of 0.
    return (
        pl.sum_horizontal(weight * score for score, weight in parts),
        pl.sum_horizontal(pl.when(score.is_not_null()).then(weight) for score, weight in parts),
    )


def lit_evidence(window: int) -> pl.Expr:
    """c_lit, 0..1: coverage against 80%, the method's factor and how full the z window is; 0 without a directional score."""
    coverage = (pl.col("lit_coverage_pct") / AMPLE_COVERAGE_PCT).clip(upper_bound=1.0)
    method = pl.col("classification_method").replace_strict(METHOD_FACTORS, default=None, return_dtype=pl.Float64)
    return _evidence("directional_score", coverage * method * _filled("lit_z_periods", window))


def short_evidence(window: int) -> pl.Expr:
    """c_short, 0..1: the denominator's factor and how full the z window is; 0 without a pressure score."""
    kind = pl.col("short_ratio_denominator_type").replace_strict(DENOMINATOR_FACTORS, default=None, return_dtype=pl.Float64)
    return _evidence("pressure_score", kind * _filled("short_z_periods", window))


def _filled(periods: str, window: int) -> pl.Expr:
    return (pl.col(periods) / window).clip(upper_bound=1.0)


def _evidence(score: str, product: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(score).is_not_null()).then(product).fill_null(0.0)


def confidence() -> pl.Expr:
    """(0.65 c_lit + 0.35 c_short) x 1 when OTC_ANCHORED, x 0.85 when PRE_OTC; in 0..1."""
    quality = pl.col("data_quality").replace_strict(QUALITY_FACTORS, return_dtype=pl.Float64)
    return (DIRECTIONAL_WEIGHT * pl.col("c_lit") + PRESSURE_WEIGHT * pl.col("c_short")) * quality


def final_label() -> pl.Expr:
    """A FinalLabel value, never null; the first that holds, in the owner's order. Short pressure alone never labels."""
    score, strength = pl.col("composite_score"), pl.col("composite_score") * pl.col("confidence")
    has_no_ground = score.is_null() | pl.col("directional_score").is_null() | (pl.col("confidence") < LEAST_CONFIDENCE)
    return (
        pl.when(has_no_ground)
        .then(pl.lit(FinalLabel.INSUFFICIENT.value))
        .when(pl.col("direction_stable").not_().fill_null(value=False))
        .then(pl.lit(FinalLabel.UNSTABLE.value))
        .when(strength.abs() < LEAN_FROM)
        .then(pl.lit(FinalLabel.NEUTRAL.value))
        .when(strength.abs() < INFERRED_FROM)
        .then(_by_side(strength, FinalLabel.LEAN_ACCUMULATION, FinalLabel.LEAN_DISTRIBUTION))
        .otherwise(_by_side(strength, FinalLabel.INFERRED_ACCUMULATION, FinalLabel.INFERRED_DISTRIBUTION))
    )


def _by_side(strength: pl.Expr, up: FinalLabel, down: FinalLabel) -> pl.Expr:
    return pl.when(strength > 0).then(pl.lit(up.value)).otherwise(pl.lit(down.value))
