"""A day of lit trading per symbol against a hand-worked day, and the laws that any day obeys."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.lit_direction import build_lit_direction
from darkpool_assets.tables import LIT_DIRECTION_DAILY, POLYGON_EQUITY_TRADES_RAW
from darkpool_assets.vocabulary import ClassificationRule

ANSWERS = Path(__file__).parents[1] / "answers"
DAY = dt.date(2026, 1, 6)
OPEN = pl.lit("2026-01-06 14:30").str.to_datetime("%Y-%m-%d %H:%M", time_unit="ns")
RAW = POLYGON_EQUITY_TRADES_RAW


def to_raw(prints: pl.DataFrame) -> pl.DataFrame:
    """Rows of the raw table from `prints` with `second` after 14:30 UTC."""
    stamped = prints.with_columns(trade_date=pl.lit(DAY), timestamp=OPEN + pl.duration(seconds="second", time_unit="ns"))
    return RAW.conform(stamped.drop("second", "why", strict=False))


def build(
    prints: pl.DataFrame,
    symbols: Sequence[str],
    *,
    rule: ClassificationRule = ClassificationRule.LEE_READY,
    minimum: float = 1000,
) -> pl.DataFrame:
    return build_lit_direction(prints, day=DAY, symbols=symbols, rule=rule, min_lit_volume=minimum, inference_version="Test_v1")


@pytest.fixture(scope="module")
def prints() -> pl.DataFrame:
    types = {name: dtype for name, dtype in RAW.schema.items() if name not in ("trade_date", "timestamp")}
    return to_raw(pl.read_csv(ANSWERS / "lit_direction_prints.csv", schema_overrides=types))


@pytest.fixture(scope="module")
def worked() -> pl.DataFrame:
    types = {name: dtype for name, dtype in LIT_DIRECTION_DAILY.schema.items() if name != "date"}
    return pl.read_csv(ANSWERS / "lit_direction_expected.csv", schema_overrides=types).drop("why")


def lit_prints(*rows: tuple[float, float, float | None, float | None], symbol: str = "A") -> pl.DataFrame:
    """Lit trades, one a second: price, size, bid, ask."""
    schema = {"price": pl.Float64, "size": pl.Float64, "bid": pl.Float64, "ask": pl.Float64}
    second = pl.int_range(pl.len())
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return to_raw(
        frame.with_columns(
            symbol=pl.lit(symbol), second=second, sequence_number=second, id=second.cast(pl.String),
            exchange=pl.lit(11), data_source=pl.lit("TRADES"),
        )
    )  # fmt: skip


def test_each_symbol_has_the_row_worked_by_hand(prints: pl.DataFrame, worked: pl.DataFrame):
    found = build(prints, worked["symbol"].to_list())
    assert_frame_equal(found.select(worked.columns), worked, rel_tol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_prints_may_come_in_any_order(prints: pl.DataFrame, worked: pl.DataFrame, seed: int):
    found = build(prints.sample(fraction=1, shuffle=True, seed=seed), worked["symbol"].to_list())
    assert_frame_equal(found.select(worked.columns), worked, rel_tol=1e-12)


def test_each_symbol_alone_has_the_row_it_has_among_others(prints: pl.DataFrame, worked: pl.DataFrame):
    together = build(prints, worked["symbol"].to_list())
    alone = [build(prints.filter(pl.col("symbol") == name.replace("/", ".")), [name]) for name in worked["symbol"]]
    assert_frame_equal(pl.concat(alone), together)


def test_rows_carry_the_day_the_rule_and_the_version(prints: pl.DataFrame):
    row = build(prints, ["NBB"], rule=ClassificationRule.EMO).row(0, named=True)
    assert (row["date"], row["classification_rule"], row["inference_version"]) == (DAY, "emo", "Test_v1")


def test_rows_are_in_the_order_and_schema_of_the_table(prints: pl.DataFrame):
    found = build(prints, ["TCK", "GONE", "NBB"])
    assert found.schema == LIT_DIRECTION_DAILY.schema
    assert found["symbol"].to_list() == ["TCK", "GONE", "NBB"]


def test_a_day_without_prints_has_its_rows_all_the_same():
    found = build(RAW.empty(), ["SPY", "BRK/B"])
    assert found.select("symbol", "classification_method", "lit_total_volume").rows() == [
        ("SPY", "NONE", None),
        ("BRK/B", "NONE", None),
    ]


def test_no_symbols_have_no_rows(prints: pl.DataFrame):
    assert build(prints, []).schema == LIT_DIRECTION_DAILY.schema


def test_two_spellings_of_one_symbol_have_the_same_numbers(prints: pl.DataFrame):
    slash, dot = build(prints, ["BRK/B", "BRK.B"]).rows(named=True)
    assert {**slash, "symbol": "BRK.B"} == dot


@pytest.mark.parametrize(
    ("rule", "buy", "sell", "unclassified"),
    [
        ("lee_ready", 1700, 900, 0),
        ("quote", 0, 0, 2600),
        ("emo", 700, 900, 1000),
        ("clnv", 700, 900, 1000),
        ("tick", 700, 900, 1000),
    ],
)
def test_volumes_follow_the_chosen_rule(prints: pl.DataFrame, rule: str, buy: float, sell: float, unclassified: float):
    row = build(prints, ["DIS"], rule=ClassificationRule(rule)).row(0, named=True)
    assert (row["lit_buy_volume"], row["lit_sell_volume"], row["lit_unclassified_volume"]) == (buy, sell, unclassified)


@pytest.mark.parametrize("rule", list(ClassificationRule))
def test_the_range_over_rules_does_not_depend_on_the_chosen_rule(prints: pl.DataFrame, rule: ClassificationRule):
    row = build(prints, ["DIS"], rule=rule).row(0, named=True)
    assert (row["lit_buy_ratio_low"], row["lit_buy_ratio_high"], row["direction_stable"]) == (0.4375, 1700 / 2600, False)


@pytest.mark.parametrize(
    ("quoted", "unquoted", "method"),
    [
        (95, 5, "NBBO"),
        (94.999999, 5.000001, "MIXED"),
        (5.000001, 94.999999, "MIXED"),
        (5, 95, "TICK"),
        (100, 0.5, "NBBO"),
        (0.5, 100, "TICK"),
    ],
)
def test_method_changes_at_95_and_5_percent_of_eligible_volume(quoted: float, unquoted: float, method: str):
    day = lit_prints((10.10, quoted, 10.00, 10.10), (10.10, unquoted, None, None))
    assert build(day, ["A"])["classification_method"].item() == method


def test_under_the_rule_tick_the_method_is_always_tick(prints: pl.DataFrame):
    found = build(prints, ["NBB", "MIX", "TCK", "OFF", "GONE", "BAR"], rule=ClassificationRule.TICK)
    assert found["classification_method"].to_list() == ["TICK", "TICK", "TICK", "NONE", "NONE", "BVC"]


def test_under_the_rule_tick_quote_coverage_is_still_reported(prints: pl.DataFrame):
    assert build(prints, ["MIX"], rule=ClassificationRule.TICK)["quote_coverage_pct"].item() == 50


@pytest.mark.parametrize(("minimum", "ratio"), [(1400.75, 800.5 / 1400.75), (1400.76, None), (0, 800.5 / 1400.75)])
def test_a_ratio_needs_the_minimum_of_classified_volume(prints: pl.DataFrame, minimum: float, ratio: float | None):
    assert build(prints, ["TCK"], minimum=minimum)["lit_buy_ratio"].item() == ratio


def test_without_a_minimum_nothing_classified_is_still_no_ratio(prints: pl.DataFrame):
    row = build(prints, ["UNC"], minimum=0).row(0, named=True)
    assert (row["lit_buy_ratio"], row["lit_buy_ratio_low"], row["direction_stable"]) == (None, None, None)


def test_without_a_minimum_parts_of_a_share_have_a_ratio(prints: pl.DataFrame):
    assert build(prints, ["FRAC"], minimum=0)["lit_buy_ratio"].item() == pytest.approx(2 / 3)


def test_bars_of_a_symbol_that_has_trades_are_left_out(prints: pl.DataFrame):
    bars = prints.filter(pl.col("symbol") == "BAR").with_columns(symbol=pl.lit("NBB"))
    assert_frame_equal(build(pl.concat([prints, bars]), ["NBB"]), build(prints, ["NBB"]))


def test_an_excluded_trade_is_no_link_of_the_tick_chain():
    day = lit_prints((10.00, 1000, None, None), (10.20, 1000, None, None), (10.10, 1000, None, None))
    without = day.with_columns(conditions=pl.when(pl.col("price") == 10.20).then(pl.lit("12")))
    # Against 10.20 the last trade would be a downtick; against 10.00, the last eligible one, it is an uptick.
    assert build(without, ["A"]).select("lit_buy_volume", "lit_sell_volume").row(0) == (1000, 0)


cents = st.integers(990, 1010)
quotes = st.one_of(st.none(), st.tuples(cents, cents))
trades = st.lists(st.tuples(cents, st.integers(1, 2000), quotes, st.sampled_from(["lit", "trf", "out"])), min_size=1, max_size=15)


def day_of(rows: list, *, symbol: str = "A", scale: float = 1, pivot: int | None = None) -> pl.DataFrame:
    """Prints of one symbol; with a pivot, prices and quotes are mirrored around it."""
    flat = [_mirrored(price, quote, pivot=pivot) for price, _size, quote, _kind in rows]
    sizes = [size * scale for _price, size, _quote, _kind in rows]
    sized = [
        (price / 100, size, bid and bid / 100, ask and ask / 100) for size, (price, bid, ask) in zip(sizes, flat, strict=True)
    ]
    kinds = pl.Series("kind", [kind for *_, kind in rows])
    frame = lit_prints(*sized, symbol=symbol).with_columns(kinds)
    venue = pl.when(pl.col("kind") == "trf").then(4).otherwise(11).cast(pl.Int32)
    return frame.with_columns(exchange=venue, conditions=pl.when(pl.col("kind") == "out").then(pl.lit("37,53"))).drop("kind")


def _mirrored(price: int, quote: tuple[int, int] | None, *, pivot: int | None) -> tuple[int, int | None, int | None]:
    bid, ask = quote or (None, None)
    if pivot is None:
        return price, bid, ask
    return 2 * pivot - price, ask and 2 * pivot - ask, bid and 2 * pivot - bid


@settings(max_examples=60, deadline=None)
@given(rows=trades, rule=st.sampled_from(list(ClassificationRule)))
def test_off_exchange_excluded_and_lit_volume_sum_to_the_window(rows: list, rule: ClassificationRule):
    row = build(day_of(rows), ["A"], rule=rule).row(0, named=True)
    lit = row["lit_buy_volume"] + row["lit_sell_volume"] + row["lit_unclassified_volume"]
    assert lit == row["lit_total_volume"]
    assert lit + row["off_exchange_print_volume"] + row["excluded_volume"] == sum(size for _, size, _, _ in rows)


@settings(max_examples=60, deadline=None)
@given(rows=trades, rule=st.sampled_from(list(ClassificationRule)))
def test_mirrored_prices_and_quotes_swap_buys_and_sells(rows: list, rule: ClassificationRule):
    row, mirrored = (build(day_of(rows, pivot=pivot), ["A"], rule=rule).row(0, named=True) for pivot in (None, 1000))
    assert (row["lit_buy_volume"], row["lit_sell_volume"]) == (mirrored["lit_sell_volume"], mirrored["lit_buy_volume"])
    assert -(row["log_buy_sell"] or 0) == pytest.approx(mirrored["log_buy_sell"] or 0, abs=1e-12)
    assert row["direction_stable"] == mirrored["direction_stable"]


@settings(max_examples=60, deadline=None)
@given(rows=trades)
def test_scaled_sizes_leave_ratios_and_coverage(rows: list):
    kept = ["lit_buy_ratio", "log_buy_sell", "quote_coverage_pct", "lit_coverage_pct", "lit_buy_ratio_low", "direction_stable"]
    plain, scaled = (build(day_of(rows, scale=scale), ["A"], minimum=1000 * scale) for scale in (1, 8))
    assert_frame_equal(plain.select(kept), scaled.select(kept))


@settings(max_examples=40, deadline=None)
@given(rows=trades, others=trades)
def test_another_symbol_changes_nothing(rows: list, others: list):
    day = day_of(rows, symbol="M")
    crowd = pl.concat([day_of(others, symbol="A"), day, day_of(others, symbol="Z")])
    assert_frame_equal(build(crowd, ["Z", "M", "A"]).filter(pl.col("symbol") == "M"), build(day, ["M"]))


@settings(max_examples=40, deadline=None)
@given(rows=trades)
def test_the_chosen_rules_ratio_lies_within_the_range_over_rules(rows: list):
    row = build(day_of(rows), ["A"], minimum=0).row(0, named=True)
    if row["lit_buy_ratio"] is not None:
        assert row["lit_buy_ratio_low"] <= row["lit_buy_ratio"] <= row["lit_buy_ratio_high"]
