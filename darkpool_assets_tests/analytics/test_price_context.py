"""Returns, their z-score and the range, against hand-worked bars."""

import datetime as dt
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.price_context import PRICE_COLUMNS, build_price_context, daily_returns
from darkpool_assets.tables import DAILY_METRICS, POLYGON_DAILY_AGG_RAW

ANSWERS = Path(__file__).parents[1] / "answers"
DAY = dt.date(2024, 1, 8)
SESSIONS = [dt.date(2024, 1, number) for number in (2, 3, 4, 5, 8)]
SYMBOLS = ["AAA", "SPLT", "REV", "GAP", "BRK/B", "NOCL", "NOWC", "NONE"]
NUMBERS = ("open", "high", "low", "close", "vwap", "volume", "split_factor")
closes_of_a_week = st.lists(st.integers(1, 100_000).map(lambda cents: cents / 100), min_size=5, max_size=5)


def bars(rows):
    """Rows as dictionaries -> polygon_daily_agg_raw."""
    frame = pl.DataFrame(rows).with_columns(pl.lit("FILE").alias("data_source"))
    return POLYGON_DAILY_AGG_RAW.conform(frame)


def answer_bars():
    return bars(pl.read_csv(ANSWERS / "price_context_bars.csv", try_parse_dates=True).to_dicts())


def closing(closes, *, split_factors=None):
    factors = split_factors or [None] * len(closes)
    rows = zip(SESSIONS, closes, factors, strict=True)
    return bars(
        [
            {"trade_date": day, "symbol": "AAA", "high": close, "low": close, "close": close, "split_factor": factor}
            for day, close, factor in rows
        ]
    )


def context(aggs, *, symbols=("AAA",), window=3, min_periods=3, sessions=SESSIONS):
    return build_price_context(aggs, day=DAY, symbols=symbols, sessions=sessions, window=window, min_periods=min_periods)


def z_of(closes, **rules):
    return context(closing(closes), **rules)["return_z"].item()


def test_each_return_is_the_hand_worked_one():
    expected = pl.read_csv(ANSWERS / "price_context_returns.csv", try_parse_dates=True).drop("worked")
    assert_frame_equal(daily_returns(answer_bars(), sessions=SESSIONS), expected, check_row_order=False, abs_tol=1e-12)


def test_the_price_context_is_the_hand_worked_one():
    expected = pl.read_csv(ANSWERS / "price_context_expected.csv").drop("worked").with_columns(pl.lit(DAY).alias("date"))
    expected = expected.select("date", "symbol", pl.col(PRICE_COLUMNS).cast(pl.Float64))
    assert_frame_equal(context(answer_bars(), symbols=SYMBOLS), expected, abs_tol=1e-4)


def test_a_holiday_between_two_sessions_is_no_gap():
    sessions = [dt.date(2024, 1, 12), dt.date(2024, 1, 16)]
    aggs = bars([{"trade_date": day, "symbol": "AAA", "close": close} for day, close in zip(sessions, [10.0, 11.0], strict=True)])
    assert daily_returns(aggs, sessions=sessions)["return_1d"].to_list() == [None, pytest.approx(0.1)]


def test_bars_of_days_outside_the_sessions_have_no_return():
    assert daily_returns(answer_bars(), sessions=SESSIONS[:2])["date"].unique().to_list() == SESSIONS[:2]


@pytest.mark.parametrize("factor", [None, 0.0, -2.0, math.nan, math.inf])
def test_a_split_factor_that_says_nothing_counts_as_one(factor):
    aggs = closing([10, 10, 10, 10, 11], split_factors=[None, None, None, None, factor])
    assert context(aggs)["return_1d"].item() == pytest.approx(0.1)


def test_a_split_inside_the_window_leaves_the_z_score():
    split = closing([100, 101, 51.51, 53.0553, 55.177512], split_factors=[None, None, 2.0, None, None])
    assert context(split)["return_z"].item() == pytest.approx(2.0)


def test_the_window_holds_the_sessions_before_the_day():
    # Returns 0.5 0.01 0.02 before 0.015; of the last two mean 0.015: z = 0.
    assert z_of([100, 150, 151.5, 154.53, 156.84795], window=2, min_periods=2) == pytest.approx(0.0, abs=1e-9)


def test_a_session_without_a_return_is_skipped_not_replaced():
    aggs = closing([100, 101, 103.02, 106.1106, 110.355024]).filter(pl.col("trade_date") != SESSIONS[1])
    assert context(aggs, min_periods=2)["return_z"].item() is None


def test_sessions_after_the_day_do_not_count():
    later = dt.date(2024, 1, 9)
    aggs = pl.concat([answer_bars(), bars([{"trade_date": later, "symbol": "AAA", "close": 1.0}])])
    assert_frame_equal(context(answer_bars()), context(aggs, sessions=[*SESSIONS, later]))


def test_fewer_returns_than_min_periods_make_no_z_score():
    assert z_of([100, 101, 103.02, 106.1106, 110.355024], min_periods=4, window=4) is None


def test_a_price_that_never_moves_has_a_return_and_no_z_score():
    row = context(closing([10, 10, 10, 10, 10])).row(0, named=True)
    assert (row["return_1d"], row["return_z"], row["range_pct"]) == (0.0, None, 0.0)


@pytest.mark.parametrize("aggs", [POLYGON_DAILY_AGG_RAW.empty(), answer_bars()], ids=["empty", "stored"])
def test_the_columns_have_the_types_of_daily_metrics(aggs):
    assert context(aggs).schema == pl.Schema({name: DAILY_METRICS.schema[name] for name in ("date", "symbol", *PRICE_COLUMNS)})


def test_without_aggregates_every_symbol_has_its_row():
    rows = context(POLYGON_DAILY_AGG_RAW.empty(), symbols=["AAA", "BBB"])
    assert rows.rows() == [(DAY, "AAA", *[None] * 9), (DAY, "BBB", *[None] * 9)]


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0])
def test_neither_nan_nor_infinity_comes_out(bad):
    damaged = [
        aggs.with_columns(pl.when(pl.col("trade_date") == day).then(pl.lit(bad)).otherwise(name).alias(name))
        for aggs in [answer_bars()]
        for day in SESSIONS[-2:]
        for name in NUMBERS
    ]
    values = [value for aggs in damaged for row in context(aggs, symbols=SYMBOLS).rows() for value in row[2:]]
    assert all(value is None or math.isfinite(value) for value in values)


@settings(max_examples=40, deadline=None)
@given(closes_of_a_week, st.sampled_from([0.001, 0.5, 3.0, 1000.0]))
def test_scaling_every_price_leaves_returns_z_and_range(closes, scale):
    ratios = ["return_1d", "return_z", "range_pct"]
    scaled = context(closing([close * scale for close in closes])).select(ratios)
    assert_frame_equal(context(closing(closes)).select(ratios), scaled, rel_tol=1e-6, abs_tol=1e-6)


@settings(max_examples=40, deadline=None)
@given(closes_of_a_week, st.integers(1, 4), st.sampled_from([2.0, 4.0, 0.1, 1.5]))
def test_a_known_split_leaves_every_return(closes, session, factor):
    split = [close / factor if index >= session else close for index, close in enumerate(closes)]
    factors = [factor if index == session else None for index in range(5)]
    returns = daily_returns(closing(split, split_factors=factors), sessions=SESSIONS)
    assert_frame_equal(returns, daily_returns(closing(closes), sessions=SESSIONS), abs_tol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.randoms())
def test_the_order_of_rows_changes_nothing(random):
    rows = answer_bars().rows()
    random.shuffle(rows)
    shuffled = pl.DataFrame(rows, schema=POLYGON_DAILY_AGG_RAW.schema, orient="row")
    assert_frame_equal(context(answer_bars(), symbols=SYMBOLS), context(shuffled, symbols=SYMBOLS), check_exact=True)
