"""One day of composite_signal: lit direction and short pressure weighed into one score, its confidence, and a label.

It joins what daily_metrics and its look-back hold and applies composite_scores; a missing input costs confidence and is
never made up. The rows go to composite_signal, which the pages of Phase C show.
"""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.composite_reasons import label_reasons
from darkpool_assets.analytics.composite_scores import (
    MIN_PARTICIPATION_WEEKS,
    CompositeRules,
    composite_score,
    confidence,
    directional_score,
    final_label,
    lit_evidence,
    score_of,
    short_evidence,
)
from darkpool_assets.analytics.daily_metrics import MetricInputs, lit_zscores, otc_participation_rates
from darkpool_assets.analytics.rolling_zscore import zscore_against_sessions_before
from darkpool_assets.analytics.short_pressure import short_ratio_zscores, short_ratios, short_rows_by_symbol
from darkpool_assets.tables import COMPOSITE_SIGNAL
from darkpool_assets.vocabulary import DataQuality


@dataclass(frozen=True)
class CompositeInputs:
    """What is stored for a day.

    Attributes:
        metrics: The day's rows of daily_metrics of one inference_version and, as one derivation writes them, one as_of.
        look_back: What those rows rest on: see MetricInputs.
    """

    metrics: pl.DataFrame
    look_back: MetricInputs


def build_composite_signal(inputs: CompositeInputs, *, day: dt.date, rules: CompositeRules) -> pl.DataFrame:
    """One row per row of daily_metrics, in the schema of composite_signal; inference_version and as_of are theirs.

    Publications of earlier weeks count as known at that as_of, so that the row says nothing that daily_metrics could not.

    Args:
        inputs: What is stored.
        day: The session.
        rules: Sign, numerator and windows.
    """
    if inputs.metrics.is_empty():
        return COMPOSITE_SIGNAL.empty()
    rows = inputs.metrics
    for counted in (_lit_periods(inputs, day, rules), _short_periods(inputs, day, rules), _participation(inputs, day)):
        rows = rows.join(counted, on="symbol", how="left", maintain_order="left")
    rows = (
        rows.with_columns(
            directional_score=directional_score(),
            pressure_score=score_of("short_ratio_z", sign=rules.pressure_sign),
            participation_score=score_of("participation_z"),
        )
        .with_columns(
            composite_score=composite_score(), c_lit=lit_evidence(rules.lit_window), c_short=short_evidence(rules.short_window)
        )
        .with_columns(confidence=confidence())
        .with_columns(final_label=final_label())
    )
    words = [label_reasons(row, rules=rules) for row in rows.iter_rows(named=True)]
    rows = rows.with_columns(label_reasons=pl.Series(words, dtype=pl.String))
    return COMPOSITE_SIGNAL.conform(rows.select(COMPOSITE_SIGNAL.column_names))


def _lit_periods(inputs: CompositeInputs, day: dt.date, rules: CompositeRules) -> pl.DataFrame:
    """Column lit_z_periods per symbol: values in the window of log_buy_sell_z."""
    zscores = lit_zscores(inputs.look_back.lit, day=day, window=rules.lit_window, min_periods=rules.min_periods)
    return zscores.select("symbol", lit_z_periods="periods")


def _short_periods(inputs: CompositeInputs, day: dt.date, rules: CompositeRules) -> pl.DataFrame:
    """Column short_z_periods per symbol: values in the window of short_ratio_z."""
    stored = inputs.look_back
    ratios = short_ratios(
        short_rows_by_symbol(stored.short_rows, stored.short_sources, symbols=inputs.metrics["symbol"]),
        stored.aggs.select("symbol", "volume", date="trade_date"),
        numerator=rules.numerator,
    )
    sessions = market_calendar.sessions_before(day, rules.short_window)
    zscores = short_ratio_zscores(ratios, day=day, sessions=sessions, min_periods=rules.min_periods)
    return zscores.select("symbol", short_z_periods="periods")


def _participation(inputs: CompositeInputs, day: dt.date) -> pl.DataFrame:
    """Columns participation_z, against the 8 weeks before the day's week, and participation_z_periods; anchored rows alone."""
    *earlier, own_week = market_calendar.otc_weeks_in_reach(day)
    metrics = inputs.metrics
    past = otc_participation_rates(
        inputs.look_back, metrics["symbol"].to_list(), weeks=earlier, as_of=metrics["as_of"][0]
    ).select("symbol", date="week_start_date", value="otc_participation_rate")
    anchored = metrics.filter(pl.col("data_quality") == DataQuality.OTC_ANCHORED.value)
    today = anchored.select("symbol", date=pl.lit(own_week), value="otc_participation_rate")
    zscores = zscore_against_sessions_before(
        pl.concat([past, today]), day=own_week, sessions=earlier, min_periods=MIN_PARTICIPATION_WEEKS
    )
    return zscores.select("symbol", participation_z="z", participation_z_periods="periods")
