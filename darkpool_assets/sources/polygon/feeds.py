"""Where Polygon's feeds come from: a file, else a directory of flat files, as the settings say.

Nothing is parsed here (trades.py, quotes.py and daily_agg.py do) and nothing is stored: defs/raw asks for a day and
stores the readings.
"""

import datetime as dt
from pathlib import Path
from typing import Final

from darkpool_assets.settings import Settings
from darkpool_assets.sources.day_files import file_named_by, file_of_day
from darkpool_assets.sources.errors import AnotherDay, NotConfigured, NotPublishedYet
from darkpool_assets.sources.polygon.daily_agg import agg_file_of, read_daily_agg_file
from darkpool_assets.sources.polygon.quotes import read_quotes_file
from darkpool_assets.sources.polygon.trades import read_trades_file
from darkpool_assets.sources.reading import Reading
from darkpool_assets.vocabulary import TradeSource

_TICK_SUFFIXES: Final = (".csv", ".json")


class PolygonFeeds:
    """The trades, quotes and daily aggregates files that the settings name; tickers and session window are the settings' too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def trades(self, day: dt.date) -> Reading:
        """The configured tickers' prints inside the session window of `day`.

        Raises:
            NotPublishedYet: the directory has no file of `day`.
            NotConfigured: neither POLYGON_TRADES_FILE nor POLYGON_TRADES_DIR is set.
            MissingSource: what a setting names does not exist.
            MalformedSource: the file breaks its format or has no row of `day`.
        """
        settings = self._settings
        window, symbols = settings.session_window(day), settings.tickers
        if settings.polygon_trades_file:
            path = file_named_by("POLYGON_TRADES_FILE", settings.polygon_trades_file)
            return read_trades_file(path, day=day, window=window, symbols=symbols)
        if not settings.polygon_trades_dir:
            raise NotConfigured("Polygon trades", "POLYGON_TRADES_FILE, POLYGON_TRADES_DIR")
        path = file_of_day(settings.polygon_trades_dir, setting="POLYGON_TRADES_DIR", day=day, suffixes=_TICK_SUFFIXES)
        if path is None:
            raise NotPublishedYet(f"POLYGON_TRADES_DIR: no trades file of {day} in {settings.polygon_trades_dir} yet.")
        return read_trades_file(path, day=day, window=window, symbols=symbols, data_source=TradeSource.FLAT_FILE)

    def quotes(self, day: dt.date) -> Reading | None:
        """The configured tickers' quotes of `day`; None without a source or without a file of the day: trades fall to TICK.

        Raises:
            MissingSource: what a setting names does not exist.
            MalformedSource: the file breaks its format or has no row of `day`.
        """
        settings = self._settings
        path = None
        if settings.polygon_quotes_file:
            path = file_named_by("POLYGON_QUOTES_FILE", settings.polygon_quotes_file)
        elif settings.polygon_quotes_dir:
            path = file_of_day(settings.polygon_quotes_dir, setting="POLYGON_QUOTES_DIR", day=day, suffixes=_TICK_SUFFIXES)
        if path is None:
            return None
        return read_quotes_file(path, day=day, window=settings.session_window(day), symbols=settings.tickers)

    def files(self, day: dt.date) -> dict[str, list[Path]]:
        """Raw table -> the local files that `day` rests on, whether or not they were read.

        Raises:
            MissingSource: a directory that a setting names does not exist.
        """
        settings = self._settings
        ticks: list[Path | None] = []
        for kind in ("trades", "quotes"):
            file, directory = getattr(settings, f"polygon_{kind}_file"), getattr(settings, f"polygon_{kind}_dir")
            setting = f"POLYGON_{kind.upper()}_DIR"
            ticks.append(file or (directory and file_of_day(directory, setting=setting, day=day, suffixes=_TICK_SUFFIXES)))
        directory = settings.polygon_daily_agg_dir
        bars = [settings.polygon_daily_agg_file or (directory and agg_file_of(directory, day=day))]
        found = {"polygon_equity_trades_raw": ticks, "polygon_daily_agg_raw": bars}
        return {table: [path for path in paths if path] for table, paths in found.items()}

    def daily_agg(self, day: dt.date, *, look_back: bool = False) -> Reading:
        """The aggregates of `day`, whole market where the source gives it.

        Args:
            day: Session.
            look_back: The session is only context for another day; that a one-day file does not hold it is no fault.

        Raises:
            NotPublishedYet: the directory has no file of `day`, or a table of several days has no row of it (or, looking
                back, the file is of another day).
            NotConfigured: neither POLYGON_DAILY_AGG_FILE nor POLYGON_DAILY_AGG_DIR is set.
            MissingSource: what a setting names does not exist.
            MalformedSource: the file breaks its format or is of another day.
        """
        file, directory = self._settings.polygon_daily_agg_file, self._settings.polygon_daily_agg_dir
        if file:
            return _one_file(file_named_by("POLYGON_DAILY_AGG_FILE", file), day=day, look_back=look_back)
        if not directory:
            raise NotConfigured("Polygon daily aggregates", "POLYGON_DAILY_AGG_FILE, POLYGON_DAILY_AGG_DIR")
        path = agg_file_of(directory, day=day)
        if path is None:
            raise NotPublishedYet(f"POLYGON_DAILY_AGG_DIR: no aggregates file of {day} in {directory} yet.")
        return read_daily_agg_file(path, day=day, data_source=TradeSource.FLAT_FILE)


def _one_file(path: Path, *, day: dt.date, look_back: bool) -> Reading:
    try:
        return read_daily_agg_file(path, day=day, accept_undated=not look_back)
    except AnotherDay as error:
        if not look_back:
            raise
        raise NotPublishedYet(f"POLYGON_DAILY_AGG_FILE does not hold {day}.") from error
