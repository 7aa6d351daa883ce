"""Days of one step made side by side: while DuckDB, polars or typst computes one day, Python goes on with another."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from darkpool_assets.settings import Settings

Made = TypeVar("Made")
Attempts = Callable[[Callable[[dt.date], Made], Sequence[dt.date]], Iterator[tuple[dt.date, Made | Exception]]]

# A batch, because between two of them the database is free for others.
_THREADS: Final = 2
_BATCH: Final = 8
_MOST_TICKERS: Final = 100


def one_by_one(make: Callable[[dt.date], Made], days: Sequence[dt.date]) -> Iterator[tuple[dt.date, Made | Exception]]:
    """Each day with what `make` gives for it, or with the error that it raised."""
    for day in days:
        yield day, _attempt(make, day)


def side_by_side(make: Callable[[dt.date], Made], days: Sequence[dt.date]) -> Iterator[tuple[dt.date, Made | Exception]]:
    """The same in the same order, for a `make` that needs no other day and may run in several threads."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(days), _BATCH):
            batch = days[start : start + _BATCH]
            yield from zip(batch, list(pool.map(lambda day: _attempt(make, day), batch)), strict=True)


def by_memory(settings: Settings) -> Attempts[Any]:
    """How to make days each of which holds its prints in memory: two at a time, unless the prints of many tickers fill it."""
    return side_by_side if len(settings.tickers) <= _MOST_TICKERS else one_by_one


def _attempt(make: Callable[[dt.date], Made], day: dt.date) -> Made | Exception:
    try:
        return make(day)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this day alone
        return error
