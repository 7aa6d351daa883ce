"""The colours of the plots by role, in light and in dark, and the samples of the legend that are drawn in them.

Roles are what the page's script and the picture ask for; the palettes are the theme's. Blue and vermillion stand for
inferred buying and selling only: candles, volumes and curves are ink, short pressure keeps its one slate hue.
"""

from collections.abc import Mapping
from typing import Final

from darkpool_assets.rendering.pressure_plot.panel_model import Key
from darkpool_assets.rendering.theme import Palette, colours, mix

PLOT_TEXT_PAIRS: Final = (("soft", "anchored_ground"), ("soft", "pre_otc_ground"), ("soft", "page"), ("ink", "page"))
PLOT_GRAPHIC_PAIRS: Final = tuple(
    (mark, ground)
    for mark in ("ink", "buy_mark", "sell_mark", "soft", "pressure", "caution_ink")
    for ground in ("anchored_ground", "pre_otc_ground", "page")
)
_HATCH: Final = '<path d="M2 12 10 4M2 7.5 5.5 4M6.5 12 10 8.5M14 12l4-4M10 12l8-8M14.5 12 18 8.5" stroke="{hatch}" fill="none"/>'
_CIRCLE: Final = '<circle cx="{0}" cy="8" r="{1}" {2}/>'
_DIAMOND: Final = '<path d="m{0} 3.7 4.3 4.3-4.3 4.3-4.3-4.3Z" {1}/>'
_SAMPLES: Final[Mapping[Key, str]] = {
    Key.ANCHORED: '<rect x="2" y="4" width="16" height="8" fill="{anchored_ground}" stroke="{soft}" stroke-width=".8"/>',
    Key.PRE_OTC: (
        '<rect x="2" y="4" width="16" height="8" fill="{pre_otc_ground}"/>'
        f'{_HATCH}<rect x="2" y="4" width="16" height="8" fill="none" stroke="{{caution_ink}}" stroke-width=".8"/>'
    ),
    Key.RISING: (
        '<path d="M10 1v14" stroke="{ink}" stroke-width="1.2"/>'
        '<rect x="7" y="4" width="6" height="8" fill="{page}" stroke="{ink}" stroke-width="1.2"/>'
    ),
    Key.FALLING: '<path d="M10 1v14" stroke="{ink}" stroke-width="1.2"/><rect x="6.5" y="4" width="7" height="8" fill="{ink}"/>',
    Key.BUY: '<path d="M6 8h8v7H6Z" fill="{buy_bar}"/>' + _CIRCLE.format(10, 3.6, 'fill="{buy_mark}"'),
    Key.SELL: '<path d="M6 1h8v7H6Z" fill="{sell_bar}"/>' + _DIAMOND.format(10, 'fill="{sell_mark}"'),
    Key.CONTESTED: (
        '<path d="M6 8h8v7H6Z" fill="{contested_bar}"/>'
        + _CIRCLE.format(10, 3.2, 'fill="{page}" stroke="{contested_mark}" stroke-width="1.5"')
    ),
    Key.BARS_METHOD: (
        _CIRCLE.format(5.5, 3.2, 'fill="{page}" stroke="{buy_mark}" stroke-width="1.5"')
        + _DIAMOND.format(14.5, 'fill="{page}" stroke="{sell_mark}" stroke-width="1.5"')
    ),
    Key.OWN_WEEK: '<path d="M2 5h16v10H2Z" fill="{week}"/><path d="M2 5h16" stroke="{ink}" stroke-width="1.5"/>',
    Key.OLDER_WEEK: '<path d="M1.5 8h17" stroke="{caution_ink}" stroke-width="1.6" stroke-dasharray="3.2 2.4"/>',
    Key.CONFIDENCE: (
        '<path d="M4 2h4v13H4Z" fill="{buy_bar}"/><path d="M4 6h4v9H4Z" fill="{buy_mark}"/>'
        '<path d="M12 1h4v13h-4Z" fill="{sell_bar}"/><path d="M12 1h4v4h-4Z" fill="{sell_mark}"/>'
    ),
    Key.GAP: '<rect x="3" y="2" width="14" height="12" fill="{page}" stroke="{soft}" stroke-dasharray="2 1.6"/>',
}


def plot_colours(palette: Palette) -> dict[str, str]:
    """Every colour that a plot uses by its role, as opaque #RRGGBB."""
    return colours(palette) | _own_colours(palette)


def plot_css_variables(palette: Palette) -> str:
    """The colours of the plots that no other page has, as CSS custom properties."""
    return "".join(f"--{role.replace('_', '-')}:{colour};" for role, colour in _own_colours(palette).items())


def _own_colours(palette: Palette) -> dict[str, str]:
    return {
        "anchored_ground": mix(palette.anchored_page, palette.page, 0.5),
        "pre_otc_ground": palette.caution_page,
        "hatch": mix(palette.caution_ink, palette.caution_page, 0.28),
        "grid": mix(palette.rule, palette.page, 0.75),
        "buy_bar": mix(palette.buy_mark, palette.page, 0.34),
        "sell_bar": mix(palette.sell_mark, palette.page, 0.34),
        "contested_bar": mix(palette.soft, palette.page, 0.3),
        "contested_mark": palette.soft,
        "pressure_mark": palette.pressure,
        "week": mix(palette.ink, palette.page, 0.13),
    }


def sample_svg(key: Key, *, colour: Mapping[str, str]) -> str:
    """The drawing of a legend's sample, 20 x 16, in the colours that `colour` gives for the roles."""
    return _SAMPLES[key].format_map(colour)
