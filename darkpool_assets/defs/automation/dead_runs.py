"""Runs whose process is gone: told as failed, so that the queue goes on and Dagster starts them again.

Dagster's run monitoring notices a dead run while the code server that started it lives. After a restart of everything nobody
knows those runs any more; each carries its process in a tag, written when it opens the warehouse. Nothing is started here.
"""

import datetime as dt
import re
from typing import Final

import dagster as dg

from darkpool_assets.process_identity import ProcessIdentity, exists
from darkpool_assets.resources import PROCESS_TAG

_EVERY_SECONDS: Final = 30
_AT_WORK: Final = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_LOGGED_PROCESS: Final = re.compile(r"\(pid: (\d+)\)")
_UNTAGGED_FOR: Final = dt.timedelta(minutes=2)  # a process imports the graph before it opens the warehouse
_UNSTARTED_FOR: Final = dt.timedelta(minutes=10)


@dg.sensor(
    name="dead_runs_sensor",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process is gone (kill -9, a restart), so that the queue goes on; Dagster starts them again.",
)
def dead_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look for dead runs; requests nothing itself."""
    dead = fail_dead_runs(context.instance, now=dt.datetime.now(dt.UTC))
    return dg.SkipReason(f"Failed, their process is gone: {', '.join(dead)}" if dead else "Every run at work has its process.")


def fail_dead_runs(instance: dg.DagsterInstance, *, now: dt.datetime) -> list[str]:
    """Report those runs as failed that are at work by their status and have no process; returns their ids.

    A run of another host is never judged: its process can't be seen from here.
    """
    dead = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(_AT_WORK))):
        if reason := _why_dead(instance, record, now=now):
            instance.report_run_failed(record.dagster_run, f"{reason} What it stored is whole.")
            dead.append(record.dagster_run.run_id)
    return dead


def _why_dead(instance: dg.DagsterInstance, record: dg.RunRecord, *, now: dt.datetime) -> str:
    # Since its status changed last: a run may have waited in the queue for hours before.
    run, age = record.dagster_run, now - record.update_timestamp.replace(tzinfo=dt.UTC)
    owner, _, text = run.tags.get(PROCESS_TAG, "").partition(" ")
    process = ProcessIdentity.parse(text) if owner == run.run_id else None
    if process:
        return f"The process of this run (pid {process.pid} on {process.host}) is gone." if process.is_gone() else ""
    pid = _logged_pid(instance, run)
    if pid is not None and age > _UNTAGGED_FOR and not exists(pid):
        return f"The process of this run (pid {pid}) is gone."
    return "This run was never started." if pid is None and age > _UNSTARTED_FOR else ""


def _logged_pid(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """The process that was started for `run`, as its log names it; None where it did not come to that."""
    messages = (entry.message for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT))
    named = [found[-1] for message in messages if (found := _LOGGED_PROCESS.findall(message))]
    return int(named[-1]) if named else None
