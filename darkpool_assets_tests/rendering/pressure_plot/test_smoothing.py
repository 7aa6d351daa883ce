"""Curves through true points: monotone between neighbours, broken at gaps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from darkpool_assets.rendering.pressure_plot.smoothing import smooth_runs

VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=30)
WITH_GAPS = st.lists(st.none() | st.floats(-50, 50, allow_subnormal=False), max_size=40)


def test_a_slope_between_two_rises_is_their_harmonic_mean():
    (run,) = smooth_runs([0.0, 1.0, 3.0])
    assert run.slopes[1] == pytest.approx(4 / 3)  # 2 / (1 / 1 + 1 / 2)


def test_a_turning_point_is_flat():
    (run,) = smooth_runs([0.0, 1.0, 0.5, 0.7])
    assert run.slopes[1:3] == (0.0, 0.0)


def test_the_curve_is_scipys():
    values = [0.1, -0.4, 0.3, 0.2, 0.9]
    (run,) = smooth_runs(values)
    places, heights = zip(*run.sampled(7), strict=True)
    assert heights == pytest.approx(PchipInterpolator(range(5), values)(places))


@settings(max_examples=100)
@given(VALUES)
def test_the_true_points_are_on_the_curve_exactly(values):
    (run,) = smooth_runs(values)
    assert [height for _, height in run.sampled(4)][::4] == values


@settings(max_examples=100)
@given(VALUES)
def test_the_curve_never_leaves_the_span_of_its_neighbours(values):
    (run,) = smooth_runs(values)
    for place, height in run.sampled(5):
        left, right = values[math.floor(place)], values[math.ceil(place)]
        room = 1e-9 * max(abs(left), abs(right))
        assert min(left, right) - room <= height <= max(left, right) + room


@settings(max_examples=100)
@given(VALUES)
def test_the_pieces_of_a_picture_are_the_same_curve(values):
    (run,) = smooth_runs(values)
    halves = [height for _, height in run.sampled(2)][1::2]
    starts = [(run.first, run.values[0]), *(end for *_, end in run.beziers())]
    middles = [
        (start[1] + 3 * leaving[1] + 3 * arriving[1] + end[1]) / 8
        for start, (leaving, arriving, end) in zip(starts, run.beziers(), strict=False)
    ]
    assert middles == pytest.approx(halves, rel=1e-9, abs=1e-9 * max(map(abs, values)))


@settings(max_examples=100)
@given(WITH_GAPS)
def test_every_value_is_in_one_run_at_its_place_and_no_run_bridges_a_gap(values):
    placed = {run.first + step: value for run in smooth_runs(values) for step, value in enumerate(run.values)}
    assert placed == {place: value for place, value in enumerate(values) if value is not None}


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
def test_what_is_no_number_is_a_gap(hole):
    assert [run.first for run in smooth_runs([1.0, hole, 2.0])] == [0, 2]


def test_a_point_between_two_gaps_has_no_curve():
    (run,) = smooth_runs([None, 0.5, None])
    assert (run.sampled(6), list(run.beziers())) == ([(1.0, 0.5)], [])


def test_a_step_of_nearly_nothing_is_drawn():
    (run,) = smooth_runs([0.0, 5e-324, 1.0])
    assert np.isfinite(run.slopes).all()
