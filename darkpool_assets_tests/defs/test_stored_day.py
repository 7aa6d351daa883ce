"""The gate on a stored day: open on a sound one, closed by each single broken rule, by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from darkpool_assets.analytics.phase_c_gate import GateClosed, GateVerdict
from darkpool_assets.analytics.stored_day import RuleVerdict
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.resources import build_resources
from darkpool_assets.vocabulary import RuleState
from darkpool_assets_tests.conftest import MadeMarket
from darkpool_assets_tests.hand_made_feeds import FRIDAY
from darkpool_assets_tests.hand_made_graph import Graph, kept_open

LEFT_OUT = '[{"symbol": "THIN", "fault": "aggs.csv: line 9", "week": null, "is_whole": true}]'
METRICS = "update daily_metrics set"
ANCHORED_DAY = "where date = '2025-12-11' and symbol"
CORRUPTIONS = [
    (1, f"{METRICS} data_quality = 'PRE_OTC' {ANCHORED_DAY} = 'SPY'"),
    (1, f"{METRICS} otc_week_used = '2025-12-01' {ANCHORED_DAY} = 'SPY'"),
    (1, f"{METRICS} otc_status = 'OVERDUE' {ANCHORED_DAY} = 'SPY'"),
    (1, f"{METRICS} data_quality = 'OTC' {ANCHORED_DAY} = 'XLF'"),
    (2, f"{METRICS} otc_off_exchange_volume = 5 {ANCHORED_DAY} = 'XLF'"),
    (2, f"{METRICS} has_otc = false {ANCHORED_DAY} = 'SPY'"),
    (3, f"{METRICS} otc_alloc_volume = otc_alloc_volume * 1.00001 {ANCHORED_DAY} = 'QQQ'"),
    (3, f"{METRICS} otc_alloc_volume = 100 {ANCHORED_DAY} = 'XLF'"),
    (3, f"{METRICS} otc_buy_volume = otc_buy_volume + 1000 {ANCHORED_DAY} = 'QQQ'"),
    (3, f"{METRICS} otc_alloc_basis = 'EQUAL' {ANCHORED_DAY} = 'QQQ'"),
    (3, f"{METRICS} otc_participation_rate = otc_participation_rate * 2 {ANCHORED_DAY} = 'QQQ'"),
    (3, "update finra_otc_weekly_raw set off_exchange_volume = off_exchange_volume * 2 where symbol = 'IWM'"),
    (4, f"{METRICS} otc_published_date = '2026-02-01' {ANCHORED_DAY} = 'AAPL'"),
    (4, "delete from finra_otc_weekly_raw where symbol = 'AAPL' and week_start_date = '2025-12-08'"),
    (5, f"{METRICS} log_buy_sell = 0.7 {ANCHORED_DAY} = 'SPY'"),
    (5, f"{METRICS} lit_buy_ratio = null {ANCHORED_DAY} = 'SPY'"),
    (5, "update lit_direction_daily set lit_sell_volume = 0 where date = '2025-12-11' and symbol = 'SPY'"),
    (6, f"{METRICS} short_ratio_denominator_type = 'POLYGON_TOTAL' {ANCHORED_DAY} = 'SPY'"),
    (6, f"{METRICS} short_ratio_denominator_value = null {ANCHORED_DAY} = 'SPY'"),
    (6, f"{METRICS} has_short = false {ANCHORED_DAY} = 'SPY'"),
    (6, f"{METRICS} short_ratio = short_ratio / 2 {ANCHORED_DAY} = 'SPY'"),
    (7, "update lit_direction_daily set lit_total_volume = lit_total_volume + off_exchange_print_volume where symbol = 'SPY'"),
    (7, "update polygon_equity_trades_raw set exchange = 4 where symbol = 'MSFT' and exchange <> 4"),
    (7, "update polygon_equity_trades_raw set correction = 1 where symbol = 'MSFT' and correction is distinct from 1"),
    (7, "update polygon_equity_trades_raw set timestamp = timestamp - interval 8 hour where symbol = 'MSFT'"),
    (8, f"delete from daily_metrics {ANCHORED_DAY} = 'NVDA'"),
    (8, f"insert into daily_metrics select * from daily_metrics {ANCHORED_DAY} = 'NVDA'"),
    (8, "delete from lit_direction_daily where symbol = 'NVDA'"),
    (8, "insert into polygon_equity_trades_raw select * from polygon_equity_trades_raw where trade_date = '2025-12-11' limit 3"),
    (9, "delete from finra_short_daily_raw where trade_date = '2025-12-11' and symbol = 'AAPL' and source = 'CNMS'"),
    (9, "update ingest_ledger set expected_rows = expected_rows + 1 where feed = 'finra_short_daily_raw'"),
    (10, f"{METRICS} as_of = '2026-03-01' {ANCHORED_DAY} = 'SPY'"),
]
DAY_OF_CORRUPTION = 1


def verdict_of(verdict: GateVerdict, number: int) -> RuleVerdict:
    """The verdict of the first rule of a number."""
    return next(one for one in verdict.verdicts if one.rule.number == number)


@pytest.fixture(scope="module", autouse=True)
def _kept_open(made_market: MadeMarket) -> Iterator[None]:
    with kept_open(made_market.settings.duckdb_path.parent):
        yield


def test_a_sound_day_opens_the_gate(made_market: MadeMarket) -> None:
    verdict = judge_day(made_market.warehouse, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert verdict.is_open, [one.explanation for one in verdict.broken]


@pytest.mark.parametrize(("rule", "corruption"), CORRUPTIONS, ids=[f"rule {n}: {sql[:90]}" for n, sql in CORRUPTIONS])
def test_a_corrupted_row_closes_the_gate_by_its_rule(made_market: MadeMarket, rule: int, corruption: str) -> None:
    with made_market.after(corruption) as broken:
        verdict = judge_day(broken, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert rule in {one.rule.number for one in verdict.broken}, [(one.rule.number, one.explanation) for one in verdict.broken]


LEAST = """update derivation_ledger set settings = json_merge_patch(settings, json_object('min_lit_volume', (
    select lit_buy_volume + lit_sell_volume + {} from daily_metrics where date = '2025-12-11' and symbol = 'SPY'
))) where asset = 'lit_direction_daily'"""


@pytest.mark.parametrize(("more", "is_found"), [(0, False), (1, True)], ids=["at MIN_LIT_VOLUME", "below it"])
def test_a_ratio_on_less_than_min_lit_volume_closes_the_gate(made_market: MadeMarket, more: int, *, is_found: bool):
    with made_market.after(LEAST.format(more)) as changed:
        verdict = judge_day(changed, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert ("SPY" in {finding.who for finding in verdict_of(verdict, 5).findings}) == is_found


def test_no_ratio_on_min_lit_volume_or_more_closes_the_gate(made_market: MadeMarket):
    absent = f"{METRICS} lit_buy_ratio = null {ANCHORED_DAY} = 'SPY'"
    with made_market.after(LEAST.format(0), absent) as changed:
        verdict = judge_day(changed, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert "SPY" in {finding.who for finding in verdict_of(verdict, 5).findings}


def test_a_closed_gate_names_the_rule_the_symbol_and_the_remedy(made_market: MadeMarket) -> None:
    with made_market.after(f"{METRICS} data_quality = 'PRE_OTC' {ANCHORED_DAY} = 'SPY'") as broken:
        verdict = judge_day(broken, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    with pytest.raises(GateClosed, match=r"data_quality_follows_the_published_week: .*SPY: PRE_OTC.*Materialise daily_metrics"):
        verdict.require_open()


def test_a_day_that_was_never_derived_is_refused(made_market: MadeMarket) -> None:
    day = made_market.market.cheap_sessions[0]
    verdict = judge_day(made_market.warehouse, day, settings=made_market.settings)
    assert [one.rule.name for one in verdict.broken] == ["every_configured_ticker_has_its_row"]


def test_a_pre_otc_day_opens_the_gate(made_market: MadeMarket, tmp_path: Path) -> None:
    earlier = made_market.copied_to(tmp_path)
    settings = earlier.settings.model_copy(update={"as_of": "2025-12-12"})
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [daily_metrics], instance=instance, partition_key=str(earlier.days[-1]), resources=build_resources(settings)
        )
    rows = earlier.warehouse.read_day("daily_metrics", earlier.days[-1])
    assert set(rows["data_quality"]) == {"PRE_OTC"}
    assert judge_day(earlier.warehouse, earlier.days[-1], settings=settings).is_open


def test_pruned_raw_trades_leave_the_gate_open_on_the_ledger(made_market: MadeMarket) -> None:
    with made_market.after("delete from polygon_equity_trades_raw") as pruned:
        assert judge_day(pruned, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings).is_open


PRUNED = """
    insert into ingest_ledger by name
    select feed, partition_date, 'retention' as source, 'PRUNED' as status, cast("at" + interval 1 second as timestamp) as "at", (
        select json_group_object(polygon_symbol, json_object(
            'lit', lit_total_volume, 'off_exchange', off_exchange_print_volume,
            'excluded', excluded_volume, 'lit_trades', trade_count
        )) from (
            select *, replace(symbol, '-', '.') as polygon_symbol from lit_direction_daily
            where date = partition_date and trade_count is not null
        )
    ) as pruned_prints
    from ingest_ledger where feed = 'polygon_equity_trades_raw' and status = 'STORED'
"""
GONE = "delete from polygon_equity_trades_raw"
OF_SPY = "where symbol = 'SPY' and date = '2025-12-11'"
READ_AGAIN = """
    insert into ingest_ledger by name
    select * replace ('UNCHANGED' as status, cast("at" + interval 2 second as timestamp) as "at")
    from ingest_ledger where feed = 'polygon_equity_trades_raw' and status = 'STORED'
"""


def test_what_pruning_kept_stands_for_the_prints(made_market: MadeMarket):
    with made_market.after(PRUNED, GONE) as pruned:
        assert judge_day(pruned, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings).is_open


@pytest.mark.parametrize("column", ["lit_total_volume", "off_exchange_print_volume", "excluded_volume", "trade_count"])
def test_what_pruning_kept_closes_the_gate_on_a_changed_count(made_market: MadeMarket, column: str):
    with made_market.after(PRUNED, GONE, f"update lit_direction_daily set {column} = {column} + 1000 {OF_SPY}") as pruned:
        verdict = judge_day(pruned, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert "SPY" in {finding.who for finding in verdict_of(verdict, 7).findings}


def test_what_pruning_kept_is_nothing_against_a_later_reading(made_market: MadeMarket):
    off_exchange = f"update lit_direction_daily set off_exchange_print_volume = off_exchange_print_volume + 1000 {OF_SPY}"
    with made_market.after(PRUNED, READ_AGAIN, GONE, off_exchange) as read_again:
        verdict = judge_day(read_again, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert verdict_of(verdict, 7).passed


def test_a_lit_volume_that_the_ledger_does_not_know_closes_the_gate_after_pruning(made_market: MadeMarket) -> None:
    larger = "update lit_direction_daily set lit_total_volume = lit_total_volume * 1.1 where symbol = 'SPY'"
    with made_market.after("delete from polygon_equity_trades_raw", larger) as pruned:
        verdict = judge_day(pruned, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert 7 in {one.rule.number for one in verdict.broken}


WARNINGS = [
    (
        16,
        "update ingest_ledger set unidentified_rows = 7 where feed = 'polygon_equity_trades_raw'",
        "7 prints have neither an id",
    ),
    (16, f"update ingest_ledger set left_out = '{LEFT_OUT}' where feed = 'polygon_daily_agg_raw'", "THIN: aggs.csv: line 9"),
    (16, f"update ingest_ledger set left_out = '{LEFT_OUT}' where source like 'CNMS%'", "finra_short_daily_raw THIN"),
    (
        19,
        "update finra_otc_weekly_raw set last_update_date = '2026-01-06' where symbol = 'SPY'",
        "SPY: week 2025-12-08 was restated",
    ),
]


@pytest.mark.parametrize(("rule", "change", "words"), WARNINGS)
def test_what_a_reader_should_know_is_a_warning_and_closes_no_gate(made_market: MadeMarket, rule: int, change: str, words: str):
    with made_market.after(change) as changed:
        verdict = judge_day(changed, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert verdict.is_open
    assert words in verdict_of(verdict, rule).explanation


def test_a_restatement_up_to_as_of_is_no_warning(made_market: MadeMarket):
    with made_market.after("update finra_otc_weekly_raw set last_update_date = '2026-01-05' where symbol = 'SPY'") as changed:
        verdict = judge_day(changed, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert verdict_of(verdict, 19).state is RuleState.HOLDS


NO_FEEDS: dict[str, Any] = {f"polygon_{kind}_dir": None for kind in ("trades", "quotes", "daily_agg")} | {
    "finra_otc_dir": None,
    "finra_short_sale_dir": None,
    "index_constituents_dir": Path("data/constituents"),
}


def test_a_rule_without_a_row_to_judge_says_so_and_closes_no_gate(graph: Graph):
    assert graph.run([FRIDAY], **NO_FEEDS).failures == []
    verdict = judge_day(graph.warehouse, FRIDAY, settings=graph.settings(**NO_FEEDS))
    idle = {one.rule.number for one in verdict.verdicts if one.state is RuleState.NOTHING_TO_JUDGE}
    assert {4, 5, 6, 7, 9, 11, 12, 13, 14, 17, 19} <= idle
    assert {1, 10} & idle == set()
    assert verdict.is_open
    assert verdict_of(verdict, 7).explanation == "nothing to judge"


def test_every_rule_of_a_full_day_has_something_to_judge(made_market: MadeMarket):
    verdict = judge_day(made_market.warehouse, made_market.days[DAY_OF_CORRUPTION], settings=made_market.settings)
    assert {one.rule.name for one in verdict.verdicts if not one.judged} == set()


def test_the_ui_says_that_a_rule_had_nothing_to_judge(graph: Graph):
    graph.run([FRIDAY], **NO_FEEDS)
    newest = graph.verdicts("finra_short_daily_raw", "finra_files_are_whole_and_of_their_day", FRIDAY)[0]
    assert newest.event is not None
    assert newest.evaluation is not None
    assert newest.evaluation.metadata["verdict"].value == "nothing to judge"
