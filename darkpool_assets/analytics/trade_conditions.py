"""The sale conditions that keep a lit print from being given a direction: one table, as data.

Ids and names are Polygon's, the same in its REST API and its flat files. No frame is touched in this module:
trade_eligibility applies the table.
"""

from typing import Final, NamedTuple


class TradeCondition(NamedTuple):
    """One sale condition: its Polygon id, its name, and why its prints are out (or stay in)."""

    id: int
    name: str
    why: str


_AUCTION: Final = "an auction's single price has no aggressor"
_REPEAT: Final = "repeats shares that are printed elsewhere"
_LATE: Final = "reported late: the quote before its timestamp is not the one it met"
_TERMS: Final = "settles on other terms, so its price is not the market's"
_PRICED: Final = "priced by a formula or by another instrument, not against the quote"
_HOURS: Final = "belongs to extended hours"
_VOID: Final = "cancelled, corrected or reported in error"
_ORDINARY: Final = "an ordinary execution against the quote"

EXCLUDED_CONDITIONS: Final = (
    TradeCondition(2, "Average Price Trade", _PRICED),
    TradeCondition(7, "Cash Sale", _TERMS),
    TradeCondition(8, "Closing Prints", _AUCTION),
    TradeCondition(9, "Cross Trade", _AUCTION),
    TradeCondition(10, "Derivatively Priced", _PRICED),
    TradeCondition(12, "Form T", _HOURS),
    TradeCondition(13, "Extended Trading Hours (Sold Out of Sequence)", _HOURS),
    TradeCondition(15, "Market Center Official Close", _REPEAT),
    TradeCondition(16, "Market Center Official Open", _REPEAT),
    TradeCondition(17, "Market Center Opening Trade", _AUCTION),
    TradeCondition(18, "Market Center Reopening Trade", _AUCTION),
    TradeCondition(19, "Market Center Closing Trade", _AUCTION),
    TradeCondition(20, "Next Day", _TERMS),
    TradeCondition(21, "Price Variation Trade", _PRICED),
    TradeCondition(22, "Prior Reference Price", _PRICED),
    TradeCondition(25, "Opening Prints", _AUCTION),
    TradeCondition(28, "Re-Opening Prints", _AUCTION),
    TradeCondition(29, "Seller", _TERMS),
    TradeCondition(30, "Sold Last", _LATE),
    TradeCondition(32, "Sold Out", _LATE),
    TradeCondition(33, "Sold (Out of Sequence)", _LATE),
    TradeCondition(38, "Corrected Consolidated Close", _REPEAT),
    TradeCondition(44, "Cancelled", _VOID),
    TradeCondition(45, "Recovery", _VOID),
    TradeCondition(46, "Correction", _VOID),
    TradeCondition(47, "As of", _VOID),
    TradeCondition(48, "As of Correction", _VOID),
    TradeCondition(49, "As of Cancel", _VOID),
    TradeCondition(52, "Contingent Trade", _PRICED),
    TradeCondition(53, "Qualified Contingent Trade", _PRICED),
    TradeCondition(54, "Errored", _VOID),
)

# Kept by name, because other pipelines drop some of them; ids in neither table are kept as well.
KEPT_CONDITIONS: Final = (
    TradeCondition(0, "Regular Trade", _ORDINARY),
    TradeCondition(14, "Intermarket Sweep", _ORDINARY),
    TradeCondition(37, "Odd Lot Trade", _ORDINARY),
    TradeCondition(41, "Trade Thru Exempt", _ORDINARY),
)

EXCLUDED_CONDITION_IDS: Final = frozenset(condition.id for condition in EXCLUDED_CONDITIONS)
