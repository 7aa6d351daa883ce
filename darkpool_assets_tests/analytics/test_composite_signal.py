"""The composite against hand-worked answers, and its laws."""

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets import market_calendar
from darkpool_assets.analytics.composite_scores import final_label
from darkpool_assets.analytics.composite_signal import CompositeInputs
from darkpool_assets.analytics.daily_metrics import MetricInputs, build_daily_metrics, otc_participation_rates
from darkpool_assets.analytics.pressure_context import PressureRules
from darkpool_assets.tables import (
    COMPOSITE_SIGNAL,
    FINRA_OTC_WEEKLY_RAW,
    FINRA_SHORT_DAILY_RAW,
    LIT_DIRECTION_DAILY,
    POLYGON_DAILY_AGG_RAW,
)
from darkpool_assets.vocabulary import FinalLabel
from darkpool_assets_tests.analytics.composite_days import (
    AS_OF,
    BEFORE,
    DAY,
    EARLIER,
    FIVE_WEEKS,
    NO_DIRECTION,
    NO_SHORT,
    WEEK,
    WHOLE,
    bars,
    cases,
    composite,
    frame,
    inputs_of,
    row_of,
    rows_of,
    several_cases,
    short_rows,
    weekly_row,
)

ANSWERS = pl.read_csv(
    Path(__file__).parents[1] / "answers" / "composite_signal.csv", schema_overrides={"earlier_rates": pl.String}
)
signs = st.sampled_from([-1, 1])
law = settings(max_examples=12, deadline=None)


# Answers


@pytest.fixture(scope="module")
def worked() -> pl.DataFrame:
    """The composites of every hand-worked case, each sign in one call."""
    made = []
    for sign in (-1, 1):
        cases = ANSWERS.filter(pl.col("sign") == sign)
        made.append(composite(inputs_of(*cases.iter_rows(named=True)), pressure_sign=sign))
    return pl.concat(made)


@pytest.mark.parametrize("answer", ANSWERS.to_dicts(), ids=ANSWERS["case"])
def test_a_case_has_its_hand_worked_scores_confidence_and_label(worked: pl.DataFrame, answer: dict[str, Any]):
    (row,) = worked.filter(symbol=answer["case"]).to_dicts()
    numbers = {
        "directional_score": "directional", "pressure_score": "pressure", "participation_score": "participation",
        "composite_score": "score", "c_lit": "c_lit", "c_short": "c_short", "confidence": "confidence",
    }  # fmt: skip
    expected = {name: answer[of] if answer[of] is None else pytest.approx(answer[of], abs=1e-12) for name, of in numbers.items()}
    assert {name: row[name] for name in numbers} == expected
    assert row["final_label"] == answer["label"]
    assert (row["lit_z_periods"], row["short_z_periods"]) == (answer["lit_periods"], answer["short_periods"])


def test_the_answers_hold_every_label():
    assert set(FinalLabel) == {*ANSWERS["label"]}


def test_the_rows_have_the_tables_schema_and_the_key_of_the_metrics():
    inputs = inputs_of(WHOLE, WHOLE | {"case": "QQQ"})
    rows = composite(inputs)
    assert rows.schema == COMPOSITE_SIGNAL.schema
    key = ["date", "symbol", "inference_version", "as_of", "data_quality"]
    assert_frame_equal(rows.select(key), inputs.metrics.select(key))


def test_a_day_without_metrics_has_no_composite():
    inputs = inputs_of(WHOLE)
    assert composite(replace(inputs, metrics=inputs.metrics.clear())).equals(COMPOSITE_SIGNAL.empty())


def test_a_score_of_zero_has_no_sign():
    row = row_of(WHOLE | {"lit_odds": 1.0, "short_odds": 1.0})
    assert [math.copysign(1, row[name]) for name in ("directional_score", "pressure_score", "composite_score")] == [1.0] * 3


# Labels at their bounds


@pytest.mark.parametrize(
    ("score", "confidence", "label"),
    [
        (1.0, 0.35, "LEAN_ACCUMULATION"), (1.0, 0.3499999, "INSUFFICIENT"), (0.1999999, 1.0, "NEUTRAL"),
        (0.2, 1.0, "LEAN_ACCUMULATION"), (-0.2, 1.0, "LEAN_DISTRIBUTION"), (-0.1999999, 1.0, "NEUTRAL"), (0.0, 1.0, "NEUTRAL"),
        (0.4999999, 1.0, "LEAN_ACCUMULATION"), (-0.4999999, 1.0, "LEAN_DISTRIBUTION"), (0.5, 1.0, "INFERRED_ACCUMULATION"),
        (-0.5, 1.0, "INFERRED_DISTRIBUTION"), (1.0, 0.5, "INFERRED_ACCUMULATION"), (-1.0, 0.5, "INFERRED_DISTRIBUTION"),
    ],
)  # fmt: skip
def test_a_label_changes_exactly_at_its_bound(score: float, confidence: float, label: str):
    row = pl.DataFrame({"composite_score": score, "confidence": confidence, "directional_score": 0.1, "direction_stable": True})
    assert row.select(final_label()).item() == label


def test_a_label_is_never_null_whatever_is_null():
    names = ["composite_score", "confidence", "directional_score"]
    nothing = pl.DataFrame([dict.fromkeys(names)], schema=dict.fromkeys(names, pl.Float64))
    assert nothing.with_columns(direction_stable=pl.lit(None, pl.Boolean)).select(final_label()).item() == "INSUFFICIENT"


# Windows


def test_a_session_of_another_method_does_not_fill_the_lit_window():
    inputs = inputs_of(WHOLE)
    other = pl.when(pl.col("date").is_in(BEFORE[-5:])).then(pl.lit("TICK")).otherwise("classification_method")
    lit = inputs.look_back.lit.with_columns(classification_method=other)
    (row,) = composite(replace(inputs, look_back=replace(inputs.look_back, lit=lit))).to_dicts()
    assert (row["lit_z_periods"], row["c_lit"]) == (15, 0.75)


def test_a_session_of_another_denominator_does_not_fill_the_short_window():
    inputs = inputs_of(WHOLE)
    other = pl.when(pl.col("trade_date").is_in(BEFORE[-5:])).then(0.0).otherwise("total_volume")
    shorts = inputs.look_back.short_rows.with_columns(total_volume=other)
    (row,) = composite(replace(inputs, look_back=replace(inputs.look_back, short_rows=shorts))).to_dicts()
    assert (row["short_z_periods"], row["c_short"]) == (15, 0.75)


def test_each_window_is_the_settings_own():
    row = row_of(WHOLE | {"lit_periods": 40, "short_periods": 40}, lit_window=25, short_window=40)
    assert (row["lit_z_periods"], row["short_z_periods"], row["confidence"]) == (25, 40, 1.0)
    row = row_of(lit_window=40, short_window=25)
    assert (row["c_lit"], row["c_short"]) == (0.5, 0.8)


def test_ample_coverage_counts_no_more_than_whole():
    assert [row_of(WHOLE | {"lit_coverage_pct": pct})["c_lit"] for pct in (80.0, 99.0, 100.0, 40.0)] == [1.0, 1.0, 1.0, 0.5]


def test_a_score_without_its_look_back_is_no_evidence():
    inputs = inputs_of(WHOLE)
    nothing = replace(inputs.look_back, lit=LIT_DIRECTION_DAILY.empty(), short_rows=FINRA_SHORT_DAILY_RAW.empty())
    (row,) = composite(replace(inputs, look_back=nothing)).to_dicts()
    assert (row["c_lit"], row["c_short"], row["confidence"], row["final_label"]) == (0.0, 0.0, 0.0, "INSUFFICIENT")


# Participation


def test_a_week_published_after_as_of_does_not_count():
    inputs = inputs_of(FIVE_WEEKS)
    late = pl.when(pl.col("week_start_date") == EARLIER[-1]).then(pl.lit(AS_OF + dt.timedelta(days=1)))
    rows = inputs.look_back.otc_rows.with_columns(initial_published_date=late.otherwise("initial_published_date"))
    (row,) = composite(replace(inputs, look_back=replace(inputs.look_back, otc_rows=rows))).to_dicts()
    assert (row["participation_z_periods"], row["participation_score"]) == (4, None)


def test_a_week_nine_weeks_back_does_not_count():
    inputs = inputs_of(FIVE_WEEKS)
    old = frame(FINRA_OTC_WEEKLY_RAW, [weekly_row("SPY", EARLIER[0] - dt.timedelta(weeks=1), 4500.0)])
    rows = pl.concat([inputs.look_back.otc_rows, old])
    assert_frame_equal(composite(replace(inputs, look_back=replace(inputs.look_back, otc_rows=rows))), composite(inputs))


def test_the_days_own_week_is_not_its_own_history():
    inputs = inputs_of(FIVE_WEEKS)
    own = frame(FINRA_OTC_WEEKLY_RAW, [weekly_row("SPY", WEEK, 2000.0)])
    rows = pl.concat([inputs.look_back.otc_rows, own])
    assert_frame_equal(composite(replace(inputs, look_back=replace(inputs.look_back, otc_rows=rows))), composite(inputs))


def test_a_week_with_a_session_without_volume_has_no_rate():
    inputs = inputs_of(FIVE_WEEKS)
    aggs = inputs.look_back.aggs.filter(pl.col("trade_date") != EARLIER[-1])
    (row,) = composite(replace(inputs, look_back=replace(inputs.look_back, aggs=aggs))).to_dicts()
    assert (row["participation_z_periods"], row["participation_z"]) == (4, None)


def test_rates_that_differ_by_rounding_only_have_no_spread():
    assert row_of(FIVE_WEEKS | {"earlier_rates": "0.3 0.3 0.3 0.30000000000001 0.3"})["participation_z"] is None


@pytest.mark.parametrize("spelled", ["BRK.B", "BRK/B"])
def test_a_class_share_has_its_participation_in_either_spelling(spelled: str):
    plain = inputs_of(FIVE_WEEKS)
    stored = plain.look_back
    spellings = {"lit": spelled, "short_rows": "BRK/B", "aggs": "BRK.B", "otc_rows": "BRK.B"}
    respelled = {name: getattr(stored, name).with_columns(symbol=pl.lit(spelling)) for name, spelling in spellings.items()}
    inputs = CompositeInputs(plain.metrics.with_columns(symbol=pl.lit(spelled)), replace(stored, **respelled))
    assert_frame_equal(composite(inputs).drop("symbol"), composite(plain).drop("symbol"))


@pytest.mark.parametrize("week", [EARLIER[3], EARLIER[5]], ids=["five sessions", "a holiday week"])
def test_an_earlier_weeks_rate_is_what_a_day_anchored_to_it_carries(week: dt.date):
    inputs = inputs_of(WHOLE | {"earlier_rates": "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8"}).look_back
    rates = otc_participation_rates(inputs, ["SPY"], weeks=EARLIER, as_of=AS_OF).filter(week_start_date=week)
    day = market_calendar.sessions_of_week(week)[1]
    anchored = build_daily_metrics(
        inputs, day=day, symbols=["SPY"], rules=PressureRules(), lit_window=20, inference_version="v1", as_of=AS_OF
    )
    assert rates["otc_participation_rate"].to_list() == anchored["otc_participation_rate"].to_list()
    assert rates["otc_participation_rate"].item() == pytest.approx(0.1 * (EARLIER.index(week) + 1))


# Laws


@law
@given(several_cases, signs)
def test_scores_and_confidence_stay_within_their_bounds(several, sign: int):
    for row in rows_of(several, pressure_sign=sign):
        scores = [row[name] for name in ("directional_score", "pressure_score", "participation_score", "composite_score")]
        assert all(-1 <= score <= 1 for score in scores if score is not None)
        assert all(0 <= row[name] <= 1 for name in ("c_lit", "c_short", "confidence"))


@law
@given(several_cases)
def test_the_score_is_there_exactly_when_a_part_of_it_is(several):
    for row in rows_of(several):
        parts = [row["directional_score"], row["pressure_score"]]
        assert (row["composite_score"] is None) == (parts == [None, None])


@pytest.mark.parametrize(
    "missing",
    [NO_DIRECTION, NO_SHORT, {"data_quality": "PRE_OTC", "rate": None}, {"earlier_rates": None}],
    ids=["direction", "short", "week", "earlier weeks"],
)
@law
@given(several_cases)
def test_a_missing_input_never_raises_confidence(missing: dict[str, Any], several):
    for without, whole in zip(rows_of(several, missing), rows_of(several), strict=True):
        assert without["confidence"] <= whole["confidence"]


@pytest.mark.parametrize(
    ("missing", "absent", "present"),
    [(NO_SHORT, "pressure_score", "directional_score"), (NO_DIRECTION, "directional_score", "pressure_score")],
)
@law
@given(several_cases)
def test_a_missing_score_is_not_a_score_of_zero(missing: dict[str, Any], absent: str, present: str, several):
    for row in rows_of(several, missing | {"earlier_rates": None}):
        assert row[absent] is None
        assert row["composite_score"] == pytest.approx(row[present])


@pytest.mark.parametrize("change", [NO_DIRECTION, {"classification_method": "BVC"}], ids=["no direction", "bars"])
@law
@given(several_cases, signs)
def test_short_pressure_alone_never_labels(change: dict[str, Any], several, sign: int):
    assert {row["final_label"] for row in rows_of(several, change, pressure_sign=sign)} == {"INSUFFICIENT"}


@law
@given(several_cases)
def test_the_pressure_sign_turns_the_pressure_score_and_touches_no_confidence(several):
    for selling, buying in zip(rows_of(several, pressure_sign=-1), rows_of(several, pressure_sign=1), strict=True):
        turned = None if buying["pressure_score"] is None else -buying["pressure_score"]
        assert selling["pressure_score"] == turned
        assert (selling["directional_score"], selling["confidence"]) == (buying["directional_score"], buying["confidence"])


@law
@given(several_cases)
def test_a_side_is_only_named_by_a_score_of_that_side(several):
    for row in rows_of(several):
        label, score = row["final_label"], row["composite_score"]
        assert not label.endswith("ACCUMULATION") or score > 0
        assert not label.endswith("DISTRIBUTION") or score < 0


@law
@given(st.tuples(cases(), cases(), cases()), st.permutations([0, 1, 2]), st.randoms(use_true_random=False))
def test_neither_other_symbols_nor_any_order_changes_a_row(three, order: list[int], random):
    named = [case | {"case": symbol} for case, symbol in zip(three, ("AAA", "BBB", "CCC"), strict=True)]
    inputs = inputs_of(*(named[place] for place in order))

    def shuffled(rows: pl.DataFrame) -> pl.DataFrame:
        places = list(range(rows.height))
        random.shuffle(places)
        return rows[places]

    frames = {name: shuffled(getattr(inputs.look_back, name)) for name in ("lit", "short_rows", "aggs", "otc_rows")}
    together = composite(replace(inputs, look_back=replace(inputs.look_back, **frames)))
    assert together["symbol"].to_list() == [named[place]["case"] for place in order]
    assert_frame_equal(together.sort("symbol"), composite(inputs_of(*named)), check_exact=True)
    # The words cut numbers off, so that a last bit may show in them.
    alone = pl.concat([composite(inputs_of(case)) for case in named]).drop("label_reasons")
    assert_frame_equal(together.sort("symbol").drop("label_reasons"), alone, rel_tol=1e-12, abs_tol=1e-15)


# Laws that start from the feeds: daily_metrics and composite together

LAST_20 = BEFORE[-20:]


def from_feeds(buys: list[float], shorts: list[float], *, scale: float = 1.0, swapped: bool = False) -> pl.DataFrame:
    """The composite of days with these buy volumes out of 100 and short volumes out of 100, the last one being the day."""
    days = [*LAST_20, DAY]
    sides = [(100 - buy, buy) if swapped else (buy, 100 - buy) for buy in buys]
    lit = [
        {"symbol": "SPY", "date": day, "lit_buy_volume": scale * buy, "lit_sell_volume": scale * sell,
         "log_buy_sell": math.log(buy / sell), "lit_buy_ratio": buy / 100, "classification_method": "NBBO",
         "lit_coverage_pct": 90.0, "direction_stable": True, "classification_rule": "lee_ready", "inference_version": "v1"}
        for day, (buy, sell) in zip(days, sides, strict=True)
    ]  # fmt: skip
    short = [
        row | {"short_volume": scale * volume, "total_volume": scale * 100}
        for row, volume in zip(short_rows(WHOLE), shorts, strict=True)
    ]
    weeks = [weekly_row("SPY", week, scale * 100 * (10 + place**2)) for place, week in enumerate([*EARLIER, WEEK])]
    look_back = MetricInputs(
        lit=frame(LIT_DIRECTION_DAILY, lit),
        short_rows=frame(FINRA_SHORT_DAILY_RAW, short),
        short_sources=pl.DataFrame({"trade_date": days, "source": ["CNMS"] * len(days)}),
        aggs=frame(POLYGON_DAILY_AGG_RAW, [bar | {"volume": scale * 1000} for bar in bars("SPY")]),
        otc_rows=frame(FINRA_OTC_WEEKLY_RAW, weeks),
    )
    metrics = build_daily_metrics(
        look_back, day=DAY, symbols=["SPY"], rules=PressureRules(), lit_window=20, inference_version="v1", as_of=AS_OF
    )
    return composite(CompositeInputs(metrics, look_back))


volumes = st.lists(st.integers(10, 90).map(float), min_size=21, max_size=21)


@settings(max_examples=10, deadline=None)
@given(volumes, volumes)
def test_swapping_buys_and_sells_turns_the_direction_and_nothing_else(buys, shorts):
    here, there = from_feeds(buys, shorts), from_feeds(buys, shorts, swapped=True)
    turned = there.with_columns(directional_score=pl.col("directional_score").neg() + 0.0)
    same = ["directional_score", "pressure_score", "participation_score", "c_lit", "c_short", "confidence"]
    assert_frame_equal(here.select(same), turned.select(same), rel_tol=1e-9, abs_tol=1e-12)


@settings(max_examples=10, deadline=None)
@given(volumes, volumes, st.sampled_from([1e-3, 0.5, 7.0, 1e6]))
def test_the_size_of_the_shares_changes_nothing(buys, shorts, scale):
    numbers = [name for name, dtype in COMPOSITE_SIGNAL.schema.items() if dtype.is_numeric()]
    here, there = from_feeds(buys, shorts), from_feeds(buys, shorts, scale=scale)
    assert_frame_equal(here.select(numbers), there.select(numbers), rel_tol=1e-6, abs_tol=1e-9)
    assert here["participation_score"].item() is not None
