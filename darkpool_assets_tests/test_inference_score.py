"""How often the inference finds the sample market's true direction, on what the product stored of it."""

import polars as pl
import pytest

from darkpool_assets.analytics.trade_classification import classify_trades
from darkpool_assets.analytics.trade_eligibility import PrintCategory, categorise_prints
from darkpool_assets.sample_market.writing import true_directions
from darkpool_assets.vocabulary import ClassificationRule
from darkpool_assets_tests.conftest import MadeMarket

TRADE = ["symbol", "timestamp", "sequence_number", "exchange", "id"]


@pytest.fixture(scope="module")
def lit_prints(made_market: MadeMarket) -> pl.DataFrame:
    stored = made_market.warehouse.read_day("polygon_equity_trades_raw", made_market.days[-1])
    return categorise_prints(stored).filter(pl.col("category") == PrintCategory.LIT)


@pytest.fixture(scope="module")
def truth(made_market: MadeMarket) -> pl.DataFrame:
    return true_directions(made_market.market.folder, made_market.days[-1]).select(*TRADE, true_direction="direction")


def share_right(lit_prints: pl.DataFrame, truth: pl.DataFrame, rule: ClassificationRule) -> float:
    scored = classify_trades(lit_prints, rule=rule).join(truth, on=TRADE)
    return scored.filter(pl.col("direction") == pl.col("true_direction")).height / scored.height


def test_every_true_lit_trade_is_stored_and_eligible(lit_prints: pl.DataFrame, truth: pl.DataFrame) -> None:
    assert lit_prints.join(truth, on=TRADE).height == lit_prints.height == truth.height


def test_lee_ready_finds_nearly_every_true_direction(lit_prints: pl.DataFrame, truth: pl.DataFrame) -> None:
    assert share_right(lit_prints, truth, ClassificationRule.LEE_READY) >= 0.97


def test_the_tick_test_alone_is_clearly_worse(lit_prints: pl.DataFrame, truth: pl.DataFrame) -> None:
    assert 0.6 < share_right(lit_prints, truth, ClassificationRule.TICK) < 0.9


def test_quotes_at_the_trades_own_time_would_cost_several_points(
    lit_prints: pl.DataFrame, truth: pl.DataFrame, made_market: MadeMarket
) -> None:
    day = made_market.days[-1]
    file = made_market.market.folder / "quotes" / f"{day:%Y/%m}" / f"{day}.csv.gz"
    quotes = pl.read_csv(file).select(
        symbol="ticker", timestamp=pl.col("sip_timestamp").cast(pl.Datetime("ns")), bid="bid_price", ask="ask_price"
    )
    late = lit_prints.drop("bid", "ask").sort("timestamp").join_asof(quotes.sort("timestamp"), on="timestamp", by="symbol")
    assert share_right(late, truth, ClassificationRule.LEE_READY) < 0.95
