"""Short sale pressure of a day: which short files it rests on, its ratio with a typed denominator, its z-score.

Short volume is a timely pressure signal: it is never off-exchange volume and never direction, and a missing short row is
null, never 0. The columns go to daily_metrics; the rows also feed the index aggregation.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import polars as pl

from darkpool_assets.analytics.rolling_zscore import finite_or_null, zscore_against_sessions_before
from darkpool_assets.analytics.symbol_spelling import polygon_spelling, spellings_of
from darkpool_assets.vocabulary import FACILITY_FAMILIES, DenominatorType, NumeratorType, ShortRatioSource

ShortNumerator = Literal["short_plus_exempt", "short"]

SHORT_COLUMNS: Final = (
    "short_volume",
    "short_exempt_volume",
    "short_total_volume",
    "short_ratio",
    "short_ratio_z",
    "short_volume_ratio",
    "short_ratio_numerator_type",
    "short_ratio_denominator_type",
    "short_ratio_denominator_value",
    "short_ratio_source",
)
_VOLUMES: Final = {
    "short_volume": "short_volume",
    "short_exempt_volume": "short_exempt_volume",
    "short_total_volume": "total_volume",
}
_NULL_WITH_THE_RATIO: Final = ("short_ratio_numerator_type", "short_ratio_denominator_type", "short_ratio_denominator_value")
# Enum order is the order of choice: the smallest source present wins.
_CHOICE: Final = pl.Enum(
    [ShortRatioSource.CNMS.value, ShortRatioSource.SUM.value, ShortRatioSource.API.value, ShortRatioSource.FORF.value]
)


def short_rows_by_symbol(raw: pl.DataFrame, sources_by_day: pl.DataFrame, *, symbols: Iterable[str]) -> pl.DataFrame:
    """One short row per symbol and day from whichever files the day has.

    A day rests on CNMS where it has any CNMS row, else on the facility files' sum (SUM), else on the API rows (API); never
    on CNMS plus facilities (CNMS is their exact sum). FORF is disjoint and serves the symbols found only there.

    Args:
        raw: Newest-vintage rows of finra_short_daily_raw, any sources and dates; Reg SHO spelling.
        sources_by_day: trade_date and source of everything stored for those dates, for any symbol.
        symbols: Symbols as configured, in either spelling.

    Returns:
        One row per (date, symbol as given) that has a short row: short_volume, short_exempt_volume, short_total_volume
        (shares) and short_ratio_source. Sorted by date and symbol.
    """
    wanted = spellings_of(symbols)
    candidates = raw.join(wanted, left_on="symbol", right_on="reg_sho_symbol", how="semi").join(
        _source_of_day(sources_by_day), on="trade_date", how="left"
    )
    sums = [finite_or_null(pl.col(column).sum()).alias(name) for name, column in _VOLUMES.items()]
    chosen = (
        candidates.with_columns(_ratio_source())
        .filter((pl.col("short_ratio_source") == pl.col("day_source")) | (pl.col("short_ratio_source") == ShortRatioSource.FORF))
        .sort("trade_date", "symbol", "short_ratio_source", "source")
        .group_by("trade_date", "symbol", "short_ratio_source", maintain_order=True)
        .agg(sums)
        .unique(["trade_date", "symbol"], keep="first", maintain_order=True)
    )
    return (
        wanted.join(chosen, left_on="reg_sho_symbol", right_on="symbol")
        .select(pl.col("trade_date").alias("date"), "symbol", *_VOLUMES, pl.col("short_ratio_source").cast(pl.String))
        .sort("date", "symbol")
    )


def _ratio_source() -> pl.Expr:
    summed = {family.value: ShortRatioSource.SUM.value for family in FACILITY_FAMILIES}
    return pl.col("source").replace(summed).cast(_CHOICE).alias("short_ratio_source")


def _source_of_day(sources_by_day: pl.DataFrame) -> pl.DataFrame:
    return sources_by_day.group_by("trade_date").agg(_ratio_source().min().alias("day_source"))


def short_ratios(rows: pl.DataFrame, volumes: pl.DataFrame, *, numerator: ShortNumerator) -> pl.DataFrame:
    """Add the ratios and say what they are made of.

    short_ratio = numerator / denominator (owner's rule): the FINRA total when > 0 (FINRA_TOTAL), else the consolidated
    Polygon volume when > 0 (POLYGON_TOTAL), else nothing. It can exceed 1. short_volume_ratio = short / FINRA total
    whatever the numerator, because FINRA's layout counts exempt shares inside ShortVolume already.

    Args:
        rows: Rows of `short_rows_by_symbol`.
        volumes: One row per (date, symbol in Polygon spelling) with volume (shares).
        numerator: "short_plus_exempt" or "short" (SHORT_RATIO_NUMERATOR).

    Returns:
        `rows`, in their order, with short_numerator (shares), short_ratio, short_volume_ratio and, null with the ratio,
        short_ratio_numerator_type, short_ratio_denominator_type, short_ratio_denominator_value (shares).
    """
    short, total = pl.col("short_volume"), pl.col("short_total_volume")
    counted = short + pl.col("short_exempt_volume") if numerator == "short_plus_exempt" else short
    consolidated = volumes.select("date", pl.col("symbol").alias("_polygon"), finite_or_null("volume").alias("_consolidated"))
    joined = rows.with_columns(polygon_spelling("symbol").alias("_polygon")).join(
        consolidated, on=["date", "_polygon"], how="left", maintain_order="left"
    )
    denominator = pl.when(total > 0).then(total).when(pl.col("_consolidated") > 0).then(pl.col("_consolidated"))
    return (
        joined.with_columns(
            finite_or_null(counted).alias("short_numerator"),
            finite_or_null(short / total).alias("short_volume_ratio"),
            denominator.alias("short_ratio_denominator_value"),
        )
        .with_columns(
            finite_or_null(pl.col("short_numerator") / pl.col("short_ratio_denominator_value")).alias("short_ratio"),
            pl.lit(NumeratorType(numerator.upper()).value).alias("short_ratio_numerator_type"),
            _denominator_type().alias("short_ratio_denominator_type"),
        )
        .with_columns(
            pl.when(pl.col("short_ratio").is_not_null()).then(pl.col(name)).alias(name) for name in _NULL_WITH_THE_RATIO
        )
        .drop("_polygon", "_consolidated")
    )


def _denominator_type() -> pl.Expr:
    finra = pl.when(pl.col("short_total_volume") > 0).then(pl.lit(DenominatorType.FINRA_TOTAL.value))
    return finra.otherwise(pl.lit(DenominatorType.POLYGON_TOTAL.value))


def short_ratio_zscores(ratios: pl.DataFrame, *, day: dt.date, sessions: Sequence[dt.date], min_periods: int) -> pl.DataFrame:
    """The z-score of short_ratio against the sessions before that rest on the day's own denominator type.

    Args:
        ratios: Rows of `short_ratios` of `day` and of the sessions before.
        day: The session.
        sessions: The SHORT_Z_WINDOW sessions before `day`.
        min_periods: ZSCORE_MIN_PERIODS.

    Returns:
        One row per symbol with a short row at `day`: symbol, z, periods (values in the window).
    """
    values = ratios.rename({"short_ratio": "value"})
    return zscore_against_sessions_before(
        values, day=day, sessions=sessions, min_periods=min_periods, like="short_ratio_denominator_type"
    )


def build_short_pressure(
    raw: pl.DataFrame,
    sources_by_day: pl.DataFrame,
    volumes: pl.DataFrame,
    *,
    day: dt.date,
    symbols: Sequence[str],
    sessions: Sequence[dt.date],
    min_periods: int,
    numerator: ShortNumerator,
) -> pl.DataFrame:
    """The short columns of daily_metrics for one day.

    Args:
        raw: As in `short_rows_by_symbol`, `day` and `sessions` included.
        sources_by_day: As in `short_rows_by_symbol`.
        volumes: As in `short_ratios`.
        day: The session.
        symbols: Configured symbols.
        sessions: The SHORT_Z_WINDOW sessions before `day`.
        min_periods: ZSCORE_MIN_PERIODS.
        numerator: SHORT_RATIO_NUMERATOR.

    Returns:
        One row per symbol, always, in the order given: date, symbol and SHORT_COLUMNS; null without a short row.
    """
    ratios = short_ratios(short_rows_by_symbol(raw, sources_by_day, symbols=symbols), volumes, numerator=numerator)
    zscores = short_ratio_zscores(ratios, day=day, sessions=sessions, min_periods=min_periods)
    return (
        spellings_of(symbols)
        .select("symbol")
        .join(ratios.filter(pl.col("date") == day).drop("date"), on="symbol", how="left", maintain_order="left")
        .join(zscores.rename({"z": "short_ratio_z"}), on="symbol", how="left", maintain_order="left")
        .select(pl.lit(day).alias("date"), "symbol", *SHORT_COLUMNS)
    )
