"""Short pressure of an index from its members, read against the move of the index or of its proxy.

Members come from the whole-market short file, whether or not they are configured tickers; each session is aggregated over
its own members. No list is read and no publication date is decided here. The rows go to index_constituent_short_agg_daily.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from darkpool_assets import tables
from darkpool_assets.analytics.pressure_context import PressureRules, pressure_context_label
from darkpool_assets.analytics.price_context import daily_returns, return_zscores
from darkpool_assets.analytics.rolling_zscore import finite_or_null, zscore_against_sessions_before
from darkpool_assets.analytics.short_pressure import short_ratios, short_rows_by_symbol
from darkpool_assets.analytics.symbol_spelling import polygon_spelling, to_polygon
from darkpool_assets.vocabulary import DataQuality, DenominatorType, IndexPriceSource


def members_on(constituents: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """The members of each index on `day`; start_date and end_date are both inclusive, null is open.

    Args:
        constituents: index_symbol, symbol, weight, start_date, end_date, list_date; one row per membership.
        day: The session.

    Returns:
        One row per (index_symbol, symbol) in the order of the list: index_symbol, symbol as the list spells it (two spellings
        of one symbol count once), list_date (the newest one of the index's rows: how old the list is, not who is in it).
    """
    started = pl.col("start_date").is_null() | (pl.col("start_date") <= day)
    not_ended = pl.col("end_date").is_null() | (pl.col("end_date") >= day)
    return (
        constituents.with_columns(pl.col("list_date").max().over("index_symbol"))
        .filter(started & not_ended)
        .with_columns(polygon_spelling("symbol").alias("_polygon"))
        .unique(["index_symbol", "_polygon"], keep="first", maintain_order=True)
        .select("index_symbol", "symbol", "list_date")
    )


@dataclass(frozen=True)
class IndexInputs:
    """What is stored for the members of all indices on a day and its look-back.

    Attributes:
        constituents: As in `members_on`.
        short_rows: Newest-vintage rows of finra_short_daily_raw; Reg SHO spelling.
        short_sources: trade_date and source of everything stored for those dates, for any symbol.
        aggs: Rows of polygon_daily_agg_raw; Polygon spelling, an index as `SPX` or `I:SPX`.
        otc_known: One row per symbol (column `symbol`, Polygon spelling) whose OTC week of the day is known.
    """

    constituents: pl.DataFrame
    short_rows: pl.DataFrame
    short_sources: pl.DataFrame
    aggs: pl.DataFrame
    otc_known: pl.DataFrame


def build_index_aggregation(
    inputs: IndexInputs,
    *,
    day: dt.date,
    sessions: Sequence[dt.date],
    rules: PressureRules,
    proxy_map: Mapping[str, str],
    inference_version: str,
    as_of: dt.date,
) -> pl.DataFrame:
    """One day of index_constituent_short_agg_daily.

    Args:
        inputs: Lists, short rows, aggregates and known OTC weeks.
        day: The session.
        sessions: All sessions of the look-back, `day` included, oldest first.
        rules: Numerator, windows and thresholds.
        proxy_map: Index -> symbol whose return stands for it where `aggs` has no close of the index itself.
        inference_version: Key of the rows.
        as_of: Date up to which publications were allowed to be known.

    Returns:
        One row per index that has members on `day`, by index_symbol. Sums over no counted member are null, never 0.
    """
    window = [session for session in sessions if session < day][-rules.short_window :]
    members = _members_by_session(inputs.constituents, [*window, day])
    shorts = _member_shorts(members, inputs.short_rows, inputs.short_sources, inputs.aggs, rules=rules)
    ratios = _aggregate_ratios(shorts)
    today = ratios.filter(pl.col("date") == day)
    rows = (
        today.join(_data_quality(shorts.filter(pl.col("date") == day), inputs.otc_known), on="index_symbol")
        .join(_index_zscores(ratios, day=day, sessions=window, min_periods=rules.min_periods), on="index_symbol")
        .join(
            _index_returns(inputs.aggs, today["index_symbol"], day=day, sessions=sessions, rules=rules, proxy_map=proxy_map),
            on="index_symbol",
        )
        .with_columns(
            _interpretation_label(rules), pl.lit(inference_version).alias("inference_version"), pl.lit(as_of).alias("as_of")
        )
    )
    return tables.INDEX_CONSTITUENT_SHORT_AGG_DAILY.conform(rows.rename({"date": "trade_date"})).sort("index_symbol")


def _interpretation_label(rules: PressureRules) -> pl.Expr:
    return pressure_context_label(
        short_z="agg_short_ratio_z",
        return_z="index_return_z",
        return_1d="index_return",
        return_z_min=rules.return_z_min,
        short_z_high=rules.short_z_high,
        short_z_low=rules.short_z_low,
    ).alias("interpretation_label")


def _members_by_session(constituents: pl.DataFrame, sessions: Sequence[dt.date]) -> pl.DataFrame:
    return pl.concat(members_on(constituents, session).with_columns(pl.lit(session).alias("date")) for session in sessions)


def _member_shorts(
    members: pl.DataFrame, short_raw: pl.DataFrame, sources_by_day: pl.DataFrame, aggs: pl.DataFrame, *, rules: PressureRules
) -> pl.DataFrame:
    """One row per (date, index_symbol, member), short columns and close null where the member has none."""
    bars = aggs.select(pl.col("trade_date").alias("date"), "symbol", "volume", finite_or_null("close"))
    rows = short_rows_by_symbol(short_raw, sources_by_day, symbols=members["symbol"])
    ratios = short_ratios(rows, bars, numerator=rules.numerator)
    closes = bars.select("date", pl.col("symbol").alias("_polygon"), "close")
    return (
        members.with_columns(polygon_spelling("symbol").alias("_polygon"))
        .join(ratios, on=["date", "symbol"], how="left")
        .join(closes, on=["date", "_polygon"], how="left")
        .sort("date", "index_symbol", "_polygon")
    )


def _aggregate_ratios(shorts: pl.DataFrame) -> pl.DataFrame:
    counted = pl.col("short_ratio").is_not_null()
    priced = pl.col("short_volume").is_not_null() & (pl.col("short_total_volume") > 0) & pl.col("close").is_not_null()
    kinds = pl.col("short_ratio_denominator_type").filter(counted)
    mixed = pl.lit(DenominatorType.MIXED.value)
    ratio = finite_or_null(pl.col("total_short_volume") / pl.col("total_denominator_volume"))
    return (
        shorts.group_by("date", "index_symbol", maintain_order=True)
        .agg(
            _sum_over(counted, pl.col("short_numerator")).alias("total_short_volume"),
            _sum_over(counted, pl.col("short_ratio_denominator_value")).alias("total_denominator_volume"),
            pl.when(kinds.n_unique() > 1).then(mixed).otherwise(kinds.first()).alias("denominator_type"),
            _dollar_weighted(priced).alias("dollar_weighted_short_ratio"),
            counted.sum().alias("coverage_count"),
            pl.len().alias("expected_constituent_count"),
            priced.sum().alias("priced_count"),
            pl.col("list_date").first().alias("constituents_list_date"),
        )
        .with_columns(
            ratio.alias("agg_short_ratio"),
            (100.0 * pl.col("coverage_count") / pl.col("expected_constituent_count")).alias("coverage_pct"),
        )
    )


def _sum_over(counted: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(counted.any()).then(finite_or_null(value.filter(counted).sum()))


def _dollar_weighted(priced: pl.Expr) -> pl.Expr:
    # FINRA counts exempt shares inside ShortVolume, so this is the published dark index's formula under either numerator.
    short_dollars = (pl.col("short_volume") * pl.col("close")).filter(priced).sum()
    return finite_or_null(short_dollars / (pl.col("short_total_volume") * pl.col("close")).filter(priced).sum())


def _data_quality(shorts: pl.DataFrame, otc_known: pl.DataFrame) -> pl.DataFrame:
    counted = pl.col("short_ratio").is_not_null()
    known = pl.col("_polygon").is_in(otc_known["symbol"].to_list())
    anchored = pl.when(counted.any() & known.filter(counted).all()).then(pl.lit(DataQuality.OTC_ANCHORED.value))
    quality = anchored.otherwise(pl.lit(DataQuality.PRE_OTC.value)).alias("data_quality")
    return shorts.group_by("index_symbol").agg(quality)


def _index_zscores(ratios: pl.DataFrame, *, day: dt.date, sessions: Sequence[dt.date], min_periods: int) -> pl.DataFrame:
    def zscores(ratio: str, like: str | None) -> pl.DataFrame:
        values = ratios.rename({ratio: "value"})
        scored = zscore_against_sessions_before(
            values, day=day, sessions=sessions, min_periods=min_periods, keys=("index_symbol",), like=like
        )
        return scored.select("index_symbol", pl.col("z").alias(f"{ratio}_z"))

    summed = zscores("agg_short_ratio", "denominator_type")
    return summed.join(zscores("dollar_weighted_short_ratio", None), on="index_symbol")


def _index_returns(
    aggs: pl.DataFrame,
    indices: Iterable[str],
    *,
    day: dt.date,
    sessions: Sequence[dt.date],
    rules: PressureRules,
    proxy_map: Mapping[str, str],
) -> pl.DataFrame:
    closing = set(aggs.filter(pl.col("trade_date") == day, finite_or_null("close").is_not_null())["symbol"])
    priced = pl.DataFrame(
        [(index, *_price_symbol(index, closing, proxy_map)) for index in indices],
        schema={"index_symbol": pl.String, "index_price_symbol": pl.String, "index_price_source": pl.String},
        orient="row",
    )
    wanted = priced.with_columns(polygon_spelling("index_price_symbol").alias("_polygon"))
    bars = aggs.join(wanted, left_on="symbol", right_on="_polygon", how="semi")
    returns = daily_returns(bars, sessions=sessions)
    moves = return_zscores(returns, day=day, sessions=sessions, window=rules.return_window, min_periods=rules.min_periods).rename(
        {"symbol": "_polygon", "return_1d": "index_return", "return_z": "index_return_z"}
    )
    return wanted.join(moves, on="_polygon", how="left").drop("_polygon")


def _price_symbol(index: str, closing: set[str], proxy_map: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The symbol whose close of the day stands for the index, and whether it is the index's own."""
    for own in (f"I:{index}", index):
        if own in closing:
            return own, IndexPriceSource.INDEX.value
    proxy = proxy_map.get(index)
    if proxy is not None and to_polygon(proxy) in closing:
        return proxy, IndexPriceSource.PROXY.value
    return None, None
