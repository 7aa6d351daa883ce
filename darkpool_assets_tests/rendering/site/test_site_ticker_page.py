"""The ticker page: the plot, what the label rests on, the last sessions; neither plot nor label without a composite."""

import datetime as dt
import re

import pytest

from darkpool_assets.rendering.pressure_plot.panels_interactive import plotly_script_name
from darkpool_assets.rendering.site.site_model import DayFiles
from darkpool_assets.rendering.site.site_ticker_page import ticker_document
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE
from darkpool_assets_tests.rendering.conftest import DAY
from darkpool_assets_tests.rendering.daily_table.test_daily_table_html import HOSTILE, Outline
from darkpool_assets_tests.rendering.site.invented_report import BROKEN, REASONS, SCORED, SESSIONS, metrics_of_the_day, report_of
from darkpool_assets_tests.rendering.site.test_site_day_page import text_of

NO_FILES = DayFiles()


def page_of(report, symbol="SPY", files=NO_FILES):
    return ticker_document(report, symbol, files=files, generated_at=None)


def history_of(page):
    """The rows of the history, as words."""
    table = page.split('<table id="history">')[1].split("<tbody>")[1].split("</tbody>")[0]
    return [text_of(row).strip() for row in table.strip().splitlines()]


def part_of(page, name):
    """The words of one line of the parts of the score."""
    return next(text_of(row).strip() for row in page.splitlines() if row.startswith(f'<tr><th scope="row">{name}'))


def test_head_plot_evidence_and_history_follow_each_other():
    outline = Outline(page_of(report_of()))
    titles = ["What the label rests on", "Score and confidence, part by part", "The last 20 sessions"]
    assert [attrs["class"] for attrs in outline.all("section")] == ["pressure-plot", "evidence"]
    assert [text for text in outline.texts if text in titles] == titles


def test_label_score_and_confidence_stand_in_the_head():
    head = text_of(page_of(report_of()).split("<main")[1].split("<section")[0])
    assert "Inferred accumulation score +0.63, confidence 0.85" in head


def test_every_reason_is_an_item_of_a_list():
    reasons = page_of(report_of()).split('<ul class="reasons">')[1].split("</ul>")[0]
    assert re.findall("<li>(.*?)</li>", reasons) == list(REASONS)


def test_the_reasons_are_told_once():
    assert page_of(report_of()).count(REASONS[1]) == 1


def test_each_part_has_its_score_its_window_and_its_evidence():
    page = page_of(report_of())
    assert part_of(page, "Lit direction") == "Lit direction NBBO, 98% of eligible volume +0.60 +1.23 18 sessions 0.90"
    assert part_of(page, "Short pressure") == "Short pressure over FINRA&#x27;s total +0.66 −1.60 15 sessions 0.75"
    assert part_of(page, "Off-exchange") == "Off-exchange participation 38.2% of the week&#x27;s volume +0.10 +0.20 8 weeks –"


def test_a_missing_part_is_a_dash_and_never_zero():
    missing = SCORED | {"directional_score": None, "c_lit": 0.0, "lit_z_periods": None, "final_label": "INSUFFICIENT"}
    row = metrics_of_the_day()[0] | {"log_buy_sell_z": None, "lit_coverage_pct": None, "classification_method": None}
    page = page_of(report_of(metrics=[row], composites=[missing], sessions=(DAY,)))
    assert part_of(page, "Lit direction") == "Lit direction – – – 0.00"


def test_the_plot_takes_its_script_from_the_shared_folder():
    sources = [attrs["src"] for attrs in Outline(page_of(report_of())).all("script") if "src" in attrs]
    assert sources == ["../assets/days.js", f"../assets/{plotly_script_name()}"]


@pytest.mark.parametrize(
    "report",
    [pytest.param(report_of(verdicts=(BROKEN,)), id="closed gate"), pytest.param(report_of(composites=[]), id="no composite")],
)
def test_without_a_composite_there_is_neither_plot_nor_label(report):
    page = page_of(report, files=DayFiles(plots=frozenset({"SPY.png"})))
    assert "pressure-plot" not in page
    assert plotly_script_name() not in page
    assert ".png" not in page
    assert "Inferred accumulation" not in history_of(page)[0]
    assert "What the label rests on" not in page


def test_a_closed_gate_leads_to_the_verdicts():
    assert 'href="index.html#checks"' in page_of(report_of(verdicts=(BROKEN,)))


def test_a_symbol_without_a_composite_on_a_day_that_has_some_says_so():
    page = page_of(report_of(), "ZZZ")
    assert "No composite is stored for this symbol" in page
    assert "pressure-plot" not in page


def test_the_history_holds_twenty_sessions_newest_first():
    history = history_of(page_of(report_of()))
    assert len(history) == 20
    assert history[0].startswith("Wed 24 Dec 2025 Inferred accumulation +0.63 0.85")
    assert history[-1].startswith("Wed 26 Nov 2025")


def test_a_session_without_a_row_keeps_its_line():
    rows = [row for session in SESSIONS if session != dt.date(2025, 12, 23) for row in metrics_of_the_day(session)]
    assert re.fullmatch("Tue 23 Dec 2025( –)+", history_of(page_of(report_of(metrics=rows, composites=[SCORED])))[1])


def test_the_sessions_of_a_history_can_be_linked_by_their_date():
    assert 'data-sort="2025-12-23"' in page_of(report_of()).split('<table id="history">')[1]


@pytest.mark.parametrize(
    ("symbol", "neighbours"), [("SPY", ["QQQ.html"]), ("QQQ", ["SPY.html", "ZZZ.html"]), ("ZZZ", ["QQQ.html"])]
)
def test_the_tickers_before_and_after_are_linked(symbol, neighbours):
    links = Outline(page_of(report_of(), symbol)).all("a")
    assert [link["href"] for link in links if link.get("class") in {"back", "on"}] == neighbours


def test_the_choice_shows_the_ticker_of_the_page():
    options = Outline(page_of(report_of(), "QQQ")).all("option")
    assert [(option["value"], "selected" in option) for option in options] == [
        ("SPY.html", False),
        ("QQQ.html", True),
        ("ZZZ.html", False),
    ]


def test_the_picture_is_linked_where_it_was_made():
    made = page_of(report_of(), files=DayFiles(plots=frozenset({"SPY.png", "SPY.html"})))
    assert f'href="../plots/{DAY}/SPY.png"' in made
    assert f'href="../plots/{DAY}/SPY.html"' in made
    assert "plots/" not in page_of(report_of(), files=DayFiles(plots=frozenset({"QQQ.png"})))


def test_a_row_that_is_not_anchored_shows_no_inferred_otc_side_even_when_stored():
    stored = metrics_of_the_day()[0] | {"data_quality": "PRE_OTC", "otc_buy_volume": 3_039_000.0, "otc_sell_volume": 2_561_000.0}
    page = page_of(report_of(metrics=[stored], composites=[SCORED], sessions=(DAY,)))
    assert "3.04M" not in page
    assert "2.56M" not in page


def test_the_disclaimer_and_the_sample_mark_stand_on_the_page():
    page = page_of(report_of(sample_data=True))
    assert page.count(DISCLAIMER) == 1
    assert f">{SAMPLE_DATA_NOTICE}<" in page


def test_equal_days_give_equal_bytes():
    assert page_of(report_of()) == page_of(report_of())


def test_one_heading_captions_and_scopes_are_there():
    outline = Outline(page_of(report_of()))
    assert len(outline.all("h1")) == 1
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert {attrs.get("scope") for attrs in outline.all("th")} == {"col", "row", "colgroup"}


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_and_hostile_reasons_are_text(symbol):
    rows = [metrics_of_the_day()[0] | {"symbol": symbol}]
    scored = [SCORED | {"symbol": symbol, "label_reasons": "<script>alert(1)</script>"}]
    hostile = Outline(page_of(report_of(metrics=rows, composites=scored, sessions=(DAY,)), symbol))
    assert len(hostile.all("script")) == 4
    assert not [attrs for _, attrs in hostile.elements if "onmouseover" in attrs]
