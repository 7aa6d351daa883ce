"""A pressure plot as a plotly figure: a plain dict of traces and layout whose colours are still the names of roles.

All traces share one time axis and every panel has a value axis of its own above an axis for its shading, so that one
hover box tells all panels. The page around the figure and its colours are made in `panels_interactive`.
"""

import html
from collections.abc import Sequence
from typing import Any, Final

from darkpool_assets.rendering.pressure_plot.panel_model import Panel, PressurePanels, View
from darkpool_assets.rendering.pressure_plot.panel_time import TimeAxis
from darkpool_assets.rendering.pressure_plot.panel_traces import background_traces, colour_name, panel_traces

Figure = dict[str, Any]

HEIGHT: Final = 880
_TOP, _BOTTOM, _TITLE_ROOM = 30, 34, 34
_SESSIONS_FOR_A_TEXT: Final = 3
_NOTHING: Final = "rgba(0,0,0,0)"


def figure_of(panels: PressurePanels) -> Figure:
    """The traces and the layout of `panels`, the layout showing the longest view."""
    time = TimeAxis(panels.sessions)
    behind = [
        {**trace, "xaxis": "x", "yaxis": _shading_axis(number).replace("axis", "")}
        for number, panel in enumerate(panels.panels)
        for trace in background_traces(panel, panels.bands, time)
    ]
    drawn = [
        {**trace, "xaxis": "x", "yaxis": _value_axis(panels, number).replace("axis", "")}
        for number, panel in enumerate(panels.panels)
        for trace in panel_traces(panel, time, sessions=len(panels.sessions))
    ]
    return {"data": behind + drawn, "layout": _layout(panels, time)}


def view_layout(panels: PressurePanels, view: View) -> Figure:
    """The ranges and ticks of `view`, by the dotted names of plotly's layout."""
    time = TimeAxis(panels.sessions)
    changes: Figure = {
        "xaxis.range": [time.start(view.first), time.end(len(panels.sessions) - 1)],
        "xaxis.tickvals": [time.noon(int(tick.value)) for tick in view.ticks],
        "xaxis.ticktext": [tick.text for tick in view.ticks],
    }
    for number, scale in enumerate(view.scales):
        axis = _value_axis(panels, number)
        changes[f"{axis}.range"] = [scale.low, scale.high]
        changes[f"{axis}.tickvals"] = [tick.value for tick in scale.ticks]
        changes[f"{axis}.ticktext"] = [tick.text for tick in scale.ticks]
    return changes


def _shading_axis(number: int) -> str:
    """Shading axes come first: plotly draws axes by their numbers, so that what is on them lies behind."""
    return "yaxis" if number == 0 else f"yaxis{number + 1}"


def _value_axis(panels: PressurePanels, number: int) -> str:
    return f"yaxis{len(panels.panels) + number + 1}"


def _domains(panels: Sequence[Panel]) -> list[tuple[float, float]]:
    """Bottom and top of each panel as shares of the plot's height, with room for a title above each."""
    height = HEIGHT - _TOP - _BOTTOM
    unit = (height - _TITLE_ROOM * (len(panels) - 1)) / sum(panel.share for panel in panels)
    domains, top = [], float(height)
    for panel in panels:
        bottom = top - unit * panel.share
        domains.append((round(max(bottom, 0.0) / height, 5), round(top / height, 5)))
        top = bottom - _TITLE_ROOM
    return domains


def _layout(panels: PressurePanels, time: TimeAxis) -> Figure:
    layout: Figure = {
        "height": HEIGHT,
        "margin": {"l": 8, "r": 52, "t": _TOP, "b": _BOTTOM},
        "paper_bgcolor": colour_name("page"),  # the line under the pointer is edged in it
        "plot_bgcolor": _NOTHING,
        "font": _font(12) | {"family": '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'},
        "showlegend": False,
        "barmode": "overlay",
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 30,
        "hoverlabel": {
            "bgcolor": colour_name("page"),
            "bordercolor": colour_name("soft"),
            "font": _font(12, "ink"),
            "namelength": -1,
        },
        "modebar": {"bgcolor": _NOTHING, "color": colour_name("soft"), "activecolor": colour_name("ink")},
        "xaxis": _time_axis(time),
        "annotations": _annotations(panels, time),
    }
    for number, (panel, domain) in enumerate(zip(panels.panels, _domains(panels.panels), strict=True)):
        layout[_shading_axis(number)] = {"domain": list(domain), "range": [0, 1], "fixedrange": True, "visible": False}
        layout[_value_axis(panels, number)] = _values(panel, domain)
    for name, value in view_layout(panels, panels.views[-1]).items():
        axis, _, attribute = name.partition(".")
        layout[axis][attribute] = value
    return layout


def _font(size: float, role: str = "soft") -> Figure:
    return {"size": size, "color": colour_name(role)}


def _time_axis(time: TimeAxis) -> Figure:
    return {
        "type": "date",
        "anchor": "free",
        "position": 0,
        "rangeslider": {"visible": False},
        "rangebreaks": time.breaks(),
        "tickmode": "array",
        "tickfont": _font(12, "ink"),
        "gridcolor": colour_name("grid"),
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "data",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": colour_name("soft"),
        "unifiedhovertitle": {"text": "<b>%{x|%a %-d %b %Y}</b>"},
    }


def _values(panel: Panel, domain: tuple[float, float]) -> Figure:
    return {
        "domain": list(domain),
        "side": "right",
        "fixedrange": True,
        "tickmode": "array",
        "ticklabelstandoff": 4,
        "gridcolor": colour_name("grid"),
        "zeroline": panel.has_zero,
        "zerolinecolor": colour_name("soft"),
        "zerolinewidth": 1,
    }


def _annotations(panels: PressurePanels, time: TimeAxis) -> list[Figure]:
    texts: list[Figure] = []
    for number, (panel, (low, high)) in enumerate(zip(panels.panels, _domains(panels.panels), strict=True)):
        title = f"<b>{html.escape(panel.title)}</b>  {html.escape(panel.unit)}"
        texts.append(_text(title, x=0, y=high, size=12.5, role="ink") | {"xanchor": "left", "yanchor": "bottom", "yshift": 3})
        texts += [_gap_text(gap.text, time.instant((gap.first + gap.last) / 2), y=(low + high) / 2)
                  for gap in panel.gaps if gap.last - gap.first + 1 >= _SESSIONS_FOR_A_TEXT]  # fmt: skip
        if panel.empty_text:
            texts.append(
                _text(html.escape(panel.empty_text), x=0.5, y=(low + high) / 2, size=12) | {"bgcolor": colour_name("page")}
            )
        if panels.sample_notice and number == 0:
            mark = _text(html.escape(panels.sample_notice), x=0.5, y=(low + high) / 2, size=40)
            texts.append(mark | {"opacity": 0.16, "font": mark["font"] | {"weight": 700}})
    return texts


def _text(text: str, *, x: float, y: float, size: float, role: str = "soft") -> Figure:
    return {"text": text, "showarrow": False, "font": _font(size, role), "xref": "paper", "yref": "paper", "x": x, "y": y}


def _gap_text(text: str, instant: int, *, y: float) -> Figure:
    return _text(text, x=instant, y=y, size=10.5) | {"xref": "x", "textangle": -90, "bgcolor": colour_name("page")}
