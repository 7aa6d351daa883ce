"""Which short files a day rests on, its ratios and their z-score, against hand-worked answers."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.short_pressure import (
    SHORT_COLUMNS,
    build_short_pressure,
    short_ratio_zscores,
    short_ratios,
    short_rows_by_symbol,
)
from darkpool_assets.tables import DAILY_METRICS, FINRA_SHORT_DAILY_RAW

ANSWERS = Path(__file__).parents[1] / "answers"
DAY = dt.date(2024, 1, 10)
SESSIONS = [dt.date(2024, 1, number) for number in (3, 4, 5, 8, 9)]
CONFIGURED = ["OTCC", "AAA", "BRK.B", "ONLYSQ", "ABRpD"]
RATIOS = pl.read_csv(ANSWERS / "short_ratios.csv")
NO_VOLUMES = pl.DataFrame(schema={"date": pl.Date, "symbol": pl.String, "volume": pl.Float64})
volumes_of_a_row = st.tuples(*[st.integers(0, 10**6).map(float)] * 4)


def raw_rows(rows):
    """(trade_date, source, symbol, short, exempt, total) -> finra_short_daily_raw."""
    names = ["trade_date", "source", "symbol", "short_volume", "short_exempt_volume", "total_volume"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    marks = {"source_file": pl.lit("file"), "content_hash": pl.lit("hash"), "ingested_at": pl.datetime(2024, 2, 1)}
    return FINRA_SHORT_DAILY_RAW.conform(frame.with_columns(**marks))


def answer_rows():
    return raw_rows(pl.read_csv(ANSWERS / "short_rows_raw.csv", try_parse_dates=True).rows())


def sources_of(raw):
    return raw.select("trade_date", "source").unique()


def consolidated(rows):
    return pl.DataFrame(rows, schema=NO_VOLUMES.schema, orient="row")


def pressure(
    raw, volumes=NO_VOLUMES, *, symbols=("AAA",), min_periods=3, numerator: Any = "short_plus_exempt", sessions=SESSIONS
):
    return build_short_pressure(
        raw, sources_of(raw), volumes, day=DAY, symbols=symbols, sessions=sessions, min_periods=min_periods, numerator=numerator
    )


def history(shorts, *, totals=None):
    """One CNMS row of AAA for each of SESSIONS and DAY; total 100 unless given."""
    totals = totals or [100.0] * len(shorts)
    days = [*SESSIONS, DAY]
    return raw_rows([(day, "CNMS", "AAA", short, 0.0, total) for day, short, total in zip(days, shorts, totals, strict=True)])


def test_each_day_rests_on_the_hand_worked_source():
    raw = answer_rows()
    rows = short_rows_by_symbol(raw, sources_of(raw), symbols=CONFIGURED)
    expected = pl.read_csv(ANSWERS / "short_rows_expected.csv", try_parse_dates=True).drop("worked")
    assert_frame_equal(rows, expected.cast({name: pl.Float64 for name in expected.columns if name.endswith("volume")}))


def test_the_source_of_a_day_is_decided_by_the_whole_market():
    raw = raw_rows([(DAY, "FNSQ", "AAA", 1.0, 0.0, 2.0)])
    whole_market = pl.DataFrame({"trade_date": [DAY, DAY], "source": ["FNSQ", "CNMS"]})
    assert short_rows_by_symbol(raw, whole_market, symbols=["AAA"]).is_empty()


def test_facility_rows_of_the_api_are_summed():
    raw = raw_rows([(DAY, "API", "AAA", 1.0, 0.0, 2.0), (DAY, "API", "AAA", 3.0, 1.0, 5.0)])
    assert short_rows_by_symbol(raw, sources_of(raw), symbols=["AAA"]).row(0)[2:] == (4.0, 1.0, 7.0, "API")


def test_both_spellings_of_a_configured_symbol_get_their_row():
    raw = raw_rows([(DAY, "CNMS", "BRK/B", 1.0, 0.0, 2.0)])
    assert short_rows_by_symbol(raw, sources_of(raw), symbols=["BRK/B", "BRK.B"])["symbol"].to_list() == ["BRK.B", "BRK/B"]


def test_the_case_of_a_symbol_counts():
    raw = raw_rows([(DAY, "CNMS", "ABRPD", 1.0, 0.0, 2.0)])
    assert short_rows_by_symbol(raw, sources_of(raw), symbols=["ABRpD"]).is_empty()


@pytest.mark.parametrize("numerator", ["short_plus_exempt", "short"])
def test_the_ratios_are_the_hand_worked_ones(numerator):
    cases = RATIOS.filter(pl.col("numerator") == numerator)
    cases = cases.with_columns(cs.ends_with("volume", "ratio", "value", "short_numerator").cast(pl.Float64))
    rows = cases.select(pl.lit(DAY).alias("date"), "symbol", "short_volume", "short_exempt_volume", "short_total_volume")
    volumes = cases.drop_nulls("volume").select(pl.lit(DAY).alias("date"), pl.col("symbol").str.replace("/", "."), "volume")
    ratios = short_ratios(rows, volumes, numerator=numerator)
    expected = cases.drop("numerator", "volume", "worked")
    assert_frame_equal(ratios.select(expected.columns), expected, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("total", "volume", "kind", "ratio"),
    [(0.5, 9.0, "FINRA_TOTAL", 0.5), (0.0, 0.5, "POLYGON_TOTAL", 0.5), (0.0, 0.0, None, None)],
)
def test_a_fraction_of_a_share_is_a_denominator(total, volume, kind, ratio):
    (row,) = pressure(raw_rows([(DAY, "CNMS", "AAA", 0.25, 0.0, total)]), consolidated([(DAY, "AAA", volume)])).to_dicts()
    assert (row["short_ratio_denominator_type"], row["short_ratio"]) == (kind, ratio)


def test_an_unknown_numerator_is_refused():
    with pytest.raises(ValueError, match="EXEMPT"):
        pressure(history([1.0] * 6), numerator="exempt")


def test_the_z_score_is_the_hand_worked_one():
    # 0.1 0.3 0.5 0.3 0.3: mean 0.3, squares 0.04 + 0.04 = 0.08, sd = sqrt(0.08 / 4) = 0.1414214, (0.5 - 0.3) / sd
    assert pressure(history([10, 30, 50, 30, 30, 50]))["short_ratio_z"].item() == pytest.approx(math.sqrt(2))


def test_only_sessions_of_the_days_own_denominator_type_count():
    # FINRA_TOTAL: 0.1 0.3 0.5, mean 0.3, sd 0.2; the two POLYGON_TOTAL sessions (ratio 0.9) are left out.
    raw = history([10, 30, 50, 90, 90, 50], totals=[100, 100, 100, 0, 0, 100])
    volumes = consolidated([(day, "AAA", 100.0) for day in SESSIONS])
    assert pressure(raw, volumes)["short_ratio_z"].item() == pytest.approx(1.0)


def test_a_day_whose_denominator_type_just_changed_has_no_z_score():
    raw = history([10, 30, 50, 20, 40, 50], totals=[100, 100, 100, 100, 100, 0])
    row = pressure(raw, consolidated([(DAY, "AAA", 200.0)])).row(0, named=True)
    assert (row["short_ratio"], row["short_ratio_denominator_type"], row["short_ratio_z"]) == (0.25, "POLYGON_TOTAL", None)


def test_the_values_in_the_window_are_counted():
    raw = history([10, 30, 50, 20, 40, 50], totals=[100, 100, 100, 0, 100, 100])
    ratios = short_ratios(short_rows_by_symbol(raw, sources_of(raw), symbols=["AAA"]), NO_VOLUMES, numerator="short")
    assert short_ratio_zscores(ratios, day=DAY, sessions=SESSIONS, min_periods=3)["periods"].item() == 4


def test_a_change_of_source_keeps_the_session_in_the_window():
    raw = history([10, 30, 50, 30, 30, 50]).with_columns(
        pl.when(pl.col("trade_date") == SESSIONS[0]).then(pl.lit("API")).otherwise("source").alias("source")
    )
    assert pressure(raw)["short_ratio_z"].item() == pytest.approx(math.sqrt(2))


def test_every_configured_symbol_has_a_row_in_the_order_given():
    rows = pressure(history([10, 30, 50, 30, 30, 50]), symbols=["ZZZ", "AAA", "BRK.B"])
    assert rows.select("date", "symbol").rows() == [(DAY, "ZZZ"), (DAY, "AAA"), (DAY, "BRK.B")]


def test_no_short_row_means_null_everywhere_never_zero():
    rows = pressure(history([10, 30, 50, 30, 30, 50]), consolidated([(DAY, "ZZZ", 100.0)]), symbols=["ZZZ"])
    assert rows.select(SHORT_COLUMNS).row(0) == (None,) * len(SHORT_COLUMNS)


def test_a_short_row_before_the_day_does_not_make_one_of_the_day():
    raw = history([10, 30, 50, 30, 30, 50]).filter(pl.col("trade_date") < DAY)
    assert pressure(raw).select(SHORT_COLUMNS).row(0) == (None,) * len(SHORT_COLUMNS)


def test_a_short_row_without_a_denominator_keeps_its_volumes_and_source():
    row = pressure(history([10, 30, 50, 30, 30, 50], totals=[100, 100, 100, 100, 100, 0])).row(0, named=True)
    kept = {"short_volume": 50.0, "short_exempt_volume": 0.0, "short_total_volume": 0.0, "short_ratio_source": "CNMS"}
    assert {name: row[name] for name in SHORT_COLUMNS} == dict.fromkeys(SHORT_COLUMNS) | kept


def test_without_any_stored_row_every_symbol_is_null():
    rows = pressure(FINRA_SHORT_DAILY_RAW.empty(), symbols=["AAA", "BBB"])
    assert rows.select("symbol", "short_volume").rows() == [("AAA", None), ("BBB", None)]


@pytest.mark.parametrize("raw", [FINRA_SHORT_DAILY_RAW.empty(), history([10, 30, 50, 30, 30, 50])], ids=["empty", "stored"])
def test_the_columns_have_the_types_of_daily_metrics(raw):
    rows = pressure(raw)
    assert rows.schema == pl.Schema({name: DAILY_METRICS.schema[name] for name in ("date", "symbol", *SHORT_COLUMNS)})


def test_every_short_column_of_daily_metrics_is_made():
    assert set(SHORT_COLUMNS) == {name for name in DAILY_METRICS.column_names if name.startswith("short_")}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_neither_nan_nor_infinity_comes_out(bad):
    raw = history([10, bad, 50, 30, 30, bad], totals=[100, 100, bad, 100, 100, bad])
    rows = pressure(raw, consolidated([(DAY, "AAA", bad)]))
    floats = rows.select(pl.col(pl.Float64)).row(0)
    assert all(value is None or math.isfinite(value) for value in floats)


def test_volumes_near_the_largest_float_give_null_not_infinity():
    row = pressure(raw_rows([(DAY, "CNMS", "AAA", 1.7e308, 1.7e308, 1.7e308)])).row(0, named=True)
    assert (row["short_ratio"], row["short_ratio_denominator_type"], row["short_volume_ratio"]) == (None, None, 1.0)


@settings(max_examples=40, deadline=None)
@given(volumes_of_a_row, st.sampled_from([0.001, 0.5, 4.0, 1000.0]), st.sampled_from(["short_plus_exempt", "short"]))
def test_scaling_every_volume_leaves_the_ratios(row, scale, numerator):
    def ratios(factor):
        short, exempt, total, volume = (value * factor for value in row)
        raw = raw_rows([(DAY, "CNMS", "AAA", short, exempt, total)])
        return pressure(raw, consolidated([(DAY, "AAA", volume)]), numerator=numerator)

    kept = [
        "short_ratio",
        "short_volume_ratio",
        "short_ratio_numerator_type",
        "short_ratio_denominator_type",
        "short_ratio_source",
    ]
    assert_frame_equal(ratios(1.0).select(kept), ratios(scale).select(kept), rel_tol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.randoms())
def test_the_order_of_rows_changes_nothing(random):
    raw = answer_rows()
    shuffled = raw.rows()
    random.shuffle(shuffled)
    again = pl.DataFrame(shuffled, schema=raw.schema, orient="row")
    assert_frame_equal(
        short_rows_by_symbol(raw, sources_of(raw), symbols=CONFIGURED),
        short_rows_by_symbol(again, sources_of(again), symbols=CONFIGURED),
        check_exact=True,
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 100).map(float), min_size=6, max_size=6), volumes_of_a_row)
def test_rows_outside_the_window_change_nothing(shorts, other):
    raw = history(shorts)
    outside = [(day, "FNSQ", "AAA", *other[:3]) for day in (dt.date(2024, 1, 2), dt.date(2024, 1, 11))]
    assert_frame_equal(pressure(raw), pressure(pl.concat([raw, raw_rows(outside)])), check_exact=True)


@settings(max_examples=30, deadline=None)
@given(volumes_of_a_row, st.sampled_from(["short_plus_exempt", "short"]))
def test_the_ratio_and_what_it_is_made_of_are_present_together(row, numerator):
    short, exempt, total, volume = row
    made = pressure(
        raw_rows([(DAY, "CNMS", "AAA", short, exempt, total)]), consolidated([(DAY, "AAA", volume)]), numerator=numerator
    ).row(0, named=True)
    names = ("short_ratio", "short_ratio_numerator_type", "short_ratio_denominator_type", "short_ratio_denominator_value")
    assert len({made[name] is None for name in names}) == 1


def test_the_facility_files_as_published_sum_to_the_consolidated_file(real_samples):
    def read(family):
        lines = (real_samples / "finra_short" / f"{family}shvol20200102.txt").read_text().splitlines()[1:-1]
        fields = [line.split("|") for line in lines]
        return [(dt.date(2020, 1, 2), family, row[1], *(float(number) for number in row[2:5])) for row in fields]

    files = raw_rows(read("CNMS")), raw_rows([row for family in ("FNSQ", "FNQC", "FNYX", "FNRA") for row in read(family)])
    symbols = files[0]["symbol"].to_list()
    made = [short_rows_by_symbol(raw, sources_of(raw), symbols=symbols) for raw in files]
    assert_frame_equal(*(rows.drop("short_ratio_source") for rows in made))
