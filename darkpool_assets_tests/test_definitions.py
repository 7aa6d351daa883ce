"""The graph as a snapshot: assets, groups, dependencies, checks, jobs. A change here is a change of the product's face."""

import datetime as dt

import dagster as dg
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.definitions import EVERY_EVENING, build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY
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
    "daily_metrics": 15,
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


def descriptions(definitions: dg.Definitions) -> dict[str, str]:
    """Every description that the Dagster UI shows, by what it describes."""
    repository = definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    found = {one.name: one.description or "" for one in (*jobs, *repository.schedule_defs, *repository.sensor_defs)}
    for spec in definitions.resolve_all_asset_specs():
        found[spec.key.to_user_string()] = spec.description or ""
        columns = spec.metadata["dagster/column_schema"].columns if "dagster/column_schema" in spec.metadata else []
        found |= {f"{spec.key.to_user_string()}.{column.name}": column.description or "" for column in columns}
    for checks in definitions.asset_checks or []:
        found |= {f"{spec.asset_key.to_user_string()}:{spec.name}": spec.description or "" for spec in checks.check_specs}
    return found


@pytest.mark.parametrize("sample_data", [True, False])
def test_every_description_is_plain_text(sample_data: bool) -> None:
    shown = descriptions(build_definitions(load_settings(sample_data=sample_data)))
    assert [name for name, text in shown.items() if not text.strip() or "**" in text] == []


def test_every_check_says_what_it_means_before_the_remedy(definitions: dg.Definitions) -> None:
    told = {name: text.partition(" If not: ") for name, text in descriptions(definitions).items() if ":" in name}
    assert [name for name, (meaning, _if_not, remedy) in told.items() if not (meaning.rstrip().endswith(".") and remedy)] == []


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


def test_what_runs_by_itself(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {one.name: (one.cron_schedule, one.execution_timezone) for one in repository.schedule_defs} == {
        "end_of_day_schedule": (("30 20 * * 1-5", "30 23 * * 1-5"), "America/New_York"),
        "raw_trades_retention_schedule": ("30 6 * * *", "America/New_York"),
    }
    assert {one.name: one.minimum_interval_seconds for one in repository.sensor_defs} == {
        "source_sensor": 120, "rederivation_sensor": 300, "alert_on_failed_run": 30, "alert_on_failed_checks": 30,
        "dead_runs_sensor": 30,
    }  # fmt: skip


@pytest.mark.parametrize(("automation", "status"), [(True, "RUNNING"), (False, "STOPPED")])
def test_it_is_switched_on_by_its_setting(automation: bool, status: str) -> None:
    repository = build_definitions(load_settings(automation=automation)).get_repository_def()
    ticking = [one for one in (*repository.schedule_defs, *repository.sensor_defs) if one.name != "dead_runs_sensor"]
    assert {one.default_status.value for one in ticking} == {status}


def test_every_asset_is_overdue_after_an_evening_without_it(definitions: dg.Definitions) -> None:
    policies = {spec.freshness_policy for spec in definitions.resolve_all_asset_specs()}
    assert policies == {EVERY_EVENING}


def test_assets_are_found_by_the_service_they_ask_and_by_the_gate(definitions: dg.Definitions) -> None:
    tags = {spec.key.to_user_string(): spec.tags for spec in definitions.resolve_all_asset_specs()}
    assert {name for name, of_asset in tags.items() if of_asset.get("gate") == "phase_c"} == {
        "composite_signal",
        "pressure_plots",
    }
    assert {name for name, of_asset in tags.items() if "service" in of_asset} == {
        "finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw",
    }  # fmt: skip
