"""Which sessions the evening wants: those that the settings choose and nobody made, and recent ones that lack something.

Shared by the schedule, the source sensor and `darkpool run`. Nothing is requested here.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from darkpool_assets import market_calendar
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.session_choice import chosen_sessions
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
        chosen: Everything that was chosen.
    """

    unmade: list[dt.date]
    unfinished: list[dt.date]
    chosen: list[dt.date]

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
    if not chosen:
        return WantedSessions([], [], [])
    recent = market_calendar.sessions_before(chosen[-1], HEALED_SESSIONS)
    with warehouse.connected() as connected:
        made = connected.stored_days("daily_metrics", chosen[0], chosen[-1], inference_version=settings.inference_version)
        unfinished = StoredSessions(settings, connected).unfinished(sorted({*recent, *chosen}))
    return WantedSessions(unmade=[day for day in chosen if day not in set(made)], unfinished=unfinished, chosen=chosen)
