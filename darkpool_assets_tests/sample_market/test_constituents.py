import csv
from pathlib import Path

import pytest

from darkpool_assets.sample_market.constituents import constituents_csv
from darkpool_assets.sample_market.universe import TICKERS
from darkpool_assets.settings import SYMBOL_PATTERN

TRACKED = Path(__file__).resolve().parents[2] / "data" / "constituents" / "spx_sample.csv"


@pytest.fixture(scope="module")
def members(history) -> list[dict[str, str]]:
    return list(csv.DictReader(constituents_csv(history.market).splitlines()))


def test_most_members_are_not_configured_tickers(members):
    outsiders = [row for row in members if row["symbol"] not in TICKERS]
    assert len(members) >= 30
    assert len(outsiders) > len(members) / 2


def test_one_member_joins_and_one_leaves_between_the_sessions_with_trades(history, members):
    sessions = [day.isoformat() for day in history.market.trade_sessions]
    (joins,) = [row for row in members if row["start_date"]]
    (leaves,) = [row for row in members if row["end_date"]]
    assert sessions.index(joins["start_date"]) == sessions.index(leaves["end_date"]) + 1


def test_the_index_is_called_a_sample(members):
    assert {row["index_symbol"] for row in members} == {"SPX_SAMPLE"}


def test_the_tracked_list_is_a_sample_too_and_well_formed():
    rows = list(csv.DictReader(TRACKED.read_text().splitlines()))
    assert list(rows[0]) == ["index_symbol", "symbol", "weight", "start_date", "end_date", "list_date"]
    assert {row["index_symbol"] for row in rows} == {"SPX_SAMPLE"}
    assert len({row["symbol"] for row in rows}) == len(rows) == 30
    assert all(SYMBOL_PATTERN.fullmatch(row["symbol"]) for row in rows)
