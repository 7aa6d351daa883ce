"""The plot's page: one time axis, hover on true points only, nothing from outside, everything escaped."""

import datetime as dt
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs_version

from darkpool_assets import market_calendar
from darkpool_assets.rendering.pressure_plot.panel_colours import (
    PLOT_GRAPHIC_PAIRS,
    PLOT_TEXT_PAIRS,
    plot_colours,
    plot_css_variables,
)
from darkpool_assets.rendering.pressure_plot.panel_time import TimeAxis
from darkpool_assets.rendering.pressure_plot.panels_figure import figure_of
from darkpool_assets.rendering.pressure_plot.panels_interactive import (
    plot_fragment,
    plot_page,
    plotly_script_name,
    write_plotly_script,
)
from darkpool_assets.rendering.theme import DARK, LIGHT, contrast
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE
from darkpool_assets_tests.rendering.pressure_plot.plotted_rows import (
    DAY,
    SESSIONS,
    composite_row,
    panels_of,
    varied_panels,
    without,
)

DAY_MS = 86_400_000
HOSTILE = '</script><script>alert("1")</script><b>&amp;'
MOMENT = dt.datetime(2025, 12, 29, 22, 5, tzinfo=dt.UTC)
SCHEMES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]


def page_of(panels, **changes):
    return plot_page(panels, **({"assets": "../../assets", "picture": "SPY.png", "generated_at": None} | changes))


def data_of(markup):
    (content,) = re.findall(r'<script type="application/json">(.*?)</script>', markup, re.DOTALL)
    return json.loads(content)


def painted(part, palette):
    """What the page's script does: the scheme's colours in the place of their roles."""
    if isinstance(part, str):
        return plot_colours(palette)[part[1:]] if part.startswith("$") else part
    if isinstance(part, dict):
        return {name: painted(each, palette) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [painted(each, palette) for each in part]
    return part


def instants(trace):
    return [x for x in trace["x"] if x is not None]


def moment_of(instant):
    return dt.datetime.fromtimestamp(instant / 1000, tz=dt.UTC)


@pytest.fixture(scope="module")
def panels():
    return varied_panels()


@pytest.fixture(scope="module")
def figure(panels):
    return figure_of(panels)


@pytest.fixture(scope="module")
def answering(figure):
    return [trace for trace in figure["data"] if trace.get("hoverinfo") != "skip"]


@pytest.mark.parametrize("palette", SCHEMES)
def test_plotly_knows_every_attribute(figure, palette):
    assert go.Figure(painted(figure, palette)).data


def test_all_panels_share_one_time_axis_and_one_hover_box(figure):
    layout = figure["layout"]
    assert {trace["xaxis"] for trace in figure["data"]} == {"x"}
    assert (layout["hovermode"], layout["hoversubplots"]) == ("x unified", "axis")
    assert [name for name in layout if name.startswith("xaxis")] == ["xaxis"]


def test_panels_are_stacked_and_never_overlap(figure):
    axes = [axis for name, axis in figure["layout"].items() if name.startswith("yaxis") and "side" in axis]
    edges = [edge for axis in axes for edge in reversed(axis["domain"])]
    assert edges == sorted(edges, reverse=True)
    assert (len(axes), edges[0], edges[-1]) == (5, 1, 0)


def test_only_true_points_answer_the_pointer(figure, answering):
    noons = {(day - dt.date(1970, 1, 1)).days * DAY_MS + DAY_MS // 2 for day in SESSIONS}
    assert {trace["yaxis"] for trace in answering} == {f"y{number}" for number in range(6, 11)}
    assert all(set(trace["x"]) <= noons for trace in answering)


def test_every_answer_is_in_words(answering):
    assert all(all(trace["text"]) and len(trace["text"]) == len(trace["x"]) for trace in answering)


def test_the_axis_leaves_out_weekends_and_holidays_and_no_session_without_a_row(figure):
    assert figure["layout"]["xaxis"]["rangebreaks"] == [{"bounds": ["sat", "mon"]}, {"values": ["2025-11-27"]}]


def test_nothing_stands_on_a_weekend_or_a_holiday(figure):
    days = {moment_of(instant).date() for trace in figure["data"] for instant in instants(trace)}
    assert days == set(SESSIONS)


def test_a_week_ends_on_friday_a_second_before_midnight():
    time = TimeAxis(SESSIONS)
    assert moment_of(time.end(SESSIONS.index(dt.date(2025, 12, 5)))).isoformat() == "2025-12-05T23:59:59+00:00"


@settings(max_examples=200)
@given(st.floats(0, len(SESSIONS) - 1))
def test_a_place_between_two_sessions_is_on_one_of_their_days(place):
    day = moment_of(TimeAxis(SESSIONS).instant(place)).date()
    assert day in {SESSIONS[int(place)], SESSIONS[min(int(place) + 1, len(SESSIONS) - 1)]}


def test_places_keep_their_order_in_time():
    time = TimeAxis(SESSIONS)
    moments = [time.instant(place / 24) for place in range(24 * (len(SESSIONS) - 1))]
    assert moments == sorted(set(moments))


def test_a_curve_is_not_drawn_across_a_gap(figure):
    curves = [trace for trace in figure["data"] if trace["yaxis"] == "y8" and trace.get("mode") == "lines"]
    assert None in curves[-1]["y"]
    assert not curves[-1]["connectgaps"]


def test_colours_are_roles_that_both_schemes_have(figure):
    text = json.dumps(figure)
    assert not re.search(r"#[0-9A-Fa-f]{6}", text)
    assert set(re.findall(r'"\$(\w+)"', text)) <= set(plot_colours(LIGHT)) == set(plot_colours(DARK))


def test_the_newest_session_is_the_end_of_every_view():
    sessions = [*market_calendar.sessions_before(DAY, 119), DAY]
    views = data_of(page_of(panels_of(sessions=sessions)))["views"]
    assert [view["sessions"] for view in views] == [30, 60, 120]
    assert {moment_of(view["changes"]["xaxis.range"][1]).date() for view in views} == {DAY}


def test_a_window_without_any_row_is_a_figure():
    assert [trace for trace in figure_of(panels_of([], []))["data"] if "text" in trace] == []


def test_the_page_may_load_its_scripts_and_nothing_else(panels):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page_of(panels))
    assert re.sub(r"sha256-[\w+/=]+", "sha256-x", policy) == (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-x' 'self' file:; form-action 'none'"
    )


def test_the_plotting_script_lies_beside_the_pages_and_is_not_inlined(panels):
    page = page_of(panels)
    assert re.findall(r'<script src="([^"]+)"', page) == [f"../../assets/{plotly_script_name()}"]
    assert len(page) < 300_000


def test_the_page_names_no_address_outside(panels):
    assert not re.search(r"https?://|//\w", re.sub(r"\n\s*//.*", "", page_of(panels)))


def test_equal_models_make_equal_pages_apart_from_the_moment(panels):
    first, second = page_of(panels, generated_at=MOMENT), page_of(panels)
    lines = [line for line in first.splitlines() if line not in second.splitlines()]
    assert lines == ['<p class="generated">Generated 2025-12-29 22:05:00 UTC</p>']
    assert page_of(panels) == page_of(varied_panels())


def test_the_page_says_what_must_be_said(panels):
    page = page_of(panels)
    assert DISCLAIMER in page
    assert SAMPLE_DATA_NOTICE in page
    assert "PRE_OTC" in page


class Elements(HTMLParser):
    def __init__(self, markup):
        super().__init__()
        self.found = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_hostile_text_stays_text():
    composites = [composite_row(DAY, label_reasons=HOSTILE, final_label=HOSTILE)]
    page = page_of(panels_of(None, composites, symbol=HOSTILE, pressure_context_label=HOSTILE, classification_method=HOSTILE))
    elements = Elements(page)
    assert len(elements.all("script")) == 3
    assert "alert" not in {attribute for _, attributes in elements.found for attribute in attributes}
    assert "<b>&amp;" not in page.replace("<b>&amp;lt;", "")


def test_hostile_text_is_escaped_once_more_for_the_hover_box():
    figure = figure_of(panels_of(classification_method=HOSTILE))
    texts = [text for trace in figure["data"] for text in trace.get("text", ())]
    assert not any("<b>" in text or "<script" in text for text in texts)


def test_the_drawing_is_told_in_words(panels):
    (drawing,) = [div for div in Elements(page_of(panels)).all("div") if div.get("class") == "drawing"]
    assert (drawing["role"], drawing["aria-label"]) == ("img", panels.spoken)


def test_the_values_are_a_table_with_named_rows_and_columns(panels):
    elements = Elements(page_of(panels))
    scopes = [header.get("scope") for header in elements.all("th")]
    assert (scopes.count("col"), scopes.count("row")) == (len(panels.readout.columns), len(SESSIONS))
    assert len(elements.all("caption")) == 1


def test_a_choice_of_views_is_offered_only_where_there_is_one(panels):
    assert Elements(plot_fragment(panels, picture="")).all("button") == []
    sessions = [*market_calendar.sessions_before(DAY, 59), DAY]
    buttons = Elements(plot_fragment(panels_of(sessions=sessions), picture="")).all("button")
    assert [button["aria-pressed"] for button in buttons] == ["false", "true"]


def test_without_scripts_the_page_leads_to_the_picture(panels):
    assert 'href="SPY.png"' in page_of(panels).split("<noscript>")[1].split("</noscript>")[0]


def test_the_plotting_script_is_written_once(tmp_path):
    path = write_plotly_script(tmp_path / "assets")
    written = path.stat().st_mtime_ns
    assert path.name == f"plotly-{get_plotlyjs_version()}.min.js"
    assert write_plotly_script(tmp_path / "assets").stat().st_mtime_ns == written


def test_a_broken_plotting_script_is_replaced(tmp_path):
    (tmp_path / plotly_script_name()).write_text("half", encoding="utf-8")
    assert write_plotly_script(tmp_path).stat().st_size > 4_000_000


@pytest.mark.parametrize("palette", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), PLOT_TEXT_PAIRS)
def test_text_on_shading_has_a_contrast_of_at_least_4_5(palette, text, ground):
    assert contrast(plot_colours(palette)[text], plot_colours(palette)[ground]) >= 4.5


@pytest.mark.parametrize("palette", SCHEMES)
@pytest.mark.parametrize(("mark", "ground"), PLOT_GRAPHIC_PAIRS)
def test_marks_on_shading_have_a_contrast_of_at_least_3(palette, mark, ground):
    assert contrast(plot_colours(palette)[mark], plot_colours(palette)[ground]) >= 3


def test_the_samples_of_the_legend_take_the_schemes_colours(panels):
    used = set(re.findall(r"var\((--[\w-]+)\)", plot_fragment(panels, picture="")))
    declared = set(re.findall(r"(--[\w-]+):#", page_of(panels)))
    assert used <= declared
    assert "--hatch:#" in plot_css_variables(DARK)


def test_a_day_without_a_composite_shows_no_label_in_its_head():
    panels = panels_of(composites=without({len(SESSIONS) - 1}, composite_row))
    header = page_of(panels).split("<header>")[1].split("</header>")[0]
    assert "PRE_OTC" in header
    assert "Neutral" not in header
