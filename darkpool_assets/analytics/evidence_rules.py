"""Rules 5, 6, 7 and 9: what direction and short pressure rest on, and whether the files were whole.

Pure functions of a StoredDay. Where raw trades were pruned, the counts that the ledger kept stand in for them.
"""

import datetime as dt

import polars as pl

from darkpool_assets.analytics.print_counts import count_prints, counts_of_json
from darkpool_assets.analytics.stored_day import Finding, Rule, StoredDay, differs, findings_of
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.vocabulary import ClassificationMethod, DenominatorType, IngestStatus, NumeratorType, Severity

_EXACT = 1e-9
_NOT_LIT = (ClassificationMethod.BVC.value, ClassificationMethod.NONE.value)


def log_buy_sell_is_present_exactly_when_both_sides_traded(stored: StoredDay) -> list[Finding]:
    """Rule 5: log_buy_sell exactly when both volumes are > 0 (and their logarithm); lit_buy_ratio null below MIN_LIT_VOLUME."""
    least = float(stored.settings("lit_direction_daily").get("min_lit_volume", 0.0))
    findings = [*_direction_findings(stored.lit, least), *_direction_findings(stored.metrics, least)]
    flags = stored.metrics.filter(pl.col("has_lit") != pl.col("log_buy_sell").is_not_null())
    findings += findings_of(flags, "has_lit is {has_lit}, log_buy_sell is {log_buy_sell}")
    lit = stored.lit.select("symbol", lit_buy="lit_buy_volume", lit_sell="lit_sell_volume", method="classification_method")
    beside = stored.metrics.join(lit, on="symbol", how="left")
    unlike = differs("lit_buy_volume", "lit_buy", relative=_EXACT) | differs("lit_sell_volume", "lit_sell", relative=_EXACT)
    other_method = pl.col("classification_method").ne_missing(pl.col("method"))
    findings += findings_of(
        beside.filter(unlike | other_method),
        "buy {lit_buy_volume}, sell {lit_sell_volume}, {classification_method}; "
        "lit_direction_daily says {lit_buy}, {lit_sell}, {method}",
    )
    return findings


def _direction_findings(rows: pl.DataFrame, least: float) -> list[Finding]:
    buy, sell = pl.col("lit_buy_volume"), pl.col("lit_sell_volume")
    both = ((buy > 0) & (sell > 0)).fill_null(value=False)
    enough = ((buy + sell >= least) & (buy + sell > 0)).fill_null(value=False)
    expected_log = pl.when(both).then((buy / sell).log())
    log_is_wrong = (pl.col("log_buy_sell") - expected_log).abs() > _EXACT
    unlike = (pl.col("log_buy_sell").is_null() != expected_log.is_null()) | log_is_wrong.fill_null(value=False)
    return [
        *findings_of(rows.filter(unlike), "log_buy_sell {log_buy_sell} for buy {lit_buy_volume}, sell {lit_sell_volume}"),
        *findings_of(
            rows.filter(differs("lit_buy_ratio", pl.when(enough).then(buy / (buy + sell)), relative=_EXACT)),
            "lit_buy_ratio {lit_buy_ratio} for buy {lit_buy_volume}, sell {lit_sell_volume}" + f", MIN_LIT_VOLUME {least:g}",
        ),
    ]


def short_ratio_denominators_are_typed_and_carry_their_value(stored: StoredDay) -> list[Finding]:
    """Rule 6: denominators are FINRA_TOTAL or POLYGON_TOTAL and carry their value; has_short exactly with short_ratio."""
    rows, kind = stored.metrics, pl.col("short_ratio_denominator_type")
    present = pl.col("short_ratio").is_not_null()
    numerator = (
        pl.when(pl.col("short_ratio_numerator_type") == NumeratorType.SHORT_PLUS_EXEMPT.value)
        .then(pl.col("short_volume") + pl.col("short_exempt_volume"))
        .otherwise("short_volume")
    )
    value = (
        pl.when(kind == DenominatorType.FINRA_TOTAL.value)
        .then("short_total_volume")
        .when(kind == DenominatorType.POLYGON_TOTAL.value)
        .then("volume")
    )
    return [
        *findings_of(rows.filter(pl.col("has_short") != present), "has_short is {has_short}, short_ratio is {short_ratio}"),
        *findings_of(
            rows.filter(pl.col("has_price") != pl.col("close").is_not_null()), "has_price is {has_price}, close is {close}"
        ),
        *findings_of(
            rows.filter(differs("short_ratio_denominator_value", pl.when(present).then(value), relative=_EXACT)),
            "denominator {short_ratio_denominator_value} as {short_ratio_denominator_type}",
        ),
        *findings_of(
            rows.filter(differs("short_ratio", numerator / pl.col("short_ratio_denominator_value"), relative=_EXACT) & present),
            "short_ratio {short_ratio} is not its numerator over {short_ratio_denominator_value}",
        ),
        *findings_of(
            rows.filter(present & (kind.is_null() | pl.col("short_ratio_numerator_type").is_null())),
            "short_ratio without its types",
        ),
    ]


def only_eligible_lit_prints_are_counted_as_lit(stored: StoredDay) -> list[Finding]:
    """Rule 7: no off-exchange print, cancelled trade or trade outside the session is counted as lit (BVC rows say so)."""
    if stored.trades.height:
        return findings_of_prints(stored.lit, stored.trades, window=stored.window)
    pruned = _pruned_prints(stored.readings)
    return _against_ledger(stored) if pruned is None else _against_counts(stored.lit, pruned)


def findings_of_prints(lit: pl.DataFrame, trades: pl.DataFrame, *, window: tuple[dt.datetime, dt.datetime]) -> list[Finding]:
    """Rule 7 of one day and inference_version, asked of the stored prints.

    Args:
        lit: Rows of lit_direction_daily.
        trades: Rows of polygon_equity_trades_raw.
        window: First and last instant (UTC, both inside) whose prints count.
    """
    first, last = (instant.astimezone(dt.UTC).replace(tzinfo=None) for instant in window)
    outside = trades.filter(pl.col("timestamp").is_between(first, last).not_()).group_by("symbol").len().sort("symbol")
    return [*findings_of(outside, "{len} stored prints outside the session window"), *_against_counts(lit, count_prints(trades))]


def _against_counts(lit: pl.DataFrame, counts: pl.DataFrame) -> list[Finding]:
    """What the row counts, against what the prints give; the three volumes sum to the window's."""
    spelled = lit.join(spellings_of(lit["symbol"]), on="symbol")
    rows = spelled.filter(pl.col("classification_method") != ClassificationMethod.BVC.value).join(
        counts.rename({"symbol": "polygon_symbol"}), on="polygon_symbol", how="left"
    )
    classified = pl.col("lit_buy_volume") + pl.col("lit_sell_volume") + pl.col("lit_unclassified_volume")
    unlike = (
        differs("lit_total_volume", "lit")
        | differs("off_exchange_print_volume", "off_exchange")
        | differs("excluded_volume", "excluded")
        | (pl.col("trade_count").ne_missing(pl.col("lit_trades")))
    )
    return [
        *findings_of(
            rows.filter(unlike),
            "lit {lit_total_volume}, off-exchange {off_exchange_print_volume}, excluded {excluded_volume} in {trade_count} "
            "trades; the stored prints say {lit}, {off_exchange}, {excluded} in {lit_trades}",
        ),
        *findings_of(
            rows.filter(differs("lit_total_volume", classified)),
            "buy, sell and unclassified do not sum to lit {lit_total_volume}",
        ),
    ]


def _pruned_prints(readings: pl.DataFrame) -> pl.DataFrame | None:
    """What the pruned prints added up to; None where none were pruned, or the day was read again since."""
    read = [status.value for status in (IngestStatus.STORED, IngestStatus.UNCHANGED, IngestStatus.PARTIAL)]
    trades = readings.filter(
        pl.col("feed") == "polygon_equity_trades_raw", pl.col("status").is_in([*read, IngestStatus.PRUNED.value])
    ).sort("at")
    if trades.is_empty() or trades["status"][-1] != IngestStatus.PRUNED:
        return None
    return counts_of_json(trades["pruned_prints"][-1])


def _against_ledger(stored: StoredDay) -> list[Finding]:
    """Prints that nobody pruned are gone: the sum over tickers against the eligible volume that their reading kept."""
    counted = stored.lit.filter(pl.col("classification_method").is_in(list(_NOT_LIT)).not_())
    if counted.is_empty():
        return []
    kept = stored.readings.filter(pl.col("feed") == "polygon_equity_trades_raw", pl.col("lit_volume").is_not_null())
    if kept.is_empty():
        return findings_of(counted, "lit volume {lit_total_volume} without stored trades and without a ledger entry")
    ledger, rows = float(kept.sort("at")["lit_volume"][-1]), float(counted["lit_total_volume"].sum())
    if abs(ledger - rows) > 1e-6 * max(ledger, rows):
        return [Finding("all tickers", f"lit volume {rows:g}, the ledger says {ledger:g}")]
    return []


def finra_files_are_whole_and_of_their_day(stored: StoredDay) -> list[Finding]:
    """Rule 9: a FINRA file's row count equals its trailer, its dates the partition; API pages are complete."""
    finra = _finra_readings(stored)
    short = finra.filter(pl.col("feed") == "finra_short_daily_raw")
    # The newest reading of a family counts, whatever its file was called.
    newest = short.sort("at").group_by(family=pl.col("source").str.slice(0, 4), maintain_order=True).last()
    held = stored.short_rows.group_by("content_hash").agg(held=pl.len().cast(pl.Int64))
    beside = newest.join(held, on="content_hash", how="left").with_columns(pl.col("held").fill_null(0))
    unread = stored.short_rows.join(short, on="content_hash", how="anti")
    return [
        *findings_of(
            finra.filter(pl.col("expected_rows") != pl.col("physical_rows")),
            "{physical_rows} rows, the source announces {expected_rows}",
            who="source",
        ),
        *findings_of(
            beside.filter(pl.col("held") != pl.col("stored_rows")),
            "{held} rows stored, the ledger says {stored_rows}",
            who="source",
        ),
        *findings_of(
            unread.select("source_file").unique(maintain_order=True),
            "rows stored without a ledger entry of the day",
            who="source_file",
        ),
    ]


def _finra_readings(stored: StoredDay) -> pl.DataFrame:
    """The day's newest readings of FINRA sources that were stored, those without a left-out ticker among them."""
    stored_as = [IngestStatus.STORED.value, IngestStatus.UNCHANGED.value, IngestStatus.PARTIAL.value]
    return stored.readings.filter(
        pl.col("feed").is_in(["finra_short_daily_raw", "finra_otc_weekly_raw"]),
        pl.col("status").is_in(stored_as),
        pl.col("physical_rows").is_not_null(),
    )


EVIDENCE_RULES = (
    Rule(
        5,
        "log_buy_sell_is_present_exactly_when_both_sides_traded",
        "lit_direction_daily",
        Severity.ERROR,
        log_buy_sell_is_present_exactly_when_both_sides_traded,
        "Materialise lit_direction_daily and daily_metrics of this day again.",
        lambda stored: stored.lit["lit_buy_volume"].count() + stored.metrics["lit_buy_volume"].count(),
    ),
    Rule(
        6,
        "short_ratio_denominators_are_typed_and_carry_their_value",
        "daily_metrics",
        Severity.ERROR,
        short_ratio_denominators_are_typed_and_carry_their_value,
        "Materialise daily_metrics of this day again.",
        lambda stored: stored.metrics["short_volume"].count(),
    ),
    Rule(
        7,
        "only_eligible_lit_prints_are_counted_as_lit",
        "lit_direction_daily",
        Severity.ERROR,
        only_eligible_lit_prints_are_counted_as_lit,
        "Materialise polygon_equity_trades_raw, then lit_direction_daily and daily_metrics of this day again.",
        lambda stored: stored.trades.height + stored.lit["lit_total_volume"].count(),
    ),
    Rule(
        9,
        "finra_files_are_whole_and_of_their_day",
        "finra_short_daily_raw",
        Severity.ERROR,
        finra_files_are_whole_and_of_their_day,
        "Get the file again and materialise finra_short_daily_raw of this day.",
        lambda stored: stored.short_rows.height + _finra_readings(stored).height,
    ),
)
