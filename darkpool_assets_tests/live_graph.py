"""The graph on the sample market's server: fixtures that ask it over real sockets, with faults, plans and a clock to be set."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import stamina

from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.sample_market.constituents import constituents_csv
from darkpool_assets.sample_market.market_history import MarketHistory, build_market_history
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.session_runs import Outcome, SessionRunner
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse

TICKERS = "SPY,AAPL,BRK.B,RGTI"
TABLES_ALONE = [name for name, table in TABLES.items() if table.stage in {"raw", "derived"}]


@dataclass(frozen=True)
class LiveGraph:
    """The graph, a server that it asks, and an instance of its own."""

    server: MarketServer
    instance: dg.DagsterInstance
    folder: Path

    @property
    def day(self) -> dt.date:
        """The market's last session."""
        return self.server.market.last_session

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse that the runs write."""
        return Warehouse(connect_to(self.folder / "darkpool.duckdb"))

    def settings(self, **changes: Any) -> Settings:
        """Settings that ask the server; partitions start a few sessions before the first one, to keep look-backs short."""
        first = self.server.market.trade_sessions[0]
        values: dict[str, Any] = {name.lower(): value for name, value in self.server.settings().items()}
        values |= {"partitions_start": first - dt.timedelta(days=2), "as_of": "2026-01-05", "tickers": TICKERS}
        values |= {"duckdb_path": self.folder / "darkpool.duckdb", "output_dir": self.folder / "output"}
        return load_settings(**(values | changes))

    def materialise(
        self, assets: dg.AssetsDefinition | Sequence[dg.AssetsDefinition], *, force: bool = False, **changes: Any
    ) -> dg.ExecuteInProcessResult:
        """The last session of an asset (or a few), as a click in the UI makes it; the result may be a failure."""
        return dg.materialize(
            [assets] if isinstance(assets, dg.AssetsDefinition) else assets,
            instance=self.instance,
            partition_key=self.day.isoformat(),
            resources=build_resources(self.settings(**changes)),
            tags={"darkpool/force": "true"} if force else None,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def run(self, days: Sequence[dt.date] | None = None, *, force: bool = False, **changes: Any) -> Outcome:
        """The days (the last session) as the command line makes them, nothing drawn."""
        runner = SessionRunner(self.settings(**changes), self.instance, on_day=lambda *_: None)
        return runner.run(days or [self.day], select=TABLES_ALONE, force=force)

    def rows(self, table: str) -> pl.DataFrame:
        """Every stored row of a table."""
        return self.warehouse.read_window(table, dt.date.min, dt.date.max)

    def entry(self, feed: str, day: dt.date | None = None) -> dict[str, Any]:
        """The newest ledger row of a feed's day."""
        return self.warehouse.newest_entries("ingest_ledger", day or self.day, day or self.day, owner=feed, by=["feed"]).row(
            0, named=True
        )

    def asked(self, path: str) -> int:
        """How many requests the server has had for a path or what is below it."""
        return len(self.server.requests_to(path))


@pytest.fixture(scope="session")
def one_session(tmp_path_factory: pytest.TempPathFactory) -> MarketHistory:
    """The drawn history of a market of one session, 12 December 2025; of its files only the constituents are written."""
    market = SampleMarket(
        folder=tmp_path_factory.mktemp("served"), last_session=dt.date(2025, 12, 12), sessions=1, trades_per_symbol=150
    )
    (market.folder / "constituents").mkdir()
    (market.folder / "constituents" / "spx_sample.csv").write_text(constituents_csv(market))
    return build_market_history(market)


@contextmanager
def served(history: MarketHistory, folder: Path) -> Iterator[LiveGraph]:
    """The graph on a server of a market, late on 5 January 2026: everything is published, retries do not wait."""
    now = dt.datetime(2026, 1, 5, 23, tzinfo=dt.UTC)
    stamina.set_testing(True, attempts=6, cap=True)
    try:
        with MarketServer(history.market, now=now, history=history) as server, dg.DagsterInstance.ephemeral() as instance:
            yield LiveGraph(server, instance, folder)
    finally:
        stamina.set_testing(False)


@pytest.fixture
def live(one_session: MarketHistory, tmp_path: Path) -> Iterator[LiveGraph]:
    """Four tickers of one session, asked for over HTTP."""
    with served(one_session, tmp_path) as graph:
        yield graph
