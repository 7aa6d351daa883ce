"""The first page: the latest labels, and a calendar in which every stored session leads somewhere that exists."""

import datetime as dt
import re

import pytest

from darkpool_assets.rendering.site.site_home_page import home_page
from darkpool_assets.rendering.site.site_model import Gate, StoredSession
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE
from darkpool_assets_tests.rendering.conftest import DAY
from darkpool_assets_tests.rendering.daily_table.test_daily_table_html import Outline
from darkpool_assets_tests.rendering.site.invented_report import BROKEN, report_of
from darkpool_assets_tests.rendering.site.test_site_day_page import row_of, text_of

BEFORE = dt.date(2025, 12, 23)
LABELS = {"INFERRED_ACCUMULATION": 2, "LEAN_ACCUMULATION": 1, "LEAN_DISTRIBUTION": 4, "NEUTRAL": 5, "UNSTABLE": 6}
PAGES = {DAY: ("QQQ", "SPY", "index", "indices/SPX~05f~SAMPLE")}


def page_of(*sessions, report=None, pages=PAGES, table_days=()):
    report = report or report_of(sessions=(DAY,))
    return home_page(report, sessions, pages=pages, table_days=table_days, generated_at=None)


def session(day=DAY, gate=Gate.OPEN, labels=LABELS):
    return StoredSession(day, gate, labels)


def cell_of(page, number, month="Dec 2025"):
    """The calendar's cell of a day of a month, as markup."""
    table = page.split(f"<caption>{month}</caption>")[1].split("</table>")[0]
    return next(cell for cell in re.findall("<td.*?</td>", table) if f"<b>{number}</b>" in cell)


def links_of(page):
    return [attrs["href"] for attrs in Outline(page).all("a") if "href" in attrs]


def test_the_latest_day_comes_first_with_its_labels():
    page = page_of(session())
    assert page.index("Latest day") < page.index("All days</h2>")
    assert row_of(page, "SPY").startswith(" SPY Inferred accumulation +0.63 0.85 ")


def test_pages_that_exist_are_linked_and_others_are_not():
    links = links_of(page_of(session()))
    assert {f"{DAY}/SPY.html", f"{DAY}/QQQ.html", f"{DAY}/index.html", f"{DAY}/indices/SPX~05f~SAMPLE.html"} <= set(links)
    assert f"{DAY}/ZZZ.html" not in links


def test_a_latest_day_with_a_closed_gate_shows_no_label():
    page = page_of(session(gate=Gate.CLOSED), report=report_of(verdicts=(BROKEN,), sessions=(DAY,)))
    assert "The Phase C gate is closed" in page
    assert "Inferred accumulation" not in page


def test_a_day_tells_how_many_symbols_lean_which_way_in_words():
    cell = text_of(cell_of(page_of(session()), 24)).split()
    assert " ".join(cell) == "24 3 accumulation 4 distribution 5 neutral 6 without a side"


def test_sides_that_nobody_takes_are_left_out():
    assert "accumulation" not in cell_of(page_of(session(labels={"NEUTRAL": 2})), 24)


def test_a_closed_gate_is_told_in_words_and_hides_stored_labels():
    cell = cell_of(page_of(session(gate=Gate.CLOSED)), 24)
    assert text_of(cell).split() == ["24", "gate", "closed"]
    assert 'class="stored closed"' in cell


@pytest.mark.parametrize(("gate", "words"), [(Gate.OPEN, "no composite"), (Gate.NOT_JUDGED, "not judged")])
def test_a_day_without_labels_says_why(gate, words):
    assert words in cell_of(page_of(session(gate=gate, labels={})), 24)


def test_a_day_without_pages_leads_to_its_table():
    page = page_of(session(), session(BEFORE), table_days={BEFORE, DAY})
    assert f'href="tables/{BEFORE}/daily_metrics.html"' in cell_of(page, 23)
    assert f'href="{DAY}/index.html"' in cell_of(page, 24)


def test_a_day_without_any_page_has_no_link():
    assert "<a" not in cell_of(page_of(session(), session(BEFORE)), 23)


def test_days_without_trading_are_told_and_greyed():
    cell = cell_of(page_of(session()), 25)
    assert text_of(cell).split() == ["25", "closed"]
    assert "no-session" in cell


def test_a_session_that_is_not_stored_is_a_bare_number():
    assert cell_of(page_of(session()), 22) == '<td class="not-stored"><b>22</b></td>'


def test_every_weekday_of_every_month_between_the_first_and_the_last_session_is_there_once():
    page = page_of(session(), session(dt.date(2025, 10, 31)))
    months = page.split("<caption>")[-3:]
    assert [month.split("<")[0] for month in months] == ["Dec 2025", "Nov 2025", "Oct 2025"]
    shown = [re.findall(r"<td[^>]*>(?:<a[^>]*>|<span>)?<b>(\d+)</b>", month) for month in months]
    spans = [(days[0], days[-1], len(set(days)), len(days)) for days in shown]
    assert spans == [("1", "31", 23, 23), ("3", "28", 20, 20), ("1", "31", 23, 23)]


def test_older_months_are_folded_by_year():
    page = page_of(session(), session(dt.date(2024, 11, 1)))
    summaries = re.findall("<summary>(.*?)</summary>", page)
    assert summaries == ["Earlier in 2025", "2024"]
    assert page.count("<caption>") == 14


def test_the_months_are_tables_with_caption_and_scopes():
    outline = Outline(page_of(session()))
    months = [attrs for attrs in outline.all("table") if attrs.get("class") == "month"]
    assert len(months) == 1
    assert len(outline.all("caption")) == len(outline.all("table"))


def test_the_disclaimer_and_the_sample_mark_stand_on_the_page():
    page = page_of(session(), report=report_of(sample_data=True, sessions=(DAY,)))
    assert page.count(DISCLAIMER) == 1
    assert f">{SAMPLE_DATA_NOTICE}<" in page


def test_equal_inputs_give_equal_bytes_whatever_the_order_of_the_sessions():
    assert page_of(session(), session(BEFORE)) == page_of(session(BEFORE), session())
