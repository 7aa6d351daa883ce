"""Colours of everything that people look at, in light and in dark, and the proof that they can be read.

Blue means inferred buying, vermillion inferred selling, one slate hue means short pressure, whose sign is contested. No
markup and no numbers of the product live here; the HTML pages take the palettes as CSS variables, the pictures as hex.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

TINT_STEPS: Final = 4


class Hue(StrEnum):
    """What a tint stands for."""

    BUY = "buy"
    SELL = "sell"
    PRESSURE = "pressure"


@dataclass(frozen=True)
class Palette:
    """One colour scheme; every field is an opaque #RRGGBB colour.

    `page` and `raised` are backgrounds (raised: headers and the row under the pointer), `ink` and `soft` text, `rule` and
    `strong` lines; `buy` and `sell` double as text, `buy_mark` and `sell_mark` are for graphics only.
    """

    page: str
    raised: str
    ink: str
    soft: str
    rule: str
    strong: str
    buy: str
    buy_mark: str
    sell: str
    sell_mark: str
    pressure: str
    anchored_ink: str
    anchored_page: str
    caution_ink: str
    caution_page: str


LIGHT: Final = Palette(
    page="#FFFFFF",
    raised="#F4F6F8",
    ink="#16202B",
    soft="#55606D",
    rule="#DDE2E8",
    strong="#16202B",
    buy="#0069A6",
    buy_mark="#0072B2",
    sell="#B84A00",
    sell_mark="#D55E00",
    pressure="#5A6B86",
    anchored_ink="#16202B",
    anchored_page="#E6EAEF",
    caution_ink="#6B4E00",
    caution_page="#FFF7E0",
)
DARK: Final = Palette(
    page="#11161C",
    raised="#1A212A",
    ink="#E9EDF2",
    soft="#A5B0BD",
    rule="#2B343F",
    strong="#8B97A5",
    buy="#6FBDF0",
    buy_mark="#56B4E9",
    sell="#F59B5E",
    sell_mark="#EE8237",
    pressure="#93A4BF",
    anchored_ink="#E9EDF2",
    anchored_page="#2C3642",
    caution_ink="#E8C568",
    caution_page="#2B2512",
)
_TINT_SHARES: Final[Mapping[str, tuple[float, ...]]] = {LIGHT.page: (0.08, 0.16, 0.25, 0.36), DARK.page: (0.14, 0.24, 0.34, 0.44)}
TEXT_PAIRS: Final = (
    ("ink", "page"),
    ("ink", "raised"),
    ("soft", "page"),
    ("soft", "raised"),
    ("buy", "page"),
    ("sell", "page"),
    ("page", "ink"),
    ("anchored_ink", "anchored_page"),
    ("caution_ink", "caution_page"),
    *(("ink", f"{hue}_{step}") for hue in Hue for step in range(1, TINT_STEPS + 1)),
)
GRAPHIC_PAIRS: Final = tuple(
    (mark, ground) for mark in ("ink", "soft", "buy_mark", "sell_mark", "pressure") for ground in ("page", "raised")
)


def colours(palette: Palette) -> dict[str, str]:
    """Every colour of `palette` by name, tints included ("buy_1" faint to "buy_4" strong)."""
    grounds = {"buy": palette.buy_mark, "sell": palette.sell_mark, "pressure": palette.pressure}
    tints = {
        f"{hue}_{step}": mix(colour, palette.page, share)
        for hue, colour in grounds.items()
        for step, share in enumerate(_TINT_SHARES[palette.page], start=1)
    }
    return asdict(palette) | tints


def css_variables(palette: Palette) -> str:
    """`palette` as CSS custom properties: "--ink:#16202B;--buy-1:...;"."""
    return "".join(f"--{name.replace('_', '-')}:{colour};" for name, colour in colours(palette).items())


def mix(colour: str, ground: str, share: float) -> str:
    """`share` (0..1) of `colour` over `ground`, channel by channel in sRGB."""
    channels = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(share * top + (1 - share) * bottom):02X}" for top, bottom in channels)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    shares = (channel / 255 for channel in _channels(colour))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
