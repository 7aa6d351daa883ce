"""Which sessions a command makes (FETCH_MODE, TARGET_DATE, BACKFILL_COUNT, a range), and which a plot shows.

Pure calendar arithmetic; the clock is an argument and nothing is run here.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from darkpool_assets import market_calendar
from darkpool_assets.settings import Settings, SettingsError
from darkpool_assets.vocabulary import FetchMode

MOST_MISSED: Final = 20
FEWEST_SHOWN: Final = 30
MOST_SHOWN: Final = 120


def chosen_sessions(settings: Settings, *, now: dt.datetime) -> list[dt.date]:
    """The sessions of `darkpool run`, oldest first.

    single: the target session; daily: the last BACKFILL_COUNT sessions up to it; weekly: the last session of each of the last
    BACKFILL_COUNT weeks up to it.

    Raises:
        SettingsError: the machine's clock lies outside the calendar, where it decides.
    """
    target = settings.target_date or _latest_completed_session(now)
    if settings.fetch_mode is FetchMode.SINGLE:
        return [target]
    if settings.fetch_mode is FetchMode.DAILY:
        sessions = [*market_calendar.sessions_before(target, settings.backfill_count - 1), target]
        return [day for day in sessions if day >= settings.partitions_start]
    mondays = [market_calendar.week_of(target) - dt.timedelta(weeks=back) for back in range(settings.backfill_count)]
    weeks = (market_calendar.sessions_of_week(monday) for monday in reversed(mondays))
    lasts = [max(day for day in week if day <= target) for week in weeks if any(day <= target for day in week)]
    return [day for day in lasts if day >= settings.partitions_start]


def _latest_completed_session(now: dt.datetime) -> dt.date:
    first, last = market_calendar.all_sessions()[1], market_calendar.last_calendar_day()
    today = market_calendar.new_york_date(now)
    if not first < today <= last:
        known = f"a day after {first} and up to {last}, for which NYSE sessions are known"
        raise SettingsError([f"clock: the machine says {today}; allowed: {known}. Set the clock, or TARGET_DATE"])
    return market_calendar.latest_completed_session(now)


@dataclass(frozen=True)
class MissedSessions:
    """What the evenings since the newest stored session would have made, had the machine been on.

    Attributes:
        days: The newest 20 of them, oldest first.
        before: Those before these, which a backfill makes.
    """

    days: list[dt.date]
    before: list[dt.date]


def missed_sessions(settings: Settings, *, newest: dt.date | None, now: dt.datetime) -> MissedSessions:
    """The sessions between the newest stored one and those that are chosen now; none where TARGET_DATE is set or nothing stored.

    single and daily: each session; weekly: the last one of each week.
    """
    chosen = chosen_sessions(settings, now=now)
    if settings.target_date or newest is None or not chosen:
        return MissedSessions([], [])
    missed = market_calendar.sessions_between(newest + dt.timedelta(days=1), chosen[0] - dt.timedelta(days=1))
    if settings.fetch_mode is FetchMode.WEEKLY:
        missed = [day for day in missed if day == market_calendar.sessions_of_week(market_calendar.week_of(day))[-1]]
    missed = [day for day in missed if day >= settings.partitions_start]
    return MissedSessions(missed[-MOST_MISSED:], missed[:-MOST_MISSED])


def sessions_of_range(first: dt.date, last: dt.date, *, settings: Settings, now: dt.datetime) -> list[dt.date]:
    """The sessions from `first` to `last`, both inside.

    Raises:
        SettingsError: the range is reversed, lies in the future, before PARTITIONS_START, or holds no session.
    """
    today = market_calendar.new_york_date(now)
    faults = []
    if first > last:
        faults.append(f"FROM: given {first}; allowed: not later than TO ({last})")
    if last > today:
        faults.append(f"TO: given {last}, in the future; allowed: up to {today}")
    if first < settings.partitions_start:
        faults.append(f"FROM: given {first}; allowed: PARTITIONS_START ({settings.partitions_start}) or later")
    if not faults and not market_calendar.sessions_between(first, last):
        faults.append(f"FROM, TO: given {first}, {last}; allowed: a range that holds an NYSE session")
    if faults:
        raise SettingsError(faults)
    return market_calendar.sessions_between(first, last)


def sessions_shown(day: dt.date, stored: Sequence[dt.date]) -> list[dt.date]:
    """The sessions of a plot of `day`, oldest first: from the first of `stored` on, at least 30 and at most 120."""
    window = [*market_calendar.sessions_before(day, MOST_SHOWN - 1), day]
    return [session for session in window if session >= min(stored, default=day) or session >= window[-FEWEST_SHOWN]]


def contiguous_blocks(days: Sequence[dt.date], *, largest: int) -> list[list[dt.date]]:
    """`days` (sorted) cut into runs of neighbouring sessions, at most `largest` in each."""
    blocks: list[list[dt.date]] = []
    for day in days:
        if blocks and len(blocks[-1]) < largest and market_calendar.previous_session(day) == blocks[-1][-1]:
            blocks[-1].append(day)
        else:
            blocks.append([day])
    return blocks
