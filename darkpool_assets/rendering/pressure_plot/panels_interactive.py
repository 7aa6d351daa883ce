"""The pressure plot of one symbol as a page: zoomed, hovered and read in the browser, from file:// and without a network.

Draws a `PressurePanels` and decides nothing about its content. The plotting script lies once beside all pages and is
never inlined; the report site's ticker page embeds the same fragment.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

from plotly.offline import get_plotlyjs, get_plotlyjs_version

from darkpool_assets.rendering.files import write_atomically
from darkpool_assets.rendering.html_page import escaped, generated_line, icon_markup, listing, packaged_text, page
from darkpool_assets.rendering.pressure_plot.panel_colours import plot_colours, plot_css_variables, sample_svg
from darkpool_assets.rendering.pressure_plot.panel_model import Key, Labelled, PressurePanels, Readout
from darkpool_assets.rendering.pressure_plot.panels_figure import figure_of, view_layout
from darkpool_assets.rendering.theme import DARK, LIGHT

PLOT_STYLE: Final = "pressure_plot/pressure_plot.css"
PLOT_SCRIPT: Final = "pressure_plot/pressure_plot.js"
_CSS_COLOURS: Final = {role: f"var(--{role.replace('_', '-')})" for role in plot_colours(LIGHT)}


def plotly_script_name() -> str:
    """The name of the plotting script's file; another version has another name."""
    return f"plotly-{get_plotlyjs_version()}.min.js"


def write_plotly_script(folder: Path) -> Path:
    """Put plotly's script (4.8 MB) into `folder` unless it is there already; the path it has.

    Raises:
        OSError: the file could not be written.
    """
    path = folder / plotly_script_name()
    script = get_plotlyjs().encode()
    if not path.is_file() or path.stat().st_size != len(script):
        write_atomically(path, script)
    return path


def plot_page(panels: PressurePanels, *, assets: str, picture: str, generated_at: dt.datetime | None) -> str:
    """The page of one symbol's plot.

    Args:
        panels: What to show.
        assets: Address of the folder with the plotting script, relative to the page ("../../assets").
        picture: Address of the same plot as a PNG, relative to the page; "" where there is none.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    parts = [
        plot_head(panels),
        plot_fragment(panels, picture=picture),
        f'<p class="disclaimer"><b>Disclaimer.</b> {escaped(panels.disclaimer)}</p>',
        generated_line(generated_at),
    ]
    return page(
        title=panels.title,
        body='<main id="content" tabindex="-1">\n' + "\n".join(part for part in parts if part) + "\n</main>",
        script=packaged_text(PLOT_SCRIPT),
        skip_to="the plot",
        style=plot_style(),
        script_files=(f"{assets}/{plotly_script_name()}",),
    )


def plot_style() -> str:
    """What a page with a plot needs besides the style of every page: the plot's colours in both schemes, and its rules."""
    light, dark = plot_css_variables(LIGHT), plot_css_variables(DARK)
    scheme = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f"{scheme}\n{packaged_text(PLOT_STYLE)}"


def plot_head(panels: PressurePanels) -> str:
    """Symbol, close and change as the page's heading; the composite's label and the provenance beneath."""
    head = panels.head
    sample = f'<strong class="sample">{escaped(panels.sample_notice)}</strong>' if panels.sample_notice else ""
    change = f'<span class="change">{_labelled(head.change)}</span>' if head.change else ""
    price = f'<span class="price">{escaped(head.close)} <small>USD</small>{change}</span>'
    words = "".join(f"<span>{_labelled(words)}</span>" for words in (head.label, head.provenance) if words)
    reading = f'<p class="reading">{words}</p>' if words else ""
    return f'<header><div class="head"><h1>{escaped(head.symbol)}{price}</h1>{sample}</div>{reading}</header>'


def plot_fragment(panels: PressurePanels, *, picture: str) -> str:
    """The plot itself: facts, choice of views, drawing with its data, legend, notices, and the values as a table.

    A page that embeds it takes PLOT_SCRIPT, `plot_style` and the file of `write_plotly_script` along; it may hold several.
    """
    link = f' See <a href="{escaped(picture)}">the plot as a picture</a>.' if picture else ""
    unavailable = f"The interactive plot needs its script, which did not load.{link} The values stand in the table below."
    return (
        '<section class="pressure-plot">\n'
        f'<div class="plot-head">{listing("facts", [escaped(fact) for fact in panels.facts])}{_views(panels)}</div>\n'
        f'<div class="drawing" role="img" aria-label="{escaped(panels.spoken)}"></div>\n'
        f'<p class="unavailable">{unavailable}</p>\n'
        f"<noscript><style>.drawing,.views{{display:none}}</style><p>{unavailable}</p></noscript>\n"
        f'<script type="application/json">{_data(panels)}</script>\n'
        f"{listing('keys', [_sample(key) + escaped(text) for key, text in panels.legend])}\n"
        f"{listing('notices', [escaped(notice) for notice in panels.notices])}\n"
        f"{_readout(panels.readout)}\n</section>"
    )


def _labelled(words: Labelled) -> str:
    note = f" <small>{escaped(words.note)}</small>" if words.note else ""
    if words.badge:
        return f'<span class="badge {words.badge}">{icon_markup(words.icon)}{escaped(words.text)}</span>{note}'
    return f"{icon_markup(words.icon)}<b>{escaped(words.text)}</b>{note}"


def _views(panels: PressurePanels) -> str:
    if len(panels.views) < 2:
        return ""
    last = len(panels.views) - 1
    buttons = "".join(
        f'<button type="button" value="{number}" aria-pressed="{"true" if number == last else "false"}">{view.sessions}</button>'
        for number, view in enumerate(panels.views)
    )
    return f'<div class="views" role="group" aria-label="Sessions shown"><span>Sessions</span>{buttons}</div>'


def _sample(key: Key) -> str:
    return f'<svg viewBox="0 0 20 16" aria-hidden="true">{sample_svg(key, colour=_CSS_COLOURS)}</svg>'


def _data(panels: PressurePanels) -> str:
    """What the script draws, as JSON that cannot end its own element."""
    content: dict[str, Any] = {
        "figure": figure_of(panels),
        "views": [{"sessions": view.sessions, "changes": view_layout(panels, view)} for view in panels.views],
        "palettes": {"light": plot_colours(LIGHT), "dark": plot_colours(DARK)},
    }
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _readout(readout: Readout) -> str:
    labels = "".join(f'<th scope="col"><span class="name">{escaped(column)}</span></th>' for column in readout.columns)
    rows = "\n".join(
        f'<tr><th scope="row">{escaped(row[0])}</th>' + "".join(f"<td>{escaped(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in readout.rows
    )
    return (
        '<details>\n<summary>The plotted values as a table</summary>\n<div class="scroll" role="region" tabindex="0" '
        'aria-label="The plotted values">\n<table>\n<caption class="quiet">The plotted values, newest session first</caption>\n'
        f'<thead><tr class="labels">{labels}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n</details>'
    )
