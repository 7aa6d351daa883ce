"""Dagster's SQLite event log with files that stay open during a run.

A session of ten tickers is some fifty events, most of them verdicts of checks. For each of them Dagster builds up to three
engines and opens and closes two files: 14 ms, of which 1 ms remains. Files and tables are Dagster's own, for every other process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Final

import dagster as dg
import sqlalchemy as sa

# Internal names, and what is overridden of the class is internal too: under test.
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.event import listen
from sqlalchemy.pool import StaticPool

_KEPT_OPEN: Final = 8


class OpenEventLog(SqliteEventLogStorage):
    """A file of events per run and one of all runs, the newest of them open."""

    _engines: dict[str, sa.Engine]

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and tell those who watch the file of its run: SQLite writes to the log beside a file that is open."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sa.Engine:
        """The engine of a file, with its one connection; those that were not used for longest are closed."""
        engine = self._engines.pop(shard, None) or self._new_engine(shard)
        self._engines[shard] = engine
        while len(self._engines) > _KEPT_OPEN:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def _new_engine(self, shard: str) -> sa.Engine:
        arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}  # threads take turns, see _connect
        engine = sa.create_engine(self.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=arguments)
        # What the end of a process cannot lose; after a power cut the newest events may be missing, not broken.
        listen(engine, "connect", lambda opened, _record: opened.execute("pragma synchronous = normal"))
        return engine

    @cached_property
    def supports_asset_checks(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Asked for with every verdict; a file does not change its mind."""
        return super().supports_asset_checks

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()


def keep_event_log_open(instance: dg.DagsterInstance) -> None:
    """Let `instance` keep the files of its event log open; one of another kind stays as it is."""
    log = instance.event_log_storage
    if type(log) is SqliteEventLogStorage:
        log.__class__ = OpenEventLog
        vars(log)["_engines"] = {}
