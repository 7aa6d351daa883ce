"""Retention: raw trades older than the newest RAW_TRADES_KEEP_SESSIONS stored sessions are deleted once they are settled.

Settled is a day whose derived rows, of every inference_version, are younger than the reading of its trades and count what the
trades give. What is deleted stays in the ledger in numbers, so that the rules go on saying what they said; no derived row is
touched. The schedule and the command line call the same function.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.evidence_rules import findings_of_prints
from darkpool_assets.analytics.print_counts import count_prints, counts_as_json
from darkpool_assets.defs.ledgers import Window, derived_window, event_entry
from darkpool_assets.settings import Settings
from darkpool_assets.tables import DAILY_METRICS, LIT_DIRECTION_DAILY, POLYGON_EQUITY_TRADES_RAW
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

RETENTION: Final = "raw_trades_retention"
_TRADES: Final = POLYGON_EQUITY_TRADES_RAW.name
_LIT: Final = LIT_DIRECTION_DAILY.name
_DERIVED: Final = (_LIT, DAILY_METRICS.name)
_DOUBTFUL: Final = (IngestStatus.FAILED, IngestStatus.PARTIAL, IngestStatus.DEGRADED)
_STORED: Final = (IngestStatus.STORED.value, IngestStatus.PARTIAL.value)
_EVERY_MORNING: Final = "30 6 * * *"


@dataclass(frozen=True)
class Pruning:
    """What became of the sessions that are older than those to be kept.

    Attributes:
        pruned: Session -> rows deleted.
        kept: Session -> why it is not settled.
    """

    pruned: Mapping[dt.date, int]
    kept: Mapping[dt.date, str]


class _StillNeeded(Exception):
    """The raw trades of a day may not be deleted yet; the message says why."""


def prune_raw_trades(warehouse: Warehouse, *, keep: int) -> Pruning:
    """Delete the raw trades of settled sessions older than the newest `keep` stored ones, each day in a transaction of its own.

    Every deleted day leaves a row in the ingest ledger: how many rows, and what they added up to by symbol.

    Raises:
        ValueError: `keep` is less than 1.
    """
    if keep < 1:
        raise ValueError(f"RAW_TRADES_KEEP_SESSIONS: given {keep}; allowed: 1 or more")
    pruned: dict[dt.date, int] = {}
    kept: dict[dt.date, str] = {}
    for day in warehouse.stored_days(_TRADES, dt.date.min, market_calendar.last_calendar_day())[:-keep]:
        try:
            with warehouse.connected() as held:  # one connection from question to deed: no other process writes in between
                pruned[day] = _prune_day(held, day, keep=keep)
        except _StillNeeded as reason:
            kept[day] = str(reason)
    return Pruning(pruned, kept)


def _prune_day(warehouse: Warehouse, day: dt.date, *, keep: int) -> int:
    settled = _settled_versions(warehouse, day, read=_when_read(warehouse, day))
    trades = warehouse.read_day(_TRADES, day)
    for version, (lit, window) in settled.items():
        if findings := findings_of_prints(lit, trades, window=window):
            raise _StillNeeded(f"{_LIT} of {version} does not count them: {findings[0].who}: {findings[0].problem}")
    message = (
        f"{trades.height:,} rows deleted, older than the newest {keep} stored sessions; what was derived of them stays. "
        f"Materialise {_TRADES} of this day to read them again."
    )
    entry = event_entry(_TRADES, day, source="retention", status=IngestStatus.PRUNED, message=message).with_columns(
        stored_rows=pl.lit(trades.height, pl.Int64), pruned_prints=pl.lit(counts_as_json(count_prints(trades)))
    )
    warehouse.replace_day(_TRADES, trades.clear(), day=day, also={"ingest_ledger": entry})
    return trades.height


def _when_read(warehouse: Warehouse, day: dt.date) -> dt.datetime:
    """When the stored trades of `day` were read (UTC, naive).

    Raises:
        _StillNeeded: the newest reading did not end well, or none stored them.
    """
    readings = warehouse.newest_entries("ingest_ledger", day, day, owner=_TRADES, by=["status"]).sort("at")
    if readings.height and readings["status"][-1] in _DOUBTFUL:
        why = readings["failures"][-1] or readings["message"][-1]
        raise _StillNeeded(f"their newest reading is {readings['status'][-1]}: {why}")
    stored = readings.filter(pl.col("status").is_in(_STORED))
    if stored.is_empty():
        raise _StillNeeded("the ingest ledger holds no reading of them")
    return stored["at"][-1]


def _settled_versions(warehouse: Warehouse, day: dt.date, *, read: dt.datetime) -> dict[str, tuple[pl.DataFrame, Window]]:
    """Every inference_version of `day`: its rows of lit_direction_daily, and the session window they were derived under.

    Raises:
        _StillNeeded: nothing is derived, or under one version something is older than the trades, `read` then.
    """
    rows = {asset: warehouse.read_day(asset, day) for asset in _DERIVED}
    derivations = warehouse.newest_entries("derivation_ledger", day, day, by=["asset", "inference_version"])
    found: dict[str, tuple[pl.DataFrame, Window]] = {}
    for version in sorted({version for of_asset in rows.values() for version in of_asset["inference_version"]}):
        mine = pl.col("inference_version") == version
        entries = {asset: derivations.filter(mine, pl.col("asset") == asset) for asset in _DERIVED}
        for asset, entry in entries.items():
            if fault := _fault(rows[asset].filter(mine), entry, read=read):
                raise _StillNeeded(f"{asset} of {version} {fault}")
        found[version] = (rows[_LIT].filter(mine), derived_window(entries[_LIT], day))
    if not found:
        raise _StillNeeded("nothing is derived of them")
    return found


def _fault(rows: pl.DataFrame, entry: pl.DataFrame, *, read: dt.datetime) -> str | None:
    """What keeps the rows of one asset and version from being the last word on trades that were `read` then."""
    if rows.is_empty():
        return "has no row"
    if entry.is_empty():
        return "is not in the derivation ledger"
    if entry["status"][0] == IngestStatus.FAILED:
        return f"failed: {entry['message'][0]}"
    return None if entry["at"][0] > read else "was derived before they were read"


def pruning_observations(pruning: Pruning) -> Iterator[dg.AssetObservation]:
    """One observation per pruned partition of polygon_equity_trades_raw."""
    for day, rows in pruning.pruned.items():
        metadata = {"status": IngestStatus.PRUNED.value, "rows deleted": rows}
        yield dg.AssetObservation(_TRADES, partition=day.isoformat(), metadata=metadata)


@dg.op(name="prune_raw_trades", out=dg.Out(dg.Nothing), description="Delete raw trades beyond RAW_TRADES_KEEP_SESSIONS.")
def _prune_raw_trades(
    context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> None:
    if settings.raw_trades_keep_sessions is None:
        context.log.info("RAW_TRADES_KEEP_SESSIONS is empty: every raw trade is kept.")
        return
    pruning = prune_raw_trades(warehouse, keep=settings.raw_trades_keep_sessions)
    for day, rows in pruning.pruned.items():
        context.log.info(f"{day}: {rows:,} raw trades deleted")
    for day, reason in pruning.kept.items():
        context.log.warning(f"{day}: raw trades kept, {reason}")
    for observation in pruning_observations(pruning):
        context.log_event(observation)
    context.add_output_metadata({"sessions pruned": len(pruning.pruned), "rows deleted": sum(pruning.pruned.values())})


@dg.job(name=RETENTION, description="Raw trades of settled sessions beyond RAW_TRADES_KEEP_SESSIONS are deleted.")
def retention_job() -> None:
    """The one step of retention."""
    _prune_raw_trades()


def build_retention_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Retention every morning at 06:30 New York, when no session is made; switched on from the start with AUTOMATION."""

    @dg.schedule(
        name=f"{RETENTION}_schedule",
        job=retention_job,
        cron_schedule=_EVERY_MORNING,
        execution_timezone=market_calendar.NEW_YORK,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED,
        description="Deletes settled raw trades beyond RAW_TRADES_KEEP_SESSIONS; skips while that is empty.",
    )
    def retention_schedule(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if settings.raw_trades_keep_sessions is None:
            return dg.SkipReason("RAW_TRADES_KEEP_SESSIONS is empty: every raw trade is kept")
        return dg.RunRequest()

    return retention_schedule
