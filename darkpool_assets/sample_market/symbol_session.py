"""One ticker's session as its tape sees it: clock, price bounds, how much trades and which side presses.

It reads the market's history and draws nothing. order_flow.py, nbbo_tape.py and trade_tape.py build the tape from it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.random_streams import Draw, stream_of
from darkpool_assets.sample_market.session_clock import SECOND, SessionClock
from darkpool_assets.sample_market.share_volumes import FRACTIONAL_FROM, SHARE
from darkpool_assets.sample_market.universe import TICKERS, UNIVERSE, Security, position_of

_REGULAR_SESSION_SECONDS: Final = 23_400
_THIN_DAY_TRADES: Final = 90


@dataclass(frozen=True)
class SymbolSession:
    """What the history says of one symbol's session.

    Attributes:
        open, high, low, close: Cents.
        shares: Consolidated shares of the day; the tape is a scaled-down copy and never holds more.
        lit_trades: Orders that execute on lit venues in regular hours.
        buy_share: Probability that an order is a buyer's.
        off_exchange_share: Share of the day's volume reported to a TRF.
        is_thin: Fewer than 10,000 lit shares trade.
    """

    security: Security
    day: dt.date
    seed: int
    clock: SessionClock
    open: int
    high: int
    low: int
    close: int
    shares: float
    lit_trades: int
    buy_share: float
    off_exchange_share: float
    is_thin: bool

    @property
    def has_fractional_sizes(self) -> bool:
        """Whether the SIP reports fractional shares that day."""
        return self.day >= FRACTIONAL_FROM

    @property
    def price(self) -> float:
        """A price of the session in USD."""
        return self.close / 100

    def stream(self, part: str) -> np.random.Generator:
        """The random stream of one part of this session's tape."""
        return stream_of(self.seed, self.day, f"{self.security.symbol} {part}")


def tape_symbols(history: MarketHistory, day: dt.date) -> list[str]:
    """The tickers that have trades and quotes on `day`, sorted as the flat files sort them."""
    number = history.number_of(day)
    return sorted(symbol for symbol in TICKERS if not oddities.lacks_trades(symbol, number))


def symbol_session(history: MarketHistory, day: dt.date, symbol: str) -> SymbolSession:
    """The session of `symbol` on `day`."""
    number, index = history.number_of(day), position_of(symbol)
    security, prices, volumes, clock = UNIVERSE[index], history.prices, history.volumes, SessionClock.of(day)
    consolidated = int(volumes.consolidated[number, index])
    is_thin = oddities.is_thin_day(symbol, number)
    trades = _lit_trades(history, number, index, clock)
    return SymbolSession(
        security, day, history.market.seed, clock,
        *(int(path[number, index]) for path in (prices.open, prices.high, prices.low, prices.close)),
        shares=consolidated / SHARE,
        lit_trades=min(trades, _THIN_DAY_TRADES) if is_thin else trades,
        buy_share=_buy_share(history, number, index),
        off_exchange_share=int(volumes.facility[:, number, index].sum()) / consolidated,
        is_thin=is_thin,
    )  # fmt: skip


def _lit_trades(history: MarketHistory, number: int, index: int, clock: SessionClock) -> int:
    length = (clock.close - clock.open) / (_REGULAR_SESSION_SECONDS * SECOND)
    activity = float(np.exp(0.15 * history.draws[Draw.TRADE_COUNT, number, index]))
    return max(1, int(history.market.trades_per_symbol * UNIVERSE[index].weight * length * activity))


def _buy_share(history: MarketHistory, number: int, index: int) -> float:
    flow, surprise = history.prices.flow[number, index], history.prices.surprise[number, index]
    noise = 0.006 * history.draws[Draw.BUY_SHARE, number, index]
    return float(np.clip(0.5 + 0.07 * np.tanh(flow) + 0.02 * np.tanh(surprise) + noise, 0.3, 0.7))
