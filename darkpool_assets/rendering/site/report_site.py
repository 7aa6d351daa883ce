"""The report site on disk: the pages of one day, and the first page with the calendar of all days.

A day's pages are written whole, one by one, and know no other day; `assets/days.js` and `index.html` do, so that adding a
day changes those two files only. No Dagster, no database: an asset hands over what it read.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from darkpool_assets.rendering.files import write_atomically
from darkpool_assets.rendering.pressure_plot.panels_interactive import write_plotly_script
from darkpool_assets.rendering.site.site_day_page import day_page
from darkpool_assets.rendering.site.site_home_page import home_page
from darkpool_assets.rendering.site.site_layout import (
    ASSETS,
    DAY_PAGE,
    DAYS_SCRIPT,
    days_with_pages,
    files_of,
    market_index_page,
    page_names,
    ticker_page,
)
from darkpool_assets.rendering.site.site_market_index_page import market_index_document
from darkpool_assets.rendering.site.site_model import DayFiles, ReportDay, StoredSession
from darkpool_assets.rendering.site.site_navigation import days_script
from darkpool_assets.rendering.site.site_ticker_page import ticker_document


def write_day_pages(report: ReportDay, *, output_dir: Path, generated_at: dt.datetime | None) -> list[Path]:
    """Write the pages of one day below `output_dir` and remove those of symbols that it no longer has; the paths written.

    The day page comes last, so that it never leads to a page that is not there. `write_first_page` makes the day known.

    Args:
        report: The day.
        output_dir: OUTPUT_DIR.
        generated_at: The moment (aware) of the line at each page's foot; without one there is no such line.

    Raises:
        OSError: a file could not be written; those before it are whole.
    """
    if report.composite_by_symbol:
        write_plotly_script(output_dir / ASSETS)
    folder = output_dir / report.day.isoformat()
    written = []
    for name, content in _pages(report, files_of(output_dir, report.day), generated_at):
        path = folder / f"{name}.html"
        write_atomically(path, content)
        written.append(path)
    for name in page_names(folder):
        path = folder / f"{name}.html"
        if path not in written:
            path.unlink(missing_ok=True)
    return written


def write_first_page(
    latest: ReportDay, sessions: Sequence[StoredSession], *, output_dir: Path, generated_at: dt.datetime | None
) -> list[Path]:
    """Write `assets/days.js` and `index.html` for the days that have pages now; the paths written.

    Args:
        latest: The newest stored session; its own rows are enough.
        sessions: Every stored session, each once.
        output_dir: OUTPUT_DIR.
        generated_at: The moment (aware) of the line at the page's foot; without one there is no such line.

    Raises:
        OSError: a file could not be written; the one before it is whole.
    """
    pages = days_with_pages(output_dir)
    table_days = {session.day for session in sessions if "daily_metrics.html" in files_of(output_dir, session.day).tables}
    written = {
        output_dir / ASSETS / DAYS_SCRIPT: days_script(pages),
        output_dir / "index.html": home_page(latest, sessions, pages=pages, table_days=table_days, generated_at=generated_at),
    }
    for path, content in written.items():
        write_atomically(path, content)
    return list(written)


def _pages(report: ReportDay, files: DayFiles, generated_at: dt.datetime | None) -> Iterator[tuple[str, str]]:
    """Name below the day's folder, and content, of every page; the day page last."""
    for symbol in report.row_by_symbol:
        yield ticker_page(symbol), ticker_document(report, symbol, files=files, generated_at=generated_at)
    for index_symbol in report.index_by_symbol:
        yield market_index_page(index_symbol), market_index_document(report, index_symbol, generated_at=generated_at)
    yield DAY_PAGE, day_page(report, files=files, generated_at=generated_at)
