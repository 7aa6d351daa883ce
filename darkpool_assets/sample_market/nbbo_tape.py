"""The NBBO of one session: quotes that follow price path and order flow, with the faults that real quote tapes hold.

No trades; trade_tape.py executes orders at the quote that prevails strictly before them. Prices are cents; a frame of
published rows comes out for the flat files.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from darkpool_assets.sample_market.order_flow import OrderFlow
from darkpool_assets.sample_market.session_clock import SECOND
from darkpool_assets.sample_market.symbol_session import SymbolSession

_QUOTES_PER_TRADE: Final = 3.9
_ECHO_SHARE: Final = 0.1
_PRE_MARKET_SPREAD: Final = 8
_FAULT_EVERY: Final = 1000
_KNOTS: Final = 25
_VENUES: Final = np.array([8, 9, 10, 11, 12, 15, 18, 19, 20, 21])
_CONDITIONS: Final = pl.Series(["1", "1,81"])


@dataclass(frozen=True)
class Nbbo:
    """One element per quote in time order, cents.

    Attributes:
        times: Nanoseconds since 1970, some of them equal to an order's.
        bid, ask: Where orders execute, always a positive spread.
        shown_bid, shown_ask: What is published: locked, crossed or zero-sided now and then.
    """

    times: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    shown_bid: np.ndarray
    shown_ask: np.ndarray

    def before(self, times: np.ndarray) -> np.ndarray:
        """Index of the quote that prevails strictly before each of `times`."""
        return np.maximum(np.searchsorted(self.times, times, side="left") - 1, 0)


def draw_nbbo(session: SymbolSession, flow: OrderFlow) -> Nbbo:
    """About four quotes a trade; a tenth of the orders move the quote at their own timestamp, away from their price."""
    stream = session.stream("quotes")
    times, echo = _quote_times(session, flow, stream)
    wide = times < session.clock.open - SECOND
    spread = session.security.spread + (stream.random(len(times)) < 0.15)
    middle = _middle(session, flow, times, stream)
    bid = np.floor(middle - spread / 2 + 0.5).astype(np.int64) + echo * spread - wide * _PRE_MARKET_SPREAD
    ask = bid + spread + wide * 2 * _PRE_MARKET_SPREAD
    bid = np.maximum(bid, 1)
    return Nbbo(times, bid, ask, *_shown(bid, ask, stream))


def _quote_times(session: SymbolSession, flow: OrderFlow, stream: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sorted instants of all quotes, and the direction of the order that a quote answers at once (0: none)."""
    clock, count = session.clock, int(_QUOTES_PER_TRADE * session.lit_trades) + 20
    early = clock.pre_market + ((clock.open - SECOND - clock.pre_market) * stream.random(count // 100 + 5)).astype(np.int64)
    spread_out = np.where(stream.random(count) < 0.5, stream.random(count), stream.beta(0.6, 0.6, count))
    regular = clock.open + ((clock.window_end - clock.open) * spread_out).astype(np.int64)
    background = np.setdiff1d(np.concatenate([early, [clock.open - SECOND], regular]), flow.times)
    answered = np.flatnonzero(stream.random(len(flow.times)) < _ECHO_SHARE)
    answered = answered[np.append(np.diff(flow.times[answered]) > 0, np.True_)[: len(answered)]]
    times = np.concatenate([background, flow.times[answered]])
    echo = np.concatenate([np.zeros(len(background), np.int64), flow.direction[answered]])
    order = np.argsort(times, kind="stable")
    return times[order], echo[order]


def _middle(session: SymbolSession, flow: OrderFlow, times: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Path from open to close in cents, inside the day's range: it swings with noise and with the cumulated order flow.

    Swings are slow, bent at a few knots only: the tape is thinner than a real one, and between two of its trades the price must
    not move much more than the spread, or the tick test would see nothing but the path.
    """
    knots = np.linspace(session.clock.open, session.clock.close, _KNOTS)
    pressed = np.concatenate([[0], np.cumsum(flow.direction)])[np.searchsorted(flow.times, knots, side="right")]
    swing = 0.6 * _bridge(np.cumsum(stream.standard_normal(_KNOTS))) + 0.8 * _bridge(pressed)
    line = np.linspace(session.open, session.close, _KNOTS)
    path = np.interp(times, knots, line + swing * (session.high - session.low) / 6) + 0.3 * stream.standard_normal(len(times))
    margin = min(2 * session.security.spread + 4, (session.high - session.low) / 2)
    return np.clip(path, session.low + margin, session.high - margin)


def _bridge(walk: np.ndarray) -> np.ndarray:
    """`walk` tied down at both ends, with unit standard deviation."""
    tied = walk - np.linspace(walk[0], walk[-1], len(walk))
    deviation = float(tied.std())
    return tied / deviation if deviation > 0 else tied


def _shown(bid: np.ndarray, ask: np.ndarray, stream: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Published bid and ask: of a thousand quotes one each is locked, crossed, without bid, without ask."""
    shown_bid, shown_ask = bid.copy(), ask.copy()
    each = max(1, len(bid) // _FAULT_EVERY)
    locked, crossed, no_bid, no_ask = (1 + stream.permutation(len(bid) - 1)[: 4 * each]).reshape(4, each)
    shown_ask[locked] = bid[locked]
    shown_bid[crossed], shown_ask[crossed] = ask[crossed], bid[crossed]
    shown_bid[no_bid] = 0
    shown_ask[no_ask] = 0
    return shown_bid, shown_ask


def quote_frame(session: SymbolSession, nbbo: Nbbo) -> pl.DataFrame:
    """One row per quote with the quotes flat file's columns, in time order."""
    stream, count = session.stream("quote fields"), len(nbbo.times)
    sizes = 100 * np.minimum(stream.geometric(0.4, (2, count)), 40)
    venues = _VENUES[stream.integers(0, len(_VENUES), (2, count))]
    return pl.DataFrame(
        {
            "ticker": pl.repeat(session.security.symbol, count, eager=True),
            "ask_exchange": venues[0],
            "ask_price": nbbo.shown_ask / 100,
            "ask_size": np.where(nbbo.shown_ask > 0, sizes[0], 0),
            "bid_exchange": venues[1],
            "bid_price": nbbo.shown_bid / 100,
            "bid_size": np.where(nbbo.shown_bid > 0, sizes[1], 0),
            "conditions": _CONDITIONS.gather((nbbo.times < session.clock.open).astype(np.int64)),
            "indicators": pl.repeat(None, count, dtype=pl.String, eager=True),
            "participant_timestamp": nbbo.times - stream.integers(20_000, 400_000, count),
            "sequence_number": np.cumsum(stream.integers(1, 40, count)),
            "sip_timestamp": nbbo.times,
            "tape": pl.repeat(session.security.tape, count, eager=True),
            "trf_timestamp": pl.repeat(0, count, eager=True),
        }
    )
