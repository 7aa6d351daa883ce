"""Which prints count: hand-worked categories and copies, and the laws behind them."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.trade_conditions import EXCLUDED_CONDITION_IDS
from darkpool_assets.analytics.trade_eligibility import (
    PrintCategory,
    categorise_prints,
    drop_repeated_prints,
    drop_unusable_prints,
    is_identified,
)

ANSWERS = Path(__file__).parents[1] / "answers"
VENUE = pl.Schema({"exchange": pl.Int32(), "trf_id": pl.Int32(), "correction": pl.Int32(), "conditions": pl.String()})
PRINTS = pl.Schema(
    {
        "symbol": pl.String(),
        "nanosecond": pl.Int64(),
        "sequence_number": pl.Int64(),
        "price": pl.Float64(),
        "size": pl.Float64(),
        "exchange": pl.Int32(),
        "trf_id": pl.Int32(),
        "id": pl.String(),
    }
)


def venue_prints(*conditions: str | None) -> pl.DataFrame:
    return pl.DataFrame({"conditions": list(conditions), "exchange": 11}, schema_overrides=VENUE).with_columns(
        trf_id=pl.lit(None, pl.Int32), correction=pl.lit(None, pl.Int32)
    )


@pytest.fixture(scope="module")
def categories() -> pl.DataFrame:
    return pl.read_csv(ANSWERS / "print_categories.csv", schema_overrides=VENUE).rename({"category": "worked"})


@pytest.fixture(scope="module")
def copies() -> pl.DataFrame:
    rows = pl.read_csv(ANSWERS / "repeated_prints.csv", schema_overrides=PRINTS)
    return rows.with_columns(timestamp=pl.from_epoch("nanosecond", time_unit="ns"))


def test_every_print_has_the_category_worked_by_hand(categories: pl.DataFrame):
    found = categorise_prints(categories)
    wrong = found.filter(pl.col("category").cast(pl.String) != pl.col("worked"))
    assert wrong.is_empty(), wrong


def test_category_is_an_enum_of_the_three_words(categories: pl.DataFrame):
    assert categorise_prints(categories).schema["category"] == pl.Enum(PrintCategory)


def test_categorising_keeps_every_print_in_its_place(categories: pl.DataFrame):
    assert_frame_equal(categorise_prints(categories).drop("category"), categories)


def test_an_empty_conditions_text_is_no_condition():
    assert categorise_prints(venue_prints("", None, "0"))["category"].to_list() == [PrintCategory.LIT] * 3


@pytest.mark.parametrize("condition", range(65))
def test_a_condition_is_out_exactly_when_the_table_says_so(condition: int):
    expected = PrintCategory.EXCLUDED if condition in EXCLUDED_CONDITION_IDS else PrintCategory.LIT
    assert categorise_prints(venue_prints(str(condition)))["category"].item() == expected


def test_no_prints_have_no_category(categories: pl.DataFrame):
    assert categorise_prints(categories.clear()).is_empty()


@settings(max_examples=50, deadline=None)
@given(lists=st.lists(st.lists(st.integers(0, 60), max_size=4), min_size=1, max_size=10))
def test_a_list_is_out_exactly_when_one_of_its_conditions_is(lists: list[list[int]]):
    found = categorise_prints(venue_prints(*(",".join(map(str, ids)) for ids in lists)))["category"].to_list()
    assert [word == PrintCategory.EXCLUDED for word in found] == [bool(EXCLUDED_CONDITION_IDS & set(ids)) for ids in lists]


@pytest.mark.parametrize("column", ["price", "size"])
@pytest.mark.parametrize("value", [None, 0.0, -0.000001, float("nan"), float("inf"), float("-inf")])
def test_a_print_without_a_usable_price_or_size_is_dropped(column: str, value: float | None):
    prints = pl.DataFrame({"price": [10.0, 10.0], "size": [1.0, 1.0]})
    spoiled = prints.with_columns(pl.Series(column, [10.0, value]))
    assert drop_unusable_prints(spoiled).height == 1


@pytest.mark.parametrize("column", ["price", "size"])
def test_the_smallest_price_or_size_above_zero_is_usable(column: str):
    prints = pl.DataFrame({"price": [10.0], "size": [1.0]}).with_columns(pl.Series(column, [0.000001]))
    assert_frame_equal(drop_unusable_prints(prints), prints)


def test_repeated_prints_count_once_as_worked_by_hand(copies: pl.DataFrame):
    worked = ["stays", "why"]
    assert_frame_equal(drop_repeated_prints(copies).drop(worked), copies.filter("stays").drop(worked))


@pytest.mark.parametrize("placeholder", ["", " ", "0", "nan", "NaN", "none", "None", "null", "NULL", " 0 "])
def test_a_placeholder_is_no_id(placeholder: str, copies: pl.DataFrame):
    unnamed = copies.filter(pl.col("id").is_null())
    assert drop_repeated_prints(unnamed.with_columns(id=pl.lit(placeholder))).height == unnamed["stays"].sum()


@pytest.mark.parametrize(
    ("name", "sequence", "identified"),
    [("x", None, True), ("nan", 3, True), (None, 1, True), ("0", 0, False), (None, None, False), (" ", None, False)],
)
def test_a_print_is_identified_by_an_id_or_a_sequence_number(name: str | None, sequence: int | None, identified: bool):
    row = pl.DataFrame({"id": [name], "sequence_number": [sequence]}, schema={"id": pl.String, "sequence_number": pl.Int64})
    assert row.select(is_identified()).item() is identified


def test_prints_without_copies_stay_as_they_are(copies: pl.DataFrame):
    singles = copies.filter("stays")
    assert_frame_equal(drop_repeated_prints(singles), singles)


def test_no_prints_have_no_copies(copies: pl.DataFrame):
    assert drop_repeated_prints(copies.clear()).is_empty()


prints = st.tuples(
    st.sampled_from(["A", "B"]),
    st.integers(0, 1),
    st.sampled_from([None, 0, 1, 2]),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([None, 4, 11]),
    st.sampled_from([None, 0, 201]),
    st.sampled_from([None, "", "0", " NaN", "none", "Null ", "x", " x ", "y", "X"]),
)


def identity(number: int, row: tuple) -> tuple:
    """What a print is the same trade by, as the contract words it."""
    symbol, at, sequence, price, size, exchange, trf, name = row
    name = (name or "").strip()
    if name.lower() not in {"", "0", "nan", "none", "null"}:
        return ("id", symbol, exchange, trf or 0, name, *((at, price, size) if exchange is None else ()))
    return ("sequence", symbol, at, sequence, exchange, price, size) if sequence else ("none", number)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(prints, max_size=25))
def test_one_print_of_each_identity_stays_and_it_is_the_highest(rows: list[tuple]):
    frame = pl.DataFrame(rows, schema=PRINTS, orient="row").with_columns(timestamp=pl.from_epoch("nanosecond", time_unit="ns"))
    highest: dict[tuple, int] = {}
    for number, row in enumerate(rows):
        key = identity(number, row)
        highest[key] = max(row[2] or 0, highest.get(key, 0))
    assert sorted(drop_repeated_prints(frame)["sequence_number"].fill_null(0)) == sorted(highest.values())
