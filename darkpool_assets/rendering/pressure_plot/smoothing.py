"""Smooth curves through daily values: monotone cubic pieces (PCHIP) over the session index, broken at every gap.

The true points stay what they are and the curve never leaves the span of its two neighbours. No times, colours or markup
here; the pages sample the curve, the pictures draw its Bezier form, and both are the same curve.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from darkpool_assets.rendering.display_text import finite

Point = tuple[float, float]
Bezier = tuple[Point, Point, Point]


@dataclass(frozen=True)
class Run:
    """Neighbouring sessions without a gap: the values at session `first`, `first` + 1, ... and the curve's slope at each.

    Slopes are per session. A run of one session is a point without a curve.
    """

    first: int
    values: tuple[float, ...]
    slopes: tuple[float, ...]

    def sampled(self, steps: int) -> list[Point]:
        """Points (session index, value) of the curve, `steps` to a session; the true points are among them, unrounded."""
        if len(self.values) == 1:
            return [(float(self.first), self.values[0])]
        places = np.arange(len(self.values))
        curve = scipy.interpolate.CubicHermiteSpline(places, self.values, self.slopes)
        fine = np.arange((len(self.values) - 1) * steps + 1) / steps
        heights = curve(fine)
        heights[::steps] = self.values
        return list(zip((self.first + fine).tolist(), heights.tolist(), strict=True))

    def beziers(self) -> Iterator[Bezier]:
        """The same curve piece by piece: the two control points and the end of each, in (session index, value)."""
        for step, (start, end) in enumerate(zip(self.values, self.values[1:], strict=False)):
            place = self.first + step
            leaving = (place + 1 / 3, start + self.slopes[step] / 3)
            arriving = (place + 2 / 3, end - self.slopes[step + 1] / 3)
            yield leaving, arriving, (place + 1.0, end)


def smooth_runs(values: Sequence[float | None]) -> tuple[Run, ...]:
    """The curve through `values`, one per session and oldest first; None, NaN and infinity are gaps.

    Fritsch and Butland's monotone piecewise cubic (scipy's PchipInterpolator) with the session index as abscissa, so that
    a weekend is as wide as a night.

    >>> [(run.first, run.values) for run in smooth_runs([0.1, 0.3, None, 0.2])]
    [(0, (0.1, 0.3)), (3, (0.2,))]
    """
    runs: list[tuple[int, list[float]]] = []
    previous = None
    for place, value in enumerate(map(finite, values)):
        if value is not None and previous is None:
            runs.append((place, []))
        if value is not None:
            runs[-1][1].append(value)
        previous = value
    return tuple(Run(first, tuple(known), _slopes(known)) for first, known in runs)


def _slopes(values: list[float]) -> tuple[float, ...]:
    if len(values) == 1:
        return (0.0,)
    with np.errstate(over="ignore"):  # the reciprocal of a step that is nearly nothing; its slope is then nothing
        curve = scipy.interpolate.PchipInterpolator(np.arange(len(values)), values)
        return tuple(curve.derivative()(np.arange(len(values))).tolist())
