"""Fixtures that every test module may use."""

import datetime as dt
import gc
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from filelock import FileLock

import darkpool_assets
from darkpool_assets import market_calendar
from darkpool_assets.defs.stale_sessions import DRAWN
from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import write_sample_market
from darkpool_assets.session_runs import SessionRunner
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_graph import again, column_schema, declared, graph, kept_open, made_week
from darkpool_assets_tests.live_graph import live, live_again, made_live, one_session
from darkpool_assets_tests.small_disk import small_disk

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
__all__ = [
    "again",
    "column_schema",
    "declared",
    "graph",
    "live",
    "live_again",
    "made_live",
    "made_week",
    "one_session",
    "small_disk",
]


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def _migrations_read_once() -> Iterator[None]:
    """Dagster marks each new database with the newest of ninety migration scripts; reading them takes longer than a small run."""
    read, known = ScriptDirectory.from_config, {}

    def from_config(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in known:
            known[folder] = read(config)
        return known[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither a developer's .env nor an exported setting reaches a test."""
    before, folder = Path.cwd(), tmp_path_factory.mktemp("cwd")
    removed = {name: os.environ.pop(name.upper()) for name in Settings.model_fields if name.upper() in os.environ}
    os.chdir(folder)
    yield
    os.chdir(before)
    os.environ.update({name.upper(): value for name, value in removed.items()})


@pytest.fixture(scope="session")
def real_samples() -> Path:
    """Folder of real published samples beside the repository; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(f"real samples are not on this machine ({folder.name} folder beside the repository)")
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium without a window; not for longer than a module, for its driver's event loop is in the way of Dagster's own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (dependency group browser)")
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class MadeMarket:
    """A sample market, the sessions made of it, and where everything is."""

    market: SampleMarket
    settings: Settings
    days: list[dt.date]

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse that holds the sessions."""
        return Warehouse(connect_to(self.settings.duckdb_path))

    @contextmanager
    def after(self, *changes: str) -> Iterator[Warehouse]:
        """The warehouse as it is after statements that change rows; they are taken back."""
        with connect_to(self.settings.duckdb_path)() as connection:
            connection.begin()
            try:
                for sql in changes:
                    changed = connection.execute(sql).fetchone()
                    assert changed is not None
                    assert changed[0] > 0, sql
                yield Warehouse(lambda: nullcontext(connection), is_prepared=True)
            finally:
                connection.rollback()

    def copied_to(self, folder: Path) -> "MadeMarket":
        """The same on a copy of the database, to be broken at will."""
        copy = folder / "darkpool.duckdb"
        shutil.copyfile(self.settings.duckdb_path, copy)
        changed = {"duckdb_path": copy, "output_dir": folder / "output"}
        return MadeMarket(self.market, self.settings.model_copy(update=changed), self.days)


def settings_of(market: SampleMarket, folder: Path, **changes: object) -> Settings:
    """Settings that point at `market`, with a database and outputs of their own in `folder`."""
    values: dict[str, object] = {name.lower(): value for name, value in sample_settings(market).items()}
    values |= {"duckdb_path": folder / "darkpool.duckdb", "output_dir": folder / "output", "as_of": "2026-01-05"}
    values |= {"partitions_start": "2025-11-03"}  # 25 sessions and five weeks: every window has its values
    return load_settings(**(values | changes))


@pytest.fixture(scope="session")
def made_market(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> MadeMarket:
    """Three sessions of a small market, made by one range run, not drawn; not to be changed (see MadeMarket.copied_to).

    The last one is 12 December 2025, of an anchored week. Made once for every worker and every run, until a line of the product
    changes.
    """
    kept = _kept_folder(pytestconfig)
    market = SampleMarket(folder=kept / "market", last_session=dt.date(2025, 12, 12), sessions=3, trades_per_symbol=600)
    with FileLock(f"{kept}.lock"):
        if not (kept / "made").is_dir():
            _write_market(market)
            _make_sessions(market, settings_of(market, kept / "making"))
            (kept / "making").rename(kept / "made")
    folder = tmp_path_factory.mktemp("made") / "made"
    shutil.copytree(kept / "made", folder)
    return MadeMarket(market, settings_of(market, folder), list(market.trade_sessions))


def _kept_folder(config: pytest.Config) -> Path:
    """A folder that outlives the run, as long as no line of the product changes; those of other lines are removed."""
    root = Path(darkpool_assets.__file__).parent
    lines = b"".join(path.read_bytes() for path in (*sorted(root.rglob("*.py")), Path(__file__)))
    kept = config.cache.mkdir("made_market") / hashlib.sha256(lines).hexdigest()[:16]  # pyright: ignore[reportOptionalMemberAccess]
    for other in kept.parent.iterdir():
        if other.is_dir() and other != kept:
            shutil.rmtree(other, ignore_errors=True)
    return kept


def _write_market(market: SampleMarket) -> None:
    """The market's files; of the weekly ones, those of weeks that no session rests on are taken away."""
    write_sample_market(market)
    in_reach = market_calendar.otc_weeks_in_reach(market.trade_sessions[0])
    for week in set(market.otc_weeks) - set(in_reach):
        for file in (market.folder / "finra_otc").glob(f"*_{week}_*"):
            file.unlink()


def _make_sessions(market: SampleMarket, settings: Settings) -> None:
    settings.duckdb_path.parent.mkdir()
    with dg.DagsterInstance.ephemeral() as instance, kept_open(settings.duckdb_path.parent):
        runner = SessionRunner(settings, instance, on_day=lambda *_: None)
        undrawn = [name for name in runner.asset_names if name not in DRAWN]
        outcome = runner.run(market.trade_sessions, select=undrawn)
    assert not outcome.failures
