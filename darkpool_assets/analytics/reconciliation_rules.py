"""Rules 11 to 19, all of them WARN: do the feeds agree with each other, and is anything missing that a reader should know?

They inform and never gate. Pure functions of a StoredDay.
"""

import json
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.provenance_rules import with_known_week
from darkpool_assets.analytics.series_breaks import SERIES_BREAKS
from darkpool_assets.analytics.short_pressure import short_rows_by_symbol
from darkpool_assets.analytics.stored_day import Finding, Rule, StoredDay, findings_of
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.vocabulary import FACILITY_FAMILIES, DataQuality, IngestStatus, Severity, ShortFileFamily

_FACILITIES: Final = [family.value for family in FACILITY_FAMILIES]
_TOLERANCE: Final = 0.02
_LARGEST_RETURN: Final = 0.4
_OLDEST_LIST_DAYS: Final = 120
_LEAST_COVERAGE_PCT: Final = 90.0


def short_volumes_are_ordered_and_ratios_within_one(stored: StoredDay) -> list[Finding]:
    """Rule 11: exempt <= short <= total; short ratios within 0..1 (the owner's formula can exceed 1: counted)."""
    disordered = stored.short_rows.filter(
        (pl.col("short_exempt_volume") > pl.col("short_volume")) | (pl.col("short_volume") > pl.col("total_volume"))
    )
    beyond = stored.metrics.filter((pl.col("short_ratio") > 1) | (pl.col("short_ratio") < 0))
    return [
        *findings_of(disordered, "{source}: exempt {short_exempt_volume}, short {short_volume}, total {total_volume}"),
        *findings_of(beyond, "short_ratio {short_ratio} by the numerator {short_ratio_numerator_type}"),
    ]


def consolidated_short_file_equals_its_facilities(stored: StoredDay) -> list[Finding]:
    """Rule 12: CNMS equals the sum of FNSQ, FNQC, FNYX and FNRA where both are stored; a sum lacks no facility's file."""
    rows = stored.short_rows
    read = {source[:4] for source in stored.readings.filter(pl.col("feed") == "finra_short_daily_raw")["source"] if source}
    absent = [family for family in _FACILITIES if family not in read]
    findings: list[Finding] = []
    if ShortFileFamily.CNMS not in read and read & set(_FACILITIES) and absent:
        findings = [Finding(family, "the day has no CNMS file and its sum lacks this facility's file") for family in absent]
    elif ShortFileFamily.CNMS in read and not absent:
        findings = _differences(rows)
    return findings


def _differences(rows: pl.DataFrame) -> list[Finding]:
    columns = ["short_volume", "short_exempt_volume", "total_volume"]
    consolidated = rows.filter(pl.col("source") == ShortFileFamily.CNMS.value).select("symbol", *columns)
    summed = rows.filter(pl.col("source").is_in(_FACILITIES)).group_by("symbol").agg(pl.col(columns).sum())
    both = consolidated.join(summed, on="symbol", how="full", coalesce=True, suffix="_sum").sort("symbol").fill_null(0.0)
    apart = pl.any_horizontal((pl.col(name) - pl.col(f"{name}_sum")).abs() > 1e-3 for name in columns)
    return findings_of(both.filter(apart), "CNMS total {total_volume}, facilities {total_volume_sum}")


def weekly_otc_volume_fits_the_daily_feeds(stored: StoredDay) -> list[Finding]:
    """Rule 13: weekly OTC volume >= the week's FINRA totals (2%), and <= the week's consolidated volume."""
    week = market_calendar.sessions_of_week(market_calendar.week_of(stored.day))
    anchored = stored.metrics.filter(pl.col("data_quality") == DataQuality.OTC_ANCHORED.value)
    spellings = spellings_of(anchored["symbol"])
    shorts = short_rows_by_symbol(stored.inputs.short_rows, stored.inputs.short_sources, symbols=anchored["symbol"])
    totals = (
        shorts.filter(pl.col("date").is_in(week), pl.col("short_total_volume").is_not_null())
        .group_by("symbol")
        .agg(finra=pl.col("short_total_volume").sum(), days=pl.len())
        .filter(pl.col("days") == len(week))
    )
    volumes = (
        stored.inputs.aggs.filter(pl.col("trade_date").is_in(week), pl.col("volume").is_not_null())
        .group_by(polygon_symbol="symbol")
        .agg(consolidated=pl.col("volume").sum(), sessions=pl.len())
        .filter(pl.col("sessions") == len(week))
        .join(spellings, on="polygon_symbol")
    )
    rows = anchored.join(totals, on="symbol", how="left").join(volumes.select("symbol", "consolidated"), on="symbol", how="left")
    volume = pl.col("otc_off_exchange_volume")
    return [
        *findings_of(
            rows.filter(volume < (1 - _TOLERANCE) * pl.col("finra")),
            "weekly volume {otc_off_exchange_volume} below the week's FINRA totals {finra}",
        ),
        *findings_of(
            rows.filter(volume > pl.col("consolidated")),
            "weekly volume {otc_off_exchange_volume} above the week's consolidated volume {consolidated}",
        ),
    ]


def index_coverage_is_ample_and_its_list_is_recent(stored: StoredDay) -> list[Finding]:
    """Rule 14: index coverage >= 90%; constituents list younger than 120 days."""
    age = (pl.lit(stored.day) - pl.col("constituents_list_date")).dt.total_days()
    rows = stored.index.with_columns(age=age)
    return [
        *findings_of(
            rows.filter(pl.col("coverage_pct").fill_null(0.0) < _LEAST_COVERAGE_PCT),
            "{coverage_count} of {expected_constituent_count} members counted",
            who="index_symbol",
        ),
        *findings_of(
            rows.filter(pl.col("age") >= _OLDEST_LIST_DAYS),
            "constituents list of {constituents_list_date} is {age} days old",
            who="index_symbol",
        ),
    ]


def returns_have_no_unexplained_jump_or_break(stored: StoredDay) -> list[Finding]:
    """Rule 15: absolute return > 40% without a known split; a break of a series (SERIES_BREAKS) inside a z window."""
    split = stored.aggs.filter(pl.col("split_factor").is_not_null()).select(polygon_symbol="symbol")
    spelled = stored.metrics.join(spellings_of(stored.metrics["symbol"]), on="symbol", how="left")
    jumps = spelled.filter(pl.col("return_1d").abs() > _LARGEST_RETURN).join(split, on="polygon_symbol", how="anti")
    findings = findings_of(jumps, "return_1d {return_1d}: a split that no source names?")
    window = int(stored.settings().get("short_z_window", 20))
    first = market_calendar.sessions_before(stored.day, window)[0]
    if stored.metrics.height:
        findings += [
            Finding("all tickers", f"z windows reach across {since}, since when {what}")
            for since, what in SERIES_BREAKS
            if first < since <= stored.day
        ]
    return findings


def every_feed_was_read_without_failure(stored: StoredDay) -> list[Finding]:
    """Rule 16: the newest reading of every feed ended well, left no symbol out, and could tell copies of a trade."""
    bad = [IngestStatus.FAILED.value, IngestStatus.PARTIAL.value, IngestStatus.DEGRADED.value]
    newest = stored.readings.filter(pl.col("at") == pl.col("at").max().over("feed"))
    findings = []
    for row in newest.filter(pl.col("status").is_in(bad)).iter_rows(named=True):
        by_symbol = json.loads(row["failures"] or "{}")
        findings += [Finding(f"{row['feed']} {symbol}", problem) for symbol, problem in by_symbol.items()]
        if not by_symbol or row["status"] == IngestStatus.DEGRADED:
            findings.append(Finding(row["feed"], f"{row['status']}: {row['message']}"))
    held = stored.readings.join(stored.short_rows, on="content_hash", how="semi")
    for row in pl.concat([newest, held]).unique(["feed", "source"], maintain_order=True).iter_rows(named=True):
        left_out = json.loads(row["left_out"] or "[]")
        findings += [Finding(f"{row['feed']} {one['symbol']}", one["fault"]) for one in left_out]
    unidentified = newest.filter(pl.col("unidentified_rows") > 0)
    problem = "{unidentified_rows} prints have neither an id nor a sequence number: repeated ones could not be recognised"
    return findings + findings_of(unidentified, problem, who="feed")


def otc_weeks_have_one_issue_and_both_legs(stored: StoredDay) -> list[Finding]:
    """Rule 17: no ticker's week has several issue names, and none lacks its ATS or non-ATS leg."""
    used = stored.metrics.filter(pl.col("otc_week_used").is_not_null()).join(spellings_of(stored.metrics["symbol"]), on="symbol")
    weeks = stored.known_weeks.select("symbol", "week_start_date", "as_of", "other_issue_names")
    rows = used.join(
        weeks, left_on=["polygon_symbol", "otc_week_used", "as_of"], right_on=["symbol", "week_start_date", "as_of"], how="left"
    )
    one_leg = pl.col("otc_ats_volume").is_null() | pl.col("otc_non_ats_volume").is_null()
    return [
        *findings_of(rows.filter(pl.col("other_issue_names").is_not_null()), "other issues left out: {other_issue_names}"),
        *findings_of(rows.filter(one_leg), "one leg only: ATS {otc_ats_volume}, non-ATS {otc_non_ats_volume}"),
    ]


def otc_weeks_show_what_was_known_at_as_of(stored: StoredDay) -> list[Finding]:
    """Rule 19: no OTC week in use was restated after as_of with only its later vintage stored."""
    used = with_known_week(stored, stored.metrics.filter(pl.col("otc_week_used").is_not_null()))
    later = used.filter(pl.col("updated_date") > pl.col("as_of"))
    return findings_of(
        later, "week {otc_week_used} was restated on {updated_date}, after {as_of}: what was known then is not stored"
    )


def every_ticker_is_known_to_some_feed(stored: StoredDay) -> list[Finding]:
    """Rule 18: on a day that has data, no configured ticker is unknown to every feed."""
    known = pl.any_horizontal("has_short", "has_price", "has_otc") | stored_prints(stored)
    unknown = stored.metrics.filter(known.not_())
    has_data = stored.short_rows.height or stored.aggs.height or stored.trades.height
    return findings_of(unknown, "no feed has a row of it") if has_data else []


def _count_used_weeks(stored: StoredDay) -> int:
    return stored.metrics["otc_week_used"].count()


def _count_anchored(stored: StoredDay) -> int:
    return stored.metrics.filter(pl.col("data_quality") == DataQuality.OTC_ANCHORED.value).height


def _count_compared_families(stored: StoredDay) -> int:
    """Rows of facility files, where a file is there that they can be held against."""
    return stored.short_rows.filter(pl.col("source").is_in(_FACILITIES)).height


def stored_prints(stored: StoredDay) -> pl.Expr:
    """Whether a ticker has stored prints on the day."""
    printed = stored.lit.filter(pl.col("lit_total_volume").is_not_null())["symbol"].to_list()
    return pl.col("symbol").is_in(printed)


RECONCILIATION_RULES = (
    Rule(
        11,
        "short_volumes_are_ordered_and_ratios_within_one",
        "finra_short_daily_raw",
        Severity.WARN,
        short_volumes_are_ordered_and_ratios_within_one,
        "Read these rows with care.",
        lambda stored: stored.short_rows.height,
    ),
    Rule(
        12,
        "consolidated_short_file_equals_its_facilities",
        "finra_short_daily_raw",
        Severity.WARN,
        consolidated_short_file_equals_its_facilities,
        "Get the day's files again: one of them is an older or a partial copy.",
        _count_compared_families,
    ),
    Rule(
        13,
        "weekly_otc_volume_fits_the_daily_feeds",
        "daily_metrics",
        Severity.WARN,
        weekly_otc_volume_fits_the_daily_feeds,
        "Look for a split or a wrong week.",
        _count_anchored,
    ),
    Rule(
        14,
        "index_coverage_is_ample_and_its_list_is_recent",
        "index_constituent_short_agg_daily",
        Severity.WARN,
        index_coverage_is_ample_and_its_list_is_recent,
        "Renew the constituents list.",
        lambda stored: stored.index.height,
    ),
    Rule(
        15,
        "returns_have_no_unexplained_jump_or_break",
        "daily_metrics",
        Severity.WARN,
        returns_have_no_unexplained_jump_or_break,
        "Read z-scores of these days with care.",
        lambda stored: stored.metrics.height,
    ),
    Rule(
        16,
        "every_feed_was_read_without_failure",
        "daily_metrics",
        Severity.WARN,
        every_feed_was_read_without_failure,
        "Materialise the named raw asset of this day again.",
        lambda stored: stored.readings.height,
    ),
    Rule(
        17,
        "otc_weeks_have_one_issue_and_both_legs",
        "daily_metrics",
        Severity.WARN,
        otc_weeks_have_one_issue_and_both_legs,
        "Compare with FINRA's page of the symbol's week.",
        _count_used_weeks,
    ),
    Rule(
        18,
        "every_ticker_is_known_to_some_feed",
        "daily_metrics",
        Severity.WARN,
        every_ticker_is_known_to_some_feed,
        "Correct TICKERS, or wait for its first session.",
        lambda stored: stored.metrics.height,
    ),
    Rule(
        19,
        "otc_weeks_show_what_was_known_at_as_of",
        "daily_metrics",
        Severity.WARN,
        otc_weeks_show_what_was_known_at_as_of,
        "Read these weeks as known today, or store the earlier publication's file.",
        _count_used_weeks,
    ),
)
