"""Stored days said in z-scores: what a composite is made of, one case per symbol, for the tests of the composite."""

import datetime as dt
import math
from typing import Any

import polars as pl
from hypothesis import strategies as st

from darkpool_assets import market_calendar
from darkpool_assets.analytics.composite_scores import CompositeRules
from darkpool_assets.analytics.composite_signal import CompositeInputs, build_composite_signal
from darkpool_assets.analytics.daily_metrics import MetricInputs
from darkpool_assets.tables import (
    DAILY_METRICS,
    FINRA_OTC_WEEKLY_RAW,
    FINRA_SHORT_DAILY_RAW,
    LIT_DIRECTION_DAILY,
    POLYGON_DAILY_AGG_RAW,
)
from darkpool_assets.vocabulary import REASONS_SEPARATOR

DAY = dt.date(2025, 6, 18)
WEEK = dt.date(2025, 6, 16)
EARLIER = market_calendar.otc_weeks_in_reach(DAY)[:-1]
BEFORE = market_calendar.sessions_before(DAY, 45)
SESSIONS = market_calendar.sessions_between(BEFORE[0], WEEK + dt.timedelta(days=4))
AS_OF = dt.date(2025, 7, 7)
STORED_AT = dt.datetime.combine(AS_OF, dt.time())
WHOLE: dict[str, Any] = {
    "case": "SPY", "lit_odds": 9.0, "classification_method": "NBBO", "lit_coverage_pct": 100.0, "direction_stable": True,
    "lit_periods": 20, "short_odds": 1 / 3, "denominator": "FINRA_TOTAL", "short_periods": 20, "data_quality": "OTC_ANCHORED",
    "rate": 0.4, "earlier_rates": None,
}  # fmt: skip
NO_DIRECTION = {"lit_odds": None, "classification_method": None, "lit_coverage_pct": None, "direction_stable": None}
NO_SHORT = {"short_odds": None, "denominator": None, "short_periods": None}
FIVE_WEEKS = WHOLE | {"rate": 0.5, "earlier_rates": "0.2 0.3 0.4 0.5 0.6"}


def z_of(odds: float | None) -> float | None:
    """The z-score whose tanh(z / 2) is (odds - 1) / (odds + 1)."""
    return None if odds is None else math.log(odds)


def metrics_row(case: dict[str, Any]) -> dict[str, Any]:
    anchored = case["data_quality"] == "OTC_ANCHORED"
    has_short = case["short_odds"] is not None
    return {
        "date": DAY, "symbol": case["case"], "log_buy_sell": None if case["lit_odds"] is None else 0.1,
        "log_buy_sell_z": z_of(case["lit_odds"]), "lit_coverage_pct": case["lit_coverage_pct"],
        "classification_method": case["classification_method"], "direction_stable": case["direction_stable"],
        "lit_buy_ratio_low": 0.48, "lit_buy_ratio_high": 0.53, "short_volume": 50.0 if has_short else None,
        "short_ratio": 0.5 if has_short else None, "short_ratio_z": z_of(case["short_odds"]),
        "short_ratio_denominator_type": case["denominator"], "otc_participation_rate": case["rate"],
        "data_quality": case["data_quality"], "otc_status": "ANCHORED" if anchored else "NOT_YET_PUBLISHED", "has_otc": anchored,
        "has_short": has_short, "has_lit": case["lit_odds"] is not None, "has_price": True, "pressure_context_label": "NEUTRAL",
        "inference_version": "v1", "as_of": AS_OF,
    }  # fmt: skip


def last_days(count: int | None) -> list[dt.date]:
    """The day and the `count` sessions before it; no day without a count."""
    return [] if count is None else [*BEFORE[len(BEFORE) - count :], DAY]


def lit_rows(case: dict[str, Any]) -> list[dict[str, Any]]:
    method = case["classification_method"]
    return [
        {"symbol": case["case"], "date": day, "log_buy_sell": 0.1 if case["lit_odds"] else None, "classification_method": method,
         "classification_rule": "lee_ready", "inference_version": "v1"}
        for day in last_days(case["lit_periods"] if method else None)
    ]  # fmt: skip


def short_rows(case: dict[str, Any]) -> list[dict[str, Any]]:
    total = 100.0 if case["denominator"] == "FINRA_TOTAL" else 0.0
    return [
        {"symbol": case["case"], "trade_date": day, "short_volume": 50.0, "short_exempt_volume": 0.0, "total_volume": total,
         "source": "CNMS", "source_file": "f", "content_hash": "h", "ingested_at": STORED_AT}
        for day in last_days(case["short_periods"])
    ]  # fmt: skip


def weekly_row(symbol: str, week: dt.date, volume: float, *, published: dt.date = AS_OF) -> dict[str, Any]:
    return {
        "symbol": symbol, "week_start_date": week, "off_exchange_volume": volume, "tier_identifier": "T1",
        "summary_type_code": "ATS_W_SMBL", "initial_published_date": published, "source_file": "f", "content_hash": "h",
        "ingested_at": STORED_AT,
    }  # fmt: skip


def weekly_rows(case: dict[str, Any]) -> list[dict[str, Any]]:
    rates = [float(rate) for rate in (case["earlier_rates"] or "").split()]
    weeks = EARLIER[len(EARLIER) - len(rates) :]
    return [
        weekly_row(case["case"], week, rate * 1000 * len(market_calendar.sessions_of_week(week)))
        for week, rate in zip(weeks, rates, strict=True)
    ]


def bars(symbol: str, days=tuple(SESSIONS)) -> list[dict[str, Any]]:
    return [{"symbol": symbol, "trade_date": day, "close": 10.0, "volume": 1000.0, "data_source": "FILE"} for day in days]


def frame(table, rows) -> pl.DataFrame:
    return table.conform(pl.DataFrame(rows, schema_overrides=table.schema)) if rows else table.empty()


def inputs_of(*cases: dict[str, Any]) -> CompositeInputs:
    """What is stored of the cases' day; the volume of every session is 1000."""
    shorts = frame(FINRA_SHORT_DAILY_RAW, [row for case in cases for row in short_rows(case)])
    look_back = MetricInputs(
        lit=frame(LIT_DIRECTION_DAILY, [row for case in cases for row in lit_rows(case)]),
        short_rows=shorts,
        short_sources=shorts.select("trade_date", "source").unique(),
        aggs=frame(POLYGON_DAILY_AGG_RAW, [row for case in cases for row in bars(case["case"])]),
        otc_rows=frame(FINRA_OTC_WEEKLY_RAW, [row for case in cases for row in weekly_rows(case)]),
    )
    return CompositeInputs(frame(DAILY_METRICS, [metrics_row(case) for case in cases]), look_back)


def composite(inputs: CompositeInputs, **rules: Any) -> pl.DataFrame:
    return build_composite_signal(inputs, day=DAY, rules=CompositeRules(**rules))


def row_of(case: dict[str, Any] = WHOLE, **rules: Any) -> dict[str, Any]:
    (row,) = composite(inputs_of(case), **rules).to_dicts()
    return row


def rows_of(several: list[dict[str, Any]], change: dict[str, Any] | None = None, **rules: Any) -> list[dict[str, Any]]:
    """The composites of several cases, each a symbol of its own, all changed alike."""
    named = [case | (change or {}) | {"case": f"CASE{place}"} for place, case in enumerate(several)]
    return composite(inputs_of(*named), **rules).to_dicts()


def reasons_of(case: dict[str, Any] = WHOLE, **rules: Any) -> list[str]:
    return row_of(case, **rules)["label_reasons"].split(REASONS_SEPARATOR)


odds = st.none() | st.floats(0.01, 100)
percents = st.floats(0, 100)
counts = st.integers(10, 25)


@st.composite
def cases(draw) -> dict[str, Any]:
    lit, short = draw(odds), draw(odds)
    anchored = draw(st.booleans())
    rates = draw(st.lists(st.floats(0.1, 0.9), max_size=8)) if anchored else []
    direction = {
        "lit_odds": lit, "classification_method": draw(st.sampled_from(["NBBO", "MIXED", "TICK", "BVC"])),
        "lit_coverage_pct": draw(percents), "direction_stable": draw(st.sampled_from([True, False, None])),
    }  # fmt: skip
    pressure = {
        "short_odds": short, "denominator": draw(st.sampled_from(["FINRA_TOTAL", "POLYGON_TOTAL"])), "short_periods": draw(counts)
    }  # fmt: skip
    return (
        {"case": "SPY", "lit_periods": draw(counts), "rate": draw(st.floats(0.1, 0.9)) if anchored else None}
        | (direction if lit else NO_DIRECTION)
        | (pressure if short else NO_SHORT)
        | {"data_quality": "OTC_ANCHORED" if anchored else "PRE_OTC", "earlier_rates": " ".join(map(str, rates))}
    )


several_cases = st.lists(cases(), min_size=5, max_size=5)
