"""Connections to database files, all on one DuckDB instance of this process.

Making an instance costs some 15 ms of CPU, attaching a file to one 1 ms, and a run opens its database hundreds of times. Locks
are DuckDB's: a file is held while a connection to it is open, and let go with the last one.
"""

import threading
from collections import Counter
from functools import cached_property
from pathlib import Path

import duckdb


class DatabaseFiles:
    """Database files that are attached while there are connections to them; safe for threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._names: dict[str, str] = {}
        self._open: Counter[str] = Counter()

    @cached_property
    def _instance(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(":memory:")

    def connect(self, path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        """A connection to the file at `path`, which is made when there is none; to be given back to `close`.

        Raises:
            duckdb.Error: the file is held by another process, held in another mode by this one, or is no database.
        """
        place = str(path.absolute())
        with self._turn:
            name = self._names.setdefault(place, f"file_{len(self._names) + 1}")
            if not self._open[place]:
                mode = ", read_only" if read_only else ""
                self._instance.execute(f"attach if not exists $path as {name} (type duckdb{mode})", {"path": place})
            self._open[place] += 1
            connection = self._instance.cursor()
        connection.execute(f"use {name}")
        return connection

    def close(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Close `connection`; the last one of a file lets it go."""
        connection.close()
        place = str(path.absolute())
        with self._turn:
            self._open[place] -= 1
            if not self._open[place]:
                self._let_go(place)

    def _let_go(self, place: str) -> None:
        try:
            self._instance.execute(f"detach {self._names[place]}")
        except duckdb.Error:
            # A file that a failed write invalidated can't be detached; the next connection is made on an instance of its own.
            self._instance.close()
            del self._instance
            self._open.clear()
