"""Which stored sessions have gone stale: what they rest on is not what they were made of any more.

The ledgers tell who may be concerned, digests of the inputs tell who is: a reading that changes no number of a day changes
nothing. Nothing is run here; the command line and the sensor request what is found.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.input_digests import index_digests, metric_digests
from darkpool_assets.defs.derived.metric_inputs import look_back, read_index_inputs, read_metric_inputs
from darkpool_assets.settings import Settings
from darkpool_assets.sources.constituents import read_configured_constituents
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

DERIVED_AGAIN: Final = ("daily_metrics", "index_constituent_short_agg_daily", "composite_signal", "daily_tables")
"""What is made again of a stale day: its raw rows and its inferred direction rest on the day alone."""

RESTING: Final = ("composite_signal", "daily_tables")
"""What rests on daily_metrics."""

DRAWN: Final = ("pressure_plots", "report_site")
"""What a day has only where it was asked for, and then gets again with it."""

SHOWN: Final = ("daily_metrics", "index_constituent_short_agg_daily", "composite_signal")
"""What plots and pages show."""

_METRICS, _INDEX, _LIT = "daily_metrics", "index_constituent_short_agg_daily", "lit_direction_daily"
_STORED: Final = (IngestStatus.STORED.value, IngestStatus.PARTIAL.value)
_STATUS_TURNS_AFTER: Final = dt.timedelta(days=2)  # NOT_YET_PUBLISHED ends one day after the due date

Changes = Mapping[str, str]
"""What changed -> digest of what it is now: a feed, an asset that the day rests on."""


@dataclass(frozen=True)
class _Derived:
    """One day's derivations: of each asset the newest entry that stored rows, and when it was tried last."""

    stored: Mapping[str, Mapping[str, Any]]
    tried: Mapping[str, dt.datetime]

    @property
    def metrics(self) -> Mapping[str, Any]:
        return self.stored[_METRICS]

    @property
    def since(self) -> dt.datetime:
        """The moment from which on a feed's rows may have been read by none of the day's tables."""
        return min(entry["at"] for asset, entry in self.stored.items() if asset in {_METRICS, _INDEX})

    def is_torn(self, resting: Collection[str]) -> bool:
        """Whether a run stopped between daily_metrics and one of `resting`."""
        return any(self.tried[asset] < self.metrics["at"] for asset in resting if asset in self.tried)


class StaleSessions:
    """The search for stale sessions of one inference_version, as of one date.

    Args:
        warehouse: Read only.
        settings: Tickers and windows are those of the day's own derivation; lists and the proxy map are today's.
        as_of: New York date up to which publications may be known.
    """

    def __init__(self, warehouse: Warehouse, settings: Settings, *, as_of: dt.date) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._as_of = as_of

    def find(
        self, among: Collection[dt.date] | None = None, *, besides: Collection[dt.date] = (), resting: Collection[str] = RESTING
    ) -> dict[dt.date, Changes]:
        """Those of the stored sessions (of `among`, where given; but `besides`) that would come out otherwise now, oldest first.

        A day of which one of `resting` is older than its daily_metrics is stale, too.
        """
        with self._warehouse.connected() as warehouse:
            derived = _derived_days(warehouse, version=self._settings.inference_version)
            wanted = sorted((derived.keys() if among is None else derived.keys() & set(among)) - set(besides))
            suspects = _suspects({day: derived[day] for day in wanted}, _read_changes(warehouse), as_of=self._as_of)
            changes: dict[dt.date, Changes] = {
                day: {_METRICS: str(derived[day].metrics["at"])} for day in wanted if derived[day].is_torn(resting)
            }
            for day in wanted:
                if day in suspects:
                    changes[day] = {**changes.get(day, {}), **self._changed_inputs(warehouse, day, derived[day])}
        return {day: found for day, found in sorted(changes.items()) if found}

    def _changed_inputs(self, warehouse: Warehouse, day: dt.date, derived: _Derived) -> Changes:
        found: dict[str, str] = {}
        for asset, now in self._digests(warehouse, day, derived).items():
            then = json.loads(derived.stored[asset]["made_of"] or "{}")
            found |= {feed: digest for feed, digest in now.items() if then.get(feed) != digest}
        return found

    def _digests(self, warehouse: Warehouse, day: dt.date, derived: _Derived) -> dict[str, Mapping[str, str]]:
        """Asset -> digests of what it would be made of now."""
        then, symbols = json.loads(derived.metrics["settings"]), json.loads(derived.metrics["tickers"])
        window = max(then["short_z_window"], then["return_z_window"])
        inputs = read_metric_inputs(warehouse, day, symbols=symbols, inference_version=self._settings.inference_version)
        digests = {
            _METRICS: metric_digests(
                inputs, day=day, symbols=symbols, as_of=self._as_of, lit_window=then["lit_z_window"], window=window
            )
        }
        if _INDEX in derived.stored and self._constituents is not None:
            members = read_index_inputs(warehouse, self._constituents, day=day, as_of=self._as_of, settings=self._settings)
            digests[_INDEX] = index_digests(members, day=day, window=window)
        return digests

    @cached_property
    def _constituents(self) -> pl.DataFrame | None:
        try:
            return read_configured_constituents(self._settings)
        except SourceError:  # the index asset tells it
            return None


@dataclass(frozen=True)
class _StoredChanges:
    """When something was stored that may concern other days: sessions of a daily table, OTC weeks with their dates.

    Attributes:
        sessions: (session, when) of the daily feeds.
        directions: (session, when) of lit_direction_daily, on which the index table does not rest.
        weeks: (Monday, when, date from which it may be known).
    """

    sessions: Sequence[tuple[dt.date, dt.datetime]]
    directions: Sequence[tuple[dt.date, dt.datetime]]
    weeks: Sequence[tuple[dt.date, dt.datetime, dt.date]]


def _derived_days(warehouse: Warehouse, *, version: str) -> dict[dt.date, _Derived]:
    first, last = dt.date.min, market_calendar.last_calendar_day()
    entries = warehouse.newest_entries("derivation_ledger", first, last, by=["asset", "date", "inference_version", "status"])
    stored: dict[dt.date, dict[str, Mapping[str, Any]]] = {}
    tried: dict[dt.date, dict[str, dt.datetime]] = {}
    for entry in entries.filter(pl.col("inference_version") == version).iter_rows(named=True):
        day, asset = entry["date"], entry["asset"]
        tried.setdefault(day, {})[asset] = max(entry["at"], tried.get(day, {}).get(asset, entry["at"]))
        if entry["status"] == IngestStatus.STORED:
            stored.setdefault(day, {})[asset] = entry
    return {day: _Derived(assets, tried[day]) for day, assets in stored.items() if _METRICS in assets}


def _read_changes(warehouse: Warehouse) -> _StoredChanges:
    first, last = dt.date.min, market_calendar.last_calendar_day()
    readings = warehouse.newest_entries("ingest_ledger", first, last, by=["feed", "partition_date", "status"]).filter(
        pl.col("feed").is_in(["finra_short_daily_raw", "polygon_daily_agg_raw"]), pl.col("status").is_in(_STORED)
    )
    lit = warehouse.newest_entries("derivation_ledger", first, last, owner=_LIT, by=["date", "status"]).filter(
        pl.col("status") == IngestStatus.STORED.value
    )
    return _StoredChanges(
        sessions=list(readings.select("partition_date", "at").iter_rows()),
        directions=list(lit.select("date", "at").iter_rows()),
        weeks=list(warehouse.read_otc_dates().iter_rows()),
    )


def _suspects(derived: Mapping[dt.date, _Derived], changes: _StoredChanges, *, as_of: dt.date) -> set[dt.date]:
    """Days whose inputs may have changed: only of these are the digests taken."""
    if not derived:
        return set()
    oldest = min(of_day.since for of_day in derived.values())
    sessions = [(session, at) for session, at in changes.sessions if at > oldest]
    directions = [(session, at) for session, at in changes.directions if at > oldest]
    return {
        day
        for day, of_day in derived.items()
        if any(at > of_day.since and _bears_on(session, day) for session, at in sessions)
        or any(at > of_day.metrics["at"] and _bears_on(session, day) for session, at in directions)
        or any(_week_bears_on(week, day, of_day, as_of=as_of) for week in changes.weeks)
        or _status_turns(day, then=of_day.metrics["as_of"], now=as_of)
    }


def _bears_on(session: dt.date, day: dt.date) -> bool:
    first, last = look_back(day)
    return first <= session <= last


def _week_bears_on(week: tuple[dt.date, dt.datetime, dt.date], day: dt.date, derived: _Derived, *, as_of: dt.date) -> bool:
    monday, stored_at, known_on = week
    reach = market_calendar.otc_weeks_in_reach(day)
    is_new = stored_at > derived.since or _lies_between(known_on, derived.metrics["as_of"], as_of)
    return is_new and reach[0] <= monday <= reach[-1]


def _status_turns(day: dt.date, *, then: dt.date, now: dt.date) -> bool:
    """Whether a day's week may have become overdue between two dates."""
    week = market_calendar.week_of(day)
    return any(_lies_between(market_calendar.otc_due_date(week, tier) + _STATUS_TURNS_AFTER, then, now) for tier in ("T1", None))


def _lies_between(date: dt.date, one: dt.date, other: dt.date) -> bool:
    return min(one, other) < date <= max(one, other)
