"""Alerts: a run that failed, and a run whose checks failed, are told in the log and at the webhook.

Both sensors read the run's own events; nothing is judged or repaired here. Runs of other code locations, and those that a
command line started and told of itself, are not theirs.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
from pydantic import SecretStr

from darkpool_assets.defs.run_options import days_of
from darkpool_assets.settings import Settings
from darkpool_assets.sources.webhook import WebhookFailed, post_message
from darkpool_assets.vocabulary import SAMPLE_DATA_NOTICE

_SHOWN_FAILURES: Final = 10
_SHOWN_DAYS: Final = 5
_LONGEST_SHOWN: Final = 400
_MODULES_OF_A_CLASS: Final = re.compile(r"^(?:\w+\.)+(?=\w+:)")


def build_alerts(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors that tell of failed runs and of failed checks; switched on from the start with AUTOMATION."""
    status = dg.DefaultSensorStatus.RUNNING if settings.automation else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(default_status=status, description="Tells of every failed run: what failed, and what to do.")
    def alert_on_failed_run(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        failures = _failed_steps(context) or [_failed_run(context.failure_event)]
        failures += [check.told for check in _failed_checks(context)]
        return _tell(context, "failed", failures, settings=settings)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=status,
        description="Tells of every check of severity ERROR that failed in a run which went through.",
    )
    def alert_on_failed_checks(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        failures = [check.told for check in _failed_checks(context)]
        return _tell(context, "left failed checks", failures, settings=settings) if failures else None

    return [alert_on_failed_run, alert_on_failed_checks]


def _tell(
    context: dg.RunStatusSensorContext, happened: str, failures: Sequence[str], *, settings: Settings
) -> dg.SkipReason | None:
    """Log the alert and post it; a webhook that fails is logged, and ends the tick, so that it can't outlast its minute."""
    run, partitions = context.dagster_run, _partitions(context.dagster_run)
    notice = f"{SAMPLE_DATA_NOTICE}: " if settings.sample_data else ""
    headline = f"{notice}run {run.run_id} ({run.job_name}, {partitions or 'no partition'}) {happened}."
    more = len(failures) - _SHOWN_FAILURES
    lines = [headline, *failures[:_SHOWN_FAILURES], *([f"And {more} more."] if more > 0 else []), _remedy(run)]
    context.log.error(" | ".join(lines))
    if settings.alert_webhook_url is None:
        return None
    text = html.escape("\n".join(lines), quote=False)  # Slack reads <...> as a command, such as one that calls everybody
    message = {"text": text, "run_id": run.run_id, "job": run.job_name, "partitions": partitions, "failures": list(failures)}
    return _post(context, settings.alert_webhook_url, message)


def _post(context: dg.RunStatusSensorContext, url: SecretStr, message: dict[str, Any]) -> dg.SkipReason | None:
    try:
        post_message(url, message)
    except WebhookFailed as error:
        told = f"The alert of run {message['run_id']} was not delivered: {error}. It stands in the log of this tick."
    else:
        return None
    context.log.error(told)
    return dg.SkipReason(told)


def _failed_steps(context: dg.RunFailureSensorContext) -> list[str]:
    """One line per error: the steps that failed with it, and its first line."""
    steps: dict[str, list[str]] = {}
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        words = _first_words((error.cause or error).message if error else "failed")
        steps.setdefault(words, []).append(event.step_key or "run")
    return [f"{', '.join(keys)}: {words}" for words, keys in steps.items()]


def _failed_run(event: dg.DagsterEvent) -> str:
    """Why a run failed that did not come to a step, or was ended from outside."""
    error = getattr(event.event_specific_data, "error", None)  # a run that was ended from outside brings no data
    return f"run: {_first_words(error.message if error else event.message or 'failed')}"


def _first_words(message: str) -> str:
    """The first line of an error, without the modules of its class; the second one too where the first announces it."""
    first, *more = [line.strip() for line in message.splitlines() if line.strip()] or ["failed"]
    words = _MODULES_OF_A_CLASS.sub("", f"{first} {more[0]}" if first.endswith(":") and more else first)
    return words if len(words) <= _LONGEST_SHOWN else f"{words[:_LONGEST_SHOWN]}..."


@dataclass
class _FailedCheck:
    """A check that failed in a run: on which days, and what to do where it says so."""

    name: str
    days: list[str] = field(default_factory=list)
    remedy: str = ""

    @property
    def told(self) -> str:
        """The check, its days and its remedy in one line."""
        more = len(self.days) - _SHOWN_DAYS
        days = ", ".join(self.days[:_SHOWN_DAYS]) + (f" and {more} more" if more > 0 else "")
        return f"{self.name} failed{f' on {days}' if days else ''}.{f' {self.remedy}' if self.remedy else ''}"


def _failed_checks(context: dg.RunStatusSensorContext) -> list[_FailedCheck]:
    """The checks of severity ERROR that failed in the run: the verdicts of its days, and the one over all of them."""
    found: dict[dg.AssetCheckKey, _FailedCheck] = {}
    for verdict in _evaluations(context):
        if verdict.passed or verdict.severity is not dg.AssetCheckSeverity.ERROR:
            continue
        name = f"{verdict.asset_key.to_user_string()}: {verdict.check_name}"
        check = found.setdefault(verdict.asset_check_key, _FailedCheck(name))
        if verdict.partition and verdict.partition not in check.days:
            check.days.append(verdict.partition)
        check.remedy = check.remedy or str(verdict.metadata["remedy"].value if "remedy" in verdict.metadata else "")
    return list(found.values())


def _evaluations(context: dg.RunStatusSensorContext) -> Iterable[dg.AssetCheckEvaluation]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for record in context.instance.get_records_for_run(context.dagster_run.run_id, of_type=kind).records:
        if event := record.event_log_entry.dagster_event:
            yield event.asset_check_evaluation_data


def _partitions(run: dg.DagsterRun) -> str:
    """The day or the range of days that the run was for; empty where it has none."""
    return " to ".join(dict.fromkeys(days_of(run) or ()))


def _remedy(run: dg.DagsterRun) -> str:
    """Where to look, and how the days are made again."""
    look = f"Look at /runs/{run.run_id} of the Dagster UI"
    if not (days := days_of(run)):
        return f"{look}."
    first, last = days
    again = f"`darkpool backfill {first} {last}` makes what is not whole again"
    return f"{look}; `darkpool check {last}` names failing rows; {again}."
