"""A section of a table model, and the legend, as markup: one scrolling table with spanners, sortable headers and typed cells.

Draws what the model says and decides nothing about its content. Pages put the sections into their bodies and take
`sort_table.js` along.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from darkpool_assets.rendering.daily_table.table_model import (
    BADGE_ICONS,
    BadgeKind,
    Cell,
    Column,
    Emphasis,
    Group,
    Kind,
    LegendEntry,
    Mark,
    Section,
)
from darkpool_assets.rendering.html_page import escaped, icon_markup, listing
from darkpool_assets.rendering.sparkline import Point, Sparkline

LINE_WIDTH, LINE_HEIGHT, LINE_MARGIN = 62, 24, 3
NO_LINKS: Final[Mapping[str, str]] = {}


def section_markup(section: Section, *, links: Mapping[str, str] = NO_LINKS) -> str:
    """One table in a region that scrolls; its empty text where it has no rows.

    Args:
        section: What to show; the first cell of a row names the row.
        links: Sort value of a row's first cell -> address that its text links to; rows that are not in it have no link.
    """
    if not section.rows:
        return f"<p>{escaped(section.empty_text)}</p>"
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{section.key}-caption">\n'
        f'<table id="{section.key}">\n<caption class="quiet" id="{section.key}-caption">{escaped(section.title)}, '
        "sortable by the buttons of the column headers</caption>\n"
        f"{_head(section)}\n<tbody>\n{_rows(section, links)}\n</tbody>\n</table>\n</div>"
    )


def legend_markup(entries: Sequence[LegendEntry]) -> str:
    """What the marks mean, as a list."""
    return listing("legend", [_legend_entry(entry) for entry in entries])


def badge_markup(kind: BadgeKind, text: str) -> str:
    """A framed word with its shape."""
    return f'<span class="badge {kind}">{icon_markup(BADGE_ICONS.get(kind))}{escaped(text)}</span>'


def line_markup(spark: Sparkline) -> str:
    """A small line, told in words as well."""
    zero = "" if spark.zero is None else f'<path class="zero" d="M0 {_y(spark.zero)}H{LINE_WIDTH}"/>'
    runs = "".join("M" + "L".join(_xy(point) for point in run) + ("h0" if len(run) == 1 else "") for run in spark.segments)
    end = ""
    if spark.end:
        x, y = _xy(spark.end).split()
        end = f'<circle class="{spark.end_hue or ""}" cx="{x}" cy="{y}" r="2.3"/>'
    return (
        f'<svg class="line" viewBox="0 0 {LINE_WIDTH} {LINE_HEIGHT}" role="img" aria-label="{escaped(spark.spoken)}">'
        f'{zero}<path d="{runs}"/>{end}</svg>'
    )


def cell_markup(cell: Cell) -> str:
    """What stands in a cell, its note included."""
    note = f"<small>{escaped(cell.note)}</small>" if cell.note else ""
    return _content(cell) + note


def _head(section: Section) -> str:
    spanners = "".join(_spanner(group) for group in section.groups)
    starts = _group_starts(section)
    labels = "".join(_label(column, is_first=index in starts, is_name=index == 0) for index, column in enumerate(section.columns))
    return f'<thead>\n<tr class="spanner">{spanners}</tr>\n<tr class="labels">{labels}</tr>\n</thead>'


def _spanner(group: Group) -> str:
    if not group.title:
        rest = f'<td colspan="{len(group.columns) - 1}"></td>' if len(group.columns) > 1 else ""
        return f'<td class="symbol"></td>{rest}'
    words = f"<span><b>{escaped(group.title)}</b><i>{escaped(group.unit)}</i></span>"
    return f'<th scope="colgroup" colspan="{len(group.columns)}" class="first"><span>{words}</span></th>'


def _group_starts(section: Section) -> set[int]:
    starts, position = set(), 0
    for group in section.groups:
        starts.add(position)
        position += len(group.columns)
    return starts - {0}


def _label(column: Column, *, is_first: bool, is_name: bool) -> str:
    classes = _classes(column.kind, "first" if is_first else "", "symbol" if is_name else "")
    words = f"{escaped(column.label)}<small>{escaped(column.unit) or '&nbsp;'}</small>"
    tag, sort = ("span", "") if column.kind == Kind.GRAPHIC else ('button type="button"', ' aria-sort="none"')
    name = f'<{tag} class="name" title="{escaped(column.meaning)}">{words}</{tag.split()[0]}>'
    return f'<th scope="col" class="{classes}" data-kind="{column.kind}"{sort}>{name}</th>'


def _rows(section: Section, links: Mapping[str, str]) -> str:
    starts = _group_starts(section)
    return "\n".join(
        "<tr>"
        + _name(row[0], section.columns[0], links.get(str(row[0].sort)))
        + "".join(
            _cell(cell, column, is_first=index in starts)
            for index, (cell, column) in enumerate(zip(row[1:], section.columns[1:], strict=True), start=1)
        )
        + "</tr>"
        for row in section.rows
    )


def _name(cell: Cell, column: Column, link: str | None) -> str:
    words = cell_markup(cell)
    linked = f'<a href="{escaped(link)}">{words}</a>' if link else words
    return f'<th scope="row" class="{_classes(column.kind, "symbol")}"{_sort(cell)}>{linked}</th>'


def _cell(cell: Cell, column: Column, *, is_first: bool) -> str:
    emphasis = "missing" if cell.is_missing else "" if cell.emphasis == Emphasis.PLAIN else cell.emphasis
    classes = _classes(column.kind, "first" if is_first else "", emphasis)
    return f'<td class="{classes}"{_sort(cell)}>{cell_markup(cell)}</td>'


def _sort(cell: Cell) -> str:
    return "" if cell.sort is None else f' data-sort="{escaped(str(cell.sort))}"'


def _content(cell: Cell) -> str:
    if cell.spark:
        return line_markup(cell.spark)
    if cell.badge:
        return badge_markup(cell.badge, cell.text)
    words = _mark(cell.mark) + escaped(cell.text)
    return f'<span class="tint {cell.tint.hue}-{cell.tint.step}">{words}</span>' if cell.tint else words


def _mark(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return icon_markup(mark.icon) + (f'<span class="quiet">{escaped(mark.words)} </span>' if mark.words else "")


def _classes(*names: str) -> str:
    return " ".join(name for name in names if name)


def _xy(point: Point) -> str:
    return f"{LINE_MARGIN + point[0] * (LINE_WIDTH - 2 * LINE_MARGIN):.1f} {_y(point[1])}"


def _y(height: float) -> str:
    return f"{LINE_MARGIN + (1 - height) * (LINE_HEIGHT - 2 * LINE_MARGIN):.1f}"


def _legend_entry(entry: LegendEntry) -> str:
    scale = "".join(f'<i class="{tint.hue}-{tint.step}"></i>' for tint in entry.tints)
    sample = badge_markup(entry.badge, entry.term) if entry.badge else f"<b>{escaped(entry.term)}</b>" if entry.term else ""
    return f"{icon_markup(entry.icon)}{sample}{f'<span class=scale>{scale}</span>' if scale else ''}{escaped(entry.text)}"
