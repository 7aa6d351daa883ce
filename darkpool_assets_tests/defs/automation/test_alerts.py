"""Alerts of real runs: ticks of the sensors on an instance, posted to a server on the loopback."""

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from darkpool_assets.defs.automation.alerts import build_alerts
from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.settings import load_settings
from darkpool_assets_tests.sources.scripted_server import ScriptedServer, reply

MONDAY, TUESDAY, WEDNESDAY = "2025-12-08", "2025-12-09", "2025-12-10"
REMEDY = "Materialise numbers again."
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset(partitions_def=trading_days)
def numbers() -> None:
    """An asset that is made."""


@dg.asset(partitions_def=trading_days)
def broken() -> None:
    """An asset that is not."""
    raise ValueError("no <!channel> & no file\nwhat follows is not told")


@dg.asset
def late_days() -> None:
    """What the checks at the end of a range raise."""
    raise dg.Failure("1 could not be made:\n2025-12-08 numbers: malformed", allow_retries=False)


@dg.asset
def late_days_too() -> None:
    """The same of another step."""
    raise dg.Failure("1 could not be made:\n2025-12-08 numbers: malformed", allow_retries=False)


@dg.multi_asset_check(
    name="judged",
    specs=[partitioned_check_spec(name, asset="numbers", description="") for name in ("they_add_up", "they_are_round")],
)
def judged(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Tuesday and Wednesday fail the first, with severity ERROR, and every day the second, which warns."""
    days = context.partition_keys
    sums = {day: DayVerdict(day == MONDAY, {} if day == MONDAY else {"remedy": REMEDY}) for day in days}
    yield from report_verdicts(context, sums, asset="numbers", check="they_add_up")
    warned = {day: DayVerdict(passed=False, metadata={}) for day in days}
    yield from report_verdicts(context, warned, asset="numbers", check="they_are_round", severity=dg.AssetCheckSeverity.WARN)


EVERYTHING = dg.Definitions(
    assets=[numbers, broken, late_days, late_days_too],
    asset_checks=[judged],
    jobs=[
        dg.define_asset_job("sound", [numbers]),
        dg.define_asset_job("refused", [broken]),
        dg.define_asset_job("unmade", [late_days, late_days_too]),
    ],
)


class Watched:
    """An instance with both sensors, which have ticked once; `tell` runs a job and lets them tick again."""

    def __init__(self, instance: dg.DagsterInstance, **settings: Any) -> None:
        self.instance = instance
        self.log: list[str] = []
        self.sensors = build_alerts(load_settings(**settings))
        self.cursors = {sensor.name: self._tick(sensor, None).cursor for sensor in self.sensors}
        self.skipped: list[str] = []

    def tell(self, job: str, *, days: tuple[str, ...] = ()) -> str:
        """The id of the run that both sensors then have seen."""
        span = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]} if days[1:] else {}
        result = EVERYTHING.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=days[0] if len(days) == 1 else None,
            tags=span,
            run_config=QUIET,
            raise_on_error=False,
        )
        self.look()
        return result.run_id

    def look(self) -> None:
        """Let both sensors tick."""
        for sensor in self.sensors:
            tick = self._tick(sensor, self.cursors[sensor.name])
            self.cursors[sensor.name] = tick.cursor
            self.skipped += [tick.skip_message] if "alert" in (tick.skip_message or "") else []
            assert [reaction.error for reaction in tick.dagster_run_reactions if reaction.error] == []

    def _tick(self, sensor: dg.SensorDefinition, cursor: str | None) -> Any:
        context = dg.build_sensor_context(instance=self.instance, cursor=cursor)
        context.log.handlers = [handler := logging.Handler()]
        handler.emit = lambda record: self.log.append(record.getMessage())
        return sensor.evaluate_tick(context)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        started.on("/very-secret", reply("ok"))
        yield started


def test_a_failed_run_is_told_with_its_day_its_step_and_what_to_do(instance: dg.DagsterInstance, server: ScriptedServer):
    watched = Watched(instance, alert_webhook_url=f"{server.url}/very-secret")
    run_id = watched.tell("refused", days=(MONDAY,))
    (asked,) = server.asked()
    failure = "broken: ValueError: no <!channel> & no file"
    assert asked.json == {
        "text": f"run {run_id} (refused, {MONDAY}) failed.\n"
        "broken: ValueError: no &lt;!channel&gt; &amp; no file\n"
        f"Look at /runs/{run_id} of the Dagster UI; `darkpool check {MONDAY}` names failing rows; "
        f"`darkpool backfill {MONDAY} {MONDAY}` makes what is not whole again.",
        "run_id": run_id,
        "job": "refused",
        "partitions": MONDAY,
        "failures": [failure],
    }
    (line,) = watched.log
    assert line.startswith(f"run {run_id} (refused, {MONDAY}) failed. | {failure} | Look at")


def test_failed_checks_of_a_range_are_told_with_their_days_and_remedy(instance: dg.DagsterInstance, server: ScriptedServer):
    watched = Watched(instance, alert_webhook_url=f"{server.url}/very-secret")
    run_id = watched.tell("sound", days=(MONDAY, TUESDAY, WEDNESDAY))
    (asked,) = server.asked()
    assert asked.json["failures"] == [f"numbers: they_add_up failed on {TUESDAY}, {WEDNESDAY}. {REMEDY}"]
    assert (asked.json["partitions"], asked.json["run_id"]) == (f"{MONDAY} to {WEDNESDAY}", run_id)
    assert "left failed checks" in watched.log[0]


def test_a_failed_check_of_one_day_is_told_with_its_day(instance: dg.DagsterInstance):
    watched = Watched(instance)
    watched.tell("sound", days=(TUESDAY,))
    assert f"numbers: they_add_up failed on {TUESDAY}. {REMEDY}" in watched.log[0]


def test_a_run_whose_checks_hold_or_only_warn_is_not_told(instance: dg.DagsterInstance, server: ScriptedServer):
    watched = Watched(instance, alert_webhook_url=f"{server.url}/very-secret")
    watched.tell("sound", days=(MONDAY,))
    assert (watched.log, server.asked(), watched.skipped) == ([], [], [])


def test_steps_that_failed_alike_are_told_once_with_the_days_they_name(instance: dg.DagsterInstance):
    watched = Watched(instance)
    run_id = watched.tell("unmade")
    assert watched.log[0].split(" | ") == [
        f"run {run_id} (unmade, no partition) failed.",
        "late_days, late_days_too: Failure: 1 could not be made: 2025-12-08 numbers: malformed",
        f"Look at /runs/{run_id} of the Dagster UI.",
    ]


def test_a_run_that_was_ended_from_outside_is_told(instance: dg.DagsterInstance):
    watched = Watched(instance)
    job = EVERYTHING.resolve_job_def("sound")
    run = instance.create_run_for_job(job, tags={"dagster/partition": MONDAY})
    instance.report_run_failed(run, "The process of the run is gone.")
    watched.look()
    assert "run: The process of the run is gone." in watched.log[0]


def test_a_webhook_that_fails_is_named_without_its_address_and_the_alert_stands_in_the_log(
    instance: dg.DagsterInstance, server: ScriptedServer
):
    address = server.on("/very-secret", lambda asked: reply(asked.target, status=410))
    watched = Watched(instance, alert_webhook_url=address)
    run_id = watched.tell("refused", days=(MONDAY,))
    alert, undelivered = watched.log
    assert "no file" in alert
    assert f"The alert of run {run_id} was not delivered: ALERT_WEBHOOK_URL: answered 410" in undelivered
    assert watched.skipped == [undelivered]
    assert "very-secret" not in "".join(watched.log)


def test_many_failures_are_counted_beyond_the_first(instance: dg.DagsterInstance):
    days = [str(day) for day in (dt.date(2025, 12, 8) + dt.timedelta(days=n) for n in range(12)) if day.weekday() < 5]
    watched = Watched(instance)
    watched.tell("sound", days=tuple(days))
    assert f"failed on {', '.join(days[1:6])} and 4 more." in watched.log[0]


def test_invented_numbers_are_said_to_be_so(instance: dg.DagsterInstance):
    watched = Watched(instance, sample_data=True)
    watched.tell("refused", days=(MONDAY,))
    assert watched.log[0].startswith("SAMPLE DATA: run ")


@pytest.mark.parametrize("automation", [True, False])
def test_the_sensors_run_from_the_start_with_automation_alone(*, automation: bool):
    sensors = build_alerts(load_settings(automation=automation))
    assert [sensor.name for sensor in sensors] == ["alert_on_failed_run", "alert_on_failed_checks"]
    wanted = dg.DefaultSensorStatus.RUNNING if automation else dg.DefaultSensorStatus.STOPPED
    assert {sensor.default_status for sensor in sensors} == {wanted}
