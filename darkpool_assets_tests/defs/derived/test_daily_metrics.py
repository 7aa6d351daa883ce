"""daily_metrics through Dagster: every ticker's row, flags that tell the truth, provenance events, refusals."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.vocabulary import OtcStatus
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, THURSDAY, TICKERS, WEEK, short_row
from darkpool_assets_tests.hand_made_graph import Graph, error_of

TABLE = "daily_metrics"
DERIVED = [lit_direction_daily, daily_metrics]
EVERYTHING = [finra_otc_weekly_raw, finra_short_daily_raw, polygon_equity_trades_raw, polygon_daily_agg_raw, *DERIVED]
SHORT_FIELDS = [
    "short_volume", "short_exempt_volume", "short_total_volume", "short_ratio", "short_ratio_z", "short_volume_ratio",
    "short_ratio_numerator_type", "short_ratio_denominator_type", "short_ratio_denominator_value", "short_ratio_source",
]  # fmt: skip
PRICE_FIELDS = ["open", "high", "low", "close", "vwap", "volume", "return_1d", "return_z", "range_pct"]
LIT_FIELDS = ["log_buy_sell", "log_buy_sell_z", "lit_buy_volume", "lit_sell_volume", "lit_buy_ratio", "lit_coverage_pct"]
OTC_FIELDS = [
    "otc_off_exchange_volume", "otc_ats_volume", "otc_non_ats_volume", "otc_trade_count", "otc_week_used",
    "otc_published_date", "otc_alloc_volume", "otc_alloc_basis", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate",
]  # fmt: skip


def of_day(graph: Graph, day: dt.date = FRIDAY) -> dict[str, dict[str, object]]:
    """Symbol -> its row of the day."""
    rows = graph.rows(TABLE).filter(pl.col("date") == day)
    return {row["symbol"]: row for row in rows.iter_rows(named=True)}


def test_every_ticker_has_its_row_on_every_day(made_week: Graph):
    assert made_week.rows(TABLE).select("date", "symbol").rows() == [(day, name) for day in WEEK for name in sorted(TICKERS)]


def test_a_row_rests_on_its_own_feeds(made_week: Graph):
    spy = of_day(made_week)["SPY"]
    short, exempt, total = short_row(FRIDAY, "SPY")
    assert spy["short_ratio"] == pytest.approx((short + exempt) / total)
    assert spy["short_volume_ratio"] == pytest.approx(short / total)
    assert (spy["data_quality"], spy["otc_week_used"], spy["otc_published_date"]) == ("OTC_ANCHORED", MONDAY, PUBLISHED)


def test_a_weeks_allocations_sum_to_the_weeks_volume(made_week: Graph):
    sums = made_week.rows(TABLE).group_by("symbol").agg(pl.col("otc_alloc_volume").sum()).sort("symbol")
    assert dict(sums.iter_rows()) == {"IWM": 0.0, "QQQ": pytest.approx(6e6), "SPY": pytest.approx(6e6)}


def test_a_ticker_without_a_weekly_row_is_pre_otc_without_coverage(made_week: Graph):
    iwm = of_day(made_week)["IWM"]
    assert (iwm["data_quality"], iwm["has_otc"], iwm["otc_status"]) == ("PRE_OTC", False, OtcStatus.NO_COVERAGE.value)
    assert [iwm[name] for name in OTC_FIELDS] == [None] * len(OTC_FIELDS)


def test_the_metadata_shows_quality_rows_and_a_preview(made_week: Graph):
    metadata = made_week.metadata(TABLE, FRIDAY)
    assert metadata["summary"] == "2 OTC_ANCHORED, 1 PRE_OTC"
    assert (metadata["dagster/partition_row_count"], metadata["provenance changed"]) == (3, 0)
    assert {"SPY", "QQQ", "IWM"} == {row["symbol"] for row in metadata["preview"]}


def test_the_ui_shows_every_declared_column(column_schema, declared):
    assert column_schema(daily_metrics) == declared(TABLE)


@pytest.mark.parametrize(
    ("source", "flag", "fields"),
    [
        ("finra_short_sale_dir", "has_short", SHORT_FIELDS),
        ("polygon_daily_agg_dir", "has_price", PRICE_FIELDS),
        ("polygon_trades_dir", "has_lit", LIT_FIELDS),
        ("finra_otc_dir", "has_otc", OTC_FIELDS),
    ],
)
def test_a_feed_that_is_not_configured_leaves_its_fields_null_and_its_flag_false(graph: Graph, source, flag, fields):
    changes: dict[str, Any] = {source: None, "partitions_start": str(THURSDAY)}
    assert graph.materialise(EVERYTHING, FRIDAY, **changes).success
    others = {"has_short", "has_price", "has_lit", "has_otc"} - {flag}
    for row in of_day(graph).values():
        assert [row[name] for name in fields] == [None] * len(fields)
        assert row[flag] is False
        assert all(row[name] for name in others - {"has_otc"})


@pytest.mark.parametrize(("folder", "flag"), [("short", "has_short"), ("aggs", "has_price"), ("trades", "has_lit")])
def test_a_day_that_is_not_published_yet_goes_on_without_it(graph: Graph, folder: str, flag: str):
    for path in (graph.feeds.folder / folder).glob("*1212*" if folder == "short" else "*12-12*"):
        path.unlink()
    assert graph.materialise(EVERYTHING, FRIDAY, partitions_start=str(THURSDAY)).success
    assert {row[flag] for row in of_day(graph).values()} == {False}


def test_without_any_feed_every_ticker_keeps_its_row(graph: Graph):
    sources = ("finra_short_sale_dir", "finra_otc_dir", "polygon_trades_dir", "polygon_quotes_dir", "polygon_daily_agg_dir")
    nothing: dict[str, Any] = dict.fromkeys(sources)
    assert graph.materialise(EVERYTHING, FRIDAY, **nothing).success
    rows = of_day(graph)
    assert set(rows) == set(TICKERS)
    assert {row["data_quality"] for row in rows.values()} == {"PRE_OTC"}
    assert not any(row[flag] for row in rows.values() for flag in ("has_otc", "has_short", "has_lit", "has_price"))
    assert {row["pressure_context_label"] for row in rows.values()} == {"NEUTRAL"}


def test_a_row_that_becomes_anchored_leaves_an_event(again: Graph):
    assert again.materialise(DERIVED, FRIDAY, as_of="2025-12-15").success
    assert of_day(again)["SPY"]["data_quality"] == "PRE_OTC"
    before = again.rows("provenance_events")
    assert again.materialise(DERIVED, FRIDAY, as_of=str(PUBLISHED)).success
    assert of_day(again)["SPY"]["data_quality"] == "OTC_ANCHORED"
    events = again.rows("provenance_events").join(before, on=["symbol", "at"], how="anti").drop("at", "inference_version")
    change = (FRIDAY, "PRE_OTC", "OTC_ANCHORED", MONDAY, PUBLISHED)
    assert events.sort("symbol").rows() == [("QQQ", *change), ("SPY", *change)]


def test_an_unchanged_quality_leaves_no_event(again: Graph):
    assert again.materialise(DERIVED, FRIDAY).success
    assert again.rows("provenance_events").is_empty()


def test_the_week_is_not_known_the_day_before_its_publication(again: Graph):
    assert again.materialise(DERIVED, FRIDAY, as_of="2025-12-28").success
    spy = of_day(again)["SPY"]
    assert (spy["data_quality"], spy["otc_week_used"], spy["otc_alloc_volume"]) == ("PRE_OTC", dt.date(2025, 12, 1), None)
    assert spy["as_of"] == dt.date(2025, 12, 28)


def test_two_inference_versions_live_side_by_side(again: Graph):
    assert again.materialise(DERIVED, FRIDAY, inference_version="B").success
    versions = again.rows(TABLE).filter(pl.col("date") == FRIDAY).group_by("inference_version").len()
    assert dict(versions.iter_rows()) == {"PhaseA_v1": 3, "B": 3}


@pytest.mark.parametrize(
    ("folder", "name", "asset"),
    [
        ("short", "CNMSshvol20251212.txt", finra_short_daily_raw),
        ("aggs", "2025-12-12.csv", polygon_daily_agg_raw),
        ("trades", "2025-12-12.csv", polygon_equity_trades_raw),
    ],
)
def test_after_a_failed_reading_the_asset_alone_is_refused_and_nothing_is_lost(again: Graph, folder, name, asset):
    before = again.rows(TABLE)
    (again.feeds.folder / folder / name).write_text("nonsense\n1\n")
    assert not again.materialise(asset, FRIDAY).success
    result = again.materialise(daily_metrics, FRIDAY)
    assert not result.success
    assert asset.key.to_user_string() in error_of(result)
    assert "Materialise it again" not in error_of(result)
    assert again.rows(TABLE).equals(before)


def test_after_a_failed_derivation_of_the_direction_the_asset_alone_is_refused(again: Graph):
    again.feeds.trades_file(FRIDAY).write_text("nonsense\n1\n")
    assert not again.materialise(polygon_equity_trades_raw, FRIDAY).success
    assert not again.materialise(lit_direction_daily, FRIDAY).success
    result = again.materialise(daily_metrics, FRIDAY)
    assert not result.success
    assert "polygon_equity_trades_raw" in error_of(result)


def test_the_derivation_ledger_keeps_tickers_and_settings(made_week: Graph):
    entry = made_week.rows("derivation_ledger").filter(pl.col("asset") == TABLE, pl.col("date") == FRIDAY).row(0, named=True)
    assert (entry["tickers"], entry["status"], entry["stored_rows"]) == ('["SPY", "QQQ", "IWM"]', "STORED", 3)
    assert '"short_z_window": 3' in entry["settings"]
