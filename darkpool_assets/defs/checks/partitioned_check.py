"""Asset checks by partition: their declaration, and a verdict per day also when one run covers a range of days.

No rule stands here.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

# Without it the UI takes a verdict for one of older rows, and shows the day as never checked. Internal name: under test.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as JudgedMaterialisation,
)

from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.defs.run_options import is_range


@dataclass(frozen=True)
class DayVerdict:
    """What one check says of one day."""

    passed: bool
    metadata: Mapping[str, Any]


def partitioned_check_spec(name: str, *, asset: str, description: str) -> dg.AssetCheckSpec:
    """A check that keeps one verdict per trading day."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=asset, partitions_def=trading_days, description=description)


def report_verdicts(
    context: dg.AssetCheckExecutionContext,
    verdicts: Mapping[str, DayVerdict],
    *,
    asset: str,
    check: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> Iterator[dg.AssetCheckResult]:
    """The run's one result, and in a range, of one day too, an evaluation per day beside it: the dashboard shows those.

    Args:
        context: Of the check's step.
        verdicts: Partition key -> verdict, for every partition of the run.
        asset: Name of the checked asset.
        check: Name of the check.
        severity: ERROR or WARN.
    """
    if not is_range(context):
        only = next(iter(verdicts.values()))
        yield dg.AssetCheckResult(
            asset_key=asset, check_name=check, passed=only.passed, severity=severity, metadata=only.metadata
        )
        return
    judged = _judged_materialisations(context.instance, dg.AssetKey(asset), set(verdicts))
    for day, verdict in verdicts.items():
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=check,
            passed=verdict.passed,
            metadata=verdict.metadata,
            severity=severity,
            partition=day,
            target_materialization_data=judged.get(day),
        )
        context.op_execution_context.log_event(evaluation)  # pyright: ignore[reportArgumentType] - takes evaluations too
    broken = [day for day, verdict in verdicts.items() if not verdict.passed]
    metadata = {"sessions": f"{len(verdicts)}, {min(verdicts)} to {max(verdicts)}", "broken on": ", ".join(broken) or "none"}
    yield dg.AssetCheckResult(asset_key=asset, check_name=check, passed=not broken, severity=severity, metadata=metadata)


def _judged_materialisations(
    instance: dg.DagsterInstance, asset: dg.AssetKey, days: set[str]
) -> Mapping[str, JudgedMaterialisation]:
    """Partition -> its newest materialisation, the one that a verdict given now is about."""
    newest = instance.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, days)
    if not newest:
        return {}
    chosen = dg.AssetRecordsFilter(asset, storage_ids=list(newest.values()))
    return {
        str(record.partition_key): JudgedMaterialisation(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in instance.fetch_materializations(chosen, limit=len(newest)).records
    }
