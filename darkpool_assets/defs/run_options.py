"""What a run may be told by its tags, beside its partitions."""

from typing import Final

import dagster as dg

LARGEST_RUN: Final = 30
"""Sessions of one run: what a killed run has to make again, against the seconds that every run costs."""

FORCE_TAG: Final = "darkpool/force"
RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"
_PARTITION: Final = "dagster/partition"


def is_forced(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was asked to fetch and store again what is unchanged (`darkpool run --force`)."""
    return context.run.tags.get(FORCE_TAG) == "true"


def days_of(run: dg.DagsterRun) -> tuple[str, str] | None:
    """First and last partition that a run is for; None where it has none."""
    first = run.tags.get(RANGE_START, run.tags.get(_PARTITION))
    return (first, run.tags.get(RANGE_END, first)) if first else None


def is_range(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> bool:
    """Whether the run was asked for a range of days, which may be one."""
    return RANGE_START in context.run.tags
