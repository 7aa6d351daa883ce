"""The pace of the requests to one service, over all threads that share a Pace: given, or learned from its refusals (429).

No HTTP and no service's plan is known here. transport.py waits here before each request and reports what became of it.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_MINUTE: Final = 60.0
_LEAST_WINDOW: Final = 61.0  # a second more than a minute: requests do not travel equally fast
_FASTEST: Final = 320.0
_SLOWER_AFTER: Final = 15.0
_FASTER_AFTER: Final = 10.0
_PAUSES: Final = (1, 2, 4, 8, 30)
_FIRST_PAUSE: Final = 2.0
_log = logging.getLogger(__name__)


class Pace:
    """The turns of the requests to one service. Thread-safe: requests go in the order in which they came to wait.

    A given pace is a window: any `seconds` hold at most `most` requests. A learned one (`most` is None) is unlimited until the
    first 429. From then on requests are spaced evenly, and the pace

    - halves, from half of 320 a minute on, with a 429 to a request that was sent 15 s or more after the last time it halved:
      what was sent earlier belongs to the same burst;
    - stays at or above half of the most successes that any minute has held;
    - doubles with a success that was sent 10 s or more after the last pause and the last doubling (60 s while no minute has
      held more than twice `learned`), and is unlimited again above 320 a minute;
    - is concluded to be `learned` requests a minute, for good, when it would halve below that.

    After a 429 no request goes for as long as the service says, else for 2, 4, 8, 16, 60 s by the attempts of the refused
    request: its sixth attempt comes after any window of a minute. (Half of that for services that count by the second.)

    Args:
        most: Requests that any `seconds` may hold; None: learned.
        seconds: Length of that window.
        learned: Requests a minute that a service is taken to allow at least (Polygon's free plan: 5).
        what: The service, as the log calls it.
        clock: Monotonic seconds.
        sleep: Waits so many seconds; by default until stop().
    """

    def __init__(
        self,
        most: int | None,
        *,
        seconds: float = _MINUTE,
        learned: int = 5,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._most = most
        self._seconds = _LEAST_WINDOW if most is None else seconds
        self._least = learned
        self._what = what
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._line = threading.Lock()  # held by the thread whose turn is next
        self._lock = threading.Lock()
        self._turns: deque[float] = deque()
        self._successes: deque[float] = deque()
        self._most_successes = 0
        self._a_minute = math.inf
        self._not_before = self._slowed = self._quickened = -math.inf

    def wait(self) -> float:
        """Block until the next request may go.

        Returns:
            The moment at which it goes, for served() or refused().
        """
        with self._line:
            while (seconds := self._take_turn()) > 0:
                if seconds >= 1:
                    _log.info("%s: the next request waits %.0f s (%s)", self._what, seconds, self._allowed())
                self._sleep(seconds)
        return self._clock()

    def served(self, sent: float) -> None:
        """Learn from a success.

        Args:
            sent: What wait() gave before the request.
        """
        with self._lock:
            if self._most is None:
                self._count_success(self._clock())
                quiet = _FASTER_AFTER if self._most_successes > 2 * self._least else _MINUTE
                if self._a_minute < math.inf and sent >= max(self._not_before, self._quickened) + quiet:
                    self._quicken()

    def refused(self, sent: float, *, attempt: int, pause: float | None = None) -> None:
        """Learn from a 429: no request goes for a while, and a learned pace may halve.

        Args:
            sent: What wait() gave before the request.
            attempt: Number of the request's attempt, from 1.
            pause: Seconds for which the service wants no request (Retry-After), where it says so.
        """
        with self._lock:
            now = self._clock()
            if pause is None:
                pause = min(_FIRST_PAUSE, self._seconds) * _PAUSES[min(attempt, len(_PAUSES)) - 1]
            self._not_before = max(self._not_before, now + pause)
            if self._most is None and sent >= self._slowed + _SLOWER_AFTER:
                self._slow_down(now)

    def stop(self) -> None:
        """Let every waiting thread go: the run is over."""
        self._stopped.set()

    def _take_turn(self) -> float:
        """Note a turn at this moment and give 0, or give the seconds until there is one."""
        with self._lock:
            now = self._clock()
            while self._turns and self._turns[0] <= now - self._seconds:
                self._turns.popleft()
            turn = self._next_turn(now)
            if turn > now and not self._stopped.is_set():
                return turn - now
            self._turns.append(now)
            return 0.0

    def _next_turn(self, now: float) -> float:
        turn = max(now, self._not_before)
        if self._most is not None and len(self._turns) >= self._most:
            turn = max(turn, self._turns[-self._most] + self._seconds)
        if self._most is None and self._turns:
            turn = max(turn, self._turns[-1] + _MINUTE / self._a_minute)
        return turn

    def _count_success(self, now: float) -> None:
        self._successes.append(now)
        while self._successes[0] <= now - _MINUTE:
            self._successes.popleft()
        self._most_successes = max(self._most_successes, len(self._successes))

    def _quicken(self) -> None:
        doubled = 2 * self._a_minute
        self._a_minute = doubled if doubled <= _FASTEST else math.inf
        self._quickened = self._clock()
        _log.info("%s answers again: %s from now on", self._what, self._allowed())

    def _slow_down(self, now: float) -> None:
        slower = max(min(self._a_minute, _FASTEST), self._most_successes) / 2
        if slower <= self._least:
            self._most, self._a_minute = self._least, math.inf
            _log.info("%s limits its requests: %d a minute for the rest of this run", self._what, self._least)
            return
        self._a_minute, self._slowed = slower, now
        _log.info("%s refuses requests (429): %s from now on", self._what, self._allowed())

    def _allowed(self) -> str:
        if self._most is not None:
            return f"{self._most} requests in {self._seconds:.0f} s"
        return "as many requests as wanted" if self._a_minute == math.inf else f"{self._a_minute:.0f} requests a minute"
