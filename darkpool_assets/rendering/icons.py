"""The small shapes that double every colour and every provenance: drawn once, used by the pages and by the pictures.

Only geometry lives here, as SVG on a 16 x 16 field in `currentColor`; what a shape means is said where it is used.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Icon(StrEnum):
    """A shape by its look."""

    UP = "up"
    UP_HOLLOW = "up-hollow"
    DOWN = "down"
    DOWN_HOLLOW = "down-hollow"
    DOT = "dot"
    ANCHOR = "anchor"
    CLOCK = "clock"
    EMPTY = "empty"
    OPPOSED = "opposed"


_LINE: Final = 'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"'
_UP: Final = "M8 2.6 14 13.2H2Z"
_DOWN: Final = "M8 13.4 2 2.8h12Z"
SHAPES: Final[Mapping[Icon, str]] = {
    Icon.UP: f'<path fill="currentColor" stroke="currentColor" stroke-width="1.2" stroke-linejoin="round" d="{_UP}"/>',
    Icon.UP_HOLLOW: f'<path {_LINE} d="{_UP}"/>',
    Icon.DOWN: f'<path fill="currentColor" stroke="currentColor" stroke-width="1.2" stroke-linejoin="round" d="{_DOWN}"/>',
    Icon.DOWN_HOLLOW: f'<path {_LINE} d="{_DOWN}"/>',
    Icon.DOT: '<circle fill="currentColor" cx="8" cy="8" r="2.8"/>',
    Icon.ANCHOR: (
        f'<g {_LINE}><circle cx="8" cy="3.4" r="1.9"/>'
        '<path d="M8 5.3V14M5 7.8h6M2.2 9.4c.3 2.9 2.7 4.6 5.8 4.6s5.5-1.7 5.8-4.6"/></g>'
    ),
    Icon.CLOCK: f'<g {_LINE}><circle cx="8" cy="8" r="6.2"/><path d="M8 4.4V8l2.6 1.8"/></g>',
    Icon.EMPTY: f'<g {_LINE}><circle cx="8" cy="8" r="6.2"/><path d="m3.8 12.2 8.4-8.4"/></g>',
    Icon.OPPOSED: f'<path {_LINE} d="M5 13V3M2.2 5.8 5 3l2.8 2.8M11 3v10m-2.8-2.8L11 13l2.8-2.8"/>',
}
