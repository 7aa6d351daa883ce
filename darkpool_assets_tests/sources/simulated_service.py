"""A service with a rate limit and the threads that ask it, on a clock of their own: hours of requests in a moment.

Nothing runs at the same time: what happens while a request waits for its turn happens inside the sleep of its Pace.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from darkpool_assets.sources.request_pace import Pace


class MovingClock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class FixedWindows:
    """A limit that starts anew with every window, `phase` seconds after the clock's full minutes; refusals do not count."""

    most: int
    seconds: float = 60.0
    phase: float = 0.0
    taken: dict[int, int] = field(default_factory=dict)

    def accepts(self, now: float) -> bool:
        number = int((now - self.phase) // self.seconds)
        is_free = self.taken.get(number, 0) < self.most
        self.taken[number] = self.taken.get(number, 0) + is_free
        return is_free


@dataclass
class Asking:
    """Threads that ask one request after the other, each up to six times, with the waits of the transport between attempts.

    Attributes:
        threads: How many of them ask at the same time.
        accepts: Whether the service answers a request that arrives at this second.
        latency: Shortest and longest seconds from a request to its answer.
        started: Second of the first request.
        attempts: Attempts that each finished request took.
        served: Seconds of the successes.
        refused: Seconds of the 429s.
        given_up: Requests that were refused six times.
    """

    threads: int
    accepts: Callable[[float], bool]
    latency: tuple[float, float] = (0.05, 0.5)
    seed: int = 0
    started: float = 1000.0
    attempts: list[int] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    given_up: int = 0

    def __post_init__(self) -> None:
        self._now = self.started
        self._random = random.Random(self.seed)
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._ready = [1] * self.threads  # the attempt that each waiting thread is at
        self.pace = Pace(None, what="Test", clock=lambda: self._now, sleep=self._sleep)

    def run(self, seconds: float) -> None:
        """Ask for so many seconds."""
        while self._now < self.started + seconds:
            if self._ready:
                attempt = self._ready.pop(0)
                self._send(attempt, self.pace.wait())
            else:
                self._sleep(self._events[0][0] - self._now)

    def _sleep(self, seconds: float) -> None:
        end = self._now + seconds
        while self._events and self._events[0][0] <= end:
            self._now, _, happen = heapq.heappop(self._events)
            happen()
        self._now = end

    def _after(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._order), happen))

    def _send(self, attempt: int, sent: float) -> None:
        way = self._random.uniform(*self.latency) / 2

        def arrive() -> None:
            answer = self._serve if self.accepts(self._now) else self._refuse
            self._after(way, lambda: answer(attempt, sent))

        self._after(way, arrive)

    def _serve(self, attempt: int, sent: float) -> None:
        self.pace.served(sent)
        self.served.append(self._now)
        self.attempts.append(attempt)
        self._ready.append(1)

    def _refuse(self, attempt: int, sent: float) -> None:
        self.pace.refused(sent, attempt=attempt)
        self.refused.append(self._now)
        if attempt == 6:
            self.given_up += 1
            self._ready.append(1)
        else:
            backoff = 0.5 * 2 ** (attempt - 1) + self._random.random()
            self._after(backoff, lambda: self._ready.append(attempt + 1))
