"""The plot as a picture, without a browser."""

import json
import re
import struct
from xml.etree import ElementTree as ET

import pytest

from darkpool_assets.rendering.png_colours import SIGNATURE
from darkpool_assets.rendering.pressure_plot.panel_model import Key
from darkpool_assets.rendering.pressure_plot.panels_static import PREVIEW_BYTES, TEMPLATE, picture_data, plot_png, plot_preview
from darkpool_assets.rendering.theme import DARK, LIGHT
from darkpool_assets.rendering.typst_document import compile_png, data_text
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE
from darkpool_assets_tests.rendering.pressure_plot.plotted_rows import DAY, SESSIONS, composite_row, panels_of, varied_panels

HOSTILE = ["#panic()", "$x$ *b* _i_ `r` @ref <label>", '"]; #panic("', "</svg><script>", "// comment", "株式", "A" * 60]


def size_of(png):
    return struct.unpack(">II", png[16:24])


@pytest.fixture(scope="module")
def panels():
    return varied_panels()


@pytest.fixture(scope="module")
def picture(panels):
    return plot_png(panels, ppi=72)


def drawing_of(panels, palette=LIGHT):
    return picture_data(panels, palette=palette)["drawing"]


def test_the_picture_is_a_png_wide_enough_to_read(panels):
    png = plot_png(panels)
    assert png.startswith(SIGNATURE)
    assert 1900 <= size_of(png)[0] <= 2600


def test_equal_models_make_equal_pictures(picture):
    assert plot_png(varied_panels(), ppi=72) == picture


def test_the_picture_carries_disclaimer_and_sample_mark(panels):
    drawn = json.loads(data_text(picture_data(panels, palette=LIGHT)))
    assert (drawn["disclaimer"], drawn["sample_notice"]) == (DISCLAIMER, SAMPLE_DATA_NOTICE)


@pytest.mark.parametrize("words", ["disclaimer", "sample_notice"])
def test_without_these_words_it_is_another_picture(panels, picture, words):
    assert compile_png(TEMPLATE, picture_data(panels, palette=LIGHT) | {words: ""}, ppi=72) != picture


def test_light_and_dark_are_of_one_size_and_differ(panels, picture):
    dark = plot_png(panels, palette=DARK, ppi=72)
    assert size_of(dark) == size_of(picture)
    assert dark != picture


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_drawing_is_well_formed_and_has_no_text(panels, palette):
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawing_of(panels, palette)).iter()}
    assert tags == {"svg", "defs", "pattern", "path"}


def test_every_path_starts_within_the_drawing(panels):
    data = picture_data(panels, palette=LIGHT)
    starts = [(float(x), float(y)) for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", data["drawing"].split("</defs>")[1])]
    assert len(starts) > 100
    assert all(-5 <= x <= data["width"] + 5 and 0 <= y <= data["height"] + 5 for x, y in starts)


def test_pre_otc_is_hatched_and_the_anchored_days_are_not(panels):
    assert drawing_of(panels).count('fill="url(#hatch)"') == 5
    anchored = panels_of(data_quality="OTC_ANCHORED")
    assert "url(#hatch)" not in drawing_of(anchored)


def test_a_curve_has_a_piece_less_than_its_points(panels):
    curves = [path for path in re.findall(r'd="([^"]+)"', drawing_of(panels)) if "C" in path]
    runs = [run for panel in panels.panels for run in panel.curve if len(run.values) > 1]
    assert sum(path.count("C") for path in curves) == sum(len(run.values) - 1 for run in runs)


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_is_drawn_as_text(symbol):
    composites = [composite_row(DAY, final_label=symbol, label_reasons=symbol)]
    assert plot_png(panels_of(None, composites, symbol=symbol), ppi=24).startswith(SIGNATURE)


def test_a_hostile_symbol_is_not_in_the_drawing():
    assert "script" not in drawing_of(panels_of(symbol="</svg><script>", classification_method="<script>"))


def test_every_sample_of_the_legend_can_be_drawn(panels):
    samples = [entry["sample"] for entry in picture_data(panels, palette=DARK)["legend"]]
    assert [ET.fromstring(sample).get("viewBox") for sample in samples] == ["0 0 20 16"] * len(Key)


@pytest.mark.parametrize("sessions", [SESSIONS, SESSIONS[-1:]])
def test_without_any_row_there_is_a_picture(sessions):
    assert plot_png(panels_of([], [], sessions=sessions), ppi=24).startswith(SIGNATURE)


def test_one_session_is_a_picture():
    assert plot_png(panels_of(sessions=SESSIONS[-1:]), ppi=24).startswith(SIGNATURE)


def test_a_preview_is_small_and_wide_enough_to_read(panels):
    preview = plot_preview(panels)
    assert len(preview) <= PREVIEW_BYTES
    assert size_of(preview)[0] >= 450
