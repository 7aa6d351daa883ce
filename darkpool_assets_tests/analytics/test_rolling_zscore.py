"""Z-scores against hand-worked windows, and the laws they keep."""

import datetime as dt
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.rolling_zscore import finite_or_null, zscore_against_sessions_before

ANSWERS = Path(__file__).parents[1] / "answers"
DAY = dt.date(2024, 1, 10)
SESSIONS = [dt.date(2024, 1, number) for number in (3, 4, 5, 8, 9)]
CASES = pl.read_csv(ANSWERS / "rolling_zscore_expected.csv")
FIFTEEN = [dt.date(2024, 1, 1) + dt.timedelta(days=offset) for offset in range(15)]
numbers = st.integers(-1000, 1000).map(lambda number: number / 1000)
histories = st.lists(st.one_of(st.none(), numbers), min_size=16, max_size=16)


def series(values, dates=None):
    dates = dates or [*FIFTEEN, dt.date(2024, 1, 16)]
    return pl.DataFrame({"date": dates, "symbol": ["A"] * len(values), "value": values}, schema_overrides={"value": pl.Float64})


def z_of(values, *, day=dt.date(2024, 1, 16), sessions=FIFTEEN, min_periods=3):
    frame = values if isinstance(values, pl.DataFrame) else series(values)
    return zscore_against_sessions_before(frame, day=day, sessions=sessions, min_periods=min_periods)


def number_of(values, **window):
    return z_of(values, **window)["z"].item()


def same(left, right):
    return left is right is None or (
        left is not None and right is not None and math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-6)
    )


@pytest.fixture(scope="module")
def scored():
    values = pl.read_csv(ANSWERS / "rolling_zscore_values.csv", try_parse_dates=True).rename({"case": "symbol"})
    return zscore_against_sessions_before(values, day=DAY, sessions=SESSIONS, min_periods=3, like="kind")


@pytest.mark.parametrize("case", CASES.rows(named=True), ids=CASES["case"].to_list())
def test_the_z_score_is_the_hand_worked_one(scored, case):
    row = scored.row(by_predicate=pl.col("symbol") == case["case"], named=True)
    assert (row["z"], row["periods"]) == (
        case["z"] if case["z"] is None else pytest.approx(case["z"], rel=1e-12),
        case["periods"],
    )


def test_only_a_key_with_a_row_at_the_day_gets_a_row(scored):
    assert scored["symbol"].to_list() == CASES["case"].to_list()


def test_the_columns_are_the_keys_z_and_periods(scored):
    assert scored.schema == pl.Schema({"symbol": pl.String, "z": pl.Float64, "periods": pl.Int64})


def test_exactly_min_periods_values_make_a_z_score():
    assert number_of([*[None] * 12, 1.0, 3.0, 5.0, 4.0], min_periods=3) == pytest.approx(0.5)


def test_a_single_value_never_makes_a_z_score():
    assert number_of([*[None] * 14, 3.0, 4.0], min_periods=1) is None


def test_without_like_every_session_counts():
    frame = series([*[None] * 12, 1.0, 3.0, 5.0, 4.0]).with_columns(kind=pl.Series([*["b"] * 15, "a"]))
    assert number_of(frame) == pytest.approx(0.5)


def test_a_series_may_have_several_keys():
    values = [1.0, 3.0, 5.0, 4.0]
    frame = pl.DataFrame(
        {
            "date": [*SESSIONS[:3], DAY] * 2,
            "symbol": ["A"] * 8,
            "tier": ["x"] * 4 + ["y"] * 4,
            "value": [*values, *(-10 * value for value in values)],
        }
    )
    scored = zscore_against_sessions_before(frame, day=DAY, sessions=SESSIONS, min_periods=3, keys=("symbol", "tier"))
    assert scored.select("tier", "z").rows() == [("x", pytest.approx(0.5)), ("y", pytest.approx(-0.5))]


def test_the_day_itself_is_outside_even_when_it_is_named():
    frame = series([*[None] * 12, 1.0, 3.0, 5.0, 4.0])
    assert number_of(frame, sessions=[*FIFTEEN, dt.date(2024, 1, 16)]) == pytest.approx(0.5)


def test_an_empty_window_gives_null():
    assert z_of([1.0] * 16, sessions=[]).row(0) == ("A", None, 0)


def test_an_empty_frame_gives_no_rows():
    assert z_of(series([1.0] * 16).clear()).is_empty()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_gap(bad):
    assert z_of([*[None] * 11, bad, 1.0, 3.0, 5.0, 4.0]).row(0) == ("A", pytest.approx(0.5), 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_day_that_is_not_finite_has_no_z_score(bad):
    assert number_of([*[None] * 12, 1.0, 3.0, 5.0, bad]) is None


def test_values_near_the_largest_float_give_null_not_infinity():
    assert number_of([*[None] * 12, 1.7e308, -1.7e308, 1.7e308, -1.7e308]) is None


def test_constant_growth_has_no_spread():
    prices = [100 * 1.0001**step for step in range(17)]
    assert number_of([after / before - 1 for before, after in zip(prices[:-1], [*prices[1:-1], 120.0], strict=True)]) is None


def test_a_small_but_true_spread_counts():
    assert number_of([*[None] * 12, 0.5, 0.500001, 0.500002, 0.500002]) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(("apart", "z"), [(1.40e-9, None), (1.43e-9, 0.70710678)], ids=["at most 1e-9", "more"])
def test_a_spread_of_at_most_a_billionth_of_the_largest_value_is_none(apart: float, z: float | None):
    # Two values that are `apart` have sd = apart / sqrt(2), and the larger one lies sd / sqrt(2) above their mean.
    found = number_of([*[None] * 13, 1.0, 1.0 + apart, 1.0 + apart], min_periods=2)
    assert found == (None if z is None else pytest.approx(z, rel=1e-5))


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize(("apart", "z"), [(1.40e-9, None), (1.43e-9, 0.70710678)], ids=["at most 1e-9", "more"])
def test_what_counts_as_no_spread_grows_with_the_values(apart: float, z: float | None, scale: float):
    found = number_of([*[None] * 13, scale, scale * (1.0 + apart), scale * (1.0 + apart)], min_periods=2)
    assert found == (None if z is None else pytest.approx(z, rel=1e-4))


def test_finite_or_null_reads_text_free_nulls_and_whole_numbers():
    frame = pl.DataFrame({"whole": [1, 2], "nothing": [None, None]})
    assert frame.select(finite_or_null("whole"), finite_or_null(pl.col("nothing"))).rows() == [(1.0, None), (2.0, None)]


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(-1000, 1000))
def test_shifting_every_value_leaves_the_z_score(values, shift):
    assert same(number_of(values), number_of([None if value is None else value + shift for value in values]))


@settings(max_examples=60, deadline=None)
@given(histories, st.sampled_from([1e-3, 0.5, 3.0, 1e6]))
def test_scaling_every_value_leaves_the_z_score(values, scale):
    assert same(number_of(values), number_of([None if value is None else value * scale for value in values]))


@settings(max_examples=60, deadline=None)
@given(histories)
def test_negating_every_value_flips_the_z_score(values):
    z = number_of(values)
    assert same(None if z is None else -z, number_of([None if value is None else -value for value in values]))


@settings(max_examples=60, deadline=None)
@given(histories, st.lists(numbers, min_size=5, max_size=5))
def test_rows_outside_the_window_change_nothing(values, other):
    old = [dt.date(2023, 12, 20) + dt.timedelta(days=offset) for offset in range(5)]
    new = [dt.date(2024, 1, 20) + dt.timedelta(days=offset) for offset in range(5)]
    with_more = pl.concat([series(other, old), series(values), series(other, new)])
    assert_frame_equal(z_of(values), z_of(with_more), check_exact=True)


@settings(max_examples=40, deadline=None)
@given(histories, st.randoms())
def test_the_order_of_rows_changes_nothing(values, random):
    rows = series(values).rows()
    random.shuffle(rows)
    assert_frame_equal(z_of(values), z_of(pl.DataFrame(rows, schema=series(values).schema, orient="row")), check_exact=True)
