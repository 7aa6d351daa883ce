"""Runs whose process is gone are told as failed; those of living processes and of other hosts are left alone."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.runs import SqlRunStorage

from darkpool_assets.defs.automation.dead_runs import fail_dead_runs
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.process_identity import ProcessIdentity
from darkpool_assets.resources import PROCESS_TAG
from darkpool_assets_tests.hand_made_feeds import FRIDAY
from darkpool_assets_tests.hand_made_graph import Graph

OURS = ProcessIdentity.of_this_process()
NO_PID = 2**22 + 1


def _in(minutes: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _run(
    instance: dg.DagsterInstance, process: ProcessIdentity | None, *, status=dg.DagsterRunStatus.STARTED, pid: int | None = None
):
    run_id = str(uuid.uuid4())
    tags = {PROCESS_TAG: f"{run_id} {process}"} if process else {}
    run = dg.DagsterRun(job_name="end_of_day", run_id=run_id, status=status, tags=tags)
    instance.run_storage.add_run(run)
    if pid is not None:
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run)
    return run


def _status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def test_a_run_that_waited_in_the_queue_for_long_is_given_its_time_to_start(instance: dg.DagsterInstance):
    run = _run(instance, None, status=dg.DagsterRunStatus.STARTING)
    assert isinstance(instance.run_storage, SqlRunStorage)
    with instance.run_storage.connect() as connection:
        connection.execute(sa.text("update runs set create_timestamp = datetime('now', '-1 hour')"))
    assert fail_dead_runs(instance, now=_in(minutes=1)) == []
    assert fail_dead_runs(instance, now=_in(minutes=11)) == [run.run_id]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "STARTED"),
        ({"start": "1"}, "FAILURE"),
        ({"boot": "before"}, "FAILURE"),
        ({"pid": NO_PID}, "FAILURE"),
        ({"host": "another", "pid": NO_PID}, "STARTED"),
    ],
    ids=["alive", "re-used pid", "restarted", "gone", "another host"],
)
def test_a_run_at_work_is_judged_by_host_boot_pid_and_start(instance: dg.DagsterInstance, changes, status):
    run = _run(instance, dataclasses.replace(OURS, **changes))
    dead = fail_dead_runs(instance, now=_in(0))
    assert (_status(instance, run), bool(dead)) == (status, status == "FAILURE")


def test_the_tag_of_the_run_before_says_nothing_of_its_retry(instance: dg.DagsterInstance):
    run = _run(instance, None)
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"another {dataclasses.replace(OURS, pid=NO_PID)}"})
    assert fail_dead_runs(instance, now=_in(0)) == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING])
def test_a_run_that_never_got_a_process_is_dead_after_ten_minutes(instance: dg.DagsterInstance, status):
    run = _run(instance, None, status=status)
    assert fail_dead_runs(instance, now=_in(0)) == []
    assert fail_dead_runs(instance, now=_in(11)) == [run.run_id]


@pytest.mark.parametrize(("pid", "dead"), [(NO_PID, True), (OURS.pid, False)], ids=["gone", "alive"])
def test_a_process_that_died_before_it_opened_the_warehouse_is_known_by_the_log(instance: dg.DagsterInstance, pid, dead):
    run = _run(instance, None, pid=pid)
    assert fail_dead_runs(instance, now=_in(0)) == []
    assert fail_dead_runs(instance, now=_in(11)) == ([run.run_id] if dead else [])


def test_a_run_carries_its_process(graph: Graph):
    result = graph.materialise(finra_short_daily_raw, FRIDAY)
    run = graph.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[PROCESS_TAG] == f"{result.run_id} {OURS}"
