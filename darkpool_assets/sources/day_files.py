"""Finding files in a directory that a setting names: one file per day, or every file of a kind.

A directory is searched flat and by YYYY/MM below it. Files are only found here, never opened.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from darkpool_assets.sources.errors import AmbiguousSource, MissingSource, UnreadableSource

_DATE: Final = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?!\d)")
_NO_DATA: Final = (".", "readme", "sample_data.")
_YEAR: Final = re.compile(r"\d{4}")
_MONTH: Final = re.compile(r"\d{2}")


def date_in_name(name: str) -> dt.date | None:
    """The first date that a file name spells as YYYY-MM-DD or YYYYMMDD.

    >>> date_in_name("CNMSshvol20200102.txt")
    datetime.date(2020, 1, 2)
    """
    for year, _dash, month, day in _DATE.findall(name):
        try:
            return dt.date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def file_named_by(setting: str, path: Path) -> Path:
    """The file that a *_FILE setting names.

    Raises:
        MissingSource: there is no such file.
    """
    if not path.is_file():
        raise MissingSource(setting, path)
    return path


def files_of_day(directory: Path, *, setting: str, day: dt.date, suffixes: tuple[str, ...]) -> list[Path]:
    """The files whose name spells `day`, in `directory` itself and in its YYYY/MM, sorted by name.

    Raises:
        MissingSource: the directory does not exist.
    """
    folders = (_existing(directory, setting), directory / f"{day:%Y}" / f"{day:%m}")
    return _by_name(path for folder in folders for path in _listed(folder, suffixes) if date_in_name(path.name) == day)


def file_of_day(directory: Path, *, setting: str, day: dt.date, suffixes: tuple[str, ...]) -> Path | None:
    """The one file of `day`, or None where the directory has none.

    Raises:
        AmbiguousSource: two files stand for the day.
        MissingSource: the directory does not exist.
    """
    files = files_of_day(directory, setting=setting, day=day, suffixes=suffixes)
    if len(files) > 1:
        raise AmbiguousSource(setting, f"{day}", files[0], files[1])
    return files[0] if files else None


def files_in(directory: Path, *, setting: str, suffixes: tuple[str, ...]) -> list[Path]:
    """Every file of a kind, in `directory` itself and in every YYYY/MM below it, sorted by name.

    Raises:
        MissingSource: the directory does not exist.
    """
    months = (month for year in _folders(_existing(directory, setting), _YEAR) for month in _folders(year, _MONTH))
    return _by_name(path for folder in (directory, *months) for path in _listed(folder, suffixes))


def _existing(directory: Path, setting: str) -> Path:
    if not directory.is_dir():
        raise MissingSource(setting, directory)
    return directory


def _listed(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for path in _entries(folder):
        name = path.name.lower()
        if name.removesuffix(".gz").endswith(suffixes) and not name.startswith(_NO_DATA) and path.is_file():
            yield path


def _folders(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    return (path for path in _entries(folder) if name.fullmatch(path.name) and path.is_dir())


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise UnreadableSource(folder, error.strerror or str(error)) from None


def _by_name(paths: Iterator[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.name, path))


def written_at(path: Path) -> dt.datetime:
    """When a file was written last: UTC, naive, as the ledgers keep moments.

    Raises:
        OSError: it is gone.
    """
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None)
