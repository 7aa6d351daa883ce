"""What Dagster saw stored and the database does not hold is named; what was stored is not."""

import shutil
from pathlib import Path

import pytest

from darkpool_assets.lost_writes import lost_writes, named_losses
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY
from darkpool_assets_tests.hand_made_graph import Graph

MADE = ["daily_metrics", "lit_direction_daily"]


def database_of(graph: Graph) -> Path:
    return graph.folder / "darkpool.duckdb"


@pytest.fixture
def cut_off(graph: Graph) -> Graph:
    """Thursday and Friday were made, and the file opens as it was before Friday."""
    database = graph.folder / "darkpool.duckdb"
    graph.let_go()
    graph.run([THURSDAY])
    shutil.copyfile(database, graph.folder / "before")
    graph.run([FRIDAY])
    shutil.copyfile(graph.folder / "before", database)
    return graph


def test_what_was_stored_is_not_lost(graph: Graph):
    graph.run([THURSDAY, FRIDAY])
    graph.run([FRIDAY], select=["daily_metrics"])
    assert lost_writes(graph.instance, graph.warehouse, path=database_of(graph)) == {}


def test_a_new_database_beside_an_old_instance_has_lost_nothing(cut_off: Graph):
    (cut_off.folder / "darkpool.duckdb").unlink()
    assert lost_writes(cut_off.instance, cut_off.warehouse, path=database_of(cut_off)) == {}


def test_what_was_stored_in_another_database_is_not_lost(graph: Graph):
    graph.run([THURSDAY])
    graph.run([FRIDAY], duckdb_path=graph.folder / "other.duckdb")
    assert lost_writes(graph.instance, graph.warehouse, path=database_of(graph)) == {}


def test_what_was_cut_off_is_named_with_the_command_that_makes_it_again(cut_off: Graph):
    lost = lost_writes(cut_off.instance, cut_off.warehouse, path=database_of(cut_off))
    assert list(lost) == [FRIDAY]
    assert {*MADE, "polygon_equity_trades_raw", "daily_tables"} <= set(lost[FRIDAY])
    losses = named_losses(cut_off.instance, cut_off.warehouse, path=database_of(cut_off))
    assert losses
    assert f"lacks what Dagster saw stored: {FRIDAY} (" in losses
    assert f"`darkpool rebuild {FRIDAY} {FRIDAY}`" in losses


def test_the_next_run_says_what_was_cut_off_and_the_one_after_it_nothing(cut_off: Graph):
    for is_said in (True, False):
        cut_off.run([FRIDAY])
        newest = cut_off.instance.get_run_records(limit=1)[0].dagster_run.run_id
        said = [entry.user_message for entry in cut_off.instance.all_logs(newest)]
        assert any("lacks what Dagster saw stored" in text for text in said) == is_said
