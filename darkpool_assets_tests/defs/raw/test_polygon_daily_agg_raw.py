"""polygon_daily_agg_raw through Dagster: a day is replaced as a whole, and the look-back comes with it."""

import polars as pl
import pytest

from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets_tests.hand_made_feeds import FRIDAY, SESSIONS, START, THURSDAY, WEDNESDAY, close_of
from darkpool_assets_tests.hand_made_graph import Graph, error_of

FEED = "polygon_daily_agg_raw"


def test_the_files_rows_are_stored_unadjusted_and_without_a_vwap(made_week: Graph):
    spy = made_week.rows(FEED).filter(pl.col("trade_date") == FRIDAY, pl.col("symbol") == "SPY").row(0, named=True)
    assert (spy["close"], spy["volume"], spy["vwap"], spy["data_source"]) == (close_of(FRIDAY, "SPY"), 3e6, None, "FLAT_FILE")


def test_the_look_back_is_stored_and_reported(made_week: Graph):
    assert made_week.warehouse.stored_days(FEED, START, FRIDAY) == SESSIONS
    assert made_week.made(FEED) == {day.isoformat() for day in SESSIONS}


def test_the_days_metadata_says_what_was_read_and_stored(made_week: Graph):
    metadata = made_week.metadata(FEED, FRIDAY)
    assert metadata["dagster/partition_row_count"] == 3
    assert metadata["look-back"]["sessions needed"] == len(SESSIONS)
    assert metadata["readings"][0]["source"] == "2025-12-12.csv"


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(polygon_daily_agg_raw) == declared(FEED)


def test_unchanged_files_are_not_stored_again(again: Graph):
    before = again.rows(FEED)
    assert again.materialise(polygon_daily_agg_raw, FRIDAY).success
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "UNCHANGED"


def test_a_changed_file_replaces_the_day_as_a_whole(again: Graph):
    path = again.feeds.write_aggregates(FRIDAY)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "IWM" not in line).replace("3000000", "5") + "\n")
    assert again.materialise(polygon_daily_agg_raw, FRIDAY).success
    day = again.rows(FEED).filter(pl.col("trade_date") == FRIDAY)
    assert day.select("symbol", "volume").rows() == [("QQQ", 5.0), ("SPY", 5.0)]


def test_a_malformed_file_fails_the_day_and_leaves_the_stored_rows_alone(again: Graph):
    before = again.rows(FEED)
    path = again.feeds.write_aggregates(FRIDAY)
    path.write_text(path.read_text().replace("ticker", "letter"))
    result = again.materialise(polygon_daily_agg_raw, FRIDAY)
    assert not result.success
    assert path.name in error_of(result)
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "FAILED"


def test_a_fault_of_one_ticker_is_named_and_costs_nothing_that_was_stored(again: Graph):
    before = again.rows(FEED)
    path = again.feeds.write_aggregates(FRIDAY)
    path.write_text(path.read_text().replace("SPY,3000000", "SPY,lots").replace("3000000", "5"))
    outcome = again.run([FRIDAY], select=[FEED])
    (failure,) = outcome.failures
    assert all(words in failure for words in ("SPY", path.name, "line 2, column volume", "'lots'"))
    day = again.rows(FEED).filter(trade_date=FRIDAY)
    assert day.select("symbol", "volume").rows() == [("IWM", 5.0), ("QQQ", 5.0), ("SPY", 3e6)]
    assert before.filter(trade_date=FRIDAY, symbol="SPY").equals(day.filter(symbol="SPY"))
    assert again.ledger(FEED, FRIDAY)[-1] == "PARTIAL"


def test_a_ticker_with_a_fault_has_no_price_and_the_others_have_theirs(graph: Graph):
    path = graph.feeds.write_aggregates(FRIDAY)
    path.write_text(path.read_text().replace("SPY,3000000", "SPY,-1"))
    outcome = graph.run([FRIDAY])
    assert len(outcome.failures) == 1
    rows = graph.rows("daily_metrics").filter(date=FRIDAY)
    assert dict(rows.select("symbol", "has_price").iter_rows()) == {"IWM": True, "QQQ": True, "SPY": False}
    assert judge_day(graph.warehouse, FRIDAY, settings=graph.settings()).is_open


def test_a_symbol_that_nobody_configured_is_left_out_without_a_failure(graph: Graph):
    path = graph.feeds.write_aggregates(FRIDAY)
    path.write_text(f"{path.read_text()}THIN,0,14.6,14.6,14.6,14.6,1,0\n")
    outcome = graph.run([FRIDAY])
    assert (outcome.made, outcome.failures) == ([FRIDAY], [])
    verdict = judge_day(graph.warehouse, FRIDAY, settings=graph.settings())
    (rule,) = [one for one in verdict.verdicts if one.rule.number == 16]
    assert [(found.who, "line 5" in found.problem) for found in rule.findings] == [("polygon_daily_agg_raw THIN", True)]


def test_a_day_without_a_file_is_not_published_yet(graph: Graph):
    (graph.feeds.folder / "aggs" / f"{FRIDAY}.csv").unlink()
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY, partitions_start=str(THURSDAY)).success
    assert graph.ledger(FEED, FRIDAY) == ["NOT_PUBLISHED"]
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == [THURSDAY]


def test_the_look_back_begins_with_the_first_partition(graph: Graph):
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY, partitions_start=str(WEDNESDAY)).success
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == [WEDNESDAY, THURSDAY, FRIDAY]


def test_without_a_source_nothing_is_stored_and_the_metadata_says_so(graph: Graph):
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY, polygon_daily_agg_dir=None).success
    assert graph.rows(FEED).is_empty()
    assert graph.ledger(FEED, FRIDAY) == ["NOT_CONFIGURED"]
    assert graph.metadata(FEED, FRIDAY)["status"] == "NOT_CONFIGURED"


@pytest.mark.parametrize("missing", ["polygon_daily_agg_file", "polygon_daily_agg_dir"])
def test_a_source_that_is_set_but_missing_is_an_error_that_names_the_setting(graph: Graph, missing: str):
    result = graph.materialise(polygon_daily_agg_raw, FRIDAY, **{missing: graph.folder / "nowhere"})
    assert not result.success
    assert missing.upper() in error_of(result)
    assert graph.rows(FEED).is_empty()


def test_a_file_of_ones_own_that_holds_several_days_serves_the_look_back_too(graph: Graph):
    lines = ["trade_date,symbol,open,high,low,close,volume"]
    lines += [f"{day},SPY,600,700,500,{close_of(day, 'SPY')},3000000" for day in (WEDNESDAY, THURSDAY, FRIDAY)]
    path = graph.folder / "mine.csv"
    path.write_text("\n".join([*lines, ""]))
    changes = {"polygon_daily_agg_file": path, "partitions_start": str(WEDNESDAY)}
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY, **changes).success
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == [WEDNESDAY, THURSDAY, FRIDAY]
    assert set(graph.rows(FEED)["data_source"]) == {"FILE"}
