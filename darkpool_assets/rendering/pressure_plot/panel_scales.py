"""What an axis spans and where its labelled ticks stand: round numbers for values, months or weeks for sessions.

Numbers and words only; which values a panel has is decided elsewhere.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from darkpool_assets.rendering.display_text import day_text, fixed, shares, signed
from darkpool_assets.rendering.pressure_plot.panel_model import Guide, Scale, Tick

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_HEADROOM: Final = 1.1
_TICK_ROOM: Final = 0.2  # of half the span: what two labels need between them
_SESSIONS_FOR_MONTHS: Final = 45
_WEEK_TICKS: Final = 5
_EDGE: Final = 0.06  # of the sessions: a label so near the left edge would be cut off


def price_scale(prices: Iterable[float]) -> Scale:
    """From the lowest to the highest price with a little room on either side."""
    known = list(prices)
    if not known:  # a view may lie behind the last price
        return Scale(0.0, 1.0, ())
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or 0.02 * abs(high) or 1.0
    return _with_ticks(low - room, high + room, fixed)


def symmetric_scale(values: Iterable[float], *, at_least: float, guides: Iterable[Guide]) -> Scale:
    """Zero in the middle, at least `at_least` to either side; labelled guides are ticks and push others aside."""
    reach = _HEADROOM * max(at_least, at_least, *(abs(value) for value in values))
    scale = _with_ticks(-reach, reach, signed, parts=6)
    labelled = [Tick(guide.value, guide.text) for guide in guides if guide.text]
    others = [tick for tick in scale.ticks if all(abs(tick.value - guide.value) > _TICK_ROOM * reach for guide in labelled)]
    return Scale(-reach, reach, tuple(sorted([*labelled, *others], key=lambda tick: tick.value)))


def volume_scale(volumes: Iterable[float]) -> Scale:
    """From zero to the largest volume; ticks in shares."""
    top = _HEADROOM * max(volumes, default=0.0)
    return _with_ticks(0.0, top, lambda value, _: _plain_shares(value)) if top > 0 else Scale(0.0, 1.0, ())


def score_scale() -> Scale:
    """The whole range of the composite score."""
    return Scale(-1.1, 1.1, tuple(Tick(value, signed(value, 1)) for value in (-1.0, -0.5, 0.0, 0.5, 1.0)))


def session_ticks(sessions: Sequence[dt.date], *, first: int) -> tuple[Tick, ...]:
    """Ticks at the first session of each month from session `first` on; of some weeks where few sessions are shown."""
    shown = len(sessions) - first
    places = range(first + round(_EDGE * shown), len(sessions))
    if shown >= _SESSIONS_FOR_MONTHS:
        months = [place for place in places if place and sessions[place].month != sessions[place - 1].month]
        return tuple(Tick(place, _month_text(sessions[place], is_first=place == months[0])) for place in months)
    weeks = [place for place in places if place == 0 or sessions[place].weekday() < sessions[place - 1].weekday()]
    kept = weeks[:: math.ceil(len(weeks) / _WEEK_TICKS)] if weeks else []
    return tuple(Tick(place, day_text(sessions[place], beside=sessions[-1])) for place in kept)


def _with_ticks(low: float, high: float, spell: Callable[[float, int], str], *, parts: int = 4) -> Scale:
    step = _round_step((high - low) / parts)
    decimals = next(places for places in range(12) if places == 11 or math.isclose(step, round(step, places), rel_tol=1e-9))
    steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    return Scale(low, high, tuple(Tick(number * step, spell(number * step, decimals)) for number in steps))


def _round_step(width: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `width`."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in _STEPS if step * power >= width * (1 - 1e-9))


def _plain_shares(volume: float) -> str:
    """Shares without needless zeros: "5M", "2.5M"."""
    text = shares(volume)
    unit = text[-1] if text[-1].isalpha() else ""
    digits = text.removesuffix(unit)
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + unit


def _month_text(day: dt.date, *, is_first: bool) -> str:
    name = day_text(day).split()[1]
    return f"{name} {day.year}" if is_first or day.month == 1 else name
