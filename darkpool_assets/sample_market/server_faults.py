"""The faults of RELIABILITY that the sample market's server can be told to show, and on which requests.

Only what and when: a fault names its path, how many matching requests pass before it and how many it hits. broken_answers.py
makes the answers, market_server.py the broken transfers.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from darkpool_assets.sample_market.http_messages import Request


class FaultKind(StrEnum):
    """What goes wrong with one answer."""

    # Another answer than the service's
    UNAUTHORIZED = auto()  # 401
    NOT_ENTITLED = auto()  # 403 of a plan
    BLOCKED = auto()  # 403 of something in between: an HTML page
    TOO_MANY_REQUESTS = auto()  # 429; retry_after, or none
    SERVER_ERROR = auto()  # 500
    UNAVAILABLE = auto()  # 503; retry_after, or none
    REDIRECT = auto()  # 302 to `address`
    HTML_PAGE = auto()  # 200 with an HTML page
    WRONG_SHAPE = auto()  # 200 with JSON of another shape
    GZIP_BOMB = auto()  # 204 kB that unpack to 210 MB

    # The service's answer, falsified
    CUT_JSON = auto()  # whole by its length, but half the text
    NAN = auto()  # the first row's price or volume
    INFINITE = auto()  # 1e400 there
    NEGATIVE_SIZE = auto()  # -100 shares in the first row
    ABSURD_SIZE = auto()  # 10**15 shares there
    ANOTHER_DAY = auto()  # every date a week too early
    REPEATED_PAGE = auto()  # the rows of the answer before; lead in with after=1
    NEXT_URL_LOOP = auto()  # next_url is the request's own address
    FOREIGN_NEXT_URL = auto()  # next_url on `address`
    TOTAL_TOO_HIGH = auto()  # record-total above the rows that there are
    TOTAL_TOO_LOW = auto()
    WRONG_TRAILER = auto()  # a short file's row count
    IGNORED_FILTERS = auto()  # the Query API answers the first rows of all

    # The service's answer, badly sent
    SILENCE = auto()  # no byte until the caller leaves
    DROPPED = auto()  # the connection is closed instead
    TRUNCATED_BODY = auto()  # closed after half the body
    SLOW_DRIP = auto()  # a byte each `seconds`


UNANSWERED_FAULTS: Final = frozenset({FaultKind.SILENCE, FaultKind.DROPPED})
TRANSFER_FAULTS: Final = UNANSWERED_FAULTS | {FaultKind.TRUNCATED_BODY, FaultKind.SLOW_DRIP}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        path: The path it hits, or a folder of paths: /v3/trades/SPY, /v3/trades, /equity/regsho/daily, ...
        kind: What goes wrong.
        times: How many requests it hits; None: all.
        after: How many matching requests pass first.
        containing: Only requests whose address or body contains this text.
        retry_after: Retry-After of a 429 or 503: seconds or an HTTP date; None: no such header.
        has_body: Whether a refusal has its body.
        address: Scheme, host and port of REDIRECT and FOREIGN_NEXT_URL; None: this server by the name localhost, whose
            requests are in the log.
        seconds: Between two bytes of SLOW_DRIP.
    """

    path: str
    kind: FaultKind
    times: int | None = 1
    after: int = 0
    containing: str = ""
    retry_after: str | None = None
    has_body: bool = True
    address: str | None = None
    seconds: float = 0.05

    def matches(self, request: Request) -> bool:
        """Whether `request` is one that this fault may hit."""
        path = self.path.rstrip("/")
        is_below = request.path == path or request.path.startswith(f"{path}/")
        return is_below and (self.containing in request.target or self.containing.encode() in request.body)


class FaultBook:
    """The faults in force, counted down as they hit; changed at any time, by any thread."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._bodies: dict[str, bytes] = {}
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Put `faults` in force, after those that are."""
        with self._lock:
            self._entries += [_Entry(fault, fault.after, fault.times) for fault in faults]

    def clear(self) -> None:
        """Take every fault back."""
        with self._lock:
            self._entries.clear()
            self._bodies.clear()

    def hit(self, request: Request) -> Fault | None:
        """The fault that `request` meets, the first in force; every matching one counts it."""
        with self._lock:
            due = [entry for entry in self._entries if entry.fault.matches(request) and entry.is_due()]
            if not due:
                return None
            due[0].spend()
            return due[0].fault

    def remember(self, request: Request, body: bytes) -> None:
        """Keep `body` as the last one of its path, if a REPEATED_PAGE in force may need it."""
        with self._lock:
            if any(entry.fault.kind is FaultKind.REPEATED_PAGE and entry.fault.matches(request) for entry in self._entries):
                self._bodies[request.path] = body

    def remembered(self, request: Request) -> bytes | None:
        """The last body of the request's path, if one was kept."""
        with self._lock:
            return self._bodies.get(request.path)


@dataclass
class _Entry:
    """A fault in force: how many matching requests pass it by, and how many it still hits."""

    fault: Fault
    passing: int
    left: int | None

    def is_due(self) -> bool:
        """Whether the fault hits this matching request; a request that it lets pass is counted."""
        if self.passing > 0:
            self.passing -= 1
            return False
        return self.left is None or self.left > 0

    def spend(self) -> None:
        """Count a hit."""
        if self.left is not None:
            self.left -= 1
