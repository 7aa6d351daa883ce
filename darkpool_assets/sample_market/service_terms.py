"""What a caller of the sample market's server has been sold: plans, keys, rates, and how the services spell their answers.

Only choices live here, no sockets and no rows. The services read them at every request, so that a test may change them while the
server runs. Keys are invented and say so.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SAMPLE_POLYGON_KEY: Final = "SAMPLE-POLYGON-KEY-NOT-REAL"
SAMPLE_FINRA_CREDENTIALS: Final = ("SAMPLE-FINRA-KEY-NOT-REAL", "SAMPLE-FINRA-SECRET-NOT-REAL")
_FREE_REQUESTS_PER_MINUTE: Final = 5


class Plan(StrEnum):
    """What the Polygon key may ask for; aggregates are in every plan."""

    FREE = "free"
    TRADES = "trades"
    TRADES_AND_QUOTES = "trades+quotes"

    @property
    def requests_per_minute(self) -> int | None:
        """Most requests a minute; None: as many as wanted."""
        return _FREE_REQUESTS_PER_MINUTE if self is Plan.FREE else None

    def includes(self, endpoint: str) -> bool:
        """Whether the plan has the ticks of `endpoint`: trades or quotes."""
        return self is Plan.TRADES_AND_QUOTES or (self is Plan.TRADES and endpoint == "trades")


class EmptyAnswer(StrEnum):
    """How the Query API says that no row matches."""

    NO_CONTENT = "204"
    EMPTY_LIST = "[]"
    EMPTY_BODY = "200 without a body"


@dataclass(frozen=True)
class Terms:
    """How the services treat their callers.

    Attributes:
        requests_per_minute: Polygon's limit; None: the plan's.
        says_retry_after: Whether a 429 carries Retry-After (seconds).
        largest_page: Most rows of a Polygon page, whatever `limit` asks for: small markets get more pages by it.
        finra_requests_per_second: The Query API's limit; None: no limit.
        finra_credentials: The key and secret that FINRA knows; None: nobody has an account.
        answers_public: Whether the Query API answers requests without Authorization; always so without an account.
        token_seconds: How long an access token is accepted, and what expires_in says.
        empty_answer: How the Query API says that no row matches.
        payload_bytes: Most bytes of a Query API page.
        compresses: Whether answers are gzipped for callers that accept it.
        clock: Seconds of the rate limits and of token expiry; has nothing to do with the server's `now`.
    """

    requests_per_minute: int | None = None
    says_retry_after: bool = True
    largest_page: int = 50_000
    finra_requests_per_second: int | None = 20
    finra_credentials: tuple[str, str] | None = SAMPLE_FINRA_CREDENTIALS
    answers_public: bool = False
    token_seconds: int = 43_100
    empty_answer: EmptyAnswer = EmptyAnswer.NO_CONTENT
    payload_bytes: int = 3_000_000
    compresses: bool = True
    clock: Callable[[], float] = time.monotonic


class RequestRate:
    """The requests of one service within its last `seconds`; those it refused do not count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self, allowed: int | None, now: float) -> float:
        """Seconds to wait, 0.0 where the request may go and was counted; `allowed` None is no limit."""
        with self._lock:
            while self._taken and self._taken[0] <= now - self._seconds:
                self._taken.popleft()
            if allowed is not None and len(self._taken) >= allowed:
                return self._taken[-allowed] + self._seconds - now
            self._taken.append(now)
            return 0.0
