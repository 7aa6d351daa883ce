"""One page of /v3/trades or /v3/quotes: the bytes of an answer -> typed rows, under the limits that files are held to.

Pages are asked for in rest.py. Here a page is judged alone: rows of one symbol and one day, ascending. live.py puts the
pages of a symbol together and has each trade meet its quote.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn, Self

import polars as pl

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AnotherDay, BrokenContent, MalformedSource
from darkpool_assets.sources.polygon.quotes import QUOTE_KINDS, quotes_of
from darkpool_assets.sources.polygon.tick_files import Window, is_of_day, polygon_symbol, typed_ticks
from darkpool_assets.sources.polygon.trades import TRADE_KINDS, stored_prints, usable_prints, with_decimal_size
from darkpool_assets.sources.records import AT, Kind, Records
from darkpool_assets.vocabulary import TradeSource

_TIMES: Final = {
    "timestamp": "sip_timestamp", "participant_timestamp": "participant_timestamp", "sequence_number": "sequence_number",
}  # fmt: skip
_TRADE_NAMES: Final = {
    **_TIMES, **{name: name for name in ("price", "size", "decimal_size", "exchange", "trf_id", "id", "conditions", "correction")}
}  # fmt: skip
_QUOTE_NAMES: Final = {**_TIMES, "bid": "bid_price", "ask": "ask_price"}
_STATUSES: Final = ("OK", "DELAYED")
_MAX_PAGE_BYTES: Final = 64 << 20  # 50,000 rows, the most that a page has, take a fifth of it
_OPENS_AN_OBJECT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")


@dataclass(frozen=True)
class TradesPage:
    """The prints of one page: rows of polygon_equity_trades_raw in page order, bid and ask null.

    physical_rows = rows + dropped_rows + off_session_rows, counted as read_trades_file counts them; all of them are
    repeated_rows in a page that repeats the one before.
    """

    rows: pl.DataFrame
    next_url: str | None
    physical_rows: int
    dropped_rows: int
    off_session_rows: int
    repeated_rows: int = 0

    def repeated(self) -> Self:
        """The page without its rows, which came with the page before."""
        rows = self.rows.clear()
        return replace(self, rows=rows, dropped_rows=0, off_session_rows=0, repeated_rows=self.physical_rows)


@dataclass(frozen=True)
class QuotesPage:
    """The quotes of one page: QUOTE_SCHEMA, in page order."""

    rows: pl.DataFrame
    next_url: str | None
    physical_rows: int
    repeated_rows: int = 0

    def repeated(self) -> Self:
        """The page without its rows, which came with the page before."""
        return replace(self, rows=self.rows.clear(), repeated_rows=self.physical_rows)


def read_trades_page(content: Content, *, symbol: str, day: dt.date, window: Window) -> TradesPage:
    """The prints of `symbol` inside the session window of `day` that one answer of /v3/trades holds.

    Raises:
        BrokenContent: not JSON: cut off, or an error page.
        AnotherDay: a row of another day.
        MalformedSource: anything else that breaks the format; rows out of order too. A page without rows does not.
    """
    needed = (["price"], ["size"])
    records, rows, next_url = _read(content, _TRADE_NAMES, TRADE_KINDS, needed=needed, symbol=symbol, day=day)
    prints = usable_prints(records, rows, window=window)
    stored = stored_prints(prints.usable, day=day, data_source=TradeSource.TRADES)
    return TradesPage(stored, next_url, rows.height, dropped_rows=prints.dropped, off_session_rows=prints.off_session)


def read_quotes_page(content: Content, *, symbol: str, day: dt.date) -> QuotesPage:
    """The quotes of `symbol` that one answer of /v3/quotes holds; a side that no price can be is 0.

    Raises:
        BrokenContent: not JSON: cut off, or an error page.
        AnotherDay: a row of another day.
        MalformedSource: anything else that breaks the format; rows out of order too. A page without rows does not.
    """
    needed = (["bid", "ask"],)
    _records, rows, next_url = _read(content, _QUOTE_NAMES, QUOTE_KINDS, needed=needed, symbol=symbol, day=day)
    return QuotesPage(quotes_of(rows), next_url, rows.height)


def _read(
    content: Content, names: dict[str, str], kinds: dict[str, Kind], *, needed: Sequence[list[str]], symbol: str, day: dt.date
) -> tuple[Records, pl.DataFrame, str | None]:
    """The rows of a page as text and typed, and the address of the next one (None on the last)."""
    page = _parse(content, _page_schema(names.values()))
    status, next_url = page["status"].item(), page["next_url"].item()
    if status not in _STATUSES:
        raise MalformedSource(content.name, "status", found=status or "nothing", allowed=" or ".join(_STATUSES))
    results = page["results"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    records = with_decimal_size(_records(content.name, results, names, symbol=symbol))
    _require_some(records, needed)
    rows = typed_ticks(records, kinds)
    _check_times(records, rows, day=day)
    return records, rows, next_url or None


def _page_schema(fields: Iterable[str]) -> pl.Schema:
    """A page with every value as text: numbers are then typed by the rules of files, none cut short or let overflow."""
    rows = {name: pl.List(pl.String()) if name == "conditions" else pl.String() for name in fields}
    return pl.Schema({"status": pl.String(), "next_url": pl.String(), "results": pl.List(pl.Struct(rows))})


def _parse(content: Content, schema: pl.Schema) -> pl.DataFrame:
    body = content.whole(_MAX_PAGE_BYTES)
    try:
        if _OPENS_AN_OBJECT.match(body):
            return pl.read_json(body, schema=schema)
        reason = "no object"
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
    raise _refusal(content.name, body, reason)


def _refusal(source: str, body: bytes, reason: str) -> MalformedSource:
    """What is wrong with a page that could not be read: a second, slow look tells its syntax from its shape."""

    def refuse_number(text: str) -> NoReturn:
        raise MalformedSource(source, "body", found=text, allowed="finite numbers")

    def finite(text: str) -> str:
        return text if math.isfinite(float(text)) else refuse_number(text)

    try:
        json.loads(body, parse_float=finite, parse_int=str, parse_constant=refuse_number)
    except ValueError as error:
        found = f"{body[:40]!r} ({len(body):,} bytes: {error})"
        return BrokenContent(source, "body", found=found, allowed="a whole JSON object")
    except RecursionError:
        reason = "endless nesting"
    return MalformedSource(source, "body", found=reason, allowed="an object whose results are rows of plain values")


def _records(source: str, rows: pl.DataFrame, names: dict[str, str], *, symbol: str) -> Records:
    text = rows.rename({name: ours for ours, name in names.items()})
    if "conditions" in names:
        listed, joined = pl.col("conditions").is_not_null(), pl.col("conditions").list.join(",", ignore_nulls=False)
        # A list with a hole joins to null, which would read as no list at all.
        text = text.with_columns(conditions=pl.when(listed).then(joined.fill_null("null")))
    text = text.select(pl.when(pl.all() != "").then(pl.all()))
    places = pl.int_range(1, text.height + 1, dtype=pl.Int64, eager=True).alias(AT)
    named = text.insert_column(0, places).with_columns(symbol=pl.lit(polygon_symbol(symbol)))
    return Records(source, "row", {**names, "symbol": "ticker"}, named)


def _require_some(records: Records, alternatives: Sequence[list[str]]) -> None:
    """Refuse rows none of which has any column of an alternative: optional keys are left out, but not in every row."""
    for columns in alternatives:
        if records.text.height and all(records.text[name].null_count() == records.text.height for name in columns):
            wanted = " or ".join(records.names[name] for name in columns)
            raise MalformedSource(records.source, "results", found=f"no row with {wanted}", allowed=f"rows with {wanted}")


def _check_times(records: Records, rows: pl.DataFrame, *, day: dt.date) -> None:
    allowed = f"nanoseconds of {day} (New York)"
    records.refuse(rows, ~is_of_day(day), column="timestamp", allowed=allowed, error=AnotherDay)
    back = rows["timestamp"].diff() < 0
    records.refuse(rows, back, column="timestamp", allowed="rows in the order of time")
