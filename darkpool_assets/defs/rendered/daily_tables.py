"""daily_tables: one day's table as HTML, PNG and (with EXPORT_CSV) CSV, from daily_metrics and the index table alone.

It shows no composite: a closed gate never takes the table away. Files are written whole or not at all.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.derivation import preview, render_sessions
from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.ledgers import UpstreamFailed, derivation_entry, refuse_after_failed_derivation
from darkpool_assets.defs.rendered.inline_picture import inline_picture
from darkpool_assets.defs.side_by_side import side_by_side
from darkpool_assets.rendering.daily_table.daily_table import build_daily_table
from darkpool_assets.rendering.daily_table.daily_table_csv import daily_table_csv
from darkpool_assets.rendering.daily_table.daily_table_html import daily_table_html
from darkpool_assets.rendering.daily_table.daily_table_png import daily_table_png, daily_table_preview
from darkpool_assets.rendering.daily_table.table_model import DailyTable
from darkpool_assets.rendering.files import write_atomically
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

_RESTS_ON = ("daily_metrics", "index_constituent_short_agg_daily")
_SPARKLINE_SESSIONS = 30
_PREVIEW = [
    "symbol",
    "pressure_context_label",
    "data_quality",
    "close",
    "return_1d",
    "log_buy_sell",
    "short_ratio",
    "short_ratio_z",
]


@daily_asset(
    "daily_tables",
    group="rendered",
    owner="reports",
    kinds={"html", "png"},
    description="The day's table as HTML, PNG and, with EXPORT_CSV, CSV: `OUTPUT_DIR/tables/<date>/daily_metrics.*`.",
    infers_direction=True,
    deps=[daily_metrics, index_constituent_short_agg_daily],
)
def daily_tables(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """The files of one day, byte-identical for equal rows apart from the generated-at line."""

    def make(day: dt.date) -> SessionReport:
        with warehouse.connected() as connected:
            refuse_after_failed_derivation(connected, day, assets=_RESTS_ON, version=settings.inference_version)
            metrics, table = _table_of(connected, day, settings=settings)
        written = write_daily_table(table, metrics, folder=tables_folder(settings, day), settings=settings)
        entry = derivation_entry(
            "daily_tables", day, settings=settings, as_of=metrics["as_of"][0], status=IngestStatus.STORED, stored=metrics.height
        )
        warehouse.append({"derivation_ledger": entry})
        metadata: dict[str, object] = {kind: dg.MetadataValue.path(str(path.resolve())) for kind, path in written.items()}
        metadata["preview"] = preview(metrics, _PREVIEW)
        if day.isoformat() == context.partition_keys[-1]:
            metadata["picture"] = inline_picture("daily table", daily_table_preview(table))
        return SessionReport(f"{metrics.height} symbols in {', '.join(written)}", metadata=metadata)

    yield from render_sessions(context, make, warehouse=warehouse, settings=settings, attempts=side_by_side)


def tables_folder(settings: Settings, day: dt.date) -> Path:
    """Where the table of `day` is written."""
    return settings.output_dir / "tables" / day.isoformat()


def _table_of(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> tuple[pl.DataFrame, DailyTable]:
    version = settings.inference_version
    metrics = warehouse.read_day("daily_metrics", day, inference_version=version)
    if metrics.is_empty():
        raise UpstreamFailed(f"{day}: daily_metrics has no rows under {version}. Materialise it first.")
    sessions = [*market_calendar.sessions_before(day, _SPARKLINE_SESSIONS - 1), day]
    table = build_daily_table(
        metrics,
        warehouse.read_day("index_constituent_short_agg_daily", day, inference_version=version),
        warehouse.read_window("daily_metrics", sessions[0], day, inference_version=version),
        day=day,
        sessions=sessions,
        tickers=settings.tickers,
        sample_data=settings.sample_data,
    )
    return metrics, table


def write_daily_table(table: DailyTable, metrics: pl.DataFrame, *, folder: Path, settings: Settings) -> Mapping[str, Path]:
    """Write the day's files into `folder`; kind -> path."""
    contents: dict[str, str | bytes] = {
        "html": daily_table_html(table, generated_at=dt.datetime.now(dt.UTC)),
        "png": daily_table_png(table),
    }
    if settings.export_csv:
        contents["csv"] = daily_table_csv(metrics, sample_data=settings.sample_data)
    written = {kind: folder / f"daily_metrics.{kind}" for kind in contents}
    for kind, path in written.items():
        write_atomically(path, contents[kind])
    return written
