"""Which sessions the evening wants: those that the settings choose and nobody made, and recent ones that lack something.

Shared by the schedule, the source sensor and `darkpool run`. Nothing is requested here.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from darkpool_assets import market_calendar
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.session_choice import chosen_sessions, missed_sessions
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import FetchMode
from darkpool_assets.warehouse import Warehouse

HEALED_SESSIONS: Final = 5
"""So many sessions before the newest one are asked for again while a feed of theirs is missing."""


@dataclass(frozen=True)
class WantedSessions:
    """Sessions to be made, oldest first.

    Attributes:
        unmade: Chosen by FETCH_MODE, TARGET_DATE and BACKFILL_COUNT, and not stored.
        unfinished: Stored, and a feed failed or was not published yet.
        chosen: Everything that was chosen, and what missed evenings would have chosen since the newest stored session.
        given_up: Missed before these, too many to be made unasked.
    """

    unmade: list[dt.date]
    unfinished: list[dt.date]
    chosen: list[dt.date]
    given_up: list[dt.date]

    @property
    def days(self) -> list[dt.date]:
        """Both kinds."""
        return sorted({*self.unmade, *self.unfinished})


def wanted_sessions(settings: Settings, warehouse: Warehouse, *, now: dt.datetime) -> WantedSessions:
    """What the warehouse lacks at `now` (an aware instant)."""
    chosen = chosen_sessions(settings, now=now)
    if settings.fetch_mode is FetchMode.WEEKLY and settings.target_date is None:
        # Unattended, the current week has its session when it is over, not one every evening.
        chosen = [day for day in chosen if day == market_calendar.sessions_of_week(market_calendar.week_of(day))[-1]]
    version = settings.inference_version
    with warehouse.connected() as connected:
        stored = connected.stored_days("daily_metrics", settings.partitions_start, now.date(), inference_version=version)
        missed = missed_sessions(settings, newest=max(stored, default=None), now=now)
        chosen = sorted({*missed.days, *chosen})
        if not chosen:
            return WantedSessions([], [], [], [])
        recent = market_calendar.sessions_before(chosen[-1], HEALED_SESSIONS)
        unfinished = StoredSessions(settings, connected).unfinished(sorted({*recent, *chosen}))
    unmade = [day for day in chosen if day not in set(stored)]
    return WantedSessions(unmade=unmade, unfinished=unfinished, chosen=chosen, given_up=missed.before)
