"""Two commands with other TICKERS that make one first-ever day at once, over files and over HTTP.

Both tickers' prints must be stored afterwards, and the derived rows must be, all of them, those of one command: what is stored
equals, cell by cell, what the two commands store one after the other, in one of both orders.
"""

import datetime as dt
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from darkpool_assets.sample_market.constituents import constituents_csv
from darkpool_assets.sample_market.market_history import build_market_history
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets_tests.hand_made_feeds import HandMadeFeeds
from darkpool_assets_tests.trust.place import Place
from darkpool_assets_tests.trust.stored_state import StoredState, differing_tables

_LATEST_START: Final = 1.0


@dataclass(frozen=True)
class Race:
    """One trial.

    Attributes:
        over: files or HTTP.
        faults: What was lost or mixed, or which command failed; none where all was well.
    """

    over: str
    faults: tuple[str, ...]


def race_commands(number: int, folder: Path, *, seed: int = 1) -> Iterator[Race]:
    """Let two commands race `number` times over files and as often over HTTP, below `folder`; `seed` draws who is late."""
    moments = random.Random(seed)
    for over, feeds in (("files", _files), ("HTTP", _served)):
        with feeds(folder / over) as (tickers, values):
            place = Place(folder / over / "place", values)
            orders = [_one_after_the_other(place, pair) for pair in (tickers, (tickers[1], tickers[0]))]
            for _ in range(number):
                yield Race(over, tuple(_race(place, tickers, orders, late=moments.random() * _LATEST_START)))


@contextmanager
def _files(folder: Path) -> Iterator[tuple[tuple[str, str], Mapping[str, str]]]:
    feeds = HandMadeFeeds(folder / "feeds").write_everything()
    yield ("SPY", "QQQ"), feeds.values()


@contextmanager
def _served(folder: Path) -> Iterator[tuple[tuple[str, str], Mapping[str, str]]]:
    market = SampleMarket(folder=folder / "market", last_session=dt.date(2025, 12, 12), sessions=1, trades_per_symbol=150)
    (market.folder / "constituents").mkdir(parents=True)
    (market.folder / "constituents" / "spx_sample.csv").write_text(constituents_csv(market))
    now = dt.datetime(2026, 1, 5, 23, tzinfo=dt.UTC)
    with MarketServer(market, now=now, history=build_market_history(market)) as server:
        start = market.last_session - dt.timedelta(days=2)  # a short look-back
        yield ("SPY", "AAPL"), {**server.settings(), "PARTITIONS_START": str(start)}


def _one_after_the_other(place: Place, tickers: tuple[str, str]) -> StoredState:
    """What two undisturbed commands store."""
    place.clear()
    for symbol in tickers:
        with place.command("run", tickers=symbol) as alone:
            if code := alone.wait():
                raise RuntimeError(f"an undisturbed command ended with {code}: {alone.said()}")
    return place.state()


def _race(place: Place, tickers: tuple[str, str], orders: list[StoredState], *, late: float) -> Iterator[str]:
    place.clear()
    with place.command("run", tickers=tickers[0]) as one:
        time.sleep(late)
        with place.command("run", tickers=tickers[1]) as other:
            for running in (one, other):
                if code := running.wait():
                    yield f"a command ended with {code}: {running.said()}"
    found = place.state()
    if not any(found.rows == order.rows for order in orders):
        for piece in sorted({*found.rows, *orders[0].rows, *orders[1].rows}):
            if all(found.rows.get(piece) != order.rows.get(piece) for order in orders):
                yield f"lost or mixed: {' of '.join(piece)}"
        yield "the tables are not those of one order"
    yield from (f"the published copy differs: {table}" for table in differing_tables(place.database, place.copy))
