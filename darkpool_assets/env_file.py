"""The `.env` file and the names in it: is it a text that can be read, and does a name only resemble a setting's.

No value is read or shown here. settings.py refuses what is wrong in the file; what is doubtful is a warning.
"""

import codecs
import difflib
import io
import os
import stat
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from darkpool_assets.setting_display import shortened

ENCODING: Final = "utf-8-sig"  # UTF-8, with or without a byte order mark
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LEAST_LIKENESS: Final = 0.8
_SOURCES: Final = frozenset({"FINRA", "POLYGON"})
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class EnvFileError(ValueError):
    """A `.env` that can't be read: what was found and what is allowed, in one line."""


def env_file_faults(path: Path, *, settings: Collection[str]) -> list[str]:
    """Name every line of a `.env` that sets nothing, and every name that only resembles one of `settings`.

    Raises:
        EnvFileError: it is a folder, can't be read, or is not UTF-8.
    """
    bindings = list(parse_stream(io.StringIO(_text_of(path))))
    unset = [one.original.line for one in bindings if _sets_nothing(one, settings)]
    faults = [
        f"{path}: given line {line}, which sets nothing; allowed: NAME=value, with a quotation closed, or a comment after #"
        for line in unset
    ]
    misnamed = {one.key: meant_setting(one.key, tuple(settings)) for one in bindings if one.key}
    return faults + [
        f"{shortened(name)}: given in {path}, which is no setting; allowed: {meant}, if that was meant"
        for name, meant in misnamed.items()
        if meant
    ]


def _sets_nothing(line: Binding, settings: Collection[str]) -> bool:
    is_bare_name = line.key is not None and line.value is None
    return line.error or (is_bare_name and str(line.key).upper() in settings)


def _text_of(path: Path) -> str:
    if path.is_dir():
        raise EnvFileError(f"{path}: given a folder; allowed: a text file in UTF-8, or none")
    if not path.is_file():
        return ""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EnvFileError(f"{path}: given a file that can't be read ({error.strerror}); allowed: a text file in UTF-8") from None
    if raw.startswith(_UTF_16) or b"\0" in raw:
        raise EnvFileError(f"{path}: given text in UTF-16; allowed: UTF-8")
    try:
        return raw.decode(ENCODING)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise EnvFileError(f"{path}: given text that is not UTF-8 (first in line {line}); allowed: UTF-8") from None


def exposure_of(path: Path) -> str | None:
    """Warn of a `.env` that other users of the machine may read or write; None where that is not so, or can't be known."""
    if os.name != "posix" or not path.is_file() or not path.stat().st_mode & _FOR_OTHERS:
        return None
    return f"{path} may be read or written by others on this machine; `chmod 600 {path}` keeps its keys yours"


@cache
def meant_setting(name: str, settings: tuple[str, ...]) -> str | None:
    """Find the setting that a name was probably meant to be, in any case of letters.

    Args:
        name: As it was given.
        settings: Every setting's name, in upper case.

    Returns:
        A setting; None for a setting's own name and for one that resembles none.
    """
    given = name.upper()
    if given in settings:
        return None
    words = set(given.split("_"))
    wordier = [setting for setting in settings if len(words) > 1 and words <= set(setting.split("_"))]
    if wordier:
        return _closest(given, wordier)
    if alike := difflib.get_close_matches(given, settings, n=1, cutoff=_LEAST_LIKENESS):
        return alike[0]
    source = given.split("_")[0]
    return _closest(given, [setting for setting in settings if setting.startswith(source)]) if source in _SOURCES else None


def _closest(name: str, candidates: list[str]) -> str:
    return difflib.get_close_matches(name, candidates, n=1, cutoff=0.0)[0]
