"""The published copy: the declared tables but raw trades, in a DuckDB file of their own for readers outside.

An outside reader that holds the warehouse's file keeps every writer waiting, so that readers are given this one. The warehouse
hands in its connection. Whoever opens the copy may keep it: the next one takes its name, not its content.
"""

import datetime as dt
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb

from darkpool_assets.tables import POLYGON_EQUITY_TRADES_RAW, TABLES

_PUBLISHED: Final = "table_name varchar not null, row_count bigint not null, published_at timestamp not null"


def publish_tables(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Write the copy beside `path`, then put it in its place; returns how many tables it has.

    Beside the tables it holds `published`: one row per table with its number of rows and the moment of the copy (UTC).

    Raises:
        ValueError: `path` is the connection's own database.
        duckdb.Error: the copy could not be written.
        OSError: it could not be put in its place.
    """
    _refuse_own_file(connection, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name, so that what a killed process left is found. Two cannot meet here: the database has one writer.
    part = path.absolute().with_name(f".{path.name}.part")
    _remove(part)
    try:
        copied = _write_copy(connection, part)
        _log_of(path).unlink(missing_ok=True)  # of a reader that wrote to the old copy: DuckDB would apply it to the new one
        part.replace(path)
    except BaseException:
        _remove(part)
        raise
    return copied


def copied_at(path: Path) -> dt.datetime | None:
    """Read when the copy at `path` was made (UTC, naive); None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as copy:
            found = copy.execute("select max(published_at) from published").fetchone()
    except duckdb.Error:
        return None
    return found[0] if found else None


def _write_copy(connection: duckdb.DuckDBPyConnection, part: Path) -> int:
    connection.execute("attach $part as published_copy", {"part": str(part)})
    try:
        connection.begin()
        try:
            copied = _copy_tables(connection)
            connection.commit()
        except BaseException:
            with suppress(duckdb.Error):  # a commit that failed has rolled back
                connection.rollback()
            raise
        connection.execute("checkpoint published_copy")
    finally:
        connection.execute("detach published_copy")
    return copied


def _copy_tables(connection: duckdb.DuckDBPyConnection) -> int:
    tables = [table for table in TABLES.values() if table is not POLYGON_EQUITY_TRADES_RAW]
    connection.execute(f"create table published_copy.published ({_PUBLISHED})")
    at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for table in tables:
        connection.execute(f'create table published_copy."{table.name}" ({table.definition})')
        counted = connection.execute(f'insert into published_copy."{table.name}" by name from "{table.name}"').fetchone()
        rows = counted[0] if counted else 0
        connection.execute("insert into published_copy.published values (?, ?, ?)", [table.name, rows, at])
    return len(tables)


def _refuse_own_file(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    found = connection.execute("select path from duckdb_databases() where database_name = current_database()").fetchone()
    own = found[0] if found else None
    if own and (Path(own).resolve() == path.resolve() or (path.exists() and path.samefile(own))):
        raise ValueError(f"{path} is the warehouse itself; give the published copy a name of its own")


def _remove(part: Path) -> None:
    for file in (part, _log_of(part)):
        file.unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    """DuckDB's write-ahead log of the file at `path`."""
    return path.with_name(f"{path.name}.wal")
