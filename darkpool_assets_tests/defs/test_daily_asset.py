"""Range semantics: one bad day leaves the others whole in every asset, and the run says so at its end."""

from collections.abc import Iterator

import dagster as dg
import polars as pl
import pytest

from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY
from darkpool_assets.defs.daily_asset import NO_EVENT_OF_ITS_OWN
from darkpool_assets.session_runs import Outcome
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY, WEEK, HandMadeFeeds
from darkpool_assets_tests.hand_made_graph import Graph, error_of, kept_open

RAW = ("finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw")
AFTER_TRADES = ("lit_direction_daily", "daily_metrics", "daily_tables")
RANGE = [TUESDAY, WEDNESDAY, THURSDAY]
GOOD = [TUESDAY, THURSDAY]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def bad_wednesday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Graph, Outcome]]:
    """Three sessions in one range run, with Wednesday's trades file malformed; not to be changed."""
    folder = tmp_path_factory.mktemp("bad")
    with dg.DagsterInstance.ephemeral() as instance, kept_open(folder) as opened:
        graph = Graph(HandMadeFeeds(folder / "feeds").write_everything(), instance, folder, opened)
        graph.feeds.trades_file(WEDNESDAY).write_text("nonsense\n1\n")
        yield graph, graph.run(RANGE)


def test_one_run_made_the_range(made_week: Graph):
    runs = made_week.instance.get_runs()
    assert [(run.job_name, run.status.value) for run in runs] == [(END_OF_DAY, "SUCCESS")]


@pytest.mark.parametrize("asset", [*RAW, *AFTER_TRADES, "index_constituent_short_agg_daily"])
def test_every_day_of_a_good_range_is_materialised_in_every_asset(made_week: Graph, asset: str):
    assert {str(day) for day in WEEK} <= made_week.made(asset)


@pytest.mark.parametrize("asset", ["polygon_equity_trades_raw", *AFTER_TRADES])
def test_only_the_bad_day_stays_unmaterialised_downstream(bad_wednesday: tuple[Graph, Outcome], asset: str):
    graph, _outcome = bad_wednesday
    assert graph.made(asset) == {str(day) for day in GOOD}


@pytest.mark.parametrize("asset", ["finra_short_daily_raw", "polygon_daily_agg_raw", "index_constituent_short_agg_daily"])
def test_assets_beside_the_bad_one_make_every_day(bad_wednesday: tuple[Graph, Outcome], asset: str):
    graph, _outcome = bad_wednesday
    assert {str(day) for day in RANGE} <= graph.made(asset)


@pytest.mark.parametrize("table", ["lit_direction_daily", "daily_metrics"])
def test_the_good_days_rows_are_stored(bad_wednesday: tuple[Graph, Outcome], table: str):
    graph, _outcome = bad_wednesday
    assert graph.warehouse.stored_days(table, MONDAY, FRIDAY) == GOOD


def test_the_good_days_files_are_there_and_the_bad_ones_are_not(bad_wednesday: tuple[Graph, Outcome]):
    graph, _outcome = bad_wednesday
    assert sorted(path.name for path in (graph.folder / "output" / "tables").iterdir()) == [str(day) for day in GOOD]


def test_the_run_ends_failed(bad_wednesday: tuple[Graph, Outcome]):
    graph, _outcome = bad_wednesday
    assert [run.status.value for run in graph.instance.get_runs()] == ["FAILURE"]


def test_the_outcome_names_the_day_the_asset_and_the_file(bad_wednesday: tuple[Graph, Outcome]):
    _graph, outcome = bad_wednesday
    first = next(line for line in outcome.failures if "polygon_equity_trades_raw" in line)
    assert first.startswith("2025-12-10 ")
    assert "2025-12-10.csv" in "".join(outcome.failures)
    assert all(line.startswith("2025-12-10") for line in outcome.failures)


def test_the_outcome_counts_only_the_days_that_were_made(bad_wednesday: tuple[Graph, Outcome]):
    _graph, outcome = bad_wednesday
    assert outcome.made == GOOD


def test_the_refused_days_stand_in_the_derivation_ledger(bad_wednesday: tuple[Graph, Outcome]):
    graph, _outcome = bad_wednesday
    for asset in AFTER_TRADES:
        assert graph.derivations(asset, WEDNESDAY) == ["FAILED"], asset


def test_the_good_days_have_their_metadata(bad_wednesday: tuple[Graph, Outcome]):
    graph, _outcome = bad_wednesday
    assert graph.metadata("daily_metrics", THURSDAY)["dagster/partition_row_count"] == 3
    assert graph.metadata("polygon_equity_trades_raw", THURSDAY)["status"] == "STORED"


def test_the_good_days_have_their_verdicts(bad_wednesday: tuple[Graph, Outcome]):
    graph, _outcome = bad_wednesday
    for day in RANGE:
        assert len(graph.verdicts("daily_metrics", "data_quality_follows_the_published_week", day)) == 1, day


def test_the_good_days_are_equal_to_those_of_a_good_range(bad_wednesday: tuple[Graph, Outcome], made_week: Graph):
    graph, _outcome = bad_wednesday
    assert graph.warehouse.read_day("daily_metrics", TUESDAY).equals(made_week.warehouse.read_day("daily_metrics", TUESDAY))


@pytest.mark.parametrize("select", [["polygon_equity_trades_raw"], ["lit_direction_daily"], ["daily_metrics"], ["daily_tables"]])
def test_a_range_of_one_asset_fails_at_its_end_too(again: Graph, select: list[str]):
    again.feeds.trades_file(WEDNESDAY).write_text("nonsense\n1\n")
    if select != ["polygon_equity_trades_raw"]:
        again.run([WEDNESDAY], ["polygon_equity_trades_raw"])
    if select == ["daily_tables"]:
        again.run([WEDNESDAY], ["lit_direction_daily"])
        again.run([WEDNESDAY], ["daily_metrics"])
    again.run([TUESDAY, WEDNESDAY, THURSDAY], select)
    run = next(run for run in again.instance.get_runs() if "dagster/asset_partition_range_start" in run.tags)
    assert run.status.value == "FAILURE"
    assert again.made(select[0]) == {str(TUESDAY), str(THURSDAY)}


def test_an_old_failure_of_another_asset_does_not_fail_a_later_range(again: Graph):
    (again.feeds.folder / "constituents" / "spx_sample.csv").write_text("index,symbol\nSPX_SAMPLE,not a symbol\n")
    assert again.run([WEDNESDAY], ["index_constituent_short_agg_daily"]).failures
    assert not again.run([TUESDAY, WEDNESDAY], ["lit_direction_daily", "daily_metrics"]).failures


def test_an_old_failure_of_another_version_does_not_fail_a_later_range(again: Graph):
    list_file = again.feeds.folder / "constituents" / "spx_sample.csv"
    text = list_file.read_text()
    list_file.write_text("index,symbol\nSPX_SAMPLE,not a symbol\n")
    assert again.run([WEDNESDAY], ["index_constituent_short_agg_daily"], inference_version="B").failures
    list_file.write_text(text)
    assert not again.run([TUESDAY, WEDNESDAY], ["index_constituent_short_agg_daily"]).failures


def test_a_range_in_which_every_day_fails_makes_nothing(again: Graph):
    for day in (TUESDAY, WEDNESDAY):
        again.feeds.trades_file(day).write_text("nonsense\n1\n")
    outcome = again.run([TUESDAY, WEDNESDAY], ["polygon_equity_trades_raw", "lit_direction_daily", "daily_metrics"])
    assert outcome.failures
    assert outcome.made == []
    assert again.made("polygon_equity_trades_raw") == again.made("daily_metrics") == set()


def test_one_bad_day_alone_fails_its_step_and_skips_what_rests_on_it(again: Graph):
    again.feeds.trades_file(WEDNESDAY).write_text("nonsense\n1\n")
    job = build_definitions(again.settings()).resolve_job_def(END_OF_DAY)
    result = job.execute_in_process(
        instance=again.instance, partition_key=str(WEDNESDAY), run_config=QUIET, raise_on_error=False,
        asset_selection=[dg.AssetKey(name) for name in ("polygon_equity_trades_raw", "lit_direction_daily", "daily_metrics")],
    )  # fmt: skip
    assert not result.success
    assert "2025-12-10.csv" in error_of(result)
    assert again.made("lit_direction_daily") == set()


def test_every_asset_is_partitioned_by_sessions_and_thirty_of_them_share_a_run(made_week: Graph):
    graph = build_definitions(made_week.settings()).resolve_asset_graph()
    keys = {node.partitions_def.get_partition_keys()[-3:][0] for node in graph.asset_nodes if node.partitions_def}
    assert len(keys) == 1
    assert all(node.backfill_policy == dg.BackfillPolicy.multi_run(30) for node in graph.asset_nodes if node.is_executable)


def test_the_marker_that_silences_dagsters_own_event_is_still_known():
    assert NO_EVENT_OF_ITS_OWN == "__source_asset_observation__"


def test_a_stored_day_is_never_written_twice(made_week: Graph):
    rows = made_week.rows("daily_metrics").group_by("date", "symbol", "inference_version").len()
    assert rows.filter(pl.col("len") > 1).is_empty()
