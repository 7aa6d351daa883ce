"""On which days and weeks the sample market shows the outside world's rare faults.

Every fault depends on the calendar alone (a session's number since the market's origin, a week's ordinal), so that a day looks
the same in every plan. The files modules ask this module; it holds no numbers of its own.
"""

import datetime as dt
from typing import Final

_SESSION_CYCLE: Final = 25
_SESSION_FAULTS: Final = {"NO_AGGREGATE": ("MSFT", 18), "ZERO_SHORT": ("TLT", 22), "NO_TRADES": ("RGTI", 6), "THIN": ("BRK.B", 3)}
_DUPLICATE_CYCLE: Final = 5
_TAPE_CHANGE: Final = ("IWM", 6)
_REUSED_TICKER: Final = ("META", 7)
_WEEK_CYCLE: Final = 8
_RESTATEMENT_CYCLE: Final = 3
_RESTATED_PHASE: Final = 2


def lacks_aggregate(symbol: str, number: int) -> bool:
    """Whether the aggregates of session `number` have no row for `symbol`."""
    return _is_fault("NO_AGGREGATE", symbol, number)


def has_zero_short_total(symbol: str, number: int) -> bool:
    """Whether the short files of session `number` carry only zeros for `symbol`."""
    return _is_fault("ZERO_SHORT", symbol, number)


def lacks_trades(symbol: str, number: int) -> bool:
    """Whether the tape of session `number` has neither trade nor quote of `symbol`."""
    return _is_fault("NO_TRADES", symbol, number)


def is_thin_day(symbol: str, number: int) -> bool:
    """Whether `symbol` trades fewer than 10,000 lit shares in session `number`."""
    return _is_fault("THIN", symbol, number)


def duplicated_family(number: int, families: tuple[str, ...]) -> str | None:
    """The short file family of session `number` that repeats one row exactly, if any."""
    return families[number // _DUPLICATE_CYCLE % len(families)] if number % _DUPLICATE_CYCLE == 0 else None


def changes_tape(symbol: str, week: dt.date) -> bool:
    """Whether `symbol` changes its listing market within `week`: one weekly row per product type."""
    return (symbol, _week_number(week) % _WEEK_CYCLE) == _TAPE_CHANGE


def is_reused_ticker(symbol: str, week: dt.date) -> bool:
    """Whether two issues carry `symbol` in `week`: one weekly row per issue name."""
    return (symbol, _week_number(week) % _WEEK_CYCLE) == _REUSED_TICKER


def is_restated(week: dt.date) -> bool:
    """Whether FINRA restates `week` after its publication."""
    return _week_number(week) % _RESTATEMENT_CYCLE == _RESTATED_PHASE


def _week_number(week: dt.date) -> int:
    return week.toordinal() // 7


def _is_fault(name: str, symbol: str, number: int) -> bool:
    return _SESSION_FAULTS[name] == (symbol, number % _SESSION_CYCLE)
