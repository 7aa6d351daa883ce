"""Everything that may run, on one screen: assets, checks, jobs, schedules, sensors, resources, executor."""

import datetime as dt
from typing import Final

import dagster as dg

from darkpool_assets import defs as graph
from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.alerts import build_alerts
from darkpool_assets.defs.automation.dead_runs import dead_runs_sensor
from darkpool_assets.defs.automation.end_of_day import build_end_of_day_schedule
from darkpool_assets.defs.automation.rederivation_sensor import build_rederivation_sensor
from darkpool_assets.defs.automation.retention import build_retention_schedule, retention_job
from darkpool_assets.defs.automation.session_requests import END_OF_DAY, EVERY_DAY, Ticks
from darkpool_assets.defs.automation.source_sensor import build_source_sensor
from darkpool_assets.defs.clock import Clock, system_clock
from darkpool_assets.resources import build_resources
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.vocabulary import SAMPLE_DATA_NOTICE

EVERY_EVENING: Final = dg.FreshnessPolicy.cron(
    deadline_cron="45 23 * * 1-5", lower_bound_delta=dt.timedelta(hours=24), timezone=market_calendar.NEW_YORK
)


def build_definitions(settings: Settings, *, clock: Clock = system_clock, ticks: Ticks = EVERY_DAY) -> dg.Definitions:
    """The code location for `settings`: what the UI, the daemon and the command line run.

    Schedule and sensors tick at `ticks` and take the moment from `clock`.
    """
    assets = [found for found in dg.load_assets_from_package_module(graph) if isinstance(found, dg.AssetsDefinition)]
    return dg.Definitions(
        assets=dg.map_asset_specs(_marked_as_sample if settings.sample_data else _expected_daily, assets),
        asset_checks=dg.load_asset_checks_from_package_module(graph),
        jobs=[
            dg.define_asset_job(
                END_OF_DAY, selection=dg.AssetSelection.all(), description="One session, or a range of sessions, end to end."
            ),
            retention_job,
        ],
        schedules=[build_end_of_day_schedule(settings, clock=clock, ticks=ticks), build_retention_schedule(settings)],
        sensors=[
            build_source_sensor(settings, clock=clock, ticks=ticks),
            build_rederivation_sensor(settings, clock=clock, ticks=ticks),
            *build_alerts(settings),
            dead_runs_sensor,
        ],
        resources=build_resources(settings),
        executor=dg.in_process_executor,
    )


def _marked_as_sample(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset, said to hold invented numbers wherever the UI shows it."""
    return spec.replace_attributes(description=f"{SAMPLE_DATA_NOTICE}: every number is invented.\n\n{spec.description}")


def _expected_daily(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset, overdue when an evening went by without it; a weekday holiday reads overdue until the next session."""
    return spec.replace_attributes(freshness_policy=EVERY_EVENING)


defs = build_definitions(load_settings())
