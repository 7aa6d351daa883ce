"""The moment, for what runs by itself: schedule and sensors are given a clock, so that a month can be played through."""

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Gives an aware instant."""


def system_clock() -> dt.datetime:
    """The moment of this machine."""
    return dt.datetime.now(dt.UTC)
