"""Verdicts on the composites themselves: one per day, outside the gate."""

import dagster as dg
import pytest

from darkpool_assets.defs.checks.phase_c_rows import phase_c_rows
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph

CONTRACT = "composite_signal_keys_are_unique_and_required_columns_filled"
COMPLETE = "every_row_of_daily_metrics_has_its_composite"
SPY = f"where symbol = 'SPY' and date = '{FRIDAY}'"


def verdict(graph: Graph, check: str, sql: str) -> dg.AssetCheckEvaluation:
    """Friday's verdict after a change of the stored rows."""
    with graph.warehouse._connect() as connection:
        connection.execute(sql)
    assert judge_day(graph.warehouse, FRIDAY, settings=graph.settings()).is_open
    keys = list(phase_c_rows.check_keys)
    (found,) = [e for e in graph.judge([FRIDAY], checks=keys).get_asset_check_evaluations() if e.check_name == check]
    return found


def who(evaluation: dg.AssetCheckEvaluation) -> list[tuple[object, object]]:
    """Who and what is wrong, of a failed verdict."""
    table = evaluation.metadata["who"]
    assert isinstance(table, dg.TableMetadataValue)
    return [(record.data["who"], record.data["problem"]) for record in table.records]


@pytest.mark.parametrize("check", [CONTRACT, COMPLETE])
def test_a_range_run_leaves_a_verdict_per_day(made_week: Graph, check: str):
    for day in WEEK:
        records = made_week.verdicts("composite_signal", check, day)
        assert [record.status.value for record in records] == ["SUCCEEDED"], day


def test_a_repeated_key_is_named(again: Graph):
    found = verdict(again, CONTRACT, f"insert into composite_signal select * from composite_signal {SPY}")
    assert not found.passed
    assert who(found) == [(f"{FRIDAY}/SPY/PhaseA_v1", "2 rows of one key")]
    assert found.metadata["remedy"].value == "Materialise composite_signal of this day again."


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (f"delete from composite_signal {SPY}", "no composite"),
        (f"delete from daily_metrics {SPY}", "a composite without a row in daily_metrics"),
        (
            f"update composite_signal set data_quality = 'PRE_OTC' {SPY}",
            "PRE_OTC as of 2026-01-05, daily_metrics says OTC_ANCHORED as of 2026-01-05",
        ),
        (
            f"update composite_signal set as_of = '2025-12-31' {SPY}",
            "OTC_ANCHORED as of 2025-12-31, daily_metrics says OTC_ANCHORED as of 2026-01-05",
        ),
    ],
)
def test_a_composite_that_is_not_its_metrics_is_named(again: Graph, sql: str, problem: str):
    if "from daily_metrics" in sql:
        with again.warehouse._connect() as connection:
            connection.execute("update derivation_ledger set tickers = '[\"QQQ\", \"IWM\"]' where asset = 'daily_metrics'")
    found = verdict(again, COMPLETE, sql)
    assert not found.passed
    assert who(found) == [("SPY", problem)]


def test_a_range_judged_later_fails_the_broken_day_alone(again: Graph):
    with again.warehouse._connect() as connection:
        connection.execute(f"delete from composite_signal {SPY}")
    assert again.judge([THURSDAY, FRIDAY], checks=list(phase_c_rows.check_keys)).success
    statuses = [again.verdicts("composite_signal", COMPLETE, day)[0].status.value for day in (THURSDAY, FRIDAY)]
    assert statuses == ["SUCCEEDED", "FAILED"]
