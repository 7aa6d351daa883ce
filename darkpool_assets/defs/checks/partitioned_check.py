"""Asset checks by partition: their declaration, and a verdict per day also when one run covers a range of days.

No rule stands here.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from darkpool_assets.defs.partitions import trading_days


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
    """The run's one result, and in a range an evaluation per day beside it: the dashboard shows those by partition.

    Args:
        context: Of the check's step.
        verdicts: Partition key -> verdict, for every partition of the run.
        asset: Name of the checked asset.
        check: Name of the check.
        severity: ERROR or WARN.
    """
    if len(verdicts) == 1:
        only = next(iter(verdicts.values()))
        yield dg.AssetCheckResult(
            asset_key=asset, check_name=check, passed=only.passed, severity=severity, metadata=only.metadata
        )
        return
    for day, verdict in verdicts.items():
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=check,
            passed=verdict.passed,
            metadata=verdict.metadata,
            severity=severity,
            partition=day,
        )
        context.op_execution_context.log_event(evaluation)  # pyright: ignore[reportArgumentType] - takes evaluations too
    broken = [day for day, verdict in verdicts.items() if not verdict.passed]
    metadata = {"days": len(verdicts), "days_found": broken}
    yield dg.AssetCheckResult(asset_key=asset, check_name=check, passed=not broken, severity=severity, metadata=metadata)
