"""How a reading of a feed is stored: unchanged content is not stored again, a ledger row is written with every reading.

No feed is named here. The FINRA feeds append vintages, the Polygon feeds replace their day; both arrive as a `Feed`.
A service is not asked again for what is settled (asking_again.py), and not any more in a run in which it could not be reached.
"""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.defs.daily_asset import SessionReport
from darkpool_assets.defs.ledgers import event_entry, ingest_entry, utc_now
from darkpool_assets.defs.side_by_side import one_by_one, side_by_side
from darkpool_assets.settings import Settings
from darkpool_assets.sources.errors import (
    CredentialsRefused,
    NotConfigured,
    NotEntitled,
    NotPublishedYet,
    SourceError,
    TransientSourceError,
)
from darkpool_assets.sources.reading import Reading
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

Answered = TypeVar("Answered")

Stored = tuple[IngestStatus, list[Reading], str]

_SHOWN_READINGS: Final = 20
_WITHOUT_ROWS: Final = {NotConfigured: IngestStatus.NOT_CONFIGURED, NotPublishedYet: IngestStatus.NOT_PUBLISHED}


@dataclass
class Feed:
    """One feed in one run: how to read a day of it and where the rows go.

    Attributes:
        name: Raw table, and `feed` in the ledger.
        read: Readings of one day; `look_back` is true for a day that another day needs.
        vintage: Columns that identify a vintage beside its hash; None where a day is replaced as a whole.
        ledger_columns: Further ledger columns of a reading.
        merge: A reading with what it leaves of the stored day; asked inside the writing transaction.
        is_forced: Ask again for what is settled and store again what is unchanged.
        requests: Requests that the feed's service has had so far.
        is_due: For a feed of a service: whether a day is asked for, given its ledger entries and the moment; None for files.
        attempted: Look-back days that this run has asked for already.
        read_ahead: What of them it has read, until their own turn comes.
        beside: Names of sources that count together with the one that is stored: a directory's other files.
        has_faltered: Whether the service could not be reached when it was asked last: one address may fail alone, two in a row
            are an outage.
        outage: Why the service is not asked any more in this run.
    """

    name: str
    warehouse: Warehouse
    read: Callable[[dt.date, bool], Sequence[Reading]]
    vintage: tuple[str, ...] | None = None
    ledger_columns: Callable[[Reading], dict[str, float | str | None]] = field(default=lambda _reading: {})
    merge: Callable[[Warehouse, dt.date, Reading], Reading] = field(default=lambda _warehouse, _day, reading: reading)
    is_forced: bool = False
    requests: Callable[[], int] = field(default=lambda: 0)
    is_due: Callable[..., bool] | None = None
    attempted: set[dt.date] = field(default_factory=set)
    read_ahead: dict[dt.date, Stored] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()
    has_faltered: bool = False
    outage: SourceError | None = None

    def store_day(self, day: dt.date, *, look_back: bool = False) -> Stored:
        """Read and store one day, unless a service gave it already and it is settled.

        Returns:
            How it ended, the readings, and a message where there are none (settled, not configured, not published yet; not
            to be had while the day goes on with what is stored).

        Raises:
            SourceError: the source is missing, malformed or unreachable; nothing of it is stored.
        """
        if self.is_due and not self.is_forced and not self.due_again([day]):
            return IngestStatus.UNCHANGED, [], "settled, not asked for again"
        before = self.requests()
        try:
            readings = list(self.ask(lambda: self.read(day, look_back)))
        except (NotConfigured, NotPublishedYet) as reason:
            return self.note(day, _WITHOUT_ROWS[type(reason)], str(reason), requests=self.requests() - before)
        except NotEntitled as reason:
            return self.note(day, IngestStatus.DEGRADED, str(reason), requests=self.requests() - before)
        except SourceError as error:
            if not self.is_due or not self.warehouse.stored_days(self.name, day, day):
                raise
            if not self.is_forced:
                self.has_faltered = False  # what a stored day lacks may fail for ever, day after day: no sign of an outage
            message = f"{type(error).__name__}: {error} What is stored of {day} stays."
            return self.note(day, IngestStatus.DEGRADED, message, requests=self.requests() - before)
        status, stored = self._store(day, readings)
        return status, stored, ""

    def ask(self, call: Callable[[], Answered]) -> Answered:
        """What `call` answers; once the service is out of reach or refuses the key, the same error without asking it.

        Raises:
            SourceError: what `call` raises, or raised before.
        """
        if self.outage:
            raise self.outage
        had_faltered, self.has_faltered = self.has_faltered, False
        try:
            return call()
        except NotPublishedYet:
            raise
        except (TransientSourceError, CredentialsRefused) as error:
            self.has_faltered = True
            if had_faltered or isinstance(error, CredentialsRefused):
                self.outage = error
            raise

    def note(self, day: dt.date, status: IngestStatus, message: str, *, requests: int = 0) -> Stored:
        """Keep in the ledger why nothing of `day` was stored, and what was asked for it."""
        entry = event_entry(self.name, day, source="", status=status, message=message, requests=requests)
        self.warehouse.append({"ingest_ledger": entry})
        return status, [], message

    def due_again(self, days: Collection[dt.date]) -> list[dt.date]:
        """Those of `days` that the service is asked for in this run; none of a feed of files."""
        if not self.is_due or not days:
            return []
        entries = self.warehouse.newest_entries(
            "ingest_ledger", min(days), max(days), owner=self.name, by=["partition_date", "status"], whole=True
        )  # fmt: skip
        now = dt.datetime.now(dt.UTC)
        return [day for day in sorted(days) if self.is_due(day, entries.filter(pl.col("partition_date") == day), now=now)]

    def store(self, day: dt.date, readings: Sequence[Reading]) -> IngestStatus:
        """Store the readings of `day` with their ledger rows in one transaction; unchanged ones add only the ledger row."""
        return self._store(day, readings)[0]

    def _store(self, day: dt.date, readings: Sequence[Reading]) -> tuple[IngestStatus, list[Reading]]:
        """How it ended, and the readings as they were stored, beside what was there."""
        with self.warehouse.transaction() as warehouse:
            hashes = self._current_hashes(warehouse, day, sources=self.beside | {reading.source for reading in readings})
            changed: list[pl.DataFrame] = []
            entries: list[pl.DataFrame] = []
            stored: list[Reading] = []
            at = utc_now()
            for read in readings:
                is_unchanged = bool(read.content_hash) and hashes.get(read.source) == read.content_hash
                status = IngestStatus.UNCHANGED if is_unchanged and not self.is_forced else IngestStatus.STORED
                reading = read if status is IngestStatus.UNCHANGED else self.merge(warehouse, day, read)
                stored.append(reading)
                entries.append(ingest_entry(self.name, day, reading, status=status, at=at, **self.ledger_columns(reading)))
                if status is IngestStatus.STORED:
                    changed.append(reading.rows)
            ledger = {"ingest_ledger": pl.concat(entries)}
            if not changed:
                warehouse.append(ledger)
                return IngestStatus.UNCHANGED, stored
            rows = pl.concat(changed)
            if self.vintage is None:
                warehouse.replace_day(self.name, rows, day=day, also=ledger)
            else:
                warehouse.append_vintage(self.name, rows, per=self.vintage, at=utc_now(), also=ledger)
        return IngestStatus.PARTIAL if any(reading.failures for reading in stored) else IngestStatus.STORED, stored

    def _current_hashes(self, warehouse: Warehouse, day: dt.date, *, sources: frozenset[str]) -> dict[str, str]:
        """Source -> hash of what is stored; nothing that was pruned, or read before another source took its place."""
        if self.vintage is None and not warehouse.stored_days(self.name, day, day):
            return {}
        known = warehouse.newest_entries("ingest_ledger", day, day, owner=self.name, by=["source"]).drop_nulls("content_hash")
        replaced = known.filter(~pl.col("source").is_in(list(sources)))["at"].max()
        current = known if replaced is None else known.filter(pl.col("at") > replaced)
        return dict(zip(current["source"], current["content_hash"], strict=True))

    def record_failure(self, day: dt.date, error: Exception) -> None:
        """Keep in the ledger that `day` failed, and why."""
        self.note(day, IngestStatus.FAILED, f"{type(error).__name__}: {error}")

    def store_look_back(self, days: Sequence[dt.date]) -> tuple[dict[dt.date, int], dict[dt.date, str]]:
        """Store those of `days` that hold nothing yet; what is not to be had is said, not raised.

        Returns:
            Rows stored by day, and what was missing by day.
        """
        stored: dict[dt.date, int] = {}
        missing: dict[dt.date, str] = {}
        attempts = one_by_one if self.is_due else side_by_side  # a service that is out of reach is given up
        for day, attempt in attempts(lambda day: self.store_day(day, look_back=True), days):
            self.attempted.add(day)
            if isinstance(attempt, SourceError):
                self.record_failure(day, attempt)
                missing[day] = str(attempt)
                if self.outage:
                    break
                continue
            if isinstance(attempt, Exception):
                raise attempt
            status, readings, message = attempt
            if readings:
                self.read_ahead[day] = status, readings, message
                stored[day] = sum(reading.rows.height for reading in readings)
            else:
                missing[day] = message
        return stored, missing


def store_with_look_back(feed: Feed, day: dt.date, *, settings: Settings) -> SessionReport:
    """Store `day` of a cheap feed, and those sessions around it that its numbers need and that are not stored yet."""
    status, readings, message = feed.read_ahead.pop(day, None) or feed.store_day(day)
    feed.read_ahead = {later: stored for later, stored in feed.read_ahead.items() if later > day}
    feed.attempted.add(day)
    as_of = settings.as_of_date(dt.datetime.now(dt.UTC))
    needed = market_calendar.cheap_feed_sessions(day, as_of=as_of, partitions_start=settings.partitions_start)
    stored_before = set(feed.warehouse.stored_days(feed.name, needed[0], needed[-1]))
    absent = [session for session in needed if session not in stored_before and session not in feed.attempted]
    absent += feed.due_again(stored_before - feed.attempted)
    stored, missing = ({}, {}) if status is IngestStatus.NOT_CONFIGURED else feed.store_look_back(absent)
    report = report_readings(status, readings, message)
    look_back = {
        "sessions needed": len(needed),
        "stored before": len(stored_before),
        "stored now": len(stored),
        "missing": len(missing),
    }
    return SessionReport(
        report.summary,
        rows=report.rows,
        metadata={**report.metadata, "look-back": look_back},
        look_back={
            session: {"dagster/partition_row_count": rows, "summary": f"look-back of {day}"} for session, rows in stored.items()
        },
    )


def report_readings(status: IngestStatus, readings: Sequence[Reading], message: str) -> SessionReport:
    """What the UI is told of the readings of one day."""
    rows = sum(reading.rows.height for reading in readings)
    newest = sorted(readings, key=lambda reading: reading.source)[-_SHOWN_READINGS:]
    counts = [_counts_of(reading) for reading in newest]
    summary = (
        f"{status.value}: {message}" if message else f"{status.value}: {rows:,} rows of {', '.join(r.source for r in readings)}"
    )
    table = {"readings": dg.MetadataValue.table(counts)} if counts else {}
    is_settled = status is IngestStatus.UNCHANGED and not readings
    return SessionReport(summary, rows=None if is_settled else rows, metadata={"status": status.value, **table})


def _counts_of(reading: Reading) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "source": reading.source,
            "physical rows": reading.physical_rows,
            "expected rows": reading.expected_rows,
            "stored rows": reading.rows.height,
            "duplicates": reading.duplicate_rows,
            "dropped": reading.dropped_rows,
            "off session": reading.off_session_rows,
            "requests": reading.requests,
            "failures": "; ".join(f"{symbol}: {reason}" for symbol, reason in reading.failures.items()),
            "left out": "; ".join(f"{one.symbol}: {one.fault}" for one in reading.left_out),
        }
    )
