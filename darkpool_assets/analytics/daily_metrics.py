"""One day of daily_metrics: direction, short pressure, price context and OTC volume of each ticker, side by side.

It only joins what the other modules of this folder made; every rule stands there. No feed fills in for another one.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.otc_anchor import (
    allocate_otc_volume,
    anchor_to_otc_week,
    participation_rate,
    weekly_otc_volumes,
    weekly_shares,
)
from darkpool_assets.analytics.pressure_context import PressureRules, pressure_context_label
from darkpool_assets.analytics.price_context import build_price_context
from darkpool_assets.analytics.rolling_zscore import zscore_against_sessions_before
from darkpool_assets.analytics.short_pressure import build_short_pressure, short_rows_by_symbol
from darkpool_assets.analytics.symbol_spelling import reg_sho_spelling, spellings_of
from darkpool_assets.tables import DAILY_METRICS
from darkpool_assets.vocabulary import ClassificationMethod

_LIT_COLUMNS = (
    "log_buy_sell",
    "lit_buy_volume",
    "lit_sell_volume",
    "lit_buy_ratio",
    "lit_buy_ratio_low",
    "lit_buy_ratio_high",
    "lit_coverage_pct",
    "classification_method",
    "direction_stable",
)


LEFT_OUT_SCHEMA: Final = pl.Schema({"trade_date": pl.Date(), "symbol": pl.String()})


@dataclass(frozen=True)
class MetricInputs:
    """What is stored for a day and its look-back.

    Attributes:
        lit: Rows of lit_direction_daily of one inference_version.
        short_rows: Newest-vintage rows of finra_short_daily_raw; Reg SHO spelling.
        short_sources: trade_date and source of everything stored for those dates, for any symbol.
        aggs: Rows of polygon_daily_agg_raw; Polygon spelling.
        otc_rows: Rows of finra_otc_weekly_raw of the weeks in reach, all vintages; Polygon spelling.
        short_left_out: trade_date and symbol (as the file spells it) of short rows that were left out for a fault.
    """

    lit: pl.DataFrame
    short_rows: pl.DataFrame
    short_sources: pl.DataFrame
    aggs: pl.DataFrame
    otc_rows: pl.DataFrame
    short_left_out: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LEFT_OUT_SCHEMA))


def build_daily_metrics(
    inputs: MetricInputs,
    *,
    day: dt.date,
    symbols: Sequence[str],
    rules: PressureRules,
    lit_window: int,
    inference_version: str,
    as_of: dt.date,
) -> pl.DataFrame:
    """One row per symbol, always, in the schema of daily_metrics.

    Args:
        inputs: What is stored.
        day: The session.
        symbols: Configured symbols; rows keep their spelling.
        rules: Numerator, windows and thresholds of pressure and returns.
        lit_window: LIT_Z_WINDOW, sessions.
        inference_version: Key of the rows.
        as_of: New York date up to which publications may be known.
    """
    volumes = inputs.aggs.select("symbol", "volume", date="trade_date")
    short = build_short_pressure(
        inputs.short_rows,
        inputs.short_sources,
        volumes,
        day=day,
        symbols=symbols,
        sessions=market_calendar.sessions_before(day, rules.short_window),
        min_periods=rules.min_periods,
        numerator=rules.numerator,
    )
    price = build_price_context(
        inputs.aggs,
        day=day,
        symbols=symbols,
        sessions=[*market_calendar.sessions_before(day, rules.return_window + 2), day],
        window=rules.return_window,
        min_periods=rules.min_periods,
    )
    lit = _lit_columns(inputs.lit, day=day, symbols=symbols, window=lit_window, min_periods=rules.min_periods)
    rows = lit.join(short.drop("date"), on="symbol", maintain_order="left").join(
        price.drop("date"), on="symbol", maintain_order="left"
    )
    rows = rows.join(_otc_columns(inputs, lit, day=day, as_of=as_of), on="symbol", maintain_order="left")
    label = pressure_context_label(
        short_z="short_ratio_z",
        return_z="return_z",
        return_1d="return_1d",
        return_z_min=rules.return_z_min,
        short_z_high=rules.short_z_high,
        short_z_low=rules.short_z_low,
    )
    return DAILY_METRICS.conform(
        rows.with_columns(
            date=pl.lit(day),
            has_short=pl.col("short_ratio").is_not_null(),
            has_lit=pl.col("log_buy_sell").is_not_null(),
            has_price=pl.col("close").is_not_null(),
            pressure_context_label=label,
            inference_version=pl.lit(inference_version),
            as_of=pl.lit(as_of),
        )
    )


def lit_zscores(lit: pl.DataFrame, *, day: dt.date, window: int, min_periods: int) -> pl.DataFrame:
    """The z-score of log_buy_sell against the sessions before of the day's own classification method.

    Returns:
        One row per symbol with a row at `day`: symbol, z, periods (values in the window).
    """
    return zscore_against_sessions_before(
        lit.rename({"log_buy_sell": "value"}),
        day=day,
        sessions=market_calendar.sessions_before(day, window),
        min_periods=min_periods,
        like="classification_method",
    )


def _lit_columns(lit: pl.DataFrame, *, day: dt.date, symbols: Sequence[str], window: int, min_periods: int) -> pl.DataFrame:
    """One row per symbol: the day's direction and log_buy_sell_z over sessions of the same classification method."""
    zscores = lit_zscores(lit, day=day, window=window, min_periods=min_periods)
    today = lit.filter(pl.col("date") == day).select("symbol", *_LIT_COLUMNS)
    return (
        spellings_of(symbols)
        .select("symbol")
        .join(today, on="symbol", how="left", maintain_order="left")
        .join(zscores.select("symbol", log_buy_sell_z="z"), on="symbol", how="left", maintain_order="left")
    )


def _otc_columns(inputs: MetricInputs, lit: pl.DataFrame, *, day: dt.date, as_of: dt.date) -> pl.DataFrame:
    """One row per symbol: the OTC week it rests on, its status, and the day's allocation when anchored."""
    symbols = lit["symbol"].to_list()
    anchored = anchor_to_otc_week(symbols, _known_weeks(inputs, symbols, as_of=as_of), day=day, as_of=as_of)
    directs = pl.col("classification_method") != ClassificationMethod.BVC.value
    buy_ratios = lit.select("symbol", lit_buy_ratio=pl.when(directs).then("lit_buy_ratio"))
    shares = week_shares_of(inputs, symbols, day=day)
    directed = anchored.join(buy_ratios, on="symbol", maintain_order="left")
    return allocate_otc_volume(directed, shares, day=day).drop("lit_buy_ratio")


def _known_weeks(inputs: MetricInputs, symbols: Sequence[str], *, as_of: dt.date) -> pl.DataFrame:
    """Rows of weekly_otc_volumes, per symbol as configured."""
    spellings = spellings_of(symbols).select("symbol", "polygon_symbol")
    weeks = weekly_otc_volumes(inputs.otc_rows, as_of=as_of).rename({"symbol": "polygon_symbol"})
    return weeks.join(spellings, on="polygon_symbol")


def week_shares_of(inputs: MetricInputs, symbols: Sequence[str], *, day: dt.date) -> pl.DataFrame:
    """The share of its week that falls on `day`, per symbol as configured; see weekly_shares."""
    daily = _daily_volumes(inputs, symbols)
    return weekly_shares(daily, inputs.short_sources, day=day, without_totals=_symbols_left_out(inputs, daily, symbols, day=day))


def _symbols_left_out(inputs: MetricInputs, daily: pl.DataFrame, symbols: Sequence[str], *, day: dt.date) -> list[str]:
    """The symbols with a short row of the week that was left out: what they traded then is unknown, not nothing."""
    sessions = market_calendar.sessions_of_week(market_calendar.week_of(day))
    spelled = inputs.short_left_out.filter(pl.col("trade_date").is_in(sessions)).select(
        date="trade_date", reg_sho_symbol=reg_sho_spelling("symbol")
    )
    known = daily.drop_nulls("short_total_volume")
    left_out = spelled.join(spellings_of(symbols), on="reg_sho_symbol").join(known, on=["date", "symbol"], how="anti")
    return left_out["symbol"].unique().to_list()


def otc_participation_rates(
    inputs: MetricInputs, symbols: Sequence[str], *, weeks: Sequence[dt.date], as_of: dt.date
) -> pl.DataFrame:
    """otc_participation_rate of whole weeks: what a day anchored to each of them carries at `as_of`.

    Returns:
        One row per symbol as configured and week of `weeks` (Mondays) that is known at `as_of` and has daily volumes: symbol,
        week_start_date, otc_participation_rate (null where a session's consolidated volume is absent).
    """
    daily = _daily_volumes(inputs, symbols)
    consolidated = pl.concat(
        weekly_shares(daily, inputs.short_sources, day=week).select("symbol", "consolidated_volume", week_start_date=pl.lit(week))
        for week in weeks
    )
    known = _known_weeks(inputs, symbols, as_of=as_of).join(consolidated, on=["symbol", "week_start_date"])
    return known.select("symbol", "week_start_date", otc_participation_rate=participation_rate("otc_volume"))


def _daily_volumes(inputs: MetricInputs, symbols: Sequence[str]) -> pl.DataFrame:
    """One row per (date, symbol as configured) that any feed knows: short_total_volume, short_ratio_source, volume (shares)."""
    shorts = short_rows_by_symbol(inputs.short_rows, inputs.short_sources, symbols=symbols)
    spellings = spellings_of(symbols).select("symbol", "polygon_symbol")
    volumes = inputs.aggs.select("volume", date="trade_date", polygon_symbol="symbol").join(spellings, on="polygon_symbol")
    return shorts.select("date", "symbol", "short_total_volume", "short_ratio_source").join(
        volumes.select("date", "symbol", "volume"), on=["date", "symbol"], how="full", coalesce=True
    )
