"""Sessions, early closes, FINRA's weeks and due dates, on both sides of every boundary."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets import market_calendar as calendar

D = dt.date
NEW_YORK = ZoneInfo("America/New_York")
RTH: dict[str, Any] = {"rth_start": dt.time(9, 30), "rth_end": dt.time(16, 15)}
START = D(2018, 8, 1)
HOLIDAYS_2025 = [
    D(2025, 1, 1), D(2025, 1, 9), D(2025, 1, 20), D(2025, 2, 17), D(2025, 4, 18), D(2025, 5, 26), D(2025, 6, 19), D(2025, 7, 4),
    D(2025, 9, 1), D(2025, 11, 27), D(2025, 12, 25),
]  # fmt: skip
days_of_a_decade = st.dates(D(2016, 1, 1), D(2026, 6, 30))


def new_york(*parts):
    return dt.datetime(*parts, tzinfo=NEW_YORK)


def window(day, **changes):
    start, end = calendar.session_window(day, **{**RTH, **changes})
    return start.astimezone(NEW_YORK), end.astimezone(NEW_YORK)


# Sessions


def test_the_closed_weekdays_of_2025_are_the_holidays_and_the_day_of_mourning():
    assert calendar.closed_weekdays(D(2025, 1, 1), D(2025, 12, 31)) == HOLIDAYS_2025


def test_the_closed_weekdays_hold_both_ends_of_the_range():
    assert calendar.closed_weekdays(D(2025, 12, 25), D(2026, 1, 1)) == [D(2025, 12, 25), D(2026, 1, 1)]


@pytest.mark.parametrize("day", [D(2025, 1, 9), D(2025, 7, 4), D(2025, 7, 5), D(2025, 7, 6), D(2012, 10, 29), D(2021, 1, 1)])
def test_a_holiday_an_ad_hoc_closure_and_a_weekend_are_no_sessions(day):
    assert not calendar.is_session(day)


@pytest.mark.parametrize("day", [D(2025, 1, 8), D(2025, 1, 10), D(2025, 7, 3), D(2025, 11, 28), D(2021, 12, 31), D(2024, 11, 5)])
def test_days_around_closures_and_half_days_are_sessions(day):
    assert calendar.is_session(day)


def test_sessions_between_holds_both_ends():
    assert calendar.sessions_between(D(2025, 1, 8), D(2025, 1, 13)) == [D(2025, 1, 8), D(2025, 1, 10), D(2025, 1, 13)]


def test_sessions_between_is_empty_over_a_weekend_and_when_reversed():
    assert calendar.sessions_between(D(2025, 7, 4), D(2025, 7, 6)) == []
    assert calendar.sessions_between(D(2025, 7, 9), D(2025, 7, 8)) == []


def test_sessions_before_leaves_the_day_out_and_skips_the_closure():
    assert calendar.sessions_before(D(2025, 1, 10), 2) == [D(2025, 1, 7), D(2025, 1, 8)]


def test_sessions_before_a_sunday_end_on_friday():
    assert calendar.sessions_before(D(2025, 6, 15), 1) == [D(2025, 6, 13)]


def test_sessions_before_the_first_calendar_day_are_none():
    assert calendar.sessions_before(D(2004, 1, 2), 3) == []


def test_sessions_before_count_what_there_is():
    assert calendar.sessions_before(D(2004, 1, 5), 3) == [D(2004, 1, 2)]


def test_sessions_after_leave_the_day_out():
    assert calendar.sessions_after(D(2025, 1, 8), 2) == [D(2025, 1, 10), D(2025, 1, 13)]


def test_no_sessions_are_asked_and_none_are_given():
    assert calendar.sessions_before(D(2025, 1, 8), 0) == calendar.sessions_after(D(2025, 1, 8), 0) == []


def test_the_previous_session_skips_thanksgiving():
    assert calendar.previous_session(D(2025, 11, 28)) == D(2025, 11, 26)


def test_the_last_calendar_day_is_a_session():
    assert calendar.is_session(calendar.last_calendar_day())


@settings(max_examples=30, deadline=None)
@given(days_of_a_decade, st.integers(1, 30))
def test_sessions_before_and_after_mirror_each_other(day, count):
    before = calendar.sessions_before(day, count)
    assert calendar.sessions_after(before[0] - dt.timedelta(days=1), count) == before
    assert len(before) == count
    assert before[-1] < day


# Early closes and the session window


@pytest.mark.parametrize(
    "day", [D(2024, 7, 3), D(2024, 11, 29), D(2024, 12, 24), D(2025, 7, 3), D(2026, 11, 27), D(2026, 12, 24), D(2018, 12, 24)]
)
def test_an_early_close_is_at_one_and_its_window_ends_at_a_quarter_past(day):
    assert calendar.close_time(day) == new_york(day.year, day.month, day.day, 13)
    assert window(day) == (new_york(day.year, day.month, day.day, 9, 30), new_york(day.year, day.month, day.day, 13, 15))


@pytest.mark.parametrize("day", [D(2025, 7, 2), D(2025, 11, 26), D(2025, 12, 26), D(2026, 7, 2), D(2025, 3, 10), D(2025, 11, 3)])
def test_a_regular_close_is_at_four_and_its_window_ends_at_a_quarter_past(day):
    assert calendar.close_time(day) == new_york(day.year, day.month, day.day, 16)
    assert window(day) == (new_york(day.year, day.month, day.day, 9, 30), new_york(day.year, day.month, day.day, 16, 15))


def test_the_window_is_in_utc_and_follows_summer_time():
    winter, _ = calendar.session_window(D(2025, 3, 7), **RTH)
    summer, _ = calendar.session_window(D(2025, 3, 10), **RTH)
    assert (winter, summer) == (dt.datetime(2025, 3, 7, 14, 30, tzinfo=dt.UTC), dt.datetime(2025, 3, 10, 13, 30, tzinfo=dt.UTC))
    assert winter.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("day", "hour"),
    [(D(2025, 11, 26), 23), (D(2025, 11, 28), 20), (D(2025, 7, 2), 23), (D(2025, 7, 3), 20), (D(2025, 11, 3), 23)],
)
def test_the_cut_off_is_half_an_hour_before_midnight_and_three_hours_sooner_on_an_early_close(day, hour):
    assert calendar.cut_off(day) == new_york(day.year, day.month, day.day, hour, 30)
    assert str(calendar.cut_off(day).tzinfo) == "America/New_York"


def test_any_end_moves_with_the_close_by_the_same_distance():
    assert window(D(2025, 11, 28), rth_end=dt.time(15, 50))[1] == new_york(2025, 11, 28, 12, 50)


def test_the_window_of_another_zone_moves_by_the_same_distance():
    chicago = {"market_tz": "America/Chicago", "rth_start": dt.time(8, 30), "rth_end": dt.time(15, 15)}
    assert window(D(2025, 11, 28), **chicago) == window(D(2025, 11, 28))
    assert window(D(2025, 11, 26), **chicago) == window(D(2025, 11, 26))


# The latest completed session


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        (new_york(2025, 6, 13, 16, 0), D(2025, 6, 13)),
        (new_york(2025, 6, 13, 15, 59, 59, 999999), D(2025, 6, 12)),
        (new_york(2025, 6, 13, 9, 0), D(2025, 6, 12)),
        (new_york(2025, 6, 14, 12, 0), D(2025, 6, 13)),
        (new_york(2025, 6, 15, 23, 59), D(2025, 6, 13)),
        (new_york(2025, 6, 16, 15, 59), D(2025, 6, 13)),
        (new_york(2025, 11, 28, 13, 0), D(2025, 11, 28)),
        (new_york(2025, 11, 28, 12, 59), D(2025, 11, 26)),
        (new_york(2025, 1, 9, 20, 0), D(2025, 1, 8)),
        (dt.datetime(2025, 6, 14, 1, 0, tzinfo=dt.UTC), D(2025, 6, 13)),
        (dt.datetime(2025, 6, 13, 20, 0, tzinfo=dt.UTC), D(2025, 6, 13)),
        (dt.datetime(2025, 6, 13, 19, 59, tzinfo=dt.UTC), D(2025, 6, 12)),
        (dt.datetime(2025, 6, 13, 5, 0, tzinfo=ZoneInfo("Asia/Tokyo")), D(2025, 6, 12)),
    ],
)
def test_a_session_is_completed_from_its_close_on(now, latest):
    assert calendar.latest_completed_session(now) == latest


@pytest.mark.parametrize(
    ("moment", "date"),
    [
        (dt.datetime(2026, 1, 30, 0, 1, tzinfo=dt.UTC), D(2026, 1, 29)),
        (dt.datetime(2026, 1, 30, 4, 59, 59, tzinfo=dt.UTC), D(2026, 1, 29)),
        (dt.datetime(2026, 1, 30, 5, 0, tzinfo=dt.UTC), D(2026, 1, 30)),
        (dt.datetime(2026, 7, 30, 3, 59, tzinfo=dt.UTC), D(2026, 7, 29)),
        (dt.datetime(2026, 7, 30, 4, 0, tzinfo=dt.UTC), D(2026, 7, 30)),
    ],
)
def test_an_instant_after_midnight_utc_is_still_yesterday_in_new_york(moment, date):
    assert calendar.new_york_date(moment) == date


# Weeks


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (D(2025, 9, 1), D(2025, 9, 1)),
        (D(2025, 9, 7), D(2025, 9, 1)),
        (D(2025, 8, 31), D(2025, 8, 25)),
        (D(2026, 1, 2), D(2025, 12, 29)),
    ],
)
def test_a_week_starts_on_its_monday_holiday_or_not(day, monday):
    assert calendar.week_of(day) == monday


@pytest.mark.parametrize(
    ("monday", "sessions"),
    [
        (D(2025, 9, 1), [D(2025, 9, 2), D(2025, 9, 3), D(2025, 9, 4), D(2025, 9, 5)]),
        (D(2025, 11, 24), [D(2025, 11, 24), D(2025, 11, 25), D(2025, 11, 26), D(2025, 11, 28)]),
        (D(2025, 12, 29), [D(2025, 12, 29), D(2025, 12, 30), D(2025, 12, 31), D(2026, 1, 2)]),
        (D(2025, 1, 6), [D(2025, 1, 6), D(2025, 1, 7), D(2025, 1, 8), D(2025, 1, 10)]),
        (D(2025, 6, 9), [D(2025, 6, 9), D(2025, 6, 10), D(2025, 6, 11), D(2025, 6, 12), D(2025, 6, 13)]),
        (D(2012, 10, 29), [D(2012, 10, 31), D(2012, 11, 1), D(2012, 11, 2)]),
    ],
    ids=["Labor Day", "Thanksgiving", "year end", "day of mourning", "plain", "hurricane"],
)
def test_a_week_holds_its_sessions_only(monday, sessions):
    assert calendar.sessions_of_week(monday) == sessions


@settings(max_examples=50, deadline=None)
@given(days_of_a_decade.filter(calendar.is_session))
def test_every_session_is_in_the_week_that_holds_it(day):
    assert day in calendar.sessions_of_week(calendar.week_of(day))


def test_the_weeks_in_reach_are_the_own_week_and_the_eight_before():
    weeks = calendar.otc_weeks_in_reach(D(2025, 11, 28))
    assert (len(weeks), weeks[0], weeks[1], weeks[-1]) == (9, D(2025, 9, 29), D(2025, 10, 6), D(2025, 11, 24))


# Due dates


@pytest.mark.parametrize(
    ("tier", "due"),
    [("T1", D(2025, 6, 30)), ("T2", D(2025, 7, 14)), ("OTCE", D(2025, 7, 14)), ("T9", D(2025, 7, 14)), (None, D(2025, 7, 14))],
)
def test_tier_one_is_due_after_three_weeks_and_every_other_tier_after_five(tier, due):
    assert calendar.otc_due_date(D(2025, 6, 9), tier) == due


# The cheap feeds of a day


def cheap(day, as_of, start=START):
    return calendar.cheap_feed_sessions(day, as_of=as_of, partitions_start=start)


@pytest.mark.parametrize("day", [D(2025, 6, 9), D(2025, 6, 13), D(2025, 11, 28), D(2025, 1, 10)])
def test_the_cheap_feeds_reach_back_at_least_45_sessions_and_eight_weeks(day):
    sessions = cheap(day, day)
    assert sum(session < day for session in sessions) >= 45
    assert sessions[0] <= calendar.otc_weeks_in_reach(day)[0] + dt.timedelta(days=3)
    assert set(calendar.sessions_of_week(calendar.otc_weeks_in_reach(day)[0])) <= set(sessions)


def test_the_cheap_feeds_begin_45_sessions_back():
    assert cheap(D(2025, 6, 9), D(2025, 6, 9))[0] == D(2025, 4, 3)


def test_the_cheap_feeds_hold_every_session_of_their_range():
    sessions = cheap(D(2025, 6, 11), D(2025, 6, 11))
    assert sessions == calendar.sessions_between(sessions[0], D(2025, 6, 11))


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        (D(2025, 6, 1), D(2025, 6, 11)),
        (D(2025, 6, 11), D(2025, 6, 11)),
        (D(2025, 6, 12), D(2025, 6, 12)),
        (D(2025, 6, 13), D(2025, 6, 13)),
        (D(2025, 6, 14), D(2025, 6, 13)),
        (D(2025, 6, 16), D(2025, 6, 13)),
        (D(2025, 12, 31), D(2025, 6, 13)),
    ],
)
def test_the_cheap_feeds_hold_the_rest_of_the_week_up_to_as_of(as_of, last):
    assert cheap(D(2025, 6, 11), as_of)[-1] == last


@pytest.mark.parametrize("start", [D(2025, 6, 2), D(2025, 6, 1), D(2025, 5, 31)])
def test_the_cheap_feeds_are_clipped_at_the_first_partition(start):
    assert cheap(D(2025, 6, 11), D(2025, 6, 11), start)[0] == D(2025, 6, 2)


def test_the_first_partition_needs_nothing_before_itself():
    assert cheap(START, START) == [START]


def test_the_start_of_the_partitions_never_adds_sessions():
    assert cheap(D(2025, 6, 9), D(2025, 6, 9), D(2020, 1, 1))[0] == D(2025, 4, 3)
