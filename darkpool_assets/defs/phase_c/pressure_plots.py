"""pressure_plots: one picture per ticker and day, as an interactive page and as a PNG, made only of a day that passes the gate.

The gate judges the stored day again here: a plot materialised alone, days later, on a bad day is refused too.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg
import polars as pl

from darkpool_assets.defs.daily_asset import BEHIND_THE_GATE, SessionReport, daily_asset
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.derivation import render_sessions
from darkpool_assets.defs.ledgers import UpstreamFailed, derivation_entry, refuse_after_failed_derivation
from darkpool_assets.defs.phase_c.composite_signal import composite_signal
from darkpool_assets.defs.rendered.inline_picture import inline_picture
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.rendering.files import remove_others, safe_file_name, write_atomically
from darkpool_assets.rendering.pressure_plot.panel_model import PressurePanels
from darkpool_assets.rendering.pressure_plot.panels_interactive import plot_page, write_plotly_script
from darkpool_assets.rendering.pressure_plot.panels_static import plot_png, plot_preview
from darkpool_assets.rendering.pressure_plot.pressure_panels import build_pressure_panels
from darkpool_assets.rendering.site.site_layout import ASSETS
from darkpool_assets.session_choice import sessions_shown
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

_RESTS_ON: Final = ("daily_metrics", "composite_signal")


@daily_asset(
    "pressure_plots",
    group="phase_c",
    owner="reports",
    kinds={"plotly", "png"},
    tags=BEHIND_THE_GATE,
    description="One plot per ticker, interactive and as a picture, behind the gate: `OUTPUT_DIR/plots/<date>/<SYMBOL>.*`.",
    infers_direction=True,
    deps=[daily_metrics, composite_signal],
)
def pressure_plots(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """The plots of one day, byte-identical for equal rows apart from the generated-at line; refused while the gate is closed."""

    def make(day: dt.date) -> SessionReport:
        rows = _read(warehouse, day, settings=settings)
        plots = [rows.panels_of(symbol) for symbol in rows.symbols]
        folder = plots_folder(settings, day)
        written = write_plots(plots, folder=folder, assets=settings.output_dir / ASSETS)
        entry = derivation_entry(
            "pressure_plots", day, settings=settings, as_of=rows.as_of, status=IngestStatus.STORED, stored=len(plots)
        )
        warehouse.append({"derivation_ledger": entry})
        metadata: dict[str, object] = {"folder": dg.MetadataValue.path(str(folder.resolve())), "files": len(written)}
        if plots and day.isoformat() == context.partition_keys[-1]:
            metadata["picture"] = inline_picture("pressure plot", plot_preview(plots[0]))
        return SessionReport(f"{len(plots)} tickers, html and png", metadata=metadata)

    yield from render_sessions(context, make, warehouse=warehouse, settings=settings)


def plots_folder(settings: Settings, day: dt.date) -> Path:
    """Where the plots of `day` are written."""
    return settings.output_dir / "plots" / day.isoformat()


def write_plots(plots: Sequence[PressurePanels], *, folder: Path, assets: Path) -> list[Path]:
    """Write each plot as a page and as a picture, and remove those of symbols that the day no longer has; the paths written."""
    write_plotly_script(assets)
    written = []
    for panels in plots:
        name = safe_file_name(panels.symbol)
        picture, page = folder / f"{name}.png", folder / f"{name}.html"
        write_atomically(picture, plot_png(panels))
        address = "../../assets"
        write_atomically(page, plot_page(panels, assets=address, picture=picture.name, generated_at=dt.datetime.now(dt.UTC)))
        written += [picture, page]
    remove_others(folder, written)
    return written


@dataclass(frozen=True)
class _Rows:
    """What the plots of one day are drawn from."""

    day: dt.date
    sessions: list[dt.date]
    metrics: pl.DataFrame
    composites: pl.DataFrame
    settings: Settings

    @property
    def symbols(self) -> list[str]:
        """The symbols of the day."""
        return self.metrics.filter(pl.col("date") == self.day)["symbol"].to_list()

    @property
    def as_of(self) -> dt.date:
        """Up to when publications were known to the day's rows."""
        return self.metrics.filter(pl.col("date") == self.day)["as_of"][0]

    def panels_of(self, symbol: str) -> PressurePanels:
        """The model of one symbol's plot."""
        is_its = pl.col("symbol") == symbol
        return build_pressure_panels(
            self.metrics.filter(is_its),
            self.composites.filter(is_its),
            symbol=symbol,
            day=self.day,
            sessions=self.sessions,
            inference_version=self.settings.inference_version,
            as_of=self.as_of,
            sample_data=self.settings.sample_data,
        )


def _read(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> _Rows:
    """The rows of the window, after the gate let the day pass.

    Raises:
        GateClosed: the stored day breaks an ERROR rule.
        UpstreamFailed: the day's composite is not there, or its newest derivation failed.
    """
    version = settings.inference_version
    with warehouse.connected() as connected:
        judge_day(connected, day, settings=settings).require_open()
        refuse_after_failed_derivation(connected, day, assets=_RESTS_ON, version=version)
        sessions = sessions_shown(day, connected.stored_days("daily_metrics", dt.date.min, day, inference_version=version))
        metrics, composites = (connected.read_window(table, sessions[0], day, inference_version=version) for table in _RESTS_ON)
    if composites.filter(pl.col("date") == day).is_empty():
        raise UpstreamFailed(f"{day}: composite_signal has no rows under {version}. Materialise it first.")
    return _Rows(day, sessions, metrics, composites, settings)
