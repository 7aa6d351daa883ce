"""The pressure plot of one symbol as a picture, light or dark; no browser is involved.

Turns a `PressurePanels` into the data of the template `pressure_panels.typ`: a drawing of the marks and the texts with
their places. Decides nothing about the content.
"""

from typing import Any, Final

from darkpool_assets.rendering.icons import SHAPES
from darkpool_assets.rendering.png_colours import with_fewer_colours
from darkpool_assets.rendering.pressure_plot.panel_colours import plot_colours, sample_svg
from darkpool_assets.rendering.pressure_plot.panel_drawing import Frame, drawing_svg
from darkpool_assets.rendering.pressure_plot.panel_model import Labelled, Panel, PressurePanels
from darkpool_assets.rendering.theme import LIGHT, Palette
from darkpool_assets.rendering.typst_document import FONT, compile_png

TEMPLATE: Final = "pressure_plot/pressure_panels.typ"
WIDTH: Final = 940.0
PREVIEW_BYTES: Final = 32_000
_PREVIEW_PPI: Final = (56, 48, 42, 36)
_UNIT: Final = 88.0
_TITLE_ROOM: Final = 25.0
_SESSIONS_FOR_A_TEXT: Final = 3


def plot_png(panels: PressurePanels, *, palette: Palette = LIGHT, ppi: int = 144) -> bytes:
    """The whole plot as a PNG of `ppi` pixels per inch (about 2,080 x 1,870 at 144), disclaimer included."""
    return compile_png(TEMPLATE, picture_data(panels, palette=palette), ppi=ppi)


def plot_preview(panels: PressurePanels) -> bytes:
    """A small PNG of the plot, disclaimer included, for the Dagster UI; as sharp as fits in 32 kB (down to 36 ppi)."""
    for ppi in _PREVIEW_PPI:
        picture = with_fewer_colours(plot_png(panels, ppi=ppi))
        if len(picture) <= PREVIEW_BYTES or ppi == _PREVIEW_PPI[-1]:
            break
    return picture


def picture_data(panels: PressurePanels, *, palette: Palette) -> dict[str, Any]:
    """`panels` as the template reads them; every text is drawn as it is."""
    colour = plot_colours(palette)
    frames = _frames(panels)
    view = panels.views[-1]
    months = [tick.value for tick in view.ticks]
    head = panels.head
    return {
        "font": FONT,
        "colours": colour,
        "icons": {icon: _document(shape, "0 0 16 16") for icon, shape in SHAPES.items()},
        "symbol": head.symbol,
        "close": head.close,
        "change": _labelled(head.change),
        "provenance": _labelled(head.provenance),
        "label": _labelled(head.label),
        "facts": panels.facts,
        "sample_notice": panels.sample_notice,
        "drawing": drawing_svg(panels.panels, frames, panels.bands, months, colour=colour),
        "width": WIDTH,
        "height": frames[-1].top + frames[-1].height,
        "panels": [_panel(panel, frame) for panel, frame in zip(panels.panels, frames, strict=True)],
        "sessions": [{"x": frames[0].x(tick.value), "text": tick.text} for tick in view.ticks],
        "legend": [
            {"sample": _document(sample_svg(key, colour=colour), "0 0 20 16"), "text": text} for key, text in panels.legend
        ],
        "notices": panels.notices,
        "disclaimer": panels.disclaimer,
    }


def _frames(panels: PressurePanels) -> list[Frame]:
    frames, top = [], _TITLE_ROOM
    for panel, scale in zip(panels.panels, panels.views[-1].scales, strict=True):
        frames.append(Frame(top, WIDTH, panel.share * _UNIT, len(panels.sessions), scale))
        top += panel.share * _UNIT + _TITLE_ROOM
    return frames


def _panel(panel: Panel, frame: Frame) -> dict[str, Any]:
    gaps = [gap for gap in panel.gaps if gap.last - gap.first + 1 >= _SESSIONS_FOR_A_TEXT]
    return {
        "title": panel.title,
        "unit": panel.unit,
        "top": frame.top,
        "height": frame.height,
        "ticks": [{"y": frame.y(tick.value), "text": tick.text} for tick in frame.scale.ticks],
        "gaps": [{"x": frame.x((gap.first + gap.last) / 2), "text": gap.text} for gap in gaps],
        "empty_text": panel.empty_text,
    }


def _labelled(words: Labelled | None) -> dict[str, Any] | None:
    return words and {"text": words.text, "icon": words.icon, "badge": words.badge, "note": words.note}


def _document(shape: str, box: str) -> str:
    *_, width, height = box.split()
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{box}">{shape}</svg>'
