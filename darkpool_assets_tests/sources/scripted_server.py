"""A small HTTP server on the loopback that answers by script, also as no honest server would.

    with ScriptedServer() as server:
        server.on("/data", reply(status=503), json_reply([{"a": 1}]))
        ...                     # asks server.url + "/data"
        server.asked("/data")   # what arrived there

Each path gives its replies in turn and the last one for ever; a reply may be a function of what was asked. Replies are
written to the socket as they are, so that lengths may lie, bodies may trickle and connections may break.
"""

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Asked:
    """One request that arrived: `target` is path and query, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """Bytes for the socket, `pause` seconds apart; without a keep-alive or after a `reset` the connection ends."""

    pieces: Iterable[bytes]
    pause: float = 0.0
    keep_alive: bool = False
    reset: bool = False


Step = Reply | Callable[[Asked], Reply]


def head(status: int = 200, **headers: Any) -> bytes:
    """Status line and headers; an underscore in a name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def reply(body: bytes | str = b"", *, status: int = 200, delay: float = 0.0, **headers: Any) -> Reply:
    """An honest answer, after `delay` seconds."""
    data = body.encode() if isinstance(body, str) else body
    length = {} if status == 204 else {"Content_Length": len(data)}
    whole = head(status, **length, **headers) + data
    return Reply([b"", whole] if delay else [whole], pause=delay, keep_alive=True)


def json_reply(document: object, *, status: int = 200, **headers: Any) -> Reply:
    """An honest JSON answer."""
    return reply(json.dumps(document), status=status, Content_Type="application/json", **headers)


def error_page() -> Reply:
    """An HTML page with status 200, as gateways give."""
    return reply("<html><body>Please come back later</body></html>", Content_Type="text/html")


def redirect(to: str, *, status: int = 302) -> Reply:
    """An answer that leads elsewhere."""
    return reply(status=status, Location=to)


def cut_off(body: bytes, *, kept: int, **headers: Any) -> Reply:
    """An answer that announces `body` and ends after `kept` bytes of it."""
    return Reply([head(200, Content_Length=len(body), **headers) + body[:kept]])


def until_closed(body: bytes, **headers: Any) -> Reply:
    """An answer without a length: its end is that of the connection."""
    return Reply([head(200, Connection="close", **headers) + body])


def gzipped(data: bytes, **headers: Any) -> Reply:
    """An honest compressed answer."""
    return reply(gzip.compress(data, 1), Content_Encoding="gzip", **headers)


def gzip_bomb(size: int) -> Reply:
    """About a thousandth of `size` bytes, which decode to `size` zeros."""
    return reply(gzip.compress(bytes(size), 9), Content_Encoding="gzip", Content_Type="application/json")


def dripping_body(*, every: float, pieces: int = 10_000) -> Reply:
    """An answer whose body comes a byte at a time."""
    return Reply([head(200, Content_Length=pieces), *[b" "] * pieces], pause=every)


def dripping_headers(*, every: float, pieces: int = 10_000) -> Reply:
    """An answer whose headers come a byte at a time."""
    return Reply([b"HTTP/1.1 200 OK\r\nX-Drip: ", *[b"x"] * pieces], pause=every)


def connection_reset(sent: bytes = b"") -> Reply:
    """`sent`, then a TCP reset."""
    return Reply([sent], reset=True)


@dataclass
class _Script:
    steps: list[Step]
    taken: int = 0

    def next(self) -> Step:
        step = self.steps[min(self.taken, len(self.steps) - 1)]
        self.taken += 1
        return step


@dataclass
class _Book:
    scripts: dict[str, _Script] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            script = self.scripts.get(asked.path)
            step = script.next() if script else reply(f"no script for {asked.path}", status=404)
        return step if isinstance(step, Reply) else step(asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, book: _Book) -> None:
        self.book = book
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # type: ignore[assignment]
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.book.answer(Asked(self.command, self.path, headers, body))
        self.close_connection = not answer.keep_alive
        for number, piece in enumerate(answer.pieces):
            if number and answer.pause and self.server.book.stopped.wait(answer.pause):
                return
            self.wfile.write(piece)
            self.wfile.flush()
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.connection.close()

    do_GET = do_POST = do_CONNECT = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class ScriptedServer:
    """The server; a context manager. With `tls` it speaks https."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._book = _Book()
        self._server = _Server(self._book)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def on(self, path: str, *steps: Step) -> str:
        """Script `path` anew; gives its address."""
        with self._book.lock:
            self._book.scripts[path] = _Script(list(steps))
        return f"{self.url}{path}"

    def asked(self, path: str | None = None) -> list[Asked]:
        """What arrived so far, in order: at `path`, or anywhere."""
        with self._book.lock:
            return [asked for asked in self._book.asked if path is None or asked.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._book.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
