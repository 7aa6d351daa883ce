"""Where the pages of the report site lie below OUTPUT_DIR, and which of them are there.

`index.html`, `<date>/index.html`, `<date>/<SYMBOL>.html`, `<date>/indices/<INDEX>.html`, and `assets/` beside them. Names and
addresses only; what stands in a file is made elsewhere.
"""

import contextlib
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from darkpool_assets.rendering.files import safe_file_name
from darkpool_assets.rendering.site.site_model import DayFiles

ASSETS: Final = "assets"
DAYS_SCRIPT: Final = "days.js"
DAY_PAGE: Final = "index"
_INDICES: Final = "indices"


def ticker_page(symbol: str) -> str:
    """The page of a symbol, without its suffix; no symbol takes the day page's name, also where the disk ignores case.

    >>> [ticker_page(symbol) for symbol in ("SPY", "BRK/B", "INDEX")]
    ['SPY', 'BRK_B', 'INDEX~']
    """
    name = safe_file_name(symbol)
    return f"{name}~" if name.lower() == DAY_PAGE else name


def market_index_page(index_symbol: str) -> str:
    """The page of an index, without its suffix: a folder of its own keeps it apart from the symbols' pages."""
    return f"{_INDICES}/{safe_file_name(index_symbol)}"


def root_of(page: str) -> str:
    """The address of OUTPUT_DIR as a page below `<date>` sees it."""
    return "../" * (1 + page.count("/"))


def days_with_pages(output_dir: Path) -> Mapping[dt.date, tuple[str, ...]]:
    """Every day that has a day page, oldest first, and the names of all its pages."""
    days = {day: folder for folder in sorted(output_dir.glob("*-*-*")) if (day := _day_of(folder.name))}
    pages = {day: page_names(folder) for day, folder in days.items()}
    return {day: names for day, names in pages.items() if DAY_PAGE in names}


def page_names(folder: Path) -> tuple[str, ...]:
    """The pages below a day's folder by name, without their suffix."""
    paths = (*folder.glob("*.html"), *folder.glob(f"{_INDICES}/*.html"))
    return tuple(sorted(path.relative_to(folder).with_suffix("").as_posix() for path in paths))


def files_of(output_dir: Path, day: dt.date) -> DayFiles:
    """What `daily_tables` and `pressure_plots` have made of the day."""
    names = (frozenset(path.name for path in (output_dir / kind / day.isoformat()).glob("*.*")) for kind in ("tables", "plots"))
    tables, plots = names
    return DayFiles(tables, plots)


def _day_of(name: str) -> dt.date | None:
    with contextlib.suppress(ValueError):
        day = dt.date.fromisoformat(name)
        return day if day.isoformat() == name else None
    return None
