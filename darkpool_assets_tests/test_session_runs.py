"""Running sessions: what is skipped, what is made again, what later days rest on, and what a real day gives."""

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from darkpool_assets import session_runs
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.resources import connect_to
from darkpool_assets.session_runs import Outcome, SessionRunner
from darkpool_assets.settings import load_settings
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, START, THURSDAY, TUESDAY, WEDNESDAY, WEEK, HandMadeFeeds
from darkpool_assets_tests.hand_made_graph import Graph

DERIVED = ["lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", "composite_signal"]
RAW = ["finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw"]
NUMBERS = [*RAW, *DERIVED]
REAL_DAY = dt.date(2020, 1, 3)


def unfinished(graph: Graph, days: Sequence[dt.date], select: Sequence[str] | None = None, **changes: object) -> Outcome:
    """What `darkpool backfill` makes."""
    return graph.runner(**changes).run_unfinished(days, select=select)


def assert_same_numbers(one: Graph, other: Graph) -> None:
    """Both warehouses hold the same derived rows."""
    for table in DERIVED:
        assert_frame_equal(one.rows(table), other.rows(table), check_exact=False, rel_tol=1e-12, abs_tol=1e-12)


@pytest.fixture(scope="module")
def finished(made_week: Graph, tmp_path_factory: pytest.TempPathFactory):
    """Thursday and Friday as `darkpool backfill` made them on a copy of the week, twice; the second outcome beside it."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(made_week.feeds.folder, folder / "feeds")
    shutil.copyfile(made_week.folder / "darkpool.duckdb", folder / "darkpool.duckdb")
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(HandMadeFeeds(folder / "feeds"), instance, folder)
        first, second = unfinished(graph, [THURSDAY, FRIDAY]), unfinished(graph, [THURSDAY, FRIDAY])
        assert first.made == [THURSDAY, FRIDAY]
        yield graph, second


# Resuming


def test_a_second_backfill_skips_everything(finished: tuple[Graph, Outcome]):
    _graph, second = finished
    assert (second.made, second.skipped, second.failures) == ([], [THURSDAY, FRIDAY], [])


def test_a_second_backfill_starts_no_run(finished: tuple[Graph, Outcome]):
    graph, _second = finished
    assert len(graph.instance.get_runs()) == 3  # the first one's: tables, plots, pages


def test_a_day_whose_page_is_gone_is_made_again(finished: tuple[Graph, Outcome]):
    graph, _second = finished
    page = tables_folder(graph.settings(), THURSDAY) / "daily_metrics.html"
    page.unlink()
    outcome = unfinished(graph, [THURSDAY, FRIDAY])
    assert (outcome.made, outcome.skipped) == ([THURSDAY], [FRIDAY])
    assert page.is_file()


def test_pages_that_a_stopped_command_did_not_come_to_draw_are_drawn_by_the_next_one(finished: tuple[Graph, Outcome]):
    graph, _second = finished
    graph.run([FRIDAY], select=["daily_metrics", "composite_signal", "daily_tables"])
    drawn = graph.derivations("report_site", FRIDAY)
    for _ in range(2):
        assert unfinished(graph, [THURSDAY, FRIDAY]).skipped == [THURSDAY, FRIDAY]
    assert graph.derivations("report_site", FRIDAY) == [*drawn, "STORED"]


@pytest.mark.parametrize(
    "change",
    [{"tickers": "SPY,QQQ"}, {"min_lit_volume": 1}, {"classification_rule": "tick"}, {"short_z_window": 4}, {"rth_end": "16:00"},
     {"inference_version": "B"}, {"as_of": "2026-01-04"}],
    ids=str,
)  # fmt: skip
def test_a_day_made_under_other_settings_is_not_settled(finished: tuple[Graph, Outcome], change: dict[str, str]):
    graph, _second = finished
    assert graph.stored().settled([FRIDAY], NUMBERS)
    assert not graph.stored(**change).settled([FRIDAY], NUMBERS)


@pytest.mark.parametrize("change", [{"output_dir": None}, {"export_csv": True}], ids=str)
def test_settings_that_decide_no_number_leave_a_day_settled(finished: tuple[Graph, Outcome], change: dict[str, object]):
    graph, _second = finished
    assert graph.stored(**change).settled([FRIDAY], NUMBERS)


def test_changed_tickers_make_the_day_again_with_their_rows(again: Graph):
    select = ["lit_direction_daily", "daily_metrics"]
    for name in select:
        again.instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=str(FRIDAY)))
    assert unfinished(again, [FRIDAY], select).skipped == [FRIDAY]
    assert unfinished(again, [FRIDAY], select, tickers="SPY,QQQ").made == [FRIDAY]
    assert again.warehouse.read_day("daily_metrics", FRIDAY)["symbol"].to_list() == ["QQQ", "SPY"]


def test_a_day_with_a_feed_not_published_yet_is_asked_again(graph: Graph):
    select, start = ["finra_short_daily_raw", "daily_metrics"], str(THURSDAY)
    graph.feeds.short_file(FRIDAY).unlink()
    for _ in range(2):
        outcome = unfinished(graph, [FRIDAY], select, partitions_start=start)
        assert (outcome.made, outcome.not_published) == ([FRIDAY], ["finra_short_daily_raw (1 of 1 sessions)"])
    graph.feeds.write_short(FRIDAY)
    assert unfinished(graph, [FRIDAY], select, partitions_start=start).not_published == []
    assert unfinished(graph, [FRIDAY], select, partitions_start=start).skipped == [FRIDAY]


def test_a_failed_day_is_made_again_once_its_file_is_repaired(again: Graph):
    select = ["polygon_equity_trades_raw", "lit_direction_daily", "daily_metrics"]
    again.feeds.trades_file(FRIDAY).write_text("nonsense\n1\n")
    outcome = unfinished(again, [FRIDAY], select)
    assert outcome.made == []
    assert "2025-12-12.csv" in outcome.failures[0]
    again.feeds.write_trades(FRIDAY)
    assert unfinished(again, [FRIDAY], select).made == [FRIDAY]


def test_only_the_selected_assets_are_made(graph: Graph):
    outcome = graph.run([FRIDAY], ["polygon_equity_trades_raw"])
    assert outcome.made == [FRIDAY]
    assert graph.made("polygon_equity_trades_raw") == {str(FRIDAY)}
    assert graph.rows("daily_metrics").is_empty()
    assert graph.rows("finra_short_daily_raw").is_empty()


def test_a_forced_run_stores_what_is_unchanged(again: Graph):
    assert not again.run([FRIDAY], RAW, force=True).failures
    for feed in RAW[1:]:
        assert again.ledger(feed, FRIDAY)[-1] == "STORED", feed


# What failed


BROKEN = {
    "polygon_equity_trades_raw": ("trades/2025-12-12.csv", "nonsense\n1\n"),
    "finra_short_daily_raw": ("short/CNMSshvol20251212.txt", "nonsense\n1\n"),
    "polygon_daily_agg_raw": ("aggs/2025-12-12.csv", "nonsense\n1\n"),
    "finra_otc_weekly_raw": ("otc/weekly_2025-12-08.json", "{"),
}


ANY_FEED = [
    pytest.param(feed, marks=[] if feed in {"finra_otc_weekly_raw", "polygon_equity_trades_raw"} else [pytest.mark.long])
    for feed in BROKEN
]


def break_feed(graph: Graph, feed: str) -> None:
    name, text = BROKEN[feed]
    (graph.feeds.folder / name).write_text(text)


@pytest.mark.parametrize("feed", ANY_FEED)
def test_a_wrong_file_of_a_single_day_is_named_once_as_its_feeds_failure(graph: Graph, feed: str):
    break_feed(graph, feed)
    (failure,) = graph.run([FRIDAY], plots="last").failures
    assert failure.startswith(f"{FRIDAY} {feed}: ")
    assert Path(BROKEN[feed][0]).name in failure


@pytest.mark.parametrize("feed", ANY_FEED)
def test_a_wrong_file_of_a_range_is_named_once_as_its_feeds_failure(graph: Graph, feed: str):
    break_feed(graph, feed)
    (failure,) = graph.run([THURSDAY, FRIDAY], plots="last").failures
    assert f"{FRIDAY} {feed}: " in failure
    assert "Materialise" not in failure


@pytest.mark.parametrize("days", [[FRIDAY], pytest.param([THURSDAY, FRIDAY], marks=pytest.mark.long)], ids=len)
def test_a_wrong_list_of_members_is_named_once_as_the_index_tables_failure(graph: Graph, days: list[dt.date]):
    (failure,) = graph.run(days, plots="last", index_constituents_file=graph.folder / "none.csv").failures
    assert "index_constituent_short_agg_daily: MissingSource: INDEX_CONSTITUENTS_FILE: nothing at " in failure


def test_a_failure_of_an_earlier_command_is_named_once_as_the_cause(graph: Graph):
    break_feed(graph, "finra_short_daily_raw")
    graph.run([THURSDAY, FRIDAY], RAW)
    (failure,) = graph.run([THURSDAY, FRIDAY], ["lit_direction_daily", "daily_metrics", "daily_tables"]).failures
    assert failure.startswith(f"{FRIDAY} finra_short_daily_raw: MalformedSource: CNMSshvol20251212.txt")
    assert failure.endswith("(in an earlier run)")


def test_a_closed_gate_is_named_itself_where_nothing_failed_before_it(again: Graph):
    with connect_to(again.folder / "darkpool.duckdb")() as connection:
        connection.execute("update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '2025-12-12'")
    (failure,) = again.run([FRIDAY], ["composite_signal"]).failures
    assert failure.startswith(f"{FRIDAY} composite_signal: GateClosed: ")


# What later days rest on


def test_a_changed_day_makes_its_week_and_the_later_days_of_the_window_stale(again: Graph):
    again.feeds.write_short(TUESDAY, factor=2)
    outcome = again.run([TUESDAY], ["finra_short_daily_raw", *DERIVED], as_of="2026-01-06")
    assert (outcome.made, outcome.derived_again) == ([TUESDAY], [MONDAY, WEDNESDAY, THURSDAY, FRIDAY])
    assert set(again.rows("daily_metrics")["as_of"]) == {dt.date(2026, 1, 6)}
    derived_again = {table: again.rows(table) for table in DERIVED}
    again.run(WEEK, DERIVED, as_of="2026-01-06")
    for table, rows in derived_again.items():
        assert_frame_equal(rows, again.rows(table))


def test_unchanged_days_make_nothing_stale(again: Graph):
    assert again.run([TUESDAY], NUMBERS).derived_again == []


def test_one_changed_file_of_several_makes_later_days_stale(again: Graph):
    again.feeds.write_short(TUESDAY, family="FORF", symbols=("SPY",))
    assert again.materialise(finra_short_daily_raw, TUESDAY).success
    again.feeds.write_short(TUESDAY, factor=2)
    assert FRIDAY in again.run([TUESDAY], ["finra_short_daily_raw", "daily_metrics"]).derived_again


def test_days_made_in_reverse_order_have_the_same_numbers(graph: Graph, made_week: Graph):
    graph.run([FRIDAY], NUMBERS)
    graph.run(WEEK[:-1], NUMBERS)
    assert_same_numbers(graph, made_week)


@pytest.mark.long
def test_another_version_made_in_reverse_order_has_the_same_numbers(again: Graph, made_week: Graph):
    select = ["lit_direction_daily", "daily_metrics"]
    again.run([FRIDAY], select, inference_version="B")
    assert again.run(WEEK[1:-1], select, inference_version="B").derived_again == [FRIDAY]
    mine, theirs = (graph.warehouse.read_day("daily_metrics", FRIDAY, inference_version=version)
                    for graph, version in ((again, "B"), (made_week, "PhaseA_v1")))  # fmt: skip
    assert mine["log_buy_sell_z"].null_count() == 0
    assert_frame_equal(mine.drop("inference_version"), theirs.drop("inference_version"))


def test_a_look_back_day_that_came_late_makes_the_days_after_it_stale(graph: Graph):
    graph.feeds.short_file(START).unlink()
    select = ["finra_short_daily_raw", "daily_metrics"]
    graph.run([MONDAY], select, short_z_window=5)
    before = graph.warehouse.read_day("daily_metrics", MONDAY)
    graph.feeds.write_short(START)
    outcome = graph.run([TUESDAY], select, short_z_window=5)
    assert outcome.derived_again == [MONDAY]
    assert graph.warehouse.read_day("daily_metrics", MONDAY)["short_ratio_z"].to_list() != before["short_ratio_z"].to_list()


# Runs


def test_days_apart_are_runs_of_their_own(again: Graph):
    outcome = again.run([TUESDAY, FRIDAY], ["polygon_equity_trades_raw"])
    assert outcome.made == [TUESDAY, FRIDAY]
    assert len(again.instance.get_runs()) == 2


def test_a_long_range_is_cut_into_runs(again: Graph, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_runs, "LARGEST_RUN", 2)
    again.run(WEEK, ["polygon_equity_trades_raw"])
    assert len(again.instance.get_runs()) == 3
    assert again.made("polygon_equity_trades_raw") == {str(day) for day in WEEK}


def test_a_bad_day_in_one_run_does_not_stop_the_next(again: Graph, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_runs, "LARGEST_RUN", 2)
    again.feeds.trades_file(MONDAY).write_text("nonsense\n1\n")
    outcome = again.run(WEEK, ["polygon_equity_trades_raw"])
    assert outcome.made == WEEK[1:]
    assert again.made("polygon_equity_trades_raw") == {str(day) for day in WEEK[1:]}


def test_progress_counts_the_days_of_each_asset(again: Graph):
    seen: list[tuple[str, int, int]] = []
    SessionRunner(again.settings(), again.instance, on_day=lambda *step: seen.append(step)).run(
        [THURSDAY, FRIDAY], select=["polygon_equity_trades_raw"]
    )
    assert [step for step in seen if step[0] == "polygon_equity_trades_raw"] == [
        ("polygon_equity_trades_raw", 1, 2), ("polygon_equity_trades_raw", 2, 2),
    ]  # fmt: skip


# A real day


def real_day(folder: Path, short_files: Path) -> pl.DataFrame:
    """daily_metrics of 3 January 2020 from published short sale files alone."""
    settings = load_settings(
        tickers="SPY,QQQ,IWM", target_date=REAL_DAY, offline=True, finra_short_sale_dir=short_files,
        duckdb_path=folder / "darkpool.duckdb", output_dir=folder / "output", partitions_start="2020-01-02",
        index_constituents_dir=_no_lists(folder),
    )  # fmt: skip
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = SessionRunner(settings, instance, on_day=lambda *_: None).run([REAL_DAY])
    assert (outcome.made, outcome.failures, len(outcome.not_configured)) == ([REAL_DAY], [], 3)
    assert (settings.output_dir / "tables" / str(REAL_DAY) / "daily_metrics.html").is_file()
    return Warehouse(connect_to(settings.duckdb_path)).read_day("daily_metrics", REAL_DAY)


def _no_lists(folder: Path) -> Path:
    (folder / "lists").mkdir()
    return folder / "lists"


def test_a_real_short_file_alone_gives_short_fields_and_nothing_else(real_samples: Path, tmp_path: Path):
    rows = {row["symbol"]: row for row in real_day(tmp_path, real_samples / "finra_short").iter_rows(named=True)}
    assert set(rows) == {"SPY", "QQQ", "IWM"}
    spy = rows["SPY"]
    assert (spy["short_volume"], spy["short_exempt_volume"], spy["short_total_volume"]) == (5865445, 38227, 13174772)
    assert spy["short_ratio"] == pytest.approx((5865445 + 38227) / 13174772)
    assert (spy["short_ratio_source"], spy["short_ratio_denominator_type"]) == ("CNMS", "FINRA_TOTAL")
    for row in rows.values():
        assert (row["has_short"], row["has_otc"], row["has_lit"], row["has_price"]) == (True, False, False, False)
        assert (row["data_quality"], row["otc_status"]) == ("PRE_OTC", "NO_COVERAGE")
        null = [name for name in row if name.startswith("otc_") and name != "otc_status"]
        null += ["log_buy_sell", "log_buy_sell_z", "lit_buy_ratio", "close", "return_1d", "return_z", "volume", "short_ratio_z"]
        assert {row[name] for name in null} == {None}


def test_the_facilities_of_a_real_day_give_the_same_ratio(real_samples: Path, tmp_path: Path):
    (tmp_path / "facilities").mkdir()
    (tmp_path / "sum").mkdir()
    (tmp_path / "cnms").mkdir()
    for family in ("FNSQ", "FNQC", "FNYX", "FNRA"):
        shutil.copy(real_samples / "finra_short" / f"{family}shvol20200103.txt", tmp_path / "facilities")
    summed = real_day(tmp_path / "sum", tmp_path / "facilities")
    consolidated = real_day(tmp_path / "cnms", real_samples / "finra_short")
    assert summed["short_ratio"].to_list() == pytest.approx(consolidated["short_ratio"].to_list(), rel=1e-12)
    assert summed["short_ratio_source"].to_list() == ["SUM"] * 3
