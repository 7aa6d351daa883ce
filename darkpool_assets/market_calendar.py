"""NYSE sessions, the session window of a day, FINRA's weeks and the due dates of their publication.

No prices, no files, and no clock: the moment is always an argument. Everything that counts days asks this module.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import exchange_calendars as xcals

NEW_YORK: Final = "America/New_York"
FIRST_CALENDAR_DAY: Final = dt.date(2004, 1, 1)
OTC_REACH_WEEKS: Final = 8
MIN_LOOK_BACK_SESSIONS: Final = 45
_PUBLICATION_DELAY_DAYS: Final = {"T1": 21}
_LATE_PUBLICATION_DELAY_DAYS: Final = 35
_REGULAR_CLOSE: Final = dt.time(16, 0)
_CUT_OFF: Final = dt.time(23, 30)


@cache
def _nyse() -> xcals.ExchangeCalendar:
    return xcals.get_calendar("XNYS", start=FIRST_CALENDAR_DAY.isoformat())


@cache
def all_sessions() -> tuple[dt.date, ...]:
    """Every NYSE session that the calendar knows, oldest first (it reaches about a year ahead)."""
    return tuple(stamp.date() for stamp in _nyse().sessions)


def is_session(day: dt.date) -> bool:
    """Whether the NYSE trades on `day`."""
    return bool(sessions_between(day, day))


def sessions_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """The sessions from `first` to `last`, both inside, oldest first."""
    days = all_sessions()
    return list(days[bisect_left(days, first) : bisect_right(days, last)])


def sessions_before(day: dt.date, count: int) -> list[dt.date]:
    """The `count` sessions before `day` (itself outside), oldest first."""
    end = bisect_left(all_sessions(), day)
    return list(all_sessions()[max(0, end - count) : end])


def sessions_after(day: dt.date, count: int) -> list[dt.date]:
    """The `count` sessions after `day` (itself outside), oldest first."""
    start = bisect_right(all_sessions(), day)
    return list(all_sessions()[start : start + count])


def previous_session(day: dt.date) -> dt.date:
    """The last session before `day`."""
    return sessions_before(day, 1)[0]


def closed_weekdays(first: dt.date, last: dt.date) -> list[dt.date]:
    """Mondays to Fridays between `first` and `last` on which the NYSE does not trade."""
    days = (first + dt.timedelta(days=offset) for offset in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5 and not is_session(day)]


def last_calendar_day() -> dt.date:
    """The last session that the calendar knows."""
    return all_sessions()[-1]


def close_time(session: dt.date, market_tz: str = NEW_YORK) -> dt.datetime:
    """The instant at which `session` closes (13:00 New York on an early close), in `market_tz`."""
    return _nyse().session_close(session.isoformat()).to_pydatetime().astimezone(ZoneInfo(market_tz))


def session_window(
    session: dt.date, *, rth_start: dt.time, rth_end: dt.time, market_tz: str = NEW_YORK
) -> tuple[dt.datetime, dt.datetime]:
    """First and last instant (UTC, both inside) whose prints count for `session`.

    On an early close the end moves with the close by the same distance: 16:15 becomes 13:15.
    """
    zone = ZoneInfo(market_tz)
    start = dt.datetime.combine(session, rth_start, zone)
    end = dt.datetime.combine(session, rth_end, zone)
    return start.astimezone(dt.UTC), (end - _closes_early_by(session)).astimezone(dt.UTC)


def cut_off(session: dt.date) -> dt.datetime:
    """When the sources of `session` should have come, and the session is made of what is out: 23:30 New York.

    On an early close it moves with the close by the same distance: 20:30 after a close at 13:00.
    """
    return dt.datetime.combine(session, _CUT_OFF, ZoneInfo(NEW_YORK)) - _closes_early_by(session)


def _closes_early_by(session: dt.date) -> dt.timedelta:
    return dt.datetime.combine(session, _REGULAR_CLOSE, ZoneInfo(NEW_YORK)) - close_time(session)


def latest_completed_session(now: dt.datetime) -> dt.date:
    """The newest session whose close is not later than `now` (an aware instant)."""
    candidates = sessions_before(now.astimezone(ZoneInfo(NEW_YORK)).date() + dt.timedelta(days=1), 2)
    return max(day for day in candidates if close_time(day) <= now)


def new_york_date(moment: dt.datetime) -> dt.date:
    """The New York calendar date of an aware instant."""
    return moment.astimezone(ZoneInfo(NEW_YORK)).date()


def week_of(day: dt.date) -> dt.date:
    """The Monday of FINRA's week that holds `day`."""
    return day - dt.timedelta(days=day.weekday())


def sessions_of_week(monday: dt.date) -> list[dt.date]:
    """The sessions of the week that starts on `monday` (four in a holiday week)."""
    return sessions_between(monday, monday + dt.timedelta(days=6))


def otc_weeks_in_reach(day: dt.date) -> list[dt.date]:
    """Mondays of the week that holds `day` and of the eight weeks before it, oldest first."""
    monday = week_of(day)
    return [monday - dt.timedelta(weeks=back) for back in range(OTC_REACH_WEEKS, -1, -1)]


def otc_due_date(week: dt.date, tier: str | None) -> dt.date:
    """When FINRA publishes `week`: its Monday + 21 days for tier T1, + 35 for T2, OTCE and unknown tiers."""
    return week + dt.timedelta(days=_PUBLICATION_DELAY_DAYS.get(tier or "", _LATE_PUBLICATION_DELAY_DAYS))


def cheap_feed_sessions(day: dt.date, *, as_of: dt.date, partitions_start: dt.date) -> list[dt.date]:
    """The sessions whose short file and daily aggregates a run for `day` needs, oldest first.

    Back to the Monday eight weeks before the week of `day`, at least 45 sessions, clipped at `partitions_start`; forward
    to the end of the week of `day` as far as `as_of` has seen it, so that an anchored week can be spread over its days.
    """
    eight_weeks = week_of(day) - dt.timedelta(weeks=OTC_REACH_WEEKS)
    first = min(eight_weeks, sessions_before(day, MIN_LOOK_BACK_SESSIONS)[0])
    last = max(day, min(as_of, week_of(day) + dt.timedelta(days=6)))
    return sessions_between(max(first, partitions_start), last)
