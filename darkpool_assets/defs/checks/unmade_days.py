"""The end of a range run: its checks pass judgement on what is there, and the run fails for the days that are not.

In a range a failed day is left out, not raised, so that the other days are made in every asset; here it is told.
"""

import datetime as dt

import dagster as dg
import polars as pl

from darkpool_assets.defs.run_options import is_range
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse


def fail_for_unmade_days(context: dg.AssetCheckExecutionContext, warehouse: Warehouse, *, version: str) -> None:
    """Fail the step when the newest entry of an asset of this range run, under `version`, says that a day failed.

    Raises:
        dagster.Failure: names the days and what failed.
    """
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    made_here = context.run.asset_selection
    if not is_range(context):
        return

    def is_of_run(asset: str | None) -> bool:
        return asset is not None and (made_here is None or dg.AssetKey(asset) in made_here)

    failed: list[str] = []
    with warehouse.connected() as connected:
        for ledger, owner in (("ingest_ledger", "feed"), ("derivation_ledger", "asset")):
            day_column, versions = TABLES[ledger].day_column, ["inference_version"] if TABLES[ledger].is_versioned else []
            newest = connected.newest_entries(ledger, days[0], days[-1], by=[day_column, owner, *versions])
            bad = newest.filter(pl.col("status") == IngestStatus.FAILED.value, pl.col(day_column).is_in(days))
            for row in bad.iter_rows(named=True):
                # What another failure of this run caused is told with that failure.
                is_told = not is_of_run(row[owner]) or is_of_run(row.get("caused_by"))
                if not is_told and row.get("inference_version", version) == version:
                    failed.append(f"{row[day_column]} {row[owner]}: {row['message']}")
    if failed:
        raise dg.Failure(f"{len(failed)} could not be made:\n" + "\n".join(sorted(failed)), allow_retries=False)
