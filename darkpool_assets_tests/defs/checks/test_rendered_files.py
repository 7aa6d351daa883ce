"""The disclaimer is checked on the rendered files themselves, one verdict per day, outside the gate."""

from pathlib import Path

import dagster as dg
import pytest

from darkpool_assets.defs.checks.rendered_files import files_verdict
from darkpool_assets.defs.rendered.daily_tables import daily_tables, tables_folder
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.hand_made_feeds import FRIDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph

KEY = dg.AssetCheckKey(dg.AssetKey("daily_tables"), "rendered_tables_carry_the_disclaimer")


def written(graph: Graph, **texts: str) -> Path:
    """Friday's folder with files of the given texts."""
    folder = tables_folder(graph.settings(), FRIDAY)
    folder.mkdir(parents=True)
    for suffix, text in texts.items():
        (folder / f"daily_metrics.{suffix}").write_text(text, encoding="utf-8")
    return folder


def test_files_that_carry_the_disclaimer_pass(graph: Graph):
    written(graph, html=f"<p>{DISCLAIMER}</p>", csv=DISCLAIMER)
    assert files_verdict(tables_folder(graph.settings(), FRIDAY)).passed


@pytest.mark.parametrize("text", ["", DISCLAIMER[:-1], DISCLAIMER.lower(), DISCLAIMER.replace("inferred estimates", "values")])
def test_a_file_without_the_verbatim_disclaimer_is_named(graph: Graph, text: str):
    written(graph, html=DISCLAIMER, csv=text)
    verdict = files_verdict(tables_folder(graph.settings(), FRIDAY))
    assert not verdict.passed
    assert verdict.metadata["without"] == ["daily_metrics.csv"]


def test_a_day_without_files_fails(graph: Graph):
    assert not files_verdict(tables_folder(graph.settings(), FRIDAY)).passed


def test_the_real_files_of_a_range_have_a_verdict_each(made_week: Graph):
    for day in WEEK:
        records = made_week.verdicts("daily_tables", KEY.name, day)
        assert [record.status.value for record in records] == ["SUCCEEDED"], day


def test_a_tampered_page_fails_the_check_of_its_day(again: Graph):
    assert again.materialise(daily_tables, FRIDAY).success
    page = tables_folder(again.settings(), FRIDAY) / "daily_metrics.html"
    page.write_text(page.read_text().replace(DISCLAIMER, ""))
    result = again.judge([FRIDAY], checks=[KEY])
    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [False]
