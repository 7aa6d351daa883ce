"""The ticker page of the report site: the interactive plot, what the label rests on, and the last sessions.

Draws one symbol of a `ReportDay`; the plot is drawn by `panels_interactive`. While the gate is closed, or without a
composite, there is neither plot nor label, and the page says why.
"""

import datetime as dt
from dataclasses import replace

import polars as pl

from darkpool_assets.rendering.daily_table.cell_rules import StoredRow
from darkpool_assets.rendering.daily_table.table_markup import badge_markup, section_markup
from darkpool_assets.rendering.daily_table.table_model import Section, Tint
from darkpool_assets.rendering.files import safe_file_name
from darkpool_assets.rendering.html_page import escaped, icon_markup, listing
from darkpool_assets.rendering.pressure_plot.panel_model import Labelled, PressurePanels
from darkpool_assets.rendering.pressure_plot.panel_words import facts_of, head_of, notices_of
from darkpool_assets.rendering.pressure_plot.panels_interactive import PLOT_SCRIPT, plot_fragment, plot_style, plotly_script_name
from darkpool_assets.rendering.pressure_plot.pressure_panels import build_pressure_panels
from darkpool_assets.rendering.site.site_columns import SIDE_TINTS
from darkpool_assets.rendering.site.site_day_page import SCRIPTS
from darkpool_assets.rendering.site.site_evidence import evidence_section
from darkpool_assets.rendering.site.site_history import HISTORY_SESSIONS, symbol_history
from darkpool_assets.rendering.site.site_layout import ASSETS, DAY_PAGE, ticker_page
from darkpool_assets.rendering.site.site_model import DayFiles, ReportDay
from darkpool_assets.rendering.site.site_navigation import Place, navigation, page_title
from darkpool_assets.rendering.site.site_shell import heading, links_line, site_page
from darkpool_assets.rendering.site.site_verdicts import CHECKS, missing_composite


def ticker_document(report: ReportDay, symbol: str, *, files: DayFiles, generated_at: dt.datetime | None) -> str:
    """The page `<date>/<SYMBOL>.html`.

    Args:
        report: The day; it has a row of the symbol.
        symbol: As it is stored.
        files: What else has been made of the day.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    row, composite = report.row_by_symbol[symbol], report.composite_by_symbol.get(symbol)
    place = Place(report.day, ticker_page(symbol), tuple(report.row_by_symbol), symbol)
    panels = _panels(report, symbol, row, composite) if composite else None
    plotly = (f"{place.root}{ASSETS}/{plotly_script_name()}",) if panels else ()
    return site_page(
        title=page_title(symbol, report.day),
        bar=navigation(place),
        parts=(
            *_head(report, symbol, row, composite),
            missing_composite(report, checks=f"{DAY_PAGE}.html#{CHECKS}", symbol=symbol),
            plot_fragment(panels, picture=_plot_file(report, symbol, files, "png")) if panels else "",
            evidence_section(row, composite) if composite else "",
            f"<h2>The last {HISTORY_SESSIONS} sessions</h2>\n{section_markup(_history(report, symbol))}",
            _files(report, symbol, files) if panels else "",
        ),
        generated_at=generated_at,
        scripts=(*SCRIPTS, PLOT_SCRIPT) if panels else SCRIPTS,
        script_files=(place.days_script, *plotly),
        style=plot_style() if panels else "",
    )


def _head(report: ReportDay, symbol: str, row: StoredRow, composite: StoredRow | None) -> tuple[str, ...]:
    """Symbol, close and change; label and provenance; the facts, which a plot brings along itself."""
    head = head_of(symbol, row, composite)
    change = f'<span class="change">{_labelled(head.change)}</span>' if head.change else ""
    price = f'<span class="price">{escaped(head.close)} <small>USD</small>{change}</span>'
    tint = SIDE_TINTS.get(composite["final_label"]) if composite else None
    readings = [_labelled(words, tint) for words, tint in ((head.label, tint), (head.provenance, None)) if words]
    facts = facts_of(report.sessions[-1:], row, as_of=row["as_of"], inference_version=row["inference_version"])
    return (
        heading(head.symbol, sample_data=report.sample_data, after=price),
        listing("reading", readings),
        "" if composite else listing("facts", [escaped(fact) for fact in (facts[0], *facts[2:])]),
    )


def _labelled(words: Labelled, tint: Tint | None = None) -> str:
    note = f" <small>{escaped(words.note)}</small>" if words.note else ""
    if words.badge:
        return f"{badge_markup(words.badge, words.text)}{note}"
    text = f"{icon_markup(words.icon)}<b>{escaped(words.text)}</b>"
    return (f'<span class="tint {tint.hue}-{tint.step}">{text}</span>' if tint else text) + note


def _panels(report: ReportDay, symbol: str, row: StoredRow, composite: StoredRow) -> PressurePanels:
    """The plot's model without the label's reasons, which stand in a list of their own on this page."""
    panels = build_pressure_panels(
        report.metrics.filter(pl.col("symbol") == symbol),
        report.composites_shown.filter(pl.col("symbol") == symbol),
        symbol=symbol,
        day=report.day,
        sessions=report.sessions,
        inference_version=row["inference_version"],
        as_of=row["as_of"],
        sample_data=report.sample_data,
    )
    return replace(panels, notices=notices_of(row, {**composite, "label_reasons": ""}))


def _history(report: ReportDay, symbol: str) -> Section:
    sessions = report.sessions[-HISTORY_SESSIONS:]
    rows, composites = (_by_session(frame, symbol) for frame in (report.metrics, report.composites_shown))
    return symbol_history(sessions, [rows.get(day) for day in sessions], [composites.get(day) for day in sessions])


def _by_session(frame: pl.DataFrame, symbol: str) -> dict[dt.date, StoredRow]:
    return {row["date"]: row for row in frame.filter(pl.col("symbol") == symbol).iter_rows(named=True)}


def _files(report: ReportDay, symbol: str, files: DayFiles) -> str:
    words = {"html": "the plot alone", "png": "picture (PNG)"}
    made = [(text, _plot_file(report, symbol, files, suffix)) for suffix, text in words.items()]
    return links_line("Files of the plot:", [(text, address) for text, address in made if address])


def _plot_file(report: ReportDay, symbol: str, files: DayFiles, suffix: str) -> str:
    """The address of the symbol's plot as a file; "" where it has not been made."""
    name = f"{safe_file_name(symbol)}.{suffix}"
    return f"../plots/{report.day}/{name}" if name in files.plots else ""
