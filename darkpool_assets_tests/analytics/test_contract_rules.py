"""Rules 8 and 10 on a day written by hand: keys, required columns, configured tickers, stamps and claims."""

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from darkpool_assets.analytics.contract_rules import (
    COMPOSITE_REMEDY,
    COMPOSITE_RULES,
    CONTRACT_RULES,
    CompositeRule,
    composites_beside_metrics,
    contract_findings,
    every_configured_ticker_has_its_row,
    rows_carry_version_and_as_of_and_claim_no_observed_direction,
)
from darkpool_assets.analytics.stored_day import Rule, StoredDay
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import RuleState, Severity
from darkpool_assets_tests.analytics.stored_days import (
    AS_OF,
    DAY,
    EARLIER_PUBLISHED,
    SOUND,
    TICKERS,
    TRADES_FEED,
    frame,
    named,
    put,
)

ROWS = {
    "daily_metrics": "metrics", "lit_direction_daily": "lit", "index_constituent_short_agg_daily": "index",
    "polygon_equity_trades_raw": "trades", "finra_short_daily_raw": "short_rows", "polygon_daily_agg_raw": "aggs",
    "finra_otc_weekly_raw": "otc_week",
}  # fmt: skip
STAMPED = ["lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily"]
COMPOSITES = frame("composite_signal", [
    {"symbol": row["symbol"], "data_quality": row["data_quality"]} for row in SOUND.metrics.iter_rows(named=True)
], date=DAY, inference_version="v1", as_of=AS_OF, final_label="NEUTRAL", label_reasons="none")  # fmt: skip


def rule_of(table: str) -> Rule:
    """Rule 8 for a table."""
    return next(rule for rule in CONTRACT_RULES if rule.name == f"{table}_keys_are_unique_and_required_columns_filled")


def with_rows(table: str, rows: pl.DataFrame) -> StoredDay:
    """The day with other rows of a table."""
    return replace(SOUND, **{ROWS[table]: rows})


def rows_of(table: str) -> pl.DataFrame:
    return getattr(SOUND, ROWS[table])


def unlike_derived(asset: str, **values: Any) -> StoredDay:
    """The day with another entry of an asset in the derivation ledger."""
    return replace(SOUND, derivations=put(SOUND.derivations, asset, "asset", **values))


@pytest.mark.parametrize("table", ROWS)
def test_rule_8_finds_nothing_in_a_sound_table(table: str):
    assert rule_of(table).judge(SOUND).state is RuleState.HOLDS


@pytest.mark.parametrize("table", ROWS)
def test_rule_8_finds_a_repeated_key(table: str):
    repeated = with_rows(table, pl.concat([rows_of(table), rows_of(table).head(1)]))
    assert rule_of(table).judge(repeated).state is RuleState.BROKEN


@pytest.mark.parametrize("table", ROWS)
def test_rule_8_finds_every_empty_required_column(table: str):
    emptied = rows_of(table).with_columns(pl.lit(None, TABLES[table].schema[name]).alias(name) for name in _unkeyed(table))
    found = {finding.who for finding in contract_findings(TABLES[table], emptied)}
    assert found == set(_unkeyed(table))


@pytest.mark.parametrize("table", ROWS)
def test_rule_8_has_nothing_to_judge_in_an_empty_table(table: str):
    assert rule_of(table).judge(with_rows(table, rows_of(table).clear())).state is RuleState.NOTHING_TO_JUDGE


def _unkeyed(table: str) -> list[str]:
    return [name for name in TABLES[table].required_columns if name not in TABLES[table].key]


def test_a_repeated_key_is_named_by_its_columns():
    twice = pl.concat([SOUND.metrics, SOUND.metrics.filter(pl.col("symbol") == "SPY")])
    assert [finding.who for finding in contract_findings(TABLES["daily_metrics"], twice)] == ["2025-12-10/SPY/v1"]


def test_two_inference_versions_of_a_ticker_are_two_keys():
    versions = pl.concat([SOUND.metrics, SOUND.metrics.with_columns(inference_version=pl.lit("v2"))])
    assert contract_findings(TABLES["daily_metrics"], versions) == []


def test_a_print_that_is_stored_twice_names_its_symbol():
    twice = pl.concat([SOUND.trades, SOUND.trades.filter(pl.col("symbol") == "BRK.B").head(1)])
    assert [finding.who for finding in contract_findings(TABLES[TRADES_FEED], twice)] == ["BRK.B"]


def test_equal_prints_that_nothing_identifies_are_two_trades():
    nameless = SOUND.trades.with_columns(id=pl.lit(None, pl.String), sequence_number=pl.lit(None, pl.Int64))
    assert contract_findings(TABLES[TRADES_FEED], pl.concat([nameless, nameless])) == []


@pytest.mark.parametrize(("table", "attribute"), [("lit_direction_daily", "lit"), ("daily_metrics", "metrics")])
def test_rule_8_finds_a_configured_ticker_without_its_row(table: str, attribute: str):
    fewer = replace(SOUND, **{attribute: rows_of(table).filter(pl.col("symbol") != "XLF")})
    assert named(every_configured_ticker_has_its_row, fewer) == {"XLF"}


@pytest.mark.parametrize("asset", ["lit_direction_daily", "daily_metrics"])
def test_rule_8_finds_a_row_of_a_ticker_that_was_not_configured(asset: str):
    stored = unlike_derived(asset, tickers=json.dumps(TICKERS[:-1]))
    assert named(every_configured_ticker_has_its_row, stored) == {"NEW"}


def test_rule_8_names_the_day_that_was_never_derived():
    empty = replace(SOUND, derivations=SOUND.derivations.clear(), lit=SOUND.lit.clear(), metrics=SOUND.metrics.clear())
    assert named(every_configured_ticker_has_its_row, empty) == {"2025-12-10"}


def test_rule_8_finds_every_ticker_with_its_row_in_a_sound_day():
    assert named(every_configured_ticker_has_its_row, SOUND) == set()


def test_rule_10_finds_nothing_in_a_sound_day():
    assert named(rows_carry_version_and_as_of_and_claim_no_observed_direction, SOUND) == set()


@pytest.mark.parametrize("table", STAMPED)
def test_rule_10_finds_a_row_without_its_version(table: str):
    stored = with_rows(table, rows_of(table).with_columns(inference_version=pl.lit(None, pl.String)))
    assert named(rows_carry_version_and_as_of_and_claim_no_observed_direction, stored) == {table}


@pytest.mark.parametrize("table", ["daily_metrics", "index_constituent_short_agg_daily"])
@pytest.mark.parametrize("as_of", [None, EARLIER_PUBLISHED], ids=["none", "another than the derivation's"])
def test_rule_10_finds_a_row_with_another_as_of_or_none(table: str, as_of: Any):
    stored = with_rows(table, rows_of(table).with_columns(as_of=pl.lit(as_of, pl.Date)))
    assert named(rows_carry_version_and_as_of_and_claim_no_observed_direction, stored) == {table}


def test_rule_10_takes_any_as_of_where_no_derivation_says_one():
    stored = replace(SOUND, derivations=SOUND.derivations.clear())
    assert named(rows_carry_version_and_as_of_and_claim_no_observed_direction, stored) == set()


@pytest.mark.parametrize("table", STAMPED)
@pytest.mark.parametrize("column", ["observed_buy_volume", "actual_direction", "true_side", "side_is_true", "dark_buyer_volume"])
def test_rule_10_finds_a_column_that_claims_observed_direction(table: str, column: str):
    stored = with_rows(table, rows_of(table).with_columns(pl.lit(0.0).alias(column)))
    assert named(rows_carry_version_and_as_of_and_claim_no_observed_direction, stored) == {table}


def test_composites_of_the_days_metrics_are_sound():
    assert [rule.about(COMPOSITES).judge(SOUND).state for rule in COMPOSITE_RULES] == [RuleState.HOLDS, RuleState.HOLDS]


@pytest.mark.parametrize("composite_rule", COMPOSITE_RULES, ids=lambda rule: rule.name)
def test_a_rule_about_composites_is_an_error_rule_8_with_its_remedy(composite_rule: CompositeRule):
    rule = composite_rule.about(COMPOSITES)
    assert (rule.number, rule.name, rule.asset, rule.severity) == (8, composite_rule.name, "composite_signal", Severity.ERROR)
    assert rule.remedy == COMPOSITE_REMEDY


def test_a_repeated_composite_is_found():
    keys = COMPOSITE_RULES[0].about(pl.concat([COMPOSITES, COMPOSITES.head(1)]))
    assert [finding.who for finding in keys.judge(SOUND).findings] == ["2025-12-10/SPY/v1"]


@pytest.mark.parametrize(
    ("composites", "found"),
    [
        (COMPOSITES.filter(pl.col("symbol") != "SPY"), ["SPY"]),
        (pl.concat([COMPOSITES, put(COMPOSITES.head(1), "SPY", symbol="QQQ")]), ["QQQ"]),
        (put(COMPOSITES, "SPY", data_quality="PRE_OTC"), ["SPY"]),
        (put(COMPOSITES, "SPY", as_of=EARLIER_PUBLISHED), ["SPY"]),
        (COMPOSITES.clear(), ["BRK/B", "NEW", "SPY", "XLF"]),
    ],
    ids=["one too few", "one too many", "another quality", "another as_of", "none"],
)
def test_composites_that_are_not_the_metrics_are_found(composites: pl.DataFrame, found: list[str]):
    assert [finding.who for finding in composites_beside_metrics(composites, SOUND.metrics)] == found


def test_without_composites_and_metrics_their_rule_has_nothing_to_judge():
    empty = replace(SOUND, metrics=SOUND.metrics.clear())
    assert COMPOSITE_RULES[1].about(COMPOSITES.clear()).judge(empty).state is RuleState.NOTHING_TO_JUDGE
