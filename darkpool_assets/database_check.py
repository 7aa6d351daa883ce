"""What `darkpool check` and the notebook ask of a database: every rule's verdict of a day, and the rows that fail.

The rules are those of the asset checks, asked of stored rows and rendered files as they are now; none of the gate's stands
here, and nothing is written or drawn. Verdicts go to check_report, frames to the notebook.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.contract_rules import COMPOSITE_RULES
from darkpool_assets.analytics.phase_c_gate import GateVerdict, judge_stored_day
from darkpool_assets.analytics.stored_day import Finding, Rule, RuleVerdict
from darkpool_assets.defs.checks.rendered_files import files_verdict, rendered_pages, rendered_plots, rendered_tables
from darkpool_assets.defs.checks.source_arrival import arrival_rule
from darkpool_assets.defs.phase_c.pressure_plots import plots_folder
from darkpool_assets.defs.phase_c.report_site import pages_folder
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.defs.stored_day import read_stored_day
from darkpool_assets.resources import PatientDuckDB
from darkpool_assets.settings import Settings, SettingsError
from darkpool_assets.vocabulary import RuleState, Severity
from darkpool_assets.warehouse import Warehouse, WarehouseSchemaError

_RENDERED: Final = ((rendered_tables, tables_folder), (rendered_plots, plots_folder), (rendered_pages, pages_folder))


@dataclass(frozen=True)
class DayCheck:
    """Every rule's verdict of one stored day.

    Attributes:
        day: The session.
        gate: The rules of the Phase C gate.
        beside: The rules outside it: the sources' arrival, rows of composite_signal, and the disclaimer in those files that
            were made of the day.
    """

    day: dt.date
    gate: GateVerdict
    beside: tuple[RuleVerdict, ...]

    @property
    def verdicts(self) -> tuple[RuleVerdict, ...]:
        """All of them, the gate's first."""
        return (*self.gate.verdicts, *self.beside)


def read_only_warehouse(settings: Settings) -> Warehouse:
    """The database at DUCKDB_PATH for reading alone: each call opens it, reads and lets it go, so that a writer comes in between.

    Raises:
        SettingsError: there is no database.
        WarehouseSchemaError: it was stored by an earlier version of the tables.
    """
    path = settings.duckdb_path
    if not path.is_file():
        raise SettingsError([f"DUCKDB_PATH: given {path}, no database there; make one with `darkpool run` or `darkpool demo`"])
    opened = PatientDuckDB(database=str(path), read_only=True)
    warehouse = Warehouse(opened.get_connection)
    try:
        warehouse.count_rows()
    except duckdb.InvalidInputException as error:
        remedy = "`darkpool status` brings them up to date."
        raise WarehouseSchemaError(f"{path} has tables of an earlier version. {remedy}") from error
    return warehouse


def newest_session(warehouse: Warehouse, *, settings: Settings) -> dt.date:
    """The newest stored session under INFERENCE_VERSION.

    Raises:
        SettingsError: none is stored.
    """
    version = settings.inference_version
    days = warehouse.stored_days("daily_metrics", dt.date.min, market_calendar.last_calendar_day(), inference_version=version)
    if not days:
        raise SettingsError(
            [f"DUCKDB_PATH: {settings.duckdb_path} holds no derived session of {version}; make one with `darkpool run`"]
        )
    return days[-1]


def check_day(warehouse: Warehouse, day: dt.date, *, settings: Settings) -> DayCheck:
    """Ask every rule of the asset checks about `day`; files that were never made of it are not asked about."""
    with warehouse.connected() as connected:
        stored = read_stored_day(connected, day, settings=settings)
        composites = connected.read_day("composite_signal", day, inference_version=settings.inference_version)
    about_composites = (rule.about(composites) for rule in COMPOSITE_RULES)
    rules = (arrival_rule(dt.datetime.now(dt.UTC)), *about_composites, *_rendered_rules(day, settings=settings))
    return DayCheck(day, judge_stored_day(stored), tuple(rule.judge(stored) for rule in rules))


def _rendered_rules(day: dt.date, *, settings: Settings) -> list[Rule]:
    """The asset checks of rendered_files, about those folders that are there."""
    rules = []
    for check, folder_of in _RENDERED:
        (key,) = check.check_keys
        asset, folder = key.asset_key.to_user_string(), folder_of(settings, day)
        if folder.is_dir():
            remedy = f"Materialise {asset} again."
            rules.append(Rule(10, key.name, asset, Severity.ERROR, lambda _stored, f=folder: _without_disclaimer(f), remedy))
    return rules


def _without_disclaimer(folder: Path) -> list[Finding]:
    verdict = files_verdict(folder)
    problem = "does not show the disclaimer" if verdict.metadata["files"] else f"in {folder.name}"
    return [Finding(name, problem) for name in verdict.metadata["without"]]


def verdict_rows(verdicts: Sequence[RuleVerdict]) -> pl.DataFrame:
    """One row per rule: rule (its number), verdict, found (failing rows), severity, check, table.

    A verdict is holds, nothing to judge, warns or BROKEN.
    """
    return pl.DataFrame(
        [
            {
                "rule": one.rule.number,
                "verdict": one.state.upper() if one.state is RuleState.BROKEN else one.state.value,
                "found": len(one.findings),
                "severity": one.rule.severity.value,
                "check": one.rule.name,
                "table": one.rule.asset,
            }
            for one in verdicts
        ]
    )


def failing_rows(verdicts: Sequence[RuleVerdict]) -> pl.DataFrame:
    """One row per finding: rule, check, severity, who, problem, remedy; ERROR rules first. No row when every rule holds."""
    columns = ("rule", "check", "severity", "who", "problem", "remedy")
    schema = {name: pl.Int64() if name == "rule" else pl.String() for name in columns}
    records = [
        (one.rule.number, one.rule.name, one.rule.severity.value, found.who, found.problem, one.rule.remedy)
        for one in verdicts
        for found in one.findings
    ]
    return pl.DataFrame(records, schema=schema, orient="row").sort("severity", maintain_order=True)
