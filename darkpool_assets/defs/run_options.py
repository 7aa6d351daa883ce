"""What a run may be told by its tags, beside its partitions."""

from typing import Final

import dagster as dg

FORCE_TAG: Final = "darkpool/force"


def is_forced(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was asked to fetch and store again what is unchanged (`darkpool run --force`)."""
    return context.run.tags.get(FORCE_TAG) == "true"
