"""Why a composite has its label, in sentences that a client may read.

One row in, one text out, always the same for the same row; no number is made here. The text is stored as label_reasons, and
pages split it at REASONS_SEPARATOR.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from darkpool_assets.analytics.composite_scores import (
    DIRECTIONAL_WEIGHT,
    INFERRED_FROM,
    LEAN_FROM,
    LEAST_CONFIDENCE,
    METHOD_FACTORS,
    MIN_PARTICIPATION_WEEKS,
    PARTICIPATION_WEIGHT,
    PRESSURE_WEIGHT,
    QUALITY_FACTORS,
    CompositeRules,
)
from darkpool_assets.vocabulary import (
    REASONS_SEPARATOR,
    ClassificationMethod,
    DataQuality,
    DenominatorType,
    FinalLabel,
    OtcStatus,
)

_METHOD_WORDS: Final = {
    ClassificationMethod.NBBO.value: "signed against quotes (NBBO)",
    ClassificationMethod.MIXED.value: "signed partly against quotes, partly by the tick test (MIXED)",
    ClassificationMethod.TICK.value: "signed by the tick test (TICK)",
}
_DENOMINATOR_WORDS: Final = {
    DenominatorType.FINRA_TOTAL.value: "FINRA's total volume",
    DenominatorType.POLYGON_TOTAL.value: "consolidated volume for want of a FINRA total",
}
_SIGN_WORDS: Final = {
    -1: "PRESSURE_SIGN=-1 reads high short volume as selling pressure",
    1: "PRESSURE_SIGN=+1 reads high short volume as market makers filling buyers",
}
_PRE_OTC_WORDS: Final = {
    OtcStatus.NO_COVERAGE.value: "no off-exchange week of the symbol is known",
    OtcStatus.NOT_YET_PUBLISHED.value: "FINRA has not yet published the off-exchange volume of the day's week",
    OtcStatus.OVERDUE.value: "the off-exchange volume of the day's week is overdue",
}
_SIDES: Final = {
    FinalLabel.LEAN_ACCUMULATION.value: ("Leaning to accumulation", f"from {LEAN_FROM} to below {INFERRED_FROM}"),
    FinalLabel.LEAN_DISTRIBUTION.value: ("Leaning to distribution", f"from -{LEAN_FROM} to above -{INFERRED_FROM}"),
    FinalLabel.INFERRED_ACCUMULATION.value: ("Inferred accumulation", f"{INFERRED_FROM} or more"),
    FinalLabel.INFERRED_DISTRIBUTION.value: ("Inferred distribution", f"-{INFERRED_FROM} or less"),
}


def label_reasons(row: Mapping[str, Any], *, rules: CompositeRules) -> str:
    """The label's reasons: verdict, lit direction, short pressure, PRESSURE_SIGN, OTC state, participation.

    Args:
        row: One symbol's day: columns of daily_metrics and of composite_signal.
        rules: What the row was made with.

    Returns:
        Sentences without a full stop, joined by REASONS_SEPARATOR.
    """
    sentences = (
        _verdict(row),
        *_lit(row, rules),
        _short(row, rules),
        f"{_SIGN_WORDS[rules.pressure_sign]}, a contested reading",
        _otc(row),
        *_participation(row),
    )
    return REASONS_SEPARATOR.join(sentences)


def _verdict(row: Mapping[str, Any]) -> str:
    label = row["final_label"]
    if label == FinalLabel.INSUFFICIENT:
        return f"Insufficient: {_lack(row)}"
    if label == FinalLabel.UNSTABLE:
        if row["lit_buy_ratio_low"] is None or row["lit_buy_ratio_high"] is None:
            return "Unstable: the classification rules do not put the lit buy ratio on one side of 0.5"
        low, high = (_plain(_cut_off(row[f"lit_buy_ratio_{end}"])) for end in ("low", "high"))
        return f"Unstable: the classification rules put the lit buy ratio at {low} to {high}, not all on one side of 0.5"
    strength = _signed(_cut_off(row["composite_score"] * row["confidence"]))
    if label == FinalLabel.NEUTRAL:
        return f"Neutral: score x confidence is {strength}, between -{LEAN_FROM} and {LEAN_FROM}"
    side, range_ = _SIDES[label]
    return f"{side}: score x confidence is {strength}, {range_}"


def _lack(row: Mapping[str, Any]) -> str:
    if row["composite_score"] is None:
        return "neither lit direction nor short pressure is there"
    if row["directional_score"] is None:
        return "lit direction is missing, and short pressure alone never labels"
    return f"confidence {_plain(_cut_off(row['confidence']))} is below {LEAST_CONFIDENCE}"


def _lit(row: Mapping[str, Any], rules: CompositeRules) -> list[str]:
    if row["directional_score"] is None:
        alone = "" if row["pressure_score"] is None else ", and the score is short pressure alone"
        return [f"Lit direction is missing ({_why_no_direction(row, rules)}): {_gives(None, DIRECTIONAL_WEIGHT)}{alone}"]
    said = (
        f"Lit direction {_signed(row['directional_score'])} (z {_signed(row['log_buy_sell_z'])} of log buy/sell): "
        f"{_METHOD_WORDS[row['classification_method']]}, {row['lit_coverage_pct'] or 0.0:.0f}% of eligible volume classified, "
        f"{_window(row['lit_z_periods'], rules.lit_window)}, {_gives(row['c_lit'], DIRECTIONAL_WEIGHT)}"
    )
    compared = row["direction_stable"] is not None
    return [said] if compared else [said, "Too little lit volume to say whether the classification rules agree"]


def _why_no_direction(row: Mapping[str, Any], rules: CompositeRules) -> str:
    method = row["classification_method"]
    if method is None:
        return "no lit trades are stored"
    if method == ClassificationMethod.BVC:
        return "only one-minute bars are there, BVC, which never counts here"
    if method not in METHOD_FACTORS:
        return "no eligible lit trade came"
    if row["log_buy_sell"] is None:
        return "only one side or none was inferred"
    return _why_no_z(row["lit_z_periods"], rules)


def _short(row: Mapping[str, Any], rules: CompositeRules) -> str:
    if row["pressure_score"] is None:
        alone = "" if row["directional_score"] is None else ", and the score is lit direction alone"
        return f"Short pressure is missing ({_why_no_pressure(row, rules)}): {_gives(None, PRESSURE_WEIGHT)}{alone}"
    return (
        f"Short pressure {_signed(row['pressure_score'])} (z {_signed(row['short_ratio_z'])} of the short ratio): "
        f"over {_DENOMINATOR_WORDS[row['short_ratio_denominator_type']]}, "
        f"{_window(row['short_z_periods'], rules.short_window)}, {_gives(row['c_short'], PRESSURE_WEIGHT)}"
    )


def _why_no_pressure(row: Mapping[str, Any], rules: CompositeRules) -> str:
    if row["short_volume"] is None:
        return "no short sale row is stored"
    if row["short_ratio"] is None:
        return "the short sale row has no total to divide by"
    return _why_no_z(row["short_z_periods"], rules)


def _why_no_z(periods: int | None, rules: CompositeRules) -> str:
    if (periods or 0) < rules.min_periods:
        return f"{periods or 0} comparable sessions before, {rules.min_periods} needed"
    return "the comparable sessions before are all alike"


def _otc(row: Mapping[str, Any]) -> str:
    if row["data_quality"] == DataQuality.OTC_ANCHORED:
        return "OTC_ANCHORED: FINRA's off-exchange volume of the day's own week is known, the confidence is kept whole"
    factor = QUALITY_FACTORS[row["data_quality"]]
    return (
        f"PRE_OTC: {_PRE_OTC_WORDS[row['otc_status']]}, the confidence is multiplied by {factor} and off-exchange "
        "participation does not count"
    )


def _participation(row: Mapping[str, Any]) -> list[str]:
    """What participation did to the score; nothing to say without a score, or while the week is not anchored."""
    if row["composite_score"] is None or row["data_quality"] != DataQuality.OTC_ANCHORED:
        return []
    if row["participation_score"] is None:
        return [f"Off-exchange participation is missing ({_why_no_participation(row)}), the score is not scaled"]
    scale = _plain(1 + PARTICIPATION_WEIGHT * row["participation_score"])
    against = f"z {_signed(row['participation_z'])} against {row['participation_z_periods']} earlier weeks"
    return [f"Off-exchange participation ({against}) multiplies the score by {scale}"]


def _why_no_participation(row: Mapping[str, Any]) -> str:
    weeks = row["participation_z_periods"] or 0
    if row["otc_participation_rate"] is None:
        return "the week's consolidated volume is not complete"
    if weeks < MIN_PARTICIPATION_WEEKS:
        return f"{weeks} earlier weeks known, {MIN_PARTICIPATION_WEEKS} needed"
    return "the earlier weeks are all alike"


def _gives(evidence: float | None, weight: float) -> str:
    return f"gives {'none' if evidence is None else _plain(evidence * weight)} of its {weight} of confidence"


def _window(periods: int | None, window: int) -> str:
    return f"{periods or 0} of {window} sessions to compare with"


def _plain(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"


def _cut_off(value: float) -> float:
    """Beside a bound three decimals are cut off, not rounded: 0.3496 must not read as the 0.350 that it misses."""
    return math.trunc(round(value * 1000, 6)) / 1000
