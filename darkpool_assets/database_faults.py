"""What is wrong with a database file, in words: what it is, what was found, what to do. Nothing is opened for writing here.

Only damage calls for the file to be put aside. A folder, a permission, another program's file or a full disk do not: there the
setting, the permission or the room is mended, and the file stays as it is.
"""

import errno
import os
from pathlib import Path
from typing import Final

import duckdb

_MAGIC: Final = b"DUCK"
_MAGIC_AT: Final = 8
_ELSEWHERE: Final = "set DUCKDB_PATH to another file. It was not changed."
_NO_ROOM: Final = (os.strerror(errno.ENOSPC).lower(), os.strerror(errno.EDQUOT).lower())
_DAMAGE: Final = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_DAMAGE_WORDS: Final = ("corrupt", "checksum", "wal file", "deserialize", "could not read")
_TEMPORARY: Final = ("duckdb_temp", ".tmp")


class WarehouseError(Exception):
    """The database can't be used as it is; the message says what to do."""


class WarehouseBusy(WarehouseError):
    """Another process held the database file for longer than a writer waits."""


class WarehouseUnreadable(WarehouseError):
    """There can be no database at its path, or what is there is none of ours."""


class WarehouseDamaged(WarehouseError):
    """The database file is ours and broken."""


class WarehouseFull(WarehouseError):
    """There is no room left for the database; what was stored before is whole."""


def refuse_unusable_file(path: Path, *, read_only: bool = False) -> None:
    """Pass where there is no file yet, or a DuckDB file that may be read and, unless `read_only`, written.

    Raises:
        WarehouseUnreadable: a folder, a file without permission, or one of another program.
    """
    if path.is_dir():
        raise WarehouseUnreadable(f"DUCKDB_PATH: {path} is a folder; {_ELSEWHERE}")
    if not path.exists():
        return
    if not os.access(path, os.R_OK if read_only else os.R_OK | os.W_OK):
        use = "read" if read_only else "read and written"
        raise WarehouseUnreadable(f"DUCKDB_PATH: {path} may not be {use} by this user (permission denied); allow it.")
    with path.open("rb") as file:
        begin = file.read(_MAGIC_AT + len(_MAGIC))
    if begin[_MAGIC_AT:] not in {_MAGIC, bytes(len(_MAGIC))}:  # zeros: another process is making the file
        found = f"begins with {begin!r}" if begin else "is empty"
        raise WarehouseUnreadable(f"DUCKDB_PATH: {path} is no DuckDB database ({found}); {_ELSEWHERE}")


def fault_of(error: Exception, path: Path) -> WarehouseError | None:
    """What an error of DuckDB says of the file at `path`; None where it says nothing of the file."""
    text = str(error)
    is_of_another_file = isinstance(error, duckdb.IOException) and str(path) not in text
    if any(words in text.lower() for words in _NO_ROOM) and any(words in text for words in (str(path), *_TEMPORARY)):
        return WarehouseFull(
            f"DUCKDB_PATH: no room left for {path} or its temporary files ({_first_line(text)}). "
            "What was stored before is whole. Make room there and run the same command again."
        )
    if isinstance(error, _DAMAGE) or (not is_of_another_file and any(words in text.lower() for words in _DAMAGE_WORDS)):
        return WarehouseDamaged(
            f"DUCKDB_PATH: {path} is damaged ({_first_line(text)}). Put a copy of yours in its place, or move it and its .wal "
            "away: `darkpool rebuild FROM TO` makes the tables again from the sources."
        )
    return None


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]
