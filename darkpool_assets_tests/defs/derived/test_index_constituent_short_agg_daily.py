"""index_constituent_short_agg_daily through Dagster: members of the whole-market file, no list, a broken list."""

import polars as pl
import pytest

from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets_tests.hand_made_feeds import FRIDAY, short_row
from darkpool_assets_tests.hand_made_graph import Graph, error_of

TABLE = "index_constituent_short_agg_daily"
LISTS = "constituents/spx_sample.csv"


def friday(graph: Graph) -> dict[str, object]:
    """Friday's one row."""
    return graph.rows(TABLE).filter(pl.col("trade_date") == FRIDAY).row(0, named=True)


def test_the_ratio_is_the_sum_of_shorts_over_the_sum_of_totals(made_week: Graph):
    members = [short_row(FRIDAY, symbol) for symbol in ("QQQ", "IWM")]
    row = friday(made_week)
    assert row["agg_short_ratio"] == pytest.approx(sum(s + e for s, e, _ in members) / sum(t for *_, t in members))
    assert (row["coverage_count"], row["expected_constituent_count"], row["index_price_source"]) == (2, 2, "PROXY")


def test_members_need_not_be_configured_tickers(again: Graph):
    assert again.materialise(index_constituent_short_agg_daily, FRIDAY, tickers="SPY").success
    assert friday(again)["coverage_count"] == 2


def test_the_metadata_shows_rows_and_a_preview(made_week: Graph):
    metadata = made_week.metadata(TABLE, FRIDAY)
    assert (metadata["dagster/partition_row_count"], metadata["constituents"]) == (1, 2)
    assert [row["index_symbol"] for row in metadata["preview"]] == ["SPX_SAMPLE"]


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(index_constituent_short_agg_daily) == declared(TABLE)


def test_without_a_short_file_the_index_keeps_its_row_without_numbers(graph: Graph):
    assert graph.materialise(index_constituent_short_agg_daily, FRIDAY).success
    row = friday(graph)
    assert (row["agg_short_ratio"], row["coverage_count"], row["data_quality"]) == (None, 0, "PRE_OTC")


def test_a_broken_list_fails_the_day_and_leaves_the_stored_row_alone(again: Graph):
    before = again.rows(TABLE)
    (again.feeds.folder / LISTS).write_text("index,symbol\nSPX_SAMPLE,not a symbol\n")
    result = again.materialise(index_constituent_short_agg_daily, FRIDAY)
    assert not result.success
    assert "spx_sample.csv" in error_of(result)
    assert again.rows(TABLE).equals(before)
    assert again.derivations(TABLE, FRIDAY)[-1] == "FAILED"


def test_after_a_failed_reading_the_asset_alone_is_refused(again: Graph):
    again.feeds.write_short(FRIDAY, trailer=99)
    assert not again.materialise(finra_short_daily_raw, FRIDAY).success
    result = again.materialise(index_constituent_short_agg_daily, FRIDAY)
    assert not result.success
    assert "finra_short_daily_raw: MalformedSource" in error_of(result)
