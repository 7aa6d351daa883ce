"""Every print of one session: executions of the order flow, off-exchange reports, auctions, extended hours, odd conditions.

Prices are ten-thousandths of a dollar until the frame is built. The frame has the trades flat file's columns; beside it stands
the true direction of each lit eligible trade. Nothing is written here.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from darkpool_assets.sample_market import print_blocks
from darkpool_assets.sample_market.nbbo_tape import draw_nbbo, quote_frame
from darkpool_assets.sample_market.order_flow import draw_order_flow
from darkpool_assets.sample_market.print_blocks import CONDITION_LISTS, Prints
from darkpool_assets.sample_market.symbol_session import SymbolSession

_RESENT_SHARE: Final = 0.003
_FIRST_ID: Final = 52_983_525_000_000
_LARGEST_PART_OF_DAY: Final = 0.9


@dataclass(frozen=True)
class Tape:
    """Published rows of one symbol's session, and the truth behind them.

    Attributes:
        trades: One row per print, trades flat file's columns, in time order.
        quotes: One row per quote, quotes flat file's columns, in time order.
        truth: One row per lit eligible trade: symbol, timestamp, sequence_number, exchange, id, size, direction (+1, -1).
    """

    trades: pl.DataFrame
    quotes: pl.DataFrame
    truth: pl.DataFrame


def simulate_tape(session: SymbolSession) -> Tape:
    """Draw the whole tape of one symbol's session."""
    flow = draw_order_flow(session)
    nbbo = draw_nbbo(session, flow)
    lit = print_blocks.lit_executions(session, flow, nbbo)
    prints = print_blocks.joined(
        lit,
        print_blocks.off_exchange_prints(session, nbbo),
        print_blocks.auction_prints(session, lit_shares=float(lit.size.sum())),
        print_blocks.extended_hours_prints(session),
    )
    rows = _rows(session, _within_day(prints, session.shares))
    truth = rows.filter(pl.col("direction") != 0).unique(["exchange", "trf_id", "id"], keep="last", maintain_order=True)
    return Tape(rows.drop("direction"), quote_frame(session, nbbo), _truth(truth))


def _within_day(prints: Prints, shares: float) -> Prints:
    """`prints` with sizes that add up to less than the day's consolidated volume."""
    excess = float(prints.size.sum()) / (_LARGEST_PART_OF_DAY * shares)
    return prints if excess <= 1 else prints.resized(np.where(prints.size > 0, np.maximum(np.floor(prints.size / excess), 1), 0))


def _rows(session: SymbolSession, prints: Prints) -> pl.DataFrame:
    """One row per print in time order; some are sent again, exactly but for a higher sequence number."""
    stream, count = session.stream("trade fields"), len(prints.time)
    size = pl.Series(prints.size) if session.has_fractional_sizes else pl.Series(prints.size.astype(np.int64))
    frame = pl.DataFrame(
        {
            "ticker": pl.repeat(session.security.symbol, count, eager=True),
            "conditions": CONDITION_LISTS.gather(prints.condition),
            "correction": pl.Series(prints.correction),
            "exchange": prints.exchange,
            "id": pl.Series(_FIRST_ID + stream.permutation(count)).cast(pl.String),
            "participant_timestamp": prints.participant_time,
            "price": prints.price / 10_000,
            "sequence_number": np.cumsum(stream.integers(2, 30, count)),
            "sip_timestamp": prints.time,
            "size": size,
            "tape": pl.repeat(session.security.tape, count, eager=True),
            "trf_id": prints.trf_id,
            "trf_timestamp": np.where(prints.trf_id > 0, prints.time - stream.integers(10_000, 60_000, count), 0),
            "direction": prints.direction,
        }
    )
    resent = frame.filter(pl.Series(stream.random(count) < _RESENT_SHARE)).with_columns(pl.col("sequence_number") + 1)
    return _with_absent_fields(pl.concat([frame, resent]).sort("sequence_number"))


def _with_absent_fields(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with fields left out that the format allows to be absent; a print sent again keeps its identity."""
    spoken = pl.col("id").cast(pl.Int64)
    is_lit = pl.col("direction") != 0
    return frame.with_columns(
        pl.when(is_lit & (spoken % 300 == 7)).then(None).otherwise(pl.col("trf_id")).alias("trf_id"),
        pl.when(is_lit & (spoken % 200 == 11)).then(None).otherwise(pl.col("correction")).alias("correction"),
    )


def _truth(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        pl.col("ticker").alias("symbol"),
        pl.from_epoch("sip_timestamp", time_unit="ns").alias("timestamp"),
        "sequence_number",
        "exchange",
        "id",
        pl.col("size").cast(pl.Float64),
        pl.col("direction").cast(pl.Int8),
    )
