"""Days made side by side: in order, each on its own, at most two at a time."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from darkpool_assets.defs.side_by_side import by_memory, one_by_one, side_by_side
from darkpool_assets.settings import load_settings

DAYS = [dt.date(2025, 12, day) for day in range(1, 12)]
BAD = DAYS[4]

Way = Callable[[Callable[[dt.date], int], Sequence[dt.date]], Iterator[tuple[dt.date, int | Exception]]]


@pytest.fixture(params=[one_by_one, side_by_side])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


def number_of(day: dt.date) -> int:
    """The day's number, later days sooner; one day fails."""
    time.sleep(0.001 * (12 - day.day))
    if day == BAD:
        raise ValueError("a bad day")
    return day.day


def test_each_day_comes_with_what_was_made_of_it_in_order(way: Way):
    made = [(day, result) for day, result in way(number_of, DAYS) if day != BAD]
    assert made == [(day, day.day) for day in DAYS if day != BAD]


def test_an_error_costs_its_own_day_alone(way: Way):
    failed = {day: result for day, result in way(number_of, DAYS) if isinstance(result, Exception)}
    assert list(failed) == [BAD]
    assert str(failed[BAD]) == "a bad day"


def test_an_interruption_ends_them_all(way: Way):
    def interrupted(day: dt.date) -> int:
        if day == BAD:
            raise KeyboardInterrupt
        return day.day

    with pytest.raises(KeyboardInterrupt):
        list(way(interrupted, DAYS))


def test_no_day_is_no_work(way: Way):
    assert list(way(number_of, [])) == []


def test_at_most_two_days_are_made_at_once():
    under_way, most, turn = 0, 0, threading.Lock()

    def make(day: dt.date) -> int:
        nonlocal under_way, most
        with turn:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.005)
        with turn:
            under_way -= 1
        return day.day

    assert len(list(side_by_side(make, DAYS))) == len(DAYS)
    assert most == 2


def test_nothing_is_under_way_while_a_batch_is_told():
    started: list[dt.date] = []
    first, _result = next(side_by_side(lambda day: started.append(day) or day.day, DAYS))
    assert first == DAYS[0]
    assert sorted(started) == DAYS[:8]


@pytest.mark.parametrize(("tickers", "way"), [(100, side_by_side), (101, one_by_one)])
def test_the_prints_of_many_tickers_are_held_for_one_day_at_a_time(tickers: int, way: Way):
    names = ",".join(f"{first}{second}" for first in "ABCDEFGHIJK" for second in "ABCDEFGHIJ")
    assert by_memory(load_settings(tickers=",".join(names.split(",")[:tickers]))) is way
