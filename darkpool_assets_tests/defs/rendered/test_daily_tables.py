"""daily_tables through Dagster: whole files with the disclaimer, refusals, and nothing lost by a failed renderer."""

import pytest

from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.rendered.daily_tables import daily_tables
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.hand_made_feeds import FRIDAY, TICKERS, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, error_of


def files(graph: Graph) -> list[str]:
    """Names in Friday's folder."""
    folder = graph.folder / "output" / "tables" / FRIDAY.isoformat()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_page_and_a_picture_of_every_day(made_week: Graph):
    folder = made_week.folder / "output" / "tables"
    for day in WEEK:
        assert sorted(path.name for path in (folder / str(day)).iterdir()) == ["daily_metrics.html", "daily_metrics.png"]


def test_the_page_shows_every_ticker_and_the_disclaimer(made_week: Graph):
    page = (made_week.folder / "output" / "tables" / str(FRIDAY) / "daily_metrics.html").read_text()
    assert DISCLAIMER in page
    assert all(symbol in page for symbol in TICKERS)


def test_the_csv_is_written_on_demand_with_every_ticker(again: Graph):
    assert again.materialise(daily_tables, FRIDAY, export_csv=True).success
    assert files(again) == ["daily_metrics.csv", "daily_metrics.html", "daily_metrics.png"]
    assert (again.folder / "output" / "tables" / str(FRIDAY) / "daily_metrics.csv").read_text().count(DISCLAIMER) == 3


def test_the_metadata_shows_where_the_files_are_and_a_preview(made_week: Graph):
    metadata = made_week.metadata("daily_tables", FRIDAY)
    assert metadata["html"].endswith("tables/2025-12-12/daily_metrics.html")
    assert {row["symbol"] for row in metadata["preview"]} == set(TICKERS)
    assert metadata["picture"].startswith("![")


def test_of_a_range_only_the_newest_day_carries_a_picture(made_week: Graph):
    assert ["picture" in made_week.metadata("daily_tables", day) for day in WEEK] == [False] * 4 + [True]


def test_a_day_without_metrics_is_refused_by_name(graph: Graph):
    result = graph.materialise(daily_tables, FRIDAY)
    assert not result.success
    assert "2025-12-12: daily_metrics has no rows under PhaseA_v1. Materialise it first." in error_of(result)
    assert files(graph) == []


@pytest.mark.parametrize("asset", ["daily_metrics", "index_constituent_short_agg_daily"])
def test_after_a_failed_derivation_the_table_alone_is_refused_and_the_old_page_stays(again: Graph, asset: str):
    assert again.materialise(daily_tables, FRIDAY).success
    page = again.folder / "output" / "tables" / str(FRIDAY) / "daily_metrics.html"
    before = page.read_bytes()
    (again.feeds.folder / "constituents" / "spx_sample.csv").write_text("index,symbol\nSPX_SAMPLE,not a symbol\n")
    again.feeds.write_short(FRIDAY, trailer=99)
    assert not again.materialise(finra_short_daily_raw, FRIDAY).success
    assert not again.materialise(daily_metrics if asset == "daily_metrics" else index_constituent_short_agg_daily, FRIDAY).success
    result = again.materialise(daily_tables, FRIDAY)
    assert not result.success
    assert "finra_short_daily_raw: MalformedSource: " in error_of(result)
    assert page.read_bytes() == before


def test_a_closed_gate_never_takes_the_table_away(again: Graph):
    with again.warehouse._connect() as connection:
        connection.execute("update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY'")
    assert again.materialise(daily_tables, FRIDAY).success
    assert files(again) == ["daily_metrics.html", "daily_metrics.png"]
