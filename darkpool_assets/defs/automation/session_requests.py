"""Run requests for sessions, and which sessions runs are about to make: shared by the schedule and the sensors.

No decision about a day is taken here. A request is always a range, of one session too: in a range a part that fails leaves
the others to be made, so that a day with a closed gate still gets its page.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from darkpool_assets import market_calendar
from darkpool_assets.defs.run_options import LARGEST_RUN, RANGE_END, RANGE_START, days_of
from darkpool_assets.session_choice import contiguous_blocks

END_OF_DAY: Final = "end_of_day"
NOT_MADE_TAG: Final = "darkpool/not_made"
_UNENDED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class Ticks:
    """When the schedule and the sensors are evaluated.

    Attributes:
        cut_offs: Cron strings of the schedule, New York time: of an early close, and of a regular one.
        source_seconds: Between two ticks of the source sensor.
        rederivation_seconds: Between two ticks of the re-derivation sensor.
    """

    cut_offs: tuple[str, ...] = ("30 20 * * 1-5", "30 23 * * 1-5")
    source_seconds: int = 120
    rederivation_seconds: int = 300


EVERY_DAY: Final = Ticks()


def range_tags(block: Sequence[dt.date]) -> dict[str, str]:
    """The tags that make a run one of the neighbouring sessions `block`."""
    return {RANGE_START: block[0].isoformat(), RANGE_END: block[-1].isoformat()}


def request_sessions(
    days: Sequence[dt.date], *, key: str, select: Sequence[str] | None = None, given_up: Sequence[dt.date] = ()
) -> list[dg.RunRequest]:
    """One request per run of neighbouring sessions, oldest first.

    Args:
        days: Sessions, oldest first.
        key: Begins the run key; Dagster starts no second run of a key.
        select: Assets with their checks; everything where None.
        given_up: Sessions missed before these, which a tag of the runs names with the command that makes them.
    """
    named = {NOT_MADE_TAG: f"{as_text(given_up)}: darkpool backfill {given_up[0]} {given_up[-1]}"} if given_up else {}
    assets = None if select is None else [dg.AssetKey(name) for name in select]
    return [
        dg.RunRequest(
            run_key=f"{key}:{block[0]}..{block[-1]}", job_name=END_OF_DAY, asset_selection=assets, tags=range_tags(block) | named
        )
        for block in contiguous_blocks(days, largest=LARGEST_RUN)
    ]


def sessions_under_way(instance: dg.DagsterInstance) -> set[dt.date]:
    """The sessions that a run in the queue, or one that has not ended, makes."""
    found: set[dt.date] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_UNENDED))):
        if days := days_of(run):
            found |= set(market_calendar.sessions_between(*map(dt.date.fromisoformat, days)))
    return found


def as_text(days: Collection[dt.date]) -> str:
    """Sessions in a sentence: one date, or how many and the first and last."""
    return f"{len(days)} sessions, {min(days)} to {max(days)}" if len(days) > 1 else f"{min(days)}" if days else "no session"


def new_york_time(moment: dt.datetime) -> str:
    """An aware instant as New York's date and time of day."""
    return f"{moment.astimezone(ZoneInfo(market_calendar.NEW_YORK)):%Y-%m-%d %H:%M} New York"
