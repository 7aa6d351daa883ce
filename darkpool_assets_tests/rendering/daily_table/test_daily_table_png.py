"""The picture and its preview, without a browser."""

import json
import struct

import pytest

from darkpool_assets.rendering.daily_table.daily_table_png import (
    PREVIEW_BYTES,
    PREVIEW_ROWS,
    TEMPLATE,
    daily_table_png,
    daily_table_preview,
    picture_data,
    preview_of,
)
from darkpool_assets.rendering.png_colours import SIGNATURE
from darkpool_assets.rendering.typst_document import compile_png, data_text
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

HOSTILE = ["#panic()", "$x$ *b* _i_ `r` @ref <label>", '"]; #panic("', "\\u{0}", "// comment", "株式", "A" * 60]


def size_of(png):
    return struct.unpack(">II", png[16:24])


@pytest.fixture
def many_rows(table_of, anchored):
    return table_of(*(anchored(symbol=f"S{number:02d}") for number in range(60)), sample_data=True)


def test_the_picture_is_a_png_wide_enough_to_read(full_table):
    png = daily_table_png(full_table)
    assert png.startswith(SIGNATURE)
    assert 1900 <= size_of(png)[0] <= 2600


def test_pixels_follow_the_resolution(full_table):
    assert size_of(daily_table_png(full_table, ppi=72))[0] == pytest.approx(size_of(daily_table_png(full_table))[0] / 2, abs=1)


def test_equal_tables_give_equal_pictures(full_table):
    assert daily_table_png(full_table) == daily_table_png(full_table)


def test_the_picture_carries_disclaimer_and_sample_mark(full_table):
    drawn = json.loads(data_text(picture_data(full_table)))
    assert (drawn["disclaimer"], drawn["sample_notice"]) == (DISCLAIMER, SAMPLE_DATA_NOTICE)


def test_another_disclaimer_gives_another_picture(table_of, anchored):
    table = table_of(anchored())
    silent = compile_png(TEMPLATE, picture_data(table) | {"disclaimer": ""}, ppi=144)
    assert daily_table_png(table) != silent


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_is_drawn_as_text(table_of, anchored, symbol):
    assert daily_table_png(table_of(anchored(symbol=symbol), tickers=[symbol]), ppi=36).startswith(SIGNATURE)


def test_every_mark_of_the_model_can_be_drawn(table_of, anchored, pre_otc):
    labels = ("SHORT_INTO_STRENGTH", "SHORT_ON_WEAKNESS", "LOW_SHORT_STRONG_UP", "LOW_SHORT_SELL_OFF", "NEUTRAL", "OTHER")
    rows = [pre_otc(symbol=label, pressure_context_label=label, short_ratio_denominator_type="POLYGON_TOTAL") for label in labels]
    history = {label: [(1.0, -0.1), None, (2.0, 0.1), None, None] for label in labels}
    assert daily_table_png(table_of(anchored(direction_stable=False), *rows, history=history), ppi=36).startswith(SIGNATURE)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_a_picture(table_of, anchored, rows):
    assert daily_table_png(table_of(*[anchored()] * rows), ppi=36).startswith(SIGNATURE)


def test_more_rows_make_a_higher_picture(full_table, many_rows):
    assert size_of(daily_table_png(many_rows, ppi=36))[1] > size_of(daily_table_png(full_table, ppi=36))[1]


def test_a_preview_is_small(many_rows):
    assert len(daily_table_preview(many_rows)) <= PREVIEW_BYTES


def test_a_preview_is_wide_enough_to_read(many_rows):
    assert size_of(daily_table_preview(many_rows))[0] >= 450


def test_a_preview_says_how_many_rows_it_leaves_out(many_rows):
    preview = preview_of(many_rows)
    assert len(preview.sections[0].rows) == PREVIEW_ROWS
    assert preview.notices == ("50 more in the full table.",)


def test_a_preview_keeps_disclaimer_and_sample_mark(many_rows):
    preview = preview_of(many_rows)
    assert (preview.disclaimer, preview.sample_notice) == (DISCLAIMER, SAMPLE_DATA_NOTICE)


def test_a_preview_has_a_cell_for_every_column_it_keeps(many_rows):
    section = preview_of(many_rows).sections[0]
    assert {len(row) for row in section.rows} == {len(section.columns)}


def test_a_preview_of_a_short_table_leaves_nothing_out(full_table):
    assert preview_of(full_table).notices == ()
