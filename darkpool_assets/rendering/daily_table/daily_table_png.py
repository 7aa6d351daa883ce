"""The table of one day as a picture, and a small one for the Dagster UI; no browser is involved.

Turns a `DailyTable` into the data of the template `daily_table.typ` and decides nothing about its content, except what a
preview leaves out.
"""

from dataclasses import asdict, replace
from typing import Any, Final

from darkpool_assets.rendering.daily_table.table_model import BADGE_ICONS, Cell, DailyTable, Group, LegendEntry, Section, Tint
from darkpool_assets.rendering.icons import SHAPES
from darkpool_assets.rendering.png_colours import with_fewer_colours
from darkpool_assets.rendering.sparkline import Sparkline
from darkpool_assets.rendering.theme import LIGHT, colours
from darkpool_assets.rendering.typst_document import FONT, compile_png

TEMPLATE: Final = "daily_table/daily_table.typ"
PREVIEW_BYTES: Final = 32_000
PREVIEW_ROWS: Final = 10
_PREVIEW_PPI: Final = (40, 110)
_PREVIEW_COLUMNS: Final = frozenset(
    {"symbol", "pressure_context_label", "data_quality", "close", "return_1d", "log_buy_sell", "short_ratio", "short_ratio_z"}
)


def daily_table_png(table: DailyTable, *, ppi: int = 144) -> bytes:
    """The whole table as a PNG of `ppi` pixels per inch; about 2,400 pixels wide at 144, as high as its rows need."""
    return compile_png(TEMPLATE, picture_data(table), ppi=ppi)


def daily_table_preview(table: DailyTable) -> bytes:
    """A small PNG of the first rows and the leading columns, disclaimer included; as sharp as fits in 32 kB (down to 40 ppi)."""
    data = picture_data(preview_of(table))
    coarsest, ppi = _PREVIEW_PPI
    while True:
        picture = with_fewer_colours(compile_png(TEMPLATE, data, ppi=ppi))
        if len(picture) <= PREVIEW_BYTES or ppi == coarsest:
            return picture
        ppi = max(coarsest, int(ppi * min(0.95, (PREVIEW_BYTES / len(picture)) ** 0.5)))


def picture_data(table: DailyTable) -> dict[str, Any]:
    """`table` as the template reads it; every text in it is drawn as it is."""
    return {
        "font": FONT,
        "colours": colours(LIGHT),
        "icons": {icon: _document(shape) for icon, shape in SHAPES.items()},
        "title": table.title,
        "facts": table.facts,
        "sample_notice": table.sample_notice,
        "sections": [_section(section) for section in table.sections],
        "legend": [_legend_entry(entry) for entry in table.legend],
        "notices": table.notices,
        "disclaimer": table.disclaimer,
    }


def preview_of(table: DailyTable) -> DailyTable:
    """The part of `table` that a preview shows: leading columns of the first rows, and how many rows it leaves out."""
    symbols = table.sections[0]
    kept = [index for index, column in enumerate(symbols.columns) if column.key in _PREVIEW_COLUMNS]
    groups = (Group(group.title, "", tuple(c for c in group.columns if c.key in _PREVIEW_COLUMNS)) for group in symbols.groups)
    rows = tuple(tuple(row[index] for index in kept) for row in symbols.rows[:PREVIEW_ROWS])
    hidden = len(symbols.rows) - len(rows)
    section = replace(symbols, groups=tuple(group for group in groups if group.columns), rows=rows)
    notices = (f"{hidden} more in the full table.",) if hidden > 0 else ()
    return replace(table, sections=(section,), legend=(), notices=notices)


def _document(shape: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">{shape}</svg>'


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "empty_text": section.empty_text,
        "groups": [_group(group) for group in section.groups],
        "rows": [[_cell(cell) for cell in row] for row in section.rows],
    }


def _group(group: Group) -> dict[str, Any]:
    columns = [{"label": column.label, "unit": column.unit, "kind": column.kind} for column in group.columns]
    return {"title": group.title, "unit": group.unit, "columns": columns}


def _cell(cell: Cell) -> dict[str, Any]:
    shape = BADGE_ICONS.get(cell.badge) if cell.badge else cell.mark.icon if cell.mark else None
    return {
        "text": cell.text,
        "note": cell.note,
        "tint": _tint(cell.tint) if cell.tint else None,
        "badge": cell.badge,
        "icon": shape,
        "spark": _spark(cell.spark) if cell.spark else None,
        "emphasis": "muted" if cell.is_missing else cell.emphasis,
    }


def _spark(spark: Sparkline) -> dict[str, Any]:
    return asdict(spark) | {"tone": f"{spark.end_hue}_mark" if spark.end_hue else "ink"}


def _legend_entry(entry: LegendEntry) -> dict[str, Any]:
    return {
        "text": entry.text,
        "term": entry.term,
        "badge": entry.badge,
        "icon": BADGE_ICONS.get(entry.badge) if entry.badge else entry.icon,
        "tints": [_tint(tint) for tint in entry.tints],
    }


def _tint(tint: Tint) -> str:
    return f"{tint.hue}_{tint.step}"
