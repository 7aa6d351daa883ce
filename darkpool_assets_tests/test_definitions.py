"""The graph as a snapshot: assets, groups, dependencies, checks, jobs. A change here is a change of the product's face."""

import datetime as dt

import dagster as dg
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.definitions import END_OF_DAY, build_definitions
from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.settings import load_settings
from darkpool_assets.tables import TABLES

GRAPH = {
    "finra_otc_weekly_raw": ("raw", []),
    "finra_short_daily_raw": ("raw", []),
    "polygon_daily_agg_raw": ("raw", []),
    "polygon_equity_trades_raw": ("raw", []),
    "lit_direction_daily": ("derived", ["polygon_equity_trades_raw"]),
    "daily_metrics": (
        "derived",
        ["finra_otc_weekly_raw", "finra_short_daily_raw", "lit_direction_daily", "polygon_daily_agg_raw"],
    ),
    "index_constituent_short_agg_daily": ("derived", ["finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_daily_agg_raw"]),
    "composite_signal": (
        "phase_c",
        [
            "daily_metrics",
            "finra_otc_weekly_raw",
            "finra_short_daily_raw",
            "index_constituent_short_agg_daily",
            "lit_direction_daily",
            "polygon_daily_agg_raw",
        ],
    ),
    "daily_tables": ("rendered", ["daily_metrics", "index_constituent_short_agg_daily"]),
    "pressure_plots": ("phase_c", ["composite_signal", "daily_metrics"]),
    "report_site": (
        "phase_c",
        ["composite_signal", "daily_metrics", "daily_tables", "index_constituent_short_agg_daily", "pressure_plots"],
    ),
}
CHECKS_PER_ASSET = {
    "composite_signal": 2,
    "daily_metrics": 13,
    "daily_tables": 1,
    "finra_otc_weekly_raw": 1,
    "finra_short_daily_raw": 4,
    "index_constituent_short_agg_daily": 2,
    "lit_direction_daily": 3,
    "polygon_daily_agg_raw": 1,
    "polygon_equity_trades_raw": 1,
    "pressure_plots": 1,
    "report_site": 1,
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(load_settings())


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_graph_is_as_drawn(specs: dict[str, dg.AssetSpec]) -> None:
    drawn = {name: (spec.group_name, sorted(dep.asset_key.to_user_string() for dep in spec.deps)) for name, spec in specs.items()}
    assert drawn == GRAPH


def test_every_asset_has_an_owner_kinds_and_a_description(specs: dict[str, dg.AssetSpec]) -> None:
    assert [name for name, spec in specs.items() if not (spec.owners and spec.kinds and spec.description)] == []


def test_every_asset_of_a_table_documents_its_columns(specs: dict[str, dg.AssetSpec]) -> None:
    told = {
        name: [column.name for column in spec.metadata["dagster/column_schema"].columns]
        for name, spec in specs.items()
        if name in TABLES
    }
    assert told == {name: TABLES[name].column_names for name in told}
    assert len(told) == 8


def test_checks_stand_on_their_assets(definitions: dg.Definitions) -> None:
    counted: dict[str, int] = {}
    for checks in definitions.asset_checks or []:
        for key in checks.check_keys:
            counted[key.asset_key.to_user_string()] = counted.get(key.asset_key.to_user_string(), 0) + 1
    assert counted == CHECKS_PER_ASSET


def test_no_check_blocks(definitions: dg.Definitions) -> None:
    specs = [spec for checks in definitions.asset_checks or [] for spec in checks.check_specs]
    assert [spec.name for spec in specs if spec.blocking or spec.partitions_def is not trading_days] == []


def test_the_end_of_day_job_covers_everything(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(END_OF_DAY)
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(GRAPH)


def test_partitions_are_the_calendars_sessions() -> None:
    keys = trading_days.get_partition_keys()
    first, last = (dt.date.fromisoformat(key) for key in (keys[0], keys[-1]))
    assert keys == [day.isoformat() for day in market_calendar.sessions_between(first, last)]
    assert keys[0] == "2018-08-01"
