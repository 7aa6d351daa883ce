"""Aggressive orders of one session: when they come and which side they are on. This is the truth that inference is scored by.

No prices and no quotes. nbbo_tape.py lets the quotes follow the flow, trade_tape.py prices the executions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from darkpool_assets.sample_market.symbol_session import SymbolSession

_SWEEP_SHARE: Final = 0.08
_PERSISTENCE: Final = 0.35


@dataclass(frozen=True)
class OrderFlow:
    """One element per lit execution in time order.

    Attributes:
        times: Nanoseconds since 1970; a sweep's executions share one.
        direction: +1 buyer-initiated, -1 seller-initiated.
    """

    times: np.ndarray
    direction: np.ndarray


def draw_order_flow(session: SymbolSession) -> OrderFlow:
    """Orders over the regular session, busiest at its ends; sides persist, and sweeps execute several times at once."""
    stream, count = session.stream("orders"), session.lit_trades
    times = regular_times(session, stream, count)
    times[0] = session.clock.open
    is_sweep = stream.random(count) < _SWEEP_SHARE
    times = times[_leaders(is_sweep)]
    fresh = np.where(stream.random(count) < session.buy_share, 1, -1)
    return OrderFlow(times, fresh[_leaders(is_sweep | (stream.random(count) < _PERSISTENCE))])


def regular_times(session: SymbolSession, stream: np.random.Generator, count: int) -> np.ndarray:
    """`count` sorted instants between the open and the close, more of them at both ends."""
    progress = np.where(stream.random(count) < 0.5, stream.random(count), stream.beta(0.6, 0.6, count))
    return np.sort(session.clock.open + ((session.clock.close - session.clock.open) * progress).astype(np.int64))


def _leaders(follows: np.ndarray) -> np.ndarray:
    """For each element the index of the last one before it, or itself, that does not follow its predecessor."""
    return np.maximum.accumulate(np.where(follows, 0, np.arange(len(follows))))
