"""HTTP/1.1 over local sockets for the sample market's server: connections, threads, and answers sent whole or badly.

What is answered is a Responder's; nothing is decided here but how bytes go out. market_server.py owns the one instance.
"""

import contextlib
import socket
import threading
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol, cast

from isal import igzip

from darkpool_assets.sample_market.http_messages import Answer, Request
from darkpool_assets.sample_market.server_faults import Fault, FaultKind

_POLL_SECONDS: Final = 0.01
_WORTH_PACKING: Final = 1024
_FASTEST: Final = 1


@dataclass(frozen=True)
class Response:
    """An answer and how it is sent.

    Attributes:
        answer: What goes out.
        transfer: The fault of its transfer, if any.
        may_pack: Whether it may be gzipped for a caller that accepts it.
    """

    answer: Answer
    transfer: Fault | None = None
    may_pack: bool = True


class Responder(Protocol):
    """Whoever answers requests, asked by several threads at once."""

    def respond(self, request: Request) -> Response:
        """The answer to `request`, and how to send it."""
        ...


class MarketSockets(ThreadingHTTPServer):
    """A free port of 127.0.0.1, a thread per connection; stopping ends every connection and waits for its thread."""

    daemon_threads = False

    def __init__(self, responder: Responder) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.responder = responder
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="sample market server")

    def start(self) -> None:
        """Accept connections."""
        self._acceptor.start()

    def stop(self) -> None:
        """Accept no more, end what is open, and return when every thread has ended."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._acceptor.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, and give it a thread."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection, and close it."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        """Bind without asking a name server who this machine is."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", int(self.socket.getsockname()[1])


class _Connection(BaseHTTPRequestHandler):
    """One connection, kept alive over its requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Serve until the caller leaves; one that leaves in the middle of an answer is nobody's fault."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: MarketServer.requests is the log."""

    def _serve(self) -> None:
        sockets = cast("MarketSockets", self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        request = Request(self.command, self.path, headers, body)
        response = sockets.responder.respond(request)
        may_pack = response.may_pack and "gzip" in request.header("accept-encoding")
        self._send(_packed(response.answer) if may_pack else response.answer, response.transfer, sockets.stopping)

    do_GET = do_POST = _serve  # noqa: N815 - the names that the base class looks for

    def _send(self, answer: Answer, transfer: Fault | None, stopping: threading.Event) -> None:
        self.close_connection = self.close_connection or transfer is not None
        match transfer.kind if transfer else None:
            case FaultKind.SILENCE:
                self.connection.recv(1)
            case FaultKind.DROPPED:
                pass
            case FaultKind.TRUNCATED_BODY:
                self._send_head(answer)
                self.wfile.write(answer.body[: len(answer.body) // 2])
            case FaultKind.SLOW_DRIP if transfer:
                self._send_head(answer)
                for at in range(len(answer.body)):
                    self.wfile.write(answer.body[at : at + 1])
                    if stopping.wait(transfer.seconds):
                        break
            case _:
                self._send_head(answer)
                self.wfile.write(answer.body)

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()


def _packed(answer: Answer) -> Answer:
    """`answer` gzipped, where that is worth it and not yet done."""
    if len(answer.body) < _WORTH_PACKING or "Content-Encoding" in answer.headers:
        return answer
    body = igzip.compress(answer.body, _FASTEST, mtime=0)
    return replace(answer, body=body, headers={**answer.headers, "Content-Encoding": "gzip"})
