"""The code location with a schedule that ticks every minute and sensors that tick every few seconds.

The source sensor is left out: it would make the session before the schedule ticks.
"""

import dagster as dg

from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import Ticks
from darkpool_assets.settings import load_settings


def _without_source_sensor(whole: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=whole.assets,
        asset_checks=whole.asset_checks,
        jobs=whole.jobs,
        schedules=whole.schedules,
        sensors=[sensor for sensor in whole.sensors or [] if sensor.name != "source_sensor"],
        resources=whole.resources,
        executor=whole.executor,
    )


defs = _without_source_sensor(build_definitions(load_settings(), ticks=Ticks(cut_offs=("* * * * *",), rederivation_seconds=5)))
