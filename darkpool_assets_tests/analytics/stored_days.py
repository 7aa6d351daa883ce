"""A stored day in which every rule holds, written by hand: four tickers of 10 December 2025, for the tests of the rules.

SPY is anchored and spread by FINRA's totals, BRK/B (Polygon: BRK.B) is anchored, spread by Polygon's volume and trades less than
MIN_LIT_VOLUME, XLF rests on an older week and on minute bars, NEW is known to the daily aggregates alone.
"""

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import MetricInputs
from darkpool_assets.analytics.stored_day import Finding, StoredDay
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import ShortFileFamily

DAY, WEEK, AS_OF, PUBLISHED = dt.date(2025, 12, 10), dt.date(2025, 12, 8), dt.date(2026, 1, 5), dt.date(2025, 12, 29)
EARLIER_WEEK, EARLIER_PUBLISHED = dt.date(2025, 12, 1), dt.date(2025, 12, 22)
SESSIONS = market_calendar.sessions_of_week(WEEK)
WINDOW = (dt.datetime(2025, 12, 10, 14, 30, tzinfo=dt.UTC), dt.datetime(2025, 12, 10, 21, 15, tzinfo=dt.UTC))
READ_AT = dt.datetime.combine(dt.date(2025, 12, 11), dt.time(6))
TICKERS = ["SPY", "BRK/B", "XLF", "NEW"]
SHORT_FEED, OTC_FEED, TRADES_FEED = "finra_short_daily_raw", "finra_otc_weekly_raw", "polygon_equity_trades_raw"
CNMS_FILE = "CNMSshvol20251210.txt"
ONE_AND_A_HALF = math.log(1.5)

LIT: list[dict[str, Any]] = [
    {"symbol": "SPY", "lit_buy_volume": 60_000, "lit_sell_volume": 40_000, "lit_unclassified_volume": 10_000,
     "lit_total_volume": 110_000, "off_exchange_print_volume": 5_000, "excluded_volume": 3_000, "trade_count": 3,
     "lit_buy_ratio": 0.6, "log_buy_sell": ONE_AND_A_HALF, "classification_method": "NBBO"},
    {"symbol": "BRK/B", "lit_buy_volume": 3_000, "lit_sell_volume": 2_000, "lit_unclassified_volume": 1_000,
     "lit_total_volume": 6_000, "off_exchange_print_volume": 0, "excluded_volume": 0, "trade_count": 3,
     "log_buy_sell": ONE_AND_A_HALF, "classification_method": "TICK"},
    {"symbol": "XLF", "lit_buy_volume": 7_000, "lit_sell_volume": 3_000, "lit_unclassified_volume": 0,
     "lit_total_volume": 10_000, "off_exchange_print_volume": 0, "excluded_volume": 0, "trade_count": 1,
     "lit_buy_ratio": 0.7, "log_buy_sell": math.log(7 / 3), "classification_method": "BVC"},
    {"symbol": "NEW", "classification_method": "NONE"},
]  # fmt: skip
METRICS: list[dict[str, Any]] = [
    {"symbol": "SPY", "short_volume": 80_000, "short_exempt_volume": 20_000, "short_total_volume": 200_000, "short_ratio": 0.5,
     "short_ratio_numerator_type": "SHORT_PLUS_EXEMPT", "short_ratio_denominator_type": "FINRA_TOTAL",
     "short_ratio_denominator_value": 200_000, "short_ratio_source": "CNMS", "close": 600, "volume": 500_000,
     "otc_off_exchange_volume": 1_000_000, "otc_ats_volume": 600_000, "otc_non_ats_volume": 400_000, "otc_trade_count": 90,
     "otc_week_used": WEEK, "otc_published_date": PUBLISHED, "otc_status": "ANCHORED", "otc_alloc_volume": 200_000,
     "otc_alloc_basis": "FINRA_DAILY", "otc_buy_volume": 120_000, "otc_sell_volume": 80_000, "otc_participation_rate": 0.4,
     "data_quality": "OTC_ANCHORED", "has_otc": True, "has_short": True, "has_lit": True, "has_price": True},
    {"symbol": "BRK/B", "close": 500, "volume": 40_000, "otc_off_exchange_volume": 50_000, "otc_ats_volume": 30_000,
     "otc_non_ats_volume": 20_000, "otc_trade_count": 90, "otc_week_used": WEEK, "otc_published_date": PUBLISHED,
     "otc_status": "ANCHORED", "otc_alloc_volume": 20_000, "otc_alloc_basis": "POLYGON_DAILY", "otc_participation_rate": 0.5,
     "data_quality": "OTC_ANCHORED", "has_otc": True, "has_short": False, "has_lit": True, "has_price": True},
    {"symbol": "XLF", "short_volume": 300, "short_exempt_volume": 0, "short_total_volume": 1_000, "short_ratio": 0.3,
     "short_ratio_numerator_type": "SHORT_PLUS_EXEMPT", "short_ratio_denominator_type": "FINRA_TOTAL",
     "short_ratio_denominator_value": 1_000, "short_ratio_source": "CNMS", "close": 50, "volume": 10_000,
     "otc_off_exchange_volume": 50_000, "otc_ats_volume": 30_000, "otc_non_ats_volume": 20_000, "otc_trade_count": 90,
     "otc_week_used": EARLIER_WEEK, "otc_published_date": EARLIER_PUBLISHED, "otc_status": "OVERDUE", "data_quality": "PRE_OTC",
     "has_otc": True, "has_short": True, "has_lit": True, "has_price": True},
    {"symbol": "NEW", "close": 5, "volume": 100, "otc_status": "NO_COVERAGE", "data_quality": "PRE_OTC", "has_otc": False,
     "has_short": False, "has_lit": False, "has_price": True},
]  # fmt: skip
INDEX: list[dict[str, Any]] = [
    {"index_symbol": "SPX_SAMPLE", "coverage_count": 19, "expected_constituent_count": 20, "coverage_pct": 95, "priced_count": 19,
     "interpretation_label": "NEUTRAL", "data_quality": "PRE_OTC", "constituents_list_date": dt.date(2025, 12, 1)}
]  # fmt: skip
# Lit prints of 60,000 + 40,000 + 10,000 and 3,000 + 2,000 + 1,000 shares; a facility's print, one of condition 7; a bar.
PRINTS: list[dict[str, Any]] = [
    *({"symbol": "SPY", "size": size, "exchange": 11} for size in (60_000, 40_000, 10_000)),
    {"symbol": "SPY", "size": 5_000, "exchange": 4},
    {"symbol": "SPY", "size": 3_000, "exchange": 11, "conditions": "7"},
    *({"symbol": "BRK.B", "size": size, "exchange": 11} for size in (3_000, 2_000, 1_000)),
    {"symbol": "XLF", "size": 10_000, "data_source": "MINUTE_BARS"},
]
SPY_TOTALS = dict(zip(SESSIONS, (100_000, 150_000, 200_000, 250_000, 300_000), strict=True))  # one million, a fifth of it on DAY
BRK_VOLUMES = dict(zip(SESSIONS, (10_000, 20_000, 40_000, 20_000, 10_000), strict=True))  # two fifths of it on DAY


def frame(table: str, rows: list[dict[str, Any]], **shared: Any) -> pl.DataFrame:
    """Rows in the schema of a table; `shared` is what all of them have and none says otherwise."""
    named = [shared | row for row in rows]
    return TABLES[table].conform(pl.DataFrame(named, schema_overrides=TABLES[table].schema)) if named else TABLES[table].empty()


def otc_row(symbol: str, volume: float, kind: str, week: dt.date = WEEK, published: dt.date = PUBLISHED) -> dict[str, Any]:
    """A symbol's weekly row of a leg: ATS_W_SMBL or OTC_W_SMBL."""
    return {
        "symbol": symbol, "week_start_date": week, "off_exchange_volume": volume, "trade_count": 45, "tier_identifier": "T1",
        "summary_type_code": kind, "issue_name": symbol, "initial_published_date": published, "last_update_date": published,
        "source_file": "week.json", "content_hash": f"{week}", "ingested_at": READ_AT,
    }  # fmt: skip


def short_row(symbol: str, day: dt.date, short: float, exempt: float, total: float, source: str = "CNMS") -> dict[str, Any]:
    """A symbol's row of a short file."""
    return {
        "symbol": symbol, "trade_date": day, "short_volume": short, "short_exempt_volume": exempt, "total_volume": total,
        "source": source, "source_file": f"{source}shvol{day:%Y%m%d}.txt", "content_hash": f"{source} {day}",
        "ingested_at": READ_AT,
    }  # fmt: skip


def reading(feed: str, source: str, **values: Any) -> dict[str, Any]:
    """A reading of a feed as the ledger keeps it: stored, two rows of two, unless said otherwise."""
    stored = {"status": "STORED", "physical_rows": 2, "expected_rows": 2, "stored_rows": 2, "at": READ_AT}
    return stored | {"feed": feed, "partition_date": DAY, "source": source} | values


READINGS = [
    reading(SHORT_FEED, CNMS_FILE, content_hash=f"CNMS {DAY}"),
    reading(OTC_FEED, "week.json"),
    reading(TRADES_FEED, "2025-12-10.csv.gz", lit_volume=116_000),
    reading("polygon_daily_agg_raw", "aggs.csv", physical_rows=4, expected_rows=None, stored_rows=4),
]
OTC_ROWS = [
    otc_row("SPY", 600_000, "ATS_W_SMBL"), otc_row("SPY", 400_000, "OTC_W_SMBL"),
    otc_row("BRK.B", 30_000, "ATS_W_SMBL"), otc_row("BRK.B", 20_000, "OTC_W_SMBL"),
    otc_row("XLF", 30_000, "ATS_W_SMBL", EARLIER_WEEK, EARLIER_PUBLISHED),
    otc_row("XLF", 20_000, "OTC_W_SMBL", EARLIER_WEEK, EARLIER_PUBLISHED),
]  # fmt: skip


def stored_day() -> StoredDay:
    """The day in which every rule holds."""
    stamp: dict[str, Any] = {"date": DAY, "inference_version": "v1"}
    lit = frame("lit_direction_daily", LIT, classification_rule="lee_ready", **stamp)
    copied = ("lit_buy_volume", "lit_sell_volume", "lit_buy_ratio", "log_buy_sell", "classification_method")
    metrics = [{name: of_lit.get(name) for name in copied} | row for of_lit, row in zip(LIT, METRICS, strict=True)]
    shorts = frame("finra_short_daily_raw", [
        *(short_row("SPY", day, total * 0.4, total * 0.1, total) for day, total in SPY_TOTALS.items()),
        *(short_row("XLF", day, 300, 0, 1_000) for day in SESSIONS),
    ])  # fmt: skip
    aggs = frame("polygon_daily_agg_raw", [
        *({"symbol": "SPY", "trade_date": day, "close": 600, "volume": 500_000} for day in SESSIONS),
        *({"symbol": "BRK.B", "trade_date": day, "close": 500, "volume": volume} for day, volume in BRK_VOLUMES.items()),
        {"symbol": "XLF", "trade_date": DAY, "close": 50, "volume": 10_000},
        {"symbol": "NEW", "trade_date": DAY, "close": 5, "volume": 100},
    ], data_source="FILE")  # fmt: skip
    otc_rows = frame("finra_otc_weekly_raw", OTC_ROWS)
    prints = [{"id": f"{number}", "sequence_number": number} | row for number, row in enumerate(PRINTS, start=1)]
    return StoredDay(
        day=DAY,
        inference_version="v1",
        window=WINDOW,
        metrics=frame("daily_metrics", metrics, as_of=AS_OF, pressure_context_label="NEUTRAL", **stamp),
        lit=lit,
        index=frame("index_constituent_short_agg_daily", INDEX, trade_date=DAY, inference_version="v1", as_of=AS_OF),
        inputs=MetricInputs(lit, shorts, shorts.select("trade_date", "source").unique(), aggs, otc_rows),
        trades=frame(
            TRADES_FEED, prints, trade_date=DAY, timestamp=dt.datetime.combine(DAY, dt.time(15)), price=10.0,
            data_source="TRADES", conditions=None,
        ),
        short_rows=shorts.filter(pl.col("trade_date") == DAY),
        aggs=aggs.filter(pl.col("trade_date") == DAY),
        otc_week=otc_rows.filter(pl.col("week_start_date") == WEEK),
        readings=frame("ingest_ledger", READINGS),
        derivations=frame("derivation_ledger", [
            {"asset": "lit_direction_daily", "settings": json.dumps({"min_lit_volume": 10_000})},
            {"asset": "daily_metrics", "settings": json.dumps({"short_z_window": 20})},
            {"asset": "index_constituent_short_agg_daily", "settings": "{}"},
        ], status="STORED", tickers=json.dumps(TICKERS), as_of=AS_OF, at=READ_AT, **stamp),
    )  # fmt: skip


SOUND = stored_day()


def put(rows: pl.DataFrame, who: str, column: str = "symbol", **values: Any) -> pl.DataFrame:
    """`rows` with other values where `column` is `who`."""
    is_it = pl.col(column) == who
    return rows.with_columns(
        pl.when(is_it).then(pl.lit(value, rows.schema[name])).otherwise(name).alias(name) for name, value in values.items()
    )


def with_metrics(who: str, stored: StoredDay = SOUND, **values: Any) -> StoredDay:
    """The day with other values in a ticker's row of daily_metrics."""
    return replace(stored, metrics=put(stored.metrics, who, **values))


def with_lit(who: str, stored: StoredDay = SOUND, **values: Any) -> StoredDay:
    """The day with other values in a ticker's row of lit_direction_daily."""
    return replace(stored, lit=put(stored.lit, who, **values))


def with_inputs(stored: StoredDay = SOUND, **frames: pl.DataFrame) -> StoredDay:
    """The day with other rows of what its metrics rest on."""
    return replace(stored, inputs=replace(stored.inputs, **frames))


def with_readings(*readings: dict[str, Any], besides: list[dict[str, Any]] = READINGS, stored: StoredDay = SOUND) -> StoredDay:
    """The day with more readings in the ledger, before those that are there."""
    return replace(stored, readings=frame("ingest_ledger", [*readings, *besides]))


def with_reading(source: str, stored: StoredDay = SOUND, **values: Any) -> StoredDay:
    """The day with other values in the ledger's entry of a source."""
    return replace(stored, readings=put(stored.readings, source, "source", **values))


def named(rule: Callable[[StoredDay], list[Finding]], stored: StoredDay) -> set[str]:
    """Whom a rule's findings name, each said in a sentence."""
    findings = rule(stored)
    assert all(finding.problem for finding in findings)
    return {finding.who for finding in findings}


FACILITIES = [family.value for family in ShortFileFamily if family.value.startswith("FN")]
