"""The rules outside a run: the same ones as the asset checks, and the rows that fail them."""

import datetime as dt
import shutil
from pathlib import Path

import pytest

from darkpool_assets.database_check import DayCheck, check_day, failing_rows, newest_session, read_only_warehouse, verdict_rows
from darkpool_assets.definitions import build_definitions
from darkpool_assets.resources import connect_to
from darkpool_assets.settings import SettingsError
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import WarehouseSchemaError
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, SESSIONS
from darkpool_assets_tests.hand_made_graph import Graph

COMPLETE = "every_row_of_daily_metrics_has_its_composite"
SPY = f"where symbol = 'SPY' and date = '{FRIDAY}'"


def checked(graph: Graph, *changes: str) -> DayCheck:
    """Friday after changes of the stored rows."""
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        for sql in changes:
            connection.execute(sql)
    return check_day(graph.warehouse, FRIDAY, settings=graph.settings())


def test_a_day_with_all_its_files_is_asked_exactly_the_rules_of_the_asset_checks_with_their_remedies(again: Graph):
    for folder in (f"tables/{FRIDAY}", f"plots/{FRIDAY}", f"{FRIDAY}"):
        (again.folder / "output" / folder).mkdir(parents=True)
    graph = build_definitions(again.settings()).resolve_asset_graph()
    checks = {(key.asset_key.to_user_string(), key.name): graph.get_check_spec(key) for key in graph.asset_check_keys}
    asked = {(one.rule.asset, one.rule.name): one.rule for one in checked(again).verdicts}
    assert asked.keys() == checks.keys()
    for key, rule in asked.items():
        assert rule.remedy[1:] in (checks[key].description or ""), key


def test_a_sound_day_holds_every_rule(made_week: Graph):
    day = checked(made_week)
    assert day.gate.is_open
    assert [one.explanation for one in day.verdicts if not one.passed and one.rule.severity == "ERROR"] == []


def test_a_broken_rule_of_the_gate_closes_it_and_its_row_fails(again: Graph):
    day = checked(again, f"update daily_metrics set data_quality = 'PRE_OTC', otc_status = 'OVERDUE' {SPY}")
    assert not day.gate.is_open
    first = failing_rows(day.verdicts).row(0, named=True)
    assert first == {
        "rule": 1,
        "check": "data_quality_follows_the_published_week",
        "severity": "ERROR",
        "who": "SPY",
        "problem": "PRE_OTC although its own week 2025-12-08 is used and published",
        "remedy": "Materialise daily_metrics of this day again.",
    }


def test_a_missing_composite_is_a_failing_row_and_leaves_the_gate_open(again: Graph):
    day = checked(again, f"delete from composite_signal {SPY}")
    assert day.gate.is_open
    rows = failing_rows(day.beside)
    assert rows.select("check", "who", "problem").rows() == [(COMPLETE, "SPY", "no composite")]


def test_a_source_that_never_came_is_a_failing_row_and_leaves_the_gate_open(again: Graph):
    late = "update ingest_ledger set status = 'NOT_PUBLISHED', message = 'no file yet' where feed = 'polygon_daily_agg_raw'"
    day = checked(again, late)
    assert day.gate.is_open
    assert failing_rows(day.beside).select("check", "who", "problem").rows() == [
        ("every_source_of_the_day_arrived_by_its_cut_off", "polygon_daily_agg_raw", "NOT_PUBLISHED: no file yet")
    ]


def test_files_that_were_never_made_are_not_asked_about(again: Graph):
    assert [one.rule.number for one in checked(again).beside] == [16, 8, 8]


def test_a_page_without_the_disclaimer_is_a_failing_row(again: Graph):
    folder = again.folder / "output" / "tables" / str(FRIDAY)
    folder.mkdir(parents=True)
    (folder / "daily_metrics.html").write_text("<p>a table</p>")
    day = checked(again)
    assert failing_rows(day.beside)["who", "problem", "remedy"].rows() == [
        ("daily_metrics.html", "does not show the disclaimer", "Materialise daily_tables again.")
    ]
    (folder / "daily_metrics.html").unlink()
    assert failing_rows(checked(again).beside)["who", "problem"].rows() == [("no file", f"in {FRIDAY}")]


def test_the_verdict_rows_say_of_every_rule_what_it_gives(again: Graph):
    day = checked(
        again,
        f"update daily_metrics set has_short = false {SPY}",
        "update finra_short_daily_raw set short_exempt_volume = short_volume + 1 where symbol = 'QQQ'",
    )
    rows = verdict_rows(day.verdicts)
    assert rows.height == len(day.verdicts)
    verdicts = dict(rows.select("check", "verdict").rows())
    assert verdicts["short_ratio_denominators_are_typed_and_carry_their_value"] == "BROKEN"
    assert verdicts["short_volumes_are_ordered_and_ratios_within_one"] == "warns"
    assert verdicts["data_quality_follows_the_published_week"] == "holds"
    assert failing_rows(day.verdicts)["severity"].unique(maintain_order=True).to_list() == ["ERROR", "WARN"]
    assert rows["found"].sum() == failing_rows(day.verdicts).height


def test_no_failing_row_is_a_frame_without_rows(made_week: Graph):
    rows = failing_rows(checked(made_week).beside)
    assert (rows.height, rows.columns) == (0, ["rule", "check", "severity", "who", "problem", "remedy"])


def test_the_newest_session_is_the_newest_of_its_version(made_week: Graph):
    assert newest_session(made_week.warehouse, settings=made_week.settings()) == FRIDAY
    with pytest.raises(SettingsError, match="holds no derived session of PhaseB"):
        newest_session(made_week.warehouse, settings=made_week.settings(inference_version="PhaseB"))


def test_a_reader_writes_nothing_and_leaves_room_for_a_writer(again: Graph):
    again.let_go()
    path = again.folder / "darkpool.duckdb"
    before = path.read_bytes()
    reader = read_only_warehouse(again.settings())
    assert check_day(reader, FRIDAY, settings=again.settings()).gate.is_open
    assert path.read_bytes() == before
    with connect_to(path)() as connection:
        connection.execute(f"delete from daily_metrics where date = '{MONDAY}'")
    assert MONDAY not in reader.stored_days("daily_metrics", dt.date.min, dt.date.max)
    with pytest.raises(Exception, match="read-only"):
        reader.append({"provenance_events": TABLES["provenance_events"].empty()})


def test_a_reader_of_no_database_says_what_makes_one(again: Graph):
    with pytest.raises(SettingsError, match="darkpool demo"):
        read_only_warehouse(again.settings(duckdb_path=again.folder / "nothing.duckdb"))
    assert not (again.folder / "nothing.duckdb").exists()


def test_a_reader_of_an_earlier_version_says_what_brings_it_up_to_date(again: Graph, tmp_path: Path):
    copy = tmp_path / "earlier.duckdb"
    shutil.copyfile(again.folder / "darkpool.duckdb", copy)
    with connect_to(copy)() as connection:
        connection.execute("alter table daily_metrics drop column range_pct")
    with pytest.raises(WarehouseSchemaError, match="darkpool status"):
        read_only_warehouse(again.settings(duckdb_path=copy))


def test_a_day_that_was_never_derived_is_refused_by_its_rule(made_week: Graph):
    day = check_day(made_week.warehouse, SESSIONS[0], settings=made_week.settings())
    assert failing_rows(day.gate.broken)["problem"].to_list() == ["daily_metrics was never derived under PhaseA_v1"]
