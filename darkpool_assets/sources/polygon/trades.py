"""Equity trades of the configured tickers: flat files, a user's own CSV, or saved answers of /v3/trades.

Prints of all venues inside the session window become rows of polygon_equity_trades_raw. Which of them are lit, and their
direction, and which repeat a trade, is decided in analytics; defs/raw joins the prevailing quote of a file that has none.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.polygon.tick_files import (
    MAX_PRICE,
    TICK_COLUMNS,
    Window,
    check_holds_day,
    is_of_day,
    nanoseconds,
    polygon_symbol,
    quote_side,
    tick_digest,
    tick_records,
    typed_ticks,
)
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import AT, Kind, Records
from darkpool_assets.vocabulary import TradeSource

_OWN_COLUMNS: Final = ("price", "decimal_size", "bid", "ask", "exchange", "trf_id", "id", "conditions", "correction")
_COLUMNS: Final = {**TICK_COLUMNS, "size": ("size", "decimal_size"), **{name: (name,) for name in _OWN_COLUMNS}}
_REQUIRED: Final = ("symbol", "timestamp", "price", "size")
TRADE_KINDS: Final = {
    **dict.fromkeys(("price", "size", "bid", "ask"), Kind.NUMBER), **dict.fromkeys(("id", "conditions"), Kind.TEXT),
    **dict.fromkeys(("exchange", "trf_id", "correction"), Kind.INTEGER),
}  # fmt: skip
_SMALL_NUMBERS: Final = ("exchange", "trf_id", "correction")
_LARGEST_SMALL_NUMBER: Final = 2**31 - 1
_MAX_SIZE: Final = 1e12  # shares
_BRACKETED: Final = r"^\[(.*)\]$"
_SEPARATOR: Final = r"\s*,\s*|\s+"
_CONDITION_LIST: Final = rf"^\d+(?:(?:{_SEPARATOR})\d+)*$"
_NO_PRINTS: Final = pl.DataFrame(schema={**tables.POLYGON_EQUITY_TRADES_RAW.schema, AT: pl.Int64})
_ORDER: Final = ("symbol", "timestamp", "sequence_number", AT)


@dataclass(frozen=True)
class Prints:
    """The usable prints of some records, in the records' order, and how many others there were."""

    usable: pl.DataFrame
    off_session: int
    dropped: int


@dataclass
class _Tally:
    """What has been seen of a file while its batches pass."""

    tickers: pl.Enum
    physical: int = 0
    of_day: int = 0
    off_session: int = 0
    dropped: int = 0
    kept: list[pl.DataFrame] = field(default_factory=list)


def read_trades_file(
    path: Path, *, day: dt.date, window: Window, symbols: Sequence[str], data_source: TradeSource = TradeSource.FILE
) -> Reading:
    """The prints of `symbols` inside the session window of `day`.

    Args:
        path: CSV (plain or .gz) or JSON with flat-file, REST or our own column names; exchange, trf_id, id, conditions,
            correction, sequence_number, bid and ask may be absent, and decimal_size may stand beside size or for it.
        day: Session; rows of other days count as off-session.
        window: First and last instant, both inside.
        symbols: Configured tickers; BRK/B is found as BRK.B.
        data_source: FLAT_FILE for a flat file of a directory, FILE for a user's own.

    Returns:
        One row per print, repetitions of a trade included, sorted by symbol, timestamp and sequence number: the columns of
        polygon_equity_trades_raw. physical_rows = rows + off_session_rows + dropped_rows, all of the configured tickers.

    Raises:
        AnotherDay: the file has rows, but none of `day`.
        NotPublishedYet: the file is a saved answer without rows.
        MalformedSource: anything else that breaks the format.
    """
    content = Content.of_file(path)
    wanted = sorted({polygon_symbol(symbol) for symbol in symbols})
    tally = _Tally(pl.Enum(wanted))
    for records in tick_records(content, _COLUMNS, _REQUIRED, wanted):
        _take(tally, with_decimal_size(records), day=day, window=window)
    if not tally.of_day:
        check_holds_day(content, _COLUMNS, day=day)
    prints = (pl.concat(tally.kept) if tally.kept else _NO_PRINTS).sort(_ORDER)
    return Reading(
        source=content.name, rows=stored_prints(prints, day=day, data_source=data_source), physical_rows=tally.physical,
        dropped_rows=tally.dropped, off_session_rows=tally.off_session,
        content_hash=tick_digest(content, window=window, symbols=wanted),
    )  # fmt: skip


def usable_prints(records: Records, rows: pl.DataFrame, *, window: Window) -> Prints:
    """The prints inside `window` (both ends are) whose price and size are numbers above zero.

    Args:
        records: Where `rows` came from.
        rows: The records typed by typed_ticks with TRADE_KINDS.
        window: First and last instant.

    Raises:
        MalformedSource: a number or a list of conditions that no print can have.
    """
    rows = rows.with_columns(bid=quote_side("bid"), ask=quote_side("ask"))
    _check(records, rows)
    rows = with_condition_lists(records, rows)
    inside = rows.filter(pl.col("timestamp").is_between(nanoseconds(window[0]), nanoseconds(window[1]), closed="both"))
    usable = inside.filter(*(pl.col(name).is_finite() & (pl.col(name) > 0) for name in ("price", "size")))
    return Prints(usable, off_session=rows.height - inside.height, dropped=inside.height - usable.height)


def with_decimal_size(records: Records) -> Records:
    """The records with the size of each print read from decimal_size where it has one, else from size."""
    if "decimal_size" not in records.names or records.text["decimal_size"].is_null().all():
        return records
    names = {**records.names, "size": " or ".join(dict.fromkeys((records.names["decimal_size"], records.names["size"])))}
    return replace(records, names=names, text=records.text.with_columns(size=pl.coalesce("decimal_size", "size")))


def stored_prints(rows: pl.DataFrame, *, day: dt.date, data_source: TradeSource) -> pl.DataFrame:
    """Usable prints as rows of polygon_equity_trades_raw, in their order."""
    table = tables.POLYGON_EQUITY_TRADES_RAW
    described = rows.drop(AT, "trade_date", "data_source", strict=False).with_columns(
        trade_date=pl.lit(day), data_source=pl.lit(data_source.value)
    )
    return table.conform(described)


def _take(tally: _Tally, records: Records, *, day: dt.date, window: Window) -> None:
    rows = typed_ticks(records, TRADE_KINDS)
    prints = usable_prints(records, rows, window=window)
    tally.physical += rows.height
    tally.of_day += rows.filter(is_of_day(day)).height
    tally.off_session += prints.off_session
    tally.dropped += prints.dropped
    # As numbered categories in alphabetical order, tickers sort and compare like integers.
    tally.kept.append(prints.usable.with_columns(pl.col("symbol").cast(tally.tickers)))


def _check(records: Records, rows: pl.DataFrame) -> None:
    for name in _SMALL_NUMBERS:
        small = pl.col(name).is_between(0, _LARGEST_SMALL_NUMBER)
        records.refuse(rows, ~small, column=name, allowed=f"a whole number from 0 to {_LARGEST_SMALL_NUMBER}")
    for name, most in (("price", MAX_PRICE), ("size", _MAX_SIZE)):
        absurd = pl.col(name).is_finite() & (pl.col(name) > most)
        records.refuse(rows, absurd, column=name, allowed=f"a number up to {most:,.0f}")


def with_condition_lists(records: Records, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with each list of conditions as a comma list; a tape holds few distinct ones, each is read once."""
    inner = pl.col("conditions").str.replace(_BRACKETED, "${1}").str.strip_chars()
    listed = pl.when(inner.str.contains(_CONDITION_LIST)).then(inner.str.replace_all(_SEPARATOR, ","))
    texts = rows.select("conditions").unique().drop_nulls()
    lists = texts.select("conditions", ids=listed, is_wrong=listed.is_null() & (inner != ""))
    joined = rows.join(lists, on="conditions", how="left", maintain_order="left")
    allowed = "condition ids separated by commas or blanks, such as 12,37"
    records.refuse(joined, pl.col("is_wrong"), column="conditions", allowed=allowed)
    return joined.with_columns(conditions="ids").drop("ids", "is_wrong")
