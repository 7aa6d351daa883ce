"""The cause of a failed day: told from ledgers and lineage, of refusals alone."""

import datetime as dt

import pytest

from darkpool_assets.analytics.phase_c_gate import GateClosed
from darkpool_assets.defs.failure_causes import cause_of, tables_behind
from darkpool_assets.defs.ledgers import UpstreamFailed, derivation_entry, event_entry
from darkpool_assets.resources import connect_to
from darkpool_assets.settings import load_settings
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY

SETTINGS = load_settings()
VERSION = SETTINGS.inference_version


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(connect_to(tmp_path / "darkpool.duckdb"))


def fail_feed(warehouse: Warehouse, name: str = "finra_short_daily_raw", day: dt.date = FRIDAY) -> None:
    entry = event_entry(name, day, source="", status=IngestStatus.FAILED, message="no file")
    warehouse.append({"ingest_ledger": entry})


def fail_asset(warehouse: Warehouse, name: str, *, cause: str | None = None, status: IngestStatus = IngestStatus.FAILED) -> None:
    entry = derivation_entry(name, FRIDAY, settings=SETTINGS, as_of=FRIDAY, status=status, message="no list", caused_by=cause)
    warehouse.append({"derivation_ledger": entry})


def cause(warehouse: Warehouse, error: Exception, *upstream: str) -> str | None:
    return cause_of(error, warehouse, FRIDAY, upstream=upstream, version=VERSION)


def test_a_refusal_that_names_its_root_is_believed(warehouse: Warehouse):
    assert cause(warehouse, UpstreamFailed("refused", root="finra_otc_weekly_raw")) == "finra_otc_weekly_raw"


@pytest.mark.parametrize("error", [GateClosed("closed"), UpstreamFailed("no rows")])
def test_a_refusal_without_a_root_is_caused_by_the_feed_that_failed_that_day(warehouse: Warehouse, error: Exception):
    fail_feed(warehouse)
    assert cause(warehouse, error, "composite_signal") == "finra_short_daily_raw"


def test_an_error_of_ones_own_has_no_cause(warehouse: Warehouse):
    fail_feed(warehouse)
    assert cause(warehouse, OSError("disk full"), "daily_metrics") is None


def test_a_feed_that_failed_another_day_is_no_cause(warehouse: Warehouse):
    fail_feed(warehouse, day=THURSDAY)
    assert cause(warehouse, GateClosed("closed"), "daily_metrics") is None


def test_a_feed_that_the_asset_does_not_rest_on_is_no_cause(warehouse: Warehouse):
    fail_feed(warehouse)
    assert cause(warehouse, UpstreamFailed("pruned"), "polygon_equity_trades_raw") is None


def test_an_asset_that_failed_by_itself_is_the_cause(warehouse: Warehouse):
    fail_asset(warehouse, "index_constituent_short_agg_daily")
    assert cause(warehouse, GateClosed("closed"), "index_constituent_short_agg_daily") == "index_constituent_short_agg_daily"


def test_the_root_of_a_failed_asset_is_the_cause(warehouse: Warehouse):
    fail_feed(warehouse)
    fail_asset(warehouse, "daily_metrics", cause="finra_short_daily_raw")
    assert cause(warehouse, UpstreamFailed("no rows"), "daily_metrics") == "finra_short_daily_raw"


def test_an_asset_whose_root_was_repaired_is_the_cause_itself(warehouse: Warehouse):
    fail_asset(warehouse, "daily_metrics", cause="finra_short_daily_raw")
    assert cause(warehouse, UpstreamFailed("no rows"), "daily_metrics") == "daily_metrics"


def test_an_asset_that_was_made_since_is_no_cause(warehouse: Warehouse):
    fail_asset(warehouse, "daily_metrics")
    fail_asset(warehouse, "daily_metrics", status=IngestStatus.STORED)
    assert cause(warehouse, UpstreamFailed("no rows"), "daily_metrics") is None


def test_behind_a_rendered_asset_stand_all_tables_that_its_rows_are_made_of():
    raw = {"finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw"}
    assert tables_behind(frozenset({"daily_tables", "daily_metrics"})) == raw | {
        "daily_tables",
        "daily_metrics",
        "lit_direction_daily",
    }
    assert tables_behind(frozenset({"polygon_equity_trades_raw"})) == {"polygon_equity_trades_raw"}
