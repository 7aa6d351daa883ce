"""The day page: labels joined to the table, the gate in words, every verdict, and no label without a composite."""

import datetime as dt
import re

import pytest

from darkpool_assets.rendering.site.site_day_page import day_page
from darkpool_assets.rendering.site.site_model import DayFiles, Verdict
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, Severity
from darkpool_assets_tests.rendering.conftest import ANCHORED, DAY
from darkpool_assets_tests.rendering.daily_table.test_daily_table_html import HOSTILE, Outline
from darkpool_assets_tests.rendering.site.invented_report import (
    BROKEN,
    HOLDS,
    SCORED,
    WARNS,
    composites_of_the_day,
    metrics_of_the_day,
    report_of,
)

MOMENT = dt.datetime(2025, 12, 25, 1, 2, 3, tzinfo=dt.UTC)
NO_FILES = DayFiles()


def page_of(report, files=NO_FILES, generated_at=None):
    return day_page(report, files=files, generated_at=generated_at)


def text_of(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


def row_of(page, symbol):
    """The words of a symbol's row of the first table."""
    rows = page.split("<tbody>")[1].split("</tbody>")[0].splitlines()
    return next(text_of(row) for row in rows if f">{symbol}<" in row)


def test_label_score_and_confidence_stand_beside_the_symbol():
    assert row_of(page_of(report_of()), "SPY").startswith(" SPY Inferred accumulation +0.63 0.85 ")


def test_a_label_that_claims_no_side_is_not_tinted():
    row = next(row for row in page_of(report_of()).splitlines() if '"QQQ.html"' in row and "<tr>" in row)
    assert "tint" not in row.split("Low short")[0]


def test_a_symbol_without_a_composite_has_no_label_and_is_named():
    page = page_of(report_of())
    assert row_of(page, "ZZZ").startswith(" ZZZ – – – Neutral")
    assert "No composite is stored, so no label is shown: ZZZ." in page


def test_a_label_that_claims_a_side_without_a_score_is_not_shown():
    scoreless = SCORED | {"composite_score": None}
    assert row_of(page_of(report_of(composites=[scoreless])), "SPY").startswith(" SPY – – 0.85")


def test_a_day_without_composite_shows_no_label_and_says_why():
    page = page_of(report_of(composites=[]))
    assert "No composite is stored for this day" in page
    assert not re.search("accumulation(?! / distribution)|Composite|Confidence", text_of(page.split("</head>")[1]))


def test_a_composite_of_another_day_labels_nothing():
    page = page_of(report_of(composites=composites_of_the_day(dt.date(2025, 12, 23))))
    assert "Inferred accumulation" not in page


def test_a_closed_gate_is_told_with_its_rules_and_takes_stored_labels_away():
    page = page_of(report_of(verdicts=(HOLDS, BROKEN)))
    assert "Rule 4: No OTC week is used before its published date" in page
    assert "Inferred accumulation" not in page


def test_a_closed_gate_leaves_table_indices_and_verdicts():
    outline = Outline(page_of(report_of(verdicts=(HOLDS, BROKEN))))
    assert [attrs.get("id") for attrs in outline.all("table")] == ["symbols", "indices"]
    assert "12 Jan" in "".join(outline.texts)


def test_a_warning_closes_nothing():
    assert "Inferred accumulation" in page_of(report_of(verdicts=(WARNS,)))


def test_every_failed_rule_names_who_what_and_the_remedy():
    page = text_of(page_of(report_of(verdicts=(HOLDS, WARNS, BROKEN))))
    assert "warns OTC weeks have both legs rule 17 · WARN QQQ no ATS row Remedy. Compare with FINRA&#x27;s page." in page
    assert page.index("broken No OTC week") < page.index("warns OTC weeks") < page.index("holds Data quality follows")


def test_the_counts_of_verdicts_are_told():
    assert "3 rules: 1 hold, 1 warn, 1 broken." in page_of(report_of(verdicts=(HOLDS, WARNS, BROKEN)))


def test_many_findings_are_counted_rather_than_listed():
    many = tuple((f"S{place}", "wrong") for place in range(500))
    page = page_of(report_of(verdicts=(Verdict(8, "keys_are_unique", Severity.ERROR, many, "Again."),)))
    assert "and 488 more" in page
    assert page.count("wrong") == 12


def test_a_day_that_was_not_judged_says_so():
    page = page_of(report_of(verdicts=()))
    assert "The rules have not been asked about this day." in page
    assert "gate not asked" in page


def test_a_row_that_is_not_anchored_shows_no_inferred_otc_side_even_when_stored():
    stored = ANCHORED | {"data_quality": "PRE_OTC", "otc_buy_volume": 3_039_000.0, "otc_sell_volume": 2_561_000.0}
    page = page_of(report_of(metrics=[stored], composites=[]))
    assert "3.04M" not in page
    assert "2.56M" not in page


def test_the_tally_counts_the_labels_from_buying_to_selling():
    tally = page_of(report_of()).split('<ul class="tally"')[1].split("</ul>")[0]
    assert text_of(tally).split("> ")[-1].split() == ["1", "Inferred", "accumulation", "1", "Unstable"]


def test_symbols_and_indices_lead_to_their_pages():
    links = [attrs["href"] for attrs in Outline(page_of(report_of())).all("a") if "href" in attrs]
    assert {"SPY.html", "QQQ.html", "ZZZ.html", "indices/SPX~05f~SAMPLE.html", "../index.html"} <= set(links)


@pytest.mark.parametrize(("made", "linked"), [((), []), (("html", "png", "csv"), ["html", "png", "csv"]), (("png",), ["png"])])
def test_files_are_linked_where_they_were_made(made, linked):
    files = DayFiles(tables=frozenset(f"daily_metrics.{suffix}" for suffix in made))
    links = [attrs.get("href", "") for attrs in Outline(page_of(report_of(), files)).all("a")]
    assert [link for link in links if "tables" in link] == [f"../tables/{DAY}/daily_metrics.{suffix}" for suffix in linked]


def test_the_interpretation_of_an_index_stands_with_both_ratios_and_coverage():
    table = text_of(page_of(report_of()).split('<table id="indices">')[1])
    assert re.search(r"SPX_SAMPLE Short into strength PRE_OTC 0\.461 \+1\.37 FINRA 2\.60B 0\.439 96 members", table)
    assert "97 / 100 97.0%" in table
    assert "SPY proxy" in table


def test_every_other_day_is_left_to_the_script():
    page = page_of(report_of())
    assert "2025-12-23" not in page
    assert 'src="../assets/days.js"' in page


def test_the_disclaimer_stands_verbatim_and_once():
    assert page_of(report_of()).count(DISCLAIMER) == 1


def test_sample_data_are_marked_and_real_data_are_not():
    marked = page_of(report_of(sample_data=True))
    assert f">{SAMPLE_DATA_NOTICE}<" in marked
    assert SAMPLE_DATA_NOTICE not in page_of(report_of())


def test_only_one_line_depends_on_the_moment():
    page, later = (page_of(report_of(), generated_at=MOMENT + dt.timedelta(days=day)) for day in (0, 1))
    changed = [line for line, other in zip(page.splitlines(), later.splitlines(), strict=True) if line != other]
    assert changed == ['<p class="generated">Generated 2025-12-25 01:02:03 UTC</p>']


def test_landmarks_headings_captions_and_scopes_are_there():
    outline = Outline(page_of(report_of()))
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("nav")) == 1
    assert len(outline.all("caption")) == len(outline.all("table")) == 2
    assert {attrs.get("scope") for attrs in outline.all("th")} == {"col", "row", "colgroup"}
    assert outline.all("a")[0]["href"] == "#content"


def test_the_choice_of_tickers_has_a_label_and_a_button():
    outline = Outline(page_of(report_of()))
    assert [attrs["for"] for attrs in outline.all("label")] == [attrs["id"] for attrs in outline.all("select")] == ["ticker"]
    assert "Open" in outline.texts


def test_nothing_outside_the_folder_is_asked_for():
    page = page_of(report_of())
    assert not re.findall(r"https?:|@import|url\(", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_is_text(symbol):
    rows = [row | {"symbol": symbol} for row in metrics_of_the_day()[:1]]
    scored = [SCORED | {"symbol": symbol, "final_label": "<b>x</b>"}]
    verdicts = (HOLDS, Verdict(1, "<i>name</i>", Severity.WARN, ((symbol, "<b>x</b>"),), "<script>"))
    hostile = Outline(page_of(report_of(metrics=rows, composites=scored, verdicts=verdicts)))
    assert len(hostile.all("script")) == 2
    assert not [attrs for _, attrs in hostile.elements if "onmouseover" in attrs]
