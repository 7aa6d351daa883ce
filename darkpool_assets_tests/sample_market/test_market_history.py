import dataclasses
import datetime as dt

import numpy as np
import pytest

from darkpool_assets.sample_market.market_history import build_market_history
from darkpool_assets.sample_market.universe import TICKERS, UNIVERSE, position_of


def test_another_seed_gives_another_market(history):
    other = build_market_history(dataclasses.replace(history.market, seed=8))
    assert not np.array_equal(other.prices.close[-1], history.prices.close[-1])


def test_a_later_plan_repeats_the_earlier_ones_days(history, fractional_history):
    days = len(history.sessions)
    assert fractional_history.sessions[:days] == history.sessions
    assert np.array_equal(fractional_history.prices.close[:days], history.prices.close)
    assert np.array_equal(fractional_history.volumes.short[:, :days], history.volumes.short)


def test_accumulation_goes_with_less_short_selling(history):
    index = [position_of(symbol) for symbol in TICKERS]
    ratio = (history.volumes.short.sum(axis=0) / history.volumes.facility.sum(axis=0))[:, index]
    for column in range(len(index)):
        assert np.corrcoef(history.prices.flow[:, index[column]], ratio[:, column])[0, 1] < -0.4


def test_accumulation_pulls_the_next_return_up_only_mildly(history):
    flow, surprise = history.prices.flow[:-1].ravel(), history.prices.surprise[1:].ravel()
    assert 0.05 < np.corrcoef(flow, surprise)[0, 1] < 0.3


def test_flow_states_last_for_days(history):
    flow = history.prices.flow[:, position_of("SPY")]
    assert np.corrcoef(flow[:-1], flow[1:])[0, 1] > 0.8


def test_a_half_day_trades_less(history):
    spy = history.volumes.consolidated[:, position_of("SPY")]
    assert spy[history.number_of(dt.date(2025, 12, 24))] < np.median(spy)


def test_the_universe_names_no_symbol_twice():
    assert len({security.symbol for security in UNIVERSE}) == len(UNIVERSE)
    assert {security.symbol for security in UNIVERSE if security.weight} == set(TICKERS)


def test_the_tickers_weights_average_one():
    assert sum(security.weight for security in UNIVERSE) == pytest.approx(len(TICKERS))
