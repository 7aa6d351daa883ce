"""What is stored at a moment, in pieces that are written whole or not at all: each table's day, each rendered file."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from darkpool_assets.tables import POLYGON_EQUITY_TRADES_RAW, TABLES

TableDay = tuple[str, str]

_MOMENTS: Final = {"at", "ingested_at"}
"""Columns that say when a row was made: two runs that store the same differ in them."""
_GENERATED: Final = re.compile(rb"Generated [-0-9]+ [:0-9]+ UTC")


@dataclass(frozen=True)
class StoredState:
    """A database and its rendered files.

    Attributes:
        rows: (table, day) -> its rows without the moments of their making, sorted; ledgers are no part of it.
        writes: (table, day) -> how often the ledgers say that it was stored.
        files: Path below the output folder -> digest of its content.
        ledger_rows: Rows of both ledgers.
    """

    rows: Mapping[TableDay, tuple[Any, ...]] = field(default_factory=dict)
    writes: Mapping[TableDay, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ledger_rows: int = 0


def digest(content: bytes) -> str:
    """A digest of a rendered file without its generated-at line, in which two drawings of the same differ."""
    return hashlib.sha256(_GENERATED.sub(b"", content)).hexdigest()


def stored_state(database: Path, output: Path) -> StoredState:
    """Read what is there; nothing where there is no database, as before the first run.

    Raises:
        duckdb.Error: the database can't be read.
    """
    files = {str(path.relative_to(output)): digest(path.read_bytes()) for path in sorted(output.rglob("*")) if path.is_file()}
    if not database.exists():
        return StoredState(files=files)
    with duckdb.connect(str(database), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'derivation_ledger'").fetchone():
            return StoredState(files=files)
        sql = """
            select feed, cast(partition_date as varchar), count(*) from ingest_ledger where status = 'STORED' group by all
            union all
            select asset, cast("date" as varchar), count(*) from derivation_ledger where status = 'STORED' group by all
        """
        writes = {(owner, day): number for owner, day, number in connection.execute(sql).fetchall()}
        counted = "select (select count(*) from ingest_ledger) + (select count(*) from derivation_ledger)"
        ledger_rows = connection.execute(counted).fetchall()[0][0]
        return StoredState(_rows(connection), writes, files, ledger_rows)


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[TableDay, tuple[Any, ...]]:
    rows: dict[TableDay, list[str]] = {}
    for table in TABLES.values():
        if table.stage != "ledger":
            columns = ", ".join(f'"{name}"' for name in table.column_names if name not in _MOMENTS)
            sql = f'select cast("{table.day_column}" as varchar), {columns} from "{table.name}"'
            for day, *row in connection.execute(sql).fetchall():
                rows.setdefault((table.name, day), []).append(repr(row))
    return {piece: tuple(sorted(found)) for piece, found in rows.items()}


def differing_tables(database: Path, copy: Path) -> list[str]:
    """Tables of which the published copy does not hold every cell of the database's; all of them where there is no copy."""
    tables = [name for name, table in TABLES.items() if table is not POLYGON_EQUITY_TRADES_RAW]
    if not copy.exists():
        return tables
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("attach $copy as copy (read_only)", {"copy": str(copy)})
        sql = '(from "{0}" except all from copy."{0}") union all (from copy."{0}" except all from "{0}")'
        return [name for name in tables if connection.execute(sql.format(name)).fetchall()]
