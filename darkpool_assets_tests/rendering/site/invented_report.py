"""An invented day of the report site: three symbols, one index, verdicts, and the sessions before the day."""

import datetime as dt
import math

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.rendering.site.site_model import ReportDay, Verdict
from darkpool_assets.tables import COMPOSITE_SIGNAL, DAILY_METRICS, INDEX_CONSTITUENT_SHORT_AGG_DAILY
from darkpool_assets.vocabulary import REASONS_SEPARATOR, Severity
from darkpool_assets_tests.rendering.conftest import ANCHORED, BARE, DAY, INDEX, OTC_OF_THE_DAY

SESSIONS = (*market_calendar.sessions_before(DAY, 24), DAY)
REASONS = ("Inferred accumulation: score x confidence is +0.535, 0.5 or more", "Lit direction +0.600", "PRESSURE_SIGN=-1")
SCORED = {
    "symbol": "SPY",
    "date": DAY,
    "directional_score": 0.6,
    "pressure_score": 0.66,
    "participation_score": 0.1,
    "participation_z": 0.2,
    "participation_z_periods": 8,
    "composite_score": 0.63,
    "c_lit": 0.9,
    "c_short": 0.75,
    "lit_z_periods": 18,
    "short_z_periods": 15,
    "confidence": 0.85,
    "final_label": "INFERRED_ACCUMULATION",
    "label_reasons": REASONS_SEPARATOR.join(REASONS),
    "data_quality": "OTC_ANCHORED",
    "inference_version": "PhaseA_v1",
    "as_of": DAY,
}
OLDER_WEEK = {
    "otc_week_used": dt.date(2025, 11, 24),
    "otc_published_date": dt.date(2025, 12, 15),
    "otc_status": "NOT_YET_PUBLISHED",
    "data_quality": "PRE_OTC",
}
HOLDS = Verdict(1, "data_quality_follows_the_published_week", Severity.ERROR, (), "Materialise daily_metrics again.")
WARNS = Verdict(17, "otc_weeks_have_both_legs", Severity.WARN, (("QQQ", "no ATS row"),), "Compare with FINRA's page.")
BROKEN = Verdict(
    4, "no_otc_week_is_used_before_its_published_date", Severity.ERROR, (("SPY", "12 Jan"),), "Materialise it again."
)


def metrics_of_the_day(day=DAY):
    """SPY anchored, QQQ not, ZZZ without any value."""
    wave = math.sin(day.toordinal())
    blank = dict.fromkeys(OTC_OF_THE_DAY)
    moved = {"date": day, "close": 240 + wave, "open": 239.5, "high": 242.0, "low": 238.0, "log_buy_sell": wave / 5}
    return [
        ANCHORED | moved,
        ANCHORED | moved | blank | OLDER_WEEK | {"symbol": "QQQ", "direction_stable": False},
        BARE | {"date": day},
    ]


def composites_of_the_day(day=DAY):
    """A label for SPY, none that claims a side for QQQ, no row for ZZZ."""
    unstable = {"symbol": "QQQ", "final_label": "UNSTABLE", "composite_score": 0.11, "data_quality": "PRE_OTC"}
    return [SCORED | {"date": day}, SCORED | unstable | {"date": day, "participation_score": None}]


def report_of(
    *, day=DAY, metrics=None, composites=None, indices=None, verdicts=(HOLDS, WARNS), sample_data=False, sessions=SESSIONS
):
    """A ReportDay; what is not given is stored for every session up to the day."""
    sessions = tuple(session for session in sessions if session <= day)
    metrics = [row for session in sessions for row in metrics_of_the_day(session)] if metrics is None else metrics
    composites = [row for session in sessions for row in composites_of_the_day(session)] if composites is None else composites
    indices = [INDEX | {"trade_date": session} for session in sessions] if indices is None else indices
    return ReportDay(
        day=day,
        sessions=sessions,
        metrics=pl.DataFrame(metrics, schema=DAILY_METRICS.schema),
        composites=pl.DataFrame(composites, schema=COMPOSITE_SIGNAL.schema),
        indices=pl.DataFrame(indices, schema=INDEX_CONSTITUENT_SHORT_AGG_DAILY.schema),
        verdicts=tuple(verdicts),
        tickers=("SPY", "QQQ", "ZZZ"),
        sample_data=sample_data,
    )
