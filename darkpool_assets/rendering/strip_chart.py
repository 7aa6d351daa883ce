"""Strips over time as one inline picture: per place the shares of a whole, stacked, with gaps where nothing is stored.

Geometry and SVG only: it needs no script, no style sheet and no network, so that a notebook shows it anywhere. What is
drawn, and in which words, is said by coverage_picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from darkpool_assets.rendering.html_page import escaped
from darkpool_assets.rendering.theme import LIGHT, Palette

_WIDTH, _LEFT, _RIGHT = 960, 170, 56
_ROOM: Final = _WIDTH - _LEFT - _RIGHT
_TOP, _HEIGHT, _BETWEEN, _LEGEND, _FOOT = 8, 24, 9, 18, 22
_MOST_TICKS: Final = 7
_ROOM_FOR_A_MARK: Final = 12
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', sans-serif"


@dataclass(frozen=True)
class Part:
    """One share of a strip: its name, its colour, whether it is hatched, and the character that doubles its colour."""

    name: str
    colour: str
    hatched: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Strip:
    """One strip.

    Attributes:
        label: What stands to its left.
        parts: From the bottom upwards.
        shares: Per place the share (0..1) of each part; None where nothing is stored.
        told: Per place what a pointer reads there.
        newest: What stands to its right, about the newest place.
    """

    label: str
    parts: tuple[Part, ...]
    shares: Sequence[tuple[float, ...] | None]
    told: Sequence[str]
    newest: str = ""


def strip_chart(strips: Sequence[Strip], *, places: Sequence[str], spoken: str, palette: Palette = LIGHT) -> str:
    """The picture as an SVG element.

    Args:
        strips: From the top downwards, each with as many shares as there are places.
        places: Names of the places, oldest first.
        spoken: The picture in words.
        palette: Colours of text and ground.
    """
    drawn, top = [], _TOP
    for strip in strips:
        drawn.append(_strip(strip, places, top, palette))
        top += _HEIGHT + _BETWEEN + (_LEGEND if len(strip.parts) > 1 else 0)
    height = top + _FOOT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" '
        f'aria-label="{escaped(spoken)}" font-family="{_FONT}" font-size="12" fill="{palette.ink}" shape-rendering="crispEdges" '
        f'style="max-width:100%;height:auto;background:{palette.page}">\n{_hatches(strips, palette)}'
        + "\n".join(drawn)
        + f"\n{_ticks(places, top, palette)}\n</svg>"
    )


def _strip(strip: Strip, places: Sequence[str], top: int, palette: Palette) -> str:
    middle = top + _HEIGHT / 2 + 4
    lines = [
        f'<text x="{_LEFT - 10}" y="{middle:g}" text-anchor="end">{escaped(strip.label)}</text>',
        f'<path d="M{_LEFT} {top + _HEIGHT}h{_ROOM}" stroke="{palette.strong}" stroke-dasharray="1 3"/>',
        *(_run(strip, run, places, top=top, palette=palette) for run in _runs(strip)),
        f'<text x="{_WIDTH - _RIGHT + 8}" y="{middle:g}" fill="{palette.soft}">{escaped(strip.newest)}</text>',
    ]
    return "\n".join([*lines, _legend(strip.parts, top + _HEIGHT + 13, palette)] if len(strip.parts) > 1 else lines)


def _runs(strip: Strip) -> list[tuple[int, int]]:
    """First and last place of neighbours that are drawn and told alike; no gap is in one."""
    alike = groupby(range(len(strip.shares)), key=lambda place: (strip.shares[place], strip.told[place]))
    runs = [(key[0], list(group)) for key, group in alike]
    return [(run[0], run[-1]) for shares, run in runs if shares is not None]


def _run(strip: Strip, run: tuple[int, int], places: Sequence[str], *, top: int, palette: Palette) -> str:
    first, last = run
    left, right = (round(_LEFT + _ROOM * place / len(places), 2) for place in (first, last + 1))
    when = places[first] if first == last else f"{places[first]} to {places[last]}"
    drawn = [f"<g><title>{escaped(f'{when}: {strip.told[first]}')}</title>", _rect(left, right, top, _HEIGHT, palette.raised)]
    floor = float(top + _HEIGHT)
    for part, share in zip(strip.parts, strip.shares[first] or (), strict=True):
        height = round(_HEIGHT * share, 2)
        floor = round(floor - height, 2)
        if height:
            drawn.append(_rect(left, right, floor, height, _fill(part)))
        if height and part.mark and right - left >= _ROOM_FOR_A_MARK:
            place = f'x="{(left + right) / 2:g}" y="{floor + height / 2 + 4:g}" text-anchor="middle"'
            drawn.append(f'<text {place} fill="{palette.page}">{escaped(part.mark)}</text>')
    return "".join(drawn) + "</g>"


def _rect(left: float, right: float, top: float, height: float, fill: str) -> str:
    return f'<rect x="{left:g}" y="{top:g}" width="{round(right - left, 2):g}" height="{height:g}" fill="{fill}"/>'


def _legend(parts: Sequence[Part], baseline: int, palette: Palette) -> str:
    keys, left, line = [], _LEFT, f'stroke="{palette.strong}"'
    for part in parts:
        keys.append(f'<rect x="{left}" y="{baseline - 9}" width="10" height="10" fill="{_fill(part)}" {line}/>')
        words = f"{part.mark} {part.name}".strip()
        keys.append(f'<text x="{left + 15}" y="{baseline}" fill="{palette.soft}" font-size="11">{escaped(words)}</text>')
        left += 34 + 7 * len(words)
    return "\n".join(keys)


def _fill(part: Part) -> str:
    return f"url(#{_hatch_name(part)})" if part.hatched else part.colour


def _hatch_name(part: Part) -> str:
    return f"hatch-{part.colour.removeprefix('#')}"


def _hatches(strips: Sequence[Strip], palette: Palette) -> str:
    hatched = {_hatch_name(part): part.colour for strip in strips for part in strip.parts if part.hatched}
    patterns = (
        f'<pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="5" height="5" fill="{palette.page}"/><rect width="1.6" height="5" fill="{colour}"/></pattern>'
        for name, colour in hatched.items()
    )
    return f"<defs>{''.join(patterns)}</defs>\n" if hatched else ""


def _ticks(places: Sequence[str], top: int, palette: Palette) -> str:
    step = -(-len(places) // _MOST_TICKS) or 1
    style = f'text-anchor="middle" fill="{palette.soft}" font-size="11"'
    drawn = []
    for place in range(0, len(places), step):
        x = f"{_LEFT + _ROOM * (place + 0.5) / len(places):.1f}"
        drawn.append(f'<path d="M{x} {top - _BETWEEN + 1}v5" stroke="{palette.strong}"/>')
        drawn.append(f'<text x="{x}" y="{top + 12}" {style}>{escaped(places[place])}</text>')
    return "\n".join(drawn)
