"""The bar at the head of every page of the report site: all days, previous and next day, the tickers.

Which other days there are is not in a page: `assets/days.js` says so and `site.js` fills in the links, so that a new day
changes two files and no page. Without scripts the link to all days remains.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from darkpool_assets.rendering.display_text import day_text, printable, weekday_text
from darkpool_assets.rendering.html_page import escaped
from darkpool_assets.rendering.site.site_layout import ASSETS, DAY_PAGE, DAYS_SCRIPT, root_of, ticker_page

_STEP: Final = '<a class="step" data-step="{step}" rel="{relation}" hidden><span class="quiet">{words} day: </span><b></b></a>'
_EARLIER: Final = _STEP.format(step=-1, relation="prev", words="Previous")
_LATER: Final = _STEP.format(step=1, relation="next", words="Next")


@dataclass(frozen=True)
class Place:
    """Where a page stands: its day, its name below the day's folder, and the day's symbols in order."""

    day: dt.date
    page: str
    symbols: tuple[str, ...]
    symbol: str = ""

    @property
    def root(self) -> str:
        """The address of OUTPUT_DIR as the page sees it."""
        return root_of(self.page)

    @property
    def day_folder(self) -> str:
        """The address of the day's folder as the page sees it."""
        return "../" * self.page.count("/")

    def ticker_address(self, symbol: str) -> str:
        """The address of a symbol's page of the same day."""
        return f"{self.day_folder}{ticker_page(symbol)}.html"

    @property
    def days_script(self) -> str:
        """The address of the script that knows the other days."""
        return f"{self.root}{ASSETS}/{DAYS_SCRIPT}"


def navigation(place: Place) -> str:
    """The bar of a page at `place`."""
    return (
        f'<header class="bar"><nav aria-label="Days and tickers" data-day="{place.day}" data-page="{escaped(place.page)}" '
        f'data-root="{place.root}">\n<a href="{place.root}index.html">All days</a>\n'
        f'<div class="days">{_EARLIER}{_own_day(place)}{_LATER}</div>\n{_tickers(place)}</nav></header>'
    )


def _own_day(place: Place) -> str:
    if place.page == DAY_PAGE:
        return f'<span aria-current="page">{weekday_text(place.day)}</span>'
    return f'<a href="{place.day_folder}{DAY_PAGE}.html">{weekday_text(place.day)}</a>'


def _tickers(place: Place) -> str:
    """The tickers before and after this one, and a choice among all of them, which works once the script has run."""
    if not place.symbols:
        return ""
    options = "".join(_option(symbol, place) for symbol in place.symbols)
    prompt = "" if place.symbol else '<option value="" selected>choose …</option>'
    return (
        f'<div class="tickers">{_neighbour(place, -1)}<form class="choice" hidden><label for="ticker">Ticker</label>'
        f'<select id="ticker" autocomplete="off">{prompt}{options}</select><button type="submit">Open</button></form>'
        f"{_neighbour(place, 1)}</div>\n"
    )


def _option(symbol: str, place: Place) -> str:
    selected = " selected" if symbol == place.symbol else ""
    return f'<option value="{escaped(place.ticker_address(symbol))}"{selected}>{escaped(symbol)}</option>'


def _neighbour(place: Place, step: int) -> str:
    if place.symbol not in place.symbols:
        return ""
    index = place.symbols.index(place.symbol) + step
    if not 0 <= index < len(place.symbols):
        return ""
    symbol = place.symbols[index]
    words, direction = ("Previous", "back") if step < 0 else ("Next", "on")
    return (
        f'<a class="{direction}" href="{escaped(place.ticker_address(symbol))}"><span class="quiet">{words} ticker: </span>'
        f"{escaped(symbol)}</a>"
    )


def days_script(pages: Mapping[dt.date, Sequence[str]]) -> str:
    """The script that tells every page which days there are: day -> names of its pages, sets of names told once.

    >>> print(days_script({dt.date(2025, 12, 23): ["SPY", "index"], dt.date(2025, 12, 24): ["SPY", "index"]}), end="")
    window.reportDays = {"pages":[["SPY","index"]],"days":[["2025-12-23",0],["2025-12-24",0]]};
    """
    sets = {names: place for place, names in enumerate(dict.fromkeys(tuple(pages[day]) for day in sorted(pages)))}
    days = [[day.isoformat(), sets[tuple(pages[day])]] for day in sorted(pages)]
    return f"window.reportDays = {json.dumps({'pages': list(sets), 'days': days}, separators=(',', ':'))};\n"


def page_title(subject: str, day: dt.date) -> str:
    """The title of a page about `subject` on `day`."""
    return f"{printable(subject)} · {day_text(day)}"
