"""Which prints count: unusable and repeated ones are dropped, the rest is off-exchange, excluded or lit.

Nothing here knows quotes or directions, and the session window is applied before the prints come here. Lit prints go to
trade_classification; the volumes of the other categories are reported by lit_direction.
"""

from enum import StrEnum
from typing import Final

import polars as pl

from darkpool_assets.analytics.trade_conditions import EXCLUDED_CONDITION_IDS

OFF_EXCHANGE_IDS: Final = (4, 62, 201, 202, 203)
PLACEHOLDER_IDS: Final = ("", "nan", "none", "null", "<na>", "nat", "na", "n/a", "-")
_ZERO: Final = r"^0+(?:\.0*)?$"
_BY_ID: Final = ("symbol", "exchange", "trf_id", "id")
_BY_ID_WITHOUT_EXCHANGE: Final = ("symbol", "trf_id", "id", "timestamp", "price", "size")
_BY_SEQUENCE: Final = ("symbol", "timestamp", "sequence_number", "exchange", "price", "size")


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
    """Each print of one session once; of several copies the one with the highest sequence number stays (absent: 0).

    Only what is present can identify a print. With a usable id, copies agree in symbol, exchange, trf_id and id, and in
    timestamp, price and size too where the exchange is absent. Without one, copies agree in symbol, timestamp, sequence number,
    exchange, price and size, and the sequence number is above 0. Prints with neither all stay: equal ones are separate trades.
    An absent trf_id and 0 are the same facility: none.

    Args:
        trades: Rows of polygon_equity_trades_raw, one per print.

    Returns:
        The rows that stay, in their order.
    """
    rows = trades.with_row_index("row").select(
        "row",
        "symbol",
        "timestamp",
        "exchange",
        "price",
        "size",
        sequence_number=pl.col("sequence_number").fill_null(0),
        id=_usable_id(),
        trf_id=pl.col("trf_id").fill_null(0),
    )
    with_id, has_exchange = pl.col("id").is_not_null(), pl.col("exchange").is_not_null()
    leave = pl.concat(
        [
            _repeats(rows.filter(with_id & has_exchange), by=_BY_ID),
            _repeats(rows.filter(with_id & ~has_exchange), by=_BY_ID_WITHOUT_EXCHANGE),
            _repeats(rows.filter(~with_id & (pl.col("sequence_number") > 0)), by=_BY_SEQUENCE),
        ]
    )
    if leave.is_empty():
        return trades
    return trades.with_row_index("row").join(leave, on="row", how="anti", maintain_order="left").drop("row")


def is_identified() -> pl.Expr:
    """Whether a print has a usable id or a sequence number above 0, so that a copy of it can be told from another trade."""
    return _usable_id().is_not_null() | (pl.col("sequence_number").fill_null(0) > 0)


def _usable_id() -> pl.Expr:
    """The trade id without blanks around it; null where it is only a placeholder."""
    trimmed = pl.col("id").str.strip_chars()
    is_placeholder = trimmed.str.to_lowercase().is_in(PLACEHOLDER_IDS) | trimmed.str.contains(_ZERO)
    return pl.when(~is_placeholder).then(trimmed).alias("id")


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

    Off-exchange: exchange 4 (FINRA's facilities), 62 (OTC equities) or a facility's own id (201 to 203), or a trf_id other
    than 0. Excluded: a lit venue, but a correction other than 0 or an excluded condition. Prints without venue columns are lit.

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
