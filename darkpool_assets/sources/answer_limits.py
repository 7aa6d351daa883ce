"""The limits of one answer: a deadline over all of its bytes, and a cap on what they decode to.

A client's own timeouts watch single operations of a socket, so that an answer which trickles a byte at a time never ends;
here each operation gets what is left until the deadline. Nothing is known of retries or services: see transport.py.
"""

import io
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from darkpool_assets.sources.errors import OversizedSource

_PIECE_BYTES: Final = 1 << 20
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class Limits:
    """The limits of one answer and of its retries.

    Attributes:
        deadline: Seconds for one answer, whatever trickles; each attempt has its own.
        max_bytes: Decoded bytes of one answer, counted while they stream.
        connect_timeout: Seconds for a connection.
        read_timeout: Seconds without a byte in either direction.
        pool_timeout: Seconds to wait for one of the client's connections.
        retries: Attempts after the first one.
        late_retries: How many of them an answer may take that was not whole within its deadline.
        wait_initial: Seconds before the first retry; doubled each time, with jitter.
        wait_max: Longest such wait.
        retry_after_max: Longest wait that a Retry-After header can ask for.
    """

    deadline: float = 120.0
    max_bytes: int = 256 << 20
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    pool_timeout: float = 60.0
    retries: int = 5
    late_retries: int = 1
    wait_initial: float = 0.5
    wait_max: float = 30.0
    retry_after_max: float = 120.0


DEFAULT_LIMITS: Final = Limits()
PROBE_LIMITS: Final = Limits(deadline=10.0, connect_timeout=3.0, read_timeout=10.0, pool_timeout=10.0, retries=0)
"""For one look whether something is out, by a caller that will look again."""


class BrokenTransferError(Exception):
    """A body that ends early or is not encoded as its headers say."""


class Deadlines(httpcore.NetworkBackend):
    """The network of one client; what a thread does in `within` ends when its seconds are over."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()
        self._thread = threading.local()

    def watch(self, client: httpx.Client) -> None:
        """Put every connection of `client`, also those through proxies, under the deadlines."""
        # httpx has no public way to hand over a network backend.
        for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
            if isinstance(transport, httpx.HTTPTransport):
                transport._pool._network_backend = self  # noqa: SLF001

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give the calling thread `seconds` for all it does on the network in this block."""
        self._thread.end = time.monotonic() + seconds
        try:
            yield
        finally:
            self._thread.end = None

    def is_over(self) -> bool:
        """Whether the calling thread's seconds are spent."""
        end = getattr(self._thread, "end", None)
        return end is not None and time.monotonic() >= end

    def left(self, timeout: float | None) -> float | None:
        """`timeout`, or what is left until the calling thread's deadline where that is less.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        end = getattr(self._thread, "end", None)
        if end is None:
            return timeout
        seconds = end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the deadline is over")
        return seconds if timeout is None else min(timeout, seconds)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """A connection whose reads and writes keep to the deadlines too."""
        stream = self._network.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        return _WatchedStream(stream, self)


class _WatchedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadlines: Deadlines) -> None:
        self._stream = stream
        self._deadlines = deadlines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadlines.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadlines.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadlines.left(timeout))
        return _WatchedStream(stream, self._deadlines)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def read_body(response: httpx.Response, *, max_bytes: int, what: str) -> bytes:
    """The decoded body of a streamed response.

    Raises:
        OversizedSource: more than `max_bytes`; the rest is neither read nor decoded.
        BrokenTransferError: the encoding is another than asked for, damaged or cut off.
    """
    body = io.BytesIO()
    for piece in _decoded(response):
        if body.tell() + len(piece) > max_bytes:
            raise OversizedSource(what, "body", found=f"more than {max_bytes:,} bytes", allowed=f"up to {max_bytes:,} bytes")
        body.write(piece)
    return body.getvalue()


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return response.iter_raw()
    if encoding in {"gzip", "x-gzip"}:
        return _gunzipped(response.iter_raw())
    raise BrokenTransferError(f"content encoding {encoding}; gzip was asked for")


def _gunzipped(raw: Iterable[bytes]) -> Iterator[bytes]:
    # httpx decodes each chunk from the socket whole, 64 kB to as much as 64 MB; here a piece is bounded.
    decoder, is_inside = zlib.decompressobj(_GZIP_WINDOW), False
    try:
        for chunk in raw:
            rest = chunk
            while rest:
                yield decoder.decompress(rest, _PIECE_BYTES)
                rest, is_inside = decoder.unconsumed_tail, True
                if decoder.eof:
                    rest, decoder, is_inside = decoder.unused_data, zlib.decompressobj(_GZIP_WINDOW), False
        if is_inside:
            yield decoder.flush()
            is_inside = not decoder.eof
    except zlib.error as error:
        raise BrokenTransferError(f"damaged gzip content: {error}") from None
    if is_inside:
        raise BrokenTransferError("gzip content that ends early")
