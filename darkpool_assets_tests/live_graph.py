"""The graph on the sample market's server: fixtures that ask it over real sockets, with faults, plans and a clock to be set."""

import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
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
from darkpool_assets.sample_market.service_terms import Terms
from darkpool_assets.session_runs import Outcome, SessionRunner
from darkpool_assets.settings import Settings, load_settings
from darkpool_assets.sources.finra import services as finra_services
from darkpool_assets.sources.polygon import feeds as polygon_feeds
from darkpool_assets.sources.request_pace import Pace
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_graph import kept_open

TICKERS = "SPY,AAPL,BRK.B,RGTI"
TABLES_ALONE = [name for name, table in TABLES.items() if table.stage in {"raw", "derived"}]


class Clock:
    """Seconds that pass when somebody waits for them."""

    def __init__(self) -> None:
        self.waited = 0.0

    def __call__(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


def keep_pace_by(clock: Clock, patch: pytest.MonkeyPatch) -> None:
    """Let the requests take their turns by `clock`: nobody waits for them."""
    for module in (polygon_feeds, finra_services):
        patch.setattr(module, "Pace", functools.partial(Pace, clock=clock, sleep=clock.sleep))


@dataclass(frozen=True)
class LiveGraph:
    """The graph, a server that it asks, and an instance of its own."""

    server: MarketServer
    instance: dg.DagsterInstance
    folder: Path
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def day(self) -> dt.date:
        """The market's last session."""
        return self.server.market.last_session

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse that the runs write."""
        return Warehouse(connect_to(self.folder / "darkpool.duckdb"))

    def let_go(self) -> None:
        """Close the database, which the fixtures keep open: for other processes."""
        self.opened.close()

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


@contextmanager
def served_at_once(history: MarketHistory, folder: Path) -> Iterator[LiveGraph]:
    """The same without waiting: the server's limits and the turns of the requests go by one clock, the database is kept open."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch, served(history, folder) as graph, kept_open(folder) as opened:
        keep_pace_by(clock, patch)
        graph.server.terms = Terms(clock=clock)
        yield replace(graph, opened=opened)


@pytest.fixture
def live(one_session: MarketHistory, tmp_path: Path) -> Iterator[LiveGraph]:
    """Four tickers of one session, asked for over HTTP."""
    with served_at_once(one_session, tmp_path) as graph:
        yield graph


@pytest.fixture(scope="session")
def made_live(one_session: MarketHistory, tmp_path_factory: pytest.TempPathFactory) -> LiveGraph:
    """The session made once over HTTP, nothing failing; its server is down, and knows what it was asked."""
    with served_at_once(one_session, tmp_path_factory.mktemp("live")) as graph:
        assert graph.run().failures == []
    return graph


@pytest.fixture
def live_again(made_live: LiveGraph, live: LiveGraph) -> LiveGraph:
    """The same on a copy of what was made once; nobody has asked this server yet."""
    with connect_to(live.folder / "darkpool.duckdb")() as connection:
        connection.execute("attach $made as made (read_only)", {"made": str(made_live.folder / "darkpool.duckdb")})
        connection.execute(f"copy from database made to {connection.execute('select current_database()').fetchall()[0][0]}")
        connection.execute("detach made")
        moved = [made_live.server.url, live.server.url, str(made_live.folder), str(live.folder)]
        connection.execute("update derivation_ledger set settings = replace(replace(settings, ?, ?), ?, ?)", moved)
    return live
