"""The command line: exit codes, what is said and where, and that nothing is lost or hidden."""

import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from darkpool_assets import cli, commands, session_runs, site_server
from darkpool_assets.defs.ledgers import event_entry
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market import writing
from darkpool_assets.session_runs import Outcome
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, IngestStatus
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, SESSIONS, THURSDAY, WEEK, HandMadeFeeds
from darkpool_assets_tests.hand_made_graph import Graph, kept_open

CANARY = "canary-9d1c40be"


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """`darkpool` in this process, on hand-made feeds, with everything it writes below one folder."""

    folder: Path
    feeds: HandMadeFeeds
    run: Callable[..., Said]

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse of the commands."""
        return Warehouse(connect_to(self.database))

    @property
    def database(self) -> Path:
        """Where DUCKDB_PATH points."""
        return self.folder / "darkpool.duckdb"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal whose Dagster instance lives on disk below tmp_path."""
    feeds = HandMadeFeeds(tmp_path / "feeds").write_everything()
    values = feeds.values() | {"DUCKDB_PATH": str(tmp_path / "darkpool.duckdb"), "OUTPUT_DIR": str(tmp_path / "output")}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environment: str | None) -> Said:
        for name, value in environment.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["darkpool", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return Terminal(tmp_path, feeds, run)


@pytest.fixture
def quick(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The same with an instance in memory."""
    instance = dg.DagsterInstance.ephemeral()
    monkeypatch.setattr(dg.DagsterInstance, "get", staticmethod(lambda: instance))
    return terminal


@pytest.fixture
def running(quick: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """The same with one ticker, and with a database that is there already."""
    monkeypatch.setenv("TICKERS", "SPY")
    with kept_open(quick.folder):
        yield quick


@pytest.fixture
def filled(quick: Terminal, made_week: Graph) -> Iterator[Terminal]:
    """The same on a copy of the made week's database."""
    shutil.copyfile(made_week.folder / "darkpool.duckdb", quick.database)
    with kept_open(quick.folder):
        yield quick


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[dt.date], object]]:
    """What the commands ask of the runner, which makes nothing: (method, days, force or selection)."""
    calls: list[tuple[str, list[dt.date], object]] = []

    class Recorder(session_runs.SessionRunner):
        def run(self, days, *, select=None, force=False, plots=None):
            calls.append(("run", list(days), force))
            return Outcome(made=list(days))

        def run_unfinished(self, days, *, select=None, plots=None):
            calls.append(("run_unfinished", list(days), select))
            return Outcome(made=list(days))

    monkeypatch.setattr(session_runs, "SessionRunner", Recorder)
    return calls


def tamper(terminal: Terminal, day: str) -> None:
    """Say of one row of a day that its week is not known."""
    with connect_to(terminal.database)() as connection:
        connection.execute(f"update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '{day}'")


def columns(screen: str) -> list[str]:
    """A printed table's columns, each without its blanks and line ends."""
    lines = [line.split("│")[1:-1] for line in screen.splitlines() if "│" in line]
    return ["".join("".join(cell.split()) for cell in cells) for cells in zip(*lines, strict=True)]


# run


def test_a_run_makes_the_target_day_and_the_instance_on_disk_knows_it(terminal: Terminal):
    said = terminal.run("run", TICKERS="SPY")
    page = terminal.folder / "output" / "index.html"
    assert (said.code, said.out) == (0, f"Made: 2025-12-12\nOpen      {page}\n")
    assert page.is_file()
    assert terminal.warehouse.stored_days("daily_metrics", MONDAY, FRIDAY) == [FRIDAY]
    assert (terminal.folder / "output" / "tables" / str(FRIDAY) / "daily_metrics.html").is_file()
    with dg.DagsterInstance.get() as instance:
        assert [run.job_name for run in instance.get_runs()] == ["end_of_day"] * 3  # tables, plots, pages
    assert "telemetry" in (terminal.folder / "home" / "dagster.yaml").read_text()
    again = terminal.run("backfill", str(FRIDAY), str(FRIDAY))
    assert (again.code, again.out) == (0, f"Skipped, there and unchanged: 2025-12-12\nOpen      {page}\n")


def test_feeds_that_are_not_configured_are_named_and_no_failure(running: Terminal):
    none = {"POLYGON_TRADES_DIR": None, "POLYGON_QUOTES_DIR": None, "FINRA_OTC_DIR": None}
    said = running.run("run", PARTITIONS_START=str(THURSDAY), **none)
    assert said.code == 0
    assert "Not configured: polygon_equity_trades_raw (1 of 1 sessions)" in said.out
    assert "Not configured: finra_otc_weekly_raw (1 of 1 sessions)" in said.out


def test_a_feed_not_published_yet_is_named_and_no_failure(running: Terminal):
    running.feeds.short_file(FRIDAY).unlink()
    said = running.run("run", PARTITIONS_START=str(THURSDAY))
    assert said.code == 0
    assert "Not published yet: finra_short_daily_raw (1 of 1 sessions)" in said.out


def test_a_malformed_file_ends_with_one_and_is_named_on_stderr(running: Terminal):
    running.feeds.write_short(FRIDAY, trailer=99)
    said = running.run("run")
    assert said.code == 1
    assert "Failed: 2025-12-12 finra_short_daily_raw: MalformedSource: CNMSshvol20251212.txt" in said.err
    assert "Made" not in said.out


def test_one_bad_day_of_several_ends_with_one_after_finishing_the_rest(running: Terminal):
    running.feeds.trades_file(THURSDAY).write_text("nonsense\n1\n")
    said = running.run("run", FETCH_MODE="daily", BACKFILL_COUNT="3", PARTITIONS_START=str(WEEK[2]))
    assert said.code == 1
    assert "Made: 2 sessions, 2025-12-10 to 2025-12-12" in said.out
    assert "2025-12-11 polygon_equity_trades_raw" in said.err
    assert "2025-12-10 " not in said.err
    assert running.warehouse.stored_days("daily_metrics", MONDAY, FRIDAY) == [WEEK[2], FRIDAY]


@pytest.mark.parametrize(
    ("mode", "count", "days"), [("single", "3", [FRIDAY]), ("daily", "3", WEEK[2:]), ("weekly", "2", [SESSIONS[2], FRIDAY])]
)
def test_the_mode_chooses_the_sessions(quick: Terminal, asked: list, mode: str, count: str, days: list[dt.date]):
    assert quick.run("run", FETCH_MODE=mode, BACKFILL_COUNT=count).code == 0
    assert asked == [("run", days, False)]


def test_force_is_passed_on(quick: Terminal, asked: list):
    assert quick.run("run", "--force").code == 0
    assert asked == [("run", [FRIDAY], True)]


@pytest.mark.parametrize(("target", "days"), [(None, [THURSDAY, FRIDAY]), (str(FRIDAY), [FRIDAY])])
def test_recent_sessions_that_lack_a_feed_are_made_again_unless_a_target_is_named(
    filled: Terminal, asked: list, monkeypatch: pytest.MonkeyPatch, target: str | None, days: list[dt.date]
):
    failed = event_entry("finra_short_daily_raw", THURSDAY, source="", status=IngestStatus.FAILED, message="no answer")
    filled.warehouse.append({"ingest_ledger": failed})
    monkeypatch.setattr(commands, "_now", lambda: dt.datetime(2025, 12, 13, 4, tzinfo=dt.UTC))
    assert filled.run("run", TARGET_DATE=target).code == 0
    assert asked == [("run", days, False)]


# Wrong settings and arguments


def test_all_wrong_settings_are_told_at_once_without_a_traceback(terminal: Terminal):
    said = terminal.run("run", TICKERS="SPXW", FETCH_MODE="never", BACKFILL_COUNT="0", MIN_LIT_VOLUME="few", OFFLINE="perhaps")
    assert said.code == 2
    assert all(name in said.err for name in ("TICKERS", "FETCH_MODE", "BACKFILL_COUNT", "MIN_LIT_VOLUME", "OFFLINE"))
    assert "Traceback" not in said.err + said.out
    assert not terminal.database.exists()


@pytest.mark.parametrize("day", ["2099-01-05", "2025-12-25", "2025-12-13", "2018-07-31", "tomorrow"])
def test_a_target_that_is_no_past_session_is_refused(terminal: Terminal, day: str):
    said = terminal.run("run", TARGET_DATE=day)
    assert said.code == 2
    assert "TARGET_DATE" in said.err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("backfill", "2025-12-12", "2025-12-08"), "FROM: given 2025-12-12"),
        (("backfill", "2025-12-08", "2099-01-05"), "TO: given 2099-01-05, in the future"),
        (("backfill", "2025-12-13", "2025-12-14"), "a range that holds an NYSE session"),
        (("backfill", "2018-01-02", "2025-12-08"), "PARTITIONS_START"),
        (("backfill", "soon", "later"), "FROM: given 'soon'"),
        (("backfill", "2025-12-08", "2025-12-12", "--select", "daily_metrics,nothing"), "--select: given nothing"),
        (("check", "2025-12-25"), "not an NYSE session"),
        (("check", "nonsense"), "DATE: given 'nonsense'"),
        (("rebuild", "2025-12-08"), "both, or neither"),
        (("export", "nothing", "rows.csv"), "TABLE: given 'nothing'"),
        (("export", "daily_metrics", "rows.xlsx"), ".parquet or .csv"),
        (("export", "daily_metrics", "rows.csv", "--from", "2030-01-01"), "holds no row"),
        (("export", "daily_metrics", "rows.csv", "--to", "13.12.2025"), "--to: given"),
        (("nothing",), "No such command"),
        (("run", "--fast"), "No such option"),
        (("run", "--plots", "some"), "--plots: given 'some'; allowed: last, all"),
        (("backfill", "2025-12-08"), "TO"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_ends_with_two_and_says_what_is_allowed(filled: Terminal, words: tuple[str, ...], fault: str):
    said = filled.run(*words)
    assert said.code == 2
    assert fault in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words",
    [("status",), ("check",), ("check", "2025-12-12"), ("rebuild",), ("export", "daily_metrics", "rows.csv")],
    ids=" ".join,
)
def test_a_command_that_only_reads_refuses_a_missing_database_and_makes_none(terminal: Terminal, words: tuple[str, ...]):
    said = terminal.run(*words)
    assert said.code == 2
    assert "darkpool run" in said.err
    assert not terminal.database.exists()


# backfill


def test_a_backfill_skips_what_is_finished(quick: Terminal, asked: list):
    assert quick.run("backfill", "2025-12-08", "2025-12-12").code == 0
    assert asked == [("run_unfinished", WEEK, None)]


def test_a_forced_backfill_makes_everything(quick: Terminal, asked: list):
    assert quick.run("backfill", "2025-12-08", "2025-12-12", "--force").code == 0
    assert asked == [("run", WEEK, True)]


def test_a_backfill_makes_the_selected_assets_alone(filled: Terminal):
    entries = filled.warehouse.read_window("derivation_ledger", THURSDAY, FRIDAY).height
    said = filled.run("backfill", "2025-12-11", "2025-12-12", "--select", "polygon_equity_trades_raw, lit_direction_daily")
    assert (said.code, said.out) == (0, "Made: 2 sessions, 2025-12-11 to 2025-12-12\n")
    assert filled.warehouse.read_window("derivation_ledger", THURSDAY, FRIDAY).height == entries + 2


# check


def test_check_shows_every_rule_and_an_open_gate(filled: Terminal):
    said = filled.run("check", "2025-12-12")
    assert said.code == 0
    assert "Phase C gate: open" in said.out
    assert "2025-12-12, PhaseA_v1" in said.out


def test_check_takes_the_newest_stored_day(filled: Terminal):
    assert "2025-12-12, PhaseA_v1" in filled.run("check").out


def test_check_of_a_tampered_day_ends_with_one_and_says_rule_who_and_remedy(filled: Terminal):
    tamper(filled, "2025-12-12")
    said = filled.run("check", "2025-12-12")
    assert said.code == 1
    assert "Phase C gate: CLOSED" in said.out
    _number, marks, checks, _found = columns(said.out)
    assert "data_quality_follows_the_published_week" in checks
    assert "✗" in marks
    assert "Rule 1 (ERROR) data_quality_follows_the_published_week\n  SPY  PRE_OTC although its own week 2025-12-08" in said.out
    assert "→ Materialise daily_metrics of this day again." in said.out
    assert filled.run("check", "2025-12-11").code == 0


def test_check_draws_the_coverage_of_the_last_sessions_under_the_rules(filled: Terminal):
    tamper(filled, "2025-12-12")
    said = filled.run("check", COLUMNS="80", NO_COLOR="1")
    chart = said.out.partition("Coverage over time")[2]
    lines = {line.split()[0]: line for line in chart.splitlines() if line.startswith("2025-")}
    assert list(lines) == [str(day) for day in WEEK]
    assert "█████  █████  █████" in lines["2025-12-11"]
    assert lines["2025-12-11"].rstrip().endswith("open")
    assert lines["2025-12-12"].rstrip().endswith("CLOSED")
    assert DISCLAIMER in " ".join(chart.split())
    assert max(map(len, said.out.splitlines())) <= 80


def test_check_of_several_sessions_ends_with_one_when_one_is_closed(filled: Terminal):
    tamper(filled, "2025-12-11")
    said = filled.run("check", "--last", "2")
    assert said.code == 1
    gates = [line for line in said.out.splitlines() if line.startswith("Phase C gate")]
    assert gates == ["Phase C gate: CLOSED on 2025-12-11", "Phase C gate: open on 2025-12-12"]
    assert filled.run("check", "2025-12-10", "--last", "2").code == 0


def test_check_says_when_the_numbers_are_a_sample(filled: Terminal):
    assert SAMPLE_DATA_NOTICE not in filled.run("check", SAMPLE_DATA=None).out
    assert SAMPLE_DATA_NOTICE in filled.run("check", SAMPLE_DATA="true").out


def test_check_of_a_day_that_is_not_stored_ends_with_two_and_names_what_is(filled: Terminal):
    said = filled.run("check", str(SESSIONS[0]))
    assert said.code == 2
    fault = "DATE: given 2025-12-03, not stored under PhaseA_v1; allowed: a stored session from 2025-12-08 to 2025-12-12"
    assert fault in said.err


def test_check_of_a_version_that_is_not_stored_names_it(filled: Terminal):
    said = filled.run("check", "2025-12-12", INFERENCE_VERSION="B")
    assert said.code == 2
    assert "DATE: given 2025-12-12, and " in said.err
    assert "holds no session of B; make one with `darkpool run`" in said.err


# config


def test_config_masks_secrets_and_names_each_origin(terminal: Terminal):
    (terminal.folder / ".env").write_text("BACKFILL_COUNT=7\nTICKERS=IWM\n")
    said = terminal.run("config", POLYGON_API_KEY=CANARY, FINRA_API_KEY=CANARY, FINRA_API_SECRET=CANARY)
    assert said.code == 0
    assert CANARY not in said.out + said.err
    shown = [[cell.strip() for cell in line.split("│")[1:4]] for line in said.out.splitlines() if line.count("│") == 5]
    for row in (
        ["POLYGON_API_KEY", "********", "environment"],
        ["BACKFILL_COUNT", "7", ".env"],
        ["TICKERS", "SPY,QQQ,IWM", "environment"],
        ["RTH_START", "09:30", "default"],
    ):
        assert row in shown, row


def test_config_shows_every_setting_whole(terminal: Terminal):
    out = terminal.run("config").out
    assert "…" not in out
    words = out.replace("│", " ").split()
    assert [name for name in Settings.model_fields if name.upper() not in words] == []


def test_config_with_a_wrong_setting_ends_with_two(terminal: Terminal):
    said = terminal.run("config", FINRA_API_KEY=CANARY, FINRA_API_SECRET=None)
    assert said.code == 2
    assert "FINRA_API_SECRET" in said.err
    assert CANARY not in said.out + said.err


# status, export, rebuild, ui


def test_status_is_shown_also_where_dagster_cannot_be_asked(terminal: Terminal, made_week: Graph):
    shutil.copyfile(made_week.folder / "darkpool.duckdb", terminal.database)
    (terminal.folder / "home").mkdir()
    (terminal.folder / "home" / "dagster.yaml").write_text("nonsense: [")
    said = terminal.run("status")
    assert said.code == 0
    assert "OTC weeks in reach" in said.out
    assert "can't be asked what was stored" in " ".join(said.err.split())


def test_status_prints_its_four_screens(filled: Terminal):
    said = filled.run("status")
    assert said.code == 0
    assert all(title in said.out for title in ("Stored", "Newest readings", "OTC weeks in reach", "Phase C gate by day"))


def test_export_says_how_many_rows_went_where(filled: Terminal):
    said = filled.run("export", "daily_metrics", "rows.parquet", "--from", "2025-12-11", "--to", "2025-12-12")
    assert said.code == 0
    assert said.out.startswith("6 rows of daily_metrics in rows.parquet\n")
    assert pl.read_parquet(filled.folder / "rows.parquet").height == 6


def test_rebuild_makes_every_stored_day_again_from_its_files(filled: Terminal, asked: list):
    assert filled.run("rebuild").code == 0
    assert asked == [("run", WEEK, True)]


def test_rebuild_of_a_range_makes_a_lost_database_again(quick: Terminal, asked: list):
    assert quick.run("rebuild", "2025-12-08", "2025-12-12").code == 0
    assert asked == [("run", WEEK, True)]


def test_rebuild_restores_a_tampered_day_and_says_which_raw_table_has_no_file_any_more(filled: Terminal):
    before = filled.warehouse.read_day("daily_metrics", FRIDAY)
    with connect_to(filled.database)() as connection:
        connection.execute("update daily_metrics set close = 1 where date = '2025-12-12'")
        connection.execute("update polygon_daily_agg_raw set close = 1 where trade_date = '2025-12-12'")
    filled.feeds.trades_file(FRIDAY).unlink()
    said = filled.run("rebuild", "2025-12-12", "2025-12-12")
    assert said.code == 0
    assert "Not published yet: polygon_equity_trades_raw" in said.out
    assert filled.warehouse.read_day("daily_metrics", FRIDAY).equals(before)


def test_the_ui_listens_on_this_machine_only(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []
    monkeypatch.setenv("SITE_URL", "http://127.0.0.1:3001")  # restored afterwards: the command sets it for its children
    monkeypatch.setattr(site_server, "run_attended", lambda command, **_: started.append(command) or 0)
    said = terminal.run("ui", "--port", "3999")
    assert "Report site on http://127.0.0.1:4000" in said.out
    words = started[0]
    assert words[words.index("-h") + 1] == "127.0.0.1"
    assert words[words.index("-p") + 1] == "3999"
    assert Path(words[words.index("-w") + 1]).name == "workspace.yaml"


# Paths, ports and the demo


@pytest.mark.parametrize("name", ["DUCKDB_PATH", "OUTPUT_DIR", "DAGSTER_HOME", "PUBLISHED_DUCKDB_PATH"])
@pytest.mark.parametrize("words", [("run",), ("backfill", "2025-12-08", "2025-12-12"), ("ui",)], ids=lambda words: words[0])
def test_a_path_that_can_not_be_written_to_is_refused_before_work_starts(
    quick: Terminal, asked: list, words: tuple[str, ...], name: str
):
    said = quick.run(*words, **{name: "/proc/darkpool/place"})
    assert said.code == 2
    assert f"{name}: given /proc/darkpool/place, which can't be written to (" in said.err
    assert (asked, said.out) == ([], "")


def test_an_export_that_can_not_be_written_is_refused(filled: Terminal):
    said = filled.run("export", "daily_metrics", "/proc/rows.csv")
    assert said.code == 2
    assert "FILE: given /proc/rows.csv, which can't be written to (" in said.err


@pytest.mark.parametrize("port", ["70000", "65535", "0", "-1"])
@pytest.mark.parametrize("words", [("ui",), ("demo", "--ui")], ids=" ".join)
def test_a_port_that_is_none_is_refused_with_the_range_that_is_allowed(terminal: Terminal, words: tuple[str, ...], port: str):
    said = terminal.run(*words, "--port", port)
    assert said.code == 2
    assert f"--port: given {port}; allowed: 1 to 65534" in said.err
    assert list(terminal.folder.glob("data")) == []


@pytest.mark.parametrize("words", [("ui",), ("demo", "--ui")], ids=" ".join)
@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_in_use_is_refused_before_anything_is_announced(terminal: Terminal, words: tuple[str, ...], offset: int):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        said = terminal.run(*words, "--port", str(number - offset))
    assert said.code == 2
    assert f" {number} (" in said.err
    assert said.out == ""


@pytest.fixture
def demo(filled: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal in a folder whose data/demo holds the made week as its demo; the user's own database is gone."""
    folder = filled.folder / "data" / "demo"
    folder.mkdir(parents=True)
    shutil.copyfile(filled.database, folder / "darkpool.duckdb")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with kept_open(folder):
        yield filled


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("check", "2025-12-12", "--demo"), SAMPLE_DATA_NOTICE),
        (("status", "--demo"), "OTC weeks in reach"),
        (("config", "--demo"), "data/demo/darkpool.duckdb"),
    ],
    ids=" ".join,
)
def test_a_command_on_the_demo_reads_its_database_under_its_settings(demo: Terminal, words: tuple[str, ...], shown: str):
    said = demo.run(*words, DUCKDB_PATH="nowhere.duckdb", duckdb_path="nowhere.duckdb")
    assert shown in "".join(said.out.replace("│", " ").split()) or shown in said.out
    assert said.err == ""


def test_an_export_of_the_demo_lands_where_the_user_is(demo: Terminal):
    said = demo.run("export", "daily_metrics", "rows.csv", "--demo")
    assert said.code == 0
    assert (demo.folder / "rows.csv").is_file()


def test_the_ui_of_the_demo_serves_its_pages(demo: Terminal, monkeypatch: pytest.MonkeyPatch):
    served: list[tuple[Path, int]] = []
    monkeypatch.setattr(site_server, "serve_ui", lambda settings, port: served.append((settings.output_dir, port)) or 0)
    assert demo.run("ui", "--demo", "--port", "3999").code == 0
    assert served == [(demo.folder / "data" / "demo" / "output", 3999)]


@pytest.mark.parametrize(
    "words", [("check",), ("status",), ("config",), ("export", "daily_metrics", "rows.csv"), ("ui",)], ids=" ".join
)
def test_without_a_demo_the_option_is_refused_with_the_command_that_makes_it(terminal: Terminal, words: tuple[str, ...]):
    said = terminal.run(*words, "--demo")
    assert said.code == 2
    assert "--demo: given, and data/demo holds no demo; make it with `darkpool demo`" in said.err


def test_the_demo_says_how_to_look_at_it(quick: Terminal, asked: list, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "write_sample_market", lambda *_args, **_options: None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    said = quick.run("demo", "--sessions", "1")
    assert said.code == 0
    assert "Look      darkpool check --demo, darkpool status --demo, darkpool ui --demo" in said.out


def test_a_misnamed_setting_of_the_environment_is_a_warning_on_stderr_once(filled: Terminal):
    said = filled.run("backfill", "2025-12-12", "2025-12-12", "--select", "daily_metrics", OFLINE="true")
    assert said.code == 0
    assert said.err.count("OFLINE in the environment is no setting") == 1


def test_a_misnamed_setting_of_the_dotenv_file_ends_with_two(terminal: Terminal):
    (terminal.folder / ".env").write_text("OFLINE=true\n")
    said = terminal.run("config")
    assert said.code == 2
    assert "OFLINE: given in .env, which is no setting; allowed: OFFLINE, if that was meant" in said.err


def test_a_dotenv_file_in_utf_16_ends_with_two_in_one_line(terminal: Terminal):
    (terminal.folder / ".env").write_bytes("TICKERS=SPY\n".encode("utf-16-le"))
    said = terminal.run("config")
    assert (said.code, said.err) == (2, "Wrong settings:\n  .env: given text in UTF-16; allowed: UTF-8\n")


def test_a_dotenv_file_that_others_may_read_is_a_warning_on_stderr(terminal: Terminal):
    (terminal.folder / ".env").write_text("BACKFILL_COUNT=7\n")
    (terminal.folder / ".env").chmod(0o644)
    assert "`chmod 600 .env`" in terminal.run("config").err


def test_help_carries_the_disclaimer_and_every_command(terminal: Terminal):
    said = terminal.run("--help")
    text = " ".join(said.out.replace("│", " ").split())
    assert said.code == 0
    assert DISCLAIMER in text
    for name in ("demo", "run", "backfill", "check", "status", "config", "rebuild", "export", "ui"):
        assert f" {name} " in text, name


# A process of its own


def test_a_wrong_setting_ends_a_real_process_with_two_and_no_traceback(terminal: Terminal):
    environment = {**os.environ, "FETCH_MODE": "never"}
    ended = subprocess.run(
        [sys.executable, "-c", "from darkpool_assets.cli import main; main()", "run"],
        env=environment, capture_output=True, text=True, check=False, cwd=terminal.folder,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "FETCH_MODE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_interrupted_run_ends_with_130_and_leaves_whole_days(terminal: Terminal):
    environment = {**os.environ, "FETCH_MODE": "daily", "BACKFILL_COUNT": "8"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from darkpool_assets.cli import main; main()", "run"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=terminal.folder,
    )  # fmt: skip
    journal = terminal.folder / "darkpool.duckdb"
    deadline = time.monotonic() + 60
    while not journal.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted" in err
    assert "Traceback" not in err
    for table, rows in (("finra_short_daily_raw", 3), ("polygon_equity_trades_raw", 33), ("daily_metrics", 3)):
        stored = terminal.warehouse.read_window(table, SESSIONS[0], FRIDAY)
        counts = stored.group_by("date" if "date" in stored.columns else "trade_date").len()
        assert set(counts["len"]) <= {rows}, table
