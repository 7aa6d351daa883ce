"""finra_otc_weekly_raw through Dagster: weeks in reach, vintages of restated weeks, and what is never stored."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, THURSDAY
from darkpool_assets_tests.hand_made_graph import Graph, error_of

FEED = "finra_otc_weekly_raw"
RESTATED = dt.date(2026, 1, 3)


def volumes(graph: Graph) -> list[float]:
    """SPY's stored ATS volumes of the week, over all vintages."""
    mine = pl.col("week_start_date") == MONDAY, pl.col("symbol") == "SPY", pl.col("summary_type_code") == "ATS_W_SMBL"
    return sorted(graph.rows(FEED).filter(*mine)["off_exchange_volume"])


def test_every_week_of_the_files_is_stored(made_week: Graph):
    weeks = made_week.rows(FEED).group_by("week_start_date").len().sort("week_start_date").rows()
    assert weeks == [(dt.date(2025, 12, 1), 4), (MONDAY, 4)]


def test_the_metadata_lists_the_nine_weeks_in_reach_with_their_due_dates(made_week: Graph):
    weeks = made_week.metadata(FEED, FRIDAY)["weeks"]
    assert len(weeks) == 9
    assert weeks[-1] == {"week": "2025-12-08", "stored": True, "due (T1)": "2025-12-29", "due (T2, OTCE)": "2026-01-12"}
    assert weeks[0]["week"] == "2025-10-13"
    assert weeks[0]["stored"] is False


def test_the_metadata_counts_the_rows_in_reach(made_week: Graph):
    metadata = made_week.metadata(FEED, FRIDAY)
    assert (metadata["dagster/partition_row_count"], metadata["symbols"], metadata["as_of"]) == (8, 2, "2026-01-05")


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(finra_otc_weekly_raw) == declared(FEED)


def test_unchanged_files_add_no_vintage(again: Graph):
    before = again.rows(FEED)
    assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, MONDAY)[-1] == "UNCHANGED"


def test_files_that_were_read_before_are_not_read_again(again: Graph):
    assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert again.metadata(FEED, FRIDAY)["status"] == "UNCHANGED"
    assert again.metadata(FEED, FRIDAY)["dagster/partition_row_count"] == 8
    assert "readings" not in again.metadata(FEED, FRIDAY)


def test_a_column_name_given_for_the_files_has_them_read_again(again: Graph):
    assert again.materialise(finra_otc_weekly_raw, FRIDAY, finra_volume_field="shares").success
    assert again.ledger(FEED, FRIDAY)[-1] == "DEGRADED"
    assert "FINRA_VOLUME_FIELD=shares" in again.rows("ingest_ledger").sort("at")["message"][-1]


def test_files_of_one_name_in_two_months_are_read_every_time(again: Graph):
    folder = again.feeds.folder / "otc"
    for month, path in zip(("2025/11", "2025/12"), sorted(folder.iterdir()), strict=False):
        (folder / month).mkdir(parents=True)
        path.rename(folder / month / "week.json")
    for _ in range(2):
        assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
        assert "readings" in again.metadata(FEED, FRIDAY)


def test_a_restated_week_is_a_vintage_beside_the_first(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, updated=RESTATED, factor=2.0, name="restated")
    assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert volumes(again) == [2e6, 4e6]


def test_a_changed_file_is_a_vintage_beside_the_old_one(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, updated=RESTATED, factor=2.0)
    assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert volumes(again) == [2e6, 4e6]


def test_two_runs_with_a_restated_file_store_each_vintage_once(again: Graph):
    again.feeds.write_otc(MONDAY, published=PUBLISHED, updated=RESTATED, factor=2.0, name="restated")
    for _ in range(2):
        assert again.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert volumes(again) == [2e6, 4e6]
    assert again.ledger(FEED, MONDAY)[-1] == "UNCHANGED"


def _cut(graph: Graph, **changes: Any) -> Path:
    path = graph.feeds.write_otc(MONDAY, published=PUBLISHED, updated=RESTATED, **changes)
    path.write_text(path.read_text()[:-40])
    return path


def test_a_malformed_file_is_left_out_by_name_and_the_stored_weeks_stay_in_use(again: Graph):
    before = again.rows(FEED)
    path = _cut(again, factor=2.0)
    outcome = again.run([FRIDAY])
    (failure,) = outcome.failures
    assert path.name in failure
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "DEGRADED"
    assert set(again.rows("daily_metrics").filter(date=FRIDAY)["data_quality"]) == {"OTC_ANCHORED", "PRE_OTC"}


def test_the_other_files_of_a_folder_are_stored_beside_a_malformed_one(graph: Graph):
    path = _cut(graph)
    (failure,) = graph.run([FRIDAY], select=[FEED]).failures
    assert path.name in failure
    assert set(graph.rows(FEED)["week_start_date"]) == {dt.date(2025, 12, 1)}


def test_a_folder_of_malformed_files_fails_where_no_week_is_stored(graph: Graph):
    for path in (graph.feeds.folder / "otc").iterdir():
        path.write_text("nonsense\n1\n")
    assert not graph.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert graph.ledger(FEED, FRIDAY) == ["FAILED"]


def test_the_one_file_that_a_setting_names_must_be_whole(again: Graph):
    result = again.materialise(finra_otc_weekly_raw, FRIDAY, finra_otc_file=_cut(again))
    assert not result.success
    assert "weekly_2025-12-08.json" in error_of(result)


def test_a_fault_in_the_rows_of_one_ticker_costs_its_week_in_every_run_that_reads_it(graph: Graph):
    path = graph.feeds.write_otc(MONDAY, published=PUBLISHED)
    rows = json.loads(path.read_text())
    rows[0]["initialPublishedDate"] = "2025-12-10"
    path.write_text(json.dumps(rows))
    symbol = rows[0]["issueSymbolIdentifier"]
    for _ in range(2):
        (failure,) = graph.run([FRIDAY]).failures
        assert all(words in failure for words in (symbol, path.name, "row 1, column initialPublishedDate"))
        quality = dict(graph.rows("daily_metrics").filter(date=FRIDAY).select("symbol", "data_quality").iter_rows())
        assert {name for name, word in quality.items() if word == "OTC_ANCHORED"} == {"SPY", "QQQ"} - {symbol}
    assert graph.ledger(FEED, FRIDAY) == ["PARTIAL", "PARTIAL"]


def test_a_fault_in_a_week_out_of_reach_is_no_failure_of_the_day(graph: Graph):
    path = graph.feeds.write_otc(dt.date(2025, 9, 1), published=dt.date(2025, 9, 2), name="old")
    assert graph.run([FRIDAY], select=[FEED]).failures == []
    assert path.name in graph.rows("ingest_ledger").drop_nulls("left_out")["left_out"].item()


def test_a_week_that_does_not_start_on_a_monday_costs_its_tickers_that_week(graph: Graph):
    graph.feeds.write_otc(THURSDAY, published=PUBLISHED)
    (failure,) = graph.run([FRIDAY], select=[FEED]).failures
    assert "a Monday" in failure
    assert THURSDAY not in set(graph.rows(FEED)["week_start_date"])


def test_an_empty_directory_is_not_published_yet(graph: Graph):
    for path in (graph.feeds.folder / "otc").iterdir():
        path.unlink()
    assert graph.materialise(finra_otc_weekly_raw, FRIDAY).success
    assert graph.ledger(FEED, FRIDAY) == ["NOT_PUBLISHED"]
    assert graph.metadata(FEED, FRIDAY)["status"] == "NOT_PUBLISHED"


def test_without_a_source_nothing_is_stored_and_the_metadata_says_so(graph: Graph):
    assert graph.materialise(finra_otc_weekly_raw, FRIDAY, finra_otc_dir=None).success
    assert graph.rows(FEED).is_empty()
    assert graph.ledger(FEED, FRIDAY) == ["NOT_CONFIGURED"]
    assert graph.metadata(FEED, FRIDAY)["summary"].startswith("NOT_CONFIGURED")


@pytest.mark.parametrize("missing", ["finra_otc_file", "finra_otc_dir"])
def test_a_source_that_is_set_but_missing_is_an_error_that_names_the_setting(graph: Graph, missing: str):
    result = graph.materialise(finra_otc_weekly_raw, FRIDAY, **{missing: graph.folder / "nowhere.json"})
    assert not result.success
    assert missing.upper() in error_of(result)
    assert graph.rows(FEED).is_empty()


def test_the_weeks_stored_before_stay_when_the_source_is_taken_away(again: Graph):
    before = again.rows(FEED)
    assert again.materialise(finra_otc_weekly_raw, FRIDAY, finra_otc_dir=None).success
    assert again.rows(FEED).equals(before)
