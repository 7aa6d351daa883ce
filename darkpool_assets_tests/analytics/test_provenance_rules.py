"""Rules 1 to 4 on a day written by hand: what a row may say about FINRA's OTC volume."""

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from darkpool_assets.analytics.provenance_rules import (
    allocations_equal_weekly_volume_times_share,
    data_quality_follows_the_published_week,
    no_otc_week_is_used_before_its_published_date,
    rows_without_otc_coverage_carry_no_otc_number,
)
from darkpool_assets.analytics.stored_day import StoredDay
from darkpool_assets_tests.analytics.stored_days import (
    AS_OF,
    PUBLISHED,
    SOUND,
    WEEK,
    frame,
    named,
    otc_row,
    put,
    with_inputs,
    with_metrics,
)

A_DAY = dt.timedelta(days=1)
A_WEEK = dt.timedelta(days=7)
ALLOCATED: list[dict[str, Any]] = [
    {"otc_alloc_volume": 1}, {"otc_alloc_basis": "EQUAL"}, {"otc_buy_volume": 1}, {"otc_sell_volume": 1},
    {"otc_participation_rate": 0.1},
]  # fmt: skip
OTC_NUMBERS: list[dict[str, Any]] = [
    {"otc_off_exchange_volume": 1}, {"otc_ats_volume": 1}, {"otc_non_ats_volume": 1}, {"otc_trade_count": 1},
    {"otc_week_used": WEEK}, {"otc_published_date": PUBLISHED}, *ALLOCATED,
]  # fmt: skip


def with_otc(stored: StoredDay, *rows: dict[str, Any]) -> StoredDay:
    """The day with more rows of the weekly summary."""
    return with_inputs(stored, otc_rows=pl.concat([stored.inputs.otc_rows, frame("finra_otc_weekly_raw", [*rows])]))


@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("SPY", {"data_quality": "PRE_OTC", "otc_status": "OVERDUE"}),
        ("SPY", {"data_quality": "OTC", "otc_status": "OVERDUE"}),
        ("NEW", {"data_quality": "OTC"}),
        ("SPY", {"data_quality": None}),
        ("XLF", {"data_quality": "OTC_ANCHORED", "otc_status": "ANCHORED"}),
        ("NEW", {"data_quality": "OTC_ANCHORED", "otc_status": "ANCHORED"}),
        ("SPY", {"otc_published_date": None}),
        ("SPY", {"otc_published_date": AS_OF + A_DAY}),
        ("SPY", {"otc_week_used": WEEK - A_WEEK}),
        ("SPY", {"otc_week_used": WEEK + A_WEEK}),
        ("SPY", {"otc_status": "OVERDUE"}),
        ("XLF", {"otc_status": "ANCHORED"}),
    ],
)
def test_rule_1_finds_a_quality_that_is_not_the_weeks(who: str, values: dict[str, Any]):
    assert named(data_quality_follows_the_published_week, with_metrics(who, **values)) == {who}


def test_rule_1_finds_nothing_in_a_sound_day():
    assert named(data_quality_follows_the_published_week, SOUND) == set()


def test_rule_1_takes_a_week_that_was_published_on_as_of():
    assert named(data_quality_follows_the_published_week, with_metrics("SPY", otc_published_date=AS_OF)) == set()


@pytest.mark.parametrize("number", OTC_NUMBERS, ids=lambda number: next(iter(number)))
def test_rule_2_finds_any_otc_number_without_coverage(number: dict[str, Any]):
    assert named(rows_without_otc_coverage_carry_no_otc_number, with_metrics("NEW", **number)) == {"NEW"}


def test_rule_2_finds_a_row_without_coverage_that_is_not_pre_otc():
    anchored = with_metrics("NEW", data_quality="OTC_ANCHORED")
    assert named(rows_without_otc_coverage_carry_no_otc_number, anchored) == {"NEW"}


def test_rule_2_finds_coverage_without_a_week():
    assert named(rows_without_otc_coverage_carry_no_otc_number, with_metrics("SPY", otc_week_used=None)) == {"SPY"}


def test_rule_2_finds_nothing_in_a_sound_day():
    assert named(rows_without_otc_coverage_carry_no_otc_number, SOUND) == set()


@pytest.mark.parametrize("number", ALLOCATED, ids=lambda number: next(iter(number)))
def test_rule_3_finds_any_allocation_of_a_pre_otc_row(number: dict[str, Any]):
    assert named(allocations_equal_weekly_volume_times_share, with_metrics("XLF", **number)) == {"XLF"}


@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("SPY", {"otc_off_exchange_volume": 1_000_002}),
        ("SPY", {"otc_ats_volume": 600_001}),
        ("SPY", {"otc_ats_volume": None}),
        ("SPY", {"otc_non_ats_volume": 400_001}),
        ("SPY", {"otc_alloc_volume": 200_001, "otc_buy_volume": 120_000.6, "otc_sell_volume": 80_000.4}),
        ("SPY", {"otc_alloc_volume": None, "otc_buy_volume": None, "otc_sell_volume": None}),
        ("SPY", {"otc_alloc_basis": "EQUAL"}),
        ("BRK/B", {"otc_alloc_basis": "FINRA_DAILY"}),
        ("SPY", {"otc_buy_volume": 120_001, "otc_sell_volume": 79_999}),
        ("SPY", {"otc_sell_volume": 80_001}),
        ("SPY", {"otc_participation_rate": 0.400001}),
        ("BRK/B", {"otc_participation_rate": None}),
        ("BRK/B", {"otc_buy_volume": 12_000, "otc_sell_volume": 8_000}),
        ("SPY", {"classification_method": "BVC"}),
    ],
)
def test_rule_3_finds_a_number_that_the_stored_weeks_do_not_give(who: str, values: dict[str, Any]):
    assert named(allocations_equal_weekly_volume_times_share, with_metrics(who, **values)) == {who}


def test_rule_3_finds_nothing_in_a_sound_day():
    assert named(allocations_equal_weekly_volume_times_share, SOUND) == set()


def test_rule_3_takes_an_allocation_that_is_off_by_less_than_a_millionth():
    close = with_metrics("SPY", otc_alloc_volume=200_000.1, otc_buy_volume=120_000.06, otc_sell_volume=80_000.04)
    assert named(allocations_equal_weekly_volume_times_share, close) == set()


def test_rule_3_wants_no_sides_under_bvc():
    undirected = with_metrics("SPY", classification_method="BVC", otc_buy_volume=None, otc_sell_volume=None)
    assert named(allocations_equal_weekly_volume_times_share, undirected) == set()


def test_rule_3_spreads_a_week_without_daily_volumes_equally():
    aggs = SOUND.inputs.aggs.filter(pl.col("symbol") != "BRK.B")
    equal = with_metrics("BRK/B", otc_alloc_basis="EQUAL", otc_alloc_volume=10_000, otc_participation_rate=None)
    assert named(allocations_equal_weekly_volume_times_share, with_inputs(equal, aggs=aggs)) == set()


def test_rule_3_measures_no_participation_against_a_week_of_no_volume():
    aggs = put(SOUND.inputs.aggs, "BRK.B", volume=0.0)
    equal = with_metrics("BRK/B", otc_alloc_basis="EQUAL", otc_alloc_volume=10_000, otc_participation_rate=None)
    assert named(allocations_equal_weekly_volume_times_share, with_inputs(equal, aggs=aggs)) == set()


def test_rule_3_finds_a_stored_week_that_is_another_one_now():
    doubled = SOUND.inputs.otc_rows.with_columns(pl.col("off_exchange_volume") * 2)
    assert named(allocations_equal_weekly_volume_times_share, with_inputs(otc_rows=doubled)) == {"SPY", "BRK/B"}


@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("SPY", {"otc_published_date": None}),
        ("SPY", {"otc_published_date": PUBLISHED + A_DAY}),
        ("SPY", {"otc_published_date": PUBLISHED - A_DAY}),
        ("SPY", {"otc_published_date": AS_OF + A_DAY}),
        ("SPY", {"as_of": PUBLISHED - A_DAY}),
        ("SPY", {"otc_week_used": WEEK - A_WEEK}),
    ],
)
def test_rule_4_finds_a_week_before_its_published_date(who: str, values: dict[str, Any]):
    assert named(no_otc_week_is_used_before_its_published_date, with_metrics(who, **values)) == {who}


def test_rule_4_finds_nothing_in_a_sound_day():
    assert named(no_otc_week_is_used_before_its_published_date, SOUND) == set()


def test_rule_4_takes_a_week_on_the_day_that_it_was_published():
    assert named(no_otc_week_is_used_before_its_published_date, with_metrics("SPY", as_of=PUBLISHED)) == set()


def test_rule_4_finds_a_week_that_is_not_stored():
    gone = with_inputs(otc_rows=SOUND.inputs.otc_rows.filter(pl.col("symbol") != "BRK.B"))
    assert named(no_otc_week_is_used_before_its_published_date, gone) == {"BRK/B"}


@pytest.mark.parametrize(("weeks", "found"), [(-9, {"XLF"}), (-8, set()), (0, set()), (1, {"XLF"})])
def test_rule_4_finds_a_week_older_than_eight_weeks_or_after_the_day(weeks: int, found: set[str]):
    week = WEEK + weeks * A_WEEK
    stored = with_otc(SOUND, otc_row("XLF", 1, "ATS_W_SMBL", week, PUBLISHED))
    used = with_metrics("XLF", stored, otc_week_used=week, otc_published_date=PUBLISHED)
    assert named(no_otc_week_is_used_before_its_published_date, used) == found


def test_each_row_is_held_against_the_week_as_known_at_its_own_as_of():
    # The restatement of 4 January doubles SPY's week; a row of the day before still rests on the first publication.
    later = put(SOUND.inputs.otc_rows, "SPY", last_update_date=AS_OF - A_DAY, content_hash="restated")
    later = later.filter(pl.col("symbol") == "SPY").with_columns(pl.col("off_exchange_volume") * 2)
    restated = with_inputs(otc_rows=pl.concat([SOUND.inputs.otc_rows, later]))
    both = replace(restated, metrics=put(restated.metrics, "SPY", as_of=AS_OF - 2 * A_DAY))
    assert named(allocations_equal_weekly_volume_times_share, restated) == {"SPY"}
    assert named(allocations_equal_weekly_volume_times_share, both) == set()
