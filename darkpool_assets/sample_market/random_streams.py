"""Where every random number of the sample market comes from: a stream per session, and one per session and symbol.

A stream depends on the seed, the date and the symbol alone, never on how many days a plan covers; so a longer plan repeats a
shorter one's days. Nothing else in this folder seeds a generator.
"""

import datetime as dt
from enum import IntEnum, auto
from typing import Final
from zlib import crc32

import numpy as np

_MARKET_STREAM: Final = 0


class Draw(IntEnum):
    """What the standard normal numbers of a session move; one number per security and kind."""

    MARKET = 0
    OWN_RETURN = auto()
    FLOW = auto()
    GAP = auto()
    UPPER_SHADOW = auto()
    LOWER_SHADOW = auto()
    VOLUME = auto()
    OFF_EXCHANGE_SHARE = auto()
    SHORT_RATIO = auto()
    SHORT_EXEMPT = auto()
    NEW_YORK_FACILITY = auto()
    CHICAGO_FACILITY = auto()
    BUY_SHARE = auto()
    TRADE_COUNT = auto()


def draw_sessions(seed: int, sessions: tuple[dt.date, ...], securities: int) -> np.ndarray:
    """Standard normal numbers of shape (kinds of Draw, sessions, securities)."""
    shape = (len(Draw), securities)
    streams = (np.random.default_rng([seed, _MARKET_STREAM, day.toordinal()]) for day in sessions)
    return np.stack([stream.standard_normal(shape) for stream in streams], axis=1)


def stream_of(seed: int, day: dt.date, name: str) -> np.random.Generator:
    """The generator of one symbol's (or file's) `day`."""
    return np.random.default_rng([seed, 1, day.toordinal(), crc32(name.encode())])
