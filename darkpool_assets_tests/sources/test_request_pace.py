"""Turns of requests, on a clock that moves only when somebody sleeps."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from darkpool_assets.sources.request_pace import Pace


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _pace(per_minute: int | None) -> tuple[Pace, _Clock]:
    clock = _Clock()
    return Pace(per_minute, what="Polygon", clock=lambda: clock.now, sleep=clock.sleep), clock


def test_no_minute_holds_more_requests_than_allowed():
    pace, clock = _pace(3)
    times = []
    for _ in range(10):
        pace.wait()
        times.append(clock.now)
        clock.now += 1
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[3:], strict=False))
    assert times[3] == 1060


def _ask(pace: Pace, clock: _Clock, requests: int, *, every: float = 0.0) -> None:
    for _ in range(requests):
        pace.wait()
        clock.now += every


def test_the_free_plan_is_learned_from_the_first_request_too_many(caplog):
    caplog.set_level(logging.INFO)
    pace, clock = _pace(None)
    _ask(pace, clock, 6)
    assert clock.slept == []
    pace.slow_down()
    _ask(pace, clock, 6)
    assert clock.slept == [60, 60]
    assert "Polygon limits its requests: 5 in 60 s from now on" in caplog.text
    assert "Polygon allows 5 requests in 60 s: waiting 60 s" in caplog.text


def test_one_rate_limit_of_a_fast_plan_does_not_slow_it_to_the_free_one():
    pace, clock = _pace(None)
    _ask(pace, clock, 400, every=0.2)  # 80 s: the last minute holds 300
    pace.slow_down(1)
    _ask(pace, clock, 600, every=0.2)
    assert clock.slept[0] == 1
    assert sum(clock.slept) < 10


def test_only_the_last_minute_tells_what_was_too_much():
    pace, clock = _pace(None)
    _ask(pace, clock, 50)
    clock.now += 61
    pace.slow_down(0)
    _ask(pace, clock, 5)
    assert clock.slept == []
    _ask(pace, clock, 1)
    assert clock.slept == [60]


def test_a_burst_of_rate_limits_takes_one_off_each_and_ends_at_the_free_plan():
    pace, clock = _pace(None)
    _ask(pace, clock, 8)
    for _ in range(9):
        pace.slow_down()
    _ask(pace, clock, 6)
    assert clock.slept == [60, 60]


def test_a_given_pace_stays_as_it_was_given_after_a_rate_limit():
    pace, clock = _pace(7)
    _ask(pace, clock, 7)
    pace.slow_down()
    _ask(pace, clock, 7)
    assert clock.slept == [60]
    _ask(pace, clock, 1)
    assert clock.slept == [60, 60]


def test_a_known_pace_rests_as_long_as_the_service_says():
    pace, clock = _pace(100)
    pace.slow_down(7)
    pace.wait()
    assert clock.slept == [7]


def test_threads_take_turns_of_their_own():
    turns: list[float] = []
    pace = Pace(2, what="Polygon", clock=lambda: 1000.0, sleep=turns.append)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: pace.wait(), range(6)))
    assert sorted(turns) == [60, 60, 120, 120]


def test_a_stopped_pace_lets_those_who_wait_go():
    pace = Pace(1, what="Polygon")
    pace.wait()
    waiting = threading.Thread(target=pace.wait)
    started = time.monotonic()
    waiting.start()
    pace.stop()
    waiting.join(timeout=5)
    assert time.monotonic() - started < 5
