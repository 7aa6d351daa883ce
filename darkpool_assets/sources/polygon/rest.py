"""Polygon's REST API: which address is asked for what, how its pages follow each other, and what its refusals mean.

No connection is made here (transport.py does), no body is parsed (the `read` of each call does: tick_pages.py, minute_bars.py
and daily_agg.py) and no symbol's day is put together: live.py does that from the pages.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import date
from typing import Any, Final, Protocol, Self, TypeVar
from urllib.parse import quote

import httpx
import polars as pl

from darkpool_assets.sources.answer import origin
from darkpool_assets.sources.errors import CredentialsRefused, IncompleteSource, NotEntitled, RateLimited, RefusedBySource
from darkpool_assets.sources.transport import Answer, Transport

TRADES: Final = "/v3/trades"
QUOTES: Final = "/v3/quotes"
AGGREGATES: Final = "/v2/aggs"
MAX_PAGES: Final = 1_000
PAGE_ROWS: Final = 50_000
_SAME_SERVICE: Final = ("https://api.polygon.io", "https://api.massive.com")
_FORBIDDEN: Final = 403
_PLAN_WORDS: Final = ("not_authorized", "not entitled")


class Page(Protocol):
    """What a reader makes of one page: its rows, with `timestamp` in ascending order, and where the next page is."""

    @property
    def rows(self) -> pl.DataFrame:
        """One row per trade or quote."""
        ...

    @property
    def next_url(self) -> str | None:
        """Address of the next page, cursor and all; None on the last."""
        ...

    def repeated(self) -> Self:
        """The page without its rows, which came with the page before; it counts them."""
        ...


T = TypeVar("T")
PageT = TypeVar("PageT", bound=Page)


class BearerAuth(httpx.Auth):
    """Sends the key in the Authorization header: addresses end up in logs, headers do not."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request


class PolygonRest:
    """The four calls of the product; of the refusals that Transport.get raises, each tells which are the plan's.

    NotEntitled: the plan of the key does not include what was asked for. CredentialsRefused names POLYGON_API_KEY.
    """

    def __init__(self, transport: Transport, *, base_url: str) -> None:
        """`transport` holds the key and may call the hosts of polygon_hosts(base_url)."""
        self._transport = transport
        self._base = base_url.rstrip("/")

    @property
    def requests(self) -> int:
        """Attempts made so far, all threads."""
        return self._transport.requests

    def trades(
        self, symbol: str, *, first_ns: int, last_ns: int, read: Callable[[Answer], PageT], page_rows: int = PAGE_ROWS
    ) -> Iterator[PageT]:
        """The pages of `symbol`'s trades from `first_ns` to `last_ns` (since 1970, both inside), oldest first, as they come.

        A page that repeats the one before comes without its rows, which it counts.

        Raises:
            IncompleteSource: a page goes back in time or leads back to one that was read, or there is no end to them.
            ForeignAddress: a page leads to another host; nothing was sent there.
        """
        return self._ticks(TRADES, symbol, first_ns=first_ns, last_ns=last_ns, read=read, page_rows=page_rows)

    def quotes(self, symbol: str, *, first_ns: int, last_ns: int, read: Callable[[Answer], PageT]) -> Iterator[PageT]:
        """The same of its NBBO quotes."""
        return self._ticks(QUOTES, symbol, first_ns=first_ns, last_ns=last_ns, read=read, page_rows=PAGE_ROWS)

    def minute_bars(self, symbol: str, day: date, *, read: Callable[[Answer], T]) -> T:
        """The one-minute bars of `symbol` on `day`, extended hours included, unadjusted."""
        params = {"adjusted": "false", "sort": "asc", "limit": PAGE_ROWS}
        path = f"{AGGREGATES}/ticker/{_in_path(symbol)}/range/1/minute/{day}/{day}"
        return self._get(f"{self._base}{path}", params=params, endpoint=AGGREGATES, what=f"Polygon {path}", read=read)

    def grouped_daily(self, day: date, *, read: Callable[[Answer], T]) -> T:
        """The daily bars of the whole market on `day`, unadjusted."""
        path = f"{AGGREGATES}/grouped/locale/us/market/stocks/{day}"
        params = {"adjusted": "false"}
        return self._get(f"{self._base}{path}", params=params, endpoint=AGGREGATES, what=f"Polygon {path}", read=read)

    def _ticks(
        self, endpoint: str, symbol: str, *, first_ns: int, last_ns: int, read: Callable[[Answer], PageT], page_rows: int
    ) -> Iterator[PageT]:
        what, url = f"Polygon {endpoint}/{symbol}", f"{self._base}{endpoint}/{_in_path(symbol)}"
        span = {"timestamp.gte": first_ns, "timestamp.lt": last_ns + 1}
        params: dict[str, Any] | None = {**span, "order": "asc", "sort": "timestamp", "limit": page_rows}
        seen: set[str] = set()
        before: pl.DataFrame | None = None
        for number in range(1, MAX_PAGES + 1):
            page = self._get(url, params=params, endpoint=endpoint, what=f"{what}, page {number}", read=read)
            page = _following(page, before, what=f"{what}, page {number}")
            before = before if page.rows.is_empty() else page.rows
            yield page
            if not page.next_url:
                return
            if page.next_url in seen:
                raise IncompleteSource(what, f"page {number}, next_url", found="a page that was read", allowed="a further page")
            # The address of a further page holds the whole question in its cursor.
            url, params = page.next_url, None
            seen.add(url)
        raise IncompleteSource(what, "next_url", found=f"more than {MAX_PAGES:,} pages", allowed="an end to them")

    def _get(
        self, url: str, *, params: Mapping[str, Any] | None, endpoint: str, what: str, read: Callable[[Answer], T]
    ) -> T:  # fmt: skip
        try:
            return self._transport.get(url, params=params, what=what, read=read)
        except CredentialsRefused as refusal:
            remedy = "Correct POLYGON_API_KEY."
            raise CredentialsRefused(what, status=refusal.status, body=refusal.body, remedy=remedy) from None
        except RateLimited as limited:
            remedy = "Run it again later, or set POLYGON_REQUESTS_PER_MINUTE to what the plan allows."
            raise RateLimited(what, attempts=limited.attempts, remedy=remedy) from None
        except RefusedBySource as refusal:
            if refusal.status != _FORBIDDEN or not any(words in refusal.body.lower() for words in _PLAN_WORDS):
                raise
            remedy = f"The plan of POLYGON_API_KEY does not include this of {endpoint}: upgrade it, or use files."
            raise NotEntitled(what, status=refusal.status, body=refusal.body, remedy=remedy) from None


def polygon_hosts(base_url: str) -> tuple[str, ...]:
    """The origins that may be called with the key: that of `base_url`; both names of the service when it is one of them.

    >>> polygon_hosts("https://api.polygon.io")
    ('https://api.polygon.io', 'https://api.massive.com')
    >>> polygon_hosts("http://127.0.0.1:8080/polygon")
    ('http://127.0.0.1:8080',)
    """
    own = origin(httpx.URL(base_url))
    return _SAME_SERVICE if own in _SAME_SERVICE else (own,)


def _following(page: PageT, before: pl.DataFrame | None, *, what: str) -> PageT:
    """`page`, without its rows where they are those of the page before.

    Raises:
        IncompleteSource: it goes back behind the end of the page before: rows may be missing elsewhere.
    """
    if before is None or page.rows.is_empty():
        return page
    if page.rows.equals(before):
        return page.repeated()
    if page.rows["timestamp"].to_physical()[0] < before["timestamp"].to_physical()[-1]:
        found = "rows older than the last of the page before"
        raise IncompleteSource(what, "results", found=found, allowed="pages that follow each other in time")
    return page


def _in_path(symbol: str) -> str:
    return quote(symbol, safe="")
