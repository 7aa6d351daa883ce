"""The re-derivation sensor: asks for OTC weeks once a day, and has those stored sessions derived again that have gone stale.

A new or restated week anchors its own sessions and moves later ones that rest on it; a late short file moves the z-scores of
the sessions after it. What is stale is found by content (defs/stale_sessions.py): an unchanged week requests nothing, and one
content requests a session once.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.session_requests import END_OF_DAY, EVERY_DAY, Ticks, request_sessions, sessions_under_way
from darkpool_assets.defs.automation.wanted_sessions import wanted_sessions
from darkpool_assets.defs.clock import Clock
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw, weeks_to_ask_for
from darkpool_assets.defs.run_options import LARGEST_RUN
from darkpool_assets.defs.stale_sessions import DERIVED_AGAIN, DRAWN
from darkpool_assets.defs.stored_sessions import StoredSessions
from darkpool_assets.session_choice import contiguous_blocks
from darkpool_assets.settings import Settings
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.warehouse import Warehouse

WEEKS_ASKED_FROM: Final = dt.time(21, 0)


def build_rederivation_sensor(settings: Settings, *, clock: Clock, ticks: Ticks = EVERY_DAY) -> dg.SensorDefinition:
    """The sensor that keeps stored sessions in step with what FINRA publishes and restates."""

    @dg.sensor(
        name="rederivation_sensor",
        job_name=END_OF_DAY,
        minimum_interval_seconds=ticks.rederivation_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED,
        description="Asks FINRA for OTC weeks once a day; derives sessions again whose weeks or look-back changed.",
    )
    def rederivation_sensor(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], finra: dg.ResourceParam[FinraFeeds]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if under_way := sessions_under_way(context.instance):
            return dg.SkipReason(f"Runs make {len(under_way)} sessions; what they leave stale is looked for afterwards.")
        now = clock()
        return (
            weeks_request(warehouse, finra, settings=settings, now=now)
            or stale_requests(warehouse, settings=settings, clock=clock)
            or dg.SkipReason("Every stored session rests on what is stored now.")
        )

    return rederivation_sensor


def weeks_request(warehouse: Warehouse, finra: FinraFeeds, *, settings: Settings, now: dt.datetime) -> list[dg.RunRequest]:
    """A run of finra_otc_weekly_raw for the newest stored session, when a week is due to be asked for or a file is new."""
    first, last = settings.partitions_start, market_calendar.new_york_date(now)
    stored = warehouse.stored_days("daily_metrics", first, last, inference_version=settings.inference_version)
    if not stored or wanted_sessions(settings, warehouse, now=now).unmade:
        return []  # the run of a session asks, too
    try:
        asked_for = weeks_to_ask_for(warehouse, finra, stored[-1], now=now)
    except SourceError:  # the raw asset tells it in the next run
        return []
    if not asked_for or (finra.otc_is_asked_for and not _is_time_to_ask(now)):
        return []
    select = [finra_otc_weekly_raw.key.to_user_string()]
    return request_sessions([stored[-1]], key=f"weeks:{last}:{_digest(asked_for)}", select=select)


def _is_time_to_ask(now: dt.datetime) -> bool:
    """Weekday evenings in New York, after the session's own run asked; FINRA publishes on weekdays."""
    in_new_york = now.astimezone(ZoneInfo(market_calendar.NEW_YORK))
    return in_new_york.weekday() < 5 and in_new_york.time() >= WEEKS_ASKED_FROM


def stale_requests(warehouse: Warehouse, *, settings: Settings, clock: Clock) -> list[dg.RunRequest]:
    """A run per block of stale sessions, oldest first; those that have pages get them again, with their plots."""
    stored = StoredSessions(settings, warehouse, clock=clock)
    stale = stored.stale()
    paged = {day for day in stale if stored.has_site_page(day)}
    requests: list[dg.RunRequest] = []
    for block in _blocks(stale, paged=paged):
        drawn = DRAWN if block[0] in paged else ()
        key = f"stale:{_digest({str(day): dict(stale[day]) for day in block})}"
        requests += request_sessions(block, key=key, select=[*DERIVED_AGAIN, *drawn])
    return requests


def _blocks(stale: Collection[dt.date], *, paged: Collection[dt.date]) -> list[list[dt.date]]:
    """Neighbouring days, those with pages and those without apart."""
    kinds = [day for day in stale if day in paged], [day for day in stale if day not in paged]
    return sorted(block for days in kinds for block in contiguous_blocks(days, largest=LARGEST_RUN))


def _digest(content: Mapping[str, object] | Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
