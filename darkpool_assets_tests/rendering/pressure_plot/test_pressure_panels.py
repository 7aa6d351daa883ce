"""The model of a plot: what is drawn where, what is left out, and what is said."""

import datetime as dt
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets import market_calendar
from darkpool_assets.rendering.pressure_plot.panel_model import Band, Gap, Key, Mark, Step, Tone
from darkpool_assets.rendering.pressure_plot.panel_scales import session_ticks
from darkpool_assets.rendering.pressure_plot.pressure_panels import build_pressure_panels
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, DataQuality, FinalLabel
from darkpool_assets_tests.rendering.pressure_plot.plotted_rows import (
    COMPOSITE,
    DAY,
    DIRECTION,
    OTC_WEEK,
    PRESSURE,
    PRICE,
    SESSIONS,
    changed_on,
    composite_frame,
    composite_row,
    metrics_frame,
    metrics_row,
    panels_of,
    varied_panels,
    without,
)

LAST = len(SESSIONS) - 1
NUMBERS = st.none() | st.sampled_from([math.nan, math.inf]) | st.floats(-1e300, 1e300) | st.floats(-3, 3)


def test_panels_stand_in_the_order_of_the_contract():
    assert [panel.key for panel in panels_of().panels] == ["price", "direction", "pressure", "otc_week", "composite"]


def test_every_title_has_a_unit():
    assert all(panel.title and panel.unit for panel in panels_of().panels)


def test_guide_lines_stand_at_the_logs_of_five_to_four_and_four_to_five():
    guides = [guide.value for guide in panels_of().panels[DIRECTION].guides]
    assert guides == pytest.approx([math.log(1.25), math.log(0.80)])


def test_guide_lines_of_the_short_z_stand_at_one_to_either_side():
    assert [guide.value for guide in panels_of().panels[PRESSURE].guides] == [1, -1]


def test_short_pressure_has_one_tone_whatever_its_sign():
    marks = panels_of().panels[PRESSURE].marks
    assert {mark.value > 0 for mark in marks} == {True, False}
    assert {mark.tone for mark in marks} == {Tone.PRESSURE}


def test_a_session_without_a_row_is_a_gap_in_every_panel():
    panels = panels_of(without({8}), without({8}, composite_row)).panels
    assert [(panel.gaps[0].first, panel.gaps[0].last) for panel in panels] == [(8, 8)] * 5


def test_curves_break_at_a_gap():
    curves = [panel.curve for panel in panels_of(without({8}), without({8}, composite_row)).panels if panel.curve]
    assert [[run.first for run in curve] for curve in curves] == [[0, 9]] * 3


def test_a_session_without_a_row_is_not_shaded():
    bands = panels_of(without({8})).bands
    assert bands[:2] == (Band(0, 7, DataQuality.OTC_ANCHORED), Band(9, 9, DataQuality.OTC_ANCHORED))


def test_shading_follows_the_rows_provenance():
    first_pre_otc = SESSIONS.index(dt.date(2025, 12, 8))
    assert panels_of().bands == (
        Band(0, first_pre_otc - 1, DataQuality.OTC_ANCHORED),
        Band(first_pre_otc, LAST, DataQuality.PRE_OTC),
    )


def test_a_published_week_is_one_step_from_its_first_to_its_last_session():
    thanksgiving = Step(first=1, last=4, volume=24e6, is_own=True)  # 24 to 28 November, the 27th is a holiday
    assert panels_of().panels[OTC_WEEK].steps[1] == thanksgiving


def test_a_week_that_is_not_published_carries_an_older_volume_and_says_so():
    panel = panels_of().panels[OTC_WEEK]
    assert [(step.volume, step.is_own) for step in panel.steps[3:]] == [(1e6, False)] * 3
    assert panel.readings[-1] == "1.00M · week of 1 Dec\nPRE_OTC: own week not yet published"


def test_without_coverage_there_is_no_step_and_the_panel_says_so():
    blank = {"otc_off_exchange_volume": None, "otc_week_used": None, "otc_status": "NO_COVERAGE", "data_quality": "PRE_OTC"}
    panels = panels_of(**blank, has_otc=False)
    panel = panels.panels[OTC_WEEK]
    assert (panel.steps, panel.gaps, panel.empty_text) == ((), (), "No OTC week is stored for these sessions.")
    assert panels.head.provenance
    assert panels.head.provenance.text == "NO COVERAGE"


def test_rules_that_disagree_claim_no_side():
    mark = panels_of(changed_on(4, log_buy_sell=0.4, direction_stable=False)).panels[DIRECTION].marks[4]
    assert mark == Mark(4, 0.4, Tone.CONTESTED, is_hollow=True)


def test_zero_claims_no_side():
    assert panels_of(changed_on(4, log_buy_sell=0.0)).panels[DIRECTION].marks[4].tone == Tone.CONTESTED


@pytest.mark.parametrize(("value", "tone"), [(0.2, Tone.BUY), (-0.2, Tone.SELL)])
def test_a_direction_from_bars_is_hollow_on_its_side(value, tone):
    mark = panels_of(changed_on(4, log_buy_sell=value, classification_method="BVC")).panels[DIRECTION].marks[4]
    assert mark == Mark(4, value, tone, is_hollow=True)


def test_one_method_stands_in_the_title():
    assert panels_of(classification_method="TICK").panels[DIRECTION].unit.endswith("· TICK")


def test_several_methods_are_counted():
    assert panels_of(changed_on(4, classification_method="TICK")).facts[-1] == "direction by NBBO 22, TICK 1 sessions"


@pytest.mark.parametrize("label", ["UNSTABLE", "INSUFFICIENT"])
def test_a_label_without_a_side_takes_the_side_from_its_bar(label):
    panel = panels_of(composites=[composite_row(session, final_label=label) for session in SESSIONS]).panels[COMPOSITE]
    assert {bar.tone for bar in panel.bars} == {mark.tone for mark in panel.marks} == {Tone.CONTESTED}


def test_a_bar_is_solid_over_the_share_of_its_confidence():
    assert {bar.solid for bar in panels_of().panels[COMPOSITE].bars} == {0.75}


def test_a_day_without_a_composite_carries_no_label():
    panels = panels_of(composites=without({LAST}, composite_row))
    assert (panels.head.label, panels.notices) == (None, ("No composite is stored for this day.",))
    assert panels.readout.rows[0][-3:] == ("–", "–", "–")


def test_a_score_that_is_null_is_a_gap_and_its_label_says_why():
    rows = [*without({LAST}, composite_row), composite_row(DAY, composite_score=None, final_label="INSUFFICIENT", confidence=0.0)]
    panels = panels_of(composites=rows)
    assert panels.panels[COMPOSITE].gaps == (Gap(LAST, LAST, "no composite"),)
    assert panels.head.label
    assert (panels.head.label.text, panels.head.label.note) == ("Insufficient evidence", "score –, confidence 0.00")


@pytest.mark.parametrize("label", FinalLabel)
def test_every_label_has_words_and_a_shape(label):
    shown = panels_of(composites=[composite_row(DAY, final_label=label)]).head.label
    assert shown
    assert shown.text != label
    assert shown.icon


def test_the_reasons_of_the_label_are_told():
    assert panels_of().notices == ("Why this label: Neutral: little evidence; PRESSURE_SIGN=-1",)


def test_a_day_without_a_row_has_nothing_to_say_of_itself():
    panels = panels_of(without({LAST}), without({LAST}, composite_row))
    assert (panels.head.close, panels.head.change, panels.head.provenance) == ("–", None, None)
    assert panels.notices[0] == "No row of daily_metrics is stored for this day."


def test_a_window_without_any_row_is_a_plot_that_says_so():
    panels = panels_of([], [])
    assert all(panel.empty_text and not panel.guides for panel in panels.panels)


def test_what_rounds_to_zero_has_no_sign():
    reading = panels_of(changed_on(4, log_buy_sell=-0.0001)).panels[DIRECTION].readings[4]
    assert reading.startswith("0.000 ")


@pytest.mark.parametrize("hole", [math.nan, math.inf, None])
def test_what_is_no_number_is_a_gap(hole):
    panel = panels_of(changed_on(4, short_ratio_z=hole)).panels[PRESSURE]
    assert (panel.readings[4], [gap.first for gap in panel.gaps]) == ("", [4])


def test_a_close_without_the_other_prices_is_a_dash():
    candle = panels_of(changed_on(4, open=None)).panels[PRICE].candles[4]
    assert not candle.is_whole


def test_views_are_the_shorter_choices_and_the_whole_window():
    sessions = [*market_calendar.sessions_before(DAY, 119), DAY]
    assert [(view.first, view.sessions) for view in panels_of([], [], sessions=sessions).views] == [(90, 30), (60, 60), (0, 120)]


def test_a_short_window_has_one_view():
    assert [view.sessions for view in panels_of().views] == [len(SESSIONS)]


def test_a_view_is_scaled_to_what_it_shows():
    sessions = [*market_calendar.sessions_before(DAY, 39), DAY]
    rows = [metrics_row(session, high=9000.0 if session == sessions[0] else 604.0) for session in sessions]
    short, whole = panels_of(rows, [], sessions=sessions).views
    assert short.scales[PRICE].high < 700 < whole.scales[PRICE].high


def test_a_direction_near_zero_still_shows_its_guide_lines():
    (view,) = panels_of(log_buy_sell=0.001).views
    scale = view.scales[DIRECTION]
    assert scale.low < math.log(0.80) < math.log(1.25) < scale.high
    assert {"ln 1.25", "ln 0.80"} <= {tick.text for tick in scale.ticks}


def test_no_two_ticks_of_an_axis_are_too_near_to_be_read():
    for scale in varied_panels().views[-1].scales:
        values = [tick.value for tick in scale.ticks]
        room = (scale.high - scale.low) / 12
        assert all(right - left > room for left, right in pairwise(values))


def test_long_windows_are_ticked_by_months_with_the_year_first_and_in_january():
    sessions = market_calendar.sessions_between(dt.date(2025, 9, 15), dt.date(2026, 2, 10))
    assert [tick.text for tick in session_ticks(sessions, first=0)] == ["Oct 2025", "Nov", "Dec", "Jan 2026", "Feb"]


def test_short_windows_are_ticked_by_weeks():
    assert [tick.text for tick in panels_of().views[0].ticks] == ["24 Nov", "1 Dec", "8 Dec", "15 Dec", "22 Dec"]


def test_the_legend_explains_what_is_drawn_and_nothing_else():
    assert {key for key, _ in panels_of().legend} == set(Key) - {Key.CONTESTED, Key.BARS_METHOD, Key.GAP}
    assert {key for key, _ in varied_panels().legend} == set(Key)


def test_the_readout_is_newest_first_and_complete():
    rows = panels_of().readout.rows
    assert (len(rows), rows[0][0], rows[-1][0]) == (len(SESSIONS), "24 Dec 2025", "21 Nov 2025")


def test_the_plot_is_told_in_a_sentence():
    spoken = panels_of(changed_on(LAST, short_ratio_z=None)).spoken
    assert spoken.startswith("5 panels of SPY over 23 sessions from 21 Nov 2025 to 24 Dec 2025.")
    assert "Short ratio z not available" in spoken


@pytest.mark.parametrize(("sample_data", "notice"), [(True, SAMPLE_DATA_NOTICE), (False, "")])
def test_invented_numbers_are_marked(sample_data, notice):
    assert panels_of(sample_data=sample_data).sample_notice == notice


def test_the_disclaimer_is_verbatim():
    assert panels_of().disclaimer == DISCLAIMER


def test_equal_rows_make_equal_models():
    assert varied_panels() == varied_panels()


def test_rows_outside_the_window_are_ignored():
    earlier = metrics_row(dt.date(2025, 11, 20), high=9e9)
    assert panels_of([earlier, *without(())]) == panels_of()


def built(metrics, composites, **changes):
    arguments = {
        "symbol": "SPY", "day": DAY, "sessions": SESSIONS, "inference_version": "PhaseA_v1", "as_of": DAY, "sample_data": False,
    } | changes  # fmt: skip
    return build_pressure_panels(metrics_frame(metrics), composite_frame(composites), **arguments)


@pytest.mark.parametrize(
    ("metrics", "composites", "complaint"),
    [
        ([metrics_row(DAY, symbol="QQQ")], [], "'SPY' takes rows of that symbol"),
        ([], [composite_row(DAY, symbol="QQQ")], "'SPY' takes rows of that symbol"),
        ([metrics_row(DAY, inference_version="PhaseB")], [], "rows of that inference_version"),
        ([metrics_row(DAY), metrics_row(DAY)], [], "one row per session"),
    ],
)
def test_mixed_rows_are_refused(metrics, composites, complaint):
    with pytest.raises(ValueError, match=complaint):
        built(metrics, composites)


@pytest.mark.parametrize("sessions", [[], SESSIONS[:-1]])
def test_a_window_that_does_not_end_on_the_day_is_refused(sessions):
    with pytest.raises(ValueError, match="takes the sessions up to that day"):
        built([], [], sessions=sessions)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.floats(0.01, 1e6)), min_size=1, max_size=len(SESSIONS)))
def test_whatever_is_stored_every_mark_lies_within_its_scale(numbers):
    metrics, composites = [], []
    for session, (direction, pressure, score, price) in zip(reversed(SESSIONS), numbers, strict=False):
        prices = {"open": price, "high": price, "low": price, "close": price}
        metrics.append(metrics_row(session, log_buy_sell=direction, short_ratio_z=pressure, **prices))
        composites.append(composite_row(session, composite_score=score and math.tanh(score)))
    panels = panels_of(metrics, composites)
    for panel, scale in zip(panels.panels, panels.views[-1].scales, strict=True):
        values = [mark.value for mark in panel.marks] + [candle.close for candle in panel.candles]
        assert all(scale.low <= value <= scale.high for value in values)
