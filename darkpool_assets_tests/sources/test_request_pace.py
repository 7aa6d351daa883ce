"""Turns of requests, given and learned, on a clock that moves only when somebody sleeps."""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpool_assets.sources.request_pace import Pace
from darkpool_assets_tests.sources.simulated_service import MovingClock


def _pace(most: int | None, **options: float) -> tuple[Pace, MovingClock]:
    clock = MovingClock()
    return Pace(most, what="Polygon", clock=clock, sleep=clock.sleep, **options), clock  # type: ignore[arg-type]


def _times(pace: Pace, requests: int) -> list[float]:
    """The moments of so many requests, each asked for as soon as the one before went."""
    return [pace.wait() for _ in range(requests)]


def _gaps(pace: Pace, requests: int = 3) -> list[float]:
    times = _times(pace, requests + 1)
    return [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]


def _refuse(pace: Pace, clock: MovingClock, *, times: int = 1, every: float = 15.0) -> None:
    """So many refusals that count, with no pause."""
    for _ in range(times):
        pace.refused(pace.wait(), attempt=1, pause=0)
        clock.now += every


def _serve(pace: Pace, requests: int) -> None:
    for _ in range(requests):
        pace.served(pace.wait())


# A given pace


def test_no_minute_holds_more_requests_than_allowed():
    pace, clock = _pace(3)
    times = []
    for _ in range(10):
        times.append(pace.wait())
        clock.now += 1
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[3:], strict=False))
    assert times[3] == 1060


def test_a_given_pace_stays_as_it_was_given_after_a_rate_limit():
    pace, clock = _pace(7)
    sent = _times(pace, 7)
    pace.refused(sent[-1], attempt=1)
    assert _times(pace, 8) == [1060] * 7 + [1120]
    assert clock.slept == [60, 60]


def test_a_given_pace_rests_as_long_as_the_service_says():
    pace, clock = _pace(100)
    pace.refused(pace.wait(), attempt=1, pause=7)
    pace.wait()
    assert clock.slept == [7]


def test_threads_take_turns_of_their_own():
    pace, _clock = _pace(2)
    with ThreadPoolExecutor(4) as pool:
        times = list(pool.map(lambda _: pace.wait(), range(6)))
    assert sorted(times) == [1000, 1000, 1060, 1060, 1120, 1120]


# Pauses


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 60), (6, 60), (9, 60)])
def test_a_service_that_names_no_pause_is_left_alone_longer_with_each_attempt(attempt, seconds):
    pace, clock = _pace(None)
    pace.refused(pace.wait(), attempt=attempt)
    pace.wait()
    assert clock.slept == [seconds]


def test_six_attempts_outlast_a_minute():
    pace, _clock = _pace(None)
    times = []
    for attempt in range(1, 7):
        times.append(pace.wait())
        pace.refused(times[-1], attempt=attempt)
    assert times[-1] - times[0] > 60


def test_a_service_that_counts_by_the_second_is_left_alone_for_a_second_first():
    pace, clock = _pace(20, seconds=1)
    pace.refused(pace.wait(), attempt=1)
    pace.wait()
    assert clock.slept == [1]


def test_a_short_pause_does_not_end_a_longer_one():
    pace, _clock = _pace(None)
    sent = pace.wait()
    pace.refused(sent, attempt=1, pause=30)
    pace.refused(sent, attempt=1, pause=1)
    assert pace.wait() == 1030


def test_a_refusal_while_a_request_waits_makes_it_wait_again():
    clock = MovingClock()
    refusals = [30.0]

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if refusals:
            pace.refused(1000.0, attempt=1, pause=refusals.pop())

    pace = Pace(None, what="Polygon", clock=clock, sleep=sleep)
    pace.refused(pace.wait(), attempt=1, pause=5)
    assert pace.wait() == 1035


# A learned pace


def test_without_a_refusal_nobody_waits():
    pace, clock = _pace(None)
    _serve(pace, 1000)
    assert clock.slept == []


def test_the_first_refusal_spaces_the_requests_evenly():
    pace, clock = _pace(None)
    _refuse(pace, clock)
    assert _gaps(pace) == [60 / 160] * 3


def test_further_refusals_halve_the_pace():
    pace, clock = _pace(None)
    _refuse(pace, clock, times=3)
    assert _gaps(pace) == [60 / 40] * 3


def test_refusals_of_one_burst_halve_the_pace_once():
    pace, _clock = _pace(None)
    for sent in _times(pace, 20):
        pace.refused(sent, attempt=1, pause=0)
    assert _gaps(pace) == [60 / 160] * 3


def test_a_late_refusal_of_an_early_request_does_not_halve_the_pace_again():
    pace, clock = _pace(None)
    early = pace.wait()
    _refuse(pace, clock, every=40)
    pace.refused(early, attempt=1, pause=0)
    assert _gaps(pace) == [60 / 160] * 3


def test_refusals_within_fifteen_seconds_halve_the_pace_once():
    pace, clock = _pace(None)
    _refuse(pace, clock, times=3, every=7)
    assert _gaps(pace) == [60 / 160] * 3


def test_a_pace_recovers_within_two_minutes(caplog):
    caplog.set_level(logging.INFO)
    pace, clock = _pace(None)
    _refuse(pace, clock, times=4)
    started = clock.now
    while _gaps(pace, 1) != [0]:
        assert clock.now < started + 120
        _serve(pace, 1)
    assert "Polygon answers again: as many requests as wanted from now on" in caplog.text


def test_a_pace_doubles_ten_seconds_after_the_pause_where_a_minute_held_more_than_ten():
    pace, clock = _pace(None)
    _serve(pace, 11)
    _refuse(pace, clock, times=2, every=15)
    pace.refused(clock.now, attempt=1, pause=20)
    clock.now += 29
    _serve(pace, 1)
    assert _gaps(pace) == [60 / 40] * 3
    clock.now += 10
    _serve(pace, 1)
    assert _gaps(pace) == [60 / 80] * 3


def test_a_pace_doubles_a_minute_after_the_pause_where_no_minute_held_more_than_ten():
    pace, clock = _pace(None)
    _refuse(pace, clock, times=3, every=15)
    clock.now += 44
    _serve(pace, 1)
    assert _gaps(pace, 1) == [60 / 40]
    clock.now += 10
    _serve(pace, 1)
    assert _gaps(pace, 1) == [60 / 80]


def test_a_success_of_a_request_from_before_the_refusal_proves_no_recovery():
    pace, clock = _pace(None)
    early = pace.wait()
    _refuse(pace, clock, every=70)
    pace.served(early)
    assert _gaps(pace) == [60 / 160] * 3


def test_a_pace_stays_at_half_of_what_a_minute_has_held():
    pace, clock = _pace(None)
    _serve(pace, 80)
    _refuse(pace, clock, times=10)
    assert _gaps(pace) == [60 / 40] * 3


def test_only_what_one_minute_has_held_is_proved():
    pace, clock = _pace(None)
    _serve(pace, 25)
    clock.now += 60
    _serve(pace, 25)
    _refuse(pace, clock, times=10)
    assert _gaps(pace) == [60 / 12.5] * 3


# Five requests a minute


def test_refusals_at_every_slower_pace_conclude_five_a_minute(caplog):
    caplog.set_level(logging.INFO)
    pace, clock = _pace(None)
    _refuse(pace, clock, times=5)
    assert _gaps(pace) == [60 / 10] * 3
    _refuse(pace, clock, every=100)
    assert _gaps(pace, 6) == [0, 0, 0, 0, 61, 0]
    assert "Polygon limits its requests: 5 a minute for the rest of this run" in caplog.text


def test_a_concluded_pace_does_not_recover():
    pace, clock = _pace(None)
    _refuse(pace, clock, times=6)
    clock.now += 600
    _serve(pace, 50)
    assert max(_gaps(pace, 10)) == 61


def test_requests_before_the_conclusion_count():
    pace, clock = _pace(None)
    _refuse(pace, clock, times=5)
    sent = _times(pace, 5)
    pace.refused(sent[-1], attempt=1, pause=0)
    assert pace.wait() == sent[0] + 61


def test_five_a_minute_is_not_concluded_of_a_service_that_has_given_more():
    pace, clock = _pace(None)
    _serve(pace, 11)
    _refuse(pace, clock, times=20)
    assert _gaps(pace) == [round(60 / 5.5, 6)] * 3


@pytest.mark.parametrize("pause", [2, None])
def test_two_refusals_of_each_of_ten_requests_are_not_taken_for_the_free_plan(pause):
    pace, clock = _pace(None)
    for _ in range(10):
        for attempt in (1, 2):
            pace.refused(pace.wait(), attempt=attempt, pause=pause)
        _serve(pace, 4)
    assert clock.now - 1000 < 180
    assert _gaps(pace)[0] <= 60 / 20


# The end


def test_a_stopped_pace_lets_those_who_wait_go():
    pace = Pace(1, what="Polygon")
    pace.wait()
    waiting = [threading.Thread(target=pace.wait) for _ in range(3)]
    started = time.monotonic()
    for thread in waiting:
        thread.start()
    pace.stop()
    for thread in waiting:
        thread.join(timeout=5)
    assert time.monotonic() - started < 5


# Laws: for any sequence of answers

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "served", "refused", "time"]),
        st.integers(0, 20),  # which of the requests so far is answered
        st.integers(1, 6),
        st.none() | st.integers(0, 120),
        st.integers(0, 90),
    ),
    max_size=120,
)


def _play(pace: Pace, clock: MovingClock, steps: list, after_each: Callable[[], None]) -> list[float]:
    """Play any steps; gives when the requests went."""
    sent = [pace.wait()]
    for kind, back, attempt, pause, seconds in steps:
        if kind == "wait":
            sent.append(pace.wait())
        elif kind == "served":
            pace.served(sent[-1 - back % len(sent)])
        elif kind == "refused":
            pace.refused(sent[-1 - back % len(sent)], attempt=attempt, pause=pause)
        else:
            clock.now += seconds
        after_each()
    return sent


@given(steps=STEPS)
def test_a_learned_pace_stays_between_five_a_minute_and_unlimited(steps):
    pace, clock = _pace(None)

    def check() -> None:
        if pace._most is None:
            assert pace._a_minute > 5
        else:
            assert (pace._most, pace._seconds) == (5, 61)

    _play(pace, clock, steps, check)


@given(steps=STEPS, most=st.none() | st.integers(1, 20))
def test_no_request_goes_before_a_pause_is_over(steps, most):
    pace, clock = _pace(most)
    _play(pace, clock, steps, lambda: None)
    assert pace.wait() >= pace._not_before


@given(steps=STEPS, most=st.integers(1, 20))
def test_no_window_of_a_given_pace_holds_more_than_was_given(steps, most):
    pace, clock = _pace(most)
    sent = _play(pace, clock, steps, lambda: None)
    assert all(later - earlier >= 60 for earlier, later in zip(sent, sent[most:], strict=False))


@given(steps=STEPS)
def test_a_learned_pace_makes_no_request_wait_longer_than_the_pause_and_a_minute(steps):
    pace, clock = _pace(None)
    _play(pace, clock, steps, lambda: None)
    asked = clock.now
    assert pace.wait() <= max(asked, pace._not_before) + 61
