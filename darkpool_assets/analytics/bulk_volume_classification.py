"""Buyers' share of each minute bar, when single trades may not be read: bulk volume classification.

No quote and no single trade is known here, and a bar's volume includes off-exchange prints. lit_direction sums the shares
to a day and marks the row BVC; they never reach OTC allocation or the composite.
"""

from math import erf, sqrt

import polars as pl

from darkpool_assets.analytics.prevailing_quote import in_tape_order
from darkpool_assets.analytics.trade_classification import millionths


def classify_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Split each bar's volume between buyers and sellers by its standardised price change.

    buy_share = Phi(dp / sigma), dp = close minus the close of the symbol's bar before (the first bar: minus its open),
    sigma = sample standard deviation of dp over the symbol's bars; one half where sigma is 0 or there is a single bar.
    Easley, Lopez de Prado and O'Hara 2012.

    Args:
        bars: One row per one-minute bar of one session, any symbols, in any order: symbol, timestamp, sequence_number,
            price (the close), bar_open.

    Returns:
        The bars in order of symbol and time with `buy_share` (0..1).
    """
    close, opened = millionths(pl.col("price")), millionths(pl.col("bar_open"))
    is_first = pl.col("symbol").ne_missing(pl.col("symbol").shift(1))
    change = close - pl.when(is_first).then(opened).otherwise(close.shift(1))
    moved = in_tape_order(bars).with_columns(_change=change)
    spread = pl.col("_change").std().over("symbol")
    # Whole millionths: equal changes are equal, and their standard deviation is 0 and not a rounding error.
    standardised = pl.when(spread > 0).then(pl.col("_change") / spread).fill_null(0)
    share = standardised.map_batches(_normal_distribution, return_dtype=pl.Float64)
    return moved.with_columns(buy_share=share).drop("_change")


def _normal_distribution(values: pl.Series) -> pl.Series:
    return pl.Series([(1 + erf(value / sqrt(2))) / 2 for value in values], dtype=pl.Float64)
