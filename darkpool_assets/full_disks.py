"""Disks that are full, told by the setting and the place that lie on them.

DuckDB's own errors are database_faults' work.
"""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_NEXT_TO_NOTHING: Final = 1 << 20


class NoRoomLeft(Exception):
    """A disk is full; the message names what could not be written to, and what to do."""

    def __init__(self, setting: str, place: Path, *, reason: str) -> None:
        super().__init__(
            f"{setting}: no room left in {place} ({reason}). What was stored before is whole. Make room there and run the same "
            "command again."
        )


@contextmanager
def refusing_full_disk(setting: str, place: Path) -> Iterator[None]:
    """Name `setting` and `place` where something below it can't be written for want of room.

    Raises:
        NoRoomLeft: a file could not be written, or a SQLite database.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoRoomLeft(setting, place, reason=str(error.strerror)) from error
    except Exception as error:
        fault = getattr(error, "orig", error)  # SQLAlchemy's errors hold the driver's
        if not (isinstance(fault, sqlite3.OperationalError) and _is_for_want_of_room(fault, place)):
            raise
        raise NoRoomLeft(setting, place, reason=str(fault)) from error


def _is_for_want_of_room(fault: sqlite3.OperationalError, place: Path) -> bool:
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and shutil.disk_usage(place).free < _NEXT_TO_NOTHING)
