"""Connections to database files, all on one DuckDB instance of this process.

Making an instance costs some 15 ms of CPU, attaching a file to one 1 ms, and a run opens its database hundreds of times. Locks
are DuckDB's: a file is held while a connection to it is open, and let go with the last one. They are POSIX record locks: a
process that opens the file a second time in any other way, if only to read it, loses its lock when it closes that, and another
process may then write beside it. So nothing here touches a file that is attached, and nothing else in the process may open it.
"""

import os
import threading
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import duckdb

from darkpool_assets.database_faults import WarehouseFull, fault_of, refuse_unusable_file


class DatabaseFiles:
    """Database files that are attached while there are connections to them; safe for threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._names: dict[str, str] = {}
        self._users: defaultdict[str, set[int]] = defaultdict(set)

    @cached_property
    def _instance(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(":memory:")

    def connect(self, path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        """A connection to the file at `path`, which is made when there is none; to be given back to `close`.

        While other connections to the file are open it is as they are, read-only or not.

        Raises:
            WarehouseUnreadable: a folder, a file without permission, or one of another program.
            duckdb.Error: the file is held by another process, or is no database.
        """
        place = os.path.realpath(path)
        with self._turn:
            name = self._names.setdefault(place, f"file_{len(self._names) + 1}")
            if not self._users[place]:
                self._attach(path, name, read_only=read_only)
            connection = self._instance.cursor()
            self._users[place].add(id(connection))
        try:
            connection.execute(f"use {name}")
        except duckdb.Error:  # a failed write of another thread invalidated the file
            self.close(connection, path)
            raise
        return connection

    def _attach(self, path: Path, name: str, *, read_only: bool) -> None:
        refuse_unusable_file(path, read_only=read_only)
        is_new, mode = not path.exists(), ", read_only" if read_only else ""
        spill = f"{os.path.realpath(path)}.tmp".replace("'", "''")
        with suppress(duckdb.Error):  # not once something was spilled
            self._instance.execute(f"set temp_directory = '{spill}'")
        try:
            self._instance.execute(f"attach if not exists $path as {name} (type duckdb{mode})", {"path": str(path.absolute())})
        except duckdb.Error as error:
            if is_new and isinstance(fault_of(error, path), WarehouseFull):
                path.unlink(missing_ok=True)  # an empty file, which DuckDB would take for another program's
            raise

    def close(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Close `connection`; the last one of a file lets it go."""
        place = os.path.realpath(path)
        with self._turn:
            connection.close()
            users = self._users[place]
            if id(connection) in users:  # else of an instance that was given up
                users.remove(id(connection))
                if not users:
                    self._let_go(place)

    def _let_go(self, place: str) -> None:
        try:
            self._instance.execute(f"detach {self._names[place]}")
        except duckdb.Error:
            # A file that a failed write invalidated can't be detached; the next connection is made on an instance of its own.
            self._instance.close()
            del self._instance
            self._users.clear()
