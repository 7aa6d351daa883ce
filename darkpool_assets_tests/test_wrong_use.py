"""What a new user does wrong: each ends with one clear message, exit code 1 or 2, and no traceback."""

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from darkpool_assets import cli

DAY = {"OFFLINE": "true", "TARGET_DATE": "2025-12-12", "PARTITIONS_START": "2025-12-12"}


def cut_short(folder: Path) -> None:
    (folder / "trades.csv.gz").write_bytes(gzip.compress(b"ticker,price\n" + bytes(range(256)) * 40)[:200])


def write_csv(folder: Path) -> None:
    (folder / "rows.csv").write_text("symbol,date\nSPY,2025-12-12\n")


def write_broken_instance(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry: [")


def write_dotenv(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / ".env").write_text(text)


WRONG = {
    "tickers separated by blanks": (["run"], {"TICKERS": "SPY QQQ IWM"}, None, 2, "TICKERS: given 'SPY QQQ IWM'; allowed: "),
    "a Sunday": (["run"], {"TARGET_DATE": "2025-12-14"}, None, 2, "allowed: a session such as 2025-12-12"),
    "a date in another order": (["run"], {"TARGET_DATE": "12.12.2025"}, None, 2, "allowed: a date such as 2026-01-30"),
    "a range backwards": (["backfill", "2025-12-12", "2025-12-01"], {}, None, 2, "FROM: given 2025-12-12; allowed: "),
    "a command in an empty folder": (["check"], {}, None, 2, "no database there; make one with `darkpool run`"),
    "a map in single quotes": (
        ["config"],
        {"INDEX_PROXY_MAP": "{'SPX': 'SPY'}"},
        None,
        2,
        "INDEX_PROXY_MAP: given text that is not JSON",
    ),
    "an asset misspelt": (
        ["backfill", "2025-12-12", "2025-12-12", "--select", "dayly_metrics"],
        DAY,
        None,
        2,
        "--select: given dayly_metrics; allowed: ",
    ),
    "a folder where a file is asked for": (
        ["run"],
        {"FINRA_SHORT_SALE_FILE": "."},
        None,
        2,
        "FINRA_SHORT_SALE_FILE: given ., a folder; allowed: a file",
    ),
    "a file where a folder is asked for": (
        ["run"],
        {"POLYGON_TRADES_DIR": "rows.csv"},
        write_csv,
        2,
        "POLYGON_TRADES_DIR: given rows.csv, a file; allowed: a folder",
    ),
    "a folder that is not there": (
        ["run"],
        DAY | {"POLYGON_TRADES_DIR": "nowhere"},
        None,
        1,
        "POLYGON_TRADES_DIR: nothing at nowhere",
    ),
    "a gz file cut short": (
        ["run"],
        DAY | {"POLYGON_TRADES_FILE": "trades.csv.gz"},
        cut_short,
        1,
        "Failed: 2025-12-12 polygon_equity_trades_raw: ",
    ),
    "a list that is not there": (
        ["run"],
        DAY | {"INDEX_CONSTITUENTS_FILE": "none.csv"},
        None,
        1,
        "INDEX_CONSTITUENTS_FILE: nothing at none.csv",
    ),
    "a database that is a CSV file": (["status"], {"DUCKDB_PATH": "rows.csv"}, write_csv, 1, " is no DuckDB database"),
    "an instance's file spoilt": (["run"], DAY | {"DAGSTER_HOME": "home"}, write_broken_instance, 2, "which Dagster refuses ("),
    "a placeholder for a key": (
        ["config"],
        {},
        write_dotenv("POLYGON_API_KEY=...\n"),
        2,
        "POLYGON_API_KEY: given a value that no service",
    ),
    "a key in typographic quotes": (
        ["config"],
        {"POLYGON_API_KEY": "“abc”"},
        None,
        2,
        "without quotation marks or blanks around it",
    ),
    "a colon in .env": (["config"], {}, write_dotenv("TICKERS: SPY\n"), 2, ".env: given line 1, which sets nothing"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_ends_with_one_clear_message(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words, settings, prepare, code, message = WRONG[mistake]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "instance"))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if prepare:
        prepare(tmp_path)
    monkeypatch.setattr(sys, "argv", ["darkpool", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == code
    assert message in said.err
    assert "Traceback" not in said.out + said.err
    assert said.err.count("Failed: ") == (1 if "Failed" in said.err else 0)
