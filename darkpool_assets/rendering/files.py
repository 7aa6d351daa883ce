"""Where rendered bytes land: whole files or none, under names that a symbol cannot abuse.

No content is made here. Assets hand over what the renderers returned.
"""

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

_KEPT: Final = re.compile(r"[A-Z0-9.\-]")
_RESERVED_ON_WINDOWS: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
)
_LONGEST: Final = 120
_PART: Final = re.compile(r"\.[0-9a-f]{16}\.part")
_ABANDONED_SECONDS: Final = 600.0


def write_atomically(path: Path, content: bytes | str) -> None:
    """Put `content` (text as UTF-8) at `path`: readers see the old file or the new one, whole, also after a crash.

    Missing folders are made. When writing fails the old file stays and nothing is left beside it; what a killed process left
    there goes with the first writing ten minutes later.

    Raises:
        OSError: the file could not be written; names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_parts(path.parent)
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        _write_to_disk(part, content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def remove_others(folder: Path, kept: Collection[Path]) -> None:
    """Remove the files of `folder` that are not among `kept`: a day that is drawn again has no plot of a symbol it lost."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_file() and path not in kept:
            path.unlink(missing_ok=True)


def safe_file_name(symbol: str) -> str:
    """A file name (without extension) for `symbol`: no two symbols share one, also where the disk ignores case.

    Capitals, digits and inner dots and hyphens stand for themselves, "/" becomes "_", a lower-case letter is marked by "~", and
    anything else is spelled by its code point. A name that Windows reserves is marked at the end of its stem, a very long
    one is cut and told apart by a hash.

    >>> [safe_file_name(symbol) for symbol in ("SPY", "BRK.B", "BRK/B", "ABRpD", "CON", "..")]
    ['SPY', 'BRK.B', 'BRK_B', 'ABR~pD', 'CON~', '~02e~~02e~']
    """
    name = "".join(_spelled(symbol, place) for place in range(len(symbol))) or "~"
    stem, dot, rest = name.partition(".")
    if stem in _RESERVED_ON_WINDOWS:
        name = f"{stem}~{dot}{rest}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(symbol.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[:_LONGEST]}~{digest}"


def _spelled(symbol: str, place: int) -> str:
    character = symbol[place]
    if _KEPT.fullmatch(character) and not (character in ".-" and place in {0, len(symbol) - 1}):
        return character
    if character == "/":
        return "_"
    if "a" <= character <= "z":
        return f"~{character}"
    return f"~0{ord(character):x}~"


def _remove_abandoned_parts(folder: Path) -> None:
    """Remove parts of processes that were killed: nobody writes to one for so long."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # another process was quicker
                    if time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
                        Path(entry).unlink()


def _write_to_disk(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the renaming last; where a folder cannot be opened or flushed the file itself is whole all the same."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
