"""FINRA's Query API: the rows that filters select from one dataset, over as many pages as it takes.

Datasets, their fields and what "no row" means are not known here (services.py), nor is HTTP (transport.py). All pages become
one JsonRows, which the readers of files type and check.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from darkpool_assets.sources.errors import CredentialsRefused, IncompleteSource, MalformedSource, OversizedSource
from darkpool_assets.sources.finra.query_answers import read_query_answer
from darkpool_assets.sources.json_records import JsonRows
from darkpool_assets.sources.transport import Answer, Transport

MAX_OFFSET: Final = 500_000
MAX_PAGES: Final = 1_000
_MAX_PAGE_BYTES: Final = 64 << 20  # FINRA ends its pages at about 3 MB
_KEY: Final = "FINRA_API_KEY"
_FILTERS: Final = ("compareFilters", "domainFilters")
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MIDNIGHT: Final = re.compile(r"(?<=\d)[t ]00:00:00(?:\.0+)?z?$")


@dataclass(frozen=True)
class Pages:
    """What one query gave.

    Attributes:
        rows: The rows of all pages that were kept, in the service's order.
        received: Rows that came, kept or not.
        record_total: Rows that the service announced; None where it announced none.
    """

    rows: JsonRows
    received: int
    record_total: int | None


@dataclass(frozen=True)
class _Page:
    rows: JsonRows
    total: int | None


class QueryApi:
    """Queries of one service.

    Args:
        transport: What makes the calls.
        method: FINRA_REQUEST_METHOD.
        extra_json: FINRA_REQUEST_JSON: its keys win over ours but for `offset`, its filters are added to ours.
        extra_params: FINRA_REQUEST_PARAMS: query parameters, which win in the same way.
    """

    def __init__(
        self, transport: Transport, *, method: str = "POST", extra_json: Mapping[str, Any] | None = None,
        extra_params: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._transport = transport
        self._method = method
        self._json = dict(extra_json or {})
        self._params = {name: value for name, value in (extra_params or {}).items() if name != "offset"}

    def rows(
        self, url: str, *, what: str, equal: Mapping[str, str], among: Mapping[str, Sequence[str]] | None = None,
        sort: Sequence[str] = (), keep: Callable[[Mapping[str, Any]], bool] | None = None, page_rows: int = 5000,
    ) -> Pages:  # fmt: skip
        """Every row whose fields equal `equal` and are among the values of `among`; none where the service has none.

        Args:
            url: The dataset.
            what: How errors call the query.
            equal: Field -> its value.
            among: Field -> its values.
            sort: Fields that put the rows into one order over all pages; without them the service promises none.
            keep: Which of the rows to hold on to; the others are checked and counted, and let go page by page.
            page_rows: Rows asked for at once; the service may give fewer.

        Raises:
            IncompleteSource: a row of one page comes again on another, so that another one is missing, or the rows are not as
                many as the service announced.
            OversizedSource: a page many times as long as FINRA's.
            MalformedSource: a row that the filters exclude, or what read_json_rows refuses.
            SourceError: what Transport.get raises.
        """
        query = self._query(equal, among or {}, sort, page_rows)
        asked = _asked(equal, among or {})
        received = _Received(what)
        kept: list[Mapping[str, Any]] = []
        while not received.is_over:
            page = self._page(url, {**query, "offset": received.rows}, what=what)
            _check_filters(page.rows, asked, what=what)
            received.add(page)
            kept += page.rows.rows if keep is None else filter(keep, page.rows.rows)
        return Pages(JsonRows(what, kept, {}), received=received.rows, record_total=received.checked_total())

    def has_rows(self, url: str, *, what: str, equal: Mapping[str, str]) -> bool:
        """Whether any row's fields equal `equal`: one request, for one row; raises as `rows`."""
        page = self._page(url, {**self._query(equal, {}, (), page_rows=1), "offset": 0}, what=what)
        _check_filters(page.rows, _asked(equal, {}), what=what)
        return bool(page.rows.rows)

    def _query(
        self, equal: Mapping[str, str], among: Mapping[str, Sequence[str]], sort: Sequence[str], page_rows: int
    ) -> dict[str, Any]:
        ours: dict[str, list[Any]] = {
            "compareFilters": [{"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in equal.items()],
            "domainFilters": [{"fieldName": name, "values": list(values)} for name, values in among.items()],
        }
        filters = {name: [*ours[name], *_listed(name, self._json.get(name))] for name in _FILTERS}
        order = {"sortFields": list(sort)} if sort else {}
        query = {"limit": page_rows, **order, **self._json, **{name: filters[name] for name in _FILTERS if filters[name]}}
        return {**query, **self._params} if self._method == "GET" else query

    def _page(self, url: str, query: Mapping[str, Any], *, what: str) -> _Page:
        if query["offset"] > MAX_OFFSET:
            allowed = f"up to {MAX_OFFSET:,}, FINRA's last offset"
            raise IncompleteSource(what, "offset", found=f"more than {MAX_OFFSET:,} rows", allowed=allowed)
        headers = {"Accept": "application/json"}
        try:
            if self._method == "GET":
                params = {name: _as_parameter(value) for name, value in query.items()}
                return self._transport.get(url, params=params, headers=headers, what=what, read=_read_page)
            return self._transport.post(url, json=query, params=self._params, headers=headers, what=what, read=_read_page)
        except CredentialsRefused as refusal:
            if _KEY in str(refusal):
                raise
            remedy = f"Correct {_KEY} and FINRA_API_SECRET."
            raise CredentialsRefused(what, status=refusal.status, body=refusal.body, remedy=remedy) from None


class _Received:
    """What came so far: counts, and a digest of each row, which takes less room than the row.

    Attributes:
        rows: Rows that came.
        is_over: Whether the last page came: the announced rows are there, or, as a page may be short for its size in bytes,
            one came without any.
    """

    def __init__(self, what: str) -> None:
        self.rows = 0
        self.is_over = False
        self._what = what
        self._pages = 0
        self._total: int | None = None
        self._digests: set[bytes] = set()

    def add(self, page: _Page) -> None:
        """Count the next page.

        Raises:
            IncompleteSource: it does not go on where the one before ended, or there is no end to them.
        """
        self._pages += 1
        if self._pages > MAX_PAGES:
            raise IncompleteSource(self._what, "pages", found=f"more than {MAX_PAGES:,}", allowed="an end to them")
        self._compare(page)
        if self._total is None:
            self._total = page.total
        elif page.total not in {None, self._total}:
            found, allowed = f"record-total {page.total:,}", f"{self._total:,}, as on the first page"
            raise IncompleteSource(self._what, f"page {self._pages}", found=found, allowed=allowed)
        self.rows += len(page.rows.rows)
        self.is_over = not page.rows.rows or (self._total is not None and self.rows >= self._total)

    def _compare(self, page: _Page) -> None:
        """Refuse rows of an earlier page. A row may come twice on one page: an exact copy, which the readers count."""
        digests = {_digest(row) for row in page.rows.rows}
        if repeated := len(digests & self._digests):
            found = f"{repeated:,} of the rows of a page before"
            raise IncompleteSource(self._what, f"page {self._pages}", found=found, allowed="the rows that follow them")
        self._digests |= digests

    def checked_total(self) -> int | None:
        """The rows that the service announced, if it did.

        Raises:
            IncompleteSource: not as many came.
        """
        if self._total is not None and self.rows != self._total:
            raise IncompleteSource(self._what, "rows", found=f"{self.rows:,}", allowed=f"{self._total:,}, the record-total")
        return self._total


def _digest(row: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).digest()


def _read_page(answer: Answer) -> _Page:
    if len(answer.body) > _MAX_PAGE_BYTES:
        found, allowed = f"{len(answer.body):,} bytes", f"up to {_MAX_PAGE_BYTES:,} bytes"
        raise OversizedSource(answer.what, "body", found=found, allowed=allowed)
    rows = read_query_answer(answer.content())
    announced = answer.headers.get("record-total")
    total = _whole(announced)
    if announced is not None and total is None:
        raise MalformedSource(answer.what, "header record-total", found=announced, allowed="a whole number")
    return _Page(rows, total)


def _asked(equal: Mapping[str, str], among: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {**{name: (value,) for name, value in equal.items()}, **{name: tuple(values) for name, values in among.items()}}


def _check_filters(rows: JsonRows, asked: Mapping[str, tuple[str, ...]], *, what: str) -> None:
    """Refuse a row that was not asked for: the service ignores filters that it does not understand."""
    held = set(rows.columns)
    for name, values in asked.items():
        if name not in held:
            continue  # FINRA_REQUEST_JSON may ask for other fields; the readers refuse what they miss
        allowed = {_comparable(value) for value in values}
        wrong = [number for number, row in enumerate(rows.rows, start=1) if _comparable(row.get(name)) not in allowed]
        # A few rows of another day are faults of their symbols, which the readers leave out.
        if wrong and (2 * len(wrong) > len(rows.rows) or not _are_dates(values)):
            shown = ", ".join(values[:5]) + (", ..." if len(values) > 5 else "")
            found = rows.rows[wrong[0] - 1].get(name)
            raise MalformedSource(what, f"row {wrong[0]}, {name}", found=found, allowed=f"{shown}, as asked for")


def _are_dates(values: Sequence[str]) -> bool:
    return all(_ISO_DATE.fullmatch(value) for value in values)


def _comparable(value: object) -> str:
    """`value` without case, blanks and a midnight: "2025-12-01T00:00:00" is the date 2025-12-01."""
    return _MIDNIGHT.sub("", str(value).strip().casefold())


def _whole(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _listed(name: str, value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedSource("FINRA_REQUEST_JSON", name, found=repr(value), allowed="a list of filters")
    return value


def _as_parameter(value: object) -> object:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
