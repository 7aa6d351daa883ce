"""Where Polygon's feeds come from: a file, else a directory, else flat files over S3, else the REST API, as the settings say.

Nothing is parsed here (trades.py, quotes.py, tick_pages.py and daily_agg.py do) and nothing is stored: defs/raw asks for a
day, hands in how a quote is joined to a trade, and stores the readings.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final, Self

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.settings import Settings
from darkpool_assets.sources.answer_limits import DEFAULT_LIMITS, Limits
from darkpool_assets.sources.awaited import why_awaited
from darkpool_assets.sources.errors import AnotherDay, NotConfigured, NotEntitled, NotPublishedYet
from darkpool_assets.sources.polygon.daily_agg import read_daily_agg_file, read_grouped_daily
from darkpool_assets.sources.polygon.flat_files import FLAT_FILE_LIMITS, FlatFileKind, FlatFiles
from darkpool_assets.sources.polygon.live import Attach, LiveTrades
from darkpool_assets.sources.polygon.own_files import Kind, OwnFiles
from darkpool_assets.sources.polygon.quotes import read_quotes_file
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest, polygon_hosts
from darkpool_assets.sources.polygon.trades import read_trades_file
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.transport import Pace, Transport
from darkpool_assets.vocabulary import TradeSource

_OFFLINE: Final = " (OFFLINE=true: Polygon is not asked)"
_LATE_PLANS: Final = dt.timedelta(days=3)  # some plans give a day's aggregates after its end, and say so:
_TOO_EARLY: Final = ("timeframe", "before end of day")

_FLAT_KINDS: Final[Mapping[Kind, FlatFileKind]] = {"trades": "trades_v1", "quotes": "quotes_v1", "daily_agg": "day_aggs_v1"}
_RESTS_ON: Final[Mapping[str, tuple[Kind, ...]]] = {
    "polygon_daily_agg_raw": ("daily_agg",), "polygon_equity_trades_raw": ("trades", "quotes"),
}  # fmt: skip


class PolygonFeeds:
    """Trades with their quotes, and daily aggregates, of the sources that the settings name; closed at the end of a run.

    What the plan of the key does not include is remembered until then.

    Args:
        settings: Where the feeds come from.
        limits: Of each answer, for a caller who cannot wait: no request waits for its turn either. Each service's own if None.
    """

    def __init__(self, settings: Settings, *, limits: Limits | None = None) -> None:
        self._settings = settings
        self._limits = limits
        self._own = OwnFiles(settings)
        self._refused_up_to = dt.date.min

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if "_transport" in self.__dict__:
            self._transport.close()

    @property
    def requests(self) -> int:
        """Requests of the REST API so far."""
        return self._transport.requests if "_transport" in self.__dict__ else 0

    @property
    def trades_are_asked_for(self) -> bool:
        """Whether trades come from a service: then what is stored of a finished session is not asked for again."""
        return not self._own.are_named("trades") and self._has_service

    @property
    def aggregates_are_asked_for(self) -> bool:
        """Whether daily aggregates come from a service."""
        return not self._own.are_named("daily_agg") and self._has_service

    def has_source(self, table: str) -> bool:
        """Whether the settings give a raw table a source now."""
        return self._own.are_named(_RESTS_ON[table][0]) or self._has_service

    def quoted_trades(
        self, day: dt.date, *, symbols: Sequence[str], attach: Attach, may_be_empty: bool = False
    ) -> Reading:  # fmt: skip
        """The prints of `symbols` inside the session window of `day`, with the quotes that `attach` joins to them.

        Prints are not rid of repetitions. One symbol's failure over REST is named in `failures`, the others are whole.

        Args:
            day: Session.
            symbols: Tickers, with "/" or ".".
            attach: (prints of one or more symbols, their quotes in ascending parts) -> the prints with bid and ask.
            may_be_empty: The day's other symbols were read before: over REST, no trade of any of these is no fault of the day.

        Raises:
            NotPublishedYet: the source does not have the day yet.
            NotConfigured: there is neither a file, nor a directory, nor a key.
            MissingSource: what a setting names does not exist.
            MalformedSource: a file breaks its format or has no row of `day`; or every symbol's answer does, and the day may not
                be empty.
            RefusedBySource, TransientSourceError: the service refused or could not be reached.
        """
        settings = self._settings
        if self._own.are_named("trades"):
            return self._of_files(day, symbols=symbols, attach=attach)
        if self._flat_files:
            try:
                return self._of_files(day, symbols=symbols, attach=attach)
            except (NotEntitled, NotPublishedYet):
                if not self._rest:
                    raise
        if not self._rest:
            sources = "POLYGON_TRADES_FILE, POLYGON_TRADES_DIR, POLYGON_FLAT_FILES_KEY, POLYGON_API_KEY"
            raise NotConfigured("Polygon trades", f"{sources}{_OFFLINE if settings.offline else ''}")
        window = settings.session_window(day)
        if self._own.are_named("quotes"):
            attach = self._with_quotes_of_file(day, symbols=symbols, attach=attach)
        return self._live.read_day(day, window=window, symbols=symbols, attach=attach, may_be_empty=may_be_empty)

    def daily_agg(self, day: dt.date, *, look_back: bool = False) -> Reading:
        """The aggregates of `day`, whole market where the source gives it.

        Args:
            day: Session.
            look_back: The session is only context for another day; that a one-day file does not hold it is no fault.

        Raises:
            NotPublishedYet: the source has no row of `day` yet (or, looking back, the file is of another day).
            NotConfigured: there is neither a file, nor a directory, nor a key.
            MissingSource: what a setting names does not exist.
            MalformedSource: a file or an answer breaks its format or is of another day.
            NotEntitled: the plan does not reach back to `day`.
            RefusedBySource, TransientSourceError: the service refused or could not be reached.
        """
        if self._own.one_file("daily_agg"):
            return _one_file(self._own.of_day("daily_agg", day), day=day, look_back=look_back)
        if self._own.directory("daily_agg"):
            return read_daily_agg_file(self._own.of_day("daily_agg", day), day=day, data_source=TradeSource.FLAT_FILE)
        if self._flat_files:
            try:
                with self._flat_files.file_of("day_aggs_v1", day) as path:
                    return replace(read_daily_agg_file(path, day=day, data_source=TradeSource.FLAT_FILE), requests=1)
            except (NotEntitled, NotPublishedYet):
                if not self._rest:
                    raise
        return self._grouped_daily(day)

    def files(self, day: dt.date) -> dict[str, list[Path]]:
        """Raw table -> the local files that `day` rests on, whether or not they were read.

        Raises:
            MissingSource: a directory that a setting names does not exist.
        """
        return {table: [path for kind in kinds for path in self._own.named(kind, day)] for table, kinds in _RESTS_ON.items()}

    def awaited(self, day: dt.date, *, known: Collection[str] = ()) -> dict[str, str]:
        """The feeds of `day` that are not out yet, each asked for once: raw table -> why it is still awaited.

        Where there are both flat files and a key of the REST API, the API is asked: it has the day first. Trades are out once
        the first ticker has one; what the plan refuses is as good as out, for the day is then made of less.

        Args:
            day: Session.
            known: Raw tables that were seen to be out; they are not asked for.

        Returns:
            Some of polygon_daily_agg_raw and polygon_equity_trades_raw. A feed that is out or has no source is absent; a
            source that refuses or cannot be reached is a reason too.
        """
        return why_awaited("Polygon", {table: partial(self._look_for, table, day) for table in _RESTS_ON if table not in known})

    @cached_property
    def _flat_files(self) -> FlatFiles | None:
        settings = self._settings
        key, secret = settings.polygon_flat_files_key, settings.polygon_flat_files_secret
        if settings.offline or not key or not secret:
            return None
        return FlatFiles(
            endpoint=settings.polygon_flat_files_endpoint, bucket=settings.polygon_flat_files_bucket,
            key=key.get_secret_value(), secret=secret.get_secret_value(), limits=self._limits or FLAT_FILE_LIMITS,
        )  # fmt: skip

    @cached_property
    def _transport(self) -> Transport:
        settings = self._settings
        key = settings.polygon_api_key.get_secret_value() if settings.polygon_api_key else ""
        return Transport(
            "Polygon", auth=BearerAuth(key), hosts=polygon_hosts(settings.polygon_base_url),
            limits=self._limits or DEFAULT_LIMITS,
            pace=None if self._limits else Pace(settings.polygon_requests_per_minute, what="Polygon"),
        )  # fmt: skip

    @cached_property
    def _rest(self) -> PolygonRest | None:
        if self._settings.offline or not self._settings.polygon_api_key:
            return None
        return PolygonRest(self._transport, base_url=self._settings.polygon_base_url)

    @cached_property
    def _live(self) -> LiveTrades:
        assert self._rest is not None
        return LiveTrades(self._rest)

    @property
    def _has_service(self) -> bool:
        return bool(self._flat_files or self._rest)

    def _of_files(self, day: dt.date, *, symbols: Sequence[str], attach: Attach) -> Reading:
        """Trades of a flat file; quotes of the file beside it, unless the trades bring their own."""
        window = self._settings.session_window(day)
        with self._tick_file("trades", day) as (path, source):
            trades = read_trades_file(path, day=day, window=window, symbols=symbols, data_source=source)
        requests = int(self.trades_are_asked_for)
        if trades.rows["bid"].count():
            return replace(trades, message="quotes: the trade file's own", requests=requests)
        quotes, reason = self._quotes_of_file(day, symbols=symbols)
        if quotes is None:
            return replace(trades, message=f"{reason}: tick test", requests=requests)
        return replace(
            trades, rows=attach(trades.rows.drop("bid", "ask"), [quotes.rows]), requests=2 * requests,
            content_hash=f"{trades.content_hash}{quotes.content_hash}",
            message=f"quotes: {quotes.source}, {quotes.physical_rows:,} rows",
        )  # fmt: skip

    def _quotes_of_file(self, day: dt.date, *, symbols: Sequence[str]) -> tuple[Reading | None, str]:
        """The quotes of `day`, or None and why there are none: trades fall to the tick test."""
        own = self._own
        has_quotes = own.named("quotes", day) if own.are_named("quotes") else self._flat_files and self.trades_are_asked_for
        if not has_quotes:
            return None, "no quotes source"
        try:
            with self._tick_file("quotes", day) as (path, _source):
                return read_quotes_file(path, day=day, window=self._settings.session_window(day), symbols=symbols), ""
        except NotEntitled:
            return None, "quotes are not in the plan (403)"

    def _with_quotes_of_file(self, day: dt.date, *, symbols: Sequence[str], attach: Attach) -> Attach:
        """`attach` with the user's own quotes in place of the service's, which are then not asked for.

        Raises:
            NotPublishedYet: the quotes directory has no file of the day.
        """
        path, window = self._own.of_day("quotes", day), self._settings.session_window(day)
        quotes = read_quotes_file(path, day=day, window=window, symbols=symbols).rows
        return lambda prints, _pages: attach(prints, [quotes.filter(pl.col("symbol").is_in(prints["symbol"].unique()))])

    @contextmanager
    def _tick_file(self, kind: Kind, day: dt.date) -> Iterator[tuple[Path, TradeSource]]:
        """The file of one kind of ticks: the user's own, a directory's or the service's."""
        if self._own.are_named(kind):
            yield self._own.of_day(kind, day), TradeSource.FILE if self._own.one_file(kind) else TradeSource.FLAT_FILE
        else:
            assert self._flat_files is not None
            with self._flat_files.file_of(_FLAT_KINDS[kind], day) as path:
                yield path, TradeSource.FLAT_FILE

    def _look_for(self, table: str, day: dt.date) -> None:
        """Return where all that the table's rows of `day` rest on is out, or where nothing can bring it."""
        is_asked_for = not self._own.are_named(_RESTS_ON[table][0])
        if is_asked_for and not self._has_service:
            return
        for kind in _RESTS_ON[table]:
            if self._own.are_named(kind):
                self._own.of_day(kind, day)
            elif is_asked_for and self._flat_files and not self._rest:
                self._flat_files.look_for(_FLAT_KINDS[kind], day)
        if is_asked_for and self._rest:
            self._look_over_rest(table, day)

    def _look_over_rest(self, table: str, day: dt.date) -> None:
        if table == "polygon_daily_agg_raw":
            self._grouped_daily(day)
            return
        symbol = self._settings.tickers[0]
        if not self._live.has_trades(day, window=self._settings.session_window(day), symbol=symbol):
            raise NotPublishedYet(f"Polygon has no trade of {symbol} on {day} yet.")

    def _grouped_daily(self, day: dt.date) -> Reading:
        if not self._rest:
            sources = "POLYGON_DAILY_AGG_FILE, POLYGON_DAILY_AGG_DIR, POLYGON_FLAT_FILES_KEY, POLYGON_API_KEY"
            raise NotConfigured("Polygon daily aggregates", f"{sources}{_OFFLINE if self._settings.offline else ''}")
        if day <= self._refused_up_to:
            raise NotEntitled(
                f"Polygon daily aggregates of {day}", status=403, body=f"refused for {self._refused_up_to} already",
                remedy="The plan does not reach back that far.",
            )  # fmt: skip
        before = self._transport.requests
        try:
            reading = self._rest.grouped_daily(day, read=lambda answer: read_grouped_daily(answer.content(), day=day))
        except NotEntitled as refusal:
            is_recent = market_calendar.new_york_date(dt.datetime.now(dt.UTC)) - day <= _LATE_PLANS
            if is_recent and any(words in refusal.body.lower() for words in _TOO_EARLY):
                raise NotPublishedYet(f"Polygon's plan does not give the aggregates of {day} yet.") from refusal
            self._refused_up_to = day
            raise
        return replace(reading, requests=self._transport.requests - before)


def _one_file(path: Path, *, day: dt.date, look_back: bool) -> Reading:
    try:
        return read_daily_agg_file(path, day=day, accept_undated=not look_back)
    except AnotherDay as error:
        if not look_back:
            raise
        raise NotPublishedYet(f"POLYGON_DAILY_AGG_FILE does not hold {day}.") from error
