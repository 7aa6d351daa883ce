"""The page of one index on one day: its members' short pressure by shares and by dollars, its return, the last sessions.

Draws one index of a `ReportDay`. It rests on the index table alone, so that the gate does not concern it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from darkpool_assets.rendering.daily_table.cell_rules import (
    Spelling,
    StoredRow,
    change_in_percent,
    pressure_cell,
    provenance_cell,
    ratio,
)
from darkpool_assets.rendering.daily_table.index_columns import INDEX_GROUPS, index_cells
from darkpool_assets.rendering.daily_table.table_markup import cell_markup, line_markup, section_markup
from darkpool_assets.rendering.daily_table.table_model import Cell, Section
from darkpool_assets.rendering.display_text import day_text, finite, printable, weekday_text
from darkpool_assets.rendering.html_page import escaped, listing
from darkpool_assets.rendering.site.site_day_page import LINE_SESSIONS, SCRIPTS
from darkpool_assets.rendering.site.site_history import HISTORY_SESSIONS, Row, index_history
from darkpool_assets.rendering.site.site_layout import market_index_page
from darkpool_assets.rendering.site.site_model import ReportDay
from darkpool_assets.rendering.site.site_navigation import Place, navigation, page_title
from darkpool_assets.rendering.site.site_shell import heading, site_page
from darkpool_assets.rendering.sparkline import sparkline


@dataclass(frozen=True)
class _Figure:
    """A key figure: the columns that make it, each under its label, and the one whose last sessions are drawn."""

    title: str
    columns: tuple[tuple[str, str], ...]
    line: str = ""
    spell: Spelling = ratio


_FIGURES: Final = (
    _Figure(
        "Short ratio of the members",
        (("agg_short_ratio", ""), ("agg_short_ratio_z", "z"), ("denominator_type", "denominator, shares")),
        "agg_short_ratio",
    ),
    _Figure(
        "Dollar-weighted short ratio",
        (("dollar_weighted_short_ratio", ""), ("dollar_weighted_short_ratio_z", "z")),
        "dollar_weighted_short_ratio",
    ),
    _Figure("Coverage", (("coverage_count", ""), ("constituents_list_date", "members' list of"))),
    _Figure(
        "Return of the day, %",
        (("index_return", ""), ("index_return_z", "z"), ("index_price_symbol", "price of")),
        "index_return",
        change_in_percent,
    ),
)


def market_index_document(report: ReportDay, index_symbol: str, *, generated_at: dt.datetime | None) -> str:
    """The page `<date>/indices/<INDEX>.html`.

    Args:
        report: The day; it has a row of the index.
        index_symbol: As it is stored.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    row = report.index_by_symbol[index_symbol]
    by_day = _by_session(report, index_symbol)
    place = Place(report.day, market_index_page(index_symbol), tuple(report.row_by_symbol))
    label = pressure_cell(row["interpretation_label"], short_z=row["agg_short_ratio_z"])
    facts = (weekday_text(report.day), f"as of {day_text(row['as_of'])}", f"inference {printable(row['inference_version'])}")
    return site_page(
        title=page_title(index_symbol, report.day),
        bar=navigation(place),
        parts=(
            heading(printable(index_symbol), sample_data=report.sample_data),
            listing("reading", [f"<b>{cell_markup(label)}</b>", cell_markup(provenance_cell(row["data_quality"], None))]),
            listing("facts", [escaped(fact) for fact in facts]),
            _figures(row, [by_day.get(day) for day in report.sessions[-LINE_SESSIONS:]]),
            f"<h2>The last {HISTORY_SESSIONS} sessions</h2>\n{section_markup(_history(report, by_day))}",
        ),
        generated_at=generated_at,
        scripts=SCRIPTS,
        script_files=(place.days_script,),
    )


def _by_session(report: ReportDay, index_symbol: str) -> dict[dt.date, StoredRow]:
    rows = report.indices.filter(pl.col("index_symbol") == index_symbol)
    return {row["trade_date"]: row for row in rows.iter_rows(named=True)}


def _history(report: ReportDay, by_day: dict[dt.date, StoredRow]) -> Section:
    sessions = report.sessions[-HISTORY_SESSIONS:]
    return index_history(sessions, [by_day.get(day) for day in sessions])


def _figures(row: StoredRow, rows: list[Row]) -> str:
    keys = [column.key for group in INDEX_GROUPS for column in group.columns]
    cells = dict(zip(keys, index_cells(row), strict=True))
    return '<dl class="figures">\n' + "\n".join(_figure(figure, cells, rows) for figure in _FIGURES) + "\n</dl>"


def _figure(figure: _Figure, cells: dict[str, Cell], rows: list[Row]) -> str:
    first, *others = (
        f"<dd>{f'<i>{escaped(label)}</i> ' if label else ''}{cell_markup(cells[key])}</dd>" for key, label in figure.columns
    )
    return f"<div><dt>{escaped(figure.title)}</dt>{first}{''.join(others)}{_line(figure, rows)}</div>"


def _line(figure: _Figure, rows: list[Row]) -> str:
    if not figure.line:
        return ""
    values = [None if row is None else row[figure.line] for row in rows]
    line = sparkline(values, name=figure.title, spell=figure.spell, around_zero=figure.line == "index_return")
    if line is None:
        return ""
    known = [value for value in map(finite, values) if value is not None]
    span = f"{figure.spell(min(known))} to {figure.spell(max(known))}<br>in {len(rows)} sessions"
    return f'<dd class="graphic">{line_markup(line)}<small>{span}</small></dd>'
