"""The small lines: gaps stay gaps, and the words say what the line shows."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkpool_assets.rendering.sparkline import Sparkline, sparkline
from darkpool_assets.rendering.theme import Hue


def line_or_none(values, *, around_zero=False):
    return sparkline(values, name="Close", spell=lambda value: f"{value:.1f}", around_zero=around_zero)


def line(values, *, around_zero=False):
    drawn = line_or_none(values, around_zero=around_zero)
    assert isinstance(drawn, Sparkline)
    return drawn


def test_the_lowest_value_lies_at_the_bottom_and_the_highest_at_the_top():
    assert line([1.0, 3.0, 2.0]).segments == (((0.0, 0.0), (0.5, 1.0), (1.0, 0.5)),)


def test_a_missing_session_is_a_gap_and_keeps_its_place():
    assert line([1.0, None, 3.0]).segments == (((0.0, 0.0),), ((1.0, 1.0),))


def test_a_day_without_a_value_has_no_end_mark():
    assert line([1.0, 2.0, None]).end is None


def test_a_flat_series_lies_in_the_middle():
    assert line([5.0, 5.0]).segments == (((0.0, 0.5), (1.0, 0.5)),)


def test_nothing_known_is_no_line():
    assert line_or_none([None, float("nan")]) is None


def test_no_session_is_no_line():
    assert line_or_none([]) is None


def test_a_single_session_is_a_dot_at_the_right_end():
    assert line([5.0]).segments == (((1.0, 0.5),),)


def test_zero_lies_in_the_middle_of_a_series_around_zero():
    assert line([0.1, -0.4], around_zero=True).segments == (((0.0, 0.625), (1.0, 0.0)),)


def test_the_end_mark_takes_the_side_of_the_days_value():
    assert line([0.1, -0.4], around_zero=True).end_hue == Hue.SELL


def test_a_price_takes_no_side():
    assert line([0.1, 0.4]).end_hue is None


def test_the_words_name_ends_extremes_and_missing_sessions():
    assert line([2.0, None, 1.0, 4.0, 3.0]).spoken == (
        "Close over 5 sessions: from 2.0 to 3.0, lowest 1.0, highest 4.0, 1 session missing"
    )


@settings(max_examples=60)
@given(st.lists(st.none() | st.floats(), min_size=1, max_size=30), st.booleans())
@example([5e-324], True)
def test_every_point_lies_on_the_unit_square(values, around_zero):
    drawn = line_or_none(values, around_zero=around_zero)
    points = [point for segment in drawn.segments for point in segment] if drawn else []
    assert all(0 <= place <= 1 for point in points for place in point)
