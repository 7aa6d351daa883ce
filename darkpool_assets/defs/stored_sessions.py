"""What is finished: which stored sessions may be skipped, and which of them lack something.

Reads ledgers, rows and the times of local files; runs nothing. The command line and the sensors act on the answers.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import polars as pl

from darkpool_assets.defs.clock import Clock, system_clock
from darkpool_assets.defs.ledgers import are_trades_pruned, deciding_settings
from darkpool_assets.defs.phase_c.report_site import pages_folder
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.defs.stale_sessions import DRAWN, RESTING, SHOWN, Changes, StaleSessions
from darkpool_assets.settings import Settings
from darkpool_assets.sources.constituents import configured_constituents_files
from darkpool_assets.sources.day_files import written_at
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.vocabulary import DataQuality, IngestStatus
from darkpool_assets.warehouse import Warehouse

_UNFINISHED: Final = (IngestStatus.NOT_PUBLISHED, IngestStatus.FAILED, IngestStatus.PARTIAL, IngestStatus.DEGRADED)


class StoredSessions:
    """The stored sessions of one warehouse, held against the settings and the files of this moment."""

    def __init__(self, settings: Settings, warehouse: Warehouse, *, clock: Clock = system_clock) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._clock = clock

    def settled(self, days: Collection[dt.date], selected: Collection[str]) -> list[dt.date]:
        """Those of `days` that are there, of unchanged files, under these settings, and would come out the same."""
        stale = self._stale.find(days, resting=set(RESTING) & set(selected))
        return [day for day in days if day not in stale and self._is_settled(day, selected)]

    def stale(self, *, besides: Collection[dt.date] = ()) -> dict[dt.date, Changes]:
        """The stored sessions, but `besides`, that rest on something else than they were made of; oldest first."""
        return self._stale.find(besides=besides)

    @property
    def _stale(self) -> StaleSessions:
        return StaleSessions(self._warehouse, self._settings, as_of=self._as_of)

    def _is_settled(self, day: dt.date, selected: Collection[str]) -> bool:
        with self._warehouse.connected() as warehouse:
            readings = warehouse.newest_entries("ingest_ledger", day, day, by=["feed"], whole=True)
            stored = warehouse.newest_entries("ingest_ledger", day, day, by=["feed", "status"])
            newest = warehouse.newest_entries("derivation_ledger", day, day, by=["asset", "inference_version"])
            is_pruned = are_trades_pruned(warehouse, day)
            rows = warehouse.read_day("daily_metrics", day, inference_version=self._settings.inference_version)
            index = warehouse.read_day(
                "index_constituent_short_agg_daily", day, inference_version=self._settings.inference_version
            )
        if readings.filter(pl.col("status").is_in([status.value for status in _UNFINISHED])).height or self._can_be_had(readings):
            return False
        if "daily_tables" in selected and not self._has_every_page(day):
            return False
        entries = newest.filter(pl.col("inference_version") == self._settings.inference_version)
        entry = entries.filter(pl.col("asset") == "daily_metrics")
        # Of a pruned day the direction stays; one that could not be derived again for want of trades unsettles nothing.
        unjudged = ["lit_direction_daily"] if is_pruned else []
        judged = ~pl.col("asset").is_in(unjudged) & pl.col("asset").is_in(list(selected))
        failed = entries.filter(pl.col("status") == IngestStatus.FAILED.value, judged)
        alike = entries.filter(pl.col("asset").is_in(["daily_metrics", "lit_direction_daily"])).iter_rows(named=True)
        if entry.is_empty() or failed.height or not all(map(self._was_derived_alike, alike)):
            return False
        is_new = pl.col("status").is_in([IngestStatus.STORED.value, IngestStatus.PARTIAL.value])
        if stored.filter(is_new, pl.col("at") > entry["at"][0]).height:
            return False  # older than what it rests on: a run stopped between the two
        read = dict(
            stored.filter(pl.col("status") != IngestStatus.PRUNED.value).group_by("feed").agg(pl.col("at").max()).iter_rows()
        )
        if self._has_newer_file(day, read=read, derived=entry["at"][0]):
            return False
        qualities = [*rows["data_quality"], *index["data_quality"]]
        is_anchored = all(quality == DataQuality.OTC_ANCHORED for quality in qualities)
        return is_anchored or entry["as_of"][0] == self._as_of

    def has_site_page(self, day: dt.date) -> bool:
        """Whether the report site has pages of `day`."""
        return (pages_folder(self._settings, day) / "index.html").is_file()

    def outdated_drawings(self) -> list[dt.date]:
        """Sessions whose plots or pages are older than what they show, as where a run stopped between the two; oldest first."""
        entries = self._warehouse.newest_entries(
            "derivation_ledger", dt.date.min, dt.date.max, by=["asset", "date", "inference_version"]
        ).filter(pl.col("inference_version") == self._settings.inference_version)
        moments = entries.group_by("date").agg(
            drawn=pl.col("at").filter(pl.col("asset").is_in(DRAWN)).min(),
            shown=pl.col("at").filter(pl.col("asset").is_in(SHOWN)).max(),
        )
        return sorted(moments.filter(pl.col("drawn") < pl.col("shown"))["date"])

    @property
    def _as_of(self) -> dt.date:
        return self._settings.as_of_date(self._clock())

    def _can_be_had(self, readings: pl.DataFrame) -> bool:
        """Whether a feed that had no source when the day was made has one now."""
        without = set(readings.filter(pl.col("status") == IngestStatus.NOT_CONFIGURED.value)["feed"])
        finra, polygon = FinraFeeds(self._settings), PolygonFeeds(self._settings)
        return any((finra if feed.startswith("finra") else polygon).has_source(feed) for feed in without)

    def unfinished(self, days: Sequence[dt.date]) -> list[dt.date]:
        """Those of `days` that were asked for and are not whole: a feed failed or was not published yet, or deriving failed."""
        if not days:
            return []
        readings = self._warehouse.newest_entries("ingest_ledger", days[0], days[-1], by=["partition_date", "feed"], whole=True)
        bad = set(readings.filter(pl.col("status").is_in([status.value for status in _UNFINISHED]))["partition_date"])
        derived = self._warehouse.newest_entries(
            "derivation_ledger", days[0], days[-1], owner="daily_metrics", by=["date", "inference_version"]
        ).filter(pl.col("inference_version") == self._settings.inference_version)
        failed = set(derived.filter(pl.col("status") == IngestStatus.FAILED.value)["date"])
        return [day for day in days if day in failed or (day in bad and day in set(derived["date"]))]

    def _has_every_page(self, day: dt.date) -> bool:
        kinds = ["html", "png", *(["csv"] if self._settings.export_csv else [])]
        return all((tables_folder(self._settings, day) / f"daily_metrics.{kind}").is_file() for kind in kinds)

    def _was_derived_alike(self, entry: Mapping[str, Any]) -> bool:
        """Whether the derivation had these tickers, settings and sources."""
        tickers, settings = json.loads(entry["tickers"]), json.loads(entry["settings"])
        return tickers == list(self._settings.tickers) and settings == deciding_settings(self._settings)

    def _has_newer_file(self, day: dt.date, *, read: Mapping[str, dt.datetime], derived: dt.datetime) -> bool:
        """Whether a local file of the day was written after it was read (UTC, naive); one that is gone counts as changed."""
        try:
            files = {**FinraFeeds(self._settings).files(day), **PolygonFeeds(self._settings).files(day)}
            lists = configured_constituents_files(self._settings)
            newer = [path for feed, paths in files.items() for path in paths if written_at(path) > read.get(feed, derived)]
            return bool(newer) or any(written_at(path) > derived for path in lists)
        except (SourceError, OSError):
            return True
