"""finra_short_daily_raw through Dagster: vintages, look-back, and what is never stored."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, SESSIONS, START, THURSDAY, TUESDAY, WEEK, short_row
from darkpool_assets_tests.hand_made_graph import Graph, error_of, without_moment

FEED = "finra_short_daily_raw"


@pytest.fixture(scope="module")
def friday(made_week: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Friday alone on an empty database, with its look-back; not to be changed."""
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(made_week.feeds, instance, tmp_path_factory.mktemp("friday"))
        assert graph.materialise(finra_short_daily_raw, FRIDAY).success
        yield graph


def test_the_files_rows_are_stored_as_published(made_week: Graph):
    spy = made_week.rows(FEED).filter(pl.col("trade_date") == FRIDAY, pl.col("symbol") == "SPY").row(0, named=True)
    assert (spy["short_volume"], spy["short_exempt_volume"], spy["total_volume"]) == short_row(FRIDAY, "SPY")
    assert (spy["source"], spy["market"], spy["source_file"]) == ("CNMS", "Q", "CNMSshvol20251212.txt")


def test_the_look_back_is_stored_back_to_the_first_partition(friday: Graph):
    assert friday.warehouse.stored_days(FEED, START, FRIDAY) == SESSIONS


def test_look_back_days_are_reported_as_materialised(friday: Graph):
    assert friday.made(FEED) == {day.isoformat() for day in SESSIONS}
    assert friday.metadata(FEED, MONDAY)["dagster/partition_row_count"] == 3


def test_a_day_that_another_one_needed_is_not_read_again_in_the_run(made_week: Graph):
    assert [made_week.ledger(FEED, day) for day in WEEK] == [["STORED"]] * len(WEEK)
    assert made_week.metadata(FEED, TUESDAY)["readings"][0]["stored rows"] == 3


def test_the_days_metadata_says_what_was_read_and_stored(friday: Graph):
    metadata = friday.metadata(FEED, FRIDAY)
    assert (metadata["dagster/partition_row_count"], metadata["status"]) == (3, "STORED")
    assert metadata["readings"][0]["expected rows"] == metadata["readings"][0]["physical rows"] == 3
    assert metadata["look-back"] == {
        "sessions needed": len(SESSIONS), "stored before": 1, "stored now": len(SESSIONS) - 1, "missing": 0,
    }  # fmt: skip


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(finra_short_daily_raw) == declared(FEED)


def test_the_ledger_keeps_the_trailer_and_the_rows(made_week: Graph):
    mine = pl.col("feed") == FEED, pl.col("partition_date") == FRIDAY
    entry = made_week.rows("ingest_ledger").filter(*mine).sort("at").row(0, named=True)
    counts = [entry[name] for name in ("status", "physical_rows", "expected_rows", "stored_rows", "duplicate_rows")]
    assert counts == ["STORED", 3, 3, 3, 0]
    assert entry["content_hash"]


def test_the_weeks_later_sessions_come_with_an_earlier_day(graph: Graph):
    assert graph.materialise(finra_short_daily_raw, MONDAY).success
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == SESSIONS


def test_no_later_session_of_the_week_is_asked_for_beyond_as_of(graph: Graph):
    assert graph.materialise(finra_short_daily_raw, MONDAY, as_of=str(TUESDAY)).success
    assert graph.warehouse.stored_days(FEED, MONDAY, FRIDAY) == [MONDAY, TUESDAY]


def test_unchanged_files_add_no_vintage_and_no_duplicate(again: Graph):
    before = again.rows(FEED)
    assert again.materialise(finra_short_daily_raw, FRIDAY).success
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "UNCHANGED"


def test_a_forced_run_of_unchanged_files_adds_no_duplicate(again: Graph):
    before = again.rows(FEED)
    assert not again.run([FRIDAY], [FEED], force=True).failures
    assert again.rows(FEED).equals(before)


def test_a_changed_file_is_a_new_vintage_beside_the_old_one(again: Graph):
    again.feeds.write_short(FRIDAY, factor=2)
    assert again.materialise(finra_short_daily_raw, FRIDAY).success
    spy = again.rows(FEED).filter(pl.col("trade_date") == FRIDAY, pl.col("symbol") == "SPY")
    assert sorted(spy["total_volume"]) == [short_row(FRIDAY, "SPY")[2], 2 * short_row(FRIDAY, "SPY")[2]]
    newest = again.warehouse.read_newest_short_rows(FRIDAY, FRIDAY, symbols=["SPY"])
    assert newest["total_volume"].to_list() == [2 * short_row(FRIDAY, "SPY")[2]]


def test_a_file_that_changes_back_is_the_newest_vintage_again(again: Graph):
    for factor in (2, 1):
        again.feeds.write_short(FRIDAY, factor=factor)
        assert again.materialise(finra_short_daily_raw, FRIDAY).success
    newest = again.warehouse.read_newest_short_rows(FRIDAY, FRIDAY, symbols=["SPY"])
    assert newest["total_volume"].to_list() == [short_row(FRIDAY, "SPY")[2]]


def test_going_back_to_an_earlier_file_of_another_name_makes_it_the_newest_vintage(again: Graph):
    other = again.feeds.short_file(FRIDAY).rename(again.folder / "CNMS_other.txt")
    again.feeds.write_short(FRIDAY, factor=3)
    for path, total in ((other, 1), (again.feeds.short_file(FRIDAY), 3), (other, 1)):
        result = again.materialise(finra_short_daily_raw, FRIDAY, finra_short_sale_file=path)
        assert result.success, error_of(result)
        newest = again.warehouse.read_newest_short_rows(FRIDAY, FRIDAY, symbols=["SPY"])
        assert newest["total_volume"].to_list() == [total * short_row(FRIDAY, "SPY")[2]], path.name


@pytest.mark.parametrize("broken", ["trailer", "another day"])
def test_a_malformed_file_fails_the_day_and_leaves_the_stored_rows_alone(again: Graph, broken: str):
    before = again.rows(FEED)
    path = again.feeds.write_short(FRIDAY, factor=2, trailer=99 if broken == "trailer" else None)
    text = path.read_text()
    if broken == "another day":
        path.write_text(text.replace("20251212", "20251211"), newline="")
    result = again.materialise(finra_short_daily_raw, FRIDAY)
    assert not result.success
    assert "CNMSshvol20251212.txt" in error_of(result)
    assert "Nothing of it was stored." in error_of(result)
    assert again.rows(FEED).equals(before)
    assert again.ledger(FEED, FRIDAY)[-1] == "FAILED"


def test_two_rows_of_one_ticker_cost_that_ticker_and_close_no_gate(graph: Graph):
    path = graph.feeds.write_short(FRIDAY)
    path.write_text(path.read_text().replace("\n3\n", "\n20251212|SPY|1|1|1|Q\n4\n"), newline="")
    outcome = graph.run([FRIDAY])
    (failure,) = outcome.failures
    assert all(words in failure for words in ("SPY", path.name, "line 5, column Symbol", "one row per (Symbol)"))
    rows = graph.rows("daily_metrics").filter(date=FRIDAY)
    assert dict(rows.select("symbol", "has_short").iter_rows()) == {"IWM": True, "QQQ": True, "SPY": False}
    assert judge_day(graph.warehouse, FRIDAY, settings=graph.settings()).is_open


def _spoil(path: Path, symbol: str = "SPY") -> None:
    path.write_text(path.read_text().replace(f"|{symbol}|", f"|{symbol}|-"), newline="")


def test_a_fault_in_the_first_file_of_a_day_is_a_failure_whatever_is_read_after_it(graph: Graph):
    _spoil(graph.feeds.write_short(FRIDAY))
    graph.feeds.write_short(FRIDAY, family="FORF", symbols=("THIN",))
    for _ in range(2):
        outcome = graph.runner().run_unfinished([FRIDAY], select=[FEED])
        (failure,) = outcome.failures
        assert "SPY" in failure
        assert outcome.skipped == []


def test_a_fault_in_a_posted_again_file_keeps_the_stored_row(again: Graph):
    before = again.warehouse.read_newest_short_rows(FRIDAY, FRIDAY, symbols=["SPY"])
    _spoil(again.feeds.write_short(FRIDAY, factor=3))
    assert len(again.run([FRIDAY], select=[FEED]).failures) == 1
    newest = again.warehouse.read_newest_short_rows(FRIDAY, FRIDAY, symbols=None)
    kept = newest.filter(symbol="SPY")
    assert kept["total_volume"].to_list() == before["total_volume"].to_list()
    assert newest["content_hash"].n_unique() == 1
    assert newest.filter(symbol="QQQ")["total_volume"].to_list() == [3 * short_row(FRIDAY, "QQQ")[2]]
    assert 9 not in [rule.rule.number for rule in judge_day(again.warehouse, FRIDAY, settings=again.settings()).broken]


def test_a_left_out_row_is_not_taken_for_a_day_without_trades(graph: Graph):
    _spoil(graph.feeds.write_short(WEEK[1]))
    graph.run(WEEK, as_of="2026-01-05")
    rows = graph.rows("daily_metrics").filter(symbol="SPY").sort("date")
    assert set(rows["otc_alloc_basis"]) == {"POLYGON_DAILY"}
    assert set(graph.rows("daily_metrics").filter(symbol="QQQ")["otc_alloc_basis"]) == {"FINRA_DAILY"}
    assert judge_day(graph.warehouse, WEEK[0], settings=graph.settings(as_of="2026-01-05")).is_open


def test_an_index_member_with_a_fault_is_a_failure_too(graph: Graph):
    path = graph.feeds.write_short(FRIDAY, symbols=("SPY", "QQQ"))
    path.write_text(path.read_text().replace("|QQQ|", "|QQQ|-"), newline="")
    assert len(graph.run([FRIDAY], select=[FEED], tickers="SPY").failures) == 1


def test_a_repaired_file_is_read_again_by_the_next_run(again: Graph):
    again.feeds.write_short(FRIDAY, trailer=99)
    assert not again.materialise(finra_short_daily_raw, FRIDAY).success
    again.feeds.write_short(FRIDAY)
    assert again.materialise(finra_short_daily_raw, FRIDAY).success
    assert again.ledger(FEED, FRIDAY)[-2:] == ["FAILED", "UNCHANGED"]


def test_one_malformed_family_stores_none_of_the_days_files(graph: Graph):
    graph.feeds.write_short(FRIDAY, family="FNSQ")
    graph.feeds.write_short(FRIDAY, family="FNYX", trailer=99)
    assert not graph.materialise(finra_short_daily_raw, FRIDAY).success
    assert graph.rows(FEED).is_empty()


def test_a_day_without_a_file_is_not_published_yet_and_its_look_back_is_stored(graph: Graph):
    graph.feeds.short_file(FRIDAY).unlink()
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    assert graph.ledger(FEED, FRIDAY) == ["NOT_PUBLISHED"]
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == SESSIONS[:-1]
    assert "no short sale file of 2025-12-12" in graph.metadata(FEED, FRIDAY)["summary"]


def test_a_day_not_published_yet_is_stored_by_a_later_run(graph: Graph):
    graph.feeds.short_file(FRIDAY).unlink()
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    graph.feeds.write_short(FRIDAY)
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    assert graph.ledger(FEED, FRIDAY) == ["NOT_PUBLISHED", "STORED"]


def test_a_gap_in_the_look_back_is_asked_again_and_is_not_reported_as_materialised(graph: Graph):
    graph.feeds.short_file(TUESDAY).unlink()
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    assert TUESDAY.isoformat() not in graph.made(FEED)
    assert graph.metadata(FEED, FRIDAY)["look-back"]["missing"] == 1
    graph.feeds.write_short(TUESDAY)
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    assert graph.ledger(FEED, TUESDAY) == ["NOT_PUBLISHED", "STORED"]


def test_a_malformed_file_of_the_look_back_is_in_the_ledger_and_does_not_stop_the_day(graph: Graph):
    graph.feeds.write_short(TUESDAY, trailer=99)
    outcome = graph.run([FRIDAY], [FEED])
    assert FRIDAY.isoformat() in graph.made(FEED)
    assert graph.ledger(FEED, TUESDAY) == ["FAILED"]
    assert [line.split(": ")[0] for line in outcome.failures] == [f"{TUESDAY} {FEED}"]


def test_without_a_source_nothing_is_stored_and_the_metadata_says_so(graph: Graph):
    assert graph.materialise(finra_short_daily_raw, FRIDAY, finra_short_sale_dir=None).success
    assert graph.rows(FEED).is_empty()
    assert graph.ledger(FEED, FRIDAY) == ["NOT_CONFIGURED"]
    metadata = graph.metadata(FEED, FRIDAY)
    assert metadata["status"] == "NOT_CONFIGURED"
    assert "FINRA_SHORT_SALE_FILE, FINRA_SHORT_SALE_DIR" in metadata["summary"]


@pytest.mark.parametrize("missing", ["finra_short_sale_file", "finra_short_sale_dir"])
def test_a_source_that_is_set_but_missing_is_an_error_that_names_the_setting(graph: Graph, missing: str):
    result = graph.materialise(finra_short_daily_raw, FRIDAY, **{missing: graph.folder / "nowhere"})
    assert not result.success
    assert missing.upper() in error_of(result)
    assert graph.ledger(FEED, FRIDAY) == ["FAILED"]


def test_a_missing_file_never_falls_through_to_the_directory(graph: Graph):
    assert not graph.materialise(finra_short_daily_raw, FRIDAY, finra_short_sale_file=graph.folder / "nowhere.txt").success
    assert graph.rows(FEED).is_empty()


def test_a_file_of_one_day_leaves_its_look_back_unpublished(graph: Graph):
    path = graph.feeds.short_file(FRIDAY)
    assert graph.materialise(finra_short_daily_raw, FRIDAY, finra_short_sale_file=path).success
    assert graph.warehouse.stored_days(FEED, START, FRIDAY) == [FRIDAY]
    assert graph.ledger(FEED, THURSDAY) == ["NOT_PUBLISHED"]


def test_facilities_and_consolidated_file_of_a_day_are_stored_side_by_side(graph: Graph):
    graph.feeds.write_short(FRIDAY, family="FNYX", symbols=("SPY",))
    assert graph.materialise(finra_short_daily_raw, FRIDAY).success
    day = graph.rows(FEED).filter(pl.col("trade_date") == FRIDAY)
    assert dict(day.group_by("source").len().iter_rows()) == {"CNMS": 3, "FNYX": 1}


def test_days_made_in_reverse_order_store_the_same_rows(graph: Graph, made_week: Graph):
    for day in (FRIDAY, MONDAY):
        assert graph.materialise(finra_short_daily_raw, day).success
    key = ["trade_date", "symbol"]
    assert without_moment(graph.rows(FEED)).sort(key).equals(without_moment(made_week.rows(FEED)).sort(key))
