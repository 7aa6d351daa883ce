"""Everything that may run, on one screen: assets, checks, jobs, resources, executor."""

import dagster as dg

from darkpool_assets import defs as graph
from darkpool_assets.resources import build_resources
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.vocabulary import SAMPLE_DATA_NOTICE

END_OF_DAY = "end_of_day"


def build_definitions(settings: Settings) -> dg.Definitions:
    """The code location for `settings`: what the UI, the daemon and the command line run."""
    assets = [found for found in dg.load_assets_from_package_module(graph) if isinstance(found, dg.AssetsDefinition)]
    return dg.Definitions(
        assets=dg.map_asset_specs(_marked_as_sample, assets) if settings.sample_data else assets,
        asset_checks=dg.load_asset_checks_from_package_module(graph),
        jobs=[
            dg.define_asset_job(
                END_OF_DAY, selection=dg.AssetSelection.all(), description="One session, or a range of sessions, end to end."
            )
        ],
        resources=build_resources(settings),
        executor=dg.in_process_executor,
    )


def _marked_as_sample(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset, said to hold invented numbers wherever the UI shows it."""
    return spec.replace_attributes(description=f"**{SAMPLE_DATA_NOTICE}: every number is invented.**\n\n{spec.description}")


defs = build_definitions(load_settings())
