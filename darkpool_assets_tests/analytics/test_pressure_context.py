"""The label against the whole table of its cases."""

import itertools
import math
from pathlib import Path

import polars as pl
import pytest

from darkpool_assets.analytics.pressure_context import PressureRules, pressure_context_label
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import PressureContext

CASES = pl.read_csv(Path(__file__).parents[1] / "answers" / "pressure_context_label.csv")
OPPOSITE = {
    "NEUTRAL": "NEUTRAL",
    "SHORT_INTO_STRENGTH": "SHORT_ON_WEAKNESS",
    "SHORT_ON_WEAKNESS": "SHORT_INTO_STRENGTH",
    "LOW_SHORT_STRONG_UP": "LOW_SHORT_SELL_OFF",
    "LOW_SHORT_SELL_OFF": "LOW_SHORT_STRONG_UP",
}


def label_of(short_z, return_z, return_1d, *, return_z_min=0.5, short_z_high=1.0, short_z_low=-1.0):
    schema = {"short_z": pl.Float64, "return_z": pl.Float64, "return_1d": pl.Float64}
    frame = pl.DataFrame([(short_z, return_z, return_1d)], schema=schema, orient="row")
    label = pressure_context_label(
        short_z="short_z",
        return_z="return_z",
        return_1d="return_1d",
        return_z_min=return_z_min,
        short_z_high=short_z_high,
        short_z_low=short_z_low,
    )
    return frame.select(label).item()


@pytest.mark.parametrize("case", CASES.rows(), ids=lambda case: " ".join(map(str, case[:4])))
def test_the_label_is_the_one_of_the_table(case):
    assert label_of(*case[:3]) == case[3]


@pytest.mark.parametrize(
    ("thresholds", "numbers", "label"),
    [
        ({"return_z_min": 1.5}, (2.0, 1.4, 0.01), "NEUTRAL"),
        ({"return_z_min": 1.5}, (2.0, 1.5, 0.01), "SHORT_INTO_STRENGTH"),
        ({"return_z_min": 0.0}, (2.0, 0.0, 0.01), "NEUTRAL"),
        ({"return_z_min": 0.0}, (2.0, -0.01, 0.01), "SHORT_ON_WEAKNESS"),
        ({"short_z_high": 2.0}, (1.9, 1.0, 0.01), "NEUTRAL"),
        ({"short_z_high": 2.0}, (2.0, 1.0, 0.01), "SHORT_INTO_STRENGTH"),
        ({"short_z_low": -2.0}, (-1.9, 1.0, 0.01), "NEUTRAL"),
        ({"short_z_low": -2.0}, (-2.0, 1.0, 0.01), "LOW_SHORT_STRONG_UP"),
    ],
)
def test_the_thresholds_are_settings(thresholds, numbers, label):
    assert label_of(*numbers, **thresholds) == label


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_counts_as_absent(bad):
    assert [label_of(bad, 1.0, 0.01), label_of(2.0, bad, -0.01), label_of(2.0, None, bad)] == [
        "NEUTRAL",
        "SHORT_ON_WEAKNESS",
        "NEUTRAL",
    ]


def test_expressions_are_read_like_columns():
    label = pressure_context_label(
        short_z=pl.lit(2.0), return_z=pl.lit(None), return_1d=pl.lit(1), return_z_min=0.5, short_z_high=1.0, short_z_low=-1.0
    )
    assert pl.select(label).item() == "SHORT_INTO_STRENGTH"


def test_a_falling_day_is_the_mirror_of_a_rising_day():
    grid = itertools.product([None, -3.0, -1.0, 0.0, 1.0, 3.0], [None, -1.0, -0.5, -0.1, 0.0, 0.3, 0.5], [None, -0.01, 0.0, 0.02])

    def negated(number):
        return None if number is None else -number

    pairs = [(label_of(z, rz, r), label_of(z, negated(rz), negated(r))) for z, rz, r in grid]
    assert all(mirrored == OPPOSITE[label] for label, mirrored in pairs)


def test_every_label_is_a_word_of_the_vocabulary():
    assert set(CASES["label"]) == {label.value for label in PressureContext}


def test_the_rules_default_to_the_settings_defaults():
    rules, fields = PressureRules(), Settings.model_fields
    by_setting = {
        "short_ratio_numerator": rules.numerator,
        "short_z_window": rules.short_window,
        "return_z_window": rules.return_window,
        "zscore_min_periods": rules.min_periods,
        "return_z_min": rules.return_z_min,
        "short_z_high": rules.short_z_high,
        "short_z_low": rules.short_z_low,
    }
    assert by_setting == {name: fields[name].default for name in by_setting}
