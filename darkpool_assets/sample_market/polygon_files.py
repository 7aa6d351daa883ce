"""Polygon's flat files of the sample market: day aggregates, trades and quotes as frames, and as published bytes.

One gzipped CSV per day and kind, in the published column order; six decimals on trades once the SIP reports fractions. No paths
and no disk: writing.py stores the bytes, a server may serve the same frames.
"""

import datetime as dt
from io import BytesIO
from typing import Final

import numpy as np
import polars as pl
from isal import igzip

from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.session_clock import SessionClock
from darkpool_assets.sample_market.share_volumes import FRACTIONAL_FROM, SHARE
from darkpool_assets.sample_market.symbol_session import symbol_session, tape_symbols
from darkpool_assets.sample_market.trade_tape import Tape, simulate_tape
from darkpool_assets.sample_market.universe import UNIVERSE

_SHARES_PER_TRADE: Final = 90
_FASTEST: Final = 1


def day_aggregates(history: MarketHistory, day: dt.date) -> pl.DataFrame:
    """One row per listed symbol of `day`, sorted: flat file's columns, no vwap; volume includes off-exchange prints."""
    number = history.number_of(day)
    listed = [
        index
        for index, security in enumerate(UNIVERSE)
        if security.is_listed and not oddities.lacks_aggregate(security.symbol, number)
    ]
    prices, millionths = history.prices, history.volumes.consolidated[number, listed]
    volume = millionths / SHARE if day >= FRACTIONAL_FROM else millionths // SHARE
    return pl.DataFrame(
        {
            "ticker": [UNIVERSE[index].symbol for index in listed],
            "volume": volume,
            "open": prices.open[number, listed] / 100,
            "close": prices.close[number, listed] / 100,
            "high": prices.high[number, listed] / 100,
            "low": prices.low[number, listed] / 100,
            "window_start": np.full(len(listed), SessionClock.of(day).midnight),
            "transactions": millionths // (SHARE * _SHARES_PER_TRADE) + 1,
        }
    ).sort("ticker")


def day_tape(history: MarketHistory, day: dt.date) -> Tape:
    """Trades, quotes and truth of every ticker on `day`, sorted by ticker and time as the flat files are."""
    tapes = [simulate_tape(symbol_session(history, day, symbol)) for symbol in tape_symbols(history, day)]
    return Tape(
        trades=pl.concat(tape.trades for tape in tapes),
        quotes=pl.concat(tape.quotes for tape in tapes),
        truth=pl.concat(tape.truth for tape in tapes),
    )


def flat_file(rows: pl.DataFrame, *, decimals: int | None = None) -> bytes:
    """The gzipped CSV of `rows`, the same bytes for the same rows; `decimals` pads every fractional column."""
    buffer = BytesIO()
    rows.write_csv(buffer, float_precision=decimals)
    return igzip.compress(buffer.getvalue(), _FASTEST, mtime=0)


def trades_decimals(day: dt.date) -> int | None:
    """Decimals of the trades file of `day`: six since 2026-02-23, as many as needed before."""
    return 6 if day >= FRACTIONAL_FROM else None
