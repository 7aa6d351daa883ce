"""A service on the loopback interface that answers as Polygon does, from hand-made tapes; faults are put in by path.

Nothing of the product is used here, so that the two sides of the wire are not wrong together.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

NOT_ENTITLED = (403, {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data. Please upgrade your plan."})
OUT_OF_REACH = (403, {"status": "NOT_AUTHORIZED", "message": "Your plan doesn't include this data timeframe."})
UNKNOWN_KEY = (401, {"status": "ERROR", "error": "Unknown API Key"})
BUSY = (503, "<html>busy</html>")

Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request, as it arrived."""

    path: str
    query: dict[str, str]
    authorization: str | None


@dataclass
class PolygonService:
    """The service: ticker -> rows of its tape, in order of sip_timestamp, and of its minute bars.

    Attributes:
        trades: Rows of /v3/trades.
        quotes: Rows of /v3/quotes.
        bars: Rows of /v2/aggs by ticker; "" holds the whole market's.
        page_rows: Rows of one page, whatever limit is asked for.
        faults: Beginning of a path -> what is answered instead; None lets a request pass.
        asked: Every request so far.
    """

    trades: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    quotes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bars: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page_rows: int = 50_000
    faults: dict[str, Callable[[Asked], Reply | None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, path: str, *reply: Any) -> None:
        """Answer every request for `path` and what is below it with `reply`: status, body, headers."""
        self.faults[path] = lambda _asked: reply

    def paths(self, beginning: str = "/") -> list[str]:
        return [asked.path for asked in self.asked if asked.path.startswith(beginning)]

    def reply(self, asked: Asked) -> Reply:
        for path, fault in self.faults.items():
            if asked.path.startswith(path) and (reply := fault(asked)):
                return reply
        match asked.path.strip("/").split("/"):
            case ["v3", ("trades" | "quotes") as kind, ticker]:
                return self._page(getattr(self, kind).get(ticker, []), asked)
            case ["v2", "aggs", "ticker", ticker, "range", "1", "minute", _, _]:
                return self._bars(self.bars.get(ticker, []), asked, ticker=ticker)
            case ["v2", "aggs", "grouped", "locale", "us", "market", "stocks", _]:
                return self._bars(self.bars.get("", []), asked)
        return 404, {"status": "NOT_FOUND"}

    def _page(self, tape: list[dict[str, Any]], asked: Asked) -> Reply:
        question = dict(parse_qsl(asked.query["cursor"])) if "cursor" in asked.query else {"at": "0", **asked.query}
        first, last, at = (int(question[name]) for name in ("timestamp.gte", "timestamp.lt", "at"))
        rows = [row for row in tape if first <= row["sip_timestamp"] < last]
        page = rows[at : at + min(self.page_rows, int(question["limit"]))]
        body: dict[str, Any] = {"results": page, "status": "OK", "request_id": "a1"}
        if at + len(page) < len(rows):
            cursor = "&".join(f"{name}={value}" for name, value in {**question, "at": at + len(page)}.items())
            body["next_url"] = self.next_url(asked.path, cursor)
        return 200, body

    def next_url(self, path: str, cursor: str) -> str:
        return f"{self.url}{path}?cursor={cursor.replace('&', '%26').replace('=', '%3D')}"

    def _bars(self, rows: list[dict[str, Any]], asked: Asked, **other: str) -> Reply:
        counts = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": asked.query["adjusted"] != "false"}
        return 200, {**other, **counts, "status": "OK", "request_id": "a1", **({"results": rows} if rows else {})}


def _handler_of(service: PolygonService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(unquote(parts.path), dict(parse_qsl(parts.query)), self.headers["Authorization"])
            service.asked.append(asked)
            status, body, *headers = service.reply(asked)
            data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in (headers[0] if headers else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Nothing is printed."""

    return Handler
