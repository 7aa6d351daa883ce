"""The page: valid, self-contained, accessible, and the same bytes for the same table."""

import datetime as dt
import html
import re
from html.parser import HTMLParser

import pytest

from darkpool_assets.rendering.daily_table.daily_table_html import daily_table_html
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

MOMENT = dt.datetime(2025, 12, 25, 1, 2, 3, tzinfo=dt.UTC)
VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = ["<script>alert(1)</script>", '" onmouseover="alert(1)', "</td></table>", "&lt;", "=1+1", "\x00\u202e"]


class Outline(HTMLParser):
    """Elements with their attributes; fails on an end tag that closes nothing or something else."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def page(full_table):
    return daily_table_html(full_table, generated_at=MOMENT)


@pytest.fixture
def outline(page):
    return Outline(page)


def test_every_element_is_closed_in_order(outline):
    assert outline.all("table")


def test_the_disclaimer_stands_on_the_page_verbatim_and_once(page):
    assert page.count(DISCLAIMER) == 1


def test_sample_data_are_marked_on_the_page(page):
    assert f">{SAMPLE_DATA_NOTICE}<" in page


def test_real_data_are_not(table_of, anchored):
    assert SAMPLE_DATA_NOTICE not in daily_table_html(table_of(anchored()), generated_at=None)


def test_nothing_outside_the_page_is_asked_for(page, outline):
    assert not re.findall(r"https?:|//[a-z]|@import|url\(", page)
    linked = [value for _, attrs in outline.elements for name, value in attrs.items() if name in {"src", "href"}]
    assert all(value.startswith("#") for value in linked)


def test_equal_tables_give_equal_bytes(full_table, page):
    assert daily_table_html(full_table, generated_at=MOMENT) == page


def test_only_one_line_depends_on_the_moment(full_table, page):
    later = daily_table_html(full_table, generated_at=MOMENT + dt.timedelta(days=1))
    changed = [line for line, other in zip(page.splitlines(), later.splitlines(), strict=True) if line != other]
    assert changed == ['<p class="generated">Generated 2025-12-25 01:02:03 UTC</p>']


def test_without_a_moment_there_is_no_such_line(full_table):
    assert "Generated" not in daily_table_html(full_table, generated_at=None)


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_is_text(table_of, anchored, outline, symbol):
    hostile = Outline(daily_table_html(table_of(anchored(symbol=symbol), tickers=["<b>absent</b>"]), generated_at=None))
    assert len(hostile.all("script")) == len(outline.all("script"))
    assert not hostile.all("b") or all(attrs == {} for attrs in hostile.all("b"))
    assert not [attrs for _, attrs in hostile.elements if "onmouseover" in attrs]
    assert "<b>absent</b>" in "".join(hostile.texts)


def test_a_symbol_is_readable_as_it_was(table_of, anchored):
    text = daily_table_html(table_of(anchored(symbol="A<&>'\"B")), generated_at=None)
    assert html.escape("A<&>'\"B") in text


def test_the_page_names_its_language_and_fits_phones(outline):
    assert outline.all("html") == [{"lang": "en"}]
    assert "width=device-width" in next(attrs["content"] for attrs in outline.all("meta") if attrs.get("name") == "viewport")


def test_the_first_link_skips_to_the_table(outline):
    assert outline.all("a")[0]["href"] == "#content"
    assert outline.all("main")[0]["id"] == "content"


def test_every_header_has_a_scope(outline):
    assert {attrs.get("scope") for attrs in outline.all("th")} == {"col", "row", "colgroup"}


def test_every_table_has_a_caption(outline):
    assert len(outline.all("caption")) == len(outline.all("table")) == 2


def test_every_sortable_header_says_how_it_is_sorted(outline):
    headers = [attrs for attrs in outline.all("th") if attrs.get("scope") == "col"]
    states = {(attrs["data-kind"], attrs.get("aria-sort")) for attrs in headers}
    assert states == {("text", "none"), ("number", "none"), ("graphic", None)}


def test_every_line_is_told_in_words(outline):
    lines = [attrs for attrs in outline.all("svg") if attrs.get("class") == "line"]
    assert [attrs["aria-label"].split(" over ")[0] for attrs in lines] == ["Close", "ln(B/S)"]


def test_shapes_are_hidden_from_screen_readers(outline):
    shapes = [attrs for attrs in outline.all("svg") if attrs.get("class") != "line"]
    assert {attrs["aria-hidden"] for attrs in shapes} == {"true"}


def test_each_row_has_a_cell_for_every_column(full_table, page):
    columns = len(full_table.sections[0].columns)
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    assert [len(re.findall(r"<t[hd] ", row)) for row in body.strip().splitlines()] == [columns] * 3


def test_spanners_cover_all_columns(full_table, page):
    spanners = page.split('<tr class="spanner">')[1].split("</tr>")[0]
    spans = [int(span) for span in re.findall(r'colspan="(\d+)"', spanners)]
    assert 1 + sum(spans) == len(full_table.sections[0].columns)


def test_a_sort_value_is_not_rounded(page):
    assert 'data-sort="242.0151"' in page


def test_a_missing_value_has_no_sort_value(page):
    row = page.split("<tbody>")[1].splitlines()[3]
    assert "ZZZ" in row
    assert row.count("data-sort") == 3


def test_pages_follow_the_readers_colour_scheme_and_paper_is_light(page):
    assert "@media screen and (prefers-color-scheme:dark)" in page


def test_a_day_without_rows_is_a_page(table_of):
    assert "No symbol row is stored for this day." in daily_table_html(table_of(), generated_at=None)
