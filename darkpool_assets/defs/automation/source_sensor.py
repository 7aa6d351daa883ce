"""The source sensor: polls whether a session's sources are out and requests the session once they are.

Between two looks it waits, longer each time; what was seen to be out is not asked for again. Past the cut-off a session is
requested as it is, so that its check tells what is missing, and looked for again until five sessions later.
"""

import datetime as dt
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import dagster as dg

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.session_requests import (
    END_OF_DAY,
    EVERY_DAY,
    Ticks,
    new_york_time,
    request_sessions,
    sessions_under_way,
)
from darkpool_assets.defs.automation.wanted_sessions import wanted_sessions
from darkpool_assets.defs.clock import Clock
from darkpool_assets.defs.raw.asking_again import sources_final_at
from darkpool_assets.settings import Settings
from darkpool_assets.sources.answer_limits import PROBE_LIMITS
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.warehouse import Warehouse

MOST_REQUESTS: Final = 5
_SHORTEST_WAIT: Final = dt.timedelta(minutes=5)
_LONGEST_WAIT: Final = dt.timedelta(hours=1)
_DOUBLED: Final = 4
_AFTER_SCHEDULE: Final = dt.timedelta(minutes=10)
_LOOKING_SECONDS: Final = 25  # Dagster ends a tick after 60, and one more look may take 30


@dataclass(frozen=True)
class Watch:
    """What the sensor remembers of one session between two ticks.

    Attributes:
        requests: Runs requested so far.
        looks: Looks at the sources since the last request.
        next_look: Not looked at before; at once where None.
        out: Raw tables that were seen to be out.
        is_cut_off: Whether it was requested at its cut-off.
    """

    requests: int = 0
    looks: int = 0
    next_look: dt.datetime | None = None
    out: tuple[str, ...] = ()
    is_cut_off: bool = False

    def looked(self, *, now: dt.datetime, out: Sequence[str], before: dt.datetime) -> "Watch":
        """After a look that did not find everything; the next one comes no later than `before`, while that lies ahead."""
        next_look = now + _wait(self.looks)
        return replace(
            self, looks=self.looks + 1, next_look=min(next_look, before) if now < before else next_look, out=tuple(sorted(out))
        )

    def requested(self, *, now: dt.datetime, is_cut_off: bool) -> "Watch":
        """After a request: a day that its run leaves unfinished is looked at later, and from the start."""
        return Watch(self.requests + 1, next_look=now + _wait(self.requests + 1), is_cut_off=is_cut_off or self.is_cut_off)


def build_source_sensor(settings: Settings, *, clock: Clock, ticks: Ticks = EVERY_DAY) -> dg.SensorDefinition:
    """The sensor of END_OF_DAY that looks at the sources themselves."""

    @dg.sensor(
        name="source_sensor",
        job_name=END_OF_DAY,
        minimum_interval_seconds=ticks.source_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED,
        description="Requests tonight's session once, when its short file, aggregates and trades are out, or at its cut-off.",
    )
    def source_sensor(context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.SensorResult:
        before = read_watches(context.cursor)
        requests, watches, words = look_at_sources(warehouse, context.instance, before, settings=settings, now=clock())
        skip = None if requests else " ".join(words) or "Every chosen session is made and whole."
        return dg.SensorResult(run_requests=requests, cursor=write_watches(watches), skip_reason=skip)

    return source_sensor


def look_at_sources(
    warehouse: Warehouse, instance: dg.DagsterInstance, watches: dict[dt.date, Watch], *, settings: Settings, now: dt.datetime
) -> tuple[list[dg.RunRequest], dict[dt.date, Watch], list[str]]:
    """What to request at `now`, what to remember, and in words what is waited for."""
    wanted = wanted_sessions(settings, warehouse, now=now)
    under_way = sessions_under_way(instance) if wanted.days else set()
    tried = _tried_since_cut_off(warehouse, wanted.days)
    ready: list[dt.date] = []
    started = time.monotonic()
    kept: dict[dt.date, Watch] = {}
    words: list[str] = []
    for day in wanted.days:
        watch = watches.get(day, Watch())
        if day in under_way:
            reason, after = f"{day}: a run makes it.", watch
        elif time.monotonic() - started > _LOOKING_SECONDS:
            reason, after = f"{day}: looked at in the next tick.", watch
        else:
            reason, after = _look(day, watch, is_untried=day not in tried, settings=settings, now=now)
        if reason:
            words.append(reason)
        else:
            ready.append(day)
        kept[day] = after
    attempt = "-".join(str(kept[day].requests) for day in ready)
    return request_sessions(ready, key=f"sources:{attempt}", given_up=wanted.given_up), kept, words


def _look(day: dt.date, watch: Watch, *, is_untried: bool, settings: Settings, now: dt.datetime) -> tuple[str, Watch]:
    """Why the day is not requested at `now` (empty: it is), and what to remember."""
    if watch.requests >= MOST_REQUESTS:
        return f"{day}: requested {watch.requests} times, see its runs; materialise it when the cause is mended.", watch
    if watch.next_look and now < watch.next_look:
        return f"{day}: next look at {new_york_time(watch.next_look)}.", watch
    with FinraFeeds(settings, limits=PROBE_LIMITS) as finra, PolygonFeeds(settings, limits=PROBE_LIMITS) as polygon:
        expected = _expected_at(day, finra, polygon, settings=settings)
        if now < expected:
            return f"{day}: looked at from {new_york_time(expected)} on.", replace(watch, next_look=expected)
        awaited = finra.awaited(day, known=watch.out) | polygon.awaited(day, known=watch.out)
    if not awaited:
        return "", watch.requested(now=now, is_cut_off=False)
    last_call = market_calendar.cut_off(day) + _AFTER_SCHEDULE
    if now >= last_call and is_untried and not watch.is_cut_off:
        return "", watch.requested(now=now, is_cut_off=True)
    told = f"{day}: " + " ".join(f"{table}: {reason}" for table, reason in sorted(awaited.items()))
    out = set(sources_final_at(day, window=settings.session_window(day))) - set(awaited)
    return told, watch.looked(now=now, out=sorted(out), before=last_call)


def _tried_since_cut_off(warehouse: Warehouse, days: Sequence[dt.date]) -> set[dt.date]:
    """Those of `days` that a run made, or failed to make, after their cut-off."""
    if not days:
        return set()
    newest = warehouse.newest_entries("derivation_ledger", days[0], days[-1], owner="daily_metrics", by=["date"])
    return {
        day for day, at in newest.select("date", "at").iter_rows() if at.replace(tzinfo=dt.UTC) >= market_calendar.cut_off(day)
    }


def _expected_at(day: dt.date, finra: FinraFeeds, polygon: PolygonFeeds, *, settings: Settings) -> dt.datetime:
    """From when on every service may have the whole day; files are looked for from the close on."""
    final_at = sources_final_at(day, window=settings.session_window(day))
    is_asked_for = {
        "finra_short_daily_raw": finra.short_is_asked_for,
        "polygon_daily_agg_raw": polygon.aggregates_are_asked_for,
        "polygon_equity_trades_raw": polygon.trades_are_asked_for,
    }
    return max([market_calendar.close_time(day), *(at for table, at in final_at.items() if is_asked_for[table])])


def _wait(looks: int) -> dt.timedelta:
    return min(_SHORTEST_WAIT * 2 ** min(looks, _DOUBLED), _LONGEST_WAIT)


def read_watches(cursor: str | None) -> dict[dt.date, Watch]:
    """The watches of a cursor; none of an empty one."""
    stored: dict[str, dict[str, Any]] = json.loads(cursor or "{}")
    return {dt.date.fromisoformat(day): _watch(fields) for day, fields in stored.items()}


def _watch(fields: dict[str, Any]) -> Watch:
    moment = fields["next_look"]
    return Watch(**fields | {"next_look": moment and dt.datetime.fromisoformat(moment), "out": tuple(fields["out"])})


def write_watches(watches: dict[dt.date, Watch]) -> str:
    """The cursor of `watches`."""
    return json.dumps({str(day): vars(watch) for day, watch in watches.items()}, default=str)
