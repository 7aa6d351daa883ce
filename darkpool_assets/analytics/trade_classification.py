"""Who took the initiative in each lit trade: the quote and tick rules, under the names of their papers.

Eligibility is decided before (trade_eligibility), and so is the prevailing quote (prevailing_quote); volumes per day are
summed afterwards by lit_direction. Directions are inferred, never observed.

Lee and Ready 1991 (lee_ready, tick); Ellis, Michaely and O'Hara 2000 (quote, emo); Chakrabarty, Li, Nguyen and Van Ness
2007 (clnv).
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from darkpool_assets.analytics.prevailing_quote import in_tape_order
from darkpool_assets.vocabulary import ClassificationRule

BUY: Final = pl.lit(1, pl.Int8)
SELL: Final = pl.lit(-1, pl.Int8)
UNCLASSIFIED: Final = pl.lit(0, pl.Int8)
_UNDECIDED: Final = pl.lit(None, pl.Int8)

# Columns of whole millionths of a dollar while a tape is classified; bid and ask are null unless the quote is valid.
_PRICE, _BID, _ASK = pl.col("_price"), pl.col("_bid"), pl.col("_ask")
_TICK = pl.col("_tick")
_SPREAD: Final = _ASK - _BID

# What makes a trade a buy, and what a sell, by the quote alone. CLNV: three tenths of the spread from a side, up to it.
_BUY_AND_SELL: Final[Mapping[ClassificationRule, tuple[pl.Expr, pl.Expr]]] = {
    ClassificationRule.LEE_READY: (2 * _PRICE > _BID + _ASK, 2 * _PRICE < _BID + _ASK),
    ClassificationRule.QUOTE: (_PRICE >= _ASK, _PRICE <= _BID),
    ClassificationRule.EMO: (_PRICE == _ASK, _PRICE == _BID),
    ClassificationRule.CLNV: (
        (_PRICE <= _ASK) & (10 * (_ASK - _PRICE) <= 3 * _SPREAD),
        (_PRICE >= _BID) & (10 * (_PRICE - _BID) <= 3 * _SPREAD),
    ),
}


def classify_trades(trades: pl.DataFrame, *, rule: ClassificationRule) -> pl.DataFrame:
    """Sign each trade by one rule.

    Args:
        trades: One row per eligible lit trade of one session, any symbols, in any order: symbol, timestamp,
            sequence_number, price, bid, ask (USD per share).
        rule: How trades are signed.

    Returns:
        The trades in tape order with `direction` (Int8: 1 buy, -1 sell, 0 unclassified) and `has_valid_quote`.
    """
    return _classify(trades, {"direction": rule})


def classify_under_every_rule(trades: pl.DataFrame) -> pl.DataFrame:
    """Sign each trade by every rule: `classify_trades` with one column per rule, named by `direction_column`."""
    return _classify(trades, {direction_column(rule): rule for rule in ClassificationRule})


def direction_column(rule: ClassificationRule) -> str:
    """The column that holds a rule's directions when several rules stand side by side."""
    return f"direction_{rule.value}"


def millionths(price: pl.Expr) -> pl.Expr:
    """A price in USD as a whole number of millionths, null where it is absent or not finite.

    Binary floats misjudge midpoints: (10.00 + 10.01) / 2 is not 10.005. Ten times a price of up to 900 billion fits.
    """
    return (price * 1_000_000).round().cast(pl.Int64, strict=False)


def _classify(trades: pl.DataFrame, columns: Mapping[str, ClassificationRule]) -> pl.DataFrame:
    tape = in_tape_order(trades).with_columns(
        _price=millionths(pl.col("price")), _bid=millionths(pl.col("bid")), _ask=millionths(pl.col("ask"))
    )
    is_valid = ((_BID > 0) & (_ASK >= _BID)).fill_null(value=False)
    masked = [pl.when(is_valid).then(side).alias(name) for name, side in (("_bid", _BID), ("_ask", _ASK))]
    measured = tape.with_columns(*masked, has_valid_quote=is_valid, _tick=_tick_test())
    directions = {name: _direction(rule) for name, rule in columns.items()}
    return measured.with_columns(**directions).drop("_price", "_bid", "_ask", "_tick")


def _tick_test() -> pl.Expr:
    """Against the last different price of the symbol: the last change of price stands until the next one."""
    before = _PRICE.shift(1)
    is_first = pl.col("symbol").ne_missing(pl.col("symbol").shift(1))
    change = pl.when(is_first).then(UNCLASSIFIED).when(before < _PRICE).then(BUY).when(before > _PRICE).then(SELL)
    return change.forward_fill()


def _direction(rule: ClassificationRule) -> pl.Expr:
    return _TICK if rule is ClassificationRule.TICK else pl.coalesce(_quote_test(rule), _TICK)


def _quote_test(rule: ClassificationRule) -> pl.Expr:
    """What the prevailing quote says, null where it leaves the trade to the tick test."""
    buy, sell = _BUY_AND_SELL[rule]
    is_locked_at_price = (_BID == _PRICE) & (_ASK == _PRICE)
    inside = UNCLASSIFIED if rule is ClassificationRule.QUOTE else _UNDECIDED
    decided = pl.when(is_locked_at_price).then(_UNDECIDED).when(buy).then(BUY).when(sell).then(SELL)
    return decided.when(_BID.is_not_null()).then(inside)
