"""Pages of /v3/trades and /v3/quotes of one busy symbol, rendered as the service writes them; seeded, with invented numbers."""

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from darkpool_assets.market_calendar import session_window

SYMBOL: Final = "SPY"
DAY: Final = dt.date(2024, 5, 1)
WINDOW: Final = session_window(DAY, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
PAGE_ROWS: Final = 50_000
_LEAD_IN: Final = dt.timedelta(minutes=5)
_CONDITIONS: Final = ([12, 37], [37], [14, 41], [])
_OPTIONAL: Final = ("trf_id", "trf_timestamp")


def trades_page(number: int, *, pages: int, next_url: str | None) -> bytes:
    """Page `number` (from 0) of `pages` that together fill the session window, 50,000 trades each."""
    random = np.random.default_rng([number, pages])
    times = _times(random, number, pages=pages, start=WINDOW[0])
    venues = random.choice([4, 10, 11, 12, 15, 19], PAGE_ROWS)
    off_exchange = venues == 4
    conditions = pl.Series(_CONDITIONS, dtype=pl.List(pl.Int64)).gather(random.integers(0, len(_CONDITIONS), PAGE_ROWS))
    rows = pl.DataFrame({
        "conditions": conditions, "exchange": venues, "id": (52_983_525_000_000 + _numbers(number)).astype(str),
        "participant_timestamp": times - random.integers(1_000, 900_000, PAGE_ROWS), "price": _prices(random),
        "sequence_number": 7 * _numbers(number), "sip_timestamp": times,
        "size": random.choice([1, 7, 100, 300], PAGE_ROWS), "tape": np.full(PAGE_ROWS, 2),
        "trf_id": pl.Series(np.full(PAGE_ROWS, 202)).set(pl.Series(~off_exchange), None),
        "trf_timestamp": pl.Series(times).set(pl.Series(~off_exchange), None),
    })  # fmt: skip
    return _rendered(rows, next_url)


def quotes_page(number: int, *, pages: int, next_url: str | None) -> bytes:
    """Page `number` (from 0) of `pages` that reach from five minutes before the session window to its end."""
    random = np.random.default_rng([number, pages])
    times = _times(random, number, pages=pages, start=WINDOW[0] - _LEAD_IN)
    bids = _prices(random)
    rows = pl.DataFrame({
        "ask_exchange": random.choice([11, 12, 15, 19], PAGE_ROWS), "ask_price": np.round(bids + 0.01, 2),
        "ask_size": random.integers(1, 40, PAGE_ROWS), "bid_exchange": random.choice([11, 12, 15, 19], PAGE_ROWS),
        "bid_price": bids, "bid_size": random.integers(1, 40, PAGE_ROWS), "participant_timestamp": times - 300_000,
        "sequence_number": 3 * _numbers(number), "sip_timestamp": times, "tape": np.full(PAGE_ROWS, 2),
    })  # fmt: skip
    return _rendered(rows, next_url)


def _numbers(page: int) -> np.ndarray:
    return np.arange(PAGE_ROWS, dtype=np.int64) + page * PAGE_ROWS


def _times(random: np.random.Generator, page: int, *, pages: int, start: dt.datetime) -> np.ndarray:
    """Ascending nanoseconds since 1970 within the page's share of the time from `start` to the window's end."""
    first = int(start.timestamp()) * 10**9
    share = (int(WINDOW[1].timestamp()) * 10**9 - first) // pages
    return np.sort(random.integers(first + page * share, first + (page + 1) * share, PAGE_ROWS))


def _prices(random: np.random.Generator) -> np.ndarray:
    return np.round(500 + np.cumsum(random.choice([-0.01, 0.0, 0.01], PAGE_ROWS)), 2)


def _rendered(rows: pl.DataFrame, next_url: str | None) -> bytes:
    results = rows.write_json()
    for name in _OPTIONAL:
        results = results.replace(f',"{name}":null', "")
    following = f',"next_url":"{next_url}"' if next_url else ""
    return f'{{"results":{results},"status":"OK","request_id":"0"{following}}}'.encode()
