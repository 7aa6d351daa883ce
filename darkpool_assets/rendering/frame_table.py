"""Any frame as a plain table for a notebook: text to the left, numbers to the right, missing an en dash.

Says nothing about what the columns mean and takes its colours from where it is shown; the day's table, which does both, is
`daily_table`.
"""

import datetime as dt
from typing import Final

import polars as pl

from darkpool_assets.rendering.display_text import EN_DASH, finite
from darkpool_assets.rendering.html_page import escaped

_MOST_ROWS: Final = 300
_CELL: Final = "padding:2px 10px;vertical-align:top;text-align:"


def frame_table(frame: pl.DataFrame, *, caption: str) -> str:
    """The rows of `frame` as an HTML table, the first 300 of them and how many more there are."""
    sides = ["right" if dtype.is_numeric() else "left" for dtype in frame.dtypes]
    headers = "".join(
        f'<th scope="col" style="{_CELL}{side}">{escaped(name)}</th>' for name, side in zip(frame.columns, sides, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(f'<td style="{_CELL}{side}">{_text(value)}</td>' for value, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in frame.head(_MOST_ROWS).iter_rows()
    )
    more = f"\n<p>and {frame.height - _MOST_ROWS:,} more</p>" if frame.height > _MOST_ROWS else ""
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">\n'
        f'<caption style="text-align:left;font-weight:bold">{escaped(caption)}</caption>\n'
        f"<thead><tr>{headers}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>{more}</div>"
    )


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and finite(value) is None):
        return EN_DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.4g}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return escaped(str(value))
