"""Rules 11 to 19 on a day written by hand: do the feeds agree, and is anything missing that a reader should know?"""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.analytics.reconciliation_rules import (
    RECONCILIATION_RULES,
    consolidated_short_file_equals_its_facilities,
    every_feed_was_read_without_failure,
    every_ticker_is_known_to_some_feed,
    index_coverage_is_ample_and_its_list_is_recent,
    otc_weeks_have_one_issue_and_both_legs,
    otc_weeks_show_what_was_known_at_as_of,
    returns_have_no_unexplained_jump_or_break,
    short_volumes_are_ordered_and_ratios_within_one,
    weekly_otc_volume_fits_the_daily_feeds,
)
from darkpool_assets.analytics.stored_day import StoredDay
from darkpool_assets.vocabulary import RuleState
from darkpool_assets_tests.analytics.stored_days import (
    AS_OF,
    CNMS_FILE,
    DAY,
    FACILITIES,
    OTC_FEED,
    READ_AT,
    READINGS,
    SESSIONS,
    SHORT_FEED,
    SOUND,
    frame,
    named,
    otc_row,
    put,
    reading,
    short_row,
    with_inputs,
    with_lit,
    with_metrics,
    with_reading,
    with_readings,
)

A_DAY = dt.timedelta(days=1)
LATER, EARLIER = READ_AT + dt.timedelta(hours=1), READ_AT - dt.timedelta(hours=1)
SPLIT_SHARES = {"FNSQ": (40_000, 10_000, 100_000), "FNQC": (20_000, 5_000, 50_000), "FNYX": (20_000, 5_000, 50_000)}


def with_short(who: str, **values: Any) -> StoredDay:
    """The day with other values in a symbol's row of the short file."""
    return replace(SOUND, short_rows=put(SOUND.short_rows, who, **values))


def with_facilities(*families: str, cnms: bool = True, **of_fnsq: Any) -> StoredDay:
    """The day with facility files: SPY's in three of them, XLF's in the fourth; FNSQ's rows of SPY may say otherwise."""
    rows = [short_row("SPY", DAY, *shares, source=family) for family, shares in SPLIT_SHARES.items()]
    rows.append(short_row("XLF", DAY, 300, 0, 1_000, source="FNRA"))
    rows[0] |= of_fnsq
    added = frame("finra_short_daily_raw", [row for row in rows if row["source"] in families])
    entries = [reading(SHORT_FEED, f"{family}shvol20251210.txt") for family in families]
    kept = SOUND.short_rows if cnms else SOUND.short_rows.clear()
    besides = READINGS if cnms else [entry for entry in READINGS if entry["source"] != CNMS_FILE]
    return with_readings(*entries, besides=besides, stored=replace(SOUND, short_rows=pl.concat([kept, added])))


def test_rule_11_finds_nothing_in_a_sound_day():
    assert named(short_volumes_are_ordered_and_ratios_within_one, SOUND) == set()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"short_exempt_volume": 80_000}, set()),
        ({"short_exempt_volume": 80_000.5}, {"SPY"}),
        ({"short_volume": 200_000}, set()),
        ({"short_volume": 200_000.5}, {"SPY"}),
    ],
)
def test_rule_11_orders_exempt_short_and_total(values: dict[str, float], found: set[str]):
    assert named(short_volumes_are_ordered_and_ratios_within_one, with_short("SPY", **values)) == found


@pytest.mark.parametrize(("ratio", "found"), [(0.0, set()), (1.0, set()), (1.01, {"SPY"}), (-0.01, {"SPY"}), (2.5, {"SPY"})])
def test_rule_11_counts_ratios_outside_0_to_1(ratio: float, found: set[str]):
    assert named(short_volumes_are_ordered_and_ratios_within_one, with_metrics("SPY", short_ratio=ratio)) == found


def test_rule_12_takes_a_file_that_is_the_sum_of_its_facilities():
    assert named(consolidated_short_file_equals_its_facilities, with_facilities(*FACILITIES)) == set()


@pytest.mark.parametrize("values", [{"short_volume": 40_001}, {"short_exempt_volume": 9_999}, {"total_volume": 100_001}])
def test_rule_12_finds_a_file_that_is_not_the_sum_of_its_facilities(values: dict[str, Any]):
    assert named(consolidated_short_file_equals_its_facilities, with_facilities(*FACILITIES, **values)) == {"SPY"}


def test_rule_12_takes_sums_that_differ_by_rounding():
    assert named(consolidated_short_file_equals_its_facilities, with_facilities(*FACILITIES, total_volume=100_000.0009)) == set()


@pytest.mark.parametrize("source", ["CNMS", "FNRA"])
def test_rule_12_finds_a_symbol_on_one_side_only(source: str):
    stored = with_facilities(*FACILITIES)
    gone = (pl.col("symbol") == "XLF") & (pl.col("source") == source)
    stored = replace(stored, short_rows=stored.short_rows.filter(gone.not_()))
    assert named(consolidated_short_file_equals_its_facilities, stored) == {"XLF"}


def test_rule_12_compares_only_where_every_facility_is_stored():
    assert named(consolidated_short_file_equals_its_facilities, with_facilities("FNSQ", "FNQC", "FNYX")) == set()


def test_rule_12_finds_a_sum_that_lacks_a_facility():
    assert named(consolidated_short_file_equals_its_facilities, with_facilities("FNSQ", "FNQC", cnms=False)) == {"FNYX", "FNRA"}


def test_rule_12_takes_a_sum_of_every_facility():
    assert named(consolidated_short_file_equals_its_facilities, with_facilities(*FACILITIES, cnms=False)) == set()


def test_rule_12_asks_nothing_of_a_day_of_the_api_alone():
    stored = with_facilities(cnms=False)
    api = replace(stored, readings=frame("ingest_ledger", [reading(SHORT_FEED, "API"), reading(OTC_FEED, "FNSQ.json")]))
    assert named(consolidated_short_file_equals_its_facilities, api) == set()


# SPY's FINRA totals of the week sum to 1,000,000 shares, its consolidated volume to 2,500,000.
@pytest.mark.parametrize(("volume", "found"), [(980_000, set()), (979_999, {"SPY"}), (2_500_000, set()), (2_500_001, {"SPY"})])
def test_rule_13_holds_the_week_between_the_short_totals_and_the_consolidated_volume(volume: float, found: set[str]):
    assert named(weekly_otc_volume_fits_the_daily_feeds, with_metrics("SPY", otc_off_exchange_volume=volume)) == found


def test_rule_13_knows_symbols_in_each_feeds_spelling():
    assert named(weekly_otc_volume_fits_the_daily_feeds, with_metrics("BRK/B", otc_off_exchange_volume=100_001)) == {"BRK/B"}


def test_rule_13_asks_anchored_rows_alone():
    older = with_metrics("XLF", otc_off_exchange_volume=1)
    assert named(weekly_otc_volume_fits_the_daily_feeds, older) == set()


@pytest.mark.parametrize("volume", [1, 9_000_000], ids=["too little", "too much"])
def test_rule_13_asks_nothing_of_a_week_that_lacks_a_session(volume: float):
    is_there = pl.col("trade_date") != SESSIONS[0]
    partly = with_inputs(short_rows=SOUND.inputs.short_rows.filter(is_there), aggs=SOUND.inputs.aggs.filter(is_there))
    assert named(weekly_otc_volume_fits_the_daily_feeds, with_metrics("SPY", partly, otc_off_exchange_volume=volume)) == set()


@pytest.mark.parametrize("volume", [980_000, 2_500_000])
def test_rule_13_sums_the_sessions_of_the_days_own_week(volume: float):
    friday = dt.date(2025, 12, 5)
    before = frame("finra_short_daily_raw", [short_row("SPY", friday, 40_000, 0, 100_000)])
    bar = frame("polygon_daily_agg_raw", [{"symbol": "SPY", "trade_date": friday, "volume": 500_000, "data_source": "FILE"}])
    longer = with_inputs(
        short_rows=pl.concat([SOUND.inputs.short_rows, before]),
        short_sources=pl.concat([SOUND.inputs.short_sources, before.select("trade_date", "source")]),
        aggs=pl.concat([SOUND.inputs.aggs, bar]),
    )
    assert named(weekly_otc_volume_fits_the_daily_feeds, with_metrics("SPY", longer, otc_off_exchange_volume=volume)) == set()


@pytest.mark.parametrize(("values", "found"), [
    ({"coverage_pct": 90.0}, set()), ({"coverage_pct": 89.9}, {"SPX_SAMPLE"}), ({"coverage_pct": None}, {"SPX_SAMPLE"}),
    ({"constituents_list_date": DAY - 119 * A_DAY}, set()), ({"constituents_list_date": DAY - 120 * A_DAY}, {"SPX_SAMPLE"}),
])  # fmt: skip
def test_rule_14_wants_nine_members_of_ten_and_a_list_younger_than_120_days(values: dict[str, Any], found: set[str]):
    stored = replace(SOUND, index=put(SOUND.index, "SPX_SAMPLE", "index_symbol", **values))
    assert named(index_coverage_is_ample_and_its_list_is_recent, stored) == found


@pytest.mark.parametrize(("move", "found"), [(0.4, set()), (-0.4, set()), (0.41, {"BRK/B"}), (-0.41, {"BRK/B"})])
def test_rule_15_finds_a_return_beyond_two_fifths(move: float, found: set[str]):
    assert named(returns_have_no_unexplained_jump_or_break, with_metrics("BRK/B", return_1d=move)) == found


def test_rule_15_takes_a_jump_that_a_known_split_explains():
    split = replace(SOUND, aggs=put(SOUND.aggs, "BRK.B", split_factor=0.5))
    assert named(returns_have_no_unexplained_jump_or_break, with_metrics("BRK/B", split, return_1d=-0.5)) == set()


def of_window(days: int, stored: StoredDay = SOUND) -> StoredDay:
    """The day as one whose SHORT_Z_WINDOW is `days` sessions."""
    settings = json.dumps({"short_z_window": days})
    return replace(stored, derivations=put(stored.derivations, "daily_metrics", "asset", settings=settings))


SINCE_ROUND_LOTS = len(market_calendar.sessions_between(dt.date(2025, 11, 3), DAY)) - 1


@pytest.mark.parametrize(("more", "found"), [(0, set()), (1, {"all tickers"})], ids=["begins with it", "reaches across it"])
def test_rule_15_finds_a_window_that_reaches_across_the_round_lots_of_3_november(more: int, found: set[str]):
    assert named(returns_have_no_unexplained_jump_or_break, of_window(SINCE_ROUND_LOTS + more)) == found


@pytest.mark.parametrize(("day", "found"), [(dt.date(2025, 11, 3), {"all tickers"}), (dt.date(2025, 10, 31), set())])
def test_rule_15_finds_a_break_from_its_own_day_on(day: dt.date, found: set[str]):
    assert named(returns_have_no_unexplained_jump_or_break, replace(SOUND, day=day)) == found


@pytest.mark.parametrize(("day", "found"), [(dt.date(2025, 12, 1), {"all tickers"}), (dt.date(2025, 12, 2), set())])
def test_rule_15_takes_a_window_of_20_sessions_where_the_settings_name_none(day: dt.date, found: set[str]):
    # Of 1 December the twenty sessions before begin on 31 October, of 2 December on 3 November (Thanksgiving is none).
    stored = replace(SOUND, day=day, derivations=SOUND.derivations.clear())
    assert named(returns_have_no_unexplained_jump_or_break, stored) == found


def test_rule_15_asks_nothing_of_a_day_without_rows():
    assert named(returns_have_no_unexplained_jump_or_break, of_window(60, replace(SOUND, metrics=SOUND.metrics.clear()))) == set()


def test_rule_16_finds_nothing_in_a_sound_day():
    assert named(every_feed_was_read_without_failure, SOUND) == set()


BY_SYMBOL = json.dumps({"SPY": "out of reach", "XLF": "no page"})


@pytest.mark.parametrize(
    ("status", "failures", "found"),
    [
        ("FAILED", None, {OTC_FEED}),
        ("PARTIAL", None, {OTC_FEED}),
        ("DEGRADED", None, {OTC_FEED}),
        ("FAILED", BY_SYMBOL, {f"{OTC_FEED} SPY", f"{OTC_FEED} XLF"}),
        ("PARTIAL", BY_SYMBOL, {f"{OTC_FEED} SPY", f"{OTC_FEED} XLF"}),
        ("DEGRADED", BY_SYMBOL, {OTC_FEED, f"{OTC_FEED} SPY", f"{OTC_FEED} XLF"}),
        ("NOT_PUBLISHED", None, set()),
        ("UNCHANGED", None, set()),
    ],
)
def test_rule_16_finds_a_failed_reading_and_its_symbols(status: str, failures: str | None, found: set[str]):
    stored = with_reading("week.json", status=status, failures=failures, message="what happened")
    assert named(every_feed_was_read_without_failure, stored) == found


def test_rule_16_asks_the_newest_reading_of_each_feed():
    older = reading(OTC_FEED, "API", status="FAILED", at=EARLIER, message="out of reach")
    assert named(every_feed_was_read_without_failure, with_readings(older)) == set()


def test_rule_16_finds_a_failure_after_a_good_reading():
    newer = reading(OTC_FEED, "API", status="FAILED", at=LATER, message="out of reach")
    assert named(every_feed_was_read_without_failure, with_readings(newer)) == {OTC_FEED}


LEFT_OUT = json.dumps([{"symbol": "THIN", "fault": "line 9"}, {"symbol": "THICK", "fault": "line 12"}])


def test_rule_16_finds_the_symbols_that_a_reading_left_out():
    stored = with_reading("week.json", left_out=LEFT_OUT)
    assert named(every_feed_was_read_without_failure, stored) == {f"{OTC_FEED} THIN", f"{OTC_FEED} THICK"}


def test_rule_16_finds_what_a_short_file_in_use_left_out_whatever_was_read_since():
    later = reading(SHORT_FEED, "FNSQ.txt", status="NOT_PUBLISHED", at=LATER)
    stored = with_reading(CNMS_FILE, with_readings(later), left_out=LEFT_OUT)
    assert named(every_feed_was_read_without_failure, stored) == {f"{SHORT_FEED} THIN", f"{SHORT_FEED} THICK"}


def test_rule_16_forgets_what_a_replaced_reading_left_out():
    older = reading(OTC_FEED, "API", at=EARLIER, left_out=LEFT_OUT)
    assert named(every_feed_was_read_without_failure, with_readings(older)) == set()


@pytest.mark.parametrize(("prints", "found"), [(0, set()), (1, {OTC_FEED})])
def test_rule_16_finds_prints_that_nothing_identifies(prints: int, found: set[str]):
    assert named(every_feed_was_read_without_failure, with_reading("week.json", unidentified_rows=prints)) == found


def test_rule_17_finds_nothing_in_a_sound_day():
    assert named(otc_weeks_have_one_issue_and_both_legs, SOUND) == set()


def test_rule_17_finds_a_week_of_several_issues():
    other = frame("finra_otc_weekly_raw", [otc_row("BRK.B", 10, "ATS_W_SMBL") | {"issue_name": "BERKSHIRE CLASS B"}])
    stored = with_inputs(otc_rows=pl.concat([SOUND.inputs.otc_rows, other]))
    assert named(otc_weeks_have_one_issue_and_both_legs, stored) == {"BRK/B"}


@pytest.mark.parametrize("leg", ["otc_ats_volume", "otc_non_ats_volume"])
def test_rule_17_finds_a_week_of_one_leg(leg: str):
    absent: dict[str, Any] = {leg: None}
    assert named(otc_weeks_have_one_issue_and_both_legs, with_metrics("XLF", **absent)) == {"XLF"}


@pytest.mark.parametrize("known", [{"has_price": True}, {"has_short": True}, {"has_otc": True}])
def test_rule_18_takes_a_ticker_that_one_feed_knows(known: dict[str, Any]):
    stored = with_metrics("NEW", with_metrics("NEW", has_price=False), **known)
    assert named(every_ticker_is_known_to_some_feed, stored) == set()


def test_rule_18_finds_a_ticker_that_no_feed_knows():
    assert named(every_ticker_is_known_to_some_feed, with_metrics("NEW", has_price=False)) == {"NEW"}


def test_rule_18_takes_a_ticker_that_has_prints_alone():
    stored = with_lit("NEW", with_metrics("NEW", has_price=False), lit_total_volume=0)
    assert named(every_ticker_is_known_to_some_feed, stored) == set()


@pytest.mark.parametrize("kept", [None, "short_rows", "aggs", "trades"])
def test_rule_18_asks_nothing_of_a_day_without_data(kept: str | None):
    emptied = {name: getattr(SOUND, name).clear() for name in ("short_rows", "aggs", "trades") if name != kept}
    stored = with_metrics("NEW", replace(SOUND, **emptied), has_price=False)
    assert named(every_ticker_is_known_to_some_feed, stored) == (set() if kept is None else {"NEW"})


@pytest.mark.parametrize(("updated", "found"), [(AS_OF, set()), (AS_OF + A_DAY, {"BRK/B"})])
def test_rule_19_finds_a_week_of_which_only_a_later_restatement_is_stored(updated: dt.date, found: set[str]):
    stored = with_inputs(otc_rows=put(SOUND.inputs.otc_rows, "BRK.B", last_update_date=updated))
    assert named(otc_weeks_show_what_was_known_at_as_of, stored) == found


UNANCHORED = SOUND.metrics.with_columns(data_quality=pl.lit("PRE_OTC"), otc_week_used=pl.lit(None, pl.Date))


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        (12, SOUND),
        (13, replace(SOUND, metrics=UNANCHORED)),
        (17, replace(SOUND, metrics=UNANCHORED)),
        (19, replace(SOUND, metrics=UNANCHORED)),
    ],
)
def test_a_rule_without_a_row_of_its_kind_has_nothing_to_judge(number: int, stored: StoredDay):
    rule = next(rule for rule in RECONCILIATION_RULES if rule.number == number)
    assert rule.judge(stored).state is RuleState.NOTHING_TO_JUDGE


@pytest.mark.parametrize(("number", "stored"), [(12, with_facilities(*FACILITIES)), (13, SOUND), (17, SOUND), (19, SOUND)])
def test_a_rule_with_a_row_of_its_kind_holds(number: int, stored: StoredDay):
    rule = next(rule for rule in RECONCILIATION_RULES if rule.number == number)
    assert rule.judge(stored).state is RuleState.HOLDS
