"""Symbols' days over REST: pages of trades met by their quotes as they stream, several symbols at a time.

rest.py asks, tick_pages.py and minute_bars.py parse, and how a trade meets its quote is handed in by defs/raw, which stores
the Reading. Here is decided what a symbol's failure costs (that symbol), and what stands in for data that the plan lacks.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from darkpool_assets import tables
from darkpool_assets.market_calendar import NEW_YORK
from darkpool_assets.sources.errors import CredentialsRefused, NotEntitled, NotPublishedYet, SourceError, TransientSourceError
from darkpool_assets.sources.polygon.minute_bars import MINUTE_BARS, read_minute_bars
from darkpool_assets.sources.polygon.rest import QUOTES, TRADES, PolygonRest
from darkpool_assets.sources.polygon.tick_files import Window, nanoseconds, polygon_symbol
from darkpool_assets.sources.polygon.tick_pages import QuotesPage, TradesPage, read_quotes_page, read_trades_page
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.transport import Answer

Attach = Callable[[pl.DataFrame, Iterable[pl.DataFrame]], pl.DataFrame]

_LOG: Final = logging.getLogger(__name__)
_FIRST_QUOTES: Final = dt.time(9, 25)
_LEAD_IN: Final = dt.timedelta(minutes=5)
_SOURCE: Final = "v3/trades"
NOT_YET: Final = "not in the plan yet"
_NO_TRADES: Final = "trades are not in the plan (403): one-minute bars, bulk volume classification"
_NO_TRADES_YET: Final = f"trades of this day are {NOT_YET} (403): one-minute bars, bulk volume classification"
_NO_QUOTES: Final = "quotes are not in the plan (403): tick test"
_OUT_OF_REACH: Final = "timeframe"  # "Your plan doesn't include this data timeframe": other days may well be included

_AGREEING: Final = 2  # refused symbols, none answered, that tell a plan from one symbol's refusal
_SILENT: Final = 4  # symbols in a row that could not be asked: the service is out of reach

_PageT = TypeVar("_PageT", TradesPage, QuotesPage)


class _NoLongerWantedError(Exception):
    """The day has ended, well or not, while this symbol was being read; nobody waits for it.

    `cause` is the outage for which the rest of the symbols is not asked for, if it ended for one.
    """

    def __init__(self, cause: SourceError | None = None) -> None:
        self.cause = cause
        super().__init__("no longer wanted")


@dataclass(frozen=True)
class _Day:
    """What is asked for each symbol of one day, and what its threads share."""

    date: dt.date
    window: Window
    attach: Attach
    may_be_empty: bool = False
    has_ended: Event = field(default_factory=Event)
    has_answered: Event = field(default_factory=Event)
    quote_rows: dict[str, int] = field(default_factory=dict)
    without_quotes: dict[str, NotEntitled] = field(default_factory=dict)
    repeated_pages: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    outages: list[SourceError] = field(default_factory=list)

    @property
    def given_up_for(self) -> SourceError | None:
        """The outage for which the rest of the symbols is not asked for."""
        return self.outages[0] if self.outages else None

    def give_up(self, outage: SourceError) -> None:
        """Ask for no further symbol."""
        self.outages.append(outage)
        self.has_ended.set()

    @property
    def trades_span(self) -> dict[str, int]:
        return {"first_ns": nanoseconds(self.window[0]), "last_ns": nanoseconds(self.window[1])}

    @property
    def quotes_span(self) -> dict[str, int]:
        """From a little before the window, because its first trades need a quote, to its end."""
        before_the_open = dt.datetime.combine(self.date, _FIRST_QUOTES, ZoneInfo(NEW_YORK)).astimezone(dt.UTC)
        return {**self.trades_span, "first_ns": nanoseconds(min(before_the_open, self.window[0] - _LEAD_IN))}


class LiveTrades:
    """Trades of whole days, symbol by symbol; one instance a run: it remembers what the plan does not include."""

    def __init__(self, rest: PolygonRest, *, workers: int = 4) -> None:
        self._rest = rest
        self._workers = workers
        self._refused: set[tuple[str, dt.date | None]] = set()

    def read_day(
        self, day: dt.date, *, window: Window, symbols: Sequence[str], attach: Attach, may_be_empty: bool = False
    ) -> Reading:
        """The prints of `symbols` inside the session window of `day`, each with the quote that `attach` finds for it.

        Without trades in the plan every symbol's one-minute bars stand in for them; without quotes bid and ask are null
        throughout. What one symbol is refused while others are answered is that symbol's failure. A symbol that fails is named
        in `failures`, with nothing of it in `rows`; the others are whole.

        Args:
            day: Session.
            window: First and last instant, both inside.
            symbols: Tickers, with "/" or ".".
            attach: (prints of one symbol, its quotes in ascending parts) -> the prints with bid and ask; called by several
                threads at once.
            may_be_empty: The day's other symbols were read before: that none of these has a trade is no fault of the day.

        Returns:
            polygon_equity_trades_raw's columns in tape order (symbol, timestamp, sequence number), repetitions included.

        Raises:
            CredentialsRefused: the key is refused; the day ends at once.
            NotEntitled: neither trades nor minute bars of the day are in the plan.
            NotPublishedYet: no symbol has a trade, and the day may not be empty.
            SourceError: the first symbol's error, where every symbol failed, or where several in a row could not be asked.
        """
        asked_before = self._rest.requests
        wanted = sorted({polygon_symbol(symbol) for symbol in symbols})
        asked = _Day(day, window, attach, may_be_empty)
        reading = self._of_trades(asked, wanted) or self._of_bars(asked, wanted)
        return replace(reading, requests=self._rest.requests - asked_before)

    def has_trades(self, day: dt.date, *, window: Window, symbol: str) -> bool:
        """Whether `symbol` has a trade inside the session window of `day`: one request, for one row.

        Raises:
            NotEntitled: trades of the day are not in the plan.
            SourceError: see rest.py.
        """
        asked, ticker = _Day(day, window, lambda prints, _quotes: prints), polygon_symbol(symbol)
        pages = self._rest.trades(ticker, **asked.trades_span, page_rows=1, read=_trades_reader(asked, ticker))
        return bool(next(pages).physical_rows)

    def _of_trades(self, day: _Day, symbols: Sequence[str]) -> Reading | None:
        """None where the plan does not include the day's trades."""
        if self._is_refused(TRADES, day.date):
            return None
        try:
            reading = self._read_all(day, symbols, self._trades_of)
        except NotEntitled as refusal:
            self._remember(TRADES, day.date, refusal)
            return None
        if day.without_quotes and day.quote_rows:
            reading = _without(reading, day.without_quotes)
        elif day.without_quotes:
            self._remember(QUOTES, day.date, next(iter(day.without_quotes.values())))
        quotes = _NO_QUOTES if self._is_refused(QUOTES, day.date) else _met(day)
        repeated = f"; repeated pages dropped: {len(day.repeated_pages)}" if day.repeated_pages else ""
        return replace(reading, source=_SOURCE, message=f"{quotes}{repeated}")

    def _of_bars(self, day: _Day, symbols: Sequence[str]) -> Reading:
        reading = self._read_all(
            replace(day, has_ended=Event(), has_answered=Event(), refused=[], outages=[]), symbols, self._bars_of
        )
        message = _NO_TRADES if (TRADES, None) in self._refused else _NO_TRADES_YET
        return replace(reading, source=MINUTE_BARS, message=message)

    def _read_all(self, day: _Day, symbols: Sequence[str], read: Callable[[_Day, str], Reading]) -> Reading:
        """The symbols' readings as one; an error that every symbol would meet is raised as soon as that is clear."""
        results = _Results(day, expected=len(symbols))
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="polygon")
        try:
            futures = {pool.submit(_unless_ended, day, symbol, read): symbol for symbol in symbols}
            for future in as_completed(futures):
                results.take(futures[future], future)
        finally:
            # On an error or Ctrl-C nobody waits: what is pending is cancelled, what runs ends after the page at hand.
            day.has_ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
        return results.joined(symbols)

    def _bars_of(self, day: _Day, symbol: str) -> Reading:
        reading = self._rest.minute_bars(
            symbol,
            day.date,
            read=lambda answer: read_minute_bars(answer.content(), symbol=symbol, day=day.date, window=day.window),
        )
        day.has_answered.set()
        return reading

    def _trades_of(self, day: _Day, symbol: str) -> Reading:
        prints = self._prints_of(day, symbol)
        rows = self._quoted(day, symbol, prints.rows)
        _LOG.info(f"{day.date}: {symbol}: {rows.height:,} prints, {day.quote_rows.get(symbol, 0):,} quotes")
        return replace(prints, rows=rows)

    def _prints_of(self, day: _Day, symbol: str) -> Reading:
        """The symbol's prints without quotes; their pages are let go before quotes stream."""
        asked = self._rest.trades(symbol, **day.trades_span, read=_trades_reader(day, symbol))
        pages = list(_while_wanted(asked, day, source=f"{TRADES}/{symbol}", answered=day.has_answered))
        rows = pl.concat([page.rows for page in pages]).sort("timestamp", "sequence_number", maintain_order=True)
        return Reading(
            source=_SOURCE, rows=rows, physical_rows=sum(page.physical_rows for page in pages),
            duplicate_rows=sum(page.repeated_rows for page in pages),
            dropped_rows=sum(page.dropped_rows for page in pages), off_session_rows=sum(page.off_session_rows for page in pages),
        )  # fmt: skip

    def _quoted(self, day: _Day, symbol: str, prints: pl.DataFrame) -> pl.DataFrame:
        are_refused = len(day.without_quotes) >= _AGREEING and not day.quote_rows
        if prints.is_empty() or are_refused or self._is_refused(QUOTES, day.date):
            return prints
        try:
            quoted = day.attach(prints, self._quotes_of(day, symbol))
        except NotEntitled as refusal:
            day.without_quotes[symbol] = refusal
            return prints
        return tables.POLYGON_EQUITY_TRADES_RAW.conform(quoted)

    def _quotes_of(self, day: _Day, symbol: str) -> Iterator[pl.DataFrame]:
        """The symbol's quotes page by page: an active day has tens of millions, which are never held together."""
        asked = self._rest.quotes(
            symbol, **day.quotes_span, read=lambda answer: read_quotes_page(answer.content(), symbol=symbol, day=day.date)
        )  # fmt: skip
        for page in _while_wanted(asked, day, source=f"{QUOTES}/{symbol}"):
            day.quote_rows[symbol] = day.quote_rows.get(symbol, 0) + page.rows.height
            yield page.rows

    def _is_refused(self, endpoint: str, day: dt.date) -> bool:
        return not self._refused.isdisjoint({(endpoint, None), (endpoint, day)})

    def _remember(self, endpoint: str, day: dt.date, refusal: NotEntitled) -> None:
        only_this_day = _OUT_OF_REACH in refusal.body.lower()
        self._refused.add((endpoint, day if only_this_day else None))
        _LOG.warning(f"{day}: {refusal}")


@dataclass
class _Results:
    """The readings and failures of one day's symbols, as they come in."""

    day: _Day
    expected: int
    readings: dict[str, Reading] = field(default_factory=dict)
    failures: dict[str, SourceError] = field(default_factory=dict)
    silent: int = 0

    def take(self, symbol: str, future: Future[Reading]) -> None:
        """Keep what became of `symbol`.

        Raises:
            CredentialsRefused: every symbol would meet it.
            NotEntitled: refused symbols agree, and none was answered.
            TransientSourceError: several symbols in a row could not be asked, and none was answered.
        """
        try:
            self.readings[symbol] = future.result()
            self.silent = 0
        except _NoLongerWantedError as ended:
            if not isinstance(ended.cause, TransientSourceError):
                return  # the error that ended the day is among those to come
            self.failures[symbol] = ended.cause
        except CredentialsRefused:
            raise
        except SourceError as error:
            _LOG.warning(f"{self.day.date}: {error}")
            self.failures[symbol] = error
            self._check(error)

    def _check(self, error: SourceError) -> None:
        if isinstance(error, NotEntitled):
            refused = sum(isinstance(failure, NotEntitled) for failure in self.failures.values())
            if refused >= min(_AGREEING, self.expected) and not self.day.has_answered.is_set():
                raise error
        self.silent = self.silent + 1 if isinstance(error, TransientSourceError) else 0
        if self.silent >= _SILENT:
            if not self.readings:
                raise error
            self.day.give_up(error)

    def joined(self, symbols: Sequence[str]) -> Reading:
        """The symbols' readings, in the order of `symbols`, as one.

        Raises:
            SourceError: the first symbol's failure, where every symbol failed.
            NotPublishedYet: none has a row, and the day may not be empty.
        """
        readings = [self.readings[symbol] for symbol in symbols if symbol in self.readings]
        physical = sum(reading.physical_rows for reading in readings)
        failures = dict(sorted(self.failures.items()))
        is_outage = all(isinstance(error, TransientSourceError) for error in failures.values())
        stands_alone = not physical and not self.day.may_be_empty
        if failures and (stands_alone or (not readings and is_outage)):
            raise next(iter(failures.values()))
        if not physical and not self.day.may_be_empty:
            raise NotPublishedYet(f"Polygon has no trade of {self.day.date} for any configured ticker yet.")
        rows = [tables.POLYGON_EQUITY_TRADES_RAW.empty(), *(reading.rows for reading in readings)]
        return Reading(
            source="", rows=pl.concat(rows), physical_rows=physical,
            duplicate_rows=sum(reading.duplicate_rows for reading in readings),
            dropped_rows=sum(reading.dropped_rows for reading in readings),
            off_session_rows=sum(reading.off_session_rows for reading in readings),
            failures={symbol: _words(error) for symbol, error in failures.items()},
        )  # fmt: skip


def _trades_reader(day: _Day, symbol: str) -> Callable[[Answer], TradesPage]:
    return lambda answer: read_trades_page(answer.content(), symbol=symbol, day=day.date, window=day.window)


def _unless_ended(day: _Day, symbol: str, read: Callable[[_Day, str], Reading]) -> Reading:
    if day.has_ended.is_set():
        raise _NoLongerWantedError(day.given_up_for)
    try:
        return read(day, symbol)
    except CredentialsRefused:
        day.has_ended.set()
        raise
    except NotEntitled:
        if len(day.refused) + 1 >= _AGREEING and not day.has_answered.is_set():
            day.has_ended.set()
        day.refused.append(symbol)
        raise


def _while_wanted(pages: Iterable[_PageT], day: _Day, *, source: str, answered: Event | None = None) -> Iterator[_PageT]:
    for page in pages:
        if day.has_ended.is_set():
            raise _NoLongerWantedError
        if answered:
            answered.set()
        if page.repeated_rows:
            day.repeated_pages.append(source)
            _LOG.warning(f"{day.date}: {source}: a page came twice, its {page.repeated_rows:,} rows were dropped")
        yield page


def _without(reading: Reading, refused: Mapping[str, SourceError]) -> Reading:
    """`reading` without the symbols that were refused what others got: their failure, and nothing of them."""
    failures = {**reading.failures, **{symbol: _words(error) for symbol, error in refused.items()}}
    kept = reading.rows.filter(~pl.col("symbol").is_in(list(refused)))
    lost = reading.rows.height - kept.height
    return replace(reading, rows=kept, physical_rows=reading.physical_rows - lost, failures=dict(sorted(failures.items())))


def _met(day: _Day) -> str:
    return f"quotes: {QUOTES}, {sum(day.quote_rows.values()):,} rows"


def _words(error: SourceError) -> str:
    return f"{type(error).__name__}: {error}"
