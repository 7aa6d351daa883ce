"""FINRA's Query API: the rows that filters select from one dataset, over as many pages as it takes.

Datasets, their fields and what "no row" means are not known here (services.py), nor is HTTP (transport.py). All pages become
one JsonRows, which the readers of files type and check.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from darkpool_assets.sources.errors import CredentialsRefused, IncompleteSource, MalformedSource
from darkpool_assets.sources.json_records import JsonRows, read_json_rows
from darkpool_assets.sources.transport import Answer, Transport

MAX_OFFSET: Final = 500_000
MAX_PAGES: Final = 1_000
_KEY: Final = "FINRA_API_KEY"
_FILTERS: Final = ("compareFilters", "domainFilters")
_LIMIT_HEADERS: Final = ("record-limit", "record-max-limit")
_MIDNIGHT: Final = re.compile(r"(?<=\d)[t ]00:00:00(?:\.0+)?z?$")


@dataclass(frozen=True)
class Pages:
    """What one query gave.

    Attributes:
        rows: The rows of all pages, in the service's order.
        requests: Pages asked for; retries are the transport's.
        record_total: Rows that the service announced; None where it announced none.
    """

    rows: JsonRows
    requests: int
    record_total: int | None


@dataclass(frozen=True)
class _Page:
    rows: JsonRows
    total: int | None
    limit: int | None


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
        page_rows: int = 5000,
    ) -> Pages:  # fmt: skip
        """Every row whose fields equal `equal` and are among the values of `among`; none where the service has none.

        Raises:
            IncompleteSource: a page repeats another, or the rows are not as many as the service announced.
            MalformedSource: a row that the filters exclude, or what read_json_rows refuses.
            SourceError: what Transport.get raises.
        """
        query = self._query(equal, among or {}, page_rows)
        asked = _asked(equal, among or {})
        pages: list[_Page] = []
        while True:
            page = self._page(url, {**query, "offset": sum(len(page.rows.rows) for page in pages)}, what=what)
            _check_filters(page.rows, asked, what=what)
            pages.append(page)
            _check_progress(pages, what=what)
            if _is_last(pages, limit=_whole(query["limit"]) or page_rows):
                break
        rows = JsonRows.joined(what, [page.rows for page in pages])
        return Pages(rows, requests=len(pages), record_total=_checked_total(pages, len(rows.rows), what=what))

    def _query(self, equal: Mapping[str, str], among: Mapping[str, Sequence[str]], page_rows: int) -> dict[str, Any]:
        ours: dict[str, list[Any]] = {
            "compareFilters": [{"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in equal.items()],
            "domainFilters": [{"fieldName": name, "values": list(values)} for name, values in among.items()],
        }
        filters = {name: [*ours[name], *_listed(name, self._json.get(name))] for name in _FILTERS}
        query = {"limit": page_rows, **self._json, **{name: filters[name] for name in _FILTERS if filters[name]}}
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


def _read_page(answer: Answer) -> _Page:
    rows = read_json_rows(answer.content(), may_be_empty=True) if answer.body.strip() else JsonRows(answer.what, [], {})
    limits = [limit for name in _LIMIT_HEADERS if (limit := _whole(answer.headers.get(name)))]
    announced = answer.headers.get("record-total")
    total = _whole(announced)
    if announced is not None and total is None:
        raise MalformedSource(answer.what, "header record-total", found=announced, allowed="a whole number")
    return _Page(rows, total, min(limits, default=None))


def _check_progress(pages: Sequence[_Page], *, what: str) -> None:
    page = pages[-1]
    number = len(pages)
    if number > MAX_PAGES:
        raise IncompleteSource(what, "pages", found=f"more than {MAX_PAGES:,}", allowed="an end to them")
    if page.rows.rows and any(page.rows.rows == before.rows.rows for before in pages[:-1]):
        raise IncompleteSource(what, f"page {number}", found="the rows of a page before", allowed="the rows that follow them")
    if page.total is not None and page.total != (pages[0].total if pages[0].total is not None else page.total):
        found, allowed = f"record-total {page.total:,}", f"{pages[0].total:,}, as on the first page"
        raise IncompleteSource(what, f"page {number}", found=found, allowed=allowed)


def _is_last(pages: Sequence[_Page], *, limit: int) -> bool:
    page = pages[-1]
    received = len(page.rows.rows)
    total = _total(pages)
    if not received or total is not None:
        return not received or sum(len(page.rows.rows) for page in pages) >= (total or 0)
    return received < min(limit, page.limit or limit)


def _total(pages: Iterable[_Page]) -> int | None:
    return next((page.total for page in pages if page.total is not None), None)


def _checked_total(pages: Sequence[_Page], received: int, *, what: str) -> int | None:
    total = _total(pages)
    if total is not None and received != total:
        raise IncompleteSource(what, "rows", found=f"{received:,}", allowed=f"{total:,}, the record-total")
    return total


def _asked(equal: Mapping[str, str], among: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {**{name: (value,) for name, value in equal.items()}, **{name: tuple(values) for name, values in among.items()}}


def _check_filters(rows: JsonRows, asked: Mapping[str, tuple[str, ...]], *, what: str) -> None:
    """Refuse a row that was not asked for: the service ignores filters that it does not understand."""
    held = set(rows.columns)
    for name, values in asked.items():
        if name not in held:
            continue  # FINRA_REQUEST_JSON may ask for other fields; the readers refuse what they miss
        allowed = {_comparable(value) for value in values}
        for number, row in enumerate(rows.rows, start=1):
            if _comparable(row.get(name)) not in allowed:
                shown = ", ".join(values[:5]) + (", ..." if len(values) > 5 else "")
                raise MalformedSource(what, f"row {number}, {name}", found=row.get(name), allowed=f"{shown}, as asked for")


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
