"""The last sessions of one symbol or one index as a table, newest first, in the columns of the day's table.

A session without a stored row keeps its line and shows en dashes.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from darkpool_assets.rendering.daily_table.cell_rules import StoredRow
from darkpool_assets.rendering.daily_table.index_columns import INDEX_GROUPS, index_cells
from darkpool_assets.rendering.daily_table.symbol_columns import SYMBOL_GROUPS, SymbolDay, symbol_cells
from darkpool_assets.rendering.daily_table.table_model import Cell, Column, Emphasis, Group, Kind, Section
from darkpool_assets.rendering.display_text import weekday_text
from darkpool_assets.rendering.site.site_columns import with_composite, without_lines

HISTORY_SESSIONS: Final = 20
_SESSION: Final = Column("session", "Session", "", "NYSE session", Kind.TEXT)

Row = StoredRow | None


def symbol_history(sessions: Sequence[dt.date], rows: Sequence[Row], composites: Sequence[Row]) -> Section:
    """One symbol's sessions; `rows` and `composites` go along with `sessions`, oldest first."""
    section = _history(SYMBOL_GROUPS, sessions, rows, lambda row: symbol_cells(SymbolDay(row)))
    return with_composite(section, composites[::-1])


def index_history(sessions: Sequence[dt.date], rows: Sequence[Row]) -> Section:
    """One index's sessions; `rows` go along with `sessions`, oldest first."""
    return _history(INDEX_GROUPS, sessions, rows, index_cells)


def _history(
    groups: Sequence[Group], sessions: Sequence[dt.date], rows: Sequence[Row], cells_of: Callable[[StoredRow], tuple[Cell, ...]]
) -> Section:
    """`groups` and their cells with the session in the first column's place and without the lines."""
    lead, *others = groups
    named = (replace(lead, columns=(_SESSION, *lead.columns[1:])), *others)
    width = sum(len(group.columns) for group in groups)
    lines = [
        (_name(session), *(cells_of(row) if row is not None else (Cell(),) * width)[1:])
        for session, row in zip(sessions, rows, strict=True)
    ]
    return without_lines(Section("history", "The last sessions", named, tuple(lines[::-1]), "No session is stored."))


def _name(session: dt.date) -> Cell:
    return Cell(text=weekday_text(session), sort=session.isoformat(), emphasis=Emphasis.STRONG)
