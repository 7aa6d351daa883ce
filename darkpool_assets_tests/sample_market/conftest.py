"""A small sample market on disk, written once, and its history."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from darkpool_assets.sample_market import SampleMarket, write_sample_market
from darkpool_assets.sample_market.market_history import MarketHistory, build_market_history


@pytest.fixture(scope="session")
def written_market(tmp_path_factory: pytest.TempPathFactory) -> SampleMarket:
    market = SampleMarket(tmp_path_factory.mktemp("sample"), trades_per_symbol=120)
    write_sample_market(market)
    return market


@pytest.fixture(scope="session")
def history() -> MarketHistory:
    return build_market_history(SampleMarket(Path("unused")))


@pytest.fixture(scope="session")
def fractional_history(history: MarketHistory) -> MarketHistory:
    return build_market_history(dataclasses.replace(history.market, last_session=dt.date(2026, 3, 6), sessions=3))
