"""A day of every ticker: what stands side by side, what each flag says, and that the order of runs changes nothing."""

import datetime as dt
import math
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import MetricInputs, build_daily_metrics, week_shares_of
from darkpool_assets.analytics.pressure_context import PressureRules
from darkpool_assets.tables import (
    DAILY_METRICS,
    FINRA_OTC_WEEKLY_RAW,
    FINRA_SHORT_DAILY_RAW,
    LIT_DIRECTION_DAILY,
    POLYGON_DAILY_AGG_RAW,
)

DAY = dt.date(2025, 6, 18)
WEEK = dt.date(2025, 6, 16)
BEFORE = market_calendar.sessions_before(DAY, 45)
LAST_20 = BEFORE[-20:]
WEEK_SESSIONS = market_calendar.sessions_of_week(WEEK)
PUBLISHED = dt.date(2025, 7, 7)
NOTHING = MetricInputs(
    lit=LIT_DIRECTION_DAILY.empty(),
    short_rows=FINRA_SHORT_DAILY_RAW.empty(),
    short_sources=pl.DataFrame(schema={"trade_date": pl.Date, "source": pl.String}),
    aggs=POLYGON_DAILY_AGG_RAW.empty(),
    otc_rows=FINRA_OTC_WEEKLY_RAW.empty(),
)
# Ten values a step below and ten a step above their mean: the sd is step x sqrt(20 / 19).
SD_OF_A_STEP = math.sqrt(20 / 19)


def metrics(inputs=NOTHING, *, symbols=("SPY",), as_of=PUBLISHED, lit_window=20, rules=PressureRules(), version="v1"):  # noqa: B008
    return build_daily_metrics(
        inputs, day=DAY, symbols=symbols, rules=rules, lit_window=lit_window, inference_version=version, as_of=as_of
    )


def row(inputs, **options):
    (only,) = metrics(inputs, **options).to_dicts()
    return only


def direction(values, *, symbol="SPY", method="NBBO", ratio: float | None = 0.6):
    """Rows of lit_direction_daily: (date, log_buy_sell) with one method, or (date, log_buy_sell, method)."""
    rows = [
        {"symbol": symbol, "date": day, "log_buy_sell": value, "classification_method": (*rest, method)[0],
         "classification_rule": "lee_ready", "inference_version": "v1", "lit_buy_ratio": ratio, "lit_buy_volume": 60.0,
         "lit_sell_volume": 40.0, "lit_coverage_pct": 90.0, "direction_stable": True}
        for day, value, *rest in values
    ]  # fmt: skip
    return LIT_DIRECTION_DAILY.conform(
        pl.DataFrame(rows, schema_overrides={"log_buy_sell": pl.Float64, "lit_buy_ratio": pl.Float64})
    )


def shorts(values, *, symbol="SPY", total=100.0, source="CNMS"):
    """Rows of finra_short_daily_raw: (date, short volume)."""
    rows = [
        {"symbol": symbol, "trade_date": day, "short_volume": value, "short_exempt_volume": 0.0, "total_volume": total,
         "source": source, "source_file": "f", "content_hash": "h", "ingested_at": dt.datetime.combine(LAST_20[0], dt.time())}
        for day, value in values
    ]  # fmt: skip
    return FINRA_SHORT_DAILY_RAW.conform(pl.DataFrame(rows))


def bars(values, *, symbol="SPY", volume: float | None = 1000.0):
    """Rows of polygon_daily_agg_raw: (date, close)."""
    rows = [
        {"symbol": symbol, "trade_date": day, "close": value, "high": 11.0, "low": 9.0, "volume": volume, "data_source": "FILE"}
        for day, value in values
    ]
    return POLYGON_DAILY_AGG_RAW.conform(pl.DataFrame(rows, schema_overrides={"close": pl.Float64, "volume": pl.Float64}))


def weekly(*, symbol="SPY", week=WEEK, volume=400.0, published=PUBLISHED):
    values = {
        "symbol": symbol, "week_start_date": week, "off_exchange_volume": volume, "tier_identifier": "T1",
        "summary_type_code": "ATS_W_SMBL", "initial_published_date": published, "source_file": "f", "content_hash": "h",
        "ingested_at": dt.datetime.combine(PUBLISHED, dt.time()),
    }  # fmt: skip
    return FINRA_OTC_WEEKLY_RAW.conform(pl.DataFrame([values]))


def stored(**frames):
    """Inputs that hold `frames` and nothing else; the short sources follow from the short rows."""
    if "short_rows" in frames and "short_sources" not in frames:
        frames["short_sources"] = frames["short_rows"].select("trade_date", "source").unique()
    return replace(NOTHING, **frames)


def around(mean, step, days=LAST_20):
    """Values that alternate a step below and a step above `mean`."""
    return [(day, mean + (step if index % 2 else -step)) for index, day in enumerate(days)]


def closes_of_returns(returns):
    """(date, close) from the session before the first of (date, return) on."""
    closes = [(market_calendar.previous_session(returns[0][0]), 100.0)]
    for day, value in returns:
        closes.append((day, closes[-1][1] * (1 + value)))
    return closes


def a_full_day(symbol="SPY", reg_sho="SPY", polygon="SPY"):
    return stored(
        lit=direction([*around(0.1, 0.2), (DAY, 0.5)], symbol=symbol),
        short_rows=shorts([*around(50.0, 10.0), (DAY, 70.0), (WEEK_SESSIONS[-1], 50.0)], symbol=reg_sho),
        aggs=bars([*closes_of_returns([*around(0.0, 0.01), (DAY, 0.03)]), (WEEK_SESSIONS[-1], 100.0)], symbol=polygon),
        otc_rows=weekly(symbol=polygon),
    )


# Every ticker, always


def test_with_nothing_stored_at_all_every_ticker_has_its_row_and_no_number():
    rows = metrics(symbols=["QQQ", "SPY"])
    told = {
        "date": DAY,
        "otc_status": "NO_COVERAGE",
        "data_quality": "PRE_OTC",
        "pressure_context_label": "NEUTRAL",
        "inference_version": "v1",
        "as_of": PUBLISHED,
        **dict.fromkeys(("has_otc", "has_short", "has_lit", "has_price"), False),
    }
    assert rows.to_dicts() == [
        dict.fromkeys(DAILY_METRICS.column_names) | {"symbol": symbol, **told} for symbol in ("QQQ", "SPY")
    ]


def test_the_rows_have_the_tables_schema():
    assert metrics().schema == metrics(a_full_day()).schema == DAILY_METRICS.schema


def test_a_ticker_that_no_feed_knows_keeps_its_row_beside_the_others():
    assert metrics(a_full_day(), symbols=["ZZZZ", "SPY"]).select("symbol", "has_price").rows() == [("ZZZZ", False), ("SPY", True)]


def test_symbols_that_are_stored_and_not_configured_get_no_row():
    assert metrics(a_full_day(), symbols=["QQQ"])["symbol"].to_list() == ["QQQ"]


@pytest.mark.parametrize("spelled", ["BRK.B", "BRK/B"])
def test_a_class_share_is_found_in_every_feed_and_keeps_its_spelling(spelled):
    (brk,) = metrics(a_full_day(spelled, "BRK/B", "BRK.B"), symbols=[spelled]).to_dicts()
    plain = row(a_full_day())
    assert brk == plain | {"symbol": spelled}


def test_both_spellings_of_a_class_share_may_be_configured_at_once():
    rows = metrics(a_full_day("BRK.B", "BRK/B", "BRK.B"), symbols=["BRK.B", "BRK/B"])
    assert rows.select("symbol", "short_ratio", "otc_alloc_volume").rows() == [("BRK.B", 0.7, 100.0), ("BRK/B", 0.7, 100.0)]


def test_case_is_part_of_a_symbol():
    assert metrics(a_full_day("ABRpD", "ABRpD", "ABRpD"), symbols=["ABRPD"])["has_short"].to_list() == [False]


# A whole day, worked by hand


def test_the_numbers_of_a_whole_day_are_the_hand_worked_ones():
    worked = {
        "log_buy_sell": 0.5,
        "log_buy_sell_z": 0.4 / (0.2 * SD_OF_A_STEP),
        "lit_buy_ratio": 0.6,
        "short_ratio": 0.7,
        "short_ratio_z": 0.2 / (0.1 * SD_OF_A_STEP),
        "short_total_volume": 100.0,
        "return_1d": 0.03,
        "return_z": 0.03 / (0.01 * SD_OF_A_STEP),
        "otc_off_exchange_volume": 400.0,
        "otc_ats_volume": 400.0,
        "otc_alloc_volume": 100.0,
        "otc_buy_volume": 60.0,
        "otc_sell_volume": 40.0,
        "otc_participation_rate": 0.1,
    }
    inputs = a_full_day()
    # Equal totals on the four sessions of the week: a quarter each.
    day = row(inputs)
    assert {name: day[name] for name in worked} == {name: pytest.approx(value, rel=1e-9) for name, value in worked.items()}
    assert day["pressure_context_label"] == "SHORT_INTO_STRENGTH"
    assert (day["data_quality"], day["otc_status"], day["otc_alloc_basis"]) == ("OTC_ANCHORED", "ANCHORED", "FINRA_DAILY")


# Flags


def test_direction_is_there_exactly_when_its_logarithm_is():
    flags = [row(stored(lit=direction([(DAY, value)])))["has_lit"] for value in (0.0, -0.5, None)]
    assert flags == [True, True, False]


def test_a_day_without_a_logarithm_keeps_its_volumes_and_method():
    day = row(stored(lit=direction([(DAY, None)], method="NONE", ratio=None)))
    assert (day["classification_method"], day["lit_buy_volume"], day["log_buy_sell_z"]) == ("NONE", 60.0, None)


def test_short_is_there_exactly_when_its_ratio_is():
    no_total = shorts([(DAY, 40.0)], total=0.0)
    assert row(stored(short_rows=no_total))["has_short"] is False
    with_volume = row(stored(short_rows=no_total, aggs=bars([(DAY, 10.0)])))
    assert (with_volume["has_short"], with_volume["short_ratio"]) == (True, 0.04)
    assert with_volume["short_ratio_denominator_type"] == "POLYGON_TOTAL"


def test_a_short_ratio_of_zero_is_there():
    assert row(stored(short_rows=shorts([(DAY, 0.0)])))["has_short"] is True


def test_price_is_there_exactly_when_its_close_is():
    assert [row(stored(aggs=bars([(DAY, close)])))["has_price"] for close in (10.0, None)] == [True, False]


def test_rows_of_other_days_alone_leave_the_day_without_numbers():
    yesterday = BEFORE[-1]
    inputs = stored(lit=direction([(yesterday, 0.1)]), short_rows=shorts([(yesterday, 40.0)]), aggs=bars([(yesterday, 10.0)]))
    assert [row(inputs)[flag] for flag in ("has_lit", "has_short", "has_price")] == [False, False, False]


# z-scores


def test_only_sessions_with_the_days_own_method_count_in_the_lit_z():
    values = [(day, value, "NBBO") for day, value in around(0.1, 0.2, LAST_20[-10:])]
    others = [(day, 9.0, "TICK") for day in LAST_20[:10]]
    day = row(stored(lit=direction([*values, *others, (DAY, 0.5, "NBBO")])))
    assert day["log_buy_sell_z"] == pytest.approx(0.4 / (0.2 * math.sqrt(10 / 9)))


def test_too_few_sessions_with_the_days_own_method_give_no_lit_z():
    values = [(day, value, "NBBO") for day, value in around(0.1, 0.2, LAST_20[-9:])]
    others = [(day, value, "TICK") for day, value in around(0.1, 0.2, LAST_20[:11])]
    assert row(stored(lit=direction([*values, *others, (DAY, 0.5, "NBBO")])))["log_buy_sell_z"] is None
    assert row(stored(lit=direction([*values, *others, (DAY, 0.5, "TICK")])))["log_buy_sell_z"] is not None


def test_only_the_sessions_of_the_lit_window_count():
    older = [(day, 50.0) for day in BEFORE[:-20]]
    values = direction([*older, *around(0.1, 0.2), (DAY, 0.5)])
    assert row(stored(lit=values))["log_buy_sell_z"] == pytest.approx(2 / SD_OF_A_STEP)
    assert row(stored(lit=values), lit_window=21)["log_buy_sell_z"] < 1


def test_a_session_without_a_value_is_skipped_and_not_replaced_by_an_older_one():
    gap = [(day, value) for day, value in around(0.1, 0.2) if day not in LAST_20[:2]]
    older = [(day, 50.0) for day in BEFORE[:-20]]
    day = row(stored(lit=direction([*older, *gap, (DAY, 0.5)])))
    assert day["log_buy_sell_z"] == pytest.approx(2 / math.sqrt(18 / 17))


def test_each_z_has_a_window_of_its_own():
    inputs = a_full_day()
    rules = PressureRules(short_window=10, return_window=14)
    day = row(inputs, rules=rules, lit_window=12)
    assert day["short_ratio_z"] == pytest.approx(2 / math.sqrt(10 / 9))
    assert day["return_z"] == pytest.approx(3 / math.sqrt(14 / 13))
    assert day["log_buy_sell_z"] == pytest.approx(2 / math.sqrt(12 / 11))


def test_the_widest_window_has_all_its_returns():
    days = BEFORE[-40:]
    inputs = stored(aggs=bars(closes_of_returns([*around(0.0, 0.01, days), (DAY, 0.03)])))
    assert row(inputs, rules=PressureRules(return_window=40))["return_z"] == pytest.approx(3 / math.sqrt(40 / 39))


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_days_were_stored_changes_nothing(random):
    inputs = a_full_day()

    def shuffled(frame):
        order = list(range(frame.height))
        random.shuffle(order)
        return frame[order]

    frames = {name: shuffled(getattr(inputs, name)) for name in ("lit", "short_rows", "short_sources", "aggs", "otc_rows")}
    assert_frame_equal(metrics(MetricInputs(**frames)), metrics(inputs), check_exact=True)


def test_days_stored_after_the_day_change_no_z():
    inputs = a_full_day()
    later = market_calendar.sessions_after(DAY, 10)
    more = replace(
        inputs,
        lit=pl.concat([inputs.lit, direction([(day, 9.0) for day in later])]),
        short_rows=pl.concat([inputs.short_rows, shorts([(day, 99.0) for day in later[1:]])]),
        short_sources=pl.concat([inputs.short_sources, pl.DataFrame({"trade_date": later, "source": ["CNMS"] * 10})]),
        aggs=pl.concat([inputs.aggs, bars([(day, 999.0) for day in later[1:]])]),
    )
    assert_frame_equal(metrics(more), metrics(inputs), check_exact=True)


def test_other_tickers_change_nothing():
    inputs = a_full_day()
    frames = {
        name: pl.concat([getattr(inputs, name), getattr(inputs, name).with_columns(symbol=pl.lit("QQQ"))])
        for name in ("lit", "short_rows", "aggs", "otc_rows")
    }
    both = metrics(replace(inputs, **frames), symbols=["QQQ", "SPY"])
    assert_frame_equal(both.filter(symbol="SPY"), metrics(inputs), check_exact=True)


@pytest.mark.parametrize("as_of", [DAY, PUBLISHED - dt.timedelta(days=1), dt.date(2026, 6, 1)])
def test_as_of_decides_about_the_otc_week_alone(as_of):
    with_week, without = row(a_full_day()), row(a_full_day(), as_of=as_of)
    changed = {name for name in with_week if with_week[name] != without[name]}
    assert {name for name in changed if not name.startswith(("otc_", "has_otc", "data_quality", "as_of"))} == set()


# The OTC week


@pytest.mark.parametrize(("late", "quality"), [(-1, "PRE_OTC"), (0, "OTC_ANCHORED")])
def test_the_day_is_anchored_from_the_published_date_of_its_week_on(late, quality):
    assert row(a_full_day(), as_of=PUBLISHED + dt.timedelta(days=late))["data_quality"] == quality


def test_an_older_week_is_context_without_allocation():
    day = row(replace(a_full_day(), otc_rows=weekly(week=WEEK - dt.timedelta(weeks=1), published=dt.date(2025, 6, 30))))
    nothing = ["otc_alloc_volume", "otc_alloc_basis", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate"]
    assert (day["has_otc"], day["data_quality"], day["otc_off_exchange_volume"]) == (True, "PRE_OTC", 400.0)
    assert [day[name] for name in nothing] == [None] * 5


@pytest.mark.parametrize(
    ("method", "ratio", "buy"),
    [("NBBO", 0.6, 60.0), ("MIXED", 0.6, 60.0), ("TICK", 0.6, 60.0), ("BVC", 0.6, None), ("NONE", None, None)],
)
def test_sides_are_inferred_from_trades_and_never_from_bars(method, ratio, buy):
    day = row(replace(a_full_day(), lit=direction([(DAY, 0.5)], method=method, ratio=ratio)))
    assert (day["otc_alloc_volume"], day["otc_buy_volume"]) == (100.0, buy)
    assert day["otc_sell_volume"] == (None if buy is None else 40.0)
    assert (day["lit_buy_ratio"], day["classification_method"]) == (ratio, method)


def test_an_anchored_day_without_trades_is_allocated_without_sides():
    day = row(replace(a_full_day(), lit=LIT_DIRECTION_DAILY.empty()))
    assert (day["otc_alloc_volume"], day["otc_buy_volume"], day["otc_sell_volume"]) == (100.0, None, None)


def test_without_short_totals_the_week_is_spread_by_consolidated_volume():
    volumes = zip(WEEK_SESSIONS, [100.0, 200.0, 300.0, 400.0], strict=True)
    aggs = pl.concat([bars([(day, 10.0)], volume=volume) for day, volume in volumes])
    day = row(stored(aggs=aggs, otc_rows=weekly()))
    assert (day["otc_alloc_basis"], day["otc_alloc_volume"], day["otc_participation_rate"]) == ("POLYGON_DAILY", 120.0, 0.4)


def test_with_neither_the_week_is_spread_evenly():
    day = row(stored(otc_rows=weekly()))
    assert (day["otc_alloc_basis"], day["otc_alloc_volume"], day["otc_participation_rate"]) == ("EQUAL", 100.0, None)


def test_a_week_whose_sessions_rest_on_different_short_files_is_spread_by_their_totals():
    first, *others = WEEK_SESSIONS
    rows = [shorts([(first, 1.0)], source=source, total=50.0) for source in ("FNSQ", "FNYX")]
    rows.append(shorts([(day, 1.0) for day in others], total=100.0))
    shares = week_shares_of(stored(short_rows=pl.concat(rows)), ["SPY"], day=first)
    assert shares.select("otc_alloc_basis", "week_share").rows() == [("FINRA_DAILY", 0.25)]
