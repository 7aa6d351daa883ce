"""What a day's prints add up to by symbol: what rule 7 holds lit_direction_daily against.

Kept in the ingest ledger as JSON when raw trades are pruned, so that the rule says afterwards what it said before.
"""

import json

import polars as pl

from darkpool_assets.analytics.trade_eligibility import PrintCategory, categorise_prints
from darkpool_assets.vocabulary import TradeSource

_SCHEMA = pl.Schema(
    {"symbol": pl.String(), "lit": pl.Float64(), "off_exchange": pl.Float64(), "excluded": pl.Float64(), "lit_trades": pl.Int64()}
)


def count_prints(trades: pl.DataFrame) -> pl.DataFrame:
    """Volumes and eligible lit trades of stored prints; bars are no prints.

    Args:
        trades: Rows of polygon_equity_trades_raw of one day.

    Returns:
        One row per symbol: symbol, lit, off_exchange and excluded (shares), lit_trades.
    """
    prints = categorise_prints(trades.filter(pl.col("data_source") != TradeSource.MINUTE_BARS.value))

    def volume(category: PrintCategory) -> pl.Expr:
        return pl.col("size").filter(pl.col("category") == category.value).sum()

    counts = prints.group_by("symbol").agg(
        lit=volume(PrintCategory.LIT),
        off_exchange=volume(PrintCategory.OFF_EXCHANGE),
        excluded=volume(PrintCategory.EXCLUDED),
        lit_trades=(pl.col("category") == PrintCategory.LIT.value).sum(),
    )
    return counts.cast(_SCHEMA).sort("symbol")


def counts_as_json(counts: pl.DataFrame) -> str:
    """`counts` as a JSON object: symbol -> its counts."""
    return json.dumps({row.pop("symbol"): row for row in counts.iter_rows(named=True)})


def counts_of_json(text: str) -> pl.DataFrame:
    """The counts that counts_as_json wrote."""
    return pl.DataFrame([{"symbol": symbol, **counts} for symbol, counts in json.loads(text).items()], schema=_SCHEMA)
