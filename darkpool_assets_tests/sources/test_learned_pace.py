"""What a learned pace makes of services with a limit: simulated threads, hours in a moment."""

import logging

import pytest

from darkpool_assets_tests.sources.simulated_service import Asking, FixedWindows

HALF_AN_HOUR = 1800.0
THREADS = [1, 2, 4]
PHASES = range(0, 60, 6)


def _asked(threads: int, most: int, phase: int, latency: tuple[float, float] = (0.05, 0.5)) -> Asking:
    asking = Asking(threads, FixedWindows(most, phase=phase).accepts, latency=latency, seed=phase)
    asking.run(HALF_AN_HOUR)
    return asking


@pytest.mark.parametrize("latency", [(0.05, 0.05), (0.05, 0.5), (1.0, 5.0)])
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("phase", PHASES)
def test_no_request_to_the_free_plan_needs_more_than_six_attempts(threads, phase, latency):
    assert _asked(threads, 5, phase, latency).given_up == 0


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_free_plan_is_learned_within_five_minutes_and_not_refused_again(threads, phase):
    asking = _asked(threads, 5, phase)
    assert max(asking.refused) - asking.started < 300


def test_the_free_plan_is_named_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    _asked(4, 5, 0)
    assert caplog.text.count("Test limits its requests: 5 a minute for the rest of this run") == 1


@pytest.mark.parametrize("threads", THREADS)
def test_the_free_plan_is_used_up(threads):
    served = _asked(threads, 5, 0).served
    assert len(served) >= 4.8 * HALF_AN_HOUR / 60


@pytest.mark.parametrize("most", [7, 12, 100])
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("phase", PHASES)
def test_no_request_to_a_better_plan_needs_more_than_six_attempts(threads, most, phase):
    assert _asked(threads, most, phase).given_up == 0


@pytest.mark.parametrize("most", [20, 100, 300])
@pytest.mark.parametrize("phase", PHASES)
def test_a_better_plan_is_used_and_not_taken_for_the_free_one(most, phase):
    assert len(_asked(4, most, phase).served) >= 0.9 * most * HALF_AN_HOUR / 60


def test_a_service_that_refuses_for_a_minute_and_a_half_is_back_at_full_speed_two_minutes_later():
    asking = Asking(4, lambda now: not 1020 <= now < 1110)
    asking.run(400)
    before = sum(moment < 1020 for moment in asking.served) / 20
    after = sum(moment >= 1300 for moment in asking.served) / 100
    assert after > 0.9 * before
