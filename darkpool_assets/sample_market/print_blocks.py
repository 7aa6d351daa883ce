"""The kinds of print that a session's tape is made of, each drawn as one block of arrays.

Lit executions at the prevailing quote, reports of TRFs (some hours late), auction prints with their official copies, and
extended hours. No frames and no ids; trade_tape.py joins the blocks in time order.
"""

from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
import polars as pl

from darkpool_assets.sample_market.nbbo_tape import Nbbo
from darkpool_assets.sample_market.order_flow import OrderFlow, regular_times
from darkpool_assets.sample_market.session_clock import SECOND
from darkpool_assets.sample_market.symbol_session import SymbolSession

CONDITION_LISTS: Final = pl.Series(
    [None, "14", "14,41", "41", "37", "14,37", "14,37,41", "37,41", "12", "12,37", "17", "16", "8", "15",
     "2", "7", "7,37", "10", "13", "33", "52", "53"], dtype=pl.String,
)  # fmt: skip
_ODD_LOT: Final = 4
_FORM_T, _FORM_T_ODD_LOT, _OPENING, _OFFICIAL_OPEN, _CLOSING, _OFFICIAL_CLOSE, _FIRST_EXCLUDED = 8, 9, 10, 11, 12, 13, 14
_ORDINARY_ODDS: Final = np.array([0.55, 0.20, 0.22, 0.03])
_LIT_VENUES: Final = np.array([8, 9, 10, 11, 12, 15, 18, 19, 20, 21])
_VENUE_ODDS: Final = np.array([0.04, 0.12, 0.12, 0.16, 0.28, 0.05, 0.03, 0.10, 0.02, 0.08])
_FINRA, _OTC_VENUE = 4, 62
_TRFS: Final = np.array([201, 202, 203])
_TRF_ODDS: Final = np.array([0.28, 0.67, 0.05])
_CORRECTIONS: Final = np.array([1, 8, 10, 11, 12])
_LATEST_REPORT: Final = 9_000 * SECOND
_THIN_DAY_SIZE: Final = 80


@dataclass(frozen=True)
class Prints:
    """One element per print; `direction` is 0 where the print is not a lit eligible trade."""

    time: np.ndarray
    participant_time: np.ndarray
    price: np.ndarray
    size: np.ndarray
    exchange: np.ndarray
    trf_id: np.ndarray
    condition: np.ndarray
    correction: np.ndarray
    direction: np.ndarray

    def resized(self, size: np.ndarray) -> Self:
        """The same prints with other sizes."""
        return replace(self, size=size)


def joined(*blocks: Prints) -> Prints:
    """All prints of `blocks` in time order."""
    order = np.argsort(np.concatenate([block.time for block in blocks]), kind="stable")
    return Prints(*(np.concatenate([getattr(block, field.name) for block in blocks])[order] for field in fields(Prints)))


def lit_executions(session: SymbolSession, flow: OrderFlow, nbbo: Nbbo) -> Prints:
    """One print per order at the quote strictly before it: at the touch, now and then at the midpoint, inside or through it.

    A few orders execute on the other side of the quote (hidden liquidity), so that no inference is always right. About one
    print in a hundred carries a condition or a correction that takes it out.
    """
    stream, count = session.stream("executions"), len(flow.times)
    quote = nbbo.before(flow.times)
    bid, ask = nbbo.bid[quote] * 100, nbbo.ask[quote] * 100
    touch, other = np.where(flow.direction > 0, ask, bid), np.where(flow.direction > 0, bid, ask)
    kind = stream.random(count)
    inside = np.where(ask - bid >= 300, touch - 100 * flow.direction, touch)
    price = np.select(
        [kind < 0.025, kind < 0.030, kind < 0.050, kind < 0.080],
        [(bid + ask) // 2, other, touch + 100 * flow.direction, inside],
        touch,
    )
    size = _sizes(session, stream, count)
    excluded, corrected = stream.random(count) < 0.008, stream.random(count) < 0.003
    condition = stream.choice(len(_ORDINARY_ODDS), count, p=_ORDINARY_ODDS) + np.where(size < 100, _ODD_LOT, 0)
    odd = stream.integers(_FIRST_EXCLUDED, len(CONDITION_LISTS), count)
    return Prints(
        time=flow.times,
        participant_time=flow.times - stream.integers(15_000, 600_000, count),
        price=price,
        size=size,
        exchange=stream.choice(_LIT_VENUES, count, p=_VENUE_ODDS),
        trf_id=np.zeros(count, np.int64),
        condition=np.where(excluded, odd, condition),
        correction=np.where(corrected, stream.choice(_CORRECTIONS, count), 0),
        direction=np.where(excluded | corrected, 0, flow.direction),
    )


def off_exchange_prints(session: SymbolSession, nbbo: Nbbo) -> Prints:
    """Reports of TRFs around the midpoint, sub-penny, some as blocks, some hours late; a few on exchange 62 or a lit venue."""
    stream = session.stream("reports")
    share = session.off_exchange_share
    count = int(session.lit_trades * 0.8 * share / (1 - share)) + 1
    time = regular_times(session, stream, count)
    quote = nbbo.before(time)
    bid, ask = nbbo.bid[quote] * 100, nbbo.ask[quote] * 100
    offset = np.where(stream.random(count) < 0.4, 0.0, stream.uniform(-0.5, 0.5, count) * (ask - bid))
    late = time - stream.integers(60 * SECOND, _LATEST_REPORT, count)
    delay = stream.integers(200_000, 3 * SECOND, count)
    is_late = stream.random(count) < 0.02
    is_block = stream.random(count) < 0.01
    size = np.where(is_block, 100.0 * stream.integers(10, 80, count), _sizes(session, stream, count))
    venue, trf_id = stream.random(count), stream.choice(_TRFS, count, p=_TRF_ODDS)
    return Prints(
        time=time,
        participant_time=np.where(is_late, np.maximum(late, session.clock.open), time - delay),
        price=(bid + ask) // 2 + np.rint(offset).astype(np.int64),
        size=size,
        exchange=np.select([venue < 0.01, venue < 0.015], [_OTC_VENUE, session.security.primary_exchange], _FINRA),
        trf_id=np.where((venue < 0.01) | (venue > 0.99), 0, trf_id),
        condition=np.where(size < 100, _ODD_LOT, 0),
        correction=np.where(stream.random(count) < 0.002, 1, 0),
        direction=np.zeros(count, np.int64),
    )


def auction_prints(session: SymbolSession, *, lit_shares: float) -> Prints:
    """Opening and closing print of the listing exchange, each printed again as official open or close; one print of size 0."""
    clock, opening, closing = session.clock, np.floor(0.02 * lit_shares) + 1, np.floor(0.07 * lit_shares) + 1
    offsets = [120_000_000, 170_000_000, 180_000_000]
    time = np.array([clock.open + offset for offset in offsets] + [clock.close + 25_000_000, clock.close + 310_000_000])
    primary, copy_of_open = session.security.primary_exchange, 11
    zeros = np.zeros(5, np.int64)
    return Prints(
        time=time,
        participant_time=time - 60_000,
        price=np.array([session.open] * 3 + [session.close] * 2) * 100,
        size=np.array([opening, opening, 0, closing, closing]),
        exchange=np.array([primary, primary, copy_of_open, primary, primary]),
        trf_id=zeros,
        condition=np.array([_OPENING, _OFFICIAL_OPEN, _OFFICIAL_OPEN, _CLOSING, _OFFICIAL_CLOSE]),
        correction=zeros,
        direction=zeros,
    )


def extended_hours_prints(session: SymbolSession) -> Prints:
    """Form T prints before the open, after the close inside the window, and after the window's end."""
    stream, clock = session.stream("extended hours"), session.clock
    spans = ((clock.pre_market, clock.open - 1), (clock.close + SECOND, clock.window_end), (clock.window_end + 1, clock.last))
    counts = [session.lit_trades // 25 + 2, session.lit_trades // 40 + 2, session.lit_trades // 50 + 2]
    time = np.concatenate([stream.integers(first, last, count) for (first, last), count in zip(spans, counts, strict=True)])
    level = np.where(time < clock.open, session.open, session.close)
    count, size = sum(counts), _sizes(session, stream, sum(counts))
    is_report = stream.random(count) < 0.4
    return Prints(
        time=time,
        participant_time=time - stream.integers(15_000, 900_000, count),
        price=np.maximum(np.rint(level * (1 + 0.001 * stream.standard_normal(count))), 1).astype(np.int64) * 100,
        size=size,
        exchange=np.where(is_report, _FINRA, stream.choice(_LIT_VENUES, count, p=_VENUE_ODDS)),
        trf_id=np.where(is_report, stream.choice(_TRFS, count, p=_TRF_ODDS), 0),
        condition=np.where(size < 100, _FORM_T_ODD_LOT, _FORM_T),
        correction=np.zeros(count, np.int64),
        direction=np.zeros(count, np.int64),
    )


def _sizes(session: SymbolSession, stream: np.random.Generator, count: int) -> np.ndarray:
    """Shares: odd lots, the more the dearer the share, and round lots; some fractional once the SIP reports fractions."""
    is_odd = stream.random(count) < np.clip(0.3 + session.price / 1500, 0.3, 0.65)
    lots = 100 * np.minimum(stream.geometric(0.55, count), 20)
    size = np.where(is_odd, stream.integers(1, 100, count), lots).astype(float)
    cut, is_fractional = stream.integers(1, 999_999, count) / 1_000_000, stream.random(count) < 0.1
    if session.is_thin:
        size = np.minimum(size, _THIN_DAY_SIZE)
    return np.where(is_fractional & session.has_fractional_sizes, np.round(size - cut, 6), size)
