"""The OTC anchor: which FINRA week a symbol's day may rest on, and what share of that week falls on the day.

Frames in, frames out; no clock (`as_of` is an argument) and no storage. daily_metrics carries the result, the gate
recomputes it, index_aggregation asks only whether the week is known.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.vocabulary import DataQuality, OtcAllocBasis, OtcStatus, ShortFileFamily, SummaryType

DROPPED_TIERS: Final = ("NA", "NMS")
_VINTAGE_KEY: Final = ("symbol", "week_start_date", "content_hash", "ingested_at")
_SUMMED: Final = pl.col("summary_type_code").is_in([SummaryType.ATS.value, SummaryType.NON_ATS.value])


def published_date() -> pl.Expr:
    """When a row's week was first published: FINRA's date, or else the due date of its tier (T1 + 21 days, else + 35)."""
    due = pl.when(pl.col("tier_identifier") == "T1").then(pl.lit(21)).otherwise(pl.lit(35))
    return pl.coalesce("initial_published_date", pl.col("week_start_date").dt.offset_by(pl.format("{}d", due)))


def newest_known_vintages(rows: pl.DataFrame, *, as_of: dt.date) -> pl.DataFrame:
    """The rows of one vintage per (symbol, week): what a reader at `as_of` takes of each week known by then.

    A week is known when it was published by `as_of`. Of its vintages the newest updated by `as_of` counts, else the oldest
    stored; without last_update_date the newest ingested.

    Args:
        rows: Rows of finra_otc_weekly_raw, all vintages.
        as_of: New York date up to which publications may be known.

    Returns:
        The symbol-level rows (ATS_W_SMBL, OTC_W_SMBL) of the chosen vintages, with `published_date` and `updated` (newest
        last_update_date of the vintage); tiers NA and NMS dropped.
    """
    kept = rows.filter(_SUMMED, pl.col("tier_identifier").is_in(DROPPED_TIERS).not_().fill_null(value=True))
    kept = kept.with_columns(published_date=published_date())
    vintages = (
        kept.group_by(_VINTAGE_KEY)
        .agg(published_date=pl.col("published_date").max(), updated=pl.col("last_update_date").max())
        .filter(pl.col("published_date") <= as_of)
        .with_columns(ordered_by=pl.coalesce("updated", pl.col("published_date").min().over("symbol", "week_start_date")))
        .with_columns(eligible=pl.col("updated").is_null() | (pl.col("updated") <= as_of))
    )
    order = ["ordered_by", "ingested_at", "content_hash"]
    oldest_first = vintages.sort(order)
    newest = oldest_first.filter("eligible").unique(["symbol", "week_start_date"], keep="last", maintain_order=True)
    oldest = oldest_first.unique(["symbol", "week_start_date"], keep="first", maintain_order=True)
    chosen = pl.concat([newest, oldest]).unique(["symbol", "week_start_date"], keep="first", maintain_order=True)
    return kept.drop("published_date").join(chosen.select(*_VINTAGE_KEY, "published_date", "updated"), on=_VINTAGE_KEY)


def weekly_otc_volumes(rows: pl.DataFrame, *, as_of: dt.date) -> pl.DataFrame:
    """Off-exchange volume of each symbol's weeks as known at `as_of`.

    V = sum of ATS_W_SMBL + sum of OTC_W_SMBL over product types (the *_FIRM rows repeat the same shares); of several issue
    names in one week the largest by that sum counts. A leg without a row is null, and V is the other one.

    Args:
        rows: Rows of finra_otc_weekly_raw, all vintages.
        as_of: New York date up to which publications may be known.

    Returns:
        One row per (symbol, week_start_date): otc_volume, ats_volume, non_ats_volume (shares), trade_count, tier_identifier,
        published_date, updated_date (null where the source has none), other_issue_names (null when there is one issue).
    """

    def leg(summary_type: SummaryType) -> pl.Expr:
        volumes = pl.col("off_exchange_volume").filter(pl.col("summary_type_code") == summary_type.value)
        return pl.when(volumes.len() > 0).then(volumes.sum())

    issues = (
        newest_known_vintages(rows, as_of=as_of)
        .group_by("symbol", "week_start_date", "issue_name")
        .agg(
            otc_volume=pl.col("off_exchange_volume").sum(),
            ats_volume=leg(SummaryType.ATS),
            non_ats_volume=leg(SummaryType.NON_ATS),
            trade_count=pl.when(pl.col("trade_count").count() > 0).then(pl.col("trade_count").sum()),
            tier_identifier=pl.col("tier_identifier").min(),
            published_date=pl.col("published_date").max(),
            updated_date=pl.col("updated").max(),
        )
        .sort("symbol", "week_start_date", pl.col("otc_volume").neg(), "issue_name")
    )
    others = pl.col("issue_name").slice(1).fill_null("(no name)").str.join("; ")
    per_week = issues.group_by("symbol", "week_start_date", maintain_order=True)
    return per_week.agg(
        pl.exclude("issue_name", "symbol", "week_start_date").first(), other_issue_names=pl.when(pl.len() > 1).then(others)
    )


def anchor_to_otc_week(symbols: Sequence[str], weeks: pl.DataFrame, *, day: dt.date, as_of: dt.date) -> pl.DataFrame:
    """Attach to each symbol the newest OTC week known at `as_of`, and say whether it covers `day`.

    Args:
        symbols: The symbols that need a row.
        weeks: Result of weekly_otc_volumes, one row per (symbol, week_start_date).
        day: The session.
        as_of: New York date up to which publications may be known.

    Returns:
        One row per symbol, always: otc_week_used (at most 8 weeks old), otc_published_date, otc_off_exchange_volume and its
        legs (shares), otc_trade_count, has_otc, data_quality (never null), otc_status.
    """
    own_week = market_calendar.week_of(day)
    in_reach = weeks.filter(pl.col("week_start_date").is_between(market_calendar.otc_weeks_in_reach(day)[0], own_week))
    newest = in_reach.sort("week_start_date").group_by("symbol", maintain_order=True).last()
    rows = pl.DataFrame({"symbol": list(symbols)}, schema={"symbol": pl.String}).join(
        newest, on="symbol", how="left", maintain_order="left"
    )
    anchored = (pl.col("week_start_date") == own_week).fill_null(value=False)
    return rows.select(
        "symbol",
        otc_week_used="week_start_date",
        otc_published_date="published_date",
        otc_off_exchange_volume="otc_volume",
        otc_ats_volume="ats_volume",
        otc_non_ats_volume="non_ats_volume",
        otc_trade_count="trade_count",
        has_otc=pl.col("week_start_date").is_not_null(),
        data_quality=pl.when(anchored).then(pl.lit(DataQuality.OTC_ANCHORED.value)).otherwise(pl.lit(DataQuality.PRE_OTC.value)),
        otc_status=_status(anchored, own_week=own_week, as_of=as_of),
    )


def _status(anchored: pl.Expr, *, own_week: dt.date, as_of: dt.date) -> pl.Expr:
    """First that holds: ANCHORED, NO_COVERAGE, NOT_YET_PUBLISHED (up to one day after the tier's due date), OVERDUE."""
    a_day = dt.timedelta(days=1)
    t1_awaited = as_of <= market_calendar.otc_due_date(own_week, "T1") + a_day
    others_awaited = as_of <= market_calendar.otc_due_date(own_week, None) + a_day
    awaited = pl.when(pl.col("tier_identifier") == "T1").then(pl.lit(t1_awaited)).otherwise(pl.lit(others_awaited))
    return (
        pl.when(anchored)
        .then(pl.lit(OtcStatus.ANCHORED.value))
        .when(pl.col("week_start_date").is_null())
        .then(pl.lit(OtcStatus.NO_COVERAGE.value))
        .when(awaited)
        .then(pl.lit(OtcStatus.NOT_YET_PUBLISHED.value))
        .otherwise(pl.lit(OtcStatus.OVERDUE.value))
    )


def weekly_shares(
    daily: pl.DataFrame, short_sources: pl.DataFrame, *, day: dt.date, without_totals: Sequence[str] = ()
) -> pl.DataFrame:
    """What share of its week falls on `day`, per symbol, and what the share is measured by.

    One basis per week. FINRA_DAILY when the symbol's FINRA totals sum to more than 0 and every session of the week has short
    rows, of any symbol, of the kind that the symbol's own come from (CNMS, its facilities and the API are one kind, FORF is the
    other): a symbol that such a file lacks traded 0. Else POLYGON_DAILY when every session has a Polygon volume > 0, else EQUAL.

    Args:
        daily: One row per (date, symbol) of the week's sessions: short_total_volume and volume (shares) and short_ratio_source,
            null where absent.
        short_sources: trade_date and source of every stored short row of those dates, of any symbol.
        day: The session.
        without_totals: Symbols of which a short row of the week is unknown: their week is not spread by FINRA's totals.

    Returns:
        One row per symbol of `daily`: otc_alloc_basis, week_share (0..1), consolidated_volume (the week's Polygon volume; null
        unless every session has one).
    """
    sessions = market_calendar.sessions_of_week(market_calendar.week_of(day))
    week = daily.filter(pl.col("date").is_in(sessions))

    def on_day(column: str) -> pl.Expr:
        return pl.col(column).filter(pl.col("date") == day).first()

    total, volume = pl.col("short_total_volume"), pl.col("volume")
    kinds = _complete_short_kinds(short_sources, sessions)
    shares = week.group_by("symbol").agg(
        by_finra=_short_kind("short_ratio_source").drop_nulls().is_in(kinds).all()
        & (total.sum() > 0)
        & ~pl.col("symbol").first().is_in(list(without_totals)),
        by_polygon=volume.filter(volume > 0).len() == len(sessions),
        finra_share=on_day("short_total_volume").fill_null(0.0) / total.sum(),
        polygon_share=on_day("volume") / volume.sum(),
        consolidated_volume=pl.when(volume.count() == len(sessions)).then(volume.sum()),
    )
    basis = pl.when("by_finra").then(pl.lit(OtcAllocBasis.FINRA_DAILY.value))
    basis = basis.when("by_polygon").then(pl.lit(OtcAllocBasis.POLYGON_DAILY.value))
    share = pl.when("by_finra").then("finra_share").when("by_polygon").then("polygon_share")
    return shares.select(
        "symbol",
        "consolidated_volume",
        otc_alloc_basis=basis.otherwise(pl.lit(OtcAllocBasis.EQUAL.value)),
        week_share=share.otherwise(1.0 / len(sessions)),
    )


def _short_kind(source: str) -> pl.Expr:
    """Whether a short row is of FORF (OTC equities), or of the consolidated file, its facilities or the API."""
    return pl.col(source) == ShortFileFamily.FORF.value


def _complete_short_kinds(short_sources: pl.DataFrame, sessions: Sequence[dt.date]) -> list[bool]:
    """The kinds of short files of which every session has one."""
    stored = short_sources.filter(pl.col("trade_date").is_in(sessions)).select("trade_date", kind=_short_kind("source"))
    counts = stored.group_by("kind").agg(pl.col("trade_date").n_unique())
    return counts.filter(pl.col("trade_date") == len(sessions))["kind"].to_list()


def participation_rate(otc_volume: str) -> pl.Expr:
    """OTC volume / consolidated_volume of the same week (as weekly_shares gives it); null without one > 0."""
    return pl.col(otc_volume) / pl.when(pl.col("consolidated_volume") > 0).then("consolidated_volume")


def allocate_otc_volume(anchored: pl.DataFrame, shares: pl.DataFrame, *, day: dt.date) -> pl.DataFrame:
    """Spread each anchored symbol's weekly volume over the week's sessions; PRE_OTC rows get nothing.

    Args:
        anchored: Rows of anchor_to_otc_week with lit_buy_ratio (null when it may not direct the allocation, as under BVC).
        shares: Result of weekly_shares.
        day: The session.

    Returns:
        `anchored` with otc_alloc_volume, otc_alloc_basis, otc_buy_volume, otc_sell_volume (shares; null unless OTC_ANCHORED)
        and otc_participation_rate (OTC volume / consolidated volume of the week). Over a week the allocations sum to V.
    """
    sessions = market_calendar.sessions_of_week(market_calendar.week_of(day))
    is_anchored = pl.col("data_quality") == DataQuality.OTC_ANCHORED.value
    rows = anchored.join(shares, on="symbol", how="left", maintain_order="left").with_columns(
        week_share=pl.col("week_share").fill_null(1.0 / len(sessions)),
        otc_alloc_basis=pl.when(is_anchored).then(pl.col("otc_alloc_basis").fill_null(OtcAllocBasis.EQUAL.value)),
    )
    rows = rows.with_columns(otc_alloc_volume=pl.when(is_anchored).then(pl.col("otc_off_exchange_volume") * pl.col("week_share")))
    rows = rows.with_columns(otc_buy_volume=pl.col("otc_alloc_volume") * pl.col("lit_buy_ratio"))
    return rows.with_columns(
        otc_sell_volume=pl.col("otc_alloc_volume") - pl.col("otc_buy_volume"),
        otc_participation_rate=pl.when(is_anchored).then(participation_rate("otc_off_exchange_volume")),
    ).drop("week_share", "consolidated_volume")
