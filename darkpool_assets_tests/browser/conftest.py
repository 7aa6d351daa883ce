"""A sample market, a Dagster instance of its own, the UI of `darkpool ui` on it, and a Chromium that looks at it.

Two of the market's sessions are made by the command line before the UI starts; what else is made, the tests make by clicks.
"""

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from darkpool_assets.cli import PROJECT
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import write_sample_market
from darkpool_assets.site_server import ui_command
from darkpool_assets.warehouse import Warehouse

ARTIFACTS = PROJECT / "artifacts" / "browser"
MINUTES = 60
PATIENCE_MS = 30_000
T = TypeVar("T")


@dataclass(frozen=True)
class Project:
    """A sample market, the environment that points the product at it, and how its sessions come to be made."""

    market: SampleMarket
    environment: dict[str, str]

    @property
    def finished(self) -> list[dt.date]:
        """Sessions that the command line made before the UI started."""
        return self.market.trade_sessions[:2]

    @property
    def for_one_click(self) -> dt.date:
        """The session that a test materialises alone."""
        return self.market.trade_sessions[2]

    @property
    def for_the_backfill(self) -> list[dt.date]:
        """The sessions that a test backfills."""
        return self.market.trade_sessions[3:]

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse that the command line and the UI write."""
        return Warehouse(connect_to(Path(self.environment["DUCKDB_PATH"])))

    def stored(self, table: str, day: dt.date) -> int:
        """Rows of `table` stored for `day`."""
        return self.warehouse.read_day(table, day).height


@dataclass(frozen=True)
class Ui:
    """A running Dagster UI."""

    address: str

    def query(self, text: str, **variables: Any) -> Any:
        """`data` of a GraphQL answer."""
        answer = httpx.post(f"{self.address}/graphql", json={"query": text, "variables": variables}, timeout=60)
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]


def wait_until(look: Callable[[], T], *, what: str, seconds: float = 3 * MINUTES) -> T:
    """The first truthy answer of `look`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.25)
    return found


@pytest.fixture(scope="module")
def project(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Five sessions of a small sample market with three tickers, the first two of them made by `darkpool run`."""
    folder = tmp_path_factory.mktemp("browser")
    market = SampleMarket(folder=folder / "market", last_session=dt.date(2025, 12, 12), sessions=5, trades_per_symbol=200)
    write_sample_market(market)
    made = market.trade_sessions[:2]
    environment = sample_settings(market) | {
        "TICKERS": "SPY,NVDA,BRK.B",
        "PARTITIONS_START": "2025-11-03",
        "AS_OF": "2026-01-05",
        "TARGET_DATE": made[-1].isoformat(),
        "BACKFILL_COUNT": str(len(made)),
        "DUCKDB_PATH": str(folder / "darkpool.duckdb"),
        "OUTPUT_DIR": str(folder / "output"),
        "DAGSTER_HOME": str(folder / "dagster_home"),
    }
    finished = subprocess.run(
        [sys.executable, "-c", "from darkpool_assets.cli import main; main()", "run"],
        env=os.environ | environment, cwd=folder, capture_output=True, text=True, timeout=5 * MINUTES, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return Project(market, environment)


@pytest.fixture(scope="module")
def ui(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI as `darkpool ui` starts it; stopped by SIGTERM to its own process, which leaves none of its children."""
    folder = tmp_path_factory.mktemp("ui")
    address, process = _start(project, folder)
    try:
        wait_until(lambda: _is_healthy(address, process), what=f"the UI; see {folder / 'log'}")
        yield Ui(address)
    finally:
        process.terminate()
        _leave_no_process(process)


def _start(project: Project, folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ui_command(port), env=os.environ | project.environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    return f"http://127.0.0.1:{port}", process


def _is_healthy(address: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the UI ended"
    try:
        Ui(address).query("{ workspaceOrError { __typename ... on PythonError { message } } }")
        daemons = Ui(address).query("{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }")
    except httpx.TransportError:
        return False
    states = daemons["instance"]["daemonHealth"]["allDaemonStatuses"]
    return all(state["healthy"] for state in states if state["required"])


def _leave_no_process(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=MINUTES)
        wait_until(lambda: not _lives(process.pid), what="the children of the UI to end", seconds=MINUTES)
    finally:
        if _lives(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def opened_page(chromium: Any, ui: Ui) -> Iterator[Any]:
    """A page whose links are relative to the UI; nothing may complain in its console or ask another host."""
    opened = chromium.new_page(base_url=ui.address, viewport={"width": 1600, "height": 1100})
    opened.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda asked: complaints.append(asked.url) if _is_foreign(asked.url, ui.address) else None)
    yield opened
    opened.close()
    assert complaints == []


@pytest.fixture
def page(chromium: Any, ui: Ui) -> Iterator[Any]:
    """A page of the UI."""
    with opened_page(chromium, ui) as opened:
        yield opened


def _is_foreign(url: str, address: str) -> bool:
    return url.startswith(("http", "ws")) and url.split("://", 1)[1].split("/", 1)[0] != address.split("://", 1)[1]


@pytest.fixture(scope="session")
def keep() -> Callable[[Any, str], None]:
    """Keep a picture of a page in artifacts/browser, which git ignores."""

    def take(page: Any, name: str) -> None:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{name}.png")

    return take
