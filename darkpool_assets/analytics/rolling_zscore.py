"""How unusual a day's value is against the sessions before it.

No choice of sessions and no meaning of the values: both are arguments. Short pressure, price context, lit direction and
the index table give their own values and store the z-scores that come back.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import polars as pl

SMALLEST_RELATIVE_SD: Final = 1e-9


def finite_or_null(value: str | pl.Expr) -> pl.Expr:
    """`value` (a column or an expression) as Float64; NaN and infinity become null."""
    number = (pl.col(value) if isinstance(value, str) else value).cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def zscore_against_sessions_before(
    values: pl.DataFrame,
    *,
    day: dt.date,
    sessions: Sequence[dt.date],
    min_periods: int,
    keys: Sequence[str] = ("symbol",),
    like: str | None = None,
) -> pl.DataFrame:
    """z(D) = (x(D) - mean) / sd over the values at the given sessions before D, sd with ddof=1 (owner's rule).

    A session without a value is skipped, not replaced by an older one. sd counts as zero when it is at most 1e-9 of the
    largest value: equal values that differ by rounding only have no spread to measure against.

    Args:
        values: One row per (keys, date) with `value` and, when `like` names one, that column; rows of any other dates are
            ignored. A value that is not finite counts as absent.
        day: The session D.
        sessions: The calendar sessions of the window, all before `day`.
        min_periods: Fewest values that make a z-score.
        keys: Columns that identify a series.
        like: Only sessions with D's own, non-null value of this column count.

    Returns:
        One row per key that has a row at `day`, in that order: the keys, `z` (null with fewer than `min_periods` values,
        with sd = 0 or without a value at `day`) and `periods` (number of values in the window).
    """
    series = [*keys] if like is None else [*keys, like]
    finite = values.select("date", *series, finite_or_null("value").alias("value"))
    today = finite.filter(pl.col("date") == day)
    spread = _spread(finite.filter(pl.col("date").is_in(list(sessions)), pl.col("date") < day), series)
    enough = (pl.col("periods") >= min_periods) & (pl.col("sd") > SMALLEST_RELATIVE_SD * pl.col("largest"))
    z = pl.when(enough).then((pl.col("value") - pl.col("mean")) / pl.col("sd"))
    return today.join(spread, on=series, how="left", maintain_order="left").select(
        *keys, finite_or_null(z).alias("z"), pl.col("periods").fill_null(0)
    )


def _spread(before: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    # Sorted by date, so that the stored order of rows cannot change the last bit of a sum.
    values = before.drop_nulls("value").sort(*series, "date")
    return values.group_by(series, maintain_order=True).agg(
        pl.col("value").mean().alias("mean"),
        pl.col("value").std(ddof=1).alias("sd"),
        pl.col("value").abs().max().alias("largest"),
        pl.len().cast(pl.Int64).alias("periods"),
    )
