"""The marks of the panels as SVG: shapes only, in given colours, every text is set by the picture around them.

Places and values become coordinates here, in points from the upper left corner. The picture itself is made in
`panels_static`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from darkpool_assets.rendering.pressure_plot.panel_model import Band, Candle, Mark, Panel, Scale, Tone
from darkpool_assets.rendering.pressure_plot.smoothing import Run
from darkpool_assets.vocabulary import DataQuality

Colours = Mapping[str, str]

_BODY: Final = 0.34  # half widths, as shares of a session
_BAR: Final = 0.31
_RADII: Final = {Tone.BUY: 2.5, Tone.SELL: 3.2, Tone.CONTESTED: 2.4, Tone.PRESSURE: 2.1}
_WIDEST_BODY: Final = 9.0


@dataclass(frozen=True)
class Frame:
    """Where a panel lies: its upper edge, its size, and what it spans."""

    top: float
    width: float
    height: float
    sessions: int
    scale: Scale

    def x(self, place: float) -> float:
        """Middle of the session `place`; half a session more or less is its edge."""
        return (place + 0.5) * self.width / self.sessions

    def y(self, value: float) -> float:
        """Height of `value`, downwards."""
        return self.top + self.height * (self.scale.high - value) / (self.scale.high - self.scale.low)

    def half(self, share: float) -> float:
        """A half width as a share of a session, capped where sessions are few."""
        return min(share * self.width / self.sessions, _WIDEST_BODY)


def drawing_svg(
    panels: Sequence[Panel], frames: Sequence[Frame], bands: Sequence[Band], months: Sequence[float], *, colour: Colours
) -> str:
    """All panels as one SVG document as large as the frames; `months` are the places of vertical lines."""
    width, height = frames[0].width, frames[-1].top + frames[-1].height
    shapes = "".join(
        _background(panel, frame, bands, months, colour) + _foreground(panel, frame, colour)
        for panel, frame in zip(panels, frames, strict=True)
    )
    hatch = (
        '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<path d="M3 0V6" stroke="{colour["hatch"]}" stroke-width=".8"/></pattern>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
        f"<defs>{hatch}</defs>{shapes}</svg>"
    )


def _background(panel: Panel, frame: Frame, bands: Sequence[Band], months: Sequence[float], colour: Colours) -> str:
    grounds = {quality: [_span(frame, b.first, b.last) for b in bands if b.quality == quality] for quality in DataQuality}
    anchored, pre_otc = grounds[DataQuality.OTC_ANCHORED], grounds[DataQuality.PRE_OTC]
    levels = [_across(frame, tick.value) for tick in frame.scale.ticks]
    lines = [*levels, *(f"M{frame.x(month):.2f} {frame.top:.2f}v{frame.height:.2f}" for month in months)]
    zero = _across(frame, 0.0) if panel.has_zero else ""
    guides = [_across(frame, guide.value) for guide in panel.guides]
    return (
        _path(anchored, fill=colour["anchored_ground"])
        + _path(pre_otc, fill=colour["pre_otc_ground"])
        + _path(pre_otc, fill="url(#hatch)")
        + _path(lines, stroke=colour["grid"], width=0.6)
        + _path(
            [_span(frame, g.first, g.last) for g in panel.gaps],
            fill=colour["page"],
            stroke=colour["soft"],
            width=0.6,
            dash="2.4 1.8",
        )
        + _path(guides, stroke=colour["soft"], width=0.7, dash="1.4 2.2")
        + _path([zero], stroke=colour["soft"], width=0.8)
    )


def _foreground(panel: Panel, frame: Frame, colour: Colours) -> str:
    curve = [_curve(run, frame) for run in panel.curve if len(run.values) > 1]
    return (
        _bars(panel, frame, colour)
        + _candles(panel.candles, frame, colour)
        + _steps(panel, frame, colour)
        + _path(curve, stroke=colour[panel.curve_tone or "ink"], width=1.1)
        + _marks(panel.marks, frame, colour)
    )


def _path(parts: Iterable[str], *, fill: str = "none", stroke: str = "", width: float = 0.0, dash: str = "") -> str:
    outline = "".join(parts)
    if not outline:
        return ""
    line = f' stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"' if stroke else ""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{outline}" fill="{fill}"{line}{dashes}/>'


def _span(frame: Frame, first: int, last: int) -> str:
    left, right = frame.x(first - 0.5), frame.x(last + 0.5)
    return f"M{left:.2f} {frame.top:.2f}H{right:.2f}v{frame.height:.2f}H{left:.2f}Z"


def _across(frame: Frame, value: float) -> str:
    return f"M0 {frame.y(value):.2f}H{frame.width:.2f}"


def _box(frame: Frame, place: int, half: float, start: float, end: float) -> str:
    left, width = frame.x(place) - half, 2 * half
    return f"M{left:.2f} {frame.y(start):.2f}h{width:.2f}V{frame.y(end):.2f}h{-width:.2f}Z"


def _bars(panel: Panel, frame: Frame, colour: Colours) -> str:
    half = frame.half(_BAR)

    def columns(tone: Tone, height_of: Callable[[float, float], float], role: str) -> str:
        bars = (bar for bar in panel.bars if bar.tone == tone)
        boxes = [_box(frame, bar.place, half, 0.0, height_of(bar.value, bar.solid)) for bar in bars]
        return _path(boxes, fill=colour[f"{tone}_{role}"])

    tones = sorted({bar.tone for bar in panel.bars})
    pale = [columns(tone, lambda value, _: value, "bar") for tone in tones]
    return "".join(pale + [columns(tone, lambda value, solid: value * solid, "mark") for tone in tones])


def _candles(candles: Sequence[Candle], frame: Frame, colour: Colours) -> str:
    half, ink = frame.half(_BODY), colour["ink"]
    wicks, rising, falling, dashes = [], [], [], []
    for candle in candles:
        x = frame.x(candle.place)
        if candle.open is None or candle.high is None or candle.low is None:
            dashes.append(f"M{x - half:.2f} {frame.y(candle.close):.2f}h{2 * half:.2f}")
            continue
        wicks.append(f"M{x:.2f} {frame.y(candle.high):.2f}V{frame.y(candle.low):.2f}")
        body = _box(frame, candle.place, half, candle.open, candle.close)
        (rising if candle.is_rising else falling).append(body)
    return (
        _path(wicks, stroke=ink, width=0.8)
        + _path(rising, fill=colour["page"], stroke=ink, width=0.8)
        + _path(falling, fill=ink, stroke=ink, width=0.8)
        + _path(dashes, stroke=ink, width=1.6)
    )


def _steps(panel: Panel, frame: Frame, colour: Colours) -> str:
    own = [_week(frame, step.first, step.last, step.volume) for step in panel.steps if step.is_own]
    older = [
        f"M{frame.x(step.first - 0.5):.2f} {frame.y(step.volume):.2f}H{frame.x(step.last + 0.5):.2f}"
        for step in panel.steps
        if not step.is_own
    ]
    return _path(own, fill=colour["week"], stroke=colour["ink"], width=1.0) + _path(
        older, stroke=colour["caution_ink"], width=1.2, dash="3.4 2.4"
    )


def _week(frame: Frame, first: int, last: int, volume: float) -> str:
    left, right = frame.x(first - 0.5), frame.x(last + 0.5)
    return f"M{left:.2f} {frame.y(0.0):.2f}V{frame.y(volume):.2f}H{right:.2f}V{frame.y(0.0):.2f}"


def _curve(run: Run, frame: Frame) -> str:
    pieces = (" ".join(f"{frame.x(place):.2f} {frame.y(value):.2f}" for place, value in bezier) for bezier in run.beziers())
    return f"M{frame.x(run.first):.2f} {frame.y(run.values[0]):.2f}" + "".join(f"C{piece}" for piece in pieces)


def _marks(marks: Sequence[Mark], frame: Frame, colour: Colours) -> str:
    shapes = []
    for tone, is_hollow in sorted({(mark.tone, mark.is_hollow) for mark in marks}):
        ink, ground = colour[f"{tone}_mark"], colour["page"]
        outlines = [_symbol(mark, frame) for mark in marks if (mark.tone, mark.is_hollow) == (tone, is_hollow)]
        fill, edge, width = (ground, ink, 1.1) if is_hollow else (ink, ground, 0.5)
        shapes.append(_path(outlines, fill=fill, stroke=edge, width=width))
    return "".join(shapes)


def _symbol(mark: Mark, frame: Frame) -> str:
    x, y, r = frame.x(mark.place), frame.y(mark.value), _RADII[mark.tone]
    if mark.tone == Tone.SELL:
        return f"M{x:.2f} {y - r:.2f}l{r} {r}-{r} {r}-{r}-{r}Z"
    return f"M{x - r:.2f} {y:.2f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0-{2 * r} 0Z"
