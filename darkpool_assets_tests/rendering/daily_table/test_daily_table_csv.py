"""The CSV: complete, exact, and harmless in a spreadsheet."""

import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.rendering.daily_table.daily_table_csv import daily_table_csv, inert_text
from darkpool_assets.tables import DAILY_METRICS
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE


def read(text):
    return pl.read_csv(io.StringIO(text), schema=pl.Schema({**DAILY_METRICS.schema, "disclaimer": pl.String}))


def test_rows_survive_the_way_through_csv(metrics_of, anchored, bare):
    metrics = metrics_of(anchored(log_buy_sell=-1 / 3, volume=1e17, short_ratio=5e-324), bare())
    assert_frame_equal(read(daily_table_csv(metrics)).drop("disclaimer"), metrics, check_exact=True)


def test_the_header_names_every_column_and_the_disclaimer_last(metrics_of, anchored):
    header = daily_table_csv(metrics_of(anchored())).splitlines()[0]
    assert header.split(",") == [*DAILY_METRICS.column_names, "disclaimer"]


def test_every_row_carries_the_disclaimer_verbatim(metrics_of, anchored, bare):
    assert read(daily_table_csv(metrics_of(anchored(), bare())))["disclaimer"].to_list() == [DISCLAIMER] * 2


def test_sample_data_are_marked_in_every_row(metrics_of, anchored):
    (statement,) = read(daily_table_csv(metrics_of(anchored()), sample_data=True))["disclaimer"]
    assert statement == f"{SAMPLE_DATA_NOTICE}. {DISCLAIMER}"


def test_columns_beside_the_table_are_left_out(metrics_of, anchored):
    metrics = metrics_of(anchored()).with_columns(note=pl.lit("beside"))
    assert "beside" not in daily_table_csv(metrics)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"])
def test_text_that_a_spreadsheet_would_run_is_made_inert(metrics_of, anchored, text):
    assert read(daily_table_csv(metrics_of(anchored(symbol=text))))["symbol"].item() == f"'{text}"


def test_a_negative_number_stays_a_number(metrics_of, anchored):
    assert read(daily_table_csv(metrics_of(anchored(return_1d=-0.5))))["return_1d"].item() == -0.5


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_empty(metrics_of, anchored, value):
    assert read(daily_table_csv(metrics_of(anchored(close=value))))["close"].item() is None


def test_no_rows_are_a_header(metrics_of):
    assert daily_table_csv(metrics_of()).count("\n") == 1


@settings(max_examples=100)
@given(st.text())
def test_inert_text_only_ever_gains_an_apostrophe(text):
    inert = pl.DataFrame({"symbol": [text]}).with_columns(inert_text()).item()
    assert inert in {text, f"'{text}"}
    assert not inert.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
