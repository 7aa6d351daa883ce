"""Price context of a day: its bar, its return against the previous session, how unusual that return is, its range.

Prices come from daily aggregates only, never from short files, and are unadjusted: a split is undone where it is known. The
columns go to daily_metrics; the returns also feed the index aggregation.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import polars as pl

from darkpool_assets.analytics.rolling_zscore import finite_or_null, zscore_against_sessions_before
from darkpool_assets.analytics.symbol_spelling import spellings_of

_BAR: Final = ("open", "high", "low", "close", "vwap", "volume")
PRICE_COLUMNS: Final = (*_BAR, "return_1d", "return_z", "range_pct")


def daily_returns(aggs: pl.DataFrame, *, sessions: Sequence[dt.date]) -> pl.DataFrame:
    """return_1d = close x split_factor / previous session's close - 1.

    The previous session is the calendar's, not the symbol's: without a close there the return is null, never a return over
    several days. split_factor (new shares per old, effective this session) is 1 where none is known.

    Args:
        aggs: Rows of polygon_daily_agg_raw.
        sessions: Consecutive sessions, oldest first; the first one has no previous session.

    Returns:
        One row per (date, symbol) of `aggs` within `sessions`: date, symbol (Polygon spelling), return_1d (ratio).
    """
    calendar = pl.DataFrame(
        {"date": sessions, "previous": [None, *sessions[:-1]][: len(sessions)]}, schema={"date": pl.Date, "previous": pl.Date}
    )
    closes = aggs.select(pl.col("trade_date").alias("date"), "symbol", finite_or_null("close"), _known_split_factor())
    before = closes.select(pl.col("date").alias("previous"), "symbol", pl.col("close").alias("previous_close"))
    growth = pl.col("close") * pl.col("split_factor") / pl.col("previous_close") - 1
    return (
        closes.join(calendar, on="date", maintain_order="left")
        .join(before, on=["previous", "symbol"], how="left", maintain_order="left")
        .select("date", "symbol", finite_or_null(growth).alias("return_1d"))
    )


def _known_split_factor() -> pl.Expr:
    factor = finite_or_null("split_factor")
    return pl.when(factor > 0).then(factor).otherwise(1.0).alias("split_factor")


def return_zscores(
    returns: pl.DataFrame, *, day: dt.date, sessions: Sequence[dt.date], window: int, min_periods: int
) -> pl.DataFrame:
    """return_1d of the day and its z-score against the last `window` of the `sessions` before `day`.

    Args:
        returns: Rows of `daily_returns`.
        day: The session.
        sessions: Consecutive sessions, oldest first.
        window: RETURN_Z_WINDOW.
        min_periods: ZSCORE_MIN_PERIODS.

    Returns:
        One row per symbol with a row at `day`: symbol, return_1d, return_z.
    """
    before = [session for session in sessions if session < day][-window:]
    zscores = zscore_against_sessions_before(
        returns.rename({"return_1d": "value"}), day=day, sessions=before, min_periods=min_periods
    )
    today = returns.filter(pl.col("date") == day).select("symbol", "return_1d")
    return today.join(zscores.select("symbol", pl.col("z").alias("return_z")), on="symbol", how="left", maintain_order="left")


def build_price_context(
    aggs: pl.DataFrame, *, day: dt.date, symbols: Sequence[str], sessions: Sequence[dt.date], window: int, min_periods: int
) -> pl.DataFrame:
    """The price columns of daily_metrics for one day.

    Args:
        aggs: Rows of polygon_daily_agg_raw of `sessions`; Polygon spelling.
        day: The session.
        symbols: Configured symbols.
        sessions: All sessions of the look-back, `day` included, oldest first; a full window takes `window` + 1 before `day`.
        window: RETURN_Z_WINDOW.
        min_periods: ZSCORE_MIN_PERIODS.

    Returns:
        One row per symbol, always, in the order given: date, symbol and PRICE_COLUMNS (range_pct = 100 x (high - low) /
        close); null without a row in `aggs`.
    """
    wanted = spellings_of(symbols)
    bars = aggs.join(wanted, left_on="symbol", right_on="polygon_symbol", how="semi")
    returns = return_zscores(
        daily_returns(bars, sessions=sessions), day=day, sessions=sessions, window=window, min_periods=min_periods
    )
    today = bars.filter(pl.col("trade_date") == day).select("symbol", *(finite_or_null(name).alias(name) for name in _BAR))
    range_pct = 100 * (pl.col("high") - pl.col("low")) / pl.col("close")
    return (
        wanted.select("symbol", "polygon_symbol")
        .join(today, left_on="polygon_symbol", right_on="symbol", how="left", maintain_order="left")
        .join(returns, left_on="polygon_symbol", right_on="symbol", how="left", maintain_order="left")
        .with_columns(pl.lit(day).alias("date"), finite_or_null(range_pct).alias("range_pct"))
        .select("date", "symbol", *PRICE_COLUMNS)
    )
