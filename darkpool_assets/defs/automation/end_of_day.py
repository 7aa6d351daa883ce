"""The end-of-day schedule: at a session's cut-off it is made of what is out, if nobody made it before.

New York time, sessions only; early closes have a tick of their own. The source sensor makes the session earlier, as soon as its
sources are out; without that sensor this schedule is enough.
"""

import datetime as dt

import dagster as dg

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.session_requests import (
    END_OF_DAY,
    EVERY_DAY,
    Ticks,
    as_text,
    request_sessions,
    sessions_under_way,
)
from darkpool_assets.defs.automation.wanted_sessions import wanted_sessions
from darkpool_assets.defs.clock import Clock
from darkpool_assets.settings import Settings
from darkpool_assets.warehouse import Warehouse


def build_end_of_day_schedule(settings: Settings, *, clock: Clock, ticks: Ticks = EVERY_DAY) -> dg.ScheduleDefinition:
    """The schedule of END_OF_DAY; what it makes is chosen by FETCH_MODE, TARGET_DATE and BACKFILL_COUNT."""

    @dg.schedule(
        name="end_of_day_schedule",
        cron_schedule=ticks.cut_offs,
        job_name=END_OF_DAY,
        execution_timezone=market_calendar.NEW_YORK,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED,
        description="At the cut-off (23:30 New York, 20:30 on an early close): the session, of what is out by then.",
    )
    def end_of_day_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        return sessions_at_cut_off(warehouse, context.instance, settings=settings, now=clock())

    return end_of_day_schedule


def sessions_at_cut_off(
    warehouse: Warehouse, instance: dg.DagsterInstance, *, settings: Settings, now: dt.datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request what nobody made of the chosen sessions past their cut-off, or say why nothing is requested.

    Recent sessions that lack something are made again beside them, as `darkpool run` does; they are no reason by themselves.
    """
    wanted = wanted_sessions(settings, warehouse, now=now)
    early = [day for day in wanted.unmade if now < market_calendar.cut_off(day)]
    due = set(wanted.unmade) - set(early)
    if not due:
        last = wanted.chosen[-1] if wanted.chosen else "No session"
        return dg.SkipReason(
            f"The cut-off of {as_text(early)} is not over." if early else f"{last} is made, and no session since."
        )
    under_way = sessions_under_way(instance)
    if due <= under_way:
        return dg.SkipReason(f"A run makes {as_text(due)} already.")
    days = sorted((due | set(wanted.unfinished)) - under_way)
    return request_sessions(days, key=f"cut-off:{now:%Y-%m-%dT%H:%M}", given_up=wanted.given_up)
