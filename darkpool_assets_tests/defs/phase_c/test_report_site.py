"""report_site through Dagster: the day's pages, the first page, and a closed gate that is explained instead of hidden."""

from collections.abc import Iterator

import pytest

from darkpool_assets.defs.phase_c.report_site import pages_folder, report_site
from darkpool_assets.resources import connect_to
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY, TICKERS, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, copy_of, error_of


def page(graph: Graph, day: object = FRIDAY, name: str = "index") -> str:
    """The text of a page."""
    return (pages_folder(graph.settings(), day) / f"{name}.html").read_text(encoding="utf-8")  # type: ignore[arg-type]


def close_gate(graph: Graph) -> None:
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        connection.execute(f"update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '{FRIDAY}'")


@pytest.fixture(scope="module")
def shown(made_week: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Thursday's and Friday's pages of the made week, in a folder of their own; not to be changed."""
    with copy_of(made_week, tmp_path_factory.mktemp("shown")) as graph:
        for day in (THURSDAY, FRIDAY):
            assert graph.materialise(report_site, day, site_url="http://127.0.0.1:4001/").success
        yield graph


def test_the_day_has_a_page_each_ticker_and_each_index_too(shown: Graph):
    folder = pages_folder(shown.settings(), FRIDAY)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")} >= {
        "index.html",
        *(f"{t}.html" for t in TICKERS),
    }
    assert len(list(folder.rglob("*.html"))) == len(TICKERS) + 2


def test_every_page_carries_the_disclaimer(shown: Graph):
    pages = list(shown.settings().output_dir.rglob("*.html"))
    assert [path.name for path in pages if DISCLAIMER not in path.read_text(encoding="utf-8")] == []


def test_the_first_page_leads_to_every_day_that_has_pages(shown: Graph):
    first = (shown.settings().output_dir / "index.html").read_text(encoding="utf-8")
    assert [day for day in WEEK if f"{day}/index.html" in first] == [THURSDAY, FRIDAY]


def test_a_closed_gate_is_told_on_the_days_page_in_place_of_the_composite(again: Graph):
    close_gate(again)
    assert again.materialise(report_site, FRIDAY).success
    text = page(again)
    assert "Data quality follows the published week" in text
    assert "accumulation</" not in text.partition("How to read")[0]


def test_the_metadata_links_to_the_page(shown: Graph):
    metadata = shown.metadata("report_site", FRIDAY)
    assert metadata["address"] == f"http://127.0.0.1:4001/{FRIDAY}/index.html"
    assert metadata["gate"] == "OPEN"


def test_a_day_that_was_never_derived_has_no_page(graph: Graph):
    assert "daily_metrics has no rows" in error_of(graph.materialise(report_site, FRIDAY))


@pytest.mark.parametrize(("plots", "drawn"), [("last", [FRIDAY]), ("all", [WEDNESDAY, THURSDAY, FRIDAY])])
def test_a_command_draws_the_last_session_of_a_range_or_all(again: Graph, plots: str, drawn: list):
    assert again.run([WEDNESDAY, THURSDAY, FRIDAY], ["composite_signal", "report_site"], plots=plots).failures == []
    folders = [day for day in WEEK if pages_folder(again.settings(), day).is_dir()]
    assert folders == list(drawn)
