"""Turns of processes that would mix what they write: a lock file each, which the system lets go when its process dies.

What is written in a turn is not known here. DuckDB's own lock keeps single transactions apart; a turn keeps whole runs apart.
"""

import logging
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_TOLD_EVERY_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


class Turn:
    """The turn of one process at one thing; threads of the process share it.

    Args:
        path: Lock file; made when there is none, and left there.
        what: The thing, as the log calls it.
    """

    def __init__(self, path: Path, *, what: str) -> None:
        self._lock = FileLock(path, thread_local=False)
        self._what = what

    def take(self) -> None:
        """Wait until no other process has the turn, however long that takes; do nothing where it is taken already."""
        while not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=_TOLD_EVERY_SECONDS)
            except Timeout:
                _log.warning("%s: waiting for another run to end", self._what)

    def let_go(self) -> None:
        """Give the turn to whoever waits for it."""
        self._lock.release(force=True)
