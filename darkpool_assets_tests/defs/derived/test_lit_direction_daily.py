"""lit_direction_daily through Dagster: a row per ticker, versions side by side, and no derivation after a failed reading."""

import polars as pl

from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets_tests.hand_made_feeds import FRIDAY, TICKERS, buys_of
from darkpool_assets_tests.hand_made_graph import Graph, error_of

TABLE = "lit_direction_daily"


def friday(graph: Graph) -> pl.DataFrame:
    """Friday's rows."""
    return graph.rows(TABLE).filter(pl.col("date") == FRIDAY)


def test_trades_at_the_ask_are_buys_and_at_the_bid_sells(made_week: Graph):
    rows = {row["symbol"]: row for row in friday(made_week).iter_rows(named=True)}
    for symbol in TICKERS:
        bought = 5_000.0 * buys_of(FRIDAY, symbol)
        assert (rows[symbol]["lit_buy_volume"], rows[symbol]["lit_sell_volume"]) == (bought, 50_000.0 - bought)
        assert (rows[symbol]["off_exchange_print_volume"], rows[symbol]["classification_method"]) == (70_000.0, "NBBO")


def test_the_metadata_shows_methods_rows_and_a_preview(made_week: Graph):
    metadata = made_week.metadata(TABLE, FRIDAY)
    assert metadata["dagster/partition_row_count"] == 3
    assert metadata["summary"] == "3 NBBO"
    assert {row["symbol"] for row in metadata["preview"]} == set(TICKERS)


def test_the_ui_shows_every_declared_column_and_its_lineage(column_schema, declared):
    assert column_schema(lit_direction_daily) == declared(TABLE)
    lineage = lit_direction_daily.metadata_by_key[lit_direction_daily.key]["dagster/column_lineage"].deps_by_column
    assert {dep.asset_key.to_user_string() for dep in lineage["lit_buy_volume"]} == {"polygon_equity_trades_raw"}


def test_the_newest_days_materialisation_carries_the_lineage(made_week: Graph):
    assert "lit_buy_volume" in made_week.metadata(TABLE, FRIDAY)["dagster/column_lineage"].deps_by_column


def test_a_ticker_without_trades_keeps_its_row(again: Graph):
    again.feeds.write_trades(FRIDAY, symbols=("SPY",))
    assert again.materialise([polygon_equity_trades_raw, lit_direction_daily], FRIDAY).success
    rows = {row["symbol"]: row for row in friday(again).iter_rows(named=True)}
    assert set(rows) == set(TICKERS)
    assert (rows["IWM"]["classification_method"], rows["IWM"]["lit_total_volume"]) == ("NONE", None)


def test_without_a_trades_source_every_ticker_has_an_empty_row(graph: Graph):
    assert graph.materialise([polygon_equity_trades_raw, lit_direction_daily], FRIDAY, polygon_trades_dir=None).success
    assert friday(graph)["classification_method"].to_list() == ["NONE"] * 3


def test_two_inference_versions_live_side_by_side(again: Graph):
    assert again.materialise(lit_direction_daily, FRIDAY, inference_version="B", classification_rule="tick").success
    methods = friday(again).group_by("inference_version").agg(pl.col("classification_method").unique().first())
    assert dict(methods.iter_rows()) == {"PhaseA_v1": "NBBO", "B": "TICK"}


def test_another_derivation_replaces_the_day_of_its_version(again: Graph):
    for _ in range(2):
        assert again.materialise(lit_direction_daily, FRIDAY).success
    assert friday(again).height == 3


def test_after_a_failed_reading_the_asset_alone_is_refused_and_nothing_is_lost(again: Graph):
    before = again.rows(TABLE)
    path = again.feeds.trades_file(FRIDAY)
    path.write_text("nonsense\n1\n")
    assert not again.materialise(polygon_equity_trades_raw, FRIDAY).success
    result = again.materialise(lit_direction_daily, FRIDAY)
    assert not result.success
    assert "polygon_equity_trades_raw: " in error_of(result)
    assert "Materialise it again" not in error_of(result)
    assert again.rows(TABLE).equals(before)
    assert again.derivations(TABLE, FRIDAY) == ["STORED", "FAILED"]


def test_after_the_repair_the_asset_alone_is_made(again: Graph):
    path = again.feeds.trades_file(FRIDAY)
    path.write_text("nonsense\n1\n")
    assert not again.materialise(polygon_equity_trades_raw, FRIDAY).success
    again.feeds.write_trades(FRIDAY)
    assert again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert again.materialise(lit_direction_daily, FRIDAY).success
