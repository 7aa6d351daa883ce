"""Runs whose process is gone: told as failed, so that the queue goes on and Dagster starts them again.

Dagster's run monitoring notices a dead run while the code server that started it lives. After a restart of everything nobody
knows those runs any more; each names its process in its log, and on one machine that is enough. Nothing is started here.
"""

import os
import re
from typing import Final

import dagster as dg

_EVERY_SECONDS: Final = 30
_AT_WORK: Final = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_PROCESS: Final = re.compile(r"\(pid: (\d+)\)")


@dg.sensor(
    name="dead_runs_sensor",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process is gone (kill -9, a restart), so that the queue goes on; Dagster starts them again.",
)
def dead_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look for dead runs; requests nothing itself."""
    dead = fail_dead_runs(context.instance)
    return dg.SkipReason(f"Failed, their process is gone: {', '.join(dead)}" if dead else "Every run at work has its process.")


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report those runs as failed that are at work by their status and whose process is gone; returns their ids."""
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_AT_WORK))):
        process = _process_of(instance, run)
        if process is not None and not _is_alive(process):
            instance.report_run_failed(run, f"The process of this run (pid {process}) is gone. What it stored is whole.")
            dead.append(run.run_id)
    return dead


def _process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """The process that executes `run`, as its log names it; None where it did not come to that."""
    messages = (entry.message for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT))
    named = [found[-1] for message in messages if (found := _PROCESS.findall(message))]
    return int(named[-1]) if named else None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
