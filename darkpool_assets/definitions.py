"""Everything that may run, on one screen: assets, checks, jobs, resources, executor."""

import dagster as dg

from darkpool_assets import defs as graph
from darkpool_assets.resources import build_resources
from darkpool_assets.settings import Settings, load_settings

END_OF_DAY = "end_of_day"


def build_definitions(settings: Settings) -> dg.Definitions:
    """The code location for `settings`: what the UI, the daemon and the command line run."""
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(graph),
        asset_checks=dg.load_asset_checks_from_package_module(graph),
        jobs=[
            dg.define_asset_job(
                END_OF_DAY, selection=dg.AssetSelection.all(), description="One session, or a range of sessions, end to end."
            )
        ],
        resources=build_resources(settings),
        executor=dg.in_process_executor,
    )


defs = build_definitions(load_settings())
