"""Answers of Polygon's aggregates endpoints (/v2/aggs): whole, unadjusted, and with numbers that a bar can have.

Which day and which session window the bars belong to is decided by daily_agg.py and minute_bars.py, which make rows of the
raw tables of them.
"""

import json
from typing import Any, Final

import polars as pl

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import BrokenContent, IncompleteSource, MalformedSource
from darkpool_assets.sources.json_records import JsonRows, check_status
from darkpool_assets.sources.polygon.tick_files import MAX_PRICE
from darkpool_assets.sources.records import Kind, Records

AGG_COLUMNS: Final = {
    "symbol": ("ticker", "symbol", "T"), "open": ("open", "o"), "high": ("high", "h"), "low": ("low", "l"),
    "close": ("close", "c"), "volume": ("volume", "v"), "vwap": ("vwap", "vw"), "transactions": ("transactions", "n"),
    "split_factor": ("split_factor",), "trade_date": ("trade_date",), "window_start": ("window_start",), "t": ("t",),
}  # fmt: skip
AGG_REQUIRED: Final = ("symbol", "open", "high", "low", "close", "volume")
_PRICES: Final = ("open", "high", "low", "close", "vwap", "split_factor")
AGG_KINDS: Final = {
    "symbol": Kind.SYMBOL, **dict.fromkeys((*_PRICES, "volume", "transactions"), Kind.NUMBER),
    "trade_date": Kind.DATE, "window_start": Kind.INSTANT, "t": Kind.INTEGER,
}  # fmt: skip
_SHOWN_BYTES: Final = 40


def read_agg_answer(content: Content) -> JsonRows:
    """The rows of one answer of the service; none is legitimate: nothing traded, or the day is not there yet.

    Raises:
        BrokenContent: not JSON.
        IncompleteSource: one page of several, or another number of rows than the answer announces.
        MalformedSource: another shape, an error in place of an answer, or adjusted prices.
    """
    body = _object(content)
    check_status(content.name, body)
    rows = [] if body.get("results") is None else body["results"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedSource(content.name, "results", found=json.dumps(rows), allowed="a list of objects")
    if body.get("next_url"):
        raise IncompleteSource(content.name, "next_url", found="one page of several", allowed="all bars in one answer")
    answer = JsonRows(content.name, rows, body)
    check_agg_answer(answer)
    return answer


def check_agg_answer(answer: JsonRows) -> None:
    """Refuse an answer that is not whole, or whose prices and volumes later splits have changed: FINRA's shares have not.

    Raises:
        IncompleteSource: resultsCount is not the number of rows.
        MalformedSource: the rows do not say that they are unadjusted.
    """
    announced, adjusted = answer.body.get("resultsCount"), answer.body.get("adjusted")
    if announced not in (None, str(len(answer.rows))):
        allowed = f"{len(answer.rows)}, the number of rows"
        raise IncompleteSource(answer.source, "resultsCount", found=repr(announced), allowed=allowed)
    if answer.rows and adjusted is not False:
        found = "no adjusted" if adjusted is None else f"adjusted {str(adjusted).lower()}"
        raise MalformedSource(answer.source, "body", found=found, allowed="adjusted false: fetch it again with adjusted=false")


def whole_market_records(answer: JsonRows) -> Records:
    """The rows of an answer that names the ticker in every row."""
    return answer.records(answer.choose(AGG_COLUMNS, required=AGG_REQUIRED))


def one_ticker_records(answer: JsonRows) -> Records:
    """The rows of an answer that names its ticker once, beside them; `t` dates them."""
    columns = {name: aliases for name, aliases in AGG_COLUMNS.items() if name != "symbol"}
    records = answer.records(answer.choose(columns, required=(*AGG_REQUIRED[1:], "t")))
    text = records.text.with_columns(symbol=pl.lit(str(answer.body["ticker"])))
    return Records(records.source, records.unit, {**records.names, "symbol": "ticker"}, text)


def check_bars(records: Records, rows: pl.DataFrame) -> None:
    """Refuse numbers that no bar can have; absent ones pass.

    Raises:
        MalformedSource: no symbol, a price or volume that is not finite, negative or absurd, a low above the high, or an open or
            close beyond them.
    """
    records.require(rows, ["symbol"])
    for name in _PRICES:
        possible = (pl.col(name) > 0) & (pl.col(name) <= MAX_PRICE)
        records.refuse(rows, ~possible, column=name, allowed=f"nothing, or a number above 0 up to {MAX_PRICE:,.0f}")
    records.require_shares(rows, ("volume", "transactions"))
    records.refuse(rows, pl.col("low") > pl.col("high"), column="low", allowed="a price up to the high")
    for name in ("open", "close"):
        beyond = (pl.col(name) > pl.col("high")) | (pl.col(name) < pl.col("low"))
        records.refuse(rows, beyond, column=name, allowed="a price from the low to the high")


def _object(content: Content) -> dict[str, Any]:
    data = content.whole()
    try:
        # Numbers stay text, as json_records.py reads them: 1e400 or NaN meet the same checks as in a file.
        body = json.loads(data, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise BrokenContent(content.name, "body", found=repr(data[:_SHOWN_BYTES]), allowed="JSON") from None
    if not isinstance(body, dict):
        raise MalformedSource(content.name, "body", found=type(body).__name__, allowed="an object with status and results")
    return body
