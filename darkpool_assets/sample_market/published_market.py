"""What the sample market has published up to an instant: short files, weekly rows, ticks and bars, each made once.

Rows are those of the files modules, so that files and answers of the server say the same. No HTTP and no formats of answers:
finra_datasets.py and polygon_services.py ask here. Safe to be asked by several threads.
"""

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.finra_otc_files import OtcRow, first_published, otc_rows, restated_on
from darkpool_assets.sample_market.finra_short_files import ShortRow, short_files, short_rows
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.polygon_files import day_aggregates
from darkpool_assets.sample_market.session_clock import SessionClock
from darkpool_assets.sample_market.symbol_session import symbol_session, tape_symbols
from darkpool_assets.sample_market.trade_tape import Tape, simulate_tape
from darkpool_assets.vocabulary import ShortFileFamily

_POSTED: Final = dt.time(18, 0)
_VALUES_KEPT: Final = 256
_TICK_BYTES_KEPT: Final = 400_000_000


class PublishedMarket:
    """The history of one plan as its services see it; `now` is an aware instant."""

    def __init__(self, history: MarketHistory) -> None:
        self.history = history
        self.trade_sessions = {day: SessionClock.of(day) for day in history.market.trade_sessions}
        self.cheap_sessions = history.market.cheap_sessions
        self.otc_weeks = history.market.otc_weeks
        self._days = _Recent(_VALUES_KEPT, lambda _value: 1)
        self._tapes = _Recent(_TICK_BYTES_KEPT, _bytes_of)

    def short_sessions(self, now: dt.datetime) -> list[dt.date]:
        """Sessions whose short files are posted: from 18:00 New York of the trade date on."""
        moment = now.astimezone(ZoneInfo(market_calendar.NEW_YORK))
        last = moment.date() if moment.time() >= _POSTED else moment.date() - dt.timedelta(days=1)
        return [day for day in self.cheap_sessions if day <= last]

    def short_files(self, day: dt.date) -> dict[str, bytes]:
        """Published name -> bytes of the six short files of session `day`."""
        return self._days.get(("short files", day), lambda: short_files(self.history, day))

    def short_rows(self, day: dt.date) -> dict[ShortFileFamily, list[ShortRow]]:
        """Rows per family of session `day`, each symbol once."""
        return self._days.get(("short rows", day), lambda: short_rows(self.history, day))

    def otc_rows(self, week: dt.date, tier: str, *, on: dt.date) -> list[OtcRow]:
        """Rows of one week and tier as they stand on the date `on`: none before publication, restated ones once restated."""
        if first_published(week, tier) > on:
            return []
        restated = restated_on(week, tier)
        update = restated if restated and restated <= on else None
        return self._days.get((week, tier, update), lambda: otc_rows(self.history, week, tier, restated=update))

    def day_bars(self, day: dt.date, now: dt.datetime) -> pl.DataFrame:
        """Rows of the day-aggregates file of session `day`, once the session has closed; no rows else."""
        rows = self._days.get(("bars", day), lambda: day_aggregates(self.history, day))
        return rows if market_calendar.close_time(day) <= now else rows.clear()

    def ticks(self, kind: str, symbol: str, day: dt.date) -> pl.DataFrame | None:
        """Flat file rows (`kind`: trades or quotes) of one symbol's session, in time order; None where it has no tape."""
        if day not in self.trade_sessions or symbol not in tape_symbols(self.history, day):
            return None
        tape = self._tapes.get((symbol, day), lambda: simulate_tape(symbol_session(self.history, day, symbol)))
        return tape.trades if kind == "trades" else tape.quotes


def _bytes_of(tape: Tape) -> int:
    return int(tape.trades.estimated_size() + tape.quotes.estimated_size())


class _Recent:
    """The values asked for last, each made once, as many as fit into `capacity` by their weight; the newest always stays."""

    def __init__(self, capacity: int, weight: Callable[[Any], int]) -> None:
        self._capacity = capacity
        self._weight = weight
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of `key`, made by `make` where it is not held."""
        with self._lock:
            if key not in self._held:
                self._held[key] = make()
            self._held.move_to_end(key)
            while len(self._held) > 1 and sum(map(self._weight, self._held.values())) > self._capacity:
                self._held.popitem(last=False)
            return self._held[key]
