"""Buyers' share of minute bars against hand-worked bars."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.bulk_volume_classification import classify_bars

ANSWERS = Path(__file__).parents[1] / "answers"
OPEN = pl.lit("2026-01-06 14:30").str.to_datetime("%Y-%m-%d %H:%M", time_unit="ns")
PRICES = {"bar_open": pl.Float64(), "price": pl.Float64(), "size": pl.Float64()}


def stamped(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.with_columns(
        timestamp=OPEN + pl.duration(minutes="minute", time_unit="ns"), sequence_number=pl.lit(None, pl.Int64)
    )


def bars_of(closes: list[float], *, opened: float | None, symbol: str = "A") -> pl.DataFrame:
    bars = pl.DataFrame({"price": closes, "minute": range(len(closes))}, schema_overrides={"price": pl.Float64})
    return stamped(bars.with_columns(symbol=pl.lit(symbol), bar_open=pl.lit(opened, pl.Float64), size=pl.lit(100.0)))


@pytest.fixture(scope="module")
def worked() -> pl.DataFrame:
    return stamped(pl.read_csv(ANSWERS / "bar_shares.csv", schema_overrides=PRICES).rename({"buy_share": "worked"}))


def assert_as_worked(found: pl.DataFrame) -> None:
    assert found["buy_share"].to_list() == pytest.approx(found["worked"].to_list(), abs=1e-12)


def test_each_bar_has_the_share_worked_by_hand(worked: pl.DataFrame):
    assert_as_worked(classify_bars(worked))


@pytest.mark.parametrize("seed", range(3))
def test_bars_may_come_in_any_order(worked: pl.DataFrame, seed: int):
    assert_as_worked(classify_bars(worked.sample(fraction=1, shuffle=True, seed=seed)))


def test_bars_keep_their_columns_and_gain_one(worked: pl.DataFrame):
    found = classify_bars(worked)
    assert_frame_equal(found.drop("buy_share"), worked.sort("symbol", "timestamp"))


def test_no_bars_have_no_shares(worked: pl.DataFrame):
    assert classify_bars(worked.clear()).schema["buy_share"] == pl.Float64


def test_a_first_bar_without_an_open_counts_as_half_and_not_in_the_deviation():
    shares = classify_bars(bars_of([10.0, 10.01, 10.03], opened=None))["buy_share"].to_list()
    # dp 0.01 and 0.02: sd = 0.01 / sqrt(2), so 0.01 is sqrt(2) deviations.
    assert shares == pytest.approx([0.5, 0.9213503964748575, 0.9976611325094764], abs=1e-9)


def test_an_extreme_change_stays_within_nothing_and_all():
    shares = classify_bars(bars_of([10.0] * 300 + [10_000.0, 10.0], opened=10.0))["buy_share"]
    assert (shares.min(), shares.max()) == (0.0, 1.0)


cents = st.lists(st.integers(900, 1100), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(closes=cents, opened=st.integers(900, 1100))
def test_mirrored_bars_swap_buyers_and_sellers(closes: list[int], opened: int):
    up = classify_bars(bars_of([close / 100 for close in closes], opened=opened / 100))["buy_share"]
    down = classify_bars(bars_of([(2000 - close) / 100 for close in closes], opened=(2000 - opened) / 100))["buy_share"]
    assert (1 - up).to_list() == pytest.approx(down.to_list(), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(closes=cents, others=cents)
def test_another_symbol_changes_nothing(closes: list[int], others: list[int]):
    alone = bars_of([close / 100 for close in closes], opened=10.0, symbol="M")
    crowd = [bars_of([close / 100 for close in others], opened=10.0, symbol=symbol) for symbol in ("A", "Z")]
    mixed = classify_bars(pl.concat([alone, *crowd])).filter(pl.col("symbol") == "M")
    assert_frame_equal(mixed, classify_bars(alone))
