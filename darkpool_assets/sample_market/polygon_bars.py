"""Polygon's bars of the sample market: a day's aggregates as REST rows, and one-minute bars built from the tape's trades.

No HTTP; columns are the members of the answers (T, v, o, c, h, l, t, n). polygon_services.py serves them.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

LATER_SPLITS: Final[Mapping[str, int]] = {"NVDA": 2}
"""Splits that adjusted bars look back from, invented: who forgets adjusted=false meets other prices and shares."""

_MINUTE: Final = 60_000_000_000
_MILLISECOND: Final = 1_000_000
_COPIES_OF_AUCTIONS: Final = r"(^|,)(15|16)(,|$)"


def day_bar_rows(aggregates: pl.DataFrame, *, at: int | None = None) -> pl.DataFrame:
    """One row per symbol of the day-aggregates file's rows; `t` (ms) is the file's window_start, or `at` (ns)."""
    start = pl.col("window_start") if at is None else pl.lit(at, dtype=pl.Int64)
    return aggregates.select(
        T=pl.col("ticker"),
        v=pl.col("volume"),
        o=pl.col("open"),
        c=pl.col("close"),
        h=pl.col("high"),
        l=pl.col("low"),
        t=start // _MILLISECOND,
        n=pl.col("transactions"),
    )


def minute_bars(trades: pl.DataFrame) -> pl.DataFrame:
    """One row per minute with a trade, all venues, of one symbol's trades in time order; `t` is the minute's first millisecond.

    A trade that was sent twice counts once; cancelled ones, sizes of 0 and official copies of auction prints do not count.
    """
    is_copy = pl.col("conditions").str.contains(_COPIES_OF_AUCTIONS).fill_null(value=False)
    is_kept = (pl.col("correction").fill_null(0) == 0) & (pl.col("size") > 0) & ~is_copy
    counted = trades.filter(is_kept).unique(["exchange", "trf_id", "id"], keep="first", maintain_order=True)
    minute = (pl.col("sip_timestamp") // _MINUTE * _MINUTE // _MILLISECOND).alias("t")
    price, size = pl.col("price"), pl.col("size")
    bars = counted.group_by(minute, maintain_order=True).agg(
        v=size.sum(), o=price.first(), c=price.last(), h=price.max(), l=price.min(), n=pl.len()
    )
    return bars.select("v", "o", "c", "h", "l", "t", "n")


def adjusted(bars: pl.DataFrame, symbol: pl.Expr) -> pl.DataFrame:
    """`bars` as they look after the later splits of `symbol`: prices divided, shares multiplied."""
    ratio = symbol.replace_strict(dict(LATER_SPLITS), default=1, return_dtype=pl.Int64)
    return bars.with_columns(pl.col("v") * ratio, *(pl.col(name) / ratio for name in ("o", "c", "h", "l")))
