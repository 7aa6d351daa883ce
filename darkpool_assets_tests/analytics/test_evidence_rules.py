"""Rules 5, 6, 7 and 9 on a day written by hand: what direction and short pressure rest on, and whether files were whole."""

import datetime as dt
import json
import math
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from darkpool_assets.analytics.evidence_rules import (
    finra_files_are_whole_and_of_their_day,
    log_buy_sell_is_present_exactly_when_both_sides_traded,
    only_eligible_lit_prints_are_counted_as_lit,
    short_ratio_denominators_are_typed_and_carry_their_value,
)
from darkpool_assets.analytics.stored_day import StoredDay
from darkpool_assets_tests.analytics.stored_days import (
    CNMS_FILE,
    DAY,
    ONE_AND_A_HALF,
    OTC_FEED,
    READ_AT,
    READINGS,
    SHORT_FEED,
    SOUND,
    TRADES_FEED,
    WINDOW,
    frame,
    named,
    put,
    reading,
    short_row,
    with_lit,
    with_metrics,
    with_reading,
    with_readings,
)

LATER, EARLIER = READ_AT + dt.timedelta(hours=1), READ_AT - dt.timedelta(hours=1)
NO_PRINTS = replace(SOUND, trades=SOUND.trades.clear())
TRADES_FILE = "2025-12-10.csv.gz"
COUNTS = {
    "SPY": {"lit": 110_000.0, "off_exchange": 5_000.0, "excluded": 3_000.0, "lit_trades": 3},
    "BRK.B": {"lit": 6_000.0, "off_exchange": 0.0, "excluded": 0.0, "lit_trades": 3},
}
PRUNED = reading(TRADES_FEED, "retention", status="PRUNED", at=LATER, pruned_prints=json.dumps(COUNTS))
ONE_SIDED: list[dict[str, Any]] = [
    {"lit_buy_volume": 100_000, "lit_sell_volume": 0, "lit_buy_ratio": 1.0, "log_buy_sell": None},
    {"lit_buy_volume": 0, "lit_sell_volume": 100_000, "lit_buy_ratio": 0.0, "log_buy_sell": None},
]


def both(who: str, stored: StoredDay = SOUND, **values: Any) -> StoredDay:
    """The day with other values in a ticker's rows of lit_direction_daily and of daily_metrics."""
    flag = {"has_lit": values["log_buy_sell"] is not None} if "log_buy_sell" in values else {}
    return with_metrics(who, with_lit(who, stored, **values), **values, **flag)


def without_minimum(stored: StoredDay) -> StoredDay:
    """The day as one whose settings name no MIN_LIT_VOLUME."""
    return replace(stored, derivations=stored.derivations.with_columns(settings=pl.lit("{}")))


def test_rule_5_finds_nothing_in_a_sound_day():
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, SOUND) == set()


@pytest.mark.parametrize("row", [with_lit, with_metrics, both])
@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("SPY", {"log_buy_sell": None}),
        ("SPY", {"log_buy_sell": ONE_AND_A_HALF + 2e-9}),
        ("SPY", {"log_buy_sell": ONE_AND_A_HALF - 2e-9}),
        ("SPY", {"log_buy_sell": -ONE_AND_A_HALF}),
        ("NEW", {"log_buy_sell": 0.0}),
        ("SPY", {"lit_buy_ratio": 0.6 + 2e-9}),
        ("SPY", {"lit_buy_ratio": 0.4}),
    ],
)
def test_rule_5_finds_a_direction_that_is_not_its_volumes(row: Any, who: str, values: dict[str, Any]):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, row(who, **values)) == {who}


@pytest.mark.parametrize("row", [with_lit, with_metrics, both])
def test_rule_5_takes_a_direction_that_is_off_by_rounding(row: Any):
    close = row("SPY", log_buy_sell=ONE_AND_A_HALF + 5e-10, lit_buy_ratio=0.6 + 1e-10)
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, close) == set()


@pytest.mark.parametrize("one_sided", ONE_SIDED, ids=["bought only", "sold only"])
def test_rule_5_takes_a_ratio_without_a_logarithm_where_one_side_traded(one_sided: dict[str, Any]):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, both("SPY", **one_sided)) == set()


@pytest.mark.parametrize("one_sided", ONE_SIDED, ids=["bought only", "sold only"])
@pytest.mark.parametrize("row", [with_lit, with_metrics])
def test_rule_5_finds_a_logarithm_where_one_side_traded(row: Any, one_sided: dict[str, Any]):
    flagged = row("SPY", both("SPY", **one_sided), log_buy_sell=0.0)
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, flagged) == {"SPY"}


@pytest.mark.parametrize("row", [with_lit, with_metrics, both])
def test_rule_5_finds_a_ratio_on_less_than_min_lit_volume(row: Any):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, row("BRK/B", lit_buy_ratio=0.6)) == {"BRK/B"}


@pytest.mark.parametrize("row", [with_lit, with_metrics, both])
def test_rule_5_finds_an_absent_ratio_on_exactly_min_lit_volume(row: Any):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, row("XLF", lit_buy_ratio=None)) == {"XLF"}


def test_rule_5_wants_every_ratio_where_no_minimum_is_set():
    stored = without_minimum(both("BRK/B", lit_buy_ratio=0.6))
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, stored) == set()


def test_rule_5_wants_no_ratio_of_nothing_even_without_a_minimum():
    nothing = {"lit_buy_volume": 0, "lit_sell_volume": 0, "lit_buy_ratio": None, "log_buy_sell": None}
    stored = without_minimum(both("BRK/B", **nothing))
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, stored) == set()


@pytest.mark.parametrize(("who", "flag"), [("SPY", False), ("NEW", True)])
def test_rule_5_finds_a_flag_that_is_not_the_logarithms(who: str, flag: bool):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, with_metrics(who, has_lit=flag)) == {who}


@pytest.mark.parametrize(
    "values",
    [
        # Ratio and logarithm are the volumes' own; only daily_metrics says another day.
        {"lit_buy_volume": 120_000, "lit_sell_volume": 80_000},
        {"lit_buy_volume": 80_000, "lit_buy_ratio": 2 / 3, "log_buy_sell": math.log(2)},
        {"lit_sell_volume": 30_000, "lit_buy_ratio": 2 / 3, "log_buy_sell": math.log(2)},
        {"classification_method": "TICK"},
    ],
)
def test_rule_5_finds_metrics_that_are_not_the_directions(values: dict[str, Any]):
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, with_lit("SPY", **values)) == {"SPY"}


def test_rule_5_finds_metrics_without_a_row_of_direction():
    stored = replace(SOUND, lit=SOUND.lit.filter(pl.col("symbol") != "NEW"))
    assert named(log_buy_sell_is_present_exactly_when_both_sides_traded, stored) == {"NEW"}


def test_rule_6_finds_nothing_in_a_sound_day():
    assert named(short_ratio_denominators_are_typed_and_carry_their_value, SOUND) == set()


@pytest.mark.parametrize(
    ("who", "values"),
    [
        ("SPY", {"has_short": False}),
        ("BRK/B", {"has_short": True}),
        ("SPY", {"has_price": False}),
        ("SPY", {"close": None}),
        ("SPY", {"short_ratio_denominator_value": None}),
        ("SPY", {"short_ratio_denominator_value": 200_001, "short_ratio": 100_000 / 200_001}),
        ("SPY", {"short_ratio_denominator_type": "POLYGON_TOTAL"}),
        ("SPY", {"short_ratio_denominator_type": "MIXED"}),
        ("SPY", {"short_ratio_denominator_type": None}),
        ("SPY", {"short_ratio_denominator_type": None, "short_ratio_denominator_value": None}),
        ("SPY", {"short_ratio": 0.5 + 1e-8}),
        ("SPY", {"short_ratio_numerator_type": "SHORT"}),
        ("SPY", {"short_ratio_numerator_type": None, "short_ratio": 0.4}),
        ("BRK/B", {"short_ratio_denominator_value": 5}),
    ],
)
def test_rule_6_finds_a_short_ratio_without_its_denominator(who: str, values: dict[str, Any]):
    assert named(short_ratio_denominators_are_typed_and_carry_their_value, with_metrics(who, **values)) == {who}


@pytest.mark.parametrize(
    "values",
    [
        {"short_ratio_denominator_type": "POLYGON_TOTAL", "short_ratio_denominator_value": 500_000, "short_ratio": 0.2},
        {"short_ratio_numerator_type": "SHORT", "short_ratio": 0.4},
        {"short_ratio": 0.5 + 1e-10},
    ],
    ids=["Polygon's volume", "short alone", "rounding"],
)
def test_rule_6_takes_either_denominator_and_either_numerator(values: dict[str, Any]):
    assert named(short_ratio_denominators_are_typed_and_carry_their_value, with_metrics("SPY", **values)) == set()


def test_rule_7_finds_nothing_in_a_sound_day():
    assert named(only_eligible_lit_prints_are_counted_as_lit, SOUND) == set()


WRONG_COUNTS: list[dict[str, Any]] = [
    {"lit_total_volume": 113_000, "lit_unclassified_volume": 13_000},
    {"off_exchange_print_volume": 0},
    {"excluded_volume": 0},
    {"trade_count": 4},
    {"trade_count": None},
]


@pytest.mark.parametrize("values", WRONG_COUNTS)
def test_rule_7_finds_a_count_that_is_not_the_prints(values: dict[str, Any]):
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_lit("SPY", **values)) == {"SPY"}


def test_rule_7_finds_sides_that_do_not_sum_to_the_lit_volume():
    unsummed = with_lit("SPY", lit_unclassified_volume=9_000)
    assert named(only_eligible_lit_prints_are_counted_as_lit, unsummed) == {"SPY"}


def test_rule_7_excepts_bars():
    bars = with_lit("XLF", lit_total_volume=20_000, trade_count=390)
    assert named(only_eligible_lit_prints_are_counted_as_lit, bars) == set()


def test_rule_7_finds_counts_of_prints_that_are_not_stored():
    stored = replace(SOUND, trades=SOUND.trades.filter(pl.col("symbol") != "BRK.B"))
    assert named(only_eligible_lit_prints_are_counted_as_lit, stored) == {"BRK/B"}


A_MOMENT = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("instant", "found"),
    [(WINDOW[0], set()), (WINDOW[0] - A_MOMENT, {"SPY"}), (WINDOW[1], set()), (WINDOW[1] + A_MOMENT, {"SPY"})],
    ids=["first", "before", "last", "after"],
)
def test_rule_7_finds_a_stored_print_outside_the_session_window(instant: dt.datetime, found: set[str]):
    stored = replace(SOUND, trades=put(SOUND.trades, "SPY", timestamp=instant.replace(tzinfo=None)))
    assert named(only_eligible_lit_prints_are_counted_as_lit, stored) == found


def test_rule_7_reads_the_windows_instants_in_any_time_zone():
    new_york = dt.timezone(dt.timedelta(hours=-5))
    stored = replace(SOUND, window=(WINDOW[0].astimezone(new_york), WINDOW[1].astimezone(new_york)))
    assert named(only_eligible_lit_prints_are_counted_as_lit, stored) == set()


def test_rule_7_takes_what_pruning_kept_for_the_prints():
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_readings(PRUNED, stored=NO_PRINTS)) == set()


@pytest.mark.parametrize("values", WRONG_COUNTS)
def test_rule_7_finds_a_count_that_is_not_what_pruning_kept(values: dict[str, Any]):
    pruned = with_lit("SPY", with_readings(PRUNED, stored=NO_PRINTS), **values)
    assert named(only_eligible_lit_prints_are_counted_as_lit, pruned) == {"SPY"}


@pytest.mark.parametrize("status", ["STORED", "UNCHANGED", "PARTIAL"])
def test_rule_7_lets_a_later_reading_replace_what_pruning_kept(status: str):
    again = reading(TRADES_FEED, "again", status=status, at=LATER + dt.timedelta(hours=1), lit_volume=116_000)
    read = with_lit("SPY", with_readings(again, PRUNED, stored=NO_PRINTS), off_exchange_print_volume=0)
    assert named(only_eligible_lit_prints_are_counted_as_lit, read) == set()


def test_rule_7_holds_by_what_pruning_kept_after_a_reading_that_failed():
    failed = reading(TRADES_FEED, "again", status="FAILED", at=LATER + dt.timedelta(hours=1))
    pruned = with_lit("SPY", with_readings(failed, PRUNED, stored=NO_PRINTS), off_exchange_print_volume=0)
    assert named(only_eligible_lit_prints_are_counted_as_lit, pruned) == {"SPY"}


def test_rule_7_asks_the_pruning_of_trades_alone():
    other = PRUNED | {"feed": "polygon_daily_agg_raw", "pruned_prints": "{}"}
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_readings(other, stored=NO_PRINTS)) == set()


def test_rule_7_takes_the_newest_pruning():
    first = PRUNED | {"source": "before", "at": EARLIER, "pruned_prints": "{}"}
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_readings(PRUNED, first, stored=NO_PRINTS)) == set()


def test_rule_7_takes_a_pruned_day_whose_reading_left_no_entry():
    others = [entry for entry in READINGS if entry["feed"] != TRADES_FEED]
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_readings(PRUNED, besides=others, stored=NO_PRINTS)) == set()


# Without prints, and without what pruning kept: 110,000 of SPY and 6,000 of BRK/B against the 116,000 of the reading.
@pytest.mark.parametrize(
    ("lit_volume", "found"),
    [(116_000, set()), (116_000.1, set()), (115_999.9, set()), (116_001, {"all tickers"}), (115_999, {"all tickers"})],
)
def test_rule_7_holds_lit_volumes_against_their_reading_where_prints_are_gone(lit_volume: float, found: set[str]):
    stored = with_reading(TRADES_FILE, NO_PRINTS, lit_volume=lit_volume)
    assert named(only_eligible_lit_prints_are_counted_as_lit, stored) == found


def test_rule_7_takes_the_newest_reading_that_kept_a_volume():
    entries = (
        reading(TRADES_FEED, "failed", status="FAILED", at=LATER),
        reading(TRADES_FEED, "older", at=EARLIER, lit_volume=1),
        reading("polygon_daily_agg_raw", "bars", at=LATER, lit_volume=2),
    )
    for besides in ([*entries, *READINGS], [*READINGS, *entries]):
        assert named(only_eligible_lit_prints_are_counted_as_lit, with_readings(besides=besides, stored=NO_PRINTS)) == set()


def test_rule_7_finds_every_row_where_neither_prints_nor_their_volume_are_known():
    stored = with_reading(TRADES_FILE, NO_PRINTS, lit_volume=None)
    assert named(only_eligible_lit_prints_are_counted_as_lit, stored) == {"SPY", "BRK/B"}


def test_rule_7_asks_nothing_of_a_day_without_prints_of_any_ticker():
    quiet = replace(NO_PRINTS, lit=SOUND.lit.filter(pl.col("classification_method").is_in(["BVC", "NONE"])))
    assert named(only_eligible_lit_prints_are_counted_as_lit, with_reading(TRADES_FILE, quiet, lit_volume=None)) == set()


def test_rule_9_finds_nothing_in_a_sound_day():
    assert named(finra_files_are_whole_and_of_their_day, SOUND) == set()


@pytest.mark.parametrize("source", [CNMS_FILE, "week.json"])
@pytest.mark.parametrize("status", ["STORED", "UNCHANGED", "PARTIAL"])
def test_rule_9_finds_a_file_whose_rows_are_not_its_trailers(source: str, status: str):
    stored = with_reading(source, status=status, expected_rows=3)
    assert named(finra_files_are_whole_and_of_their_day, stored) == {source}


@pytest.mark.parametrize(
    "entry",
    [
        reading(SHORT_FEED, "FNSQ.txt", status="FAILED", expected_rows=3),
        reading(SHORT_FEED, "FNSQ.txt", status="NOT_PUBLISHED", physical_rows=None, expected_rows=None),
        reading("polygon_daily_agg_raw", "other.csv", expected_rows=3),
        reading(OTC_FEED, "API", expected_rows=None),
    ],
    ids=["failed", "not published", "another feed", "nothing announced"],
)
def test_rule_9_asks_only_finras_stored_files_that_announce_their_rows(entry: dict[str, Any]):
    assert named(finra_files_are_whole_and_of_their_day, with_readings(entry)) == set()


@pytest.mark.parametrize("stored_rows", [1, 3])
def test_rule_9_finds_fewer_or_more_rows_stored_than_read(stored_rows: int):
    assert named(finra_files_are_whole_and_of_their_day, with_reading(CNMS_FILE, stored_rows=stored_rows)) == {CNMS_FILE}


def test_rule_9_finds_a_file_of_which_nothing_is_stored():
    absent = reading(SHORT_FEED, "FNSQshvol20251210.txt", content_hash="gone")
    assert named(finra_files_are_whole_and_of_their_day, with_readings(absent)) == {"FNSQshvol20251210.txt"}


@pytest.mark.parametrize("is_last", [False, True])
def test_rule_9_asks_the_newest_reading_of_each_file(is_last: bool):
    older = reading(SHORT_FEED, "CNMS of yesterday", content_hash="replaced", at=EARLIER)
    besides = [*READINGS, older] if is_last else [older, *READINGS]
    assert named(finra_files_are_whole_and_of_their_day, with_readings(besides=besides)) == set()


def test_rule_9_finds_rows_whose_file_has_no_entry():
    stray = frame("finra_short_daily_raw", [short_row("SPY", DAY, 1, 0, 2, source="FNSQ")])
    stored = replace(SOUND, short_rows=pl.concat([SOUND.short_rows, stray]))
    assert named(finra_files_are_whole_and_of_their_day, stored) == {"FNSQshvol20251210.txt"}
