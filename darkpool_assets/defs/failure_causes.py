"""The cause of an asset's failed day: the raw table or the asset whose failure of that day lies at its root.

Told from ledger entries and the graph, never from a message. The derivation ledger keeps it; the command line names each
cause once.
"""

import datetime as dt
from collections.abc import Collection

from darkpool_assets.analytics.phase_c_gate import GateClosed
from darkpool_assets.defs.ledgers import UpstreamFailed, refuse_after_failed_derivation, refuse_after_failure
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse


def cause_of(error: Exception, warehouse: Warehouse, day: dt.date, *, upstream: Collection[str], version: str) -> str | None:
    """Name the raw table or asset whose failure of `day` is the cause of `error`; None for a failure of the asset's own.

    Args:
        error: What the asset raised. Only a refusal can have a cause: UpstreamFailed, or a closed gate.
        warehouse: Holds the ledgers.
        day: Session.
        upstream: Assets that it rests on; what the tables among them are made of is found by their lineage.
        version: The inference_version of the derivations.
    """
    if isinstance(error, UpstreamFailed) and error.root:
        return error.root
    if not isinstance(error, UpstreamFailed | GateClosed):
        return None
    tables = tables_behind(frozenset(upstream))
    feeds = {name for name in tables if name in TABLES and TABLES[name].stage == "raw"}
    try:
        refuse_after_failure(warehouse, day, feeds=tuple(sorted(feeds)))
        refuse_after_failed_derivation(warehouse, day, assets=tuple(sorted(tables - feeds)), version=version)
    except UpstreamFailed as failed:
        return failed.root
    return None


def tables_behind(assets: frozenset[str]) -> frozenset[str]:
    """Collect `assets` and every table that their columns are made of, down to the raw ones."""
    declared = [TABLES[name] for name in assets if name in TABLES]
    places = {place for table in declared for column in table.columns for place in column.lineage}
    found = assets | {place.split(".")[0] for place in places}
    return found if found == assets else tables_behind(found)
