"""What is finished and what has gone stale: which stored sessions a command may skip, and which it must derive again.

Reads ledgers, rows and the times of local files; runs nothing. session_runs acts on the answers.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.otc_anchor import anchor_to_otc_week, weekly_otc_volumes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.defs.ledgers import deciding_settings
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.session_choice import stale_sessions
from darkpool_assets.settings import Settings
from darkpool_assets.sources.constituents import configured_constituents_files
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.vocabulary import DataQuality, IngestStatus
from darkpool_assets.warehouse import Warehouse

RESTING: Final = ("composite_signal", "daily_tables")
_UNFINISHED: Final = (IngestStatus.NOT_PUBLISHED, IngestStatus.FAILED, IngestStatus.PARTIAL, IngestStatus.DEGRADED)
_OTC_COLUMNS: Final = (
    "otc_week_used", "otc_published_date", "otc_status", "otc_off_exchange_volume", "otc_ats_volume", "otc_non_ats_volume",
    "otc_trade_count",
)  # fmt: skip


class StoredSessions:
    """The stored sessions of one warehouse, held against the settings and the files of this moment."""

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        self._settings = settings
        self._warehouse = warehouse

    def is_settled(self, day: dt.date, selected: Collection[str]) -> bool:
        """Whether `day` is there, of unchanged files, under these settings, and would come out the same."""
        with self._warehouse.connected() as warehouse:
            readings = warehouse.newest_entries("ingest_ledger", day, day, by=["feed"])
            stored = warehouse.newest_entries("ingest_ledger", day, day, by=["feed", "status"])
            newest = warehouse.newest_entries("derivation_ledger", day, day, by=["asset", "inference_version"])
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
        failed = entries.filter(pl.col("status") == IngestStatus.FAILED.value, pl.col("asset").is_in(list(selected)))
        if entry.is_empty() or failed.height or not self._was_derived_alike(entry):
            return False
        made_of_it = entries.filter(pl.col("asset").is_in(list(set(RESTING) & set(selected))), pl.col("at") < entry["at"][0])
        is_new = pl.col("status").is_in([IngestStatus.STORED.value, IngestStatus.PARTIAL.value])
        if made_of_it.height or stored.filter(is_new, pl.col("at") > entry["at"][0]).height:
            return False  # older than what it rests on: a run stopped between the two
        read = dict(zip(readings["feed"], readings["at"], strict=True))
        if self._has_newer_file(day, read=read, derived=entry["at"][0]):
            return False
        qualities = [*rows["data_quality"], *index["data_quality"]]
        is_anchored = all(quality == DataQuality.OTC_ANCHORED for quality in qualities)
        return (is_anchored or entry["as_of"][0] == self._as_of) and self._rests_on_newest_weeks(day, rows)

    def stale(self, *, made: Collection[dt.date], changed: set[dt.date], weeks: set[dt.date]) -> list[dt.date]:
        """Stored sessions that were not made now and whose numbers rest on changed days or on changed OTC weeks.

        Args:
            made: Sessions that the command made itself.
            changed: Sessions of which a daily feed or the inferred direction changed, look-back included.
            weeks: Mondays of OTC weeks of which a vintage was stored.
        """
        window = max(self._settings.short_z_window, self._settings.return_z_window, self._settings.lit_z_window) + 1
        stale = stale_sessions(self._stored_near(changed, window), changed=changed, made=made, window=window)
        candidates = [day for day in self._stored_near(weeks, window) if day not in made and day not in stale]
        resting = [day for day in candidates if market_calendar.week_of(day) in weeks or not self._rests_on_newest_weeks(day)]
        return sorted([*stale, *resting])

    def changed_since(self, started: dt.datetime) -> set[dt.date]:
        """Sessions of which a daily feed was stored since `started`, look-back included."""
        first, last = dt.date.min, market_calendar.last_calendar_day()
        # By status too: what was stored as look-back may have been read again, unchanged, as a day of its own.
        by = ["feed", "partition_date", "source", "status"]
        entries = self._warehouse.newest_entries("ingest_ledger", first, last, by=by)
        stored = pl.col("status").is_in([IngestStatus.STORED.value, IngestStatus.PARTIAL.value])
        daily = pl.col("feed") != "finra_otc_weekly_raw"
        return set(entries.filter(stored, daily, pl.col("at") >= started)["partition_date"])

    def weeks_since(self, started: dt.datetime) -> set[dt.date]:
        """Mondays of OTC weeks of which a vintage was stored since `started`."""
        return set(self._warehouse.days_ingested_since("finra_otc_weekly_raw", started))

    def has_site_page(self, day: dt.date) -> bool:
        """Whether the report site has pages of `day`."""
        return (self._settings.output_dir / day.isoformat() / "index.html").is_file()

    def direction(self, days: Sequence[dt.date]) -> pl.DataFrame:
        """Inferred direction of `days` as stored: date, symbol, log_buy_sell, classification_method."""
        first, last = (days[0], days[-1]) if days else (dt.date.min, dt.date.min)
        version = self._settings.inference_version
        rows = self._warehouse.read_window("lit_direction_daily", first, last, inference_version=version)
        return rows.select("date", "symbol", "log_buy_sell", "classification_method")

    @property
    def _as_of(self) -> dt.date:
        return self._settings.as_of_date(dt.datetime.now(dt.UTC))

    def _stored_near(self, days: set[dt.date], window: int) -> list[dt.date]:
        """Stored sessions from the week of the first of `days` to as far as the last of them can reach."""
        if not days:
            return []
        first = max(market_calendar.week_of(min(days)), self._settings.partitions_start)
        weeks_on = max(days) + dt.timedelta(weeks=market_calendar.OTC_REACH_WEEKS + 1)
        last = max([*market_calendar.sessions_after(max(days), window), weeks_on])
        return self._warehouse.stored_days("daily_metrics", first, last, inference_version=self._settings.inference_version)

    def _can_be_had(self, readings: pl.DataFrame) -> bool:
        """Whether a feed that had no source when the day was made has one now."""
        without = set(readings.filter(pl.col("status") == IngestStatus.NOT_CONFIGURED.value)["feed"])
        finra, polygon = FinraFeeds(self._settings), PolygonFeeds(self._settings)
        return any((finra if feed.startswith("finra") else polygon).has_source(feed) for feed in without)

    def unfinished(self, days: Sequence[dt.date]) -> list[dt.date]:
        """Those of `days` that were asked for and are not whole: a feed failed, or was not published yet."""
        if not days:
            return []
        readings = self._warehouse.newest_entries("ingest_ledger", days[0], days[-1], by=["partition_date", "feed"])
        bad = readings.filter(pl.col("status").is_in([status.value for status in _UNFINISHED]))
        made = set(
            self._warehouse.stored_days("daily_metrics", days[0], days[-1], inference_version=self._settings.inference_version)
        )
        return [day for day in days if day in set(bad["partition_date"]) and day in made]

    def _has_every_page(self, day: dt.date) -> bool:
        kinds = ["html", "png", *(["csv"] if self._settings.export_csv else [])]
        return all((tables_folder(self._settings, day) / f"daily_metrics.{kind}").is_file() for kind in kinds)

    def _was_derived_alike(self, entry: pl.DataFrame) -> bool:
        """Whether the derivation had these tickers, settings and sources."""
        tickers, settings = json.loads(entry["tickers"][0]), json.loads(entry["settings"][0])
        return tickers == list(self._settings.tickers) and settings == deciding_settings(self._settings)

    def _rests_on_newest_weeks(self, day: dt.date, rows: pl.DataFrame | None = None) -> bool:
        """Whether anchoring `day` now, as of this run, gives the OTC columns that are stored."""
        version = self._settings.inference_version
        stored = self._warehouse.read_day("daily_metrics", day, inference_version=version) if rows is None else rows
        spellings = spellings_of(stored["symbol"]).select("symbol", "polygon_symbol")
        reach = market_calendar.otc_weeks_in_reach(day)
        otc_rows = self._warehouse.read_window(
            "finra_otc_weekly_raw", reach[0], reach[-1], symbols=spellings["polygon_symbol"].to_list()
        )
        weeks = weekly_otc_volumes(otc_rows, as_of=self._as_of).rename({"symbol": "polygon_symbol"})
        known = weeks.join(spellings, on="polygon_symbol")
        anchored = anchor_to_otc_week(stored["symbol"].to_list(), known, day=day, as_of=self._as_of)
        return anchored.select("symbol", *_OTC_COLUMNS).equals(stored.select("symbol", *_OTC_COLUMNS))

    def _has_newer_file(self, day: dt.date, *, read: Mapping[str, dt.datetime], derived: dt.datetime) -> bool:
        """Whether a local file of the day was written after it was read (UTC, naive); one that is gone counts as changed."""
        try:
            files = {**FinraFeeds(self._settings).files(day), **PolygonFeeds(self._settings).files(day)}
            lists = configured_constituents_files(self._settings)
            newer = [path for feed, paths in files.items() for path in paths if _written(path) > read.get(feed, derived)]
            return bool(newer) or any(_written(path) > derived for path in lists)
        except (SourceError, OSError):
            return True


def _written(path: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None)
