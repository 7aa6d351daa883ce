"""report_site: the pages of a day over table, composite and plots, and the first page with the calendar of all days.

A day with a closed gate has pages, too: they say why there is neither composite nor plot.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.phase_c_gate import GateClosed, GateVerdict
from darkpool_assets.defs.daily_asset import SessionReport, daily_asset
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.derivation import render_sessions, run_as_of
from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.ledgers import UpstreamFailed, derivation_entry
from darkpool_assets.defs.phase_c.composite_signal import composite_signal
from darkpool_assets.defs.phase_c.pressure_plots import pressure_plots
from darkpool_assets.defs.rendered.daily_tables import daily_tables
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.rendering.site.report_site import write_day_pages, write_first_page
from darkpool_assets.rendering.site.site_model import Gate, ReportDay, StoredSession, Verdict
from darkpool_assets.session_choice import sessions_shown
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import IngestStatus, RuleState
from darkpool_assets.warehouse import Warehouse

_REFUSED: Final = GateClosed.__name__


@daily_asset(
    "report_site",
    group="phase_c",
    owner="reports",
    kinds={"html"},
    description="The day's pages and the calendar of all days: open `OUTPUT_DIR/index.html`, no server needed.",
    infers_direction=True,
    deps=[daily_metrics, index_constituent_short_agg_daily, composite_signal, daily_tables, pressure_plots],
)
def report_site(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.Output[None]]:
    """The pages of one day, byte-identical for equal rows apart from the generated-at line, and the first page."""

    def make(day: dt.date) -> SessionReport:
        now = dt.datetime.now(dt.UTC)
        with warehouse.connected() as connected:
            report = read_report_day(connected, day, settings=settings)
            sessions = read_stored_sessions(connected, settings=settings)
            latest = read_report_day(connected, sessions[-1].day, settings=settings)
        written = write_day_pages(report, output_dir=settings.output_dir, generated_at=now)
        written += write_first_page(latest, sessions, output_dir=settings.output_dir, generated_at=now)
        entry = derivation_entry(
            "report_site", day, settings=settings, as_of=run_as_of(settings), status=IngestStatus.STORED, stored=len(written)
        )
        warehouse.append({"derivation_ledger": entry})
        page = pages_folder(settings, day) / "index.html"
        metadata = {
            "page": dg.MetadataValue.path(str(page.resolve())),
            "address": dg.MetadataValue.url(f"{settings.site_url.rstrip('/')}/{day}/index.html"),
            "gate": report.gate.value,
        }
        return SessionReport(f"{len(written)} pages, gate {report.gate.value}", metadata=metadata)

    yield from render_sessions(context, make, warehouse=warehouse, settings=settings)


def pages_folder(settings: Settings, day: dt.date) -> Path:
    """Where the pages of `day` are written."""
    return settings.output_dir / day.isoformat()


def read_report_day(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> ReportDay:
    """What the pages of `day` show, judged now.

    Raises:
        UpstreamFailed: nothing was derived of the day.
    """
    version = settings.inference_version
    sessions = sessions_shown(day, warehouse.stored_days("daily_metrics", dt.date.min, day, inference_version=version))
    metrics, composites, indices = (
        warehouse.read_window(table, sessions[0], day, inference_version=version)
        for table in ("daily_metrics", "composite_signal", "index_constituent_short_agg_daily")
    )
    if metrics.filter(pl.col("date") == day).is_empty():
        raise UpstreamFailed(f"{day}: daily_metrics has no rows under {version}. Materialise it first.")
    return ReportDay(
        day=day,
        sessions=tuple(sessions),
        metrics=metrics,
        composites=composites,
        indices=indices,
        verdicts=verdicts_of(judge_day(warehouse, day, settings=settings)),
        tickers=settings.tickers,
        sample_data=settings.sample_data,
    )


def verdicts_of(verdict: GateVerdict) -> tuple[Verdict, ...]:
    """The gate's verdict as the pages show it: every rule, who breaks it and the remedy."""
    return tuple(
        Verdict(
            number=one.rule.number,
            name=one.rule.name,
            severity=one.rule.severity,
            findings=tuple((finding.who, finding.problem) for finding in one.findings),
            remedy=one.rule.remedy,
            has_nothing_to_judge=one.state is RuleState.NOTHING_TO_JUDGE,
        )
        for one in verdict.verdicts
    )


def read_stored_sessions(warehouse: Warehouse, *, settings: Settings) -> list[StoredSession]:
    """Every stored session, oldest first: its gate when composite_signal was last made, and its labels."""
    version = settings.inference_version
    first, last = settings.partitions_start, market_calendar.last_calendar_day()
    days = warehouse.stored_days("daily_metrics", first, last, inference_version=version)
    entries = warehouse.newest_entries(
        "derivation_ledger", first, last, owner="composite_signal", by=["date", "inference_version"]
    ).filter(pl.col("inference_version") == version)
    gates = {row["date"]: _gate_of(row["status"], row["message"]) for row in entries.iter_rows(named=True)}
    labels = (
        warehouse.read_window("composite_signal", first, last, inference_version=version).group_by("date", "final_label").len()
    )
    counts: dict[dt.date, dict[str, int]] = {}
    for date, label, count in labels.sort("date", "final_label").iter_rows():
        counts.setdefault(date, {})[label] = count
    return [
        StoredSession(day, gate, counts.get(day, {}) if gate is Gate.OPEN else {})
        for day in days
        for gate in [gates.get(day, Gate.NOT_JUDGED)]
    ]


def _gate_of(status: str, message: str | None) -> Gate:
    if status == IngestStatus.STORED:
        return Gate.OPEN
    return Gate.CLOSED if (message or "").startswith(_REFUSED) else Gate.NOT_JUDGED
