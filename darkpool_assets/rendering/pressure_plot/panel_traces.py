"""The marks of the panels as plotly traces: plain dicts whose colours are still the names of roles.

Only true points answer the pointer, each with its session's value in words; curves, bars, guides and shading are silent.
The layout around the traces is made in `panels_figure`.
"""

import html
from collections.abc import Iterable, Sequence
from typing import Any, Final

from darkpool_assets.rendering.pressure_plot.panel_model import Band, Mark, Panel, Tone
from darkpool_assets.rendering.pressure_plot.panel_time import TimeAxis, share_of_a_day
from darkpool_assets.vocabulary import DataQuality

Trace = dict[str, Any]

_CURVE_STEPS: Final = 6
_BAR_WIDTH: Final = share_of_a_day(0.62)
_SIZES: Final = {Tone.BUY: 6.5, Tone.SELL: 7.5, Tone.CONTESTED: 6.5, Tone.PRESSURE: 5.5}
_SILENT: Final[Trace] = {"hoverinfo": "skip", "showlegend": False}
_LINES: Final[Trace] = {"type": "scatter", "mode": "lines", "connectgaps": False, **_SILENT}


def colour_name(role: str) -> str:
    """How a figure names the colour of a role; the page's script puts the scheme's colour in its place."""
    return f"${role}"


def background_traces(panel: Panel, bands: Sequence[Band], time: TimeAxis) -> list[Trace]:
    """What lies behind a panel, on an axis from 0 to 1: the shading of provenance, and frames around missing values."""
    hatch = {
        "shape": "/", "size": 9, "solidity": 0.12, "fillmode": "replace",
        "fgcolor": colour_name("hatch"), "bgcolor": colour_name("pre_otc_ground"),
    }  # fmt: skip
    dashes = {"color": colour_name("soft"), "width": 0.8, "dash": "3px,2px"}
    layers = (
        (
            [b for b in bands if b.quality == DataQuality.OTC_ANCHORED],
            {"fillcolor": colour_name("anchored_ground"), "line": {"width": 0}},
        ),
        ([b for b in bands if b.quality == DataQuality.PRE_OTC], {"fillpattern": hatch, "line": {"width": 0}}),
        (panel.gaps, {"fillcolor": colour_name("page"), "line": dashes}),
    )
    return [
        _rectangles([(time.start(span.first), time.end(span.last)) for span in spans]) | look for spans, look in layers if spans
    ]


def panel_traces(panel: Panel, time: TimeAxis, *, sessions: int) -> list[Trace]:
    """What is drawn in a panel, from the back to the front."""
    return [
        *_guides(panel, time, sessions=sessions),
        *_bars(panel, time),
        *_candles(panel, time),
        *_steps(panel, time),
        *_curve(panel, time),
        *_marks(panel, time),
    ]


def _rectangles(spans: Sequence[tuple[int, int]]) -> Trace:
    corners = [
        corner for left, right in spans for corner in ((left, 0), (left, 1), (right, 1), (right, 0), (left, 0), (None, None))
    ]
    return _line(corners) | {"fill": "toself"}


def _line(points: Iterable[tuple[int | None, float | None]]) -> Trace:
    """Lines through points; a point of None starts another line."""
    xs, ys = zip(*points, strict=True)
    return {**_LINES, "x": xs, "y": ys}


def _guides(panel: Panel, time: TimeAxis, *, sessions: int) -> list[Trace]:
    if not panel.guides:
        return []
    ends = time.start(0), time.end(sessions - 1)
    points = [point for g in panel.guides for point in ((ends[0], g.value), (ends[1], g.value), (None, None))]
    return [_line(points) | {"line": {"color": colour_name("soft"), "width": 1, "dash": "2px,3px"}}]


def _bars(panel: Panel, time: TimeAxis) -> list[Trace]:
    if not panel.bars:
        return []
    pale = _columns(panel, time, heights=[bar.value for bar in panel.bars], role="bar")
    if not any(bar.solid for bar in panel.bars):
        return [pale]
    return [pale, _columns(panel, time, heights=[bar.value * bar.solid for bar in panel.bars], role="mark")]


def _columns(panel: Panel, time: TimeAxis, *, heights: Sequence[float], role: str) -> Trace:
    return {
        "type": "bar",
        "x": [time.noon(bar.place) for bar in panel.bars],
        "y": [_short(height) for height in heights],
        "width": _BAR_WIDTH,
        "marker": {"color": [colour_name(f"{bar.tone}_{role}") for bar in panel.bars], "line": {"width": 0}},
        **_SILENT,
    }


def _candles(panel: Panel, time: TimeAxis) -> list[Trace]:
    whole = [candle for candle in panel.candles if candle.is_whole]
    dashes = [candle for candle in panel.candles if not candle.is_whole]
    line = {"color": colour_name("ink"), "width": 1}
    traces: list[Trace] = []
    if whole:
        places = [candle.place for candle in whole]
        prices = {name: [getattr(candle, name) for candle in whole] for name in ("open", "high", "low", "close")}
        rising, falling = {"line": line, "fillcolor": colour_name("page")}, {"line": line, "fillcolor": colour_name("ink")}
        looks = {"type": "candlestick", "increasing": rising, "decreasing": falling, "whiskerwidth": 0}
        traces.append({"x": [time.noon(place) for place in places], **prices, **looks, **_answers(panel, places)})
    if dashes:
        marker = {"symbol": "line-ew", "size": 8, "line": {"color": colour_name("ink"), "width": 2}}
        traces.append(_points(panel, time, [(candle.place, candle.close) for candle in dashes], marker))
    return traces


def _steps(panel: Panel, time: TimeAxis) -> list[Trace]:
    if not panel.steps:
        return []
    filled = {"line": {"color": colour_name("ink"), "width": 1.4}, "fill": "tozeroy", "fillcolor": colour_name("week")}
    hollow = {"line": {"color": colour_name("caution_ink"), "width": 1.6, "dash": "4px,3px"}}
    outlines = ((_outline(panel, time, is_own=True), filled), (_outline(panel, time, is_own=False), hollow))
    places = [(place, step.volume) for step in panel.steps for place in range(step.first, step.last + 1)]
    unseen = {"color": colour_name("ink"), "size": 6, "opacity": 0}
    return [_line(points) | look for points, look in outlines if points] + [_points(panel, time, places, unseen)]


def _outline(panel: Panel, time: TimeAxis, *, is_own: bool) -> list[tuple[int | None, float | None]]:
    """Level lines from the first to the last session of each step; own weeks stand on zero, so that they can be filled."""
    points: list[tuple[int | None, float | None]] = []
    previous = None
    for step in panel.steps:
        if step.is_own != is_own:
            continue
        if previous is not None and previous.last + 1 != step.first:
            points.append((None, None))
        left, right = time.start(step.first), time.end(step.last)
        foot = [(left, 0.0)], [(right, 0.0)]
        level = [(left, step.volume), (right, step.volume)]
        points += foot[0] + level + foot[1] if is_own else level
        previous = step
    return points


def _curve(panel: Panel, time: TimeAxis) -> list[Trace]:
    points: list[tuple[int | None, float | None]] = []
    for run in panel.curve:
        points += [(time.instant(place), _short(height)) for place, height in run.sampled(_CURVE_STEPS)]
        points.append((None, None))
    return [_line(points) | {"line": {"color": colour_name(panel.curve_tone or "ink"), "width": 1.4}}] if points else []


def _marks(panel: Panel, time: TimeAxis) -> list[Trace]:
    if not panel.marks:
        return []
    fills, edges, widths = zip(*map(_mark_look, panel.marks), strict=True)
    marker = {
        "symbol": ["diamond" if mark.tone == Tone.SELL else "circle" for mark in panel.marks],
        "size": [_SIZES[mark.tone] for mark in panel.marks],
        "opacity": 1,
        "color": fills,
        "line": {"color": edges, "width": widths},
    }
    return [_points(panel, time, [(mark.place, mark.value) for mark in panel.marks], marker)]


def _mark_look(mark: Mark) -> tuple[str, str, float]:
    """Fill, edge and width of the edge."""
    ink, ground = colour_name(f"{mark.tone}_mark"), colour_name("page")
    return (ground, ink, 1.4) if mark.is_hollow else (ink, ground, 0.8)


def _points(panel: Panel, time: TimeAxis, values: Sequence[tuple[int, float]], marker: Trace) -> Trace:
    places = [place for place, _ in values]
    xs = [time.noon(place) for place in places]
    ys = [value for _, value in values]
    return {"type": "scatter", "mode": "markers", "x": xs, "y": ys, "marker": marker, **_answers(panel, places)}


def _answers(panel: Panel, places: Sequence[int]) -> Trace:
    """What makes a trace answer the pointer."""
    return {
        "name": panel.short_title,
        "text": [html.escape(panel.readings[place]).replace("\n", "<br>") for place in places],
        "hovertemplate": f"<b>{html.escape(panel.short_title)}</b> %{{text}}<extra></extra>",
        "showlegend": False,
    }


def _short(value: float) -> float:
    return round(value, 4)
