"""What a derived day was made of, as short digests: equal digests mean equal inputs, so that nothing has to be made again.

Only what the day's numbers depend on counts: a window's sessions, the weeks known by `as_of`. Pure functions; the derived
assets keep the digests in derivation_ledger, defs/stored_sessions.py holds them against what is stored now.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import MetricInputs
from darkpool_assets.analytics.index_aggregation import IndexInputs
from darkpool_assets.analytics.otc_anchor import anchor_to_otc_week, weekly_otc_volumes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.vocabulary import DataQuality

_SHORT: Final = ("trade_date", "source", "symbol", "short_volume", "short_exempt_volume", "total_volume")
_AGGREGATES: Final = ("trade_date", "symbol", "open", "high", "low", "close", "vwap", "volume", "split_factor")
_DIRECTION: Final = ("date", "symbol", "log_buy_sell", "classification_method")


def metric_digests(
    inputs: MetricInputs, *, day: dt.date, symbols: Sequence[str], as_of: dt.date, lit_window: int, window: int
) -> Mapping[str, str]:
    """Digests of what daily_metrics and composite_signal of `day` rest on, by feed.

    Args:
        inputs: As daily_metrics takes them.
        day: Session.
        symbols: Tickers, in either spelling.
        as_of: New York date up to which publications may be known.
        lit_window: Sessions of the direction's z-score.
        window: Sessions of the longest other z-score.
    """
    names = spellings_of(symbols)["polygon_symbol"].unique(maintain_order=True).to_list()
    weeks = weekly_otc_volumes(inputs.otc_rows, as_of=as_of)
    anchors = anchor_to_otc_week(names, weeks, day=day, as_of=as_of)
    anchored = anchors.filter(data_quality=DataQuality.OTC_ANCHORED.value)["symbol"]
    # An anchored day rests on its whole week and, for the participation score, on the eight weeks before it.
    first = market_calendar.sessions_before(day, window + 2)[0]
    first_bar = first if anchored.is_empty() else market_calendar.otc_weeks_in_reach(day)[0]
    last = day if anchored.is_empty() else market_calendar.week_of(day) + dt.timedelta(days=6)
    in_lit_window = pl.col("date").is_between(market_calendar.sessions_before(day, lit_window)[0], day, closed="left")
    return {
        "lit_direction_daily": _digest(
            inputs.lit.filter(pl.col("date") == day), inputs.lit.filter(in_lit_window).select(_DIRECTION)
        ),
        "finra_short_daily_raw": _short_digest(
            inputs.short_rows, inputs.short_sources, first=min(first, first_bar), last=last, left_out=inputs.short_left_out
        ),
        "polygon_daily_agg_raw": _digest(
            inputs.aggs.filter(pl.col("trade_date").is_between(min(first, first_bar), last)).select(_AGGREGATES)
        ),
        "finra_otc_weekly_raw": _digest(
            anchors,
            weeks.filter(pl.col("symbol").is_in(anchored.to_list())).drop("updated_date"),  # no number rests on it
        ),
    }


def index_digests(inputs: IndexInputs, *, day: dt.date, window: int) -> Mapping[str, str]:
    """Digests of what index_constituent_short_agg_daily of `day` rests on, by feed; `window` as in metric_digests."""
    first = market_calendar.sessions_before(day, window + 2)[0]
    return {
        "finra_short_daily_raw": _short_digest(inputs.short_rows, inputs.short_sources, first=first, last=day),
        "polygon_daily_agg_raw": _digest(inputs.aggs.filter(pl.col("trade_date").is_between(first, day)).select(_AGGREGATES)),
        "finra_otc_weekly_raw": _digest(inputs.otc_known),
    }


def _short_digest(
    rows: pl.DataFrame, sources: pl.DataFrame, *, first: dt.date, last: dt.date, left_out: pl.DataFrame | None = None
) -> str:
    inside = pl.col("trade_date").is_between(first, last)
    unknown = [] if left_out is None else [frame] if (frame := left_out.filter(inside)).height else []
    return _digest(rows.filter(inside).select(_SHORT), sources.filter(inside), *unknown)


def _digest(*frames: pl.DataFrame) -> str:
    """One digest of several frames, whatever the order of their rows."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame.sort(pl.all()).write_csv().encode())
    return digest.hexdigest()[:16]
