"""How often one service may be asked: so many requests in any minute (or second), over all threads that share a Pace.

It knows no HTTP and no service's plan: transport.py waits here before each request and reports each 429.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_MINUTE: Final = 60.0
_log = logging.getLogger(__name__)


class Pace:
    """The next request's turn. Thread-safe: every thread takes a turn of its own, then waits for it.

    Args:
        most: Requests that any `seconds` may hold; None: as fast as asked until the first 429, which tells what was too much:
            from then on one less than the window before it held, and one less again with every further 429.
        seconds: Length of that window.
        learned: The least that is learned in this way (Polygon's free plan allows 5 a minute).
        what: The service, as the log calls it.
        clock: Monotonic seconds.
        sleep: Waits so many seconds; by default until stop().
    """

    def __init__(
        self, most: int | None, *, seconds: float = _MINUTE, learned: int = 5, what: str,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] | None = None,
    ) -> None:  # fmt: skip
        self._most = most
        self._is_learned = most is None
        self._seconds = seconds
        self._learned = learned
        self._what = what
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._lock = threading.Lock()
        self._turns: deque[float] = deque()
        self._not_before = float("-inf")

    def wait(self) -> None:
        """Block until the next request may go."""
        seconds = self._take_turn()
        if seconds >= 1:
            allowed = f"{self._most} requests in {self._seconds:.0f} s" if self._most else "no request right now"
            _log.info("%s allows %s: waiting %.0f s", self._what, allowed, seconds)
        if seconds > 0:
            self._sleep(seconds)

    def slow_down(self, seconds: float | None = None) -> None:
        """A 429 was answered: its window is full, whoever filled it.

        Args:
            seconds: For how long the service wants no request (Retry-After); a window's length where it does not say.
        """
        with self._lock:
            now = self._clock()
            if self._is_learned:
                self._learn(now)
            self._not_before = max(self._not_before, now + (self._seconds if seconds is None else seconds))

    def stop(self) -> None:
        """Let every waiting thread go: the run is over."""
        self._stopped.set()

    def _take_turn(self) -> float:
        with self._lock:
            now = self._clock()
            self._forget_before(now)
            turn = max(now, self._not_before)
            if self._most is not None and len(self._turns) >= self._most:
                turn = max(turn, self._turns[-self._most] + self._seconds)
            self._turns.append(turn)
            return turn - now

    def _learn(self, now: float) -> None:
        self._forget_before(now)
        refused = len(self._turns) if self._most is None else self._most
        most = max(self._learned, refused - 1)
        if most != self._most:
            _log.info("%s limits its requests: %d in %.0f s from now on", self._what, most, self._seconds)
        self._most = most

    def _forget_before(self, now: float) -> None:
        """Leave out the turns that no window from `now` on holds."""
        while self._turns and self._turns[0] <= now - self._seconds:
            self._turns.popleft()
