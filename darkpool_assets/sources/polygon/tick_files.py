"""What trades and quotes files share: the configured tickers' lines, the time columns and the borders of a day.

Files may be far larger than memory: lines are filtered by ticker before they are split, and come in batches. What a
trade or a quote is, and which of them are kept, stands in trades.py and quotes.py.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from darkpool_assets.market_calendar import NEW_YORK
from darkpool_assets.sources.content import Content, digest_of
from darkpool_assets.sources.delimited import open_delimited
from darkpool_assets.sources.errors import AnotherDay, MalformedSource, NotPublishedYet
from darkpool_assets.sources.json_records import read_json_rows
from darkpool_assets.sources.records import AT, Aliases, Kind, Records

TICK_COLUMNS: Final = {
    "symbol": ("ticker", "symbol", "T"),
    "timestamp": ("sip_timestamp", "participant_timestamp", "timestamp"),
    "participant_timestamp": ("participant_timestamp",),
    "sequence_number": ("sequence_number",),
}
TICK_KINDS: Final = {
    "symbol": Kind.TEXT, "timestamp": Kind.INSTANT, "participant_timestamp": Kind.INSTANT, "sequence_number": Kind.INTEGER,
}  # fmt: skip
MAX_PRICE: Final = 1e9  # USD per share; prices are later counted in integer millionths
_TIMES: Final = ("timestamp", "participant_timestamp")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Window = tuple[dt.datetime, dt.datetime]


def polygon_symbol(symbol: str) -> str:
    """A configured ticker as Polygon spells it.

    >>> polygon_symbol("BRK/B")
    'BRK.B'
    """
    return symbol.replace("/", ".")


def nanoseconds(moment: dt.datetime) -> int:
    """Nanoseconds from 1970 to an aware instant, exact."""
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def quote_side(name: str) -> pl.Expr:
    """A bid or ask; what no price can be becomes 0, which is how the tape writes a missing side."""
    side = pl.col(name)
    return pl.when(side.is_null() | side.is_between(0, MAX_PRICE)).then(side).otherwise(0.0)


def start_of_day(day: dt.date) -> dt.datetime:
    """New York midnight of `day`."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(NEW_YORK))


def tick_records(content: Content, columns: Aliases, required: tuple[str, ...], symbols: Collection[str]) -> Iterator[Records]:
    """The rows of `symbols` (as Polygon spells them), in file order and in batches.

    Raises:
        MalformedSource: a required column is absent, or the text breaks its format.
    """
    if content.looks_like_json():
        yield _json_records(content, columns, required, symbols)
        return
    file = open_delimited(content)
    names = file.choose(columns, required=required)
    file.check_last_line()
    for lines in file.lines(file.holds(names["symbol"], symbols)):
        yield file.records(lines, names)


def typed_ticks(records: Records, kinds: dict[str, Kind]) -> pl.DataFrame:
    """Typed rows with `timestamp` (ns since 1970) never null: SIP time, else the participant's."""
    rows = records.typed({**TICK_KINDS, **kinds})
    rows = rows.with_columns(timestamp=pl.coalesce("timestamp", "participant_timestamp")).drop("participant_timestamp")
    records.require(rows, ["symbol", "timestamp"])
    return rows


def is_of_day(day: dt.date) -> pl.Expr:
    """Whether `timestamp` (ns) lies on the New York date `day`."""
    start, end = start_of_day(day), start_of_day(day + dt.timedelta(days=1))
    return pl.col("timestamp").is_between(nanoseconds(start), nanoseconds(end), closed="left")


def check_holds_day(content: Content, columns: Aliases, *, day: dt.date) -> None:
    """Refuse a file without any row of `day`, whatever the ticker; asked only where no configured ticker has one.

    Raises:
        AnotherDay: rows, but none of `day`.
        NotPublishedYet: a saved answer without rows.
        MalformedSource: no row at all.
    """
    first = None
    for records in _times(content, columns):
        rows = _typed_times(records)
        if rows.filter(is_of_day(day)).height:
            return
        first = first or (records.unit, *rows.row(0)) if rows.height else first
    if first is None:
        raise MalformedSource(content.name, "line 2", found="nothing below the header", allowed=f"rows of {day}")
    unit, at, timestamp = first
    moment = _EPOCH + dt.timedelta(microseconds=timestamp // 1000)
    raise AnotherDay(
        content.name, f"{unit} {at}", found=f"{moment:%Y-%m-%d %H:%M} UTC and no row of the day",
        allowed=f"rows of {day} (New York; whole numbers are nanoseconds since 1970)",
    )  # fmt: skip


def tick_digest(content: Content, *, window: Window, symbols: Sequence[str]) -> str:
    """Hash of what was read: of the same file, other tickers or another window are other content."""
    return digest_of(content.digest(), *(moment.isoformat() for moment in window), *sorted(symbols))


def _json_records(content: Content, columns: Aliases, required: tuple[str, ...], symbols: Collection[str]) -> Records:
    body = read_json_rows(content)
    body.require_answer()
    if not body.rows:
        return body.records({})
    names = body.choose(columns, required=tuple(name for name in required if name != "symbol"))
    records = body.records(names)
    if "symbol" not in names:
        records = _of_only_symbol(records, symbols)
    return Records(records.source, records.unit, records.names, records.text.filter(pl.col("symbol").is_in(list(symbols))))


def _of_only_symbol(records: Records, symbols: Collection[str]) -> Records:
    """An answer of /v3/trades/{ticker} does not repeat its ticker: only a single configured one can be meant."""
    if len(symbols) != 1:
        found = f"no ticker in the rows, and {len(symbols)} configured tickers"
        raise MalformedSource(records.source, "rows", found=found, allowed="ticker, symbol or T in every row, or one ticker")
    text = records.text.with_columns(symbol=pl.lit(next(iter(symbols))))
    return Records(records.source, records.unit, {**records.names, "symbol": "ticker"}, text)


def _typed_times(records: Records) -> pl.DataFrame:
    """`at` and `timestamp` of the rows that have one."""
    rows = records.typed(dict.fromkeys(_TIMES, Kind.INSTANT))
    return rows.select(AT, timestamp=pl.coalesce(*_TIMES)).drop_nulls()


def _times(content: Content, columns: Aliases) -> Iterator[Records]:
    """The time columns of every row, whatever its ticker."""
    only_times = {name: columns[name] for name in _TIMES}
    if content.looks_like_json():
        body = read_json_rows(content)
        if not body.rows:
            raise NotPublishedYet(f"{content.name}: an answer without rows; the service has none of the day yet.")
        yield body.records(body.choose(only_times, required=("timestamp",)))
        return
    file = open_delimited(content)
    names = file.choose(only_times, required=("timestamp",))
    for lines in file.lines():
        yield file.records(lines, names)
