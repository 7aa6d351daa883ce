"""Which prints count: unusable and repeated ones are dropped, the rest is off-exchange, excluded or lit.

Nothing here knows quotes or directions, and the session window is applied before the prints come here. Lit prints go to
trade_classification; the volumes of the other categories are reported by lit_direction.
"""

from enum import StrEnum
from typing import Final

import polars as pl

from darkpool_assets.analytics.trade_conditions import EXCLUDED_CONDITION_IDS

OFF_EXCHANGE_IDS: Final = (4, 62)
_WITH_ID: Final = ("symbol", "exchange", "trf_id", "id")
_WITHOUT_ID: Final = ("symbol", "timestamp", "sequence_number", "exchange", "price", "size")


class PrintCategory(StrEnum):
    """What a usable print of the session window is; each print is exactly one of them."""

    LIT = "LIT"
    OFF_EXCHANGE = "OFF_EXCHANGE"
    EXCLUDED = "EXCLUDED"


def drop_unusable_prints(trades: pl.DataFrame) -> pl.DataFrame:
    """The prints whose price (USD) and size (shares) are both present, finite and above zero, in their order."""
    price, size = pl.col("price"), pl.col("size")
    return trades.filter(price.is_finite() & (price > 0) & size.is_finite() & (size > 0))


def drop_repeated_prints(trades: pl.DataFrame) -> pl.DataFrame:
    """Each print of one session once; of several copies the one with the highest sequence number stays.

    Copies agree in symbol, exchange, trf_id and id. A print without an id is a copy when symbol, timestamp, sequence
    number, exchange, price and size agree. An absent trf_id and 0 are the same facility: none.

    Args:
        trades: Rows of polygon_equity_trades_raw, one per print.

    Returns:
        The rows that stay, in their order.
    """
    rows = trades.with_row_index("row").select("row", *_WITHOUT_ID, "id", trf_id=pl.col("trf_id").fill_null(0))
    has_id = pl.col("id").fill_null("") != ""
    leave = pl.concat([_repeats(rows.filter(has_id), by=_WITH_ID), _repeats(rows.filter(~has_id), by=_WITHOUT_ID)])
    if leave.is_empty():
        return trades
    return trades.with_row_index("row").join(leave, on="row", how="anti", maintain_order="left").drop("row")


def _repeats(rows: pl.DataFrame, *, by: tuple[str, ...]) -> pl.DataFrame:
    """The `row` of every print that has a copy which counts instead of it."""
    marks = rows.select(pl.struct(by).hash()).to_series()
    if marks.n_unique() == rows.height:
        return rows.select("row").clear()
    # Equal prints have equal hashes: only these few rows need the exact and much slower comparison.
    suspects = rows.filter(marks.is_duplicated()).sort("sequence_number", maintain_order=True)
    stay = suspects.unique(by, keep="last").select("row")
    return suspects.select("row").join(stay, on="row", how="anti")


def categorise_prints(trades: pl.DataFrame) -> pl.DataFrame:
    """Say of each usable print whether it is off-exchange, else excluded, else lit.

    Off-exchange: exchange 4 (FINRA's facilities) or 62 (OTC equities), or a trf_id other than 0. Excluded: a lit venue,
    but a correction other than 0 or an excluded condition. Prints without venue columns are lit.

    Args:
        trades: Rows of polygon_equity_trades_raw, one per print; conditions is a comma list of ids such as "12,37".

    Returns:
        `trades` with `category`, an Enum of PrintCategory.
    """
    off_exchange = pl.col("exchange").is_in(OFF_EXCHANGE_IDS) | (pl.col("trf_id") != 0)
    excluded = (pl.col("correction") != 0) | pl.col("conditions").is_in(_excluded_lists(trades["conditions"]))
    category = (
        pl.when(off_exchange).then(pl.lit(PrintCategory.OFF_EXCHANGE.value))
        .when(excluded).then(pl.lit(PrintCategory.EXCLUDED.value))
        .otherwise(pl.lit(PrintCategory.LIT.value))
    )  # fmt: skip
    return trades.with_columns(category=category.cast(pl.Enum(PrintCategory)))


def _excluded_lists(conditions: pl.Series) -> list[str]:
    # A tape of millions of prints holds a few hundred distinct lists: each is read once.
    return [text for text in conditions.unique().drop_nulls() if _holds_excluded_condition(text)]


def _holds_excluded_condition(text: str) -> bool:
    ids = (part.strip() for part in text.split(","))
    return any(part.isdecimal() and int(part) in EXCLUDED_CONDITION_IDS for part in ids)
