"""Rules 1 to 4: what a row may say about FINRA's OTC volume, recomputed from the stored weeks.

Pure functions of a StoredDay; the thresholds and the arithmetic of the anchor stand in otc_anchor.
"""

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import week_shares_of
from darkpool_assets.analytics.stored_day import Finding, Rule, StoredDay, differs, findings_of
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, OtcAllocBasis, OtcStatus, Severity

_ANCHORED = pl.col("data_quality") == DataQuality.OTC_ANCHORED.value
_PRE_OTC = pl.col("data_quality") == DataQuality.PRE_OTC.value
_OTC_NUMBERS = (
    "otc_off_exchange_volume",
    "otc_ats_volume",
    "otc_non_ats_volume",
    "otc_trade_count",
    "otc_week_used",
    "otc_published_date",
)
_ALLOCATED = ("otc_alloc_volume", "otc_alloc_basis", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate")


def data_quality_follows_the_published_week(stored: StoredDay) -> list[Finding]:
    """Rule 1: OTC_ANCHORED exactly when otc_week_used is the week of date and was published by as_of; else PRE_OTC."""
    own = pl.col("otc_week_used") == market_calendar.week_of(stored.day)
    published = pl.col("otc_published_date") <= pl.col("as_of")
    rests = (own & published).fill_null(value=False)
    rows = stored.metrics
    return [
        *findings_of(rows.filter((_ANCHORED | _PRE_OTC).fill_null(value=False).not_()), "data_quality is {data_quality}"),
        *findings_of(
            rows.filter(_ANCHORED & rests.not_()), "OTC_ANCHORED on week {otc_week_used}, published {otc_published_date}"
        ),
        *findings_of(rows.filter(_PRE_OTC & rests), "PRE_OTC although its own week {otc_week_used} is used and published"),
        *findings_of(
            rows.filter((pl.col("otc_status") == OtcStatus.ANCHORED.value) != _ANCHORED),
            "{data_quality} with status {otc_status}",
        ),
    ]


def rows_without_otc_coverage_carry_no_otc_number(stored: StoredDay) -> list[Finding]:
    """Rule 2: has_otc false keeps its row, is PRE_OTC, and carries no OTC number."""
    numbers = pl.any_horizontal(pl.col(name).is_not_null() for name in (*_OTC_NUMBERS, *_ALLOCATED))
    rows = stored.metrics
    without = pl.col("has_otc").not_()
    return [
        *findings_of(rows.filter(without & numbers), "has_otc is false, yet an OTC number is there"),
        *findings_of(rows.filter(without & _PRE_OTC.not_()), "has_otc is false, yet it is {data_quality}"),
        *findings_of(rows.filter(without.not_() & pl.col("otc_week_used").is_null()), "has_otc is true without a week"),
    ]


def allocations_equal_weekly_volume_times_share(stored: StoredDay) -> list[Finding]:
    """Rule 3: PRE_OTC rows carry no allocation; each anchored one equals weekly volume x share, recomputed from raw (1e-6)."""
    rows = stored.metrics
    any_allocated = pl.any_horizontal(pl.col(name).is_not_null() for name in _ALLOCATED)
    anchored = _recomputed(stored)
    directed = pl.col("classification_method") != ClassificationMethod.BVC.value
    buy = pl.when(directed).then(pl.col("otc_alloc_volume") * pl.col("lit_buy_ratio"))
    return [
        *findings_of(rows.filter(_ANCHORED.not_() & any_allocated), "{data_quality} with allocated OTC volume"),
        *findings_of(
            anchored.filter(differs("otc_off_exchange_volume", "otc_volume")),
            "weekly volume {otc_off_exchange_volume}, stored weeks say {otc_volume}",
        ),
        *findings_of(
            anchored.filter(differs("otc_ats_volume", "ats_volume") | differs("otc_non_ats_volume", "non_ats_volume")),
            "ATS and non-ATS legs {otc_ats_volume}, {otc_non_ats_volume}; stored weeks say {ats_volume}, {non_ats_volume}",
        ),
        *findings_of(
            anchored.filter(differs("otc_alloc_volume", "expected") | (pl.col("otc_alloc_basis") != pl.col("basis"))),
            "allocation {otc_alloc_volume} by {otc_alloc_basis}, recomputed {expected} by {basis}",
        ),
        *findings_of(
            anchored.filter(
                differs("otc_buy_volume", buy) | differs("otc_sell_volume", pl.col("otc_alloc_volume") - pl.col("otc_buy_volume"))
            ),
            "buy {otc_buy_volume} and sell {otc_sell_volume} are not the allocation by lit_buy_ratio {lit_buy_ratio}",
        ),
        *findings_of(
            anchored.filter(differs("otc_participation_rate", "participation")),
            "participation {otc_participation_rate}, recomputed {participation}",
        ),
    ]


def _recomputed(stored: StoredDay) -> pl.DataFrame:
    """Anchored rows beside what the stored weeks and daily volumes give for them."""
    rows = stored.metrics.filter(_ANCHORED)
    shares = week_shares_of(stored.inputs, rows["symbol"].to_list(), day=stored.day).rename({"otc_alloc_basis": "basis"})
    sessions = len(market_calendar.sessions_of_week(market_calendar.week_of(stored.day)))
    joined = with_known_week(stored, rows).join(shares, on="symbol", how="left", maintain_order="left")
    consolidated = pl.when(pl.col("consolidated_volume") > 0).then("consolidated_volume")
    return joined.with_columns(
        basis=pl.col("basis").fill_null(OtcAllocBasis.EQUAL.value),
        expected=pl.col("otc_volume") * pl.col("week_share").fill_null(1.0 / sessions),
        participation=pl.col("otc_volume") / consolidated,
    )


def with_known_week(stored: StoredDay, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` beside the stored week that each one uses, as known at the row's as_of; null columns where there is none."""
    known = stored.known_weeks.rename({"symbol": "polygon_symbol", "week_start_date": "otc_week_used"}).drop("trade_count")
    spelled = rows.join(spellings_of(rows["symbol"]).select("symbol", "polygon_symbol"), on="symbol", maintain_order="left")
    return spelled.join(known, on=["polygon_symbol", "otc_week_used", "as_of"], how="left", maintain_order="left")


def no_otc_week_is_used_before_its_published_date(stored: StoredDay) -> list[Finding]:
    """Rule 4: no OTC week is used before its published date, nor a week that is not stored, nor one of another reach."""
    used = with_known_week(stored, stored.metrics.filter(pl.col("otc_week_used").is_not_null()))
    weeks = market_calendar.otc_weeks_in_reach(stored.day)
    return [
        *findings_of(
            used.filter(pl.col("otc_published_date").is_null() | (pl.col("otc_published_date") > pl.col("as_of"))),
            "week {otc_week_used} published {otc_published_date}, as of {as_of}",
        ),
        *findings_of(
            used.filter(pl.col("published_date").is_null()), "week {otc_week_used} is not known at {as_of} in the stored weeks"
        ),
        *findings_of(
            used.filter(pl.col("published_date") != pl.col("otc_published_date")),
            "published {otc_published_date}, the stored week says {published_date}",
        ),
        *findings_of(
            used.filter(pl.col("otc_week_used").is_between(weeks[0], weeks[-1]).not_()), "week {otc_week_used} is out of reach"
        ),
    ]


_FINDERS = (
    (data_quality_follows_the_published_week, lambda stored: stored.metrics.height),
    (rows_without_otc_coverage_carry_no_otc_number, lambda stored: stored.metrics.height),
    (allocations_equal_weekly_volume_times_share, lambda stored: stored.metrics.height),
    (no_otc_week_is_used_before_its_published_date, lambda stored: stored.metrics["otc_week_used"].count()),
)
PROVENANCE_RULES = tuple(
    Rule(number, find.__name__, "daily_metrics", Severity.ERROR, find, "Materialise daily_metrics of this day again.", count)
    for number, (find, count) in enumerate(_FINDERS, start=1)
)
