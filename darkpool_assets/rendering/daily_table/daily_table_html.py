"""The table of one day as a page: sortable, readable on a phone, on paper and by a screen reader.

Draws a `DailyTable` and decides nothing about its content. The result is one self-contained document, written by the
caller; equal tables give equal bytes apart from the one generated-at line.
"""

import datetime as dt

from darkpool_assets.rendering.daily_table.table_markup import legend_markup, section_markup
from darkpool_assets.rendering.daily_table.table_model import DailyTable, Section
from darkpool_assets.rendering.html_page import escaped, generated_line, listing, packaged_text, page


def daily_table_html(table: DailyTable, *, generated_at: dt.datetime | None) -> str:
    """The page of one day's table.

    Args:
        table: What to show.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    return page(title=table.title, body=_main(table, generated_at), script=packaged_text("daily_table/sort_table.js"))


def _main(table: DailyTable, generated_at: dt.datetime | None) -> str:
    symbols, *others = table.sections
    parts = [
        f'<header class="head"><h1>{escaped(table.title)}</h1>{_sample(table)}</header>',
        listing("facts", [escaped(fact) for fact in table.facts]),
        section_markup(symbols),
        *(_titled(section) for section in others),
        listing("notices", [escaped(notice) for notice in table.notices]),
        legend_markup(table.legend),
        f'<p class="disclaimer"><b>Disclaimer.</b> {escaped(table.disclaimer)}</p>',
        generated_line(generated_at),
    ]
    return '<main id="content" tabindex="-1">\n' + "\n".join(part for part in parts if part) + "\n</main>"


def _sample(table: DailyTable) -> str:
    return f'<strong class="sample">{escaped(table.sample_notice)}</strong>' if table.sample_notice else ""


def _titled(section: Section) -> str:
    return f"<h2>{escaped(section.title)}</h2>\n{section_markup(section)}"
