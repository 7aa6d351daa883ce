"""One symbol's day of lit trading in one row: inferred buy and sell volume, how it was inferred and how firmly.

Prints are made eligible and signed by the modules beside this one; nothing is read or stored here, and nothing is scaled
to off-exchange volume. The rows are the table lit_direction_daily, which daily_metrics and the z-scores read.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import polars as pl

from darkpool_assets.analytics.bulk_volume_classification import classify_bars
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.analytics.trade_classification import classify_under_every_rule, direction_column
from darkpool_assets.analytics.trade_eligibility import (
    PrintCategory,
    categorise_prints,
    drop_repeated_prints,
    drop_unusable_prints,
)
from darkpool_assets.tables import LIT_DIRECTION_DAILY
from darkpool_assets.vocabulary import ClassificationMethod, ClassificationRule, TradeSource

NBBO_FROM_PCT: Final = 95
TICK_UP_TO_PCT: Final = 5
_DUST: Final = 1e-9  # sums of fractional sizes miss a threshold by a last bit
STABILITY_RULES: Final = (ClassificationRule.LEE_READY, ClassificationRule.EMO, ClassificationRule.CLNV, ClassificationRule.TICK)
_TAPE_COLUMNS: Final = ("symbol", "timestamp", "sequence_number", "price", "size", "bid", "ask")
_VOLUMES: Final = (
    "lit_buy_volume",
    "lit_sell_volume",
    "lit_unclassified_volume",
    "lit_total_volume",
    "off_exchange_print_volume",
    "excluded_volume",
    "trade_count",
)


def build_lit_direction(
    prints: pl.DataFrame,
    *,
    day: dt.date,
    symbols: Sequence[str],
    rule: ClassificationRule,
    min_lit_volume: float,
    inference_version: str,
) -> pl.DataFrame:
    """Infer the direction of each symbol's lit trading on `day`.

    Args:
        prints: Rows of polygon_equity_trades_raw of `day`, one per print or minute bar; may be empty.
        day: The session.
        symbols: Configured tickers, with "/" or "."; the rows keep their spelling.
        rule: How trades are signed.
        min_lit_volume: Shares of buy + sell below which no ratio is given.
        inference_version: Key of the rows.

    Returns:
        Rows of lit_direction_daily, one per symbol of `symbols`, always; volumes in shares.
    """
    usable = drop_repeated_prints(drop_unusable_prints(prints))
    is_bar = pl.col("data_source") == TradeSource.MINUTE_BARS
    of_trades = _sum_trades(usable.filter(~is_bar), rule=rule)
    of_bars = _sum_bars(usable.filter(is_bar)).join(of_trades, on="polygon_symbol", how="anti")
    came = prints.select(polygon_symbol="symbol").unique().with_columns(came=pl.lit(value=True))
    rows = (
        spellings_of(symbols)
        .join(came, on="polygon_symbol", how="left", maintain_order="left")
        .join(pl.concat([of_trades, of_bars], how="diagonal"), on="polygon_symbol", how="left", maintain_order="left")
    )
    rows = _with_stability(_with_ratios(_with_method(rows, rule=rule), minimum=min_lit_volume), minimum=min_lit_volume)
    rows = rows.with_columns(
        date=pl.lit(day), classification_rule=pl.lit(rule.value), inference_version=pl.lit(inference_version)
    )
    return LIT_DIRECTION_DAILY.conform(rows.select(LIT_DIRECTION_DAILY.column_names))


def _sum_trades(trades: pl.DataFrame, *, rule: ClassificationRule) -> pl.DataFrame:
    """One row per symbol with a usable trade: the volumes of the window, and of its lit trades by direction and rule."""
    categorised = categorise_prints(trades)
    window = categorised.group_by(polygon_symbol="symbol").agg(
        off_exchange_print_volume=_size_where(pl.col("category") == PrintCategory.OFF_EXCHANGE),
        excluded_volume=_size_where(pl.col("category") == PrintCategory.EXCLUDED),
    )
    lit = categorised.filter(pl.col("category") == PrintCategory.LIT).select(_TAPE_COLUMNS)
    chosen = pl.col(direction_column(rule))
    signed = classify_under_every_rule(lit).group_by(polygon_symbol="symbol").agg(
        lit_buy_volume=_size_where(chosen == 1),
        lit_sell_volume=_size_where(chosen == -1),
        lit_unclassified_volume=_size_where(chosen == 0),
        lit_total_volume=pl.col("size").sum(),
        trade_count=pl.len().cast(pl.Int64),
        quoted_volume=_size_where(pl.col("has_valid_quote")),
        **{f"buy_{each.value}": _size_where(pl.col(direction_column(each)) == 1) for each in STABILITY_RULES},
        **{f"sell_{each.value}": _size_where(pl.col(direction_column(each)) == -1) for each in STABILITY_RULES},
    )  # fmt: skip
    return window.join(signed, on="polygon_symbol", how="left").with_columns(is_bars=pl.lit(value=False))


def _size_where(condition: pl.Expr) -> pl.Expr:
    return (pl.col("size") * condition).sum()


def _sum_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """One row per symbol with a usable bar: its volume, split. What of it is lit, and how many trades, bars do not say."""
    total = pl.col("size").sum()
    buy = (pl.col("size") * pl.col("buy_share")).sum()
    summed = classify_bars(bars).group_by(polygon_symbol="symbol").agg(
        lit_buy_volume=buy, lit_sell_volume=total - buy, lit_total_volume=total
    )  # fmt: skip
    return summed.with_columns(lit_unclassified_volume=pl.lit(0.0), quoted_volume=pl.lit(0.0), is_bars=pl.lit(value=True))


def _with_method(rows: pl.DataFrame, *, rule: ClassificationRule) -> pl.DataFrame:
    """What the direction rests on; and volumes of 0 where trades came but none was eligible."""
    total, covered = pl.col("lit_total_volume"), 100 * pl.col("quoted_volume")
    method = (
        pl.when(total.is_null()).then(pl.lit(ClassificationMethod.NONE.value))
        .when(pl.col("is_bars")).then(pl.lit(ClassificationMethod.BVC.value))
        .when(pl.lit(rule is ClassificationRule.TICK)).then(pl.lit(ClassificationMethod.TICK.value))
        .when(covered >= (NBBO_FROM_PCT - _DUST) * total).then(pl.lit(ClassificationMethod.NBBO.value))
        .when(covered <= (TICK_UP_TO_PCT + _DUST) * total).then(pl.lit(ClassificationMethod.TICK.value))
        .otherwise(pl.lit(ClassificationMethod.MIXED.value))
    )  # fmt: skip
    came_without_bars = pl.col("came") & ~pl.col("is_bars").fill_null(value=False)
    filled = [pl.when(came_without_bars).then(pl.col(name).fill_null(0)).otherwise(name).alias(name) for name in _VOLUMES]
    return rows.with_columns(*filled, classification_method=method)


def _with_ratios(rows: pl.DataFrame, *, minimum: float) -> pl.DataFrame:
    buy, sell, total = pl.col("lit_buy_volume"), pl.col("lit_sell_volume"), pl.col("lit_total_volume")
    classified = total - pl.col("lit_unclassified_volume")
    return rows.with_columns(
        lit_buy_ratio=_buy_ratio(buy, sell, minimum=minimum),
        log_buy_sell=pl.when((buy > 0) & (sell > 0)).then((buy / sell).log()),
        quote_coverage_pct=100 * pl.col("quoted_volume") / total,
        lit_coverage_pct=pl.when(total > 0).then(100 * classified / total),
    )


def _with_stability(rows: pl.DataFrame, *, minimum: float) -> pl.DataFrame:
    """The range of the buy ratio over four rules, and whether all of it lies strictly on one side of one half."""
    ratios = [_buy_ratio(pl.col(f"buy_{rule}"), pl.col(f"sell_{rule}"), minimum=minimum) for rule in STABILITY_RULES]
    low, high = pl.min_horizontal(ratios), pl.max_horizontal(ratios)
    return rows.with_columns(lit_buy_ratio_low=low, lit_buy_ratio_high=high, direction_stable=(low > 0.5) | (high < 0.5))


def _buy_ratio(buy: pl.Expr, sell: pl.Expr, *, minimum: float) -> pl.Expr:
    classified = buy + sell
    return pl.when((classified >= minimum) & (classified > 0)).then(buy / classified)
