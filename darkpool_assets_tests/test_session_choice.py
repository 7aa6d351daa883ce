"""Which sessions a command makes: modes, ranges, blocks of neighbours and days that others made stale."""

import datetime as dt
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets import market_calendar
from darkpool_assets.session_choice import (
    MOST_MISSED,
    chosen_sessions,
    contiguous_blocks,
    missed_sessions,
    sessions_of_range,
    sessions_shown,
)
from darkpool_assets.settings import Settings, SettingsError, load_settings

D = dt.date
NOW = dt.datetime(2025, 6, 14, 12, tzinfo=dt.UTC)
START = D(2018, 8, 1)
TODAY = D(2025, 6, 14)
JUNE = market_calendar.sessions_between(D(2025, 6, 2), D(2025, 6, 30))


@pytest.fixture(autouse=True)
def a_bare_environment(tmp_path, monkeypatch):
    """An empty working directory and none of the product's variables."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def chosen(mode="single", target: dt.date | None = None, count=5, now=NOW, start=START):
    return chosen_sessions(
        load_settings(fetch_mode=mode, target_date=target, backfill_count=count, partitions_start=start), now=now
    )


def faults(first, last, *, start=START, now=NOW):
    with pytest.raises(SettingsError) as error:
        sessions_of_range(first, last, settings=load_settings(partitions_start=start), now=now)
    return [fault.split(":")[0] for fault in error.value.faults]


# Modes


def test_single_is_the_target_session():
    assert chosen(target=D(2025, 1, 8)) == [D(2025, 1, 8)]


def test_without_a_target_the_latest_completed_session_is_made():
    assert chosen() == [D(2025, 6, 13)]


@pytest.mark.parametrize(("minute", "session"), [(59, D(2025, 6, 12)), (60, D(2025, 6, 13))])
def test_todays_session_is_made_from_its_close_on(minute, session):
    now = dt.datetime(2025, 6, 13, 19, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    assert chosen(now=now) == [session]


def missed(newest: dt.date | None, *, now=NOW, **changes):
    return missed_sessions(load_settings(**changes), newest=newest, now=now)


def test_a_week_off_is_made_up_for_session_by_session():
    assert missed(D(2025, 6, 5)).days == [D(2025, 6, 6), *market_calendar.sessions_between(D(2025, 6, 9), D(2025, 6, 12))]


def test_over_a_holiday_only_sessions_are_missed():
    now = dt.datetime(2025, 7, 8, 22, tzinfo=dt.UTC)
    assert missed(D(2025, 7, 2), now=now).days == [D(2025, 7, 3), D(2025, 7, 7)]


def test_of_a_long_absence_the_newest_twenty_sessions_are_made_and_the_others_named():
    since = market_calendar.sessions_before(D(2025, 6, 13), 33)
    found = missed(since[0])
    assert (found.days, found.before) == (since[-MOST_MISSED:], since[1:-MOST_MISSED])


def test_weekly_misses_the_last_session_of_each_week():
    assert missed(D(2025, 5, 16), fetch_mode="weekly", backfill_count=1).days == [D(2025, 5, 23), D(2025, 5, 30), D(2025, 6, 6)]


def test_daily_misses_what_lies_before_its_own_sessions():
    assert missed(D(2025, 6, 5), fetch_mode="daily", backfill_count=3).days == [D(2025, 6, 6), D(2025, 6, 9), D(2025, 6, 10)]


@pytest.mark.parametrize("newest", [None, D(2025, 6, 12), D(2025, 6, 13), D(2025, 6, 20)])
def test_nothing_is_missed_on_an_empty_database_or_up_to_date(newest):
    assert missed(newest).days == []


def test_a_target_date_leaves_gaps_alone():
    assert missed(D(2025, 6, 5), target_date=D(2025, 6, 12)).days == []


def test_nothing_before_the_first_partition_is_missed():
    assert missed(D(2025, 6, 5), partitions_start=D(2025, 6, 11)).days == [D(2025, 6, 11), D(2025, 6, 12)]


def test_daily_is_the_last_sessions_up_to_the_target():
    expected = [D(2025, 1, 7), D(2025, 1, 8), D(2025, 1, 10)]
    assert chosen("daily", D(2025, 1, 10), 3) == expected


def test_daily_of_one_is_the_target():
    assert chosen("daily", D(2025, 1, 10), 1) == [D(2025, 1, 10)]


def test_daily_begins_with_the_first_partition():
    assert chosen("daily", D(2025, 1, 10), 3, start=D(2025, 1, 8)) == [D(2025, 1, 8), D(2025, 1, 10)]


def test_weekly_is_the_last_session_of_each_week():
    assert chosen("weekly", D(2025, 6, 13), 3) == [D(2025, 5, 30), D(2025, 6, 6), D(2025, 6, 13)]


def test_weekly_takes_thursday_where_friday_is_a_holiday():
    expected = [D(2025, 4, 11), D(2025, 4, 17), D(2025, 4, 25)]
    assert chosen("weekly", D(2025, 4, 25), 3) == expected


@pytest.mark.parametrize("target", [D(2025, 4, 21), D(2025, 4, 23)])
def test_weekly_ends_with_the_target_within_its_week(target):
    assert chosen("weekly", target, 2) == [D(2025, 4, 17), target]


def test_weekly_begins_with_the_first_partition():
    assert chosen("weekly", D(2025, 6, 13), 3, start=D(2025, 6, 6)) == [D(2025, 6, 6), D(2025, 6, 13)]
    assert chosen("weekly", D(2025, 6, 13), 3, start=D(2025, 6, 7)) == [D(2025, 6, 13)]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(JUNE), st.integers(1, 40), st.sampled_from(["daily", "weekly"]))
def test_any_choice_holds_distinct_sessions_in_order_and_ends_with_the_target(target, count, mode):
    if target > TODAY:
        target = D(2025, 6, 13)
    days = chosen(mode, target, count)
    assert len(days) == count
    assert days == sorted(set(days))
    assert days[-1] == target
    assert all(market_calendar.is_session(day) for day in days)


# Ranges


def test_a_range_holds_both_ends():
    days = sessions_of_range(D(2025, 1, 8), D(2025, 1, 10), settings=load_settings(), now=NOW)
    assert days == [D(2025, 1, 8), D(2025, 1, 10)]


def test_a_range_may_begin_and_end_on_days_without_a_session():
    days = sessions_of_range(D(2025, 6, 7), D(2025, 6, 14), settings=load_settings(), now=NOW)
    assert (days[0], days[-1], len(days)) == (D(2025, 6, 9), D(2025, 6, 13), 5)


def test_a_reversed_range_is_refused():
    assert faults(D(2025, 6, 13), D(2025, 6, 12)) == ["FROM"]


def test_a_range_of_one_session_is_accepted():
    assert sessions_of_range(D(2025, 6, 13), D(2025, 6, 13), settings=load_settings(), now=NOW) == [D(2025, 6, 13)]


def test_a_range_up_to_today_is_accepted_and_up_to_tomorrow_refused():
    assert sessions_of_range(D(2025, 6, 13), TODAY, settings=load_settings(), now=NOW) == [D(2025, 6, 13)]
    assert faults(D(2025, 6, 13), TODAY + dt.timedelta(days=1)) == ["TO"]


def test_today_is_new_yorks():
    after_midnight_utc = dt.datetime(2025, 6, 14, 1, tzinfo=dt.UTC)
    assert faults(D(2025, 6, 12), D(2025, 6, 14), now=after_midnight_utc) == ["TO"]


def test_a_range_before_the_first_partition_is_refused():
    from_thursday = load_settings(partitions_start=D(2025, 6, 12))
    assert sessions_of_range(D(2025, 6, 12), D(2025, 6, 13), settings=from_thursday, now=NOW) == [D(2025, 6, 12), D(2025, 6, 13)]
    assert faults(D(2025, 6, 11), D(2025, 6, 13), start=D(2025, 6, 12)) == ["FROM"]


@pytest.mark.parametrize(("first", "last"), [(D(2025, 1, 9), D(2025, 1, 9)), (D(2025, 6, 7), D(2025, 6, 8))])
def test_a_range_without_a_session_is_refused(first, last):
    assert faults(first, last) == ["FROM, TO"]


def test_all_faults_of_a_range_are_told_at_once():
    assert faults(D(2026, 1, 2), D(2025, 12, 1), start=D(2026, 5, 1)) == ["FROM", "TO", "FROM"]


# Blocks


def test_neighbours_across_a_weekend_and_a_holiday_are_one_block():
    days = [D(2025, 7, 2), D(2025, 7, 3), D(2025, 7, 7), D(2025, 7, 8)]
    assert contiguous_blocks(days, largest=30) == [days]


def test_a_missing_session_begins_a_new_block():
    assert contiguous_blocks([D(2025, 6, 9), D(2025, 6, 11), D(2025, 6, 12)], largest=30) == [
        [D(2025, 6, 9)],
        [D(2025, 6, 11), D(2025, 6, 12)],
    ]


def test_a_block_holds_at_most_the_largest_number():
    sizes = {largest: [len(block) for block in contiguous_blocks(JUNE[:6], largest=largest)] for largest in (1, 3, 4, 6, 7)}
    assert sizes == {1: [1] * 6, 3: [3, 3], 4: [4, 2], 6: [6], 7: [6]}


def test_no_days_are_no_blocks():
    assert contiguous_blocks([], largest=30) == []


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(JUNE)).map(sorted), st.integers(1, 8))
def test_blocks_hold_every_day_once_and_in_order(days, largest):
    blocks = contiguous_blocks(days, largest=largest)
    assert [day for block in blocks for day in block] == days
    assert all(market_calendar.sessions_between(block[0], block[-1]) == block for block in blocks)


# Plots


def test_a_plot_shows_from_the_first_stored_session_on_but_at_least_thirty():
    day = dt.date(2025, 12, 31)
    shown = sessions_shown(day, [dt.date(2025, 12, 22), day])
    assert (len(shown), shown[-1]) == (30, day)


def test_a_plot_shows_no_more_than_120_sessions():
    day = dt.date(2025, 12, 31)
    assert len(sessions_shown(day, [dt.date(2019, 1, 2), day])) == 120


def test_a_plot_of_fifty_stored_sessions_shows_fifty():
    day = dt.date(2025, 12, 31)
    stored = [*market_calendar.sessions_before(day, 49), day]
    assert sessions_shown(day, stored) == stored


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_clock_outside_the_calendar_is_named(year: int):
    now = dt.datetime(year, 1, 5, 12, tzinfo=dt.UTC)
    with pytest.raises(SettingsError, match=f"clock: the machine says {year}-01-05; allowed: a day after 2004-01-05"):
        chosen(now=now)
    assert chosen(now=now, target=D(2025, 6, 13)) == [D(2025, 6, 13)]
