"""One HTTP request and one answer of the sample market's server, as plain values.

No sockets and no services; market_server.py reads and writes them, the services answer the one with the other.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

JSON: Final = "application/json"


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: GET, POST, ...
        target: Path and query as they came.
        headers: By lower-case name.
        body: Whole body.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, as it came."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of equal names counts."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def header(self, name: str) -> str:
        """The header `name` (lower case), or an empty text."""
        return self.headers.get(name, "")

    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer`, if that is what came."""
        scheme, _, token = self.header("authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` come on top of content type and length."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer whose body is `value` as JSON."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode(), headers=headers or {})
