"""Invented stored rows of one symbol's window, quick to change, and the panels made of them.

Twenty-three sessions to Christmas Eve 2025 with Thanksgiving among them; the weeks up to 1 December are published.
"""

import datetime as dt
import math

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.rendering.pressure_plot.pressure_panels import build_pressure_panels
from darkpool_assets.tables import COMPOSITE_SIGNAL, DAILY_METRICS

DAY = dt.date(2025, 12, 24)
SESSIONS = market_calendar.sessions_between(dt.date(2025, 11, 21), DAY)
NEWEST_WEEK = dt.date(2025, 12, 1)
PRICE, DIRECTION, PRESSURE, OTC_WEEK, COMPOSITE = range(5)


def metrics_row(session, **changes):
    """A stored row; anchored up to the newest published week, PRE_OTC after it."""
    place = market_calendar.all_sessions().index(session)
    week = market_calendar.week_of(session)
    is_own = week <= NEWEST_WEEK
    log_buy_sell = 0.3 * math.sin(place)
    row = {
        "date": session, "symbol": "SPY", "log_buy_sell": log_buy_sell, "lit_buy_ratio": 1 / (1 + math.exp(-log_buy_sell)),
        "classification_method": "NBBO", "direction_stable": True, "short_ratio": 0.45, "short_ratio_z": 1.2 * math.cos(place),
        "open": 600.0, "high": 604.0, "low": 598.0, "close": 600.0 + math.sin(place), "return_1d": 0.0031,
        "otc_off_exchange_volume": 1e6 * min(week, NEWEST_WEEK).day, "otc_week_used": min(week, NEWEST_WEEK),
        "otc_status": "ANCHORED" if is_own else "NOT_YET_PUBLISHED", "data_quality": "OTC_ANCHORED" if is_own else "PRE_OTC",
        "has_otc": True, "has_short": True, "has_lit": True, "has_price": True, "pressure_context_label": "NEUTRAL",
        "inference_version": "PhaseA_v1", "as_of": DAY,
    }  # fmt: skip
    return row | changes


def composite_row(session, **changes):
    """A stored row of the composite."""
    place = market_calendar.all_sessions().index(session)
    row = {
        "date": session, "symbol": "SPY", "composite_score": 0.6 * math.sin(place), "confidence": 0.75,
        "final_label": "NEUTRAL", "label_reasons": "Neutral: little evidence; PRESSURE_SIGN=-1", "data_quality": "PRE_OTC",
        "inference_version": "PhaseA_v1", "as_of": DAY,
    }  # fmt: skip
    return row | changes


def metrics_frame(rows):
    return pl.DataFrame(list(rows), schema=DAILY_METRICS.schema)


def composite_frame(rows):
    return pl.DataFrame(list(rows), schema=COMPOSITE_SIGNAL.schema)


def panels_of(metrics=None, composites=None, *, sessions=SESSIONS, symbol="SPY", sample_data=False, **changes):
    """The panels of whole windows, or of the given rows; `changes` go to every row of daily_metrics."""
    metrics = [metrics_row(session) for session in sessions] if metrics is None else metrics
    composites = [composite_row(session) for session in sessions] if composites is None else composites
    return build_pressure_panels(
        metrics_frame(row | {"symbol": symbol} | changes for row in metrics),
        composite_frame(row | {"symbol": symbol} for row in composites),
        symbol=symbol, day=sessions[-1], sessions=sessions, inference_version="PhaseA_v1", as_of=DAY, sample_data=sample_data,
    )  # fmt: skip


def changed_on(place, **changes):
    """All rows of the window, the one of the session at `place` changed."""
    return [metrics_row(session, **(changes if session == SESSIONS[place] else {})) for session in SESSIONS]


def without(places, make=metrics_row):
    """The rows of all sessions but those at `places`."""
    return [make(session) for place, session in enumerate(SESSIONS) if place not in places]


def varied_panels():
    """Every mark of the model: gaps, rules that disagree, bars as a source, a bare close, absent composites."""
    oddities = {
        3: {"log_buy_sell": None, "has_lit": False}, 5: {"direction_stable": False}, 7: {"classification_method": "BVC"},
        8: {"classification_method": "TICK"}, 9: {"open": None}, 11: {"log_buy_sell": 0.0}, 20: {"has_otc": False},
    }  # fmt: skip
    metrics = [metrics_row(session, **oddities.get(place, {})) for place, session in enumerate(SESSIONS) if place != 14]
    composites = without({4, 14, 15, 16}, composite_row)
    composites[2] |= {"final_label": "UNSTABLE"}
    return panels_of(metrics, composites, sample_data=True)
