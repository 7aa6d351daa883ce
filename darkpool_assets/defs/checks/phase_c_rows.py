"""What rows of Phase C must keep, checked outside the gate: a faulty composite must not forbid its own repair.

A step of its own, because one that waits for composite_signal is left out where the gate refuses the day, and then the gate's
own verdicts must still be told.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

import dagster as dg

from darkpool_assets.analytics.contract_rules import COMPOSITE_REMEDY, COMPOSITE_RULES
from darkpool_assets.defs.checks.findings_verdict import findings_verdict
from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.settings import Settings
from darkpool_assets.tables import COMPOSITE_SIGNAL
from darkpool_assets.warehouse import Warehouse


@dg.multi_asset_check(
    name="phase_c_rows",
    specs=[
        partitioned_check_spec(rule.name, asset=COMPOSITE_SIGNAL.name, description=f"{rule.meaning} If not: {COMPOSITE_REMEDY}")
        for rule in COMPOSITE_RULES
    ],
)
def phase_c_rows(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """Both verdicts of every day of the run; fails the run when a day asked for could not be made."""
    version = settings.inference_version
    days = {key: _verdicts(warehouse, dt.date.fromisoformat(key), version=version) for key in context.partition_keys}
    for rule in COMPOSITE_RULES:
        verdicts = {key: verdict[rule.name] for key, verdict in days.items()}
        yield from report_verdicts(context, verdicts, asset=COMPOSITE_SIGNAL.name, check=rule.name)
    fail_for_unmade_days(context, warehouse, version=version)


def _verdicts(warehouse: Warehouse, day: dt.date, *, version: str) -> Mapping[str, DayVerdict]:
    with warehouse.connected() as connected:
        rows = connected.read_day("composite_signal", day, inference_version=version)
        metrics = connected.read_day("daily_metrics", day, inference_version=version)
    judged = rows.height + metrics.height
    return {
        rule.name: findings_verdict(rule.find(rows, metrics), remedy=COMPOSITE_REMEDY, judged=judged) for rule in COMPOSITE_RULES
    }
