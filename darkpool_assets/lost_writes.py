"""What Dagster saw stored and the database does not hold: a write-ahead log that was cut off opens without a word.

The log's last transactions are gone then, and only Dagster's record of materialisations tells of them.
"""

import datetime as dt
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import dagster as dg
import polars as pl

from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse

DATABASE_TAG: Final = "darkpool/database"
"""Tag of a run: the resolved path of the database that it writes."""

_RAW: Final = tuple(table.name for table in TABLES.values() if table.stage == "raw" and table.day_column != "week_start_date")
_MADE: Final = (
    *(table.name for table in TABLES.values() if table.stage not in {"raw", "ledger"}),
    "daily_tables", "pressure_plots", "report_site",
)  # fmt: skip
_MOST: Final = 1000


def lost_writes(instance: dg.DagsterInstance, warehouse: Warehouse, *, path: Path) -> dict[dt.date, list[str]]:
    """Sessions and assets that Dagster saw materialised later than the newest ledger row, and that have no row of their own.

    Only runs that wrote the database at `path` are asked. One without any ledger row is new: it has lost nothing. The OTC feed
    is not judged, for its ledger rows are those of weeks.
    """
    newest = warehouse.last_written_at()
    if newest is None:
        return {}
    begun_at = _beginnings(instance, os.path.realpath(path))
    seen = {asset: _materialised_since(instance, asset, newest, begun_at) for asset in (*_RAW, *_MADE)}
    days = [day for of_asset in seen.values() for day in of_asset]
    if not days:
        return {}
    stored = _newest_rows(warehouse, min(days), max(days))
    lost: dict[dt.date, list[str]] = {}
    for asset, of_asset in seen.items():
        for day, begun in of_asset.items():
            at = stored.get((asset, day))
            # A look-back session that is stored already is materialised again without being read.
            if at is None or (asset in _MADE and at < begun):
                lost.setdefault(day, []).append(asset)
    return dict(sorted(lost.items()))


def _beginnings(instance: dg.DagsterInstance, database: str) -> Callable[[str], dt.datetime | None]:
    """Run id -> when the run was created (UTC, naive); None for one that wrote another database."""

    @cache
    def begun_at(run_id: str) -> dt.datetime | None:
        record = instance.get_run_record_by_id(run_id)
        is_ours = record is not None and record.dagster_run.tags.get(DATABASE_TAG) == database
        return record.create_timestamp.replace(tzinfo=None) if record and is_ours else None

    return begun_at


def _materialised_since(
    instance: dg.DagsterInstance, asset: str, moment: dt.datetime, begun_at: Callable[[str], dt.datetime | None]
) -> dict[dt.date, dt.datetime]:
    """Session -> when the run that materialised it last was created (UTC, naive), of those materialised after `moment`."""
    since = dg.AssetRecordsFilter(dg.AssetKey(asset), after_timestamp=moment.replace(tzinfo=dt.UTC).timestamp())
    found: dict[dt.date, dt.datetime] = {}
    for event in instance.fetch_materializations(since, limit=_MOST).records:
        begun = begun_at(event.run_id)
        if begun and event.partition_key and (day := dt.date.fromisoformat(event.partition_key)) not in found:
            found[day] = begun
    return found


def _newest_rows(warehouse: Warehouse, first: dt.date, last: dt.date) -> Mapping[tuple[str, dt.date], dt.datetime]:
    newest: dict[tuple[str, dt.date], dt.datetime] = {}
    for ledger, owner, day in (("ingest_ledger", "feed", "partition_date"), ("derivation_ledger", "asset", "date")):
        rows = warehouse.newest_entries(ledger, first, last, by=[owner, day]).select(pl.col(owner, day, "at"))
        newest |= {(name, session): at for name, session, at in rows.iter_rows()}
    return newest


def named_losses(instance: dg.DagsterInstance, warehouse: Warehouse, *, path: Path) -> str | None:
    """What is said of the lost writes of the database at `path`, and what to do; None where nothing is lost."""
    lost = lost_writes(instance, warehouse, path=path)
    if not lost:
        return None
    first, last = min(lost), max(lost)
    assets = ", ".join(sorted({asset for of_day in lost.values() for asset in of_day}))
    which = f"{first}" if first == last else f"{len(lost)} sessions, {first} to {last}"
    return (
        f"DUCKDB_PATH: {path} lacks what Dagster saw stored: {which} ({assets}). Its end is gone, as where its .wal was cut off, "
        f"or it is an older copy. `darkpool rebuild {first} {last}` makes it again."
    )
