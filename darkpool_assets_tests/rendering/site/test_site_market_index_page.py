"""The page of an index: both ratios, coverage, return with its source, label, and the last sessions."""

import re

from darkpool_assets.rendering.site.site_market_index_page import market_index_document
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.rendering.conftest import DAY, INDEX
from darkpool_assets_tests.rendering.daily_table.test_daily_table_html import HOSTILE, Outline
from darkpool_assets_tests.rendering.site.invented_report import BROKEN, SESSIONS, report_of
from darkpool_assets_tests.rendering.site.test_site_day_page import text_of
from darkpool_assets_tests.rendering.site.test_site_ticker_page import history_of


def page_of(report, index_symbol="SPX_SAMPLE"):
    return market_index_document(report, index_symbol, generated_at=None)


def figures_of(page):
    return [text_of(figure).strip() for figure in page.split('<dl class="figures">')[1].split("</dl>")[0].split("</div>")[:-1]]


def test_the_key_figures_are_told_with_what_qualifies_them():
    ratio, weighted, coverage, change = figures_of(page_of(report_of()))
    assert re.match("Short ratio of the members ?0.461 ?z \\+1.37 ?denominator, shares FINRA ?2.60B", ratio)
    assert re.match("Dollar-weighted short ratio ?0.439 ?96 members ?z −0.40", weighted)
    assert re.match("Coverage ?97 / 100 ?97.0% ?members' list of 30 Sep", coverage.replace("&#x27;", "'"))
    assert re.match("Return of the day, % ?\\+0.32 ?z \\+0.61 ?price of SPY ?proxy", change)


def test_the_label_and_the_provenance_stand_in_the_head():
    head = text_of(page_of(report_of()).split("<main")[1].split("<dl")[0])
    assert "Short into strength" in head
    assert "PRE_OTC" in head


def test_the_history_holds_twenty_sessions_newest_first():
    history = history_of(page_of(report_of()))
    assert len(history) == 20
    assert history[0].startswith("Wed 24 Dec 2025 Short into strength PRE_OTC 0.461")


def test_a_figure_that_is_missing_is_a_dash_without_a_line():
    blank = [INDEX | {"trade_date": session, "dollar_weighted_short_ratio": None} for session in SESSIONS]
    weighted = figures_of(page_of(report_of(indices=blank)))[1]
    assert re.match("Dollar-weighted short ratio ?–", weighted)
    assert "sessions" not in weighted


def test_a_closed_gate_does_not_concern_an_index():
    assert page_of(report_of(verdicts=(BROKEN,))) == page_of(report_of())


def test_links_climb_out_of_the_folder_of_indices():
    outline = Outline(page_of(report_of()))
    assert {"../../index.html", "../index.html"} <= {attrs.get("href") for attrs in outline.all("a")}
    assert [attrs["src"] for attrs in outline.all("script") if "src" in attrs] == ["../../assets/days.js"]
    assert "../SPY.html" in {attrs["value"] for attrs in outline.all("option")}


def test_the_disclaimer_stands_on_the_page():
    assert page_of(report_of()).count(DISCLAIMER) == 1


def test_a_hostile_name_is_text():
    for name in HOSTILE:
        page = page_of(report_of(indices=[INDEX | {"index_symbol": name}], sessions=(DAY,)), name)
        assert len(Outline(page).all("script")) == 2
