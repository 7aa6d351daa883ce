"""The table of one day as a page: sortable, readable on a phone, on paper and by a screen reader.

Draws a `DailyTable` and decides nothing about its content. The result is one self-contained document, written by the
caller; equal tables give equal bytes apart from the one generated-at line.
"""

import datetime as dt

from darkpool_assets.rendering.html_page import escaped, icon_markup, packaged_text, page
from darkpool_assets.rendering.sparkline import Point, Sparkline
from darkpool_assets.rendering.table_model import (
    BADGE_ICONS,
    BadgeKind,
    Cell,
    Column,
    DailyTable,
    Emphasis,
    Group,
    Kind,
    LegendEntry,
    Mark,
    Section,
)

LINE_WIDTH, LINE_HEIGHT, LINE_MARGIN = 62, 24, 3


def daily_table_html(table: DailyTable, *, generated_at: dt.datetime | None) -> str:
    """The page of one day's table.

    Args:
        table: What to show.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    return page(title=table.title, body=_main(table, generated_at), script=packaged_text("sort_table.js"))


def _main(table: DailyTable, generated_at: dt.datetime | None) -> str:
    symbols, *others = table.sections
    parts = [
        f'<header class="head"><h1>{escaped(table.title)}</h1>{_sample(table)}</header>',
        _listing("facts", [escaped(fact) for fact in table.facts]),
        _section(symbols, is_first=True),
        *(_section(section, is_first=False) for section in others),
        _listing("notices", [escaped(notice) for notice in table.notices]),
        _listing("legend", [_legend_entry(entry) for entry in table.legend]),
        f'<p class="disclaimer"><b>Disclaimer.</b> {escaped(table.disclaimer)}</p>',
        _generated(generated_at),
    ]
    return '<main id="content" tabindex="-1">\n' + "\n".join(part for part in parts if part) + "\n</main>"


def _sample(table: DailyTable) -> str:
    return f'<strong class="sample">{escaped(table.sample_notice)}</strong>' if table.sample_notice else ""


def _generated(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    return f'<p class="generated">Generated {moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC</p>'


def _listing(name: str, items: list[str]) -> str:
    return f'<ul class="{name}">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>" if items else ""


def _section(section: Section, *, is_first: bool) -> str:
    heading = "" if is_first else f"<h2>{escaped(section.title)}</h2>\n"
    if not section.rows:
        return f"{heading}<p>{escaped(section.empty_text)}</p>"
    return (
        f'{heading}<div class="scroll" role="region" tabindex="0" aria-labelledby="{section.key}-caption">\n'
        f'<table id="{section.key}">\n<caption class="quiet" id="{section.key}-caption">{escaped(section.title)}, '
        "sortable by the buttons of the column headers</caption>\n"
        f"{_head(section)}\n<tbody>\n{_rows(section)}\n</tbody>\n</table>\n</div>"
    )


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


def _rows(section: Section) -> str:
    starts = _group_starts(section)
    return "\n".join(
        "<tr>"
        + "".join(
            _cell(cell, column, is_first=index in starts, is_name=index == 0)
            for index, (cell, column) in enumerate(zip(row, section.columns, strict=True))
        )
        + "</tr>"
        for row in section.rows
    )


def _cell(cell: Cell, column: Column, *, is_first: bool, is_name: bool) -> str:
    emphasis = "missing" if cell.is_missing else "" if cell.emphasis == Emphasis.PLAIN else cell.emphasis
    classes = _classes(column.kind, "first" if is_first else "", "symbol" if is_name else "", "" if is_name else emphasis)
    sort = "" if cell.sort is None else f' data-sort="{escaped(str(cell.sort))}"'
    tag, scope = ("th", ' scope="row"') if is_name else ("td", "")
    return f'<{tag}{scope} class="{classes}"{sort}>{_content(cell)}{_note(cell)}</{tag}>'


def _content(cell: Cell) -> str:
    if cell.spark:
        return _line(cell.spark)
    if cell.badge:
        return _badge(cell.badge, cell.text)
    words = _mark(cell.mark) + escaped(cell.text)
    return f'<span class="tint {cell.tint.hue}-{cell.tint.step}">{words}</span>' if cell.tint else words


def _mark(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return icon_markup(mark.icon) + (f'<span class="quiet">{escaped(mark.words)} </span>' if mark.words else "")


def _note(cell: Cell) -> str:
    return f"<small>{escaped(cell.note)}</small>" if cell.note else ""


def _badge(kind: BadgeKind, text: str) -> str:
    return f'<span class="badge {kind}">{icon_markup(BADGE_ICONS.get(kind))}{escaped(text)}</span>'


def _classes(*names: str) -> str:
    return " ".join(name for name in names if name)


def _line(spark: Sparkline) -> str:
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


def _xy(point: Point) -> str:
    return f"{LINE_MARGIN + point[0] * (LINE_WIDTH - 2 * LINE_MARGIN):.1f} {_y(point[1])}"


def _y(height: float) -> str:
    return f"{LINE_MARGIN + (1 - height) * (LINE_HEIGHT - 2 * LINE_MARGIN):.1f}"


def _legend_entry(entry: LegendEntry) -> str:
    scale = "".join(f'<i class="{tint.hue}-{tint.step}"></i>' for tint in entry.tints)
    sample = _badge(entry.badge, entry.term) if entry.badge else f"<b>{escaped(entry.term)}</b>" if entry.term else ""
    return f"{icon_markup(entry.icon)}{sample}{f'<span class=scale>{scale}</span>' if scale else ''}{escaped(entry.text)}"
