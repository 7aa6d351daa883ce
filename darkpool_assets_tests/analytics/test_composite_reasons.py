"""What the reasons of a label say: the verdict first, then every input, what is missing and what it cost."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets.vocabulary import REASONS_SEPARATOR
from darkpool_assets_tests.analytics.composite_days import (
    FIVE_WEEKS,
    NO_DIRECTION,
    NO_SHORT,
    WHOLE,
    composite,
    inputs_of,
    reasons_of,
    row_of,
    rows_of,
    several_cases,
)

ALONE = "gives none of its 0.65 of confidence, and the score is short pressure alone"


def test_the_reasons_of_a_whole_day_are_these():
    lit = (
        "Lit direction +0.800 (z +2.197 of log buy/sell): signed against quotes (NBBO), 92% of eligible volume classified, "
        "20 of 20 sessions to compare with, gives 0.650 of its 0.65 of confidence"
    )
    short = (
        "Short pressure +0.500 (z -1.099 of the short ratio): over FINRA's total volume, 20 of 20 sessions to compare with, "
        "gives 0.350 of its 0.35 of confidence"
    )
    assert reasons_of(FIVE_WEEKS | {"lit_coverage_pct": 92.4, "rate": 0.4}) == [
        "Inferred accumulation: score x confidence is +0.695, 0.5 or more",
        lit,
        short,
        "PRESSURE_SIGN=-1 reads high short volume as selling pressure, a contested reading",
        "OTC_ANCHORED: FINRA's off-exchange volume of the day's own week is known, the confidence is kept whole",
        "Off-exchange participation (z +0.000 against 5 earlier weeks) multiplies the score by 1.000",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lit_odds": 9.0}, "Inferred accumulation: score x confidence is +0.695, 0.5 or more"),
        ({"lit_odds": 1 / 9, "short_odds": 3.0}, "Inferred distribution: score x confidence is -0.695, -0.5 or less"),
        ({"lit_odds": 3.0, "short_odds": 1.0}, "Leaning to accumulation: score x confidence is +0.325, from 0.2 to below 0.5"),
        ({"lit_odds": 1 / 3, "short_odds": 1.0},
         "Leaning to distribution: score x confidence is -0.325, from -0.2 to above -0.5"),
        ({"lit_odds": 1.5, "short_odds": 1.0}, "Neutral: score x confidence is +0.130, between -0.2 and 0.2"),
        ({"direction_stable": False},
         "Unstable: the classification rules put the lit buy ratio at 0.480 to 0.530, not all on one side of 0.5"),
        (NO_DIRECTION, "Insufficient: lit direction is missing, and short pressure alone never labels"),
        (NO_DIRECTION | NO_SHORT, "Insufficient: neither lit direction nor short pressure is there"),
        (NO_SHORT | {"lit_coverage_pct": 43.0}, "Insufficient: confidence 0.349 is below 0.35"),
    ],
)  # fmt: skip
def test_the_first_sentence_is_the_verdict(change: dict[str, Any], said: str):
    assert reasons_of(WHOLE | change)[0] == said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"classification_method": "BVC"}, "only one-minute bars are there, BVC, which never counts here"),
        (NO_DIRECTION, "no lit trades are stored"),
        (NO_DIRECTION | {"classification_method": "NONE"}, "no eligible lit trade came"),
        (NO_DIRECTION | {"classification_method": "NBBO"}, "only one side or none was inferred"),
    ],
)
def test_a_missing_direction_is_named_with_its_cause_and_its_cost(change: dict[str, Any], why: str):
    assert f"Lit direction is missing ({why}): {ALONE}" in reasons_of(WHOLE | change)


@pytest.mark.parametrize(
    ("periods", "why"), [(4, "4 comparable sessions before, 10 needed"), (20, "the comparable sessions before are all alike")]
)
def test_a_z_score_that_could_not_be_made_is_named_with_its_cause(periods: int, why: str):
    inputs = inputs_of(WHOLE | {"lit_periods": periods, "short_periods": periods})
    without = {name: pl.lit(None, pl.Float64) for name in ("log_buy_sell_z", "short_ratio_z")}
    (row,) = composite(replace(inputs, metrics=inputs.metrics.with_columns(**without))).to_dicts()
    sentences = row["label_reasons"].split(REASONS_SEPARATOR)
    assert f"Lit direction is missing ({why}): gives none of its 0.65 of confidence" in sentences
    assert f"Short pressure is missing ({why}): gives none of its 0.35 of confidence" in sentences


def test_missing_pressure_is_named_with_its_cause_and_its_cost():
    alone = "gives none of its 0.35 of confidence, and the score is lit direction alone"
    assert f"Short pressure is missing (no short sale row is stored): {alone}" in reasons_of(WHOLE | NO_SHORT)
    inputs = inputs_of(WHOLE)
    without = {name: pl.lit(None, pl.Float64) for name in ("short_ratio", "short_ratio_z")}
    (row,) = composite(replace(inputs, metrics=inputs.metrics.with_columns(**without))).to_dicts()
    assert f"Short pressure is missing (the short sale row has no total to divide by): {alone}" in row["label_reasons"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classification_method": "MIXED"}, "signed partly against quotes, partly by the tick test (MIXED)"),
        ({"classification_method": "TICK"}, "signed by the tick test (TICK)"),
        ({"lit_coverage_pct": 40.0}, "40% of eligible volume classified"),
        ({"lit_periods": 12}, "12 of 20 sessions to compare with, gives 0.390 of its 0.65 of confidence"),
        ({"denominator": "POLYGON_TOTAL"}, "over consolidated volume for want of a FINRA total"),
        ({"direction_stable": None}, "Too little lit volume to say whether the classification rules agree"),
        ({}, "Off-exchange participation is missing (0 earlier weeks known, 5 needed), the score is not scaled"),
        ({"rate": None}, "Off-exchange participation is missing (the week's consolidated volume is not complete)"),
        ({"earlier_rates": "0.4 0.4 0.4 0.4 0.4"}, "Off-exchange participation is missing (the earlier weeks are all alike)"),
    ],
)
def test_method_coverage_windows_and_participation_are_told(change: dict[str, Any], said: str):
    assert said in row_of(WHOLE | change)["label_reasons"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("NO_COVERAGE", "no off-exchange week of the symbol is known"),
        ("NOT_YET_PUBLISHED", "FINRA has not yet published the off-exchange volume of the day's week"),
        ("OVERDUE", "the off-exchange volume of the day's week is overdue"),
    ],
)
def test_a_pre_otc_row_says_why_and_what_it_costs(status: str, words: str):
    inputs = inputs_of(WHOLE | {"data_quality": "PRE_OTC", "rate": None})
    (row,) = composite(replace(inputs, metrics=inputs.metrics.with_columns(otc_status=pl.lit(status)))).to_dicts()
    cost = "the confidence is multiplied by 0.85 and off-exchange participation does not count"
    assert row["label_reasons"].split(REASONS_SEPARATOR)[-1] == f"PRE_OTC: {words}, {cost}"


@pytest.mark.parametrize(
    ("sign", "reading"), [(-1, "PRESSURE_SIGN=-1 reads high short volume as selling pressure"),
                          (1, "PRESSURE_SIGN=+1 reads high short volume as market makers filling buyers")]
)  # fmt: skip
@pytest.mark.parametrize("change", [{}, NO_SHORT, NO_DIRECTION | NO_SHORT], ids=["whole", "no short row", "nothing"])
def test_every_rows_reasons_name_the_pressure_sign_and_its_reading(change: dict[str, Any], sign: int, reading: str):
    assert f"{reading}, a contested reading" in reasons_of(WHOLE | change, pressure_sign=sign)


@settings(max_examples=15, deadline=None)
@given(several_cases, st.sampled_from([-1, 1]))
def test_every_row_has_reasons_in_sentences(several, sign: int):
    for row in rows_of(several, pressure_sign=sign):
        sentences = row["label_reasons"].split(REASONS_SEPARATOR)
        assert 5 <= len(sentences) <= 7
        assert all(sentence and sentence[0].isupper() and ";" not in sentence for sentence in sentences)
        assert not any(word in sentence for sentence in sentences for word in ("None", "nan", "-0.000"))


def test_the_same_row_has_the_same_reasons():
    assert reasons_of(FIVE_WEEKS) == reasons_of(FIVE_WEEKS)
