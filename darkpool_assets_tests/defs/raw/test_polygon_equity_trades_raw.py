"""polygon_equity_trades_raw through Dagster: a day is replaced as a whole, with the quote that prevailed."""

import polars as pl
import pytest

from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY, TICKERS, WEEK, close_of
from darkpool_assets_tests.hand_made_graph import Graph, error_of

FEED = "polygon_equity_trades_raw"


def friday(graph: Graph) -> pl.DataFrame:
    """The stored prints of Friday."""
    return graph.rows(FEED).filter(pl.col("trade_date") == FRIDAY)


def test_the_prints_of_every_venue_are_stored(made_week: Graph):
    by_venue = friday(made_week).group_by("symbol", "exchange").len().sort("symbol", "exchange").rows()
    assert by_venue == [(symbol, venue, count) for symbol in sorted(TICKERS) for venue, count in ((4, 1), (11, 10))]


def test_each_print_carries_the_quote_before_it(made_week: Graph):
    spy = friday(made_week).filter(pl.col("symbol") == "SPY")
    close = close_of(FRIDAY, "SPY")
    assert set(spy["bid"]) == {round(close - 0.01, 2)}
    assert set(spy["ask"]) == {round(close + 0.01, 2)}


def test_trades_have_no_look_back(graph: Graph):
    assert graph.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert graph.warehouse.stored_days(FEED, WEEK[0], FRIDAY) == [FRIDAY]
    assert graph.made(FEED) == {FRIDAY.isoformat()}


def test_the_metadata_says_what_was_read_and_stored(made_week: Graph):
    metadata = made_week.metadata(FEED, FRIDAY)
    assert (metadata["dagster/partition_row_count"], metadata["status"]) == (33, "STORED")
    assert metadata["readings"][0]["physical rows"] == 33


def test_the_ledger_keeps_the_lit_counts_for_the_time_after_pruning(made_week: Graph):
    mine = pl.col("feed") == FEED, pl.col("partition_date") == FRIDAY
    entry = made_week.rows("ingest_ledger").filter(*mine).row(0, named=True)
    assert (entry["lit_rows"], entry["lit_volume"], entry["physical_rows"]) == (30, 150_000.0, 33)
    assert "quotes: 2025-12-12.csv" in entry["message"]


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(polygon_equity_trades_raw) == declared(FEED)


def test_without_quotes_the_prints_are_stored_and_the_ledger_says_tick_test(graph: Graph):
    assert graph.materialise(polygon_equity_trades_raw, FRIDAY, polygon_quotes_dir=None).success
    assert friday(graph)["bid"].null_count() == 33
    mine = graph.rows("ingest_ledger").filter(pl.col("feed") == FEED)
    assert mine["message"].to_list() == ["no quotes source: tick test; session window 14:30:00 to 21:15:00 UTC"]


def test_unchanged_files_are_not_stored_again(again: Graph):
    before = again.rows(FEED)
    assert again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY) == ["STORED", "UNCHANGED"]


def test_a_changed_file_replaces_the_day_as_a_whole_and_no_other_day(again: Graph):
    others = again.rows(FEED).filter(pl.col("trade_date") != FRIDAY)
    again.feeds.write_trades(FRIDAY, symbols=("SPY",), size=7_000)
    assert again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert friday(again)["symbol"].to_list() == ["SPY"] * 11
    assert set(friday(again).filter(pl.col("exchange") == 11)["size"]) == {7_000.0}
    assert again.rows(FEED).filter(pl.col("trade_date") != FRIDAY).equals(others)


def test_quotes_that_come_later_are_joined_by_the_next_run(graph: Graph):
    assert graph.materialise(polygon_equity_trades_raw, FRIDAY, polygon_quotes_dir=None).success
    assert graph.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert friday(graph)["bid"].null_count() == 0
    assert graph.ledger(FEED, FRIDAY) == ["STORED", "STORED"]


def test_a_run_replaces_the_tickers_that_it_reads_and_leaves_the_others(again: Graph):
    before = friday(again)
    again.feeds.write_trades(FRIDAY, size=7_000)
    assert again.materialise(polygon_equity_trades_raw, FRIDAY, tickers="SPY").success
    lit = friday(again).filter(exchange=11)
    assert dict(lit.group_by("symbol").agg(pl.col("size").first()).iter_rows()) == {"SPY": 7e3, "QQQ": 5e3, "IWM": 5e3}
    assert friday(again).filter(pl.col("symbol") != "SPY").equals(before.filter(pl.col("symbol") != "SPY"))


def test_tickers_of_two_commands_are_both_stored_and_only_the_last_ones_derived(graph: Graph):
    for tickers in ("SPY", "QQQ,IWM"):
        assert graph.run([FRIDAY], tickers=tickers).failures == []
    assert set(friday(graph)["symbol"]) == {"SPY", "QQQ", "IWM"}
    assert set(graph.rows("daily_metrics")["symbol"]) == {"QQQ", "IWM"}
    assert judge_day(graph.warehouse, FRIDAY, settings=graph.settings(tickers="QQQ,IWM")).is_open


def test_prints_of_another_session_window_are_replaced_with_the_whole_day(again: Graph):
    assert again.materialise(polygon_equity_trades_raw, FRIDAY, tickers="SPY", rth_end="15:00").success
    assert set(friday(again)["symbol"]) == {"SPY"}


def test_going_back_to_an_earlier_file_of_another_name_stores_it_again(again: Graph):
    other = again.feeds.trades_file(FRIDAY).rename(again.folder / "mine.csv")
    again.feeds.write_trades(FRIDAY, size=7_000)
    for path, size in ((other, 5_000.0), (again.feeds.trades_file(FRIDAY), 7_000.0), (other, 5_000.0)):
        assert again.materialise(polygon_equity_trades_raw, FRIDAY, polygon_trades_file=path).success
        assert set(friday(again).filter(pl.col("exchange") == 11)["size"]) == {size}, path.name


@pytest.mark.parametrize("column", ["sip_timestamp", "price"])
def test_a_malformed_file_fails_the_day_and_leaves_the_stored_prints_alone(again: Graph, column: str):
    before = again.rows(FEED)
    path = again.feeds.trades_file(FRIDAY)
    path.write_text(path.read_text().replace(column, "nonsense").replace("participant_timestamp", "other"))
    result = again.materialise(polygon_equity_trades_raw, FRIDAY)
    assert not result.success
    assert path.name in error_of(result)
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "FAILED"


def test_a_file_that_is_cut_short_is_not_stored_in_part(again: Graph):
    before = again.rows(FEED)
    path = again.feeds.trades_file(FRIDAY)
    path.write_text(path.read_text()[:-60])
    assert not again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert again.rows(FEED).equals(before)


def test_a_day_without_a_file_is_not_published_yet_and_keeps_what_was_stored(again: Graph):
    before = again.rows(FEED)
    again.feeds.trades_file(FRIDAY).unlink()
    assert again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert again.ledger(FEED, FRIDAY)[-1] == "NOT_PUBLISHED"
    assert again.rows(FEED).equals(before)


def test_a_file_of_another_day_is_refused(graph: Graph):
    graph.feeds.trades_file(FRIDAY).write_text(graph.feeds.trades_file(THURSDAY).read_text())
    assert not graph.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert graph.rows(FEED).is_empty()


def test_without_a_source_nothing_is_stored_and_the_metadata_says_so(graph: Graph):
    assert graph.materialise(polygon_equity_trades_raw, MONDAY, polygon_trades_dir=None).success
    assert graph.rows(FEED).is_empty()
    assert graph.ledger(FEED, MONDAY) == ["NOT_CONFIGURED"]
    assert graph.metadata(FEED, MONDAY)["status"] == "NOT_CONFIGURED"


@pytest.mark.parametrize("missing", ["polygon_trades_file", "polygon_trades_dir", "polygon_quotes_file", "polygon_quotes_dir"])
def test_a_source_that_is_set_but_missing_is_an_error_that_names_the_setting(graph: Graph, missing: str):
    result = graph.materialise(polygon_equity_trades_raw, FRIDAY, **{missing: graph.folder / "nowhere"})
    assert not result.success
    assert missing.upper() in error_of(result)
    assert graph.rows(FEED).is_empty()
