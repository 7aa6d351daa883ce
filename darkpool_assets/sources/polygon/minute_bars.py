"""One-minute bars of one ticker (/v2/aggs): what stands in for its trades when the plan does not include them.

Bars inside the session window become rows of polygon_equity_trades_raw. Their volume includes off-exchange prints; how it is
split between buyers and sellers is decided in analytics (bulk volume classification).
"""

import datetime as dt
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import AnotherDay, MalformedSource
from darkpool_assets.sources.polygon.agg_answers import AGG_KINDS, check_bars, one_ticker_records, read_agg_answer
from darkpool_assets.sources.polygon.tick_files import Window, nanoseconds, polygon_symbol, start_of_day
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import Records
from darkpool_assets.vocabulary import TradeSource

MINUTE_BARS: Final = "v2/aggs minute bars"
_MINUTE_MS: Final = 60_000
_NS_PER_MS: Final = 1_000_000
_NEEDED: Final = ("t", "open", "close", "volume")


def read_minute_bars(content: Content, *, symbol: str, day: dt.date, window: Window) -> Reading:
    """The bars of `symbol` that lie inside the session window of `day`, from their first instant to their last.

    A bar that starts at the window's end lies outside: it holds the minute after it.

    Args:
        content: Answer of /v2/aggs/ticker/{symbol}/range/1/minute; extended hours and bars without volume may be in it.
        symbol: Ticker, with "/" or ".".
        day: Session.
        window: First and last instant that count.

    Returns:
        One row per bar, in order of time: the columns of polygon_equity_trades_raw, price the close (USD), size the volume
        (shares), bid and ask null. physical_rows = rows + duplicate_rows + off_session_rows + dropped_rows (no volume).

    Raises:
        BrokenContent: not JSON.
        AnotherDay: a bar of another day.
        MalformedSource: of another ticker, adjusted, not whole, or with numbers that no bar can have.
    """
    answer = read_agg_answer(content)
    if not answer.rows:
        return Reading(source=MINUTE_BARS, rows=tables.POLYGON_EQUITY_TRADES_RAW.empty(), physical_rows=0)
    ticker, wanted = answer.body.get("ticker"), polygon_symbol(symbol)
    if ticker != wanted:
        raise MalformedSource(content.name, "ticker", found=repr(ticker), allowed=wanted)
    records = one_ticker_records(answer)
    bars, duplicates = _checked(records, day=day)
    start_ns = pl.col("t") * _NS_PER_MS
    first, last = nanoseconds(window[0]), nanoseconds(window[1]) - _MINUTE_MS * _NS_PER_MS
    inside = bars.filter(start_ns.is_between(first, last, closed="both"))
    traded = inside.filter(pl.col("volume") > 0)
    return Reading(
        source=MINUTE_BARS, rows=_stored(traded, start_ns, day=day), physical_rows=len(answer.rows), duplicate_rows=duplicates,
        off_session_rows=bars.height - inside.height, dropped_rows=inside.height - traded.height,
    )  # fmt: skip


def _checked(records: Records, *, day: dt.date) -> tuple[pl.DataFrame, int]:
    """Typed bars of `day`, each minute once, and the number of exact copies left out."""
    rows = records.typed(AGG_KINDS)
    records.require(rows, _NEEDED)
    check_bars(records, rows)
    records.refuse(rows, pl.col("t") % _MINUTE_MS != 0, column="t", allowed="the start of a minute, in milliseconds since 1970")
    start, end = (nanoseconds(start_of_day(date)) // _NS_PER_MS for date in (day, day + dt.timedelta(days=1)))
    others, allowed = ~pl.col("t").is_between(start, end, closed="left"), f"milliseconds since 1970 of {day} (New York)"
    records.refuse(rows, others, column="t", allowed=allowed, error=AnotherDay)
    return records.once(rows, key=["t"])


def _stored(bars: pl.DataFrame, start_ns: pl.Expr, *, day: dt.date) -> pl.DataFrame:
    described = bars.sort("t").select(
        "symbol",
        trade_date=pl.lit(day),
        timestamp=start_ns.cast(pl.Datetime("ns")),
        price="close",
        size="volume",
        bar_open="open",
        data_source=pl.lit(TradeSource.MINUTE_BARS.value),
    )
    return tables.POLYGON_EQUITY_TRADES_RAW.conform(described)
