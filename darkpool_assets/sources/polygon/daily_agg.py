"""Daily aggregates (unadjusted): flat files, REST answers, saved or fresh, or a user's own table with trade_date.

Each becomes one Reading in the columns of polygon_daily_agg_raw, one row per symbol of the day. Returns, splits and the
day's context are computed in analytics from what defs/raw stores.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.market_calendar import NEW_YORK
from darkpool_assets.sources.content import Content, digest_of
from darkpool_assets.sources.day_files import date_in_name
from darkpool_assets.sources.delimited import open_delimited
from darkpool_assets.sources.errors import AnotherDay, MalformedSource, NotPublishedYet
from darkpool_assets.sources.json_records import JsonRows, read_json_rows
from darkpool_assets.sources.polygon.agg_answers import (
    AGG_COLUMNS,
    AGG_KINDS,
    AGG_REQUIRED,
    check_agg_answer,
    check_bars,
    one_ticker_records,
    read_agg_answer,
    whole_market_records,
)
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import AT
from darkpool_assets.sources.symbol_records import SymbolRecords
from darkpool_assets.vocabulary import TradeSource

_LAST_MILLISECOND: Final = 4_102_444_800_000  # the year 2100
_GROUPED: Final = "v2/aggs grouped"


def read_daily_agg_file(
    path: Path, *, day: dt.date, data_source: TradeSource = TradeSource.FILE, accept_undated: bool = True
) -> Reading:
    """The aggregates of `day` from one file (plain or .gz).

    Known are: flat files (window_start); saved answers for the whole market, which are of the day that was asked for,
    whatever their `t` says; saved answers for one ticker's range; and tables of our own columns with trade_date.

    Args:
        path: CSV or JSON.
        day: Session.
        data_source: FLAT_FILE for a flat file of a directory, FILE for a user's own.
        accept_undated: False refuses a whole-market answer whose name does not spell the day.

    A fault in the rows of one symbol costs that symbol: Reading.left_out names it.

    Returns:
        One row per symbol, sorted: the columns of polygon_daily_agg_raw. off_session_rows counts rows of other days.

    Raises:
        NotPublishedYet: a saved answer without rows, or a table of our own columns without a row of `day`.
        AnotherDay: any other file without a row of `day`.
        MalformedSource: adjusted prices, many odd symbols, or anything else that breaks the format.
    """
    records, date_column = _records_of(Content.of_file(path), day=day)
    rows = records.typed(AGG_KINDS)
    if rows.is_empty():
        raise MalformedSource(records.source, "line 2", found="nothing below the header", allowed="at least one row")
    of_day = (
        _dated(records, rows, date_column, day=day) if date_column else _undated(records, rows, day=day, accept=accept_undated)
    )
    return _reading(records, of_day, day=day, data_source=data_source)


def read_grouped_daily(content: Content, *, day: dt.date) -> Reading:
    """The whole market's aggregates of `day`: the answer that the service gave for this day, whatever `t` says in it.

    Returns:
        As read_daily_agg_file, vwap included; expected_rows is what the answer announces.

    Raises:
        NotPublishedYet: the answer is without rows.
        BrokenContent: not JSON.
        MalformedSource: adjusted prices, or anything else that breaks the format.
    """
    answer = read_agg_answer(content)
    if not answer.rows:
        raise _no_aggregates(day)
    records = SymbolRecords.of(whole_market_records(answer))
    reading = _reading(records, records.typed(AGG_KINDS), day=day, data_source=TradeSource.GROUPED_DAILY)
    announced = len(answer.rows) if "resultsCount" in answer.body else None
    return replace(reading, source=_GROUPED, expected_rows=announced, requests=1)


def _records_of(content: Content, *, day: dt.date) -> tuple[SymbolRecords, str | None]:
    """The rows, and which column dates them; None for an answer for the whole market."""
    if content.looks_like_json():
        table = read_json_rows(content)
        table.require_answer()
        if table.body:
            return _of_answer(table, day=day)
        names = table.choose(AGG_COLUMNS, required=AGG_REQUIRED)
        return SymbolRecords.of(table.records(names)), _date_column(names, content.name)
    file = open_delimited(content)
    names = file.choose(AGG_COLUMNS, required=AGG_REQUIRED)
    return SymbolRecords.of(file.records(file.all_lines(), names)), _date_column(names, content.name)


def _date_column(names: Mapping[str, str], source: str) -> str:
    for name in ("trade_date", "window_start"):
        if name in names:
            return name
    raise MalformedSource(
        source, "columns", found=", ".join(names.values()), allowed="trade_date or window_start among them: whose day is it?"
    )


def _of_answer(answer: JsonRows, *, day: dt.date) -> tuple[SymbolRecords, str | None]:
    """The rows of a saved REST answer; an answer for one ticker names it beside the rows."""
    check_agg_answer(answer)
    if not answer.rows:
        raise _no_aggregates(day)
    is_of_one = "ticker" in answer.body
    records = one_ticker_records(answer) if is_of_one else whole_market_records(answer)
    return SymbolRecords.of(records), "t" if is_of_one else None


def _no_aggregates(day: dt.date) -> NotPublishedYet:
    return NotPublishedYet(f"Polygon has no daily aggregates of {day} yet.")


def _undated(records: SymbolRecords, rows: pl.DataFrame, *, day: dt.date, accept: bool) -> pl.DataFrame:
    named = date_in_name(records.source)
    if named not in {None, day} or (named is None and not accept):
        raise AnotherDay(records.source, "name", found=named or "no date", allowed=f"{day}, the day whose answer this is")
    return rows


def _dated(records: SymbolRecords, rows: pl.DataFrame, column: str, *, day: dt.date) -> pl.DataFrame:
    """The rows of `day` by their own date, and those whose date is a fault of their symbol.

    A flat file is one day; a range or a table of ours may be several.
    """
    records.require(rows, [column])
    dated = rows.with_columns(trade_date=_date(records, rows, column))
    of_day, others = dated.filter(pl.col("trade_date") == day), dated.filter(pl.col("trade_date") != day)
    if of_day.is_empty() and others.is_empty():
        records.fail(int(dated[AT][0]), column=column, allowed=AGG_KINDS[column].value)
    if of_day.is_empty() and column == "trade_date":
        raise NotPublishedYet(f"{records.source}: no row of {day} yet; the file is asked again by a later run.")
    if of_day.is_empty():
        place, found = records.place(int(others[AT][0]), column), f"{others['trade_date'][0]} and no row of the day"
        raise AnotherDay(records.source, place, found=found, allowed=f"{day}")
    undated = dated.filter(pl.col("trade_date").is_null())
    if column != "window_start":
        return pl.concat([of_day, undated])
    allowed = f"an instant of {day} in every row"
    records.refuse_most(dated, (pl.col("trade_date") != day).fill_null(value=True), column="window_start", allowed=allowed)
    records.refuse(others, pl.lit(value=True), column=column, allowed=allowed)
    return dated


def _date(records: SymbolRecords, rows: pl.DataFrame, column: str) -> pl.Expr:
    """New York date of a row: its trade_date, or that of its nanoseconds or milliseconds since 1970; null where it has none."""
    if column == "trade_date":
        return pl.col(column)
    since = pl.col(column)
    if column == "t":
        possible = since.is_between(0, _LAST_MILLISECOND)
        records.refuse(rows, ~possible, column="t", allowed="milliseconds since 1970")
        since = pl.when(possible).then(since)
    unit = "ms" if column == "t" else "ns"
    return since.cast(pl.Datetime(unit, "UTC")).dt.convert_time_zone(NEW_YORK).dt.date()


def _reading(records: SymbolRecords, rows: pl.DataFrame, *, day: dt.date, data_source: TradeSource) -> Reading:
    check_bars(records, rows)
    once, duplicates = records.once(rows.drop("trade_date", "window_start", "t"), key=["symbol"])
    kept, left_out = records.without_odd_symbols(once)
    table = tables.POLYGON_DAILY_AGG_RAW
    described = kept.drop(AT).with_columns(trade_date=pl.lit(day), data_source=pl.lit(data_source.value))
    stored = table.conform(described).sort("symbol")
    return Reading(
        source=records.source, rows=stored, physical_rows=records.text.height, duplicate_rows=duplicates,
        off_session_rows=records.text.height - rows.height, content_hash=digest_of(stored.write_csv()), left_out=left_out,
    )  # fmt: skip
