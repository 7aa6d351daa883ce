"""Retention of raw trades: what is settled goes, with its numbers in the ledger; everything else stays, with the reason."""

import datetime as dt
import json
import random
from collections.abc import Collection
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.defs.automation.retention import RETENTION, build_retention_schedule, prune_raw_trades, retention_job
from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.phase_c.composite_signal import composite_signal
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.defs.stored_day import judge_day
from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.tables import DAILY_METRICS, DERIVATION_LEDGER, INGEST_LEDGER, LIT_DIRECTION_DAILY, TABLES
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY, TICKERS, TUESDAY, WEDNESDAY, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, error_of, without_moment
from darkpool_assets_tests.killed_writers import answer_of, prune, running, start_the_server_of_writers

TRADES, LIT, METRICS = "polygon_equity_trades_raw", "lit_direction_daily", "daily_metrics"
A_DAY = 33
KILLS = 8
LOG_BYTES = 60_000


def change(graph: Graph, sql: str) -> None:
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        connection.execute(sql)


def derived_rows(graph: Graph) -> dict[str, pl.DataFrame]:
    """Every table that retention must leave alone."""
    with graph.warehouse.connected() as held:
        return {
            name: held.read_window(name, dt.date.min, dt.date.max) for name in TABLES if name not in {TRADES, "ingest_ledger"}
        }


def pruned_row(graph: Graph, day: dt.date) -> dict:
    of_day = pl.col("partition_date") == day, pl.col("status") == "PRUNED"
    return graph.rows("ingest_ledger").filter(*of_day).row(0, named=True)


# What goes, and what stays


def test_settled_sessions_beyond_the_newest_ones_are_deleted(again: Graph):
    pruning = prune_raw_trades(again.warehouse, keep=2)
    assert pruning.pruned == dict.fromkeys([MONDAY, TUESDAY, WEDNESDAY], A_DAY)
    assert pruning.kept == {}
    assert again.warehouse.stored_days(TRADES, MONDAY, FRIDAY) == [THURSDAY, FRIDAY]


def test_a_second_pruning_finds_nothing_to_do(again: Graph):
    prune_raw_trades(again.warehouse, keep=2)
    ledger = again.rows("ingest_ledger")
    assert prune_raw_trades(again.warehouse, keep=2).pruned == {}
    assert again.rows("ingest_ledger").equals(ledger)


@pytest.mark.parametrize("keep", [5, 100])
def test_nothing_is_deleted_while_no_more_sessions_are_stored_than_are_kept(again: Graph, keep: int):
    pruning = prune_raw_trades(again.warehouse, keep=keep)
    assert (pruning.pruned, pruning.kept) == ({}, {})


@pytest.mark.parametrize("keep", [0, -1])
def test_to_keep_no_session_is_refused(again: Graph, keep: int):
    with pytest.raises(ValueError, match="RAW_TRADES_KEEP_SESSIONS"):
        prune_raw_trades(again.warehouse, keep=keep)
    assert again.rows(TRADES).height == A_DAY * len(WEEK)


def test_every_pruned_day_leaves_its_numbers_in_the_ledger(again: Graph):
    prune_raw_trades(again.warehouse, keep=4)
    row = pruned_row(again, MONDAY)
    assert (row["feed"], row["source"], row["stored_rows"]) == (TRADES, "retention", A_DAY)
    assert row["message"].startswith("33 rows deleted, older than the newest 4 stored sessions")
    counts = {"lit": 50_000.0, "off_exchange": 70_000.0, "excluded": 0.0, "lit_trades": 10}
    assert json.loads(row["pruned_prints"]) == dict.fromkeys(sorted(TICKERS), counts)


def test_pruning_never_changes_a_derived_table(again: Graph):
    before = derived_rows(again)
    for keep in (6, 5, 4, 3, 2, 1):
        prune_raw_trades(again.warehouse, keep=keep)
        after = derived_rows(again)
        assert [table for table in before if not after[table].equals(before[table])] == []
        assert again.warehouse.stored_days(TRADES, MONDAY, FRIDAY) == WEEK[-keep:]


UNSETTLED = {
    "its newest reading failed": ("update ingest_ledger set status = 'FAILED' where {trades}", "newest reading is FAILED"),
    "a ticker of it failed": (
        "update ingest_ledger set status = 'PARTIAL', failures = '{{\"SPY\": \"503\"}}' where {trades}",
        'newest reading is PARTIAL: {"SPY": "503"}',
    ),
    "it was degraded": ("update ingest_ledger set status = 'DEGRADED' where {trades}", "newest reading is DEGRADED"),
    "nobody knows its reading": ("delete from ingest_ledger where {trades}", "holds no reading of them"),
    "nothing is derived": (
        "delete from lit_direction_daily where date = '{day}'; delete from daily_metrics where date = '{day}'",
        "nothing is derived of them",
    ),
    "its metrics are missing": ("delete from daily_metrics where date = '{day}'", "daily_metrics of PhaseA_v1 has no row"),
    "it was read again since": (
        """update ingest_ledger set "at" = (select max("at") from derivation_ledger) + interval 1 second where {trades}""",
        "lit_direction_daily of PhaseA_v1 was derived before they were read",
    ),
    "its metrics are older": (
        """update derivation_ledger set "at" = '2020-01-01' where asset = 'daily_metrics' and date = '{day}'""",
        "daily_metrics of PhaseA_v1 was derived before they were read",
    ),
    "its last derivation failed": (
        "update derivation_ledger set status = 'FAILED', message = 'why' where asset = 'daily_metrics' and date = '{day}'",
        "daily_metrics of PhaseA_v1 failed: why",
    ),
    "its derivation is unknown": (
        "delete from derivation_ledger where asset = 'lit_direction_daily' and date = '{day}'",
        "lit_direction_daily of PhaseA_v1 is not in the derivation ledger",
    ),
    "its rows count something else": (
        "update lit_direction_daily set lit_total_volume = 1 where date = '{day}' and symbol = 'SPY'",
        "lit_direction_daily of PhaseA_v1 does not count them: SPY: lit 1.0",
    ),
}


@pytest.mark.parametrize("case", UNSETTLED)
def test_what_is_not_settled_is_kept_with_the_reason(again: Graph, case: str):
    sql, reason = UNSETTLED[case]
    change(again, sql.format(day=MONDAY, trades=f"feed = '{TRADES}' and partition_date = '{MONDAY}'"))
    pruning = prune_raw_trades(again.warehouse, keep=3)
    assert pruning.pruned == {TUESDAY: A_DAY}
    assert list(pruning.kept) == [MONDAY]
    assert reason in pruning.kept[MONDAY]


def test_a_version_that_is_behind_keeps_the_trades_until_it_is_derived(again: Graph):
    assert again.materialise(lit_direction_daily, MONDAY, inference_version="B", classification_rule="tick").success
    assert prune_raw_trades(again.warehouse, keep=4).kept == {MONDAY: "daily_metrics of B has no row"}
    assert again.materialise(daily_metrics, MONDAY, inference_version="B", classification_rule="tick").success
    assert prune_raw_trades(again.warehouse, keep=4).pruned == {MONDAY: A_DAY}


def test_files_that_were_read_again_unchanged_keep_nothing(again: Graph):
    assert again.materialise(polygon_equity_trades_raw, MONDAY).success
    assert again.ledger(TRADES, MONDAY) == ["STORED", "UNCHANGED"]
    assert prune_raw_trades(again.warehouse, keep=4).pruned == {MONDAY: A_DAY}


def test_a_day_of_bars_is_pruned_and_its_gate_stays_open(again: Graph):
    change(again, f"update {TRADES} set data_source = 'MINUTE_BARS' where trade_date = '{MONDAY}'")
    for table in (LIT, METRICS):
        change(again, f"update {table} set classification_method = 'BVC' where date = '{MONDAY}'")
    assert prune_raw_trades(again.warehouse, keep=4).pruned == {MONDAY: A_DAY}
    assert pruned_row(again, MONDAY)["pruned_prints"] == "{}"
    assert 7 not in {one.rule.number for one in judge_day(again.warehouse, MONDAY, settings=again.settings()).broken}


# What still holds afterwards


@pytest.fixture
def pruned(again: Graph) -> Graph:
    """The week, of which Friday alone has raw trades."""
    assert len(prune_raw_trades(again.warehouse, keep=1).pruned) == 4
    return again


def test_the_gate_of_a_pruned_day_stays_open(pruned: Graph):
    assert all(judge_day(pruned.warehouse, day, settings=pruned.settings()).is_open for day in WEEK)


def test_the_gate_stays_open_when_a_ticker_had_left_before_the_trades_were_pruned(again: Graph):
    assert again.materialise([lit_direction_daily, daily_metrics], MONDAY, tickers="SPY,QQQ").success
    change(again, f"delete from lit_direction_daily where date = '{MONDAY}' and symbol = 'IWM'")
    assert prune_raw_trades(again.warehouse, keep=4).pruned == {MONDAY: A_DAY}
    verdict = judge_day(again.warehouse, MONDAY, settings=again.settings(tickers="SPY,QQQ"))
    assert 7 not in {one.rule.number for one in verdict.broken}


@pytest.mark.parametrize("column", ["lit_total_volume", "off_exchange_print_volume", "excluded_volume", "trade_count"])
def test_a_direction_that_does_not_count_the_pruned_prints_closes_the_gate(pruned: Graph, column: str):
    change(pruned, f"update lit_direction_daily set {column} = {column} + 1000 where date = '{MONDAY}' and symbol = 'QQQ'")
    (broken,) = [one for one in judge_day(pruned.warehouse, MONDAY, settings=pruned.settings()).broken if one.rule.number == 7]
    assert {finding.who for finding in broken.findings} == {"QQQ"}


def test_a_pruned_range_is_settled_and_asks_nobody(pruned: Graph):
    ledger = pruned.rows("ingest_ledger")
    assert pruned.stored().settled(WEEK, [LIT, METRICS]) == WEEK
    assert pruned.stored().unfinished(WEEK) == []
    assert pruned.rows("ingest_ledger").equals(ledger)


def test_metrics_and_composite_of_a_pruned_day_are_derived_again_alike(pruned: Graph):
    before = derived_rows(pruned)
    assert pruned.materialise([daily_metrics, composite_signal], MONDAY).success
    after = derived_rows(pruned)
    assert [table for table in before if not after[table].equals(before[table])] == ["derivation_ledger"]


def test_the_direction_of_a_pruned_day_is_refused_by_name_and_stays(pruned: Graph):
    before = pruned.rows(LIT)
    result = pruned.materialise(lit_direction_daily, MONDAY)
    assert not result.success
    assert "2025-12-08: the raw trades were pruned (RAW_TRADES_KEEP_SESSIONS)" in error_of(result)
    assert pruned.rows(LIT).equals(before)


def test_after_the_refusal_the_metrics_still_rest_on_the_stored_direction(pruned: Graph):
    assert not pruned.materialise(lit_direction_daily, MONDAY).success
    assert pruned.materialise([daily_metrics, composite_signal], MONDAY).success


def test_a_version_that_had_no_direction_when_the_trades_went_gets_no_metrics(pruned: Graph):
    assert not pruned.materialise(lit_direction_daily, MONDAY, inference_version="C").success
    assert not pruned.materialise(daily_metrics, MONDAY, inference_version="C").success


def test_metrics_need_no_trades_that_could_not_be_read_again(pruned: Graph):
    pruned.feeds.trades_file(MONDAY).write_text("nonsense\n1\n")
    assert not pruned.materialise(polygon_equity_trades_raw, MONDAY).success
    assert pruned.materialise(daily_metrics, MONDAY).success
    assert "pruned" in error_of(pruned.materialise(lit_direction_daily, MONDAY))


def test_a_source_that_has_the_day_no_more_leaves_the_direction_as_it_is(pruned: Graph):
    before = pruned.rows(LIT)
    pruned.feeds.trades_file(MONDAY).unlink()
    result = pruned.materialise([polygon_equity_trades_raw, lit_direction_daily], MONDAY)
    assert "pruned" in error_of(result)
    assert pruned.rows(LIT).equals(before)


def test_materialising_the_trades_of_a_pruned_day_reads_them_again(pruned: Graph, made_week: Graph):
    everything = [polygon_equity_trades_raw, lit_direction_daily, daily_metrics]
    assert pruned.materialise(everything, MONDAY).success
    assert pruned.ledger(TRADES, MONDAY) == ["STORED", "PRUNED", "STORED"]
    of_monday = pl.col("trade_date") == MONDAY
    assert pruned.rows(TRADES).filter(of_monday).equals(made_week.rows(TRADES).filter(of_monday))
    assert without_moment(pruned.rows(LIT)).equals(without_moment(made_week.rows(LIT)))
    assert judge_day(pruned.warehouse, MONDAY, settings=pruned.settings()).is_open
    assert prune_raw_trades(pruned.warehouse, keep=1).pruned == {MONDAY: A_DAY}


# The job and its schedule


def run_job(graph: Graph, **changes: object) -> dg.ExecuteInProcessResult:
    resources = build_resources(graph.settings(**changes))
    job = dg.Definitions(jobs=[retention_job], resources=resources).resolve_job_def(RETENTION)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=graph.instance, run_config=quiet)


def logged(result: dg.ExecuteInProcessResult, graph: Graph) -> Collection[str]:
    return [entry.user_message for entry in graph.instance.all_logs(result.run_id)]


def test_the_job_prunes_and_tells_every_partition_in_log_and_asset_history(again: Graph):
    change(again, f"update ingest_ledger set status = 'DEGRADED' where feed = '{TRADES}' and partition_date = '{TUESDAY}'")
    result = run_job(again, raw_trades_keep_sessions=2)
    observed = [event.asset_observation_data.asset_observation for event in result.all_events if event.is_asset_observation]
    assert {(one.asset_key.to_user_string(), one.partition, one.metadata["rows deleted"].value) for one in observed} == {
        (TRADES, str(MONDAY), A_DAY),
        (TRADES, str(WEDNESDAY), A_DAY),
    }
    lines = logged(result, again)
    assert "2025-12-08: 33 raw trades deleted" in lines
    assert any(line.startswith("2025-12-09: raw trades kept, their newest reading is DEGRADED") for line in lines)


def test_the_job_deletes_nothing_without_the_setting(again: Graph):
    result = run_job(again)
    assert result.success
    assert again.rows(TRADES).height == A_DAY * len(WEEK)
    assert "RAW_TRADES_KEEP_SESSIONS is empty: every raw trade is kept." in logged(result, again)


@pytest.mark.parametrize("automation", [True, False])
def test_the_schedule_runs_every_morning_in_new_york_and_starts_with_automation(made_week: Graph, automation: bool):
    schedule = build_retention_schedule(made_week.settings(automation=automation, raw_trades_keep_sessions=3))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 6 * * *", "America/New_York")
    assert schedule.default_status.value == ("RUNNING" if automation else "STOPPED")
    with dg.build_schedule_context(instance=made_week.instance) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.run_key is None


def test_the_schedule_skips_without_the_setting(made_week: Graph):
    with dg.build_schedule_context(instance=made_week.instance) as context:
        tick = build_retention_schedule(made_week.settings()).evaluate_tick(context)
    assert tick.skip_message == "RAW_TRADES_KEEP_SESSIONS is empty: every raw trade is kept"


# Killed in the midst

SESSIONS = market_calendar.sessions_between(dt.date(2025, 1, 2), dt.date(2025, 2, 28))
PRINTS = 1_000


@pytest.fixture(scope="module")
def many_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of many settled sessions with raw trades."""
    start_the_server_of_writers()
    path = tmp_path_factory.mktemp("many") / "many.duckdb"
    read, derived = (pl.lit(day).cast(pl.Datetime("us")) for day in (dt.date(2025, 6, 1), dt.date(2025, 6, 2)))
    days = pl.DataFrame({"trade_date": SESSIONS})
    prints = days.join(pl.DataFrame({"sequence_number": range(PRINTS)}), how="cross").with_columns(
        symbol=pl.lit("SPY"), timestamp=pl.col("trade_date").cast(pl.Datetime("ns")) + pl.duration(hours=16), price=pl.lit(600.0),
        size=pl.lit(100.0), exchange=pl.lit(11), data_source=pl.lit("FILE"),
    )  # fmt: skip
    readings = days.select(
        feed=pl.lit(TRADES), partition_date="trade_date", source=pl.lit("file"), status=pl.lit("STORED"), at=read
    )
    direction = days.select(
        symbol=pl.lit("SPY"), date="trade_date", classification_method=pl.lit("BVC"), classification_rule=pl.lit("tick"),
        inference_version=pl.lit("v1"),
    )  # fmt: skip
    flags = {name: pl.lit(value=False) for name in ("has_otc", "has_short", "has_lit", "has_price")}
    metrics = days.select(
        date="trade_date", symbol=pl.lit("SPY"), otc_status=pl.lit("NO_COVERAGE"), data_quality=pl.lit("PRE_OTC"), **flags,
        pressure_context_label=pl.lit("NEUTRAL"), inference_version=pl.lit("v1"), as_of=pl.lit(dt.date(2025, 6, 2)),
    )  # fmt: skip
    window = json.dumps({"rth_start": "09:30:00", "rth_end": "16:15:00", "market_tz": "America/New_York"})
    derivations = [
        days.select(
            asset=pl.lit(asset),
            date="trade_date",
            status=pl.lit("STORED"),
            tickers=pl.lit("[]"),
            settings=pl.lit(window),
            inference_version=pl.lit("v1"),
            as_of=pl.lit(dt.date(2025, 6, 2)),
            at=derived,
        )
        for asset in (LIT, METRICS)
    ]
    frames = {
        TRADES: prints, INGEST_LEDGER.name: readings, LIT_DIRECTION_DAILY.name: direction, DAILY_METRICS.name: metrics,
        DERIVATION_LEDGER.name: pl.concat(derivations),
    }  # fmt: skip
    Warehouse(connect_to(path)).append(frames)
    return path


def test_a_pruning_killed_at_any_moment_leaves_each_day_whole_or_pruned_with_its_ledger_row(many_sessions: Path, tmp_path: Path):
    database, moments, midway = tmp_path / "killed.duckdb", random.Random(20250609), 0
    log = database.with_name("killed.duckdb.wal")
    for _ in range(KILLS):
        database.write_bytes(many_sessions.read_bytes())
        with running(prune, database) as (process, orders):
            assert answer_of(orders) == "begun"
            grown = moments.randrange(LOG_BYTES)  # by progress, not by time: a busy machine kills in the midst, too
            while process.is_alive() and (not log.exists() or log.stat().st_size <= grown):
                process.join(0.001)
        with connect_to(database)() as connection:
            rows = dict(connection.execute(f"select trade_date, count(*) from {TRADES} group by all").fetchall())
            deleted = connection.execute("select partition_date from ingest_ledger where status = 'PRUNED'").fetchall()
        assert set(rows.values()) == {PRINTS}
        assert sorted([*rows, *(day for (day,) in deleted)]) == SESSIONS
        midway += 1 < len(rows) < len(SESSIONS)
    assert midway > KILLS // 2
    warehouse = Warehouse(connect_to(database))
    prune_raw_trades(warehouse, keep=1)
    assert warehouse.stored_days(TRADES, SESSIONS[0], SESSIONS[-1]) == SESSIONS[-1:]
