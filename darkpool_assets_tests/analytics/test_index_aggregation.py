"""Membership, sums, z-scores and returns of an index, against hand-worked answers."""

import datetime as dt
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.index_aggregation import IndexInputs, build_index_aggregation, members_on
from darkpool_assets.analytics.pressure_context import PressureRules
from darkpool_assets.tables import FINRA_SHORT_DAILY_RAW, INDEX_CONSTITUENT_SHORT_AGG_DAILY, POLYGON_DAILY_AGG_RAW

ANSWERS = Path(__file__).parents[1] / "answers"
SESSIONS = [dt.date(2023, 12, 29), *(dt.date(2024, 1, number) for number in (2, 3, 4, 5))]
DAY = SESSIONS[-1]
LIST_DATE = dt.date(2023, 12, 1)
MEMBERSHIP = {
    "index_symbol": pl.String,
    "symbol": pl.String,
    "weight": pl.Float64,
    "start_date": pl.Date,
    "end_date": pl.Date,
    "list_date": pl.Date,
}
ALL_KNOWN = ("AAA", "BRK.B", "JOINER")
member_volumes = st.tuples(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(0, 10**6), st.integers(0, 10**7))


def listed(*symbols, index="IDX", start=None, end=None, list_date: dt.date | None = LIST_DATE):
    return pl.DataFrame([(index, symbol, None, start, end, list_date) for symbol in symbols], schema=MEMBERSHIP, orient="row")


def shorts(rows):
    """(trade_date, symbol, short, exempt, total) of CNMS -> finra_short_daily_raw."""
    names = ["trade_date", "symbol", "short_volume", "short_exempt_volume", "total_volume"]
    marks = {"source": pl.lit("CNMS"), "source_file": pl.lit("file"), "content_hash": pl.lit("hash")}
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(**marks, ingested_at=pl.datetime(2024, 2, 1))
    return FINRA_SHORT_DAILY_RAW.conform(frame)


def bars(rows):
    """(trade_date, symbol, close, volume) -> polygon_daily_agg_raw."""
    frame = pl.DataFrame(rows, schema=["trade_date", "symbol", "close", "volume"], orient="row")
    return POLYGON_DAILY_AGG_RAW.conform(frame.with_columns(pl.lit("FILE").alias("data_source")))


def answer(name):
    return pl.read_csv(ANSWERS / name, try_parse_dates=True)


def answer_lists():
    return pl.read_csv(ANSWERS / "index_members.csv", schema=MEMBERSHIP)


def answer_shorts():
    return shorts(answer("index_short_raw.csv").drop("source").rows())


def answer_bars():
    return bars(answer("index_bars.csv").rows())


def aggregate(
    constituents=None,
    raw=None,
    aggs=None,
    *,
    known=ALL_KNOWN,
    rules=None,
    proxy_map=None,
    sessions=SESSIONS,
    day=DAY,
    sources=None,
):
    raw = answer_shorts() if raw is None else raw
    return build_index_aggregation(
        IndexInputs(
            answer_lists() if constituents is None else constituents,
            raw,
            raw.select("trade_date", "source").unique() if sources is None else sources,
            answer_bars() if aggs is None else aggs,
            pl.DataFrame({"symbol": known}, schema={"symbol": pl.String}),
        ),
        day=day,
        sessions=sessions,
        rules=rules or PressureRules(short_window=3, return_window=3, min_periods=3),
        proxy_map={"IDX": "SPY"} if proxy_map is None else proxy_map,
        inference_version="v1",
        as_of=dt.date(2024, 2, 1),
    )


def one(*arguments, **settings_of_it):
    return aggregate(*arguments, **settings_of_it).row(0, named=True)


def replaced(frame, column, value, *, symbol=None, day=DAY):
    rows = (pl.col("trade_date") == day) & (pl.lit(value=True) if symbol is None else pl.col("symbol") == symbol)
    return frame.with_columns(pl.when(rows).then(pl.lit(value)).otherwise(column).alias(column))


@pytest.fixture(scope="module")
def hand_worked_row():
    return one()


@pytest.mark.parametrize("case", pl.read_csv(ANSWERS / "index_expected.csv").rows(), ids=lambda case: case[0])
def test_each_column_is_the_hand_worked_one(hand_worked_row, case):
    value = hand_worked_row[case[0]]
    assert value == pytest.approx(float(case[1]), rel=1e-5) if isinstance(value, int | float) else str(value) == case[1]


def test_every_column_is_worked_by_hand():
    assert answer("index_expected.csv")["column"].to_list() == INDEX_CONSTITUENT_SHORT_AGG_DAILY.column_names


def test_the_rows_have_the_schema_of_the_table():
    assert aggregate().schema == INDEX_CONSTITUENT_SHORT_AGG_DAILY.schema


@pytest.mark.parametrize(("day", "present"), [(4, False), (5, True), (6, True), (8, True), (9, False)])
def test_both_ends_of_a_membership_are_inside(day, present):
    spell = listed("AAA", start=dt.date(2024, 1, 5), end=dt.date(2024, 1, 8))
    assert members_on(spell, dt.date(2024, 1, day)).is_empty() is not present


def test_two_spells_of_a_symbol_are_one_member():
    spells = pl.concat([listed("AAA", end=dt.date(2024, 1, 5)), listed("AAA", start=dt.date(2024, 1, 5))])
    assert members_on(spells, DAY).rows() == [("IDX", "AAA", LIST_DATE)]


def test_two_spellings_of_a_symbol_are_one_member():
    assert members_on(listed("BRK/B", "BRK.B"), DAY).rows() == [("IDX", "BRK/B", LIST_DATE)]


def test_the_date_of_a_list_decides_its_age_and_never_who_is_in_it():
    lists = pl.concat([listed("OLD", list_date=dt.date(2023, 12, 31)), listed("NEW", list_date=dt.date(2024, 6, 15))])
    assert members_on(lists, DAY).rows() == [("IDX", "OLD", dt.date(2024, 6, 15)), ("IDX", "NEW", dt.date(2024, 6, 15))]


def test_each_index_has_its_own_list_date():
    lists = pl.concat([listed("AAA", list_date=dt.date(2023, 1, 1)), listed("BBB", index="OTHER")])
    assert members_on(lists, DAY).rows() == [("IDX", "AAA", dt.date(2023, 1, 1)), ("OTHER", "BBB", LIST_DATE)]


def test_each_index_with_members_has_a_row():
    lists = pl.concat([answer_lists(), listed("AAA", index="ALONE"), listed("AAA", index="GONE", end=dt.date(2024, 1, 4))])
    assert aggregate(lists).select("index_symbol", "agg_short_ratio").rows() == [("ALONE", 0.6), ("IDX", 0.625)]


def test_without_a_list_there_are_no_rows():
    assert_frame_equal(aggregate(answer_lists().clear()), INDEX_CONSTITUENT_SHORT_AGG_DAILY.empty())


def test_the_numerator_setting_moves_the_sum_but_not_the_dollar_weighted_ratio():
    row = one(rules=PressureRules(numerator="short", short_window=3, return_window=3, min_periods=3))
    assert (row["total_short_volume"], row["dollar_weighted_short_ratio"]) == (124.0, pytest.approx(0.545))


def test_no_counted_member_makes_null_sums_never_zero():
    row = one(raw=answer_shorts().filter(pl.col("trade_date") < DAY))
    empty = ["total_short_volume", "total_denominator_volume", "denominator_type", "agg_short_ratio", "agg_short_ratio_z"]
    empty += ["dollar_weighted_short_ratio", "dollar_weighted_short_ratio_z"]
    assert [row[name] for name in empty] == [None] * 7


def test_no_counted_member_keeps_the_row_with_zero_counts():
    row = one(raw=answer_shorts().filter(pl.col("trade_date") < DAY))
    counts = [
        "coverage_count",
        "expected_constituent_count",
        "coverage_pct",
        "priced_count",
        "data_quality",
        "interpretation_label",
    ]
    assert [row[name] for name in counts] == [0, 3, 0.0, 0, "PRE_OTC", "NEUTRAL"]


def test_no_stored_row_at_all_keeps_the_row():
    row = one(raw=FINRA_SHORT_DAILY_RAW.empty(), aggs=POLYGON_DAILY_AGG_RAW.empty())
    assert (row["coverage_count"], row["agg_short_ratio"], row["index_return"]) == (0, None, None)


def test_a_member_absent_from_the_consolidated_file_is_not_counted_from_a_facility():
    raw = answer_shorts().with_columns(
        pl.when(pl.col("symbol") == "JOINER").then(pl.lit("FNSQ")).otherwise("source").alias("source")
    )
    assert one(raw=raw)["coverage_count"] == 2


def test_coverage_is_counted_against_the_list():
    row = one(raw=answer_shorts().filter(pl.col("symbol") != "JOINER"))
    assert (row["coverage_count"], row["expected_constituent_count"], row["coverage_pct"]) == (2, 3, pytest.approx(200 / 3))


def test_a_short_row_without_a_denominator_is_not_counted():
    row = one(raw=replaced(answer_shorts(), "total_volume", 0.0, symbol="JOINER"))
    assert (row["coverage_count"], row["total_short_volume"], row["denominator_type"]) == (2, 85.0, "FINRA_TOTAL")


def test_members_with_different_denominators_make_a_mixed_sum():
    row = one(raw=replaced(answer_shorts(), "total_volume", 0.0, symbol="AAA"))
    made = (row["total_short_volume"], row["total_denominator_volume"], row["denominator_type"], row["agg_short_ratio_z"])
    assert made == (125.0, 1100.0, "MIXED", None)


def test_members_of_one_denominator_type_name_it():
    row = one(raw=replaced(answer_shorts(), "total_volume", 0.0))
    assert (row["denominator_type"], row["coverage_count"], row["priced_count"]) == ("POLYGON_TOTAL", 2, 0)


def test_only_sessions_of_the_days_denominator_type_count_in_the_summed_z():
    # Without 2024-01-02 (MIXED): 0.4 0.5, mean 0.45, sd 0.0707107; (0.625 - 0.45) / sd
    raw = replaced(answer_shorts(), "total_volume", 0.0, symbol="AAA", day=SESSIONS[1])
    row = one(raw=raw, rules=PressureRules(short_window=3, return_window=3, min_periods=2))
    assert row["agg_short_ratio_z"] == pytest.approx(0.175 / 0.07071067811865475)


def test_a_mixed_day_is_compared_with_mixed_days():
    raw = answer_shorts()
    for session in SESSIONS[1:]:
        raw = replaced(raw, "total_volume", 0.0, symbol="AAA", day=session)
    # Denominators 1000 + 50 + 50: 60 80 100 before 125, so mean 80, sd 20.
    assert one(raw=raw)["agg_short_ratio_z"] == pytest.approx(2.25)


def test_every_session_counts_in_the_dollar_weighted_z():
    raw = replaced(answer_shorts(), "total_volume", 0.0, symbol="AAA", day=SESSIONS[1])
    # 2024-01-02 without AAA: (200 + 100) / 1250 = 0.24; mean 0.38, squares 0.0196 + 0.0004 + 0.0144, sd 0.1311488
    assert one(raw=raw)["dollar_weighted_short_ratio_z"] == pytest.approx((0.545 - 0.38) / math.sqrt(0.0344 / 2))


def test_a_member_without_a_finra_total_is_not_priced():
    row = one(raw=replaced(answer_shorts(), "total_volume", 0.0, symbol="AAA"))
    assert (row["priced_count"], row["dollar_weighted_short_ratio"]) == (1, 0.5)


def test_the_joiner_has_no_part_in_the_sessions_before_it_joined():
    raw = answer_shorts().filter((pl.col("symbol") != "JOINER") | (pl.col("trade_date") == DAY))
    assert_frame_equal(aggregate(raw=raw), aggregate())


def test_a_list_in_either_spelling_gives_the_same_row():
    slashed = answer_lists().with_columns(pl.col("symbol").str.replace("BRK.B", "BRK/B", literal=True))
    assert_frame_equal(aggregate(slashed), aggregate())


@pytest.mark.parametrize("spelling", ["IDX", "I:IDX"])
def test_the_index_itself_goes_before_its_proxy(spelling):
    own = bars([(day, spelling, close, None) for day, close in zip(SESSIONS, [10.0, 10.0, 10.0, 10.0, 9.0], strict=True)])
    row = one(aggs=pl.concat([answer_bars(), own]))
    priced = (row["index_price_symbol"], row["index_price_source"], row["index_return"])
    assert priced == (spelling, "INDEX", pytest.approx(-0.1))


def test_a_return_of_the_index_is_never_compared_with_its_proxys():
    own = bars([(day, "IDX", close, None) for day, close in zip(SESSIONS[-2:], [10.0, 9.0], strict=True)])
    row = one(aggs=pl.concat([answer_bars(), own]))
    assert (row["index_return_z"], row["interpretation_label"]) == (None, "SHORT_ON_WEAKNESS")


def test_an_index_without_a_close_of_the_day_falls_to_its_proxy():
    own = bars([(SESSIONS[-2], "IDX", 10.0, None), (DAY, "IDX", None, None)])
    assert one(aggs=pl.concat([answer_bars(), own]))["index_price_source"] == "PROXY"


@pytest.mark.parametrize("proxy_map", [{}, {"OTHER": "SPY"}, {"IDX": "NOBAR"}])
def test_without_index_and_proxy_there_is_no_return(proxy_map):
    row = one(proxy_map=proxy_map)
    names = ["index_price_symbol", "index_price_source", "index_return", "index_return_z", "interpretation_label"]
    assert [row[name] for name in names] == [None, None, None, None, "NEUTRAL"]


def test_two_indices_may_share_a_proxy():
    lists = pl.concat([answer_lists(), listed("AAA", index="TWIN")])
    assert aggregate(lists, proxy_map={"IDX": "SPY", "TWIN": "SPY"})["index_return_z"].to_list() == [pytest.approx(2.0)] * 2


def test_a_proxy_keeps_the_spelling_of_the_settings():
    aggs = answer_bars().with_columns(pl.col("symbol").replace("SPY", "SPY.A"))
    row = one(aggs=aggs, proxy_map={"IDX": "SPY/A"})
    assert (row["index_price_symbol"], row["index_return"]) == ("SPY/A", pytest.approx(0.04))


@pytest.mark.parametrize(
    ("known", "quality"),
    [(ALL_KNOWN, "OTC_ANCHORED"), (("AAA", "BRK.B"), "PRE_OTC"), (("AAA", "BRK/B", "JOINER"), "PRE_OTC"), ((), "PRE_OTC")],
)
def test_the_row_is_anchored_when_every_counted_members_week_is_known(known, quality):
    assert one(known=known)["data_quality"] == quality


def test_a_member_that_is_not_counted_does_not_hold_back_the_anchor():
    raw = answer_shorts().filter(pl.col("symbol") != "JOINER")
    assert one(raw=raw, known=("AAA", "BRK.B"))["data_quality"] == "OTC_ANCHORED"


def test_a_symbol_outside_the_index_does_not_hold_back_the_anchor():
    assert one(known=(*ALL_KNOWN, "ZZZ"))["data_quality"] == "OTC_ANCHORED"


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0])
@pytest.mark.parametrize("column", ["short_volume", "short_exempt_volume", "total_volume"])
def test_neither_nan_nor_infinity_comes_out_of_short_rows(bad, column):
    damaged = replaced(replaced(answer_shorts(), column, bad, symbol="AAA"), column, bad, symbol="AAA", day=SESSIONS[1])
    assert all(math.isfinite(value) for value in one(raw=damaged).values() if isinstance(value, float))


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0])
@pytest.mark.parametrize("column", ["close", "volume"])
def test_neither_nan_nor_infinity_comes_out_of_bars(bad, column):
    damaged = replaced(replaced(answer_bars(), column, bad), column, bad, day=SESSIONS[1])
    assert all(math.isfinite(value) for value in one(aggs=damaged).values() if isinstance(value, float))


def test_a_damaged_short_row_is_left_out_of_both_sums():
    row = one(raw=replaced(answer_shorts(), "short_volume", math.nan, symbol="AAA"))
    assert (row["coverage_count"], row["dollar_weighted_short_ratio"]) == (2, 0.5)


def test_rows_outside_the_look_back_change_nothing():
    outside = [dt.date(2023, 12, 28), SESSIONS[0], dt.date(2024, 1, 8)]
    raw = pl.concat([answer_shorts(), shorts([(day, "AAA", 1.0, 0.0, 9.0) for day in outside])])
    aggs = pl.concat([answer_bars(), bars([(day, "SPY", 1.0, 9.0) for day in (outside[0], outside[2])])])
    assert_frame_equal(aggregate(raw=raw, aggs=aggs), aggregate(), check_exact=True)


def test_sessions_after_the_day_do_not_count():
    assert_frame_equal(aggregate(sessions=[*SESSIONS, dt.date(2024, 1, 8)]), aggregate(), check_exact=True)


def index_of(members, *, scale=1.0):
    symbols = [f"S{number}" for number in range(len(members))]
    rows = [(symbol, *(float(value) * scale for value in row)) for symbol, row in zip(symbols, members, strict=True)]
    raw = shorts([(DAY, symbol, short, exempt, total) for symbol, short, exempt, total, _ in rows])
    aggs = bars([(DAY, symbol, 10.0 + position, volume) for position, (symbol, *_, volume) in enumerate(rows)])
    return one(listed(*symbols), raw, aggs)


@settings(max_examples=25, deadline=None)
@given(st.lists(member_volumes, min_size=1, max_size=5), st.sampled_from([0.001, 0.5, 1000.0]))
def test_scaling_every_volume_leaves_the_ratios(members, scale):
    plain, scaled = index_of(members), index_of(members, scale=scale)
    names = ["agg_short_ratio", "dollar_weighted_short_ratio", "coverage_pct", "priced_count"]
    assert [plain[name] for name in names] == [
        None if scaled[name] is None else pytest.approx(scaled[name], rel=1e-9) for name in names
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(member_volumes, min_size=1, max_size=5))
def test_the_ratio_lies_between_those_of_its_members(members):
    row = index_of(members)
    ratios = [(short + exempt) / (total or volume) for short, exempt, total, volume in members if total or volume]
    assert row["coverage_count"] == len(ratios)
    assert (not ratios and row["agg_short_ratio"] is None) or (
        min(ratios) * (1 - 1e-9) <= row["agg_short_ratio"] <= max(ratios) * (1 + 1e-9)
    )


@settings(max_examples=15, deadline=None)
@given(st.randoms())
def test_the_order_of_rows_changes_nothing(random):
    def shuffled(frame):
        rows = frame.rows()
        random.shuffle(rows)
        return pl.DataFrame(rows, schema=frame.schema, orient="row")

    made = aggregate(shuffled(answer_lists()), shuffled(answer_shorts()), shuffled(answer_bars()))
    assert_frame_equal(made, aggregate(), check_exact=True)
