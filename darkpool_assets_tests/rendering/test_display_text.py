"""Numbers, dates and names as people read them."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpool_assets.rendering.display_text import (
    day_text,
    finite,
    fixed,
    printable,
    shares,
    signed,
    signed_percent,
    weekday_text,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.4, "0.4"),
        (0.001, "<0.01"),
        (853.25, "853.25"),
        (996.0, "996"),
        (999.999, "1.00K"),
        (12_850_000.0, "12.85M"),
        (999_999.0, "1.00M"),
        (2.6e9, "2.60B"),
        (7.1e15, "7,100.00T"),
        (-1500.0, "−1.50K"),
    ],
)
def test_shares_are_read_in_thousands_to_trillions(volume, text):
    assert shares(volume) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.000"), (-0.0, "0.000"), (-0.0001, "0.000"), (0.0004, "0.000"), (-0.0005001, "−0.001")]
)
def test_what_rounds_to_zero_has_no_sign(value, text):
    assert signed(value, 3) == text


def test_a_negative_number_has_a_true_minus_sign():
    assert fixed(-1.5, 2) == "\N{MINUS SIGN}1.50"


def test_a_return_is_read_in_percent_with_its_sign():
    assert signed_percent(0.01574, 2) == "+1.57"


def test_a_huge_number_stays_short():
    assert fixed(-1e300, 2) == "−1.00e+300"


@given(NUMBERS, st.integers(0, 4))
def test_no_number_is_spelled_as_minus_zero_or_not_a_number(value, decimals):
    text = signed(value, decimals)
    assert "nan" not in text
    assert "inf" not in text
    assert not text.startswith("-")
    assert text.strip("−+0.,") or text[0] not in "−+"


@given(NUMBERS)
def test_a_number_and_its_negative_differ_in_the_sign_only(value):
    assert signed(value, 2).lstrip("+−") == signed(-value, 2).lstrip("+−")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "1", dt.date(2025, 1, 1)])
def test_what_is_no_finite_number_is_missing(value):
    assert finite(value) is None


def test_a_missing_number_is_an_en_dash():
    assert fixed(None, 2) == "–"


def test_the_year_is_left_out_beside_a_date_of_that_year():
    assert day_text(dt.date(2025, 11, 24), beside=dt.date(2025, 12, 24)) == "24 Nov"


def test_the_year_is_shown_beside_a_date_of_another_year():
    assert day_text(dt.date(2026, 1, 12), beside=dt.date(2025, 12, 24)) == "12 Jan 2026"


def test_a_weekday_is_spelled_without_the_locale():
    assert weekday_text(dt.date(2025, 12, 24)) == "Wed 24 Dec 2025"


def test_characters_that_turn_the_reading_direction_are_replaced():
    assert printable("A\u202eB\x07") == "A\ufffdB\ufffd"
