"""Every rule's verdict of every day, kept by partition, whether one day or a range was run."""

import dagster as dg
import pytest

from darkpool_assets.analytics.phase_c_gate import RULES
from darkpool_assets.analytics.stored_day import Rule
from darkpool_assets.defs.checks.day_verdicts import day_verdicts
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.index_constituent_short_agg_daily import index_constituent_short_agg_daily
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.vocabulary import FACILITY_FAMILIES, Severity
from darkpool_assets_tests.hand_made_feeds import FRIDAY, TUESDAY, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph

BROKEN = "data_quality_follows_the_published_week"


def tamper(graph: Graph) -> None:
    """Make Wednesday's SPY row claim the wrong provenance."""
    with graph.warehouse._connect() as connection:
        connection.execute("update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '2025-12-10'")


def test_every_rule_of_the_gate_is_a_check():
    assert {spec.name for spec in day_verdicts.check_specs} == {rule.name for rule in RULES}
    assert all(spec.partitions_def is not None and not spec.blocking for spec in day_verdicts.check_specs)


def test_the_contracts_fifteen_rules_carry_its_severities():
    severities = {number: {rule.severity for rule in RULES if rule.number == number} for number in range(1, 16)}
    assert {number for number, found in severities.items() if Severity.ERROR in found} == set(range(1, 11))
    assert all(severities[number] == {Severity.WARN} for number in range(11, 16))


def test_every_check_describes_itself_with_its_rule_and_remedy():
    descriptions = {spec.name: spec.description or "" for spec in day_verdicts.check_specs}
    assert all(f"Rule {rule.number} (" in descriptions[rule.name] for rule in RULES)
    assert all(descriptions[rule.name].endswith(rule.remedy) for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_range_run_leaves_a_verdict_per_day(made_week: Graph, rule: Rule):
    for day in WEEK:
        assert len(made_week.verdicts(rule.asset, rule.name, day)) == 1, day


def test_a_range_runs_verdicts_are_the_gates(made_week: Graph):
    for verdict in judge_day(made_week.warehouse, WEDNESDAY, settings=made_week.settings()).verdicts:
        record = made_week.verdicts(verdict.rule.asset, verdict.rule.name, WEDNESDAY)[0]
        assert (record.status.value == "SUCCEEDED") == verdict.passed, verdict.rule.name


def test_a_single_days_verdicts_are_stored_with_its_partition(graph: Graph):
    graph.run([FRIDAY], ["finra_otc_weekly_raw"])
    rule = next(rule for rule in RULES if rule.asset == "finra_otc_weekly_raw")
    assert len(graph.verdicts(rule.asset, rule.name, FRIDAY)) == 1
    assert graph.verdicts(rule.asset, rule.name, TUESDAY) == []


def test_of_a_range_only_the_broken_day_fails_and_says_who_and_what_to_do(again: Graph):
    tamper(again)
    result = again.judge([TUESDAY, WEDNESDAY], checks=[dg.AssetCheckKey(daily_metrics.key, BROKEN)])
    assert result.success
    good, bad = (again.verdicts("daily_metrics", BROKEN, day)[0] for day in (TUESDAY, WEDNESDAY))
    assert (good.status.value, bad.status.value) == ("SUCCEEDED", "FAILED")
    assert bad.event is not None
    assert bad.event.dagster_event is not None
    metadata = bad.event.dagster_event.asset_check_evaluation_data.metadata
    assert isinstance(metadata["who"], dg.TableMetadataValue)
    assert {record.data["who"] for record in metadata["who"].records} == {"SPY"}
    assert "Materialise daily_metrics" in str(metadata["remedy"].value)


def test_a_check_of_one_day_alone_says_what_is_stored_now(again: Graph):
    tamper(again)
    result = again.judge([WEDNESDAY], checks=[dg.AssetCheckKey(daily_metrics.key, BROKEN)])
    assert result.success
    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [False]


def test_a_warning_never_closes_the_gate(again: Graph):
    for family in FACILITY_FAMILIES:
        again.feeds.write_short(FRIDAY, family=family)
    assert again.materialise([finra_short_daily_raw, daily_metrics, index_constituent_short_agg_daily], FRIDAY).success
    verdict = judge_day(again.warehouse, FRIDAY, settings=again.settings())
    assert 12 in {one.rule.number for one in verdict.verdicts if not one.passed}
    assert verdict.is_open
