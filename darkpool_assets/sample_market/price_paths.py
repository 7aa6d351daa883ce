"""Daily prices of the sample market: a hidden flow state per security, and the open, high, low and close that follow it.

No volumes and no trades; pure arrays of shape (sessions, securities). share_volumes.py and trade_tape.py read them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from darkpool_assets.sample_market.random_streams import Draw
from darkpool_assets.sample_market.universe import UNIVERSE

_FLOW_MEMORY: Final = 0.92
_PRICE_MEMORY: Final = 0.99
_MARKET_VOLATILITY: Final = 0.008
_FLOW_PULL: Final = 0.15
_SHADOW_FLOOR: Final = 0.002


@dataclass(frozen=True)
class PricePaths:
    """Arrays of shape (sessions, securities).

    Attributes:
        flow: Hidden institutional flow, about standard normal: > 0 accumulates, < 0 distributes.
        surprise: The session's return in units of the security's usual daily move.
        open, high, low, close: Integer cents, low <= open, close <= high.
    """

    flow: np.ndarray
    surprise: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


def build_price_paths(draws: np.ndarray) -> PricePaths:
    """Paths of every security over the sessions of `draws` (see draw_sessions), starting at its usual price.

    A session's return loads on the market, on the security's own shock and mildly on the flow of the session before.
    The log price is pulled back to its usual level, so that no path of years drifts out of the picture.
    """
    price = np.array([security.price for security in UNIVERSE])
    beta = np.array([security.beta for security in UNIVERSE])
    own = np.array([security.volatility for security in UNIVERSE])
    move = np.hypot(beta * _MARKET_VOLATILITY, own)
    flow = _autoregression(draws[Draw.FLOW] * np.sqrt(1 - _FLOW_MEMORY**2), _FLOW_MEMORY)
    shocks = beta * _MARKET_VOLATILITY * draws[Draw.MARKET, :, :1] + own * draws[Draw.OWN_RETURN]
    shocks[1:] += _FLOW_PULL * move * np.tanh(flow[:-1])
    level = _autoregression(shocks, _PRICE_MEMORY)
    returns = np.diff(level, axis=0, prepend=0.0)
    close = _cents(price * np.exp(level))
    before = np.vstack([_cents(price[None, :]), close[:-1]])
    opened = _cents(before / 100 * np.exp(0.3 * move * draws[Draw.GAP]))
    upper = 1 + _SHADOW_FLOOR + 0.4 * move * np.abs(draws[Draw.UPPER_SHADOW])
    lower = 1 - _SHADOW_FLOOR - 0.4 * move * np.abs(draws[Draw.LOWER_SHADOW])
    high = np.ceil(np.maximum(opened, close) * upper).astype(np.int64)
    low = np.maximum(np.floor(np.minimum(opened, close) * lower), 1).astype(np.int64)
    return PricePaths(flow, returns / move, opened, high, low, close)


def _autoregression(shocks: np.ndarray, memory: float) -> np.ndarray:
    state = np.empty_like(shocks)
    carried = np.zeros(shocks.shape[1])
    for index, shock in enumerate(shocks):
        carried = memory * carried + shock
        state[index] = carried
    return state


def _cents(price: np.ndarray) -> np.ndarray:
    return np.maximum(np.rint(price * 100), 1).astype(np.int64)
