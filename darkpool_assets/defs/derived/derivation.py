"""What every derived asset does around its one pure call: settings as rules, ledger entry, preview of the day.

No number is derived here.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import dagster as dg
import polars as pl

from darkpool_assets.analytics.pressure_context import PressureRules
from darkpool_assets.defs.daily_asset import SessionReport, make_sessions
from darkpool_assets.defs.failure_causes import cause_of
from darkpool_assets.defs.ledgers import derivation_entry
from darkpool_assets.defs.side_by_side import Attempts, one_by_one, side_by_side
from darkpool_assets.full_disks import refusing_full_disk
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse


def pressure_rules(settings: Settings) -> PressureRules:
    """The settings that decide short pressure, its z-scores and its label."""
    return PressureRules(
        numerator=settings.short_ratio_numerator,
        short_window=settings.short_z_window,
        return_window=settings.return_z_window,
        min_periods=settings.zscore_min_periods,
        return_z_min=settings.return_z_min,
        short_z_high=settings.short_z_high,
        short_z_low=settings.short_z_low,
    )


def longest_window(settings: Settings) -> int:
    """Sessions of the longest z-score window but the direction's."""
    return max(settings.short_z_window, settings.return_z_window)


def run_as_of(settings: Settings) -> dt.date:
    """AS_OF, or the New York date of this moment."""
    return settings.as_of_date(dt.datetime.now(dt.UTC))


def store_derived(
    warehouse: Warehouse,
    asset: str,
    rows: pl.DataFrame,
    *,
    day: dt.date,
    settings: Settings,
    as_of: dt.date,
    also: dict[str, pl.DataFrame] | None = None,
    made_of: Mapping[str, str] | None = None,
) -> int:
    """Replace the day's rows of this inference_version, with the ledger entry, in one transaction.

    `made_of` are the digests of what the rows rest on (analytics/input_digests.py), where stale days are looked for.
    """
    entry = derivation_entry(
        asset, day, settings=settings, as_of=as_of, status=IngestStatus.STORED, stored=rows.height, made_of=made_of
    )
    ledgers = {"derivation_ledger": entry, **(also or {})}
    return warehouse.replace_day(asset, rows, day=day, inference_version=settings.inference_version, also=ledgers)


def derive_sessions(
    context: dg.AssetExecutionContext,
    make: Callable[[Warehouse, dt.date], SessionReport],
    *,
    warehouse: Warehouse,
    settings: Settings,
    attempts: Attempts[SessionReport] = side_by_side,
) -> Iterator[dg.Output[None]]:
    """Make each day of the run on one connection of its own; a failed day leaves its reason in the derivation ledger."""

    def make_connected(day: dt.date) -> SessionReport:
        with warehouse.connected() as connected:
            return make(connected, day)

    yield from render_sessions(context, make_connected, warehouse=warehouse, settings=settings, attempts=attempts)


def render_sessions(
    context: dg.AssetExecutionContext,
    make: Callable[[dt.date], SessionReport],
    *,
    warehouse: Warehouse,
    settings: Settings,
    attempts: Attempts[SessionReport] = one_by_one,
) -> Iterator[dg.Output[None]]:
    """The same for what takes longer than a connection may be held: `make` opens one for what it reads and writes."""

    def make_on_disk(day: dt.date) -> SessionReport:
        with refusing_full_disk("OUTPUT_DIR", settings.output_dir):
            return make(day)

    def record(day: dt.date, error: Exception) -> None:
        asset = context.asset_key
        ancestors = context.job_def.asset_layer.asset_graph.get_ancestor_asset_keys(asset)
        upstream = [key.to_user_string() for key in ancestors]
        entry = derivation_entry(
            asset.to_user_string(),
            day,
            settings=settings,
            as_of=run_as_of(settings),
            status=IngestStatus.FAILED,
            message=f"{type(error).__name__}: {error}",
            caused_by=cause_of(error, warehouse, day, upstream=upstream, version=settings.inference_version),
        )
        warehouse.append({"derivation_ledger": entry})

    warehouse.take_turn()
    yield from make_sessions(context, make_on_disk, on_failure=record, attempts=attempts)


def preview(rows: pl.DataFrame, columns: list[str], *, limit: int = 20) -> dg.TableMetadataValue:
    """The first rows for the Dagster UI, which hides a Markdown table of that size behind a click; missing is an en dash."""

    def shown(value: object) -> str:
        if value is None:
            return "–"
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
        return str(value)

    first = rows.select(columns).head(limit)
    records = [dg.TableRecord({name: shown(value) for name, value in row.items()}) for row in first.iter_rows(named=True)]
    return dg.MetadataValue.table(records, schema=dg.TableSchema([dg.TableColumn(name) for name in columns]))


def derived_report(rows: pl.DataFrame, stored: int, *, columns: list[str], counted: str, **facts: object) -> SessionReport:
    """What the UI is told of a derived day: rows by the values of `counted`, a preview of `columns`, and further facts."""
    by_value = rows[counted].value_counts(sort=True).sort(counted).iter_rows()
    summary = ", ".join(f"{count} {value}" for value, count in by_value) or "no rows"
    return SessionReport(summary, rows=stored, metadata={**facts, "preview": preview(rows, columns)})
