"""A `darkpool` command in a process of its own, which says when it begins and ends what must be whole or not at all.

The processes are forked from a server that has imported what a command imports: each is a real process with a real Dagster
instance and database on disk, a second old when it starts its work.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import duckdb

from darkpool_assets import cli, warehouse
from darkpool_assets.rendering import files
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.trust.stored_state import digest

_PROCESSES: Final = multiprocessing.get_context("forkserver")
_ENDED_WITHIN: Final = 180.0
_LEDGER_ROWS: Final = "select (select count(*) from ingest_ledger) + (select count(*) from derivation_ledger)"


class Act(StrEnum):
    """What a kill must not leave half done."""

    TRANSACTION = "transaction"
    FILE = "file"
    PUBLISHING = "publishing"


@dataclass(frozen=True)
class Report:
    """What a command says of itself.

    Attributes:
        act: What it is doing.
        has_ended: False where it begins.
        at: Seconds of the system's monotonic clock.
        ledger_rows: Rows of the ledgers once a transaction has ended: acknowledged, never to be lost.
        content: Of a file: digest of what is written.
    """

    act: Act
    has_ended: bool
    at: float
    ledger_rows: int = 0
    content: str = ""


class Command:
    """A running command.

    Attributes:
        reports: Every report that was heard so far, in their order.
    """

    def __init__(self, process: Any, orders: Connection, said: Path) -> None:
        self._process, self._orders, self._said = process, orders, said
        self.reports: list[Report] = []

    def next_report(self) -> Report | None:
        """The next report; None once the command has ended."""
        if not self._orders.poll(_ENDED_WITHIN):
            raise TimeoutError(f"the command says nothing more: {self.said()}")
        try:
            report: Report = self._orders.recv()
        except (EOFError, ConnectionResetError):
            return None
        self.reports.append(report)
        return report

    def wait(self) -> int:
        """The exit code, once it has ended; negative where a signal ended it."""
        while self.next_report():
            pass
        self._process.join(_ENDED_WITHIN)
        code: int = self._process.exitcode
        return code

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()

    def said(self) -> str:
        """What it printed so far."""
        return self._said.read_text(errors="replace")


@contextmanager
def command(arguments: Sequence[str], *, folder: Path, values: Mapping[str, str], name: str = "command") -> Iterator[Command]:
    """`darkpool` with `arguments`, started in `folder` with the environment's `values`; killed at the end if still alive."""
    multiprocessing.forkserver.set_forkserver_preload([__name__, "darkpool_assets.commands", "darkpool_assets.command_runs"])
    said = folder / f"{name}.txt"
    ours, theirs = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_run, args=(list(arguments), folder, dict(values), said, theirs))
    process.start()
    theirs.close()
    try:
        yield Command(process, ours, said)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _run(arguments: Sequence[str], folder: Path, values: Mapping[str, str], said: Path, orders: Connection) -> None:
    os.chdir(folder)
    os.environ.update(values)
    with said.open("ab") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    _report_transactions(orders)
    _report(files, "_write_to_disk", Act.FILE, orders, content_of=lambda values: digest(values[1]))
    _report(warehouse, "publish_tables", Act.PUBLISHING, orders)
    sys.argv = ["darkpool", *arguments]
    cli.main()


def _report(
    module: Any, name: str, act: Act, orders: Connection, *, content_of: Callable[[Sequence[Any]], str] = lambda _: ""
) -> None:
    """Let a function of a module say when it begins and ends."""
    original: Callable[..., Any] = getattr(module, name)

    def reported(*values: Any) -> Any:
        orders.send(Report(act, has_ended=False, at=time.monotonic()))
        result = original(*values)
        orders.send(Report(act, has_ended=True, at=time.monotonic(), content=content_of(values)))
        return result

    setattr(module, name, reported)


def _report_transactions(orders: Connection) -> None:
    original = Warehouse._transaction

    @contextmanager
    def reported(self: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._in_transaction:
            with original(self) as connection:
                yield connection
            return
        orders.send(Report(Act.TRANSACTION, has_ended=False, at=time.monotonic()))
        with original(self) as connection:
            yield connection
            counted = connection.execute(_LEDGER_ROWS).fetchone()
        orders.send(Report(Act.TRANSACTION, has_ended=True, at=time.monotonic(), ledger_rows=counted[0] if counted else 0))

    Warehouse._transaction = reported  # pyright: ignore[reportAttributeAccessIssue]
