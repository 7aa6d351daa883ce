"""Where FINRA's feeds come from: a file, else a directory, else FINRA's services, as the settings say.

Nothing is parsed here (short_daily.py and otc_weekly.py do), no address is known (services.py) and nothing is stored:
defs/raw asks for a day or a week and stores the readings.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from darkpool_assets.settings import Settings
from darkpool_assets.sources.answer_limits import DEFAULT_LIMITS, Limits
from darkpool_assets.sources.awaited import why_awaited
from darkpool_assets.sources.constituents import configured_universe
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.day_files import file_named_by
from darkpool_assets.sources.errors import AnotherDay, MalformedSource, NotConfigured, NotPublishedYet
from darkpool_assets.sources.finra.otc_weekly import OtcFields, otc_files_in, otc_hash, read_otc_content
from darkpool_assets.sources.finra.services import FinraServices
from darkpool_assets.sources.finra.short_daily import read_short_file, short_files_of, without_odd_symbols_of_any
from darkpool_assets.sources.reading import Reading

_OFFLINE = " (OFFLINE=true: FINRA is not asked)"


@dataclass(frozen=True)
class OtcFiles:
    """The readings of weekly files, and those that break their format, by name."""

    readings: list[Reading]
    malformed: dict[str, MalformedSource]


class FinraFeeds:
    """The short sale files and the weekly OTC volume of the sources that the settings name; closed at the end of a run.

    Args:
        settings: Where the feeds come from.
        limits: Of each answer of FINRA's services.
    """

    def __init__(self, settings: Settings, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._settings = settings
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if "_services" in self.__dict__:
            self._services.close()

    @cached_property
    def _services(self) -> FinraServices:
        return FinraServices(self._settings, limits=self._limits)

    @property
    def requests(self) -> int:
        """Requests made to FINRA so far: retries and those for tokens among them."""
        return self._services.requests if "_services" in self.__dict__ else 0

    @property
    def short_is_asked_for(self) -> bool:
        """Whether short sale volume comes from FINRA's services: then a settled day is not asked for again."""
        settings = self._settings
        return not (settings.finra_short_sale_file or settings.finra_short_sale_dir or settings.offline)

    @property
    def otc_is_asked_for(self) -> bool:
        """Whether weekly OTC volume comes from FINRA's Query API, week by week."""
        return not (self._settings.finra_otc_file or self._settings.finra_otc_dir or self._settings.offline)

    def has_source(self, table: str) -> bool:
        """Whether the settings give a raw table a source now."""
        kind = {"finra_short_daily_raw": "short_sale", "finra_otc_weekly_raw": "otc"}[table]
        named = (getattr(self._settings, f"finra_{kind}_{place}") for place in ("file", "dir"))
        return any(named) or not self._settings.offline

    def short_sale(self, day: dt.date, *, look_back: bool = False) -> list[Reading]:
        """One reading per file of `day`, or per answer of FINRA's services.

        Args:
            day: Session.
            look_back: The session is only context for another day; that a one-day file does not hold it is no fault.

        Raises:
            NotPublishedYet: the directory has no file of `day`, FINRA has not posted it (or, looking back, the file is of
                another day).
            NotConfigured: neither FINRA_SHORT_SALE_FILE nor FINRA_SHORT_SALE_DIR is set, and OFFLINE is true.
            MissingSource: what a setting names does not exist.
            MalformedSource: a file or an answer breaks its format.
            RefusedBySource, TransientSourceError: FINRA refused or could not be reached.
        """
        if self.short_is_asked_for:
            return self._services.short_files(day)
        paths = self._short_paths(day)
        if self._settings.finra_short_sale_file:
            return [_one_day_file(path, day=day, look_back=look_back) for path in paths]
        return without_odd_symbols_of_any([read_short_file(path, day=day) for path in paths])

    def awaited(self, day: dt.date, *, known: Collection[str] = ()) -> dict[str, str]:
        """The daily feed of `day` that is not out yet, asked for once: raw table -> why it is still awaited.

        Args:
            day: Session.
            known: Raw tables that were seen to be out; they are not asked for.

        Returns:
            finra_short_daily_raw and a reason; nothing where the files are out or no source is configured. A source that
            refuses or cannot be reached is a reason too.
        """
        looks = {"finra_short_daily_raw": partial(self._look_for_short_sale, day)}
        return why_awaited("FINRA", {table: look for table, look in looks.items() if table not in known})

    def files(self, day: dt.date) -> dict[str, list[Path]]:
        """Raw table -> the local files that `day` rests on, whether or not they were read.

        Raises:
            MissingSource: a directory that a setting names does not exist.
        """
        settings = self._settings
        short = [settings.finra_short_sale_file] if settings.finra_short_sale_file else []
        if settings.finra_short_sale_dir and not short:
            short = short_files_of(settings.finra_short_sale_dir, day=day)
        otc = [settings.finra_otc_file] if settings.finra_otc_file else []
        if settings.finra_otc_dir and not otc:
            otc = otc_files_in(settings.finra_otc_dir)
        return {"finra_short_daily_raw": short, "finra_otc_weekly_raw": otc}

    def otc_files(self) -> list[Content]:
        """The weekly files, unread, by name.

        Raises:
            NotPublishedYet: the directory has no file.
            NotConfigured: neither FINRA_OTC_FILE nor FINRA_OTC_DIR is set, and OFFLINE is true.
            MissingSource: what a setting names does not exist.
        """
        file, directory = self._settings.finra_otc_file, self._settings.finra_otc_dir
        if file:
            return [Content.of_file(file_named_by("FINRA_OTC_FILE", file))]
        if not directory:
            raise NotConfigured("FINRA weekly OTC volume", f"FINRA_OTC_FILE, FINRA_OTC_DIR{_OFFLINE}")
        paths = otc_files_in(directory)
        if not paths:
            raise NotPublishedYet(f"FINRA_OTC_DIR: no weekly file in {directory} yet.")
        return [Content.of_file(path) for path in paths]

    def otc_weekly(self, files: Collection[Content], *, today: dt.date) -> OtcFiles:
        """One reading per file, in an order in which later restatements come later: by the newest last_update_date, then name.

        Of a directory a malformed file is left out by name.

        Args:
            files: Of otc_files.
            today: New York date; a week that has not ended by then is a fault.

        Raises:
            MalformedSource: the file that FINRA_OTC_FILE names breaks its format.
            NotPublishedYet: it is a saved answer without rows, as is every file of the directory.
        """
        fields, read = OtcFields.of(self._settings), OtcFiles([], {})
        for content in files:
            try:
                read.readings.append(read_otc_content(content, fields=fields, today=today))
            except (MalformedSource, NotPublishedYet) as error:
                if self._settings.finra_otc_file:
                    raise
                if isinstance(error, MalformedSource):
                    read.malformed[content.name] = error
        if not read.readings and not read.malformed:
            raise NotPublishedYet("FINRA_OTC_DIR: no weekly file holds a row yet.")
        read.readings.sort(key=_last_update)
        return read

    def otc_hashes(self, files: Collection[Content]) -> dict[str, str]:
        """File name -> the content_hash that its reading would have, without reading it."""
        fields = OtcFields.of(self._settings)
        return {content.name: otc_hash(content, fields=fields) for content in files}

    def otc_week(self, week: dt.date, *, today: dt.date) -> Reading:
        """What FINRA's Query API holds of `week` now; asked for where otc_is_asked_for.

        Raises:
            NotPublishedYet: FINRA has no row of the week yet.
            MalformedSource, RefusedBySource, TransientSourceError: see services.py.
        """
        return self._services.weekly_summary(week, today=today, symbols=self.otc_universe)

    @cached_property
    def otc_universe(self) -> list[str] | None:
        """The symbols, as OTC spells them, that weeks are asked for; None for the whole market (FINRA_SYMBOL_FILTER) or files.

        Raises:
            MissingSource, MalformedSource: a constituents list cannot be read.
        """
        if self._settings.finra_symbol_filter == "market" or not self.otc_is_asked_for:
            return None
        return sorted({symbol.replace("/", ".") for symbol in configured_universe(self._settings)})

    def _look_for_short_sale(self, day: dt.date) -> None:
        if self.short_is_asked_for:
            self._services.look_for_short_files(day)
        else:
            self._short_paths(day)

    def _short_paths(self, day: dt.date) -> list[Path]:
        """The local files of `day`, one at least; raises as short_sale where there is none."""
        file, directory = self._settings.finra_short_sale_file, self._settings.finra_short_sale_dir
        if file:
            return [file_named_by("FINRA_SHORT_SALE_FILE", file)]
        if not directory:
            raise NotConfigured("FINRA daily short sale volume", f"FINRA_SHORT_SALE_FILE, FINRA_SHORT_SALE_DIR{_OFFLINE}")
        paths = short_files_of(directory, day=day)
        if not paths:
            raise NotPublishedYet(f"FINRA_SHORT_SALE_DIR: no short sale file of {day} in {directory} yet.")
        return paths


def _one_day_file(file: Path, *, day: dt.date, look_back: bool) -> Reading:
    try:
        return read_short_file(file, day=day)
    except AnotherDay as error:
        if not look_back:
            raise
        raise NotPublishedYet(f"FINRA_SHORT_SALE_FILE is of one day and does not hold {day}.") from error


def _last_update(reading: Reading) -> tuple[dt.date, str]:
    newest = reading.rows["last_update_date"].max()
    return (newest if isinstance(newest, dt.date) else dt.date.min, reading.source)
