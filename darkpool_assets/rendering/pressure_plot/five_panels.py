"""What each of the five panels shows: candles, bars, curves, steps, marks and guide lines of one symbol's window.

Rules of display only; every number is read off a stored row. `pressure_panels` puts the panels together.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from darkpool_assets.market_calendar import week_of
from darkpool_assets.rendering.daily_table.cell_rules import StoredRow
from darkpool_assets.rendering.display_text import finite
from darkpool_assets.rendering.pressure_plot.panel_model import Bar, Candle, Gap, Guide, Mark, Panel, Step, Tone
from darkpool_assets.rendering.pressure_plot.panel_readings import (
    composite_reading,
    direction_reading,
    pressure_reading,
    price_reading,
    sessions_by_method,
    week_reading,
)
from darkpool_assets.rendering.pressure_plot.smoothing import smooth_runs
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, FinalLabel

DIRECTION_GUIDES: Final = (Guide(math.log(1.25), "ln 1.25"), Guide(math.log(0.80), "ln 0.80"))
PRESSURE_GUIDES: Final = (Guide(1.0, "+1"), Guide(-1.0, "−1"))
SCORE_GUIDES: Final = (Guide(0.5), Guide(0.2), Guide(-0.2), Guide(-0.5))  # where a label leans, and where it infers
_NO_SIDE_LABELS: Final = frozenset({FinalLabel.UNSTABLE, FinalLabel.INSUFFICIENT})

Rows = Sequence[StoredRow | None]


@dataclass(frozen=True)
class Window:
    """The symbol's stored rows, one place per session; None where there is no row."""

    sessions: tuple[dt.date, ...]
    metrics: Rows
    composites: Rows


def five_panels(window: Window) -> tuple[Panel, ...]:
    """Price, log(Buy/Sell), short ratio z, FINRA OTC week and composite, from top to bottom."""
    makers = (_price, _direction, _pressure, _otc_week, _composite)
    return tuple(_emptied(make(window)) for make in makers)


def stretches(keys: Sequence[Any]) -> Iterable[tuple[int, int, Any]]:
    """Neighbouring places of equal key: first place, last place, key; places of the key None are left out.

    >>> list(stretches(["a", "a", None, "b"]))
    [(0, 1, 'a'), (3, 3, 'b')]
    """
    first = 0
    for place, key in enumerate(keys):
        if place + 1 == len(keys) or keys[place + 1] != key:
            if key is not None:
                yield first, place, key
            first = place + 1


def _emptied(panel: Panel) -> Panel:
    """A panel without a value says so and draws no lines to read values against."""
    return replace(panel, guides=(), has_zero=False) if panel.empty_text else panel


def _price(window: Window) -> Panel:
    candles = (_candle(place, row) for place, row in enumerate(window.metrics) if row is not None)
    closes = _values(window.metrics, "close")
    return Panel(
        key="price",
        title="Price",
        unit="USD per share, unadjusted",
        short_title="Close",
        share=2.0,
        readings=_readings(window.metrics, price_reading),
        candles=tuple(candle for candle in candles if candle is not None),
        gaps=_gaps(closes, "no price"),
        empty_text=_when_empty(closes, "No price"),
    )


def _candle(place: int, row: StoredRow) -> Candle | None:
    close = finite(row["close"])
    if close is None:
        return None
    return Candle(place, close, finite(row["open"]), finite(row["high"]), finite(row["low"]))


def _direction(window: Window) -> Panel:
    values = _values(window.metrics, "log_buy_sell")
    marks = tuple(
        _mark(place, value, is_contested=row["direction_stable"] is False, is_hollow=_is_from_bars(row))
        for place, value, row in _stored(values, window.metrics)
    )
    methods = ", ".join(sessions_by_method(window.metrics))
    return Panel(
        key="direction",
        title="log(Buy/Sell)",
        unit=f"ln of lit shares, inferred{f' · {methods}' if methods else ''}",
        short_title="log(B/S)",
        share=1.3,
        readings=_readings(window.metrics, direction_reading),
        has_zero=True,
        bars=tuple(Bar(mark.place, mark.value, mark.tone) for mark in marks),
        curve=smooth_runs(values),
        marks=marks,
        guides=DIRECTION_GUIDES,
        gaps=_gaps(values, "no lit data"),
        empty_text=_when_empty(values, "No lit direction"),
    )


def _pressure(window: Window) -> Panel:
    values = _values(window.metrics, "short_ratio_z")
    return Panel(
        key="pressure",
        title="Short ratio z",
        unit="standard deviations from its own past",
        short_title="Short z",
        share=1.1,
        readings=_readings(window.metrics, pressure_reading),
        has_zero=True,
        curve=smooth_runs(values),
        curve_tone=Tone.PRESSURE,
        marks=tuple(Mark(place, value, Tone.PRESSURE) for place, value, _ in _stored(values, window.metrics)),
        guides=PRESSURE_GUIDES,
        gaps=_gaps(values, "no short z"),
        empty_text=_when_empty(values, "No short z"),
    )


def _otc_week(window: Window) -> Panel:
    volumes = [finite(row["otc_off_exchange_volume"]) if row is not None and row["has_otc"] else None for row in window.metrics]
    return Panel(
        key="otc_week",
        title="FINRA OTC volume",
        unit="shares per week, off-exchange",
        short_title="OTC week",
        share=1.0,
        readings=_readings(window.metrics, week_reading),
        steps=tuple(_steps(window, volumes)),
        gaps=_gaps(volumes, "no OTC week"),
        empty_text=_when_empty(volumes, "No OTC week"),
    )


def _composite(window: Window) -> Panel:
    values = _values(window.composites, "composite_score")
    scored = _stored(values, window.composites)
    marks = [_mark(place, value, is_contested=row["final_label"] in _NO_SIDE_LABELS) for place, value, row in scored]
    return Panel(
        key="composite",
        title="Composite",
        unit="−1 to +1 · solid = score × confidence",
        short_title="Composite",
        share=1.4,
        readings=_readings(window.composites, composite_reading),
        has_zero=True,
        bars=tuple(
            Bar(mark.place, mark.value, mark.tone, solid=min(max(finite(row["confidence"]) or 0.0, 0.0), 1.0))
            for mark, (_, _, row) in zip(marks, scored, strict=True)
        ),
        curve=smooth_runs(values),
        marks=tuple(marks),
        guides=SCORE_GUIDES,
        gaps=_gaps(values, "no composite"),
        empty_text=_when_empty(values, "No composite score"),
    )


def _steps(window: Window, volumes: Sequence[float | None]) -> Iterable[Step]:
    """One step per week; sessions of one week that rest on different weeks are steps of their own."""
    keys = [
        None if volume is None or row is None else (week_of(session), volume, row["data_quality"] == DataQuality.OTC_ANCHORED)
        for session, row, volume in zip(window.sessions, window.metrics, volumes, strict=True)
    ]
    return (Step(first, last, key[1], is_own=key[2]) for first, last, key in stretches(keys))


def _gaps(values: Sequence[float | None], text: str) -> tuple[Gap, ...]:
    if not any(value is not None for value in values):
        return ()
    missing = [True if value is None else None for value in values]
    return tuple(Gap(first, last, text) for first, last, _ in stretches(missing))


def _values(rows: Rows, column: str) -> list[float | None]:
    return [None if row is None else finite(row[column]) for row in rows]


def _stored(values: Sequence[float | None], rows: Rows) -> list[tuple[int, float, StoredRow]]:
    """The places that have a value, each with it and its row."""
    pairs = enumerate(zip(values, rows, strict=True))
    return [(place, value, row) for place, (value, row) in pairs if value is not None and row is not None]


def _readings(rows: Rows, reading: Callable[[StoredRow], str]) -> tuple[str, ...]:
    return tuple("" if row is None else reading(row) for row in rows)


def _when_empty(values: Sequence[float | None], what: str) -> str:
    return "" if any(value is not None for value in values) else f"{what} is stored for these sessions."


def _mark(place: int, value: float, *, is_contested: bool, is_hollow: bool = False) -> Mark:
    """A point of the side of its sign; without a side it is hollow."""
    if is_contested or not value:
        return Mark(place, value, Tone.CONTESTED, is_hollow=True)
    return Mark(place, value, Tone.BUY if value > 0 else Tone.SELL, is_hollow)


def _is_from_bars(row: StoredRow) -> bool:
    return row["classification_method"] == ClassificationMethod.BVC
