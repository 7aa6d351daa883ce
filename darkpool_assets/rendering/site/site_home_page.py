"""The first page of the report site: the latest day's labels, and a calendar of all stored sessions.

Draws a `ReportDay` and the list of stored sessions. Every session leads to its day page, or to its table where it has
none.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from darkpool_assets.rendering.daily_table.daily_table_words import TITLE
from darkpool_assets.rendering.daily_table.table_markup import section_markup
from darkpool_assets.rendering.daily_table.table_model import Section
from darkpool_assets.rendering.display_text import weekday_text
from darkpool_assets.rendering.html_page import escaped, listing
from darkpool_assets.rendering.site.site_calendar import calendar, calendar_key
from darkpool_assets.rendering.site.site_columns import without_lines
from darkpool_assets.rendering.site.site_day_page import day_tally, joined_table
from darkpool_assets.rendering.site.site_layout import DAY_PAGE, market_index_page, ticker_page
from darkpool_assets.rendering.site.site_model import ReportDay, StoredSession
from darkpool_assets.rendering.site.site_shell import heading, site_page
from darkpool_assets.rendering.site.site_verdicts import CHECKS, gate_words, missing_composite

_GROUPS_SHOWN: Final = 2
_BAR: Final = '<header class="bar"><nav aria-label="Days"><span aria-current="page">All days</span></nav></header>'


def home_page(
    latest: ReportDay,
    sessions: Sequence[StoredSession],
    *,
    pages: Mapping[dt.date, Collection[str]],
    table_days: Collection[dt.date],
    generated_at: dt.datetime | None,
) -> str:
    """The page `index.html`.

    Args:
        latest: The newest stored session; its own rows are enough.
        sessions: Every stored session, each once.
        pages: Day -> names of its pages.
        table_days: Days that have a table of `daily_tables`.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    tables = {day: f"tables/{day}/daily_metrics.html" for day in table_days}
    addresses = tables | {day: f"{day}/{DAY_PAGE}.html" for day in pages}
    return site_page(
        title=TITLE,
        bar=_BAR,
        parts=(
            heading(TITLE, sample_data=latest.sample_data),
            '<div class="home">',
            *_latest(latest, pages.get(latest.day, ()), addresses.get(latest.day, "")),
            f"<section>\n<h2>All days</h2>\n{calendar(sessions, addresses=addresses)}\n{calendar_key()}\n</section>\n</div>",
        ),
        generated_at=generated_at,
        scripts=("daily_table/sort_table.js",),
    )


def _latest(report: ReportDay, pages: Collection[str], address: str) -> tuple[str, ...]:
    """The newest day: its facts, how many symbols carry which label, and the first columns of its tables."""
    day = weekday_text(report.day)
    title = f'<a href="{address}">{day}</a>' if address else day
    table = joined_table(report)
    symbols, indices = (_narrow(section) for section in table.sections)
    tickers = {symbol: ticker_page(symbol) for symbol in report.row_by_symbol}
    markets = {symbol: market_index_page(symbol) for symbol in report.index_by_symbol}
    return (
        f"<section>\n<h2>Latest day: {title}</h2>",
        listing("facts", [escaped(fact) for fact in (*table.facts, gate_words(report.gate))]),
        missing_composite(report, checks=f"{report.day}/{DAY_PAGE}.html#{CHECKS}"),
        day_tally(report),
        section_markup(symbols, links={name: f"{report.day}/{page}.html" for name, page in tickers.items() if page in pages}),
        section_markup(indices, links={name: f"{report.day}/{page}.html" for name, page in markets.items() if page in pages}),
        "</section>",
    )


def _narrow(section: Section) -> Section:
    """The first two groups of columns, without the lines."""
    groups = section.groups[:_GROUPS_SHOWN]
    width = sum(len(group.columns) for group in groups)
    return without_lines(replace(section, groups=groups, rows=tuple(row[:width] for row in section.rows)))
