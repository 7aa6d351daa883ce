"""Directions under each rule against hand-worked trades, an oracle in exact fractions, and a tape with known aggressors."""

from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from darkpool_assets.analytics.prevailing_quote import attach_prevailing_quotes
from darkpool_assets.analytics.trade_classification import (
    classify_trades,
    classify_under_every_rule,
    direction_column,
    millionths,
)
from darkpool_assets.vocabulary import ClassificationRule

ANSWERS = Path(__file__).parents[1] / "answers"
OPEN = pl.lit("2026-01-06 14:30").str.to_datetime("%Y-%m-%d %H:%M", time_unit="ns")
RULES = list(ClassificationRule)
DOLLARS = pl.Schema({"price": pl.Float64(), "bid": pl.Float64(), "ask": pl.Float64()})


@pytest.fixture(scope="module")
def worked() -> pl.DataFrame:
    rows = pl.read_csv(ANSWERS / "trade_classification.csv", schema_overrides=DOLLARS)
    rows = rows.rename({"case": "symbol", "has_valid_quote": "is_valid"})
    return rows.with_columns(timestamp=OPEN + pl.duration(seconds="second", time_unit="ns"), size=pl.lit(100.0))


def trades_of(*rows: tuple[float, float | None, float | None], symbol: str = "A", first_sequence: int = 1) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=DOLLARS, orient="row")
    sequence = pl.int_range(first_sequence, first_sequence + pl.len(), dtype=pl.Int64)
    return frame.with_columns(symbol=pl.lit(symbol), timestamp=OPEN, sequence_number=sequence)


def directions(trades: pl.DataFrame, rule: ClassificationRule) -> list[int]:
    return classify_trades(trades, rule=rule)["direction"].to_list()


CASES = pl.read_csv(ANSWERS / "trade_classification.csv", columns=["case"])["case"].unique(maintain_order=True).to_list()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", CASES)
def test_each_worked_case_has_the_direction_worked_by_hand(worked: pl.DataFrame, case: str, rule: ClassificationRule):
    signed = classify_trades(worked.filter(pl.col("symbol") == case), rule=rule)
    assert signed["direction"].to_list() == signed[rule.value].to_list()


@pytest.mark.parametrize("rule", RULES)
def test_worked_cases_do_not_touch_each_other_on_one_interleaved_tape(worked: pl.DataFrame, rule: ClassificationRule):
    tape = worked.sort("timestamp", "sequence_number", "symbol")
    signed = classify_trades(tape, rule=rule)
    assert signed["direction"].to_list() == signed[rule.value].to_list()


@pytest.mark.parametrize("rule", RULES)
def test_validity_of_the_quote_is_as_worked_by_hand_under_every_rule(worked: pl.DataFrame, rule: ClassificationRule):
    signed = classify_trades(worked, rule=rule)
    assert signed["has_valid_quote"].to_list() == signed["is_valid"].to_list()


def test_rules_side_by_side_are_the_rules_one_by_one(worked: pl.DataFrame):
    side_by_side = classify_under_every_rule(worked)
    for rule in RULES:
        alone = classify_trades(worked, rule=rule)["direction"]
        assert_series_equal(side_by_side[direction_column(rule)], alone, check_names=False)


def test_each_rule_has_the_column_of_its_name(worked: pl.DataFrame):
    added = [name for name in classify_under_every_rule(worked).columns if name.startswith("direction_")]
    assert added == ["direction_lee_ready", "direction_quote", "direction_emo", "direction_clnv", "direction_tick"]


def test_result_is_in_tape_order_and_adds_two_columns(worked: pl.DataFrame):
    signed = classify_trades(worked.sample(fraction=1, shuffle=True, seed=7), rule=ClassificationRule.LEE_READY)
    assert signed.columns == [*worked.columns, "has_valid_quote", "direction"]
    assert_frame_equal(signed.select(worked.columns), worked.sort("symbol", "timestamp", "sequence_number"))


def test_direction_is_a_small_integer_without_nulls(worked: pl.DataFrame):
    direction = classify_trades(worked, rule=ClassificationRule.QUOTE)["direction"]
    assert (direction.dtype, direction.null_count()) == (pl.Int8, 0)


def test_no_trades_give_no_directions(worked: pl.DataFrame):
    signed = classify_under_every_rule(worked.clear())
    assert signed.is_empty()
    assert {direction_column(rule) for rule in RULES} <= set(signed.columns)


@pytest.mark.parametrize("rule", RULES)
def test_a_symbols_first_trade_never_inherits_its_neighbours_price(rule: ClassificationRule):
    tape = pl.concat([trades_of((10.0, None, None), (11.0, None, None), symbol="A"), trades_of((5.0, None, None), symbol="B")])
    assert directions(tape, rule) == [0, 1, 0]


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("rule", RULES)
def test_a_quote_that_is_not_finite_is_no_quote(broken: float, rule: ClassificationRule):
    tape = trades_of((10.2, None, None), (10.1, broken, 10.1), (10.0, 10.0, broken))
    signed = classify_trades(tape, rule=rule)
    assert signed["has_valid_quote"].to_list() == [False, False, False]
    assert signed["direction"].to_list() == [0, -1, -1]


def test_every_penny_midpoint_between_ten_and_eleven_dollars_is_left_to_the_tick():
    cents = range(1000, 1100)
    tape = trades_of((20.0, None, None), *((cent / 100 + 0.005, cent / 100, (cent + 1) / 100) for cent in reversed(cents)))
    assert directions(tape, ClassificationRule.LEE_READY) == [0] + [-1] * len(cents)


@pytest.mark.parametrize(
    ("price", "expected"),
    [(10.005, 10_005_000), (0.1 + 0.2, 300_000), (0.0000004, 0), (0.0000006, 1), (700_000.01, 700_000_010_000)],
)
def test_a_price_is_a_whole_number_of_millionths(price: float, expected: int):
    assert pl.DataFrame({"price": [price]}).select(millionths(pl.col("price"))).item() == expected


@pytest.mark.parametrize("price", [None, float("nan"), float("inf")])
def test_an_absent_or_endless_price_has_no_millionths(price: float | None):
    assert pl.DataFrame({"price": [price]}, schema={"price": pl.Float64}).select(millionths(pl.col("price"))).item() is None


def test_the_dearest_share_is_compared_without_overflow():
    tape = trades_of((800_000_000.0, None, None), (700_000_000.0, 699_999_999.0, 700_000_000.01))
    assert directions(tape, ClassificationRule.CLNV) == [0, 1]


# The oracle: the rules again, one trade at a time, in exact fractions of a cent.
def oracle(rows: list[tuple[int, int | None, int | None]], rule: ClassificationRule) -> list[int]:
    found, last_change, before = [], 0, None
    for price, bid, ask in rows:
        if before is not None and price != before:
            last_change = 1 if price > before else -1
        before = price
        found.append(_oracle_direction(price, bid, ask, last_change, rule))
    return found


def _oracle_direction(price: int, bid: int | None, ask: int | None, tick: int, rule: ClassificationRule) -> int:
    if rule == "tick" or bid is None or ask is None or bid <= 0 or ask <= 0 or ask < bid:
        return tick
    if bid == ask == price:
        return tick
    if rule == "lee_ready":
        middle = Fraction(bid + ask, 2)
        return tick if price == middle else (1 if price > middle else -1)
    if rule == "quote":
        return 1 if price >= ask else -1 if price <= bid else 0
    if rule == "emo":
        return 1 if price == ask else -1 if price == bid else tick
    zone = Fraction(3, 10) * (ask - bid)
    return 1 if ask - zone <= price <= ask else -1 if bid <= price <= bid + zone else tick


cents = st.integers(min_value=990, max_value=1010)
quotes = st.one_of(st.none(), st.tuples(st.one_of(st.just(0), cents), st.one_of(st.just(0), cents)))
sides = st.tuples(cents, quotes).map(lambda trade: (trade[0], *(trade[1] or (None, None))))
tapes = st.lists(sides, min_size=1, max_size=25)


def in_dollars(rows: list[tuple[int, int | None, int | None]]) -> list[tuple[float, float | None, float | None]]:
    return [(price / 100, None if bid is None else bid / 100, None if ask is None else ask / 100) for price, bid, ask in rows]


@settings(max_examples=150, deadline=None)
@given(rows=tapes)
def test_every_rule_agrees_with_an_oracle_in_exact_fractions(rows: list[tuple[int, int | None, int | None]]):
    signed = classify_under_every_rule(trades_of(*in_dollars(rows)))
    for rule in RULES:
        assert signed[direction_column(rule)].to_list() == oracle(rows, rule)


@settings(max_examples=60, deadline=None)
@given(rows=tapes)
def test_mirrored_prices_and_quotes_flip_every_direction(rows: list[tuple[int, int | None, int | None]]):
    two_sided = [(price, bid or None, ask or None) for price, bid, ask in rows]
    mirrored = [(2000 - price, ask and 2000 - ask, bid and 2000 - bid) for price, bid, ask in two_sided]
    signed, flipped = (classify_under_every_rule(trades_of(*in_dollars(tape))) for tape in (two_sided, mirrored))
    for rule in RULES:
        assert flipped[direction_column(rule)].to_list() == (-signed[direction_column(rule)]).to_list()


@settings(max_examples=60, deadline=None)
@given(rows=tapes, others=tapes, seed=st.integers(0, 1000))
def test_other_symbols_and_the_order_of_rows_change_nothing(rows: list, others: list, seed: int):
    tape = trades_of(*in_dollars(rows), symbol="M")
    crowd = [trades_of(*in_dollars(others), symbol=symbol) for symbol in ("A", "Z")]
    mixed = classify_under_every_rule(pl.concat([tape, *crowd]).sample(fraction=1, shuffle=True, seed=seed))
    assert_frame_equal(mixed.filter(pl.col("symbol") == "M"), classify_under_every_rule(tape))


@pytest.fixture(scope="module")
def executions(real_samples: Path) -> pl.DataFrame:
    """Executions of the AMZN tape with the book before each; its rows hold the book after the event, in event order."""
    events = pl.read_parquet(real_samples / "tick" / "lobster_AMZN_2012-06-21.parquet").select(
        "Type",
        symbol=pl.lit("AMZN"),
        timestamp="Time",
        trade_date=pl.col("Time").dt.date(),
        sequence_number=pl.int_range(pl.len(), dtype=pl.Int64),
        price="Price",
        bid="Bidp1",
        ask="Askp1",
        # TradeDirection is that of the resting order: the aggressor is on the other side.
        aggressor=-pl.col("TradeDirection"),
    )
    books = events.select("symbol", "timestamp", "bid", "ask", "sequence_number")
    return attach_prevailing_quotes(events.filter(pl.col("Type").is_in([4, 5])), books)


def share_matched(executions: pl.DataFrame, kind: int, rule: ClassificationRule) -> float:
    signed = classify_trades(executions, rule=rule).filter(pl.col("Type") == kind)
    return float((signed["direction"] == signed["aggressor"]).sum() / signed.height)


def test_visible_executions_of_a_real_tape_match_the_known_aggressor(executions: pl.DataFrame):
    assert share_matched(executions, 4, ClassificationRule.LEE_READY) >= 0.995


def test_hidden_executions_of_a_real_tape_are_matched_less_often(executions: pl.DataFrame, record_property):
    shares = {rule.value: share_matched(executions, 5, rule) for rule in RULES}
    record_property("hidden_executions_matched", shares)
    assert 0.88 < shares["lee_ready"] < 0.89


def test_every_execution_of_a_real_tape_has_a_valid_quote_before_it(executions: pl.DataFrame):
    assert classify_trades(executions, rule=ClassificationRule.LEE_READY)["has_valid_quote"].all()


def test_the_tick_test_alone_is_worse_on_a_real_tape(executions: pl.DataFrame):
    assert 0.88 < share_matched(executions, 4, ClassificationRule.TICK) < 0.96
