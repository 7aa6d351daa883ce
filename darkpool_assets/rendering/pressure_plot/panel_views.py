"""How far back a plot looks: the last 30, 60, ... sessions, each with the scales and ticks that suit what it shows."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from darkpool_assets.rendering.pressure_plot.panel_model import Panel, Scale, View
from darkpool_assets.rendering.pressure_plot.panel_scales import (
    price_scale,
    score_scale,
    session_ticks,
    symmetric_scale,
    volume_scale,
)

CHOICES: Final = (30, 60, 120)
_NO_SCALE: Final = Scale(0.0, 1.0, ())
_DIRECTION_REACH: Final = 0.25  # the guide lines at ln 1.25 and ln 0.80 are always in sight
_PRESSURE_REACH: Final = 1.5  # so are those at +-1


def views_of(panels: Sequence[Panel], sessions: Sequence[dt.date]) -> tuple[View, ...]:
    """The views of a plot: every choice that is shorter than the window, and the whole window."""
    lengths = [choice for choice in CHOICES if choice < len(sessions)] + [len(sessions)]
    return tuple(_view(panels, sessions, first=len(sessions) - length) for length in lengths)


def _view(panels: Sequence[Panel], sessions: Sequence[dt.date], *, first: int) -> View:
    scales = tuple(_NO_SCALE if panel.empty_text else _SCALES[panel.key](panel, first) for panel in panels)
    return View(first, len(sessions) - first, session_ticks(sessions, first=first), scales)


def _prices(panel: Panel, first: int) -> Scale:
    candles = [candle for candle in panel.candles if candle.place >= first]
    known = [price for candle in candles for price in (candle.open, candle.high, candle.low, candle.close)]
    return price_scale(price for price in known if price is not None)


def _marks(panel: Panel, first: int, *, at_least: float) -> Scale:
    return symmetric_scale((mark.value for mark in panel.marks if mark.place >= first), at_least=at_least, guides=panel.guides)


def _volumes(panel: Panel, first: int) -> Scale:
    return volume_scale(step.volume for step in panel.steps if step.last >= first)


_SCALES: Final[Mapping[str, Callable[[Panel, int], Scale]]] = {
    "price": _prices,
    "direction": lambda panel, first: _marks(panel, first, at_least=_DIRECTION_REACH),
    "pressure": lambda panel, first: _marks(panel, first, at_least=_PRESSURE_REACH),
    "otc_week": _volumes,
    "composite": lambda *_: score_scale(),
}
