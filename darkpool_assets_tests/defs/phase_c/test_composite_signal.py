"""composite_signal through Dagster: the gate comes first, every row has its label and reasons, a refusal loses nothing."""

import datetime as dt

import polars as pl
import pytest

from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.phase_c.composite_signal import composite_signal
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.vocabulary import DISCLAIMER, FinalLabel
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY, TICKERS, TUESDAY, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, error_of

TABLE = "composite_signal"
CLOSED_BY = "data_quality_follows_the_published_week"
OF_METRICS = ["lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", TABLE]


def of_day(graph: Graph, day: dt.date = FRIDAY, **row: object) -> dict[str, dict[str, object]]:
    """Symbol -> its composite of the day."""
    rows = graph.rows(TABLE).filter(pl.col("date") == day)
    return {found["symbol"]: found for found in (rows.filter(**row) if row else rows).iter_rows(named=True)}


def close_gate(graph: Graph, day: dt.date = FRIDAY) -> None:
    """Make the day's SPY row claim the wrong provenance."""
    change(graph, f"update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '{day}'")


def change(graph: Graph, sql: str) -> None:
    with graph.warehouse._connect() as connection:
        connection.execute(sql)


# A day that passes


def test_every_row_of_daily_metrics_has_its_composite(made_week: Graph):
    key = ["date", "symbol", "inference_version", "data_quality", "as_of"]
    assert made_week.rows(TABLE).select(key).equals(made_week.rows("daily_metrics").select(key))


def test_every_row_has_a_label_and_reasons_that_name_the_sign(made_week: Graph):
    rows = made_week.rows(TABLE)
    assert set(rows["final_label"]) <= set(FinalLabel)
    assert rows["label_reasons"].str.contains("PRESSURE_SIGN=-1 reads high short volume as selling pressure", literal=True).all()


def test_the_windows_are_counted_in_stored_sessions(made_week: Graph):
    # Trades are stored from Monday on, short files from the Wednesday before.
    periods = {day: of_day(made_week, day)["SPY"] for day in WEEK}
    assert [row["lit_z_periods"] for row in periods.values()] == [0, 1, 2, 3, 3]
    assert [row["short_z_periods"] for row in periods.values()] == [3, 3, 3, 3, 3]


def test_a_day_without_direction_is_insufficient_and_says_so(made_week: Graph):
    monday = of_day(made_week, MONDAY)["SPY"]
    assert (monday["directional_score"], monday["c_lit"], monday["final_label"]) == (None, 0.0, "INSUFFICIENT")
    assert "Lit direction is missing (0 comparable sessions before, 2 needed)" in str(monday["label_reasons"])


def test_a_ticker_without_otc_coverage_has_its_composite_at_a_cost(made_week: Graph):
    rows = of_day(made_week)
    assert rows["IWM"]["confidence"] == pytest.approx(0.85)
    assert rows["SPY"]["confidence"] == pytest.approx(1.0)
    assert "PRE_OTC: no off-exchange week of the symbol is known" in str(rows["IWM"]["label_reasons"])


def test_the_metadata_shows_labels_scores_and_reasons(made_week: Graph):
    metadata = made_week.metadata(TABLE, FRIDAY)
    labels = {row["final_label"] for row in of_day(made_week).values()}
    assert all(str(label) in metadata["summary"] for label in labels)
    assert metadata["dagster/partition_row_count"] == 3
    assert {row["symbol"] for row in metadata["preview"]} == set(TICKERS)
    reasons = {row["symbol"]: row["label_reasons"] for row in metadata["reasons"]}
    assert reasons == {symbol: row["label_reasons"] for symbol, row in of_day(made_week).items()}


def test_of_a_range_only_the_newest_day_tells_its_reasons(made_week: Graph):
    assert ["reasons" in made_week.metadata(TABLE, day) for day in WEEK] == [False] * 4 + [True]


def test_the_ui_shows_every_declared_column_and_the_disclaimer(column_schema, declared):
    assert column_schema(composite_signal) == declared(TABLE)
    assert DISCLAIMER in composite_signal.descriptions_by_key[composite_signal.key]


def test_the_derivation_ledger_keeps_the_sign(made_week: Graph):
    entry = made_week.rows("derivation_ledger").filter(asset=TABLE, date=FRIDAY).row(0, named=True)
    assert (entry["status"], entry["stored_rows"], entry["as_of"]) == ("STORED", 3, dt.date(2026, 1, 5))
    assert '"pressure_sign": -1' in entry["settings"]


def test_a_pre_otc_day_is_legitimate(again: Graph):
    assert again.materialise([lit_direction_daily, daily_metrics, composite_signal], FRIDAY, as_of="2025-12-23").success
    rows = of_day(again)
    assert {row["data_quality"] for row in rows.values()} == {"PRE_OTC"}
    assert {row["participation_score"] for row in rows.values()} == {None}
    assert "FINRA has not yet published" in str(rows["SPY"]["label_reasons"])


def test_the_composite_is_known_as_of_its_metrics_and_not_of_its_own_run(again: Graph):
    assert again.materialise(composite_signal, FRIDAY, as_of="2026-03-01").success
    assert {row["as_of"] for row in of_day(again).values()} == {dt.date(2026, 1, 5)}


def test_the_other_sign_turns_the_pressure_and_is_named(again: Graph):
    before = of_day(again)
    assert again.materialise(composite_signal, FRIDAY, pressure_sign="1").success
    for symbol, row in of_day(again).items():
        assert row["pressure_score"] == -float(str(before[symbol]["pressure_score"]))
        assert "PRESSURE_SIGN=+1 reads high short volume as market makers filling buyers" in str(row["label_reasons"])


def test_another_sign_leaves_no_day_settled(made_week: Graph):
    assert made_week.stored().settled([FRIDAY], OF_METRICS)
    assert not made_week.stored(pressure_sign="1").settled([FRIDAY], OF_METRICS)


def test_windows_are_those_that_the_metrics_were_made_with(again: Graph):
    before = of_day(again)
    assert again.materialise(composite_signal, FRIDAY, short_z_window=5, lit_z_window=5).success
    assert of_day(again) == before


def test_two_inference_versions_live_side_by_side(again: Graph):
    made = [lit_direction_daily, daily_metrics, composite_signal]
    assert again.materialise(made, FRIDAY, inference_version="B").success
    versions = again.rows(TABLE).filter(pl.col("date") == FRIDAY).group_by("inference_version").len()
    assert dict(versions.iter_rows()) == {"PhaseA_v1": 3, "B": 3}


# The gate


def test_a_bad_day_is_refused_with_the_broken_rules_and_the_remedy(again: Graph):
    close_gate(again)
    result = again.materialise(composite_signal, FRIDAY)
    assert not result.success
    said = error_of(result)
    assert "The Phase C gate is closed" in said
    assert f"rule 1, {CLOSED_BY}: " in said
    assert "SPY: " in said
    assert "Materialise daily_metrics of this day again." in said


def test_a_refusal_leaves_earlier_rows_and_its_reason_in_the_ledger(again: Graph):
    before = again.rows(TABLE)
    close_gate(again)
    assert not again.materialise(composite_signal, FRIDAY).success
    assert again.rows(TABLE).equals(before)
    assert again.derivations(TABLE, FRIDAY) == ["STORED", "FAILED"]
    failed = again.rows("derivation_ledger").filter(asset=TABLE, status="FAILED")["message"].item()
    assert failed.startswith("GateClosed: ")
    assert CLOSED_BY in failed


def test_a_day_that_was_never_derived_is_refused(graph: Graph):
    result = graph.materialise(composite_signal, FRIDAY)
    assert not result.success
    assert "daily_metrics was never derived under PhaseA_v1" in error_of(result)
    assert graph.rows(TABLE).is_empty()


def test_of_a_range_only_the_refused_day_is_left_out(again: Graph):
    change(again, f"delete from {TABLE}")
    close_gate(again, WEDNESDAY)
    outcome = again.run([TUESDAY, WEDNESDAY, THURSDAY], [TABLE])
    assert outcome.made == [TUESDAY, THURSDAY]
    assert again.made(TABLE) == {str(TUESDAY), str(THURSDAY)}
    assert set(again.rows(TABLE)["date"]) == {TUESDAY, THURSDAY}
    assert len(outcome.failures) == 1
    assert outcome.failures[0].startswith(f"{WEDNESDAY} {TABLE}: GateClosed")


def test_the_gates_verdicts_are_told_also_where_it_refuses_the_composite(again: Graph):
    change(again, "update polygon_equity_trades_raw set timestamp = timestamp - interval 8 hour where symbol = 'SPY'")
    outcome = again.run([FRIDAY], OF_METRICS)
    assert "only_eligible_lit_prints_are_counted_as_lit" in outcome.failures[0]
    told = again.verdicts("lit_direction_daily", "only_eligible_lit_prints_are_counted_as_lit", FRIDAY)
    assert [record.status.value for record in told] == ["FAILED"]


def test_a_closed_gate_never_takes_the_table_away(again: Graph):
    change(again, "update polygon_equity_trades_raw set timestamp = timestamp - interval 8 hour where symbol = 'SPY'")
    again.run([FRIDAY], [*OF_METRICS, "daily_tables"])
    assert again.made("daily_tables") == {str(FRIDAY)}
    assert again.made(TABLE) == set()


def test_after_a_failed_derivation_of_the_metrics_the_asset_alone_is_refused(again: Graph):
    before = again.rows(TABLE)
    again.feeds.write_short(FRIDAY, trailer=99)
    assert not again.materialise(finra_short_daily_raw, FRIDAY).success
    assert not again.materialise(daily_metrics, FRIDAY).success
    result = again.materialise(composite_signal, FRIDAY)
    assert not result.success
    assert "finra_short_daily_raw" in error_of(result)
    assert again.rows(TABLE).equals(before)


# Its own rows


def test_a_faulty_composite_closes_no_gate_and_is_repaired_by_making_it_again(again: Graph):
    before = again.rows(TABLE)
    change(again, f"insert into {TABLE} select * from {TABLE} where date = '{FRIDAY}'")
    assert again.materialise(composite_signal, FRIDAY).success
    assert again.rows(TABLE).equals(before)
