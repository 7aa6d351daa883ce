"""Instants of one session in nanoseconds since 1970 (UTC): pre-market, open, close, end of the window, end of trading.

Times only, early closes included; no prices. nbbo_tape.py and trade_tape.py place their events on it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Self
from zoneinfo import ZoneInfo

from darkpool_assets import market_calendar

SECOND: Final = 1_000_000_000
_OPEN: Final = dt.time(9, 30)
_WINDOW_END: Final = dt.time(16, 15)
_PRE_MARKET: Final = dt.time(4, 0)
_AFTER_HOURS: Final = dt.timedelta(hours=4)


@dataclass(frozen=True)
class SessionClock:
    """Nanoseconds since 1970; `midnight` is New York's, which aggregates call window_start."""

    midnight: int
    pre_market: int
    open: int
    close: int
    window_end: int
    last: int

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """The clock of session `day`; on an early close everything after the open moves with the close."""
        new_york = ZoneInfo(market_calendar.NEW_YORK)
        opened, window_end = market_calendar.session_window(day, rth_start=_OPEN, rth_end=_WINDOW_END)
        close = market_calendar.close_time(day)
        midnight = dt.datetime.combine(day, dt.time(), new_york)
        pre_market = dt.datetime.combine(day, _PRE_MARKET, new_york)
        return cls(*(_nanoseconds(at) for at in (midnight, pre_market, opened, close, window_end, close + _AFTER_HOURS)))


def _nanoseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * SECOND
