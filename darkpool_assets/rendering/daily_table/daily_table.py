"""The table of one day, as a model: what the page, the picture and the preview all show.

Reads frames of stored rows; draws nothing and computes no finance. `daily_table_html` and `daily_table_png` take the
result.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from darkpool_assets.rendering.daily_table.cell_rules import dollars, log_ratio
from darkpool_assets.rendering.daily_table.daily_table_words import facts_of, legend_of, notices_of, title_of
from darkpool_assets.rendering.daily_table.index_columns import INDEX_GROUPS, index_cells
from darkpool_assets.rendering.daily_table.symbol_columns import SYMBOL_GROUPS, SymbolDay, symbol_cells
from darkpool_assets.rendering.daily_table.table_model import Cell, DailyTable, Section
from darkpool_assets.rendering.sparkline import Sparkline, sparkline
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

_LINE_COLUMNS: Final = ("date", "symbol", "close", "log_buy_sell")


def build_daily_table(
    metrics: pl.DataFrame,
    index_rows: pl.DataFrame,
    history: pl.DataFrame,
    *,
    day: dt.date,
    sessions: Sequence[dt.date],
    tickers: Sequence[str],
    sample_data: bool,
) -> DailyTable:
    """The model of one day's table.

    Args:
        metrics: The day's rows of `daily_metrics`, one per symbol, all of one inference_version.
        index_rows: The day's rows of `index_constituent_short_agg_daily`, one per index; may be empty.
        history: One row per (date, symbol) with close (USD) and log_buy_sell; dates outside `sessions` are ignored.
        day: The session that the rows are of.
        sessions: The sessions of the small lines, oldest first, `day` the last; one without a row is a gap.
        tickers: The order of the rows; symbols that are not in it follow by name.
        sample_data: Whether the numbers are invented, which is then said wherever the table is shown.

    Raises:
        ValueError: rows of another day, of several inference versions, or two rows of one symbol or index.
    """
    _refuse_mixed_rows(metrics, day=day, day_column="date", key="symbol")
    _refuse_mixed_rows(index_rows, day=day, day_column="trade_date", key="index_symbol")
    rows = _in_ticker_order(metrics.to_dicts(), tickers)
    return DailyTable(
        day=day,
        title=title_of(day),
        facts=facts_of(rows),
        sample_notice=SAMPLE_DATA_NOTICE if sample_data else "",
        sections=(_symbol_section(rows, _lines_by_symbol(history, sessions)), _index_section(index_rows)),
        legend=legend_of(rows),
        notices=notices_of(rows, tickers=tickers),
        disclaimer=DISCLAIMER,
    )


def _refuse_mixed_rows(frame: pl.DataFrame, *, day: dt.date, day_column: str, key: str) -> None:
    if frame.is_empty():
        return
    days, versions = frame[day_column].unique().to_list(), frame["inference_version"].unique().sort().to_list()
    if days != [day]:
        raise ValueError(f"A table of {day} takes rows of that {day_column} only, not of {sorted(map(str, days))}")
    if len(versions) > 1:
        raise ValueError(f"A table shows one inference_version, not {versions}: select one of them first")
    if frame[key].n_unique() != frame.height:
        raise ValueError(f"A table takes one row per {key}; {frame.height} rows hold {frame[key].n_unique()} of them")


def _in_ticker_order(rows: list[dict[str, Any]], tickers: Sequence[str]) -> list[dict[str, Any]]:
    place = {ticker: index for index, ticker in enumerate(tickers)}
    return sorted(rows, key=lambda row: (place.get(row["symbol"], len(place)), row["symbol"]))


def _lines_by_symbol(history: pl.DataFrame, sessions: Sequence[dt.date]) -> dict[str, tuple[Sparkline | None, Sparkline | None]]:
    values: dict[str, dict[dt.date, tuple[float | None, float | None]]] = {}
    for day, symbol, close, log_buy_sell in history.select(_LINE_COLUMNS).iter_rows():
        values.setdefault(symbol, {})[day] = (close, log_buy_sell)
    return {symbol: _lines(by_day, sessions) for symbol, by_day in values.items()}


def _lines(
    by_day: Mapping[dt.date, tuple[float | None, float | None]], sessions: Sequence[dt.date]
) -> tuple[Sparkline | None, Sparkline | None]:
    closes, directions = zip(*(by_day.get(session, (None, None)) for session in sessions), strict=True) if sessions else ((), ())
    return (
        sparkline(closes, name="Close", spell=dollars),
        sparkline(directions, name="ln(B/S)", spell=log_ratio, around_zero=True),
    )


def _symbol_section(rows: list[dict[str, Any]], lines: Mapping[str, tuple[Sparkline | None, Sparkline | None]]) -> Section:
    cells = tuple(symbol_cells(SymbolDay(row, *lines.get(row["symbol"], (None, None)))) for row in rows)
    return Section("symbols", "Symbols", SYMBOL_GROUPS, cells, "No symbol row is stored for this day.")


def _index_section(index_rows: pl.DataFrame) -> Section:
    cells: tuple[tuple[Cell, ...], ...] = tuple(index_cells(row) for row in index_rows.sort("index_symbol").iter_rows(named=True))
    return Section("indices", "Indices", INDEX_GROUPS, cells, "No index row is stored for this day.")
