"""NBBO quotes of the configured tickers: flat files, a user's own CSV, or saved answers of /v3/quotes.

Quotes are joined to trades at ingest and not stored. Which quote prevails, and whether it is valid, is decided in
analytics: one-sided, locked and crossed quotes are kept here, because the last quote counts even when it is invalid.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import NotPublishedYet
from darkpool_assets.sources.polygon.tick_files import (
    TICK_COLUMNS,
    Window,
    check_holds_day,
    is_of_day,
    nanoseconds,
    polygon_symbol,
    quote_side,
    start_of_day,
    tick_digest,
    tick_records,
    typed_ticks,
)
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import AT, Kind

QUOTE_SCHEMA: Final = pl.Schema(
    {
        "symbol": tables.TEXT,
        "timestamp": tables.INSTANT_NS,
        "bid": tables.NUMBER,
        "ask": tables.NUMBER,
        "sequence_number": tables.COUNT,
    }
)
_COLUMNS: Final = {**TICK_COLUMNS, "bid": ("bid_price", "bid"), "ask": ("ask_price", "ask")}
_REQUIRED: Final = ("symbol", "timestamp", "bid", "ask")
_SIDES: Final = ("bid", "ask")
QUOTE_KINDS: Final[dict[str, Kind]] = dict.fromkeys(_SIDES, Kind.NUMBER)


def read_quotes_file(path: Path, *, day: dt.date, window: Window, symbols: Sequence[str]) -> Reading:
    """The quotes of `symbols` from New York midnight of `day` to the end of its session window.

    The quotes before the window lead in: the first trades need one. A side that is null, not finite or negative becomes 0,
    which is how the tape writes a missing side. Repeated quotes are kept: they decide nothing.

    Returns:
        One row per quote, sorted by symbol, timestamp and sequence number: QUOTE_SCHEMA, dollars per share.

    Raises:
        AnotherDay: the file has rows, but none of `day`.
        MalformedSource: anything else that breaks the format.
    """
    content = Content.of_file(path)
    wanted = sorted({polygon_symbol(symbol) for symbol in symbols})
    first, last = nanoseconds(start_of_day(day)), nanoseconds(window[1])
    physical = of_day = 0
    kept = [pl.DataFrame(schema=QUOTE_SCHEMA)]
    for records in tick_records(content, _COLUMNS, _REQUIRED, wanted):
        rows = typed_ticks(records, QUOTE_KINDS)
        physical += rows.height
        of_day += rows.filter(is_of_day(day)).height
        kept.append(quotes_of(rows.filter(pl.col("timestamp").is_between(first, last, closed="both"))))
    if not of_day:
        with suppress(NotPublishedYet):  # an answer without quotes is an answer: the trades fall to the tick test
            check_holds_day(content, _COLUMNS, day=day)
    quotes = pl.concat(kept).sort("symbol", "timestamp", "sequence_number", maintain_order=True)
    return Reading(
        source=content.name, rows=quotes, physical_rows=physical, off_session_rows=physical - quotes.height,
        content_hash=tick_digest(content, window=window, symbols=wanted),
    )  # fmt: skip


def quotes_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Records typed by typed_ticks with QUOTE_KINDS as QUOTE_SCHEMA, in their order; a side that no price can be is 0."""
    sides = [quote_side(side).fill_null(0.0).alias(side) for side in _SIDES]
    return rows.drop(AT).with_columns(*sides).select(pl.col(name).cast(dtype) for name, dtype in QUOTE_SCHEMA.items())
