"""Dagster's event log with files that stay open: the same content, watched and shared as before."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from darkpool_assets.event_log import OpenEventLog, keep_event_log_open

DAYS = dg.DailyPartitionsDefinition("2025-12-01")
MADE = dg.AssetKey("made")
CHECK = dg.AssetCheckKey(MADE, "holds")


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("holds", asset="made")])
def made(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
    yield dg.Output(None, metadata={"day": context.partition_key})
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as Dagster opens it."""
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def kept_open(tmp_path: Path, plain: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """An instance on the same home that keeps its files open."""
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        keep_event_log_open(opened)
        yield opened


def make(day: str, instance: dg.DagsterInstance) -> str:
    """Materialise one day; the run's id."""
    result = dg.materialize([made], partition_key=day, instance=instance)
    assert result.success
    return result.run_id


def events_of(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [str(entry.dagster_event_type) for entry in instance.all_logs(run_id)]


def test_what_it_wrote_is_read_without_it(kept_open: dg.DagsterInstance, plain: dg.DagsterInstance):
    run_id = make("2025-12-01", kept_open)
    assert events_of(plain, run_id) == events_of(kept_open, run_id)
    assert plain.get_materialized_partitions(MADE) == {"2025-12-01"}
    assert plain.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK].status.value == "SUCCEEDED"


def test_it_logs_what_dagster_logs_without_it(kept_open: dg.DagsterInstance, plain: dg.DagsterInstance):
    assert events_of(plain, make("2025-12-01", kept_open)) == events_of(plain, make("2025-12-02", plain))


def test_two_instances_see_what_the_other_one_writes(kept_open: dg.DagsterInstance, plain: dg.DagsterInstance):
    for number, writer in enumerate([kept_open, plain, kept_open, plain], start=1):
        make(f"2025-12-0{number}", writer)
    seen = [instance.get_materialized_partitions(MADE) for instance in (kept_open, plain)]
    assert seen == [{f"2025-12-0{number}" for number in range(1, 5)}] * 2


def test_who_watches_a_run_is_told_of_events_while_its_file_is_open(kept_open: dg.DagsterInstance, plain: dg.DagsterInstance):
    run_id = make("2025-12-01", kept_open)
    told: list[str] = []
    plain.watch_event_logs(run_id, None, lambda entry, _cursor: told.append(entry.message))
    deadline = time.monotonic() + 20
    while "seen" not in told and time.monotonic() < deadline:
        kept_open.report_engine_event("seen", kept_open.get_run_by_id(run_id))
        time.sleep(0.05)
    assert "seen" in told


def test_many_runs_leave_few_files_open(kept_open: dg.DagsterInstance):
    runs = [make(f"2025-12-{number:02}", kept_open) for number in range(1, 11)]
    log = kept_open.event_log_storage
    assert isinstance(log, OpenEventLog)
    assert len(log._engines) == 8
    assert all(events_of(kept_open, run_id) for run_id in runs)


def test_the_end_of_an_instance_closes_its_files(kept_open: dg.DagsterInstance, tmp_path: Path):
    make("2025-12-01", kept_open)
    logs = tmp_path / "history" / "runs"
    assert list(logs.glob("*.db-wal"))
    kept_open.dispose()
    assert not list(logs.glob("*.db-wal"))


def test_an_event_log_of_another_kind_stays_as_it_is():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        before = type(ephemeral.event_log_storage)
        keep_event_log_open(ephemeral)
        assert type(ephemeral.event_log_storage) is before
        assert not isinstance(ephemeral.event_log_storage, SqliteEventLogStorage | OpenEventLog)


def test_a_second_request_changes_nothing(kept_open: dg.DagsterInstance):
    run_id = make("2025-12-01", kept_open)
    keep_event_log_open(kept_open)
    assert events_of(kept_open, run_id)
