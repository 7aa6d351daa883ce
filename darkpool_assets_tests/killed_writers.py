"""Processes that write to a database, or hold one, until they are ended: what they run, and how they are killed in the midst."""

import multiprocessing
import multiprocessing.forkserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.retention import prune_raw_trades
from darkpool_assets.resources import connect_to
from darkpool_assets.warehouse import Warehouse

PROCESSES = multiprocessing.get_context("forkserver")
PATIENCE_SECONDS = 60
market_calendar.last_calendar_day()  # a second's work: done once, in the server that every process is forked from


def start_the_server_of_writers() -> None:
    """Imports what writers need while other tests run; no test module: frames made before a fork block after it."""
    PROCESSES.set_forkserver_preload(["darkpool_assets_tests.killed_writers", "pytest", "polars.testing"])
    multiprocessing.forkserver.ensure_running()


def answer_of(orders: Connection) -> Any:
    """What the process says next."""
    assert orders.poll(PATIENCE_SECONDS), "the process says nothing"
    return orders.recv()


@contextmanager
def running(work: Callable[..., None], *arguments: object) -> Iterator[tuple[Any, Connection]]:
    """A process that does `work(*arguments, its end of a pipe)`, and our end of the pipe; killed at the end if still alive."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=work, args=(*arguments, theirs))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def publish_for_ever(database: Path, copy: Path, orders: Connection) -> None:
    """Publish again and again; says "published" once, after the first time."""
    warehouse = Warehouse(connect_to(database))
    warehouse.publish_to(copy)
    orders.send("published")
    while True:
        warehouse.publish_to(copy)


def hold(database: Path, query: str, orders: Connection) -> None:
    """Hold a database open for reading; answers every order with what `query` gives."""
    with duckdb.connect(str(database), read_only=True) as connection:
        while True:
            orders.send(connection.execute(query).fetchall())
            orders.recv()


def prune(database: Path, orders: Connection) -> None:
    """Prune raw trades down to the newest session, a transaction after the other on one connection; says "begun" and "done"."""
    with Warehouse(connect_to(database)).connected() as warehouse:
        orders.send("begun")
        prune_raw_trades(warehouse, keep=1)
    orders.send("done")
