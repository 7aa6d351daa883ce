"""The user's own files of Polygon's feeds: the one that a setting names, or that of a day in a directory.

Files are only found here, never opened: feeds.py hands them to the readers, or asks a service where none is named.
"""

import datetime as dt
from pathlib import Path
from typing import Final, Literal

from darkpool_assets.settings import Settings
from darkpool_assets.sources.day_files import file_named_by, file_of_day
from darkpool_assets.sources.errors import NotPublishedYet

Kind = Literal["trades", "quotes", "daily_agg"]

_SUFFIXES: Final = (".csv", ".json")


class OwnFiles:
    """The files of one process's settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def one_file(self, kind: Kind) -> Path | None:
        """What POLYGON_*_FILE names, whether or not it is there."""
        return getattr(self._settings, f"polygon_{kind}_file")

    def directory(self, kind: Kind) -> Path | None:
        """What POLYGON_*_DIR names, whether or not it is there."""
        return getattr(self._settings, f"polygon_{kind}_dir")

    def are_named(self, kind: Kind) -> bool:
        """Whether the settings name a file or a directory: then no service is asked."""
        return bool(self.one_file(kind) or self.directory(kind))

    def of_day(self, kind: Kind, day: dt.date) -> Path:
        """The file of `day`, where one of the two settings is set; a file goes before a directory.

        Raises:
            MissingSource: what the setting names does not exist.
            NotPublishedYet: the directory has no file of `day`.
            AmbiguousSource: the directory has two.
        """
        setting, file, directory = f"POLYGON_{kind.upper()}", self.one_file(kind), self.directory(kind)
        if file:
            return file_named_by(f"{setting}_FILE", file)
        assert directory is not None
        path = file_of_day(directory, setting=f"{setting}_DIR", day=day, suffixes=_SUFFIXES)
        if path is None:
            what = "aggregates" if kind == "daily_agg" else kind
            raise NotPublishedYet(f"{setting}_DIR: no {what} file of {day} in {directory} yet.")
        return path

    def named(self, kind: Kind, day: dt.date) -> list[Path]:
        """The file that `day` rests on, whether or not it was read; none where there is none.

        Raises:
            MissingSource: the directory does not exist.
            AmbiguousSource: the directory has two files of the day.
        """
        if file := self.one_file(kind):
            return [file]
        try:
            return [self.of_day(kind, day)] if self.directory(kind) else []
        except NotPublishedYet:
            return []
