"""What rows of Phase C must keep, checked outside the gate: a faulty composite must not forbid its own repair.

A step of its own, because one that waits for composite_signal is left out where the gate refuses the day, and then the gate's
own verdicts must still be told.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

import dagster as dg

from darkpool_assets.analytics.contract_rules import composites_beside_metrics, contract_findings
from darkpool_assets.analytics.stored_day import Finding
from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.settings import Settings
from darkpool_assets.tables import COMPOSITE_SIGNAL
from darkpool_assets.warehouse import Warehouse

_CONTRACT: Final = "composite_signal_keys_are_unique_and_required_columns_filled"
_COMPLETE: Final = "every_row_of_daily_metrics_has_its_composite"
_REMEDY: Final = "Materialise composite_signal of this day again."
_MEANINGS: Final = {
    _CONTRACT: "No key of composite_signal is repeated and no required column is empty.",
    _COMPLETE: "The day's composites are those of its daily_metrics: same symbols, data_quality and as_of.",
}
_SHOWN_FINDINGS: Final = 20


@dg.multi_asset_check(
    name="phase_c_rows",
    specs=[
        partitioned_check_spec(name, asset="composite_signal", description=f"{meaning} If not: {_REMEDY}")
        for name, meaning in _MEANINGS.items()
    ],
)
def phase_c_rows(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """Both verdicts of every day of the run; fails the run when a day asked for could not be made."""
    version = settings.inference_version
    days = {key: _verdicts(warehouse, dt.date.fromisoformat(key), version=version) for key in context.partition_keys}
    for name in _MEANINGS:
        verdicts = {key: verdict[name] for key, verdict in days.items()}
        yield from report_verdicts(context, verdicts, asset="composite_signal", check=name)
    fail_for_unmade_days(context, warehouse, version=version)


def _verdicts(warehouse: Warehouse, day: dt.date, *, version: str) -> Mapping[str, DayVerdict]:
    with warehouse.connected() as connected:
        rows = connected.read_day("composite_signal", day, inference_version=version)
        metrics = connected.read_day("daily_metrics", day, inference_version=version)
    return {
        _CONTRACT: _verdict(contract_findings(COMPOSITE_SIGNAL, rows)),
        _COMPLETE: _verdict(composites_beside_metrics(rows, metrics)),
    }


def _verdict(findings: list[Finding]) -> DayVerdict:
    if not findings:
        return DayVerdict(passed=True, metadata={"found": 0})
    records = [dg.TableRecord({"who": finding.who, "problem": finding.problem}) for finding in findings[:_SHOWN_FINDINGS]]
    metadata = {"found": len(findings), "who": dg.MetadataValue.table(records), "remedy": _REMEDY}
    return DayVerdict(passed=False, metadata=metadata)
