"""The last sessions of one series as a small line: geometry and the words that say the same.

Points keep their session's place, so that a missing session is a gap and is never bridged. No markup and no colours
here; the pages and the pictures draw the same segments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from darkpool_assets.rendering.display_text import counted, finite
from darkpool_assets.rendering.theme import Hue

Point = tuple[float, float]


@dataclass(frozen=True)
class Sparkline:
    """One line on a unit square, x to the right and y upwards.

    Attributes:
        segments: Runs of neighbouring sessions; a run of one session is a dot.
        end: Where the day itself lies; None when the day has no value.
        end_hue: Side of the day's value, for series around zero.
        zero: Height of zero, for series around zero.
        spoken: The line in words.
    """

    segments: tuple[tuple[Point, ...], ...]
    end: Point | None
    end_hue: Hue | None
    zero: float | None
    spoken: str


def sparkline(
    values: Sequence[float | None], *, name: str, spell: Callable[[float], str], around_zero: bool = False
) -> Sparkline | None:
    """The line of `values`, one per session and oldest first, the day's own last; None when none is there.

    A series around zero is scaled symmetrically, so that zero lies in the middle of every row.
    """
    known = [finite(value) for value in values]
    present = [value for value in known if value is not None]
    if not present:
        return None
    low, high = _range(present, around_zero=around_zero)
    points = [
        None if value is None else (_place(index, 0, len(known) - 1, flat=1.0), _place(value, low, high, flat=0.5))
        for index, value in enumerate(known)
    ]
    return Sparkline(
        segments=_runs(points),
        end=points[-1],
        end_hue=_side(known[-1]) if around_zero else None,
        zero=0.5 if around_zero else None,
        spoken=_spoken(present, sessions=len(known), name=name, spell=spell),
    )


def _range(present: list[float], *, around_zero: bool) -> tuple[float, float]:
    if around_zero:
        reach = max(abs(value) for value in present)
        return -reach, reach
    return min(present), max(present)


def _place(value: float, low: float, high: float, *, flat: float) -> float:
    if low == high:
        return flat
    scale = max(abs(low), abs(high))  # the width of two huge numbers overflows, half a tiny one is nothing
    return round((value / scale - low / scale) / (high / scale - low / scale), 4)


def _runs(points: list[Point | None]) -> tuple[tuple[Point, ...], ...]:
    runs: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return tuple(tuple(run) for run in runs if run)


def _side(value: float | None) -> Hue | None:
    if not value:
        return None
    return Hue.BUY if value > 0 else Hue.SELL


def _spoken(present: list[float], *, sessions: int, name: str, spell: Callable[[float], str]) -> str:
    missing = sessions - len(present)
    gaps = f", {counted(missing, 'session')} missing" if missing else ""
    ends = f"from {spell(present[0])} to {spell(present[-1])}, lowest {spell(min(present))}, highest {spell(max(present))}"
    return f"{name} over {counted(sessions, 'session')}: {ends}{gaps}"
