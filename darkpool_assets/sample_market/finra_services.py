"""FINRA's three services of the sample market: the short files' CDN, the OAuth token endpoint and the Query API.

They answer requests with what FINRA would answer; no sockets, and no rows of their own. market_server.py routes to them.
"""

import base64
import binascii
import csv
import datetime as dt
import io
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from darkpool_assets.sample_market.finra_datasets import Dataset, datasets
from darkpool_assets.sample_market.finra_query import MAX_LIMIT, BadQuery, Query, Row
from darkpool_assets.sample_market.http_messages import JSON, Answer, Request, json_answer
from darkpool_assets.sample_market.published_market import PublishedMarket
from darkpool_assets.sample_market.service_terms import EmptyAnswer, RequestRate, Terms

CDN_PATH: Final = "/equity/regsho/daily"
TOKEN_PATH: Final = "/fip/rest/ews/oauth2/access_token"  # noqa: S105 - an address
DATA_PATH: Final = "/data/group/otcMarket/name"
_CSV: Final = "text/plain; charset=utf-8"
_ACCESS_DENIED: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


class ShortFilesCdn:
    """The daily short sale files; what is not there, or not posted yet, is 403 AccessDenied."""

    def __init__(self, market: PublishedMarket) -> None:
        self._market = market

    def answer(self, request: Request, now: dt.datetime) -> Answer:
        """The bytes of the file that the address names."""
        name = request.path.removeprefix(f"{CDN_PATH}/")
        for day in self._market.short_sessions(now):
            if f"{day:%Y%m%d}" in name and name in (files := self._market.short_files(day)):
                return Answer(200, files[name], "text/plain")
        return Answer(403, _ACCESS_DENIED, "application/xml")


class TokenService:
    """OAuth 2.0 client credentials: HTTP Basic in, a bearer token out that expires."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._expiry: dict[str, float] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request, terms: Terms) -> Answer:
        """A new token, 401 for a wrong key, 400 without the grant type."""
        if request.method != "POST":
            return json_answer(405, {"error": "method_not_allowed"})
        if terms.finra_credentials is None or _basic(request) != terms.finra_credentials:
            return json_answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if request.query.get("grant_type") != "client_credentials":
            return json_answer(400, {"error": "unsupported_grant_type"})
        token = f"sample-access-token-{next(self._numbers)}"
        with self._lock:
            self._expiry[token] = terms.clock() + terms.token_seconds
        return json_answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": terms.token_seconds})

    def accepts(self, token: str, terms: Terms) -> bool:
        """Whether `token` was given out and has not expired."""
        with self._lock:
            return self._expiry.get(token, -1.0) > terms.clock()

    def expire(self) -> None:
        """Let every token given out so far expire now."""
        with self._lock:
            self._expiry.clear()


class QueryService:
    """The Query API over the sample market's datasets."""

    def __init__(self, market: PublishedMarket, tokens: TokenService) -> None:
        self._market = market
        self._tokens = tokens
        self._rate = RequestRate(1.0)
        self._numbers = itertools.count(1)
        self._datasets = datasets()

    def answer(self, request: Request, now: dt.datetime, terms: Terms) -> Answer:
        """One page of a dataset; 429, 401, 404 and 400 as the service gives them."""
        if self._rate.wait(terms.finra_requests_per_second, terms.clock()) > 0:
            return _refusal(429, "Too Many Requests")
        if not self._is_allowed(request, terms):
            return _refusal(401, "Unauthorized")
        dataset = self._datasets.get(request.path.removeprefix(f"{DATA_PATH}/"))
        if dataset is None:
            return _refusal(404, "The dataset does not exist.")
        if request.method not in {"GET", "POST"}:
            return _refusal(405, "Method not allowed")
        try:
            query = Query.of(request)
            rows = dataset.rows_of(self._market, query, now)
        except BadQuery as error:
            return _refusal(400, str(error))
        return self._page(request, dataset, query, rows, terms)

    def _is_allowed(self, request: Request, terms: Terms) -> bool:
        """Without Authorization only public answers are given; a token that came must be a good one in any case."""
        if not request.header("authorization"):
            return terms.answers_public or terms.finra_credentials is None
        return self._tokens.accepts(request.bearer() or "", terms)

    def _page(self, request: Request, dataset: Dataset, query: Query, rows: Sequence[Row], terms: Terms) -> Answer:
        headers = {
            "record-total": str(len(rows)),
            "record-offset": str(query.offset),
            "record-limit": str(query.limit),
            "record-max-limit": str(MAX_LIMIT),
            "finra-api-request-id": f"sample-{next(self._numbers)}",
        }
        page, fields = rows[query.offset : query.offset + query.limit], query.fields or dataset.fields
        is_json = JSON in request.header("accept")
        if not page:
            return _empty(terms.empty_answer, headers, is_json=is_json)
        lines = _json_lines(page, fields) if is_json else _csv_lines(page, fields)
        kept = _within(lines, terms.payload_bytes)
        if is_json:
            return Answer(200, f"[{','.join(kept)}]".encode(), headers=headers)
        return Answer(200, "\n".join([_csv_line(fields), *kept, ""]).encode(), _CSV, headers)


def _basic(request: Request) -> tuple[str, str] | None:
    """Key and secret of HTTP Basic."""
    scheme, _, code = request.header("authorization").partition(" ")
    try:
        key, colon, secret = base64.b64decode(code, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (key, secret) if scheme.lower() == "basic" and colon else None


def _refusal(status: int, message: str) -> Answer:
    return json_answer(status, {"statusCode": status, "message": message})


def _empty(way: EmptyAnswer, headers: Mapping[str, str], *, is_json: bool) -> Answer:
    if way is EmptyAnswer.NO_CONTENT:
        return Answer(204, headers=headers)
    body = b"[]" if way is EmptyAnswer.EMPTY_LIST and is_json else b""
    return Answer(200, body, JSON if is_json else _CSV, headers)


def _within(lines: Sequence[str], most_bytes: int) -> list[str]:
    """The first of `lines`, at least one, that fit into a page of so many bytes."""
    sizes = itertools.accumulate(len(line.encode()) + 1 for line in lines)
    return [line for at, (line, size) in enumerate(zip(lines, sizes, strict=True)) if at == 0 or size <= most_bytes]


def _json_lines(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    return [json.dumps({name: row[name] for name in fields}, separators=(",", ":")) for row in rows]


def _csv_lines(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    return [_csv_line([row[name] for name in fields]) for row in rows]


def _csv_line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(values)
    return line.getvalue()
