"""Answers as the sample market's server falsifies them: refusals without asking the service, and true answers made wrong.

Pure functions from requests and answers to answers; server_faults.py says when, market_server.py sends them.
"""

import datetime as dt
import json
import re
import struct
import zlib
from dataclasses import replace
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from darkpool_assets.sample_market.http_messages import Answer, Request, json_answer
from darkpool_assets.sample_market.polygon_services import not_entitled, too_many_requests, unknown_key
from darkpool_assets.sample_market.server_faults import Fault, FaultKind

_BLOCK: Final = 10_000_000
_BLOCKS: Final = 21
BOMB_BYTES: Final = _BLOCK * _BLOCKS + 2
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
_HTML: Final = b"<!DOCTYPE html><html><head><title>Attention</title></head><body>Please stand by.</body></html>"
_ANY_SHAPE: Final = {"status": "OK", "results": {"rows": "none"}}
_VALUES: Final = re.compile(rb'("(?:price|bid_price|c|totalWeeklyShareQuantity|totalParQuantity)":)-?[0-9.]+')
_SIZES: Final = re.compile(rb'("(?:size|bid_size|v|totalWeeklyShareQuantity|totalParQuantity)":)-?[0-9.]+')
_TOTAL_OF_FIRST_LINE: Final = re.compile(rb"^((?:[^|\r\n]+\|){4})[0-9.]+(?=\|[^|\r\n]*\r\n)", re.MULTILINE)
_NANOSECONDS: Final = re.compile(rb'("(?:sip|participant|trf)_timestamp":)([0-9]+)')
_MILLISECONDS: Final = re.compile(rb'("t":)([0-9]+)')
_ISO_WEEK_OR_DAY: Final = re.compile(rb'("(?:weekStartDate|summaryStartDate|tradeReportDate)":")([0-9-]{10})')
_FILE_DATE: Final = re.compile(rb"^()([0-9]{8})(?=\|)", re.MULTILINE)
_WEEK_SECONDS: Final = 7 * 86_400
_NUMBERS: Final = {
    FaultKind.NAN: (_VALUES, b"NaN"),
    FaultKind.INFINITE: (_VALUES, b"1e400"),
    FaultKind.NEGATIVE_SIZE: (_SIZES, b"-100"),
    FaultKind.ABSURD_SIZE: (_SIZES, b"1000000000000000"),
}


def refusal(fault: Fault, request: Request, server: str) -> Answer | None:
    """The answer that `fault` puts in place of the service's, None where the service is asked; `server` is its address."""
    waiting = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    answers = {
        FaultKind.UNAUTHORIZED: unknown_key,
        FaultKind.NOT_ENTITLED: not_entitled,
        FaultKind.BLOCKED: lambda: Answer(403, _HTML, "text/html"),
        FaultKind.TOO_MANY_REQUESTS: lambda: too_many_requests(fault.retry_after),
        FaultKind.SERVER_ERROR: lambda: json_answer(500, {"status": "ERROR", "error": "internal error"}),
        FaultKind.UNAVAILABLE: lambda: Answer(503, _HTML, "text/html", waiting),
        FaultKind.REDIRECT: lambda: Answer(302, headers={"Location": _elsewhere(fault, server) + request.target}),
        FaultKind.HTML_PAGE: lambda: Answer(200, _HTML, "text/html"),
        FaultKind.WRONG_SHAPE: lambda: json_answer(200, _ANY_SHAPE),
        FaultKind.GZIP_BOMB: lambda: Answer(200, gzip_bomb(), headers={"Content-Encoding": "gzip"}),
    }
    if fault.kind not in answers:
        return None
    answer = answers[fault.kind]()
    return answer if fault.has_body else replace(answer, body=b"")


def misread(fault: Fault, request: Request) -> Request:
    """The request as the service takes it: IGNORED_FILTERS drops its filters, so that the first rows of the alphabet come."""
    if fault.kind is not FaultKind.IGNORED_FILTERS or request.method != "POST":
        return request
    asked = json.loads(request.body)
    kept = {name: value for name, value in asked.items() if not name.endswith("Filters")}
    return replace(request, body=json.dumps({**kept, "orFilters": ["ignored"]}).encode())


def falsified(fault: Fault, request: Request, answer: Answer, *, previous: bytes, server: str) -> Answer:
    """`answer` made wrong in the way of `fault`, if it has rows; `previous` is the body of the path's answer before."""
    body, headers = answer.body, answer.headers
    if answer.status != 200 or not body:
        return answer
    match fault.kind:
        case FaultKind.CUT_JSON:
            body = body[: len(body) // 2]
        case FaultKind.NAN | FaultKind.INFINITE | FaultKind.NEGATIVE_SIZE | FaultKind.ABSURD_SIZE:
            body = _with_number(body, *_NUMBERS[fault.kind])
        case FaultKind.ANOTHER_DAY:
            body = _a_week_earlier(body)
        case FaultKind.REPEATED_PAGE:
            body = _with_rows_of(body, previous)
        case FaultKind.NEXT_URL_LOOP:
            body = _with_next_url(body, server + request.target)
        case FaultKind.FOREIGN_NEXT_URL:
            body = _with_next_url(body, _abroad(body, fault, request, server))
        case FaultKind.WRONG_TRAILER:
            body = _with_other_trailer(body)
        case FaultKind.TOTAL_TOO_HIGH | FaultKind.TOTAL_TOO_LOW:
            step = 7 if fault.kind is FaultKind.TOTAL_TOO_HIGH else -1
            headers = {**headers, "record-total": str(int(headers.get("record-total", "0")) + step)}
    return replace(answer, body=body, headers=headers)


@cache
def gzip_bomb() -> bytes:
    """About 204 kB of gzip that unpack to 210 MB of a JSON array without a row: one packed block of blanks, many times over."""
    packer, blanks = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), b" " * _BLOCK
    opening = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    closing = packer.compress(b"]") + packer.flush()
    check = zlib.crc32(b"[")
    for _ in range(_BLOCKS):
        check = zlib.crc32(blanks, check)
    trailer = struct.pack("<LL", zlib.crc32(b"]", check), BOMB_BYTES)
    return _GZIP_HEADER + opening + block * _BLOCKS + closing + trailer


def _elsewhere(fault: Fault, server: str) -> str:
    """The fault's address; else this server by another name."""
    return fault.address or f"http://localhost:{urlsplit(server).port}"


def _abroad(body: bytes, fault: Fault, request: Request, server: str) -> str:
    """The page's own next_url, or the request's address where it has none, on another host."""
    parts = urlsplit(json.loads(body).get("next_url", request.target))
    return f"{_elsewhere(fault, server)}{parts.path}?{parts.query}"


def _with_number(body: bytes, fields: re.Pattern[bytes], number: bytes) -> bytes:
    """The first of `fields` in JSON, or the first total of a short file, becomes `number`."""
    pattern = fields if body[:1] in b"[{" else _TOTAL_OF_FIRST_LINE
    return pattern.sub(lambda found: found[1] + number, body, count=1)


def _a_week_earlier(body: bytes) -> bytes:
    body = _NANOSECONDS.sub(lambda found: b"%b%d" % (found[1], int(found[2]) - _WEEK_SECONDS * 1_000_000_000), body)
    body = _MILLISECONDS.sub(lambda found: b"%b%d" % (found[1], int(found[2]) - _WEEK_SECONDS * 1000), body)
    for pattern in (_ISO_WEEK_OR_DAY, _FILE_DATE):
        body = pattern.sub(lambda found: found[1] + _earlier(found[2].decode()), body)
    return body


def _earlier(date: str) -> bytes:
    """An ISO or compact date a week earlier, in the same form."""
    earlier = dt.date.fromisoformat(date) - dt.timedelta(days=7)
    return f"{earlier:%Y-%m-%d}".encode() if "-" in date else f"{earlier:%Y%m%d}".encode()


def _with_rows_of(body: bytes, previous: bytes) -> bytes:
    """The page `body` with the rows of `previous`; a Query API page is nothing but rows."""
    page: Any = json.loads(body)
    if isinstance(page, list):
        return previous
    return json.dumps({**page, "results": json.loads(previous)["results"]}).encode()


def _with_next_url(body: bytes, address: str) -> bytes:
    return json.dumps({**json.loads(body), "next_url": address}).encode()


def _with_other_trailer(body: bytes) -> bytes:
    rows, _, count = body.rstrip().rpartition(b"\r\n")
    return b"%b\r\n%d\r\n" % (rows, int(count) + 1)
