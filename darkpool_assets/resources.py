"""Dagster shells that hand assets plain objects: the warehouse, the feeds and the settings.

No asset and no rule lives here. Secrets stay inside Settings (masked in every text form); no resource field holds one.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import dagster as dg
import duckdb
import stamina
from dagster_duckdb import DuckDBResource

from darkpool_assets.database_faults import WarehouseFull, fault_of
from darkpool_assets.database_files import DatabaseFiles
from darkpool_assets.event_log import keep_event_log_open
from darkpool_assets.lost_writes import DATABASE_TAG, named_losses
from darkpool_assets.process_identity import ProcessIdentity
from darkpool_assets.published_copy import copied_at
from darkpool_assets.retry_log import tell_of_retries
from darkpool_assets.settings import Settings
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.turns import Turn
from darkpool_assets.warehouse import (
    Connect,
    Warehouse,
    WarehouseBusy,
    WarehouseError,
    WarehouseUnreadable,
    refuse_foreign_tables,
)

PROCESS_TAG: Final = "darkpool/process"
_LOCK_WAIT_SECONDS: Final = 120.0
_MAKING_SECONDS: Final = 2.0
_FILES: Final = DatabaseFiles()
_OURS: Final[set[Path]] = set()
_LOOKING: Final = Lock()


class PatientDuckDB(DuckDBResource):
    """dagster-duckdb's resource, waiting for another process's lock and closing the connection whatever happens.

    Connections share the process's one DuckDB instance, so that connection_config of the base has no say.

    Attributes:
        read_only: Whether its connections may not write.
    """

    read_only: bool = False

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own; waits up to two minutes while another process holds the file.

        Raises:
            WarehouseBusy: another process held the file all that time.
            WarehouseUnreadable: there can be no database at its path, or what is there is none.
            WarehouseDamaged, WarehouseFull: the file is broken, or its disk is full; also while the connection is used.
        """
        self._make_folder()
        connection = self._open()
        try:
            yield connection
        except duckdb.Error as error:
            if fault := fault_of(error, Path(self.database)):
                raise fault from error
            raise
        finally:
            _FILES.close(connection, Path(self.database))

    def _make_folder(self) -> None:
        try:
            Path(self.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseUnreadable(
                f"DUCKDB_PATH: given {self.database}, whose folder can't be made ({error.strerror}); allowed: a file in a folder "
                "that can be written to"
            ) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        tell_of_retries()
        try:
            for attempt in stamina.retry_context(
                on=self._may_pass, attempts=None, timeout=_LOCK_WAIT_SECONDS, wait_initial=0.05, wait_max=1.0
            ):
                with attempt:
                    self._refuse_foreign_file()
                    return _FILES.connect(Path(self.database), read_only=self.read_only)
        except duckdb.Error as error:
            if _is_lock_conflict(error):
                raise WarehouseBusy(
                    f"{self.database} is held by another process: {error}. Close what reads it, or try again."
                ) from error
            raise fault_of(error, Path(self.database)) or WarehouseUnreadable(
                f"DUCKDB_PATH: {self.database} can't be opened: {error}"
            ) from error
        raise AssertionError("unreachable")

    def _refuse_foreign_file(self) -> None:
        """Look, once in a process, whose tables the file holds: opening it for writing would already change it."""
        path = Path(self.database)
        place = path.resolve()
        with _LOOKING:
            if place in _OURS or not path.exists():
                return
            looking = _FILES.connect(path, read_only=True)
            try:
                refuse_foreign_tables(looking)
            finally:
                _FILES.close(looking, path)
            _OURS.add(place)

    def _may_pass(self, error: Exception) -> bool:
        """Another process holds the lock, or is making the file at this moment."""
        if _is_lock_conflict(error):
            return True
        path = Path(self.database)
        if isinstance(fault_of(error, path), WarehouseFull):
            return False
        return isinstance(error, duckdb.Error) and path.exists() and time.time() - path.stat().st_mtime < _MAKING_SECONDS


def _is_lock_conflict(error: Exception) -> bool:
    """Another process holds the file, or another thread of this one is just letting it go."""
    is_locked = isinstance(error, duckdb.IOException) and "lock" in str(error).lower()
    return is_locked or isinstance(error, duckdb.ResourceInUseException)


class WarehouseResource(dg.ConfigurableResource[Warehouse]):
    """Hands assets a Warehouse over dagster-duckdb's resource; after a run that wrote, readers get a new copy.

    Attributes:
        database: Where the connections come from.
        published_copy: Path of the copy for outside readers; none is made when empty.
    """

    database: PatientDuckDB
    published_copy: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:  # noqa: ARG002
        """A Warehouse whose connections come from the database resource."""
        path = self.database.database
        return Warehouse(
            self.database.get_connection, turn=Turn(Path(f"{os.path.realpath(path)}.turn"), what=f"Deriving in {path}")
        )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """The Warehouse of one run: of all its steps, checks included, for they run in one process."""
        if context.instance:
            keep_event_log_open(context.instance)
            _mark_run(context, database=self.database.database)
        warehouse = self.create_resource(context)
        _warn_of_losses(context, warehouse, path=Path(self.database.database))
        try:
            yield warehouse
        finally:
            if self.published_copy:
                publish_if_older(warehouse, Path(self.published_copy), log=context.log or dg.get_dagster_logger())
            warehouse.let_turn_go()


def _warn_of_losses(context: dg.InitResourceContext, warehouse: Warehouse, *, path: Path) -> None:
    """Log what Dagster saw stored and the database does not hold; of a database that can't be used the steps tell."""
    if context.instance and path.exists():
        with suppress(duckdb.Error, WarehouseError):
            if losses := named_losses(context.instance, warehouse, path=path):
                (context.log or dg.get_dagster_logger()).warning(losses)


def _mark_run(context: dg.InitResourceContext, *, database: str) -> None:
    """Keep which process executes the run, and on which database, for those who find the run after that process died."""
    run = context.run
    if context.instance and run and context.instance.has_run(run.run_id):
        # A retried run starts with the tags of the one before it, so that the tag says whose process it is.
        process = f"{run.run_id} {ProcessIdentity.of_this_process()}"
        context.instance.add_run_tags(run.run_id, {PROCESS_TAG: process, DATABASE_TAG: os.path.realpath(database)})


def publish_if_older(warehouse: Warehouse, path: Path, *, log: logging.Logger) -> bool:
    """Replace the copy for outside readers where it is older than the database; returns whether readers have the newest.

    What goes wrong is logged, for what the run stored does not depend on it.
    """
    started = time.monotonic()
    try:
        copied, written = copied_at(path), warehouse.last_written_at()
        if written is None or (copied and copied >= written):
            return True
        tables = warehouse.publish_to(path)
    except (duckdb.Error, OSError, ValueError, WarehouseError) as error:
        log.warning(
            f"PUBLISHED_DUCKDB_PATH: no copy was made, readers of {path} see the one before, if any. {type(error).__name__}: "
            f"{error}. Nothing that was stored is lost. Check free disk space and write permission on {path.parent}; the next "
            "run makes the copy."
        )
        return False
    log.info(f"{tables} tables published at {path} in {time.monotonic() - started:.1f} s")
    return True


def connect_to(path: Path) -> Connect:
    """The way to open connections to the database at `path`, outside a run."""
    return PatientDuckDB(database=str(path)).get_connection


def build_resources(settings: Settings) -> Mapping[str, Any]:
    """The resources of one code location: `warehouse`, `finra`, `polygon` and the `settings` themselves."""
    return {
        "warehouse": WarehouseResource(
            database=PatientDuckDB(database=str(settings.duckdb_path)), published_copy=str(settings.published_duckdb_path or "")
        ),
        "finra": _of_one_run(FinraFeeds, settings),
        "polygon": _of_one_run(PolygonFeeds, settings),
        "settings": settings,
    }


def _of_one_run(feeds: type[FinraFeeds] | type[PolygonFeeds], settings: Settings) -> dg.ResourceDefinition:
    """Feeds that live for one run: connections, tokens and what a plan refuses are forgotten with it."""

    @dg.resource(description=feeds.__doc__)
    def opened(_context: dg.InitResourceContext) -> Iterator[FinraFeeds | PolygonFeeds]:
        with feeds(settings) as run_feeds:
            yield run_feeds

    return opened
