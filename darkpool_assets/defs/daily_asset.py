"""What every asset has in common: partitions, one run for a range of days, documentation from tables.py, the loop over days.

No feed and no rule is named here. An asset module declares itself with `daily_asset` and makes one day at a time with
`make_sessions`; a day that fails in a range leaves the other days whole.
"""

import datetime as dt
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg

# A range run with a bad day must not mark that day as made; Dagster's own events mark the whole range. An output that carries
# this key logs no event of its own, so that the good days' events are ours. Internal name: kept here, and under test.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as NO_EVENT_OF_ITS_OWN

from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.defs.run_options import LARGEST_RUN, is_range
from darkpool_assets.defs.side_by_side import Attempts, one_by_one
from darkpool_assets.tables import TABLES, Table
from darkpool_assets.vocabulary import DISCLAIMER

Metadata = Mapping[str, Any]

FROM_FINRA: Final[Mapping[str, str]] = {"service": "finra"}
FROM_POLYGON: Final[Mapping[str, str]] = {"service": "polygon"}
BEHIND_THE_GATE: Final[Mapping[str, str]] = {"gate": "phase_c"}
NO_TAGS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class SessionReport:
    """What one day's making tells the UI: row count, metadata, and other days that were stored on the way."""

    summary: str
    rows: int | None = None
    metadata: Metadata = field(default_factory=dict)
    look_back: Mapping[dt.date, Metadata] = field(default_factory=dict)


def daily_asset(
    name: str,
    *,
    group: str,
    owner: str,
    kinds: set[str],
    description: str,
    infers_direction: bool = False,
    deps: Sequence[dg.AssetsDefinition] = (),
    tags: Mapping[str, str] = NO_TAGS,
    code_version: str = "1",
) -> Callable[[Callable[..., Iterator[dg.Output[None]]]], dg.AssetsDefinition]:
    """Declare a daily-partitioned asset; columns, lineage and grain come from the table of the same name, if there is one."""
    table = TABLES.get(name)
    grain = f"\n\nGrain: {table.grain}." if table else ""
    disclaimer = f"\n\nDisclaimer: {DISCLAIMER}" if infers_direction else ""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of function `asset`", category=dg.BetaWarning)
        return dg.asset(
            name=name,
            group_name=group,
            deps=deps,
            owners=[f"team:{owner}"],
            kinds=kinds,
            tags=tags,
            description=f"{description}{grain}{disclaimer}",
            metadata={**_table_metadata(table), "dagster/storage_kind": "duckdb"} if table else {},
            partitions_def=trading_days,
            backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=LARGEST_RUN),
            dagster_type=dg.Nothing,  # pyright: ignore[reportArgumentType] - dagster's own Nothing
            output_required=False,
            code_version=code_version,
        )


def make_sessions(
    context: dg.AssetExecutionContext,
    make: Callable[[dt.date], SessionReport],
    *,
    on_failure: Callable[[dt.date, Exception], None],
    attempts: Attempts[SessionReport] = one_by_one,
) -> Iterator[dg.Output[None]]:
    """Make each day of the run, oldest first, and report it.

    A run of one partition raises its error. In a range, of one day too, a day that fails is recorded, stays unmade, and the
    others are made: the assets downstream go on with what there is, and the checks fail the run at its end.
    """
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    made: dict[dt.date, SessionReport] = {}
    for count, (day, attempt) in enumerate(attempts(make, days), start=1):
        if isinstance(attempt, SessionReport):
            made[day] = attempt
            context.log.info(f"{day}: {attempt.summary} ({count}/{len(days)})")
            continue
        on_failure(day, attempt)
        if not is_range(context):
            raise attempt
        context.log.error(f"{day}: failed ({count}/{len(days)})", exc_info=attempt)
    yield _report(context, made, asked_for=days)


def _report(
    context: dg.AssetExecutionContext, made: Mapping[dt.date, SessionReport], *, asked_for: list[dt.date]
) -> dg.Output[None]:
    for day, metadata in _look_back_days(made).items():
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=day.isoformat(), metadata=metadata))
    last = max(made, default=None)
    if len(made) == len(asked_for):
        for day, report in made.items():
            context.add_asset_metadata(_metadata_of(context, report, with_lineage=day == last), partition_key=day.isoformat())
        return dg.Output(None)
    for day, report in made.items():
        metadata = _metadata_of(context, report, with_lineage=day == last)
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=day.isoformat(), metadata=metadata))
    return dg.Output(None, metadata={NO_EVENT_OF_ITS_OWN: True})


def _look_back_days(made: Mapping[dt.date, SessionReport]) -> Mapping[dt.date, Metadata]:
    found = {day: metadata for report in made.values() for day, metadata in report.look_back.items()}
    return {day: metadata for day, metadata in found.items() if day not in made}


def _metadata_of(context: dg.AssetExecutionContext, report: SessionReport, *, with_lineage: bool) -> dict[str, Any]:
    metadata = {"summary": report.summary, **report.metadata}
    if report.rows is not None:
        metadata["dagster/partition_row_count"] = report.rows
    table = TABLES.get(context.asset_key.to_user_string())
    if with_lineage and table and (lineage := _lineage(table)).deps_by_column:
        metadata["dagster/column_lineage"] = lineage
    return metadata


def _table_metadata(table: Table) -> dict[str, Any]:
    columns = [
        dg.TableColumn(
            column.name,
            column.duckdb_type,
            description=f"{column.meaning} [{column.unit}]" if column.unit not in {"", "date"} else column.meaning,
            constraints=dg.TableColumnConstraints(nullable=not column.required),
        )
        for column in table.columns
    ]
    metadata: dict[str, Any] = {"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": f"main.{table.name}"}
    if (lineage := _lineage(table)).deps_by_column:
        metadata["dagster/column_lineage"] = lineage
    return metadata


def _lineage(table: Table) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column.name: [dg.TableColumnDep(dg.AssetKey(place.split(".")[0]), place.split(".")[1]) for place in column.lineage]
            for column in table.columns
            if column.lineage
        }
    )
