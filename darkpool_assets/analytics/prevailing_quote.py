"""The order of the tape, and the quote that each trade met: the last NBBO strictly before its timestamp.

Whether that quote is valid, and what it says about the trade's direction, is decided in trade_classification. Quotes are
joined here once, when trades are read, and not kept.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Final

import polars as pl

TAPE_ORDER: Final = ("symbol", "timestamp", "sequence_number")
_SYMBOL_SPAN: Final = 2**47
_DAY_NS: Final = 86_400 * 10**9
_MAX_SYMBOLS: Final = 2**16


def in_tape_order(prints: pl.DataFrame) -> pl.DataFrame:
    """`prints` by symbol, timestamp and sequence number; prints that are equal in all three keep their order."""
    return _ordered(prints, TAPE_ORDER)


def attach_prevailing_quotes(trades: pl.DataFrame, quotes: pl.DataFrame) -> pl.DataFrame:
    """Give each trade the last NBBO of its symbol strictly before its timestamp, valid or not.

    Strictly before, because the quote that a trade causes carries the trade's own timestamp. Of several quotes of one
    timestamp the one with the highest sequence number is the last. Quotes from before UTC midnight of the trades' day
    belong to another session and are not used.

    Args:
        trades: One row per trade of one session, in any order: polygon_equity_trades_raw's columns (a bid and ask that
            are there already are replaced).
        quotes: One row per NBBO, in any order, of any symbols: symbol, timestamp, bid, ask, sequence_number.

    Returns:
        The trades in tape order with bid and ask (USD per share), null where no quote came before.

    Raises:
        ValueError: the trades span more than one session.
    """
    trades = trades.drop("bid", "ask", strict=False)
    if trades.is_empty():
        return _without_quotes(trades)
    return _met(trades, quotes, midnight=_midnight_of(trades))


def attach_streamed_quotes(trades: pl.DataFrame, pages: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """attach_prevailing_quotes for quotes that come page by page, holding one page at a time.

    Args:
        trades: As there.
        pages: Quotes as there; no page begins before the end of the one before it. A timestamp may go on over several
            pages. Not asked for where there are no trades.

    Returns:
        What attach_prevailing_quotes(trades, all pages together) returns.

    Raises:
        ValueError: the trades span more than one session, or a page goes back in time.
    """
    trades = in_tape_order(trades.drop("bid", "ask", strict=False))
    if trades.is_empty():
        return _without_quotes(trades)
    midnight = _midnight_of(trades)
    met = [
        _without_quotes(part) if quotes is None else _met(part, quotes, midnight=midnight)
        for part, quotes in _in_step(_ordered(trades, ("timestamp",)), pages)
    ]
    return in_tape_order(pl.concat(met))


def _in_step(trades: pl.DataFrame, pages: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame | None]]:
    """Consecutive parts of trades that are in order of time, each with quotes among which are all that it may meet.

    A trade meets a quote strictly before it, so that a page decides the trades up to its last timestamp, that one included.
    Later trades need of it only each symbol's quotes of its last timestamp: more of that timestamp may follow.
    """
    times = trades["timestamp"].dt.epoch("ns")
    carried, decided, last = None, 0, None
    for page in pages:
        if page.is_empty():
            continue
        first, end = _span(page["timestamp"])
        if last is not None and first < last:
            raise ValueError(f"A page of quotes begins {last - first} ns before the end of the one before it; allowed: 0 ns.")
        quotes = page if carried is None else pl.concat([carried, page])
        start, decided, last = decided, times.search_sorted(end, side="right"), end
        if decided > start:
            yield trades[start:decided], quotes
        carried = quotes.filter(pl.col("timestamp") == pl.col("timestamp").max().over("symbol"))
    if decided < trades.height:
        yield trades[decided:], carried


def _span(timestamps: pl.Series) -> tuple[int, int]:
    """First and last, as nanoseconds since 1970: Python's own datetimes would cut them to microseconds."""
    nanoseconds = timestamps.dt.epoch("ns")
    return int(nanoseconds.min()), int(nanoseconds.max())  # type: ignore[arg-type]


def _without_quotes(trades: pl.DataFrame) -> pl.DataFrame:
    return trades.with_columns(bid=pl.lit(None, pl.Float64), ask=pl.lit(None, pl.Float64))


def _met(trades: pl.DataFrame, quotes: pl.DataFrame, *, midnight: int) -> pl.DataFrame:
    symbols = trades["symbol"].unique().sort()
    if len(symbols) > _MAX_SYMBOLS:
        raise ValueError(f"Trades of {len(symbols)} symbols; allowed: {_MAX_SYMBOLS}. Attach the quotes in parts.")
    # One sorted integer per row makes the join a merge of two columns, several times faster than a join by symbol.
    offset = pl.col("timestamp").dt.epoch("ns") - midnight
    start = pl.col("symbol").cast(pl.Enum(symbols), strict=False).to_physical().cast(pl.Int64) * _SYMBOL_SPAN
    keyed_trades = _ordered(trades.with_columns(_start=start, _key=start + offset), ("_key", "sequence_number"))
    keyed_quotes = quotes.filter(offset.is_between(0, _SYMBOL_SPAN, closed="left") & start.is_not_null()).select(
        "bid", "ask", "sequence_number", _quote_key=start + offset
    )
    met = keyed_trades.select("_start", "_key").join_asof(
        _ordered(keyed_quotes, ("_quote_key", "sequence_number")),
        left_on="_key",
        right_on="_quote_key",
        allow_exact_matches=False,
    )
    # A symbol's first trades find the last quote of the symbol before it in the key: that one is not theirs.
    is_own = pl.col("_quote_key") >= pl.col("_start")
    own = met.select(pl.when(is_own).then(pl.col(name)).alias(name) for name in ("bid", "ask"))
    return keyed_trades.drop("_start", "_key").hstack(own)


def _midnight_of(trades: pl.DataFrame) -> int:
    first, last = _span(trades["timestamp"])
    midnight = first - first % _DAY_NS
    if trades["trade_date"].n_unique() > 1 or last - midnight >= _SYMBOL_SPAN:
        days = trades["trade_date"].unique().sort()
        raise ValueError(f"Trades of {', '.join(map(str, days))}; allowed: one session. Attach the quotes day by day.")
    return midnight


def _ordered(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    # Tapes mostly arrive in order, and looking costs a twentieth of sorting.
    steps = [(pl.col(name), pl.col(name).shift(1)) for name in reversed(columns)]
    rises = reduce(lambda tie, step: (step[0] > step[1]) | ((step[0] == step[1]) & tie), steps, pl.lit(value=True))
    is_ordered = frame.select(rises.slice(1).all(ignore_nulls=False)).item()
    return frame if is_ordered else frame.sort(columns, maintain_order=True)
