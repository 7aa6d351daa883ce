"""finra_otc_weekly_raw: FINRA's weekly OTC volume, the authoritative off-exchange anchor, in vintages.

A weekly feed in daily partitions: a day makes sure that every week it may rest on is stored as currently published.
"""

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.defs.daily_asset import FROM_FINRA, SessionReport, daily_asset, make_sessions
from darkpool_assets.defs.ledgers import event_entry, left_out_of_json, utc_now
from darkpool_assets.defs.raw.asking_again import week_is_due
from darkpool_assets.defs.raw.feed_storage import Feed, report_readings
from darkpool_assets.defs.raw.odd_symbols import Universe
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.settings import Settings
from darkpool_assets.sources.day_files import written_at
from darkpool_assets.sources.errors import MalformedSource, NotConfigured, NotPublishedYet, SourceError
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.finra.otc_weekly import week_source
from darkpool_assets.sources.finra.services import OTC_TIERS
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.symbol_records import LeftOut
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

_TABLE: Final = "finra_otc_weekly_raw"
WEEKS_IN_REACH: Final = "weeks in reach"


@daily_asset(
    _TABLE,
    group="raw",
    owner="ingest",
    kinds={"finra", "duckdb"},
    tags=FROM_FINRA,
    description="FINRA OTC (ATS and non-ATS) weekly volume: the week of the day and the eight before it, as published so far.",
)
def finra_otc_weekly_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    finra: dg.ResourceParam[FinraFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """The nine weeks that one session may rest on."""
    feed = Feed(
        _TABLE,
        warehouse,
        lambda *_: [],
        vintage=("symbol", "week_start_date"),
        ledger_columns=lambda _reading: {"symbols": json.dumps(universe) if (universe := finra.otc_universe) else None},
        is_forced=is_forced(context),
    )
    asked: dict[dt.date, SourceError | None] = {}
    read_once: list[_Read] = []
    universe = Universe(settings)

    def make(day: dt.date) -> SessionReport:
        if finra.otc_is_asked_for:
            read = _ask_for_weeks(feed, finra, day, asked, universe=universe)
            return _weeks_in_reach(warehouse, day, read, settings=settings, universe=universe)
        if not read_once:
            read_once.append(_store_files(feed, finra, day, universe=universe))
        return _weeks_in_reach(warehouse, day, read_once[0], settings=settings, universe=universe)

    yield from make_sessions(context, make, on_failure=feed.record_failure)


@dataclass(frozen=True)
class _Read:
    """What became of the weekly source, and the ledger's names of what a day rests on."""

    report: SessionReport
    sources: Collection[str]


def _ask_for_weeks(
    feed: Feed, finra: FinraFeeds, day: dt.date, asked: dict[dt.date, SourceError | None], *, universe: Universe
) -> _Read:
    """Ask FINRA's Query API for those weeks in reach that are due, each once in a run; `asked` remembers them and their errors.

    A week that fails costs that week; the others are asked for while the service is in reach.

    Raises:
        SourceError: FINRA could not be asked, and no week in reach is stored.
    """
    weeks = market_calendar.otc_weeks_in_reach(day)
    sources = [week_source(week) for week in weeks]
    readings: list[Reading] = []
    try:
        unasked = [week for week in weeks if week not in asked]
        due = unasked if feed.is_forced else _due_weeks(feed.warehouse, finra, unasked, now=dt.datetime.now(dt.UTC))
    except SourceError as error:
        return _Read(_without_failed_weeks(feed, weeks, readings, [error]), sources)
    for week in due:
        asked[week] = None
        try:
            readings += _ask_for_week(feed, finra, week, universe=universe)
        except SourceError as error:
            asked[week] = error
            if feed.outage:
                break
    errors = [error for week in weeks if (error := asked.get(week))]
    if errors:
        return _Read(_without_failed_weeks(feed, weeks, readings, errors), sources)
    status = IngestStatus.STORED if readings else IngestStatus.UNCHANGED
    return _Read(report_readings(status, readings, "" if readings else "no week is due to be asked for"), sources)


def _without_failed_weeks(
    feed: Feed, weeks: Sequence[dt.date], readings: Sequence[Reading], errors: Sequence[SourceError]
) -> SessionReport:
    if not feed.warehouse.stored_days(feed.name, weeks[0], weeks[-1]):
        raise errors[0]
    told = " ".join(dict.fromkeys(f"{type(error).__name__}: {error}" for error in errors))
    report = report_readings(IngestStatus.DEGRADED, readings, "")
    return replace(report, summary=f"{told} The day goes on with the weeks that are stored.")


def weeks_to_ask_for(warehouse: Warehouse, finra: FinraFeeds, day: dt.date, *, now: dt.datetime) -> list[str]:
    """What a run of `day` would read anew: Mondays of the weeks that FINRA is to be asked for, or files newer than their reading.

    Raises:
        SourceError: a constituents list or a folder that a setting names can't be read.
    """
    if finra.otc_is_asked_for:
        return [str(week) for week in _due_weeks(warehouse, finra, market_calendar.otc_weeks_in_reach(day), now=now)]
    entries = _newest_by_file(warehouse)
    read = dict(zip(entries["source"], entries["at"], strict=True))
    return [
        f"{path.name} of {written_at(path)}"
        for path in finra.files(day)["finra_otc_weekly_raw"]
        if path.name not in read or written_at(path) > read[path.name]
    ]


def _due_weeks(warehouse: Warehouse, finra: FinraFeeds, weeks: Sequence[dt.date], *, now: dt.datetime) -> list[dt.date]:
    if not weeks:
        return []
    rows = warehouse.read_window(_TABLE, weeks[0], weeks[-1])
    entries = warehouse.newest_entries("ingest_ledger", weeks[0], weeks[-1], owner=_TABLE, by=["partition_date", "source"])
    return [
        week
        for week in weeks
        if week_is_due(
            week, rows.filter(pl.col("week_start_date") == week), entries.filter(pl.col("partition_date") == week),
            tiers=OTC_TIERS, symbols=finra.otc_universe, now=now,
        )
    ]  # fmt: skip


def _ask_for_week(feed: Feed, finra: FinraFeeds, week: dt.date, *, universe: Universe) -> list[Reading]:
    today = market_calendar.new_york_date(dt.datetime.now(dt.UTC))
    try:
        reading = universe.with_failures(feed.ask(lambda: finra.otc_week(week, today=today)))
    except NotPublishedYet as reason:
        entry = event_entry(feed.name, week, source=week_source(week), status=IngestStatus.UNCHANGED, message=str(reason))
        feed.warehouse.append({"ingest_ledger": entry})
        return []
    feed.store(week, [reading])
    return [reading]


def _store_files(feed: Feed, finra: FinraFeeds, day: dt.date, *, universe: Universe) -> _Read:
    """Store what the weekly source holds; every week of it, for files hold many. Files that were read before are not parsed.

    Raises:
        MalformedSource: every file breaks its format, and no week in reach is stored.
    """
    try:
        files = finra.otc_files()
        hashes = finra.otc_hashes(files)
        are_told_apart = len(hashes) == len(files)  # two months may hold a file of one name
        if are_told_apart and not feed.is_forced and _note_unchanged_files(feed, hashes):
            unchanged = report_readings(IngestStatus.UNCHANGED, [], f"{len(files)} files, each as it was read before")
            return _Read(unchanged, hashes)
        read = finra.otc_weekly(files, today=market_calendar.new_york_date(dt.datetime.now(dt.UTC)))
    except (NotConfigured, NotPublishedYet) as reason:
        status = IngestStatus.NOT_CONFIGURED if isinstance(reason, NotConfigured) else IngestStatus.NOT_PUBLISHED
        return _Read(SessionReport(str(reason), metadata={"status": status.value}), ())
    readings = [universe.with_failures(reading) for reading in read.readings]
    report = _store_readings(feed, readings, day)
    if read.malformed:
        report = _without_malformed_files(feed, market_calendar.otc_weeks_in_reach(day), report, read.malformed)
    return _Read(report, hashes)


def _store_readings(feed: Feed, readings: Sequence[Reading], day: dt.date) -> SessionReport:
    with feed.warehouse.connected() as warehouse:
        held = replace(feed, warehouse=warehouse, beside=frozenset(reading.source for reading in readings))
        statuses: set[IngestStatus] = set()
        for reading in readings:
            # Once a file is stored, those after it are too: a changed older file must not outdo a restatement.
            held.is_forced = held.is_forced or bool(statuses & {IngestStatus.STORED, IngestStatus.PARTIAL})
            statuses.add(held.store(_newest_week(reading) or day, [reading]))
    is_new = bool(statuses & {IngestStatus.STORED, IngestStatus.PARTIAL})
    return report_readings(IngestStatus.STORED if is_new else IngestStatus.UNCHANGED, readings, "")


def _without_malformed_files(
    feed: Feed, weeks: Sequence[dt.date], report: SessionReport, malformed: Mapping[str, MalformedSource]
) -> SessionReport:
    """The report of the other files, which says what is wrong with these; raises where no week in reach is stored."""
    if not feed.warehouse.stored_days(feed.name, weeks[0], weeks[-1]):
        raise next(iter(malformed.values()))
    told = " ".join(str(error) for error in malformed.values())
    return replace(report, summary=told, metadata={**report.metadata, "status": IngestStatus.DEGRADED.value})


def _note_unchanged_files(feed: Feed, hashes: Mapping[str, str]) -> bool:
    """Whether each file was read last with the hash that it has now; then the ledger keeps that they were looked at."""
    with feed.warehouse.connected() as warehouse:
        entries = _newest_by_file(warehouse).filter(pl.col("source").is_in(list(hashes)))
        if dict(entries.select("source", "content_hash").iter_rows()) != hashes:
            return False
        # A symbol that the file lost is lost still.
        status = pl.when(pl.col("failures").is_null()).then(pl.lit(IngestStatus.UNCHANGED.value)).otherwise("status")
        looked_at = entries.with_columns(at=pl.lit(utc_now()), status=status)
        warehouse.append({"ingest_ledger": looked_at})
    return True


def _left_out_of(warehouse: Warehouse, sources: Collection[str], *, weeks: Sequence[dt.date]) -> list[LeftOut]:
    """The symbols that the newest readings of `sources` left out of `weeks`, or of weeks that could not be read."""
    entries = _newest_by_file(warehouse).filter(pl.col("source").is_in(list(sources)))
    left_out = [one for text in entries["left_out"].drop_nulls() for one in left_out_of_json(text)]
    return [one for one in left_out if one.week is None or one.week in weeks]


def _newest_by_file(warehouse: Warehouse) -> pl.DataFrame:
    """The newest ledger row of each weekly file, under whichever week it is kept."""
    return warehouse.newest_entries(
        "ingest_ledger", dt.date.min, market_calendar.last_calendar_day(), owner=_TABLE, by=["source"]
    )


def _newest_week(reading: Reading) -> dt.date | None:
    """The ledger keeps a file under its newest week, whichever session asked for it."""
    return reading.rows.select(pl.col("week_start_date").max()).item()


def _weeks_in_reach(warehouse: Warehouse, day: dt.date, read: _Read, *, settings: Settings, universe: Universe) -> SessionReport:
    """Which weeks the day may rest on, which are stored, which are awaited, and whose rows of them were left out."""
    weeks = market_calendar.otc_weeks_in_reach(day)
    status = IngestStatus(read.report.metadata["status"])
    with warehouse.connected() as connected:
        counts = connected.count_otc_weeks(weeks[0], weeks[-1])
        left_out = _left_out_of(connected, read.sources, weeks=weeks)
        failures = universe.failures_among(left_out)
        status = IngestStatus.PARTIAL if failures and status is not IngestStatus.DEGRADED else status
        entry = event_entry(
            _TABLE, day, source=WEEKS_IN_REACH, status=status, message=read.report.summary, failures=failures, left_out=left_out
        )
        connected.append({"ingest_ledger": entry})
    stored, whole = set(counts["week_start_date"]), counts.filter(pl.col("week_start_date").is_null())
    as_of = settings.as_of_date(dt.datetime.now(dt.UTC))
    lines = [
        dg.TableRecord(
            {
                "week": week.isoformat(),
                "stored": week in stored,
                "due (T1)": market_calendar.otc_due_date(week, "T1").isoformat(),
                "due (T2, OTCE)": market_calendar.otc_due_date(week, None).isoformat(),
            }
        )
        for week in weeks
    ]
    summary = f"{status.value}: {len(stored & set(weeks))} of {len(weeks)} weeks stored"
    metadata = {
        "as_of": as_of.isoformat(),
        "weeks": dg.MetadataValue.table(lines),
        "symbols": whole["symbols"][0],
        **read.report.metadata,
    }
    return SessionReport(summary, rows=whole["rows"][0], metadata=metadata)
