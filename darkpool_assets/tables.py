"""Every table, declared once: columns, types, units, meaning, key and lineage.

The DDL, the polars schemas, the column documentation in the Dagster UI, the contract checks and the README's table list
are all derived from these declarations. No data and no rules live here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

TEXT: Final = pl.String()
SHARES: Final = pl.Float64()
NUMBER: Final = pl.Float64()
COUNT: Final = pl.Int64()
SMALL: Final = pl.Int32()
DATE: Final = pl.Date()
FLAG: Final = pl.Boolean()
INSTANT_NS: Final = pl.Datetime("ns")
INSTANT: Final = pl.Datetime("us")

_DUCKDB_TYPES: Final[Mapping[pl.DataType, str]] = {
    TEXT: "VARCHAR",
    NUMBER: "DOUBLE",
    COUNT: "BIGINT",
    SMALL: "INTEGER",
    DATE: "DATE",
    FLAG: "BOOLEAN",
    INSTANT_NS: "TIMESTAMP_NS",
    INSTANT: "TIMESTAMP",
}


@dataclass(frozen=True)
class Column:
    """One column: its name, polars type, unit and meaning.

    `required` columns are never null in a stored row. `lineage` names the columns it is made of, as "table.column".
    """

    name: str
    dtype: pl.DataType
    unit: str
    meaning: str
    required: bool = False
    lineage: tuple[str, ...] = ()

    @property
    def duckdb_type(self) -> str:
        """The DuckDB type that stores this column."""
        return _DUCKDB_TYPES[self.dtype]

    @property
    def definition(self) -> str:
        """The DuckDB type and null rule of this column, as `create table` takes them."""
        return f"{self.duckdb_type} not null" if self.required else self.duckdb_type


@dataclass(frozen=True)
class Table:
    """One table: what a row is, which columns identify it, and which column holds its partition's date."""

    name: str
    stage: str
    grain: str
    day_column: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pl.Schema:
        """The polars schema, in column order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def column_names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    @property
    def definition(self) -> str:
        """Every column's name and definition, as `create table` takes them."""
        return ", ".join(f'"{column.name}" {column.definition}' for column in self.columns)

    @property
    def required_columns(self) -> list[str]:
        """Columns that are never null."""
        return [column.name for column in self.columns if column.required]

    @property
    def is_versioned(self) -> bool:
        """Whether inference_version is part of the key."""
        return "inference_version" in self.key

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with exactly this table's columns, order and types; absent nullable columns become null.

        Raises:
            ValueError: a required column is absent, or a column is unknown to the table.
        """
        unknown = set(frame.columns) - set(self.column_names)
        absent = [name for name in self.required_columns if name not in frame.columns]
        if unknown or absent:
            raise ValueError(f"{self.name}: unknown columns {sorted(unknown)}, absent required columns {absent}")
        blank = [pl.lit(None, column.dtype).alias(column.name) for column in self.columns if column.name not in frame.columns]
        return frame.with_columns(blank).select(pl.col(column.name).cast(column.dtype) for column in self.columns)

    def empty(self) -> pl.DataFrame:
        """A frame of this table's schema without rows."""
        return pl.DataFrame(schema=self.schema)


def _text(name: str, meaning: str, *, required: bool = False, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, TEXT, "", meaning, required, lineage)


def _date(name: str, meaning: str, *, required: bool = False, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, DATE, "date", meaning, required, lineage)


def _shares(name: str, meaning: str, *, required: bool = False, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, SHARES, "shares", meaning, required, lineage)


def _number(name: str, unit: str, meaning: str, *, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, NUMBER, unit, meaning, lineage=lineage)


def _dollars(name: str, meaning: str, *, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, NUMBER, "USD per share", meaning, lineage=lineage)


def _count(name: str, meaning: str, *, required: bool = False, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, COUNT, "count", meaning, required, lineage)


def _flag(name: str, meaning: str, *, required: bool = False, lineage: tuple[str, ...] = ()) -> Column:
    return Column(name, FLAG, "", meaning, required, lineage)


# One column, one line.
# fmt: off
_VINTAGE = (
    _text("source_file", "File name or API dataset that the row was read from", required=True),
    _text("content_hash", "Hash of the content of the vintage that the row belongs to", required=True),
    Column("ingested_at", INSTANT, "UTC", "When the vintage was stored", required=True),
)
_VERSION = (
    _text("inference_version", "INFERENCE_VERSION under which the row was derived; part of the key", required=True),
)
_AS_OF = (_date("as_of", "New York date up to which publications were allowed to be known", required=True),)

FINRA_OTC_WEEKLY_RAW: Final = Table(
    name="finra_otc_weekly_raw",
    stage="raw",
    grain="one row per (week, tier, summary type, symbol, product type, issue name, MPID, firm name, firm CRD number, vintage)",
    day_column="week_start_date",
    key=(
        "week_start_date", "tier_identifier", "summary_type_code", "symbol", "product_type_code", "issue_name",
        "market_participant_name", "mpid", "firm_crd_number", "content_hash", "ingested_at",
    ),
    columns=(
        _text("symbol", "Issue symbol as FINRA spells it (BRK.B)", required=True),
        _date("week_start_date", "Monday of the week", required=True),
        _shares("off_exchange_volume", "Shares of the week in this row's summary type", required=True),
        _number("trade_count", "trades", "Trades of the week in this row's summary type"),
        _text("tier_identifier", "T1, T2 or OTCE: decides when the week is published"),
        _text("tier_description", "Tier in FINRA's words"),
        _text("summary_type_code", "ATS_W_SMBL and OTC_W_SMBL are summed; other types repeat the same shares", required=True),
        _text("product_type_code", "Listing market of the issue; several in a week with a tape change"),
        _text("issue_name", "Issuer; several in a week when a ticker is re-used"),
        _text("market_participant_name", "Firm, only in firm-level rows"),
        _text("mpid", "Market participant identifier, only in firm-level rows"),
        _text("firm_crd_number", "Firm's number in FINRA's registry, only in firm-level rows"),
        _date("initial_published_date", "When FINRA first published the week; null where the source has no such column"),
        _date("last_update_date", "When FINRA last restated the row"),
        _date("last_reported_date", "Last trade report that the row counts"),
        *_VINTAGE,
    ),
)

FINRA_SHORT_DAILY_RAW: Final = Table(
    name="finra_short_daily_raw",
    stage="raw",
    grain="one row per (trade_date, source, symbol, vintage)",
    day_column="trade_date",
    key=("trade_date", "source", "symbol", "content_hash", "ingested_at"),
    columns=(
        _text("symbol", "Symbol as Reg SHO files spell it (BRK/B)", required=True),
        _date("trade_date", "Session", required=True),
        _shares("short_volume", "Short shares reported off-exchange; FINRA counts exempt shares inside", required=True),
        _shares("short_exempt_volume", "Short exempt shares", required=True),
        _shares("total_volume", "Shares reported to TRF/ADF media in regular hours; never market volume", required=True),
        _text("market", "Reporting facilities, a comma list"),
        _text("source", "CNMS, FNSQ, FNQC, FNYX, FNRA, FORF or API", required=True),
        *_VINTAGE,
    ),
)

POLYGON_EQUITY_TRADES_RAW: Final = Table(
    name="polygon_equity_trades_raw",
    stage="raw",
    grain="one row per trade (or per one-minute bar on the fallback) of the configured tickers, inside the session window",
    day_column="trade_date",
    key=("symbol", "trade_date", "timestamp", "sequence_number", "exchange", "trf_id", "id", "price", "size"),
    columns=(
        _text("symbol", "Ticker as Polygon spells it (BRK.B)", required=True),
        _date("trade_date", "Session", required=True),
        Column("timestamp", INSTANT_NS, "UTC", "SIP timestamp (bars: start of the minute)", required=True),
        _dollars("price", "Trade price (bars: close)"),
        _shares("size", "Trade size (bars: the minute's volume, off-exchange prints included)"),
        _dollars("bid", "Last NBBO bid strictly before the trade, valid or not; null when no quote came before"),
        _dollars("ask", "Last NBBO ask strictly before the trade, valid or not; null when no quote came before"),
        Column("exchange", SMALL, "", "Polygon exchange id; 4, 62 and 201 to 203 are off-exchange"),
        Column("trf_id", SMALL, "", "Trade reporting facility id; non-null and non-zero is off-exchange"),
        _text("id", "Trade id, unique per (symbol, exchange, trf)"),
        _text("conditions", "Condition ids, a comma list"),
        Column("correction", SMALL, "", "Correction indicator; null and 0 stand, all else is cancelled or corrected"),
        Column("sequence_number", COUNT, "", "SIP sequence number: orders trades of one timestamp"),
        _dollars("bar_open", "Open of the minute; only on bars"),
        _text("data_source", "TRADES, FLAT_FILE, FILE or MINUTE_BARS", required=True),
    ),
)

POLYGON_DAILY_AGG_RAW: Final = Table(
    name="polygon_daily_agg_raw",
    stage="raw",
    grain="one row per (trade_date, symbol), whole market where the source gives it; unadjusted",
    day_column="trade_date",
    key=("trade_date", "symbol"),
    columns=(
        _text("symbol", "Ticker as Polygon spells it (BRK.B)", required=True),
        _date("trade_date", "Session", required=True),
        _dollars("open", "Unadjusted open"),
        _dollars("high", "Unadjusted high"),
        _dollars("low", "Unadjusted low"),
        _dollars("close", "Unadjusted close"),
        _dollars("vwap", "Volume-weighted average price; null where the source has none (flat files)"),
        _shares("volume", "Consolidated shares, extended hours and off-exchange prints included"),
        _number("transactions", "trades", "Number of trades"),
        _number("split_factor", "new shares per old", "Split effective this session (2 for 2-for-1), where the source knows it"),
        _text("data_source", "FLAT_FILE, FILE or GROUPED_DAILY", required=True),
    ),
)

_TRADES = "polygon_equity_trades_raw"
_TRADE_COLUMNS = tuple(f"{_TRADES}.{name}" for name in ("price", "size", "bid", "ask", "exchange", "trf_id", "conditions"))

LIT_DIRECTION_DAILY: Final = Table(
    name="lit_direction_daily",
    stage="derived",
    grain="one row per (date, symbol, inference_version)",
    day_column="date",
    key=("date", "symbol", "inference_version"),
    columns=(
        _text("symbol", "Configured ticker", required=True),
        _date("date", "Session", required=True),
        _shares("lit_buy_volume", "Eligible lit shares inferred buyer-initiated", lineage=_TRADE_COLUMNS),
        _shares("lit_sell_volume", "Eligible lit shares inferred seller-initiated", lineage=_TRADE_COLUMNS),
        _shares("lit_unclassified_volume", "Eligible lit shares without an inferred direction", lineage=_TRADE_COLUMNS),
        _shares("lit_total_volume", "Eligible lit shares", lineage=_TRADE_COLUMNS),
        _shares("off_exchange_print_volume", "Shares of off-exchange prints of the window, never counted as lit",
                lineage=_TRADE_COLUMNS),
        _shares("excluded_volume", "Lit-venue shares out by correction or condition", lineage=_TRADE_COLUMNS),
        _count("trade_count", "Eligible lit trades; null on bars", lineage=_TRADE_COLUMNS),
        _number("lit_buy_ratio", "0..1", "Buy / (buy + sell); null when buy + sell < MIN_LIT_VOLUME", lineage=_TRADE_COLUMNS),
        _number("log_buy_sell", "ln", "ln(buy / sell), only when both are > 0", lineage=_TRADE_COLUMNS),
        _text("classification_method", "NBBO, MIXED, TICK, BVC or NONE", required=True, lineage=_TRADE_COLUMNS),
        _text("classification_rule", "lee_ready, quote, emo, clnv or tick", required=True),
        _number("quote_coverage_pct", "0..100", "Eligible volume with a valid prevailing quote", lineage=_TRADE_COLUMNS),
        _number("lit_coverage_pct", "0..100", "Share of eligible volume that was classified", lineage=_TRADE_COLUMNS),
        _number("lit_buy_ratio_low", "0..1", "Lowest buy ratio over lee_ready, emo, clnv and tick", lineage=_TRADE_COLUMNS),
        _number("lit_buy_ratio_high", "0..1", "Highest buy ratio over the same rules", lineage=_TRADE_COLUMNS),
        _flag("direction_stable", "Every rule's ratio strictly on one side of 0.5; null when there is none",
              lineage=_TRADE_COLUMNS),
        *_VERSION,
    ),
)

_SHORT = "finra_short_daily_raw"
_AGG = "polygon_daily_agg_raw"
_OTC = "finra_otc_weekly_raw"
_LIT = "lit_direction_daily"
_SHORT_LINEAGE = (f"{_SHORT}.short_volume", f"{_SHORT}.short_exempt_volume", f"{_SHORT}.total_volume", f"{_AGG}.volume")
_WEEK_LINEAGE = (f"{_OTC}.off_exchange_volume", f"{_OTC}.initial_published_date", f"{_OTC}.last_update_date")
_ALLOC_LINEAGE = (*_WEEK_LINEAGE, f"{_SHORT}.total_volume", f"{_AGG}.volume")

DAILY_METRICS: Final = Table(
    name="daily_metrics",
    stage="derived",
    grain="one row per (date, symbol, inference_version), every configured ticker, always",
    day_column="date",
    key=("date", "symbol", "inference_version"),
    columns=(
        _date("date", "Session", required=True),
        _text("symbol", "Configured ticker", required=True),
        _number("log_buy_sell", "ln", "ln(lit buy / lit sell)", lineage=(f"{_LIT}.log_buy_sell",)),
        _number("log_buy_sell_z", "z", "log_buy_sell against the LIT_Z_WINDOW sessions before, same method only",
                lineage=(f"{_LIT}.log_buy_sell", f"{_LIT}.classification_method")),
        _shares("lit_buy_volume", "Lit shares inferred buyer-initiated", lineage=(f"{_LIT}.lit_buy_volume",)),
        _shares("lit_sell_volume", "Lit shares inferred seller-initiated", lineage=(f"{_LIT}.lit_sell_volume",)),
        _number("lit_buy_ratio", "0..1", "Lit buy / (buy + sell)", lineage=(f"{_LIT}.lit_buy_ratio",)),
        _number("lit_buy_ratio_low", "0..1", "Lowest lit buy ratio over the rules", lineage=(f"{_LIT}.lit_buy_ratio_low",)),
        _number("lit_buy_ratio_high", "0..1", "Highest lit buy ratio over the rules", lineage=(f"{_LIT}.lit_buy_ratio_high",)),
        _number("lit_coverage_pct", "0..100", "Classified share of eligible lit volume", lineage=(f"{_LIT}.lit_coverage_pct",)),
        _text("classification_method", "NBBO, MIXED, TICK, BVC or NONE", lineage=(f"{_LIT}.classification_method",)),
        _flag("direction_stable", "Every rule agrees on the side", lineage=(f"{_LIT}.direction_stable",)),
        _shares("short_volume", "FINRA short shares (exempt inside)", lineage=(f"{_SHORT}.short_volume",)),
        _shares("short_exempt_volume", "FINRA short exempt shares", lineage=(f"{_SHORT}.short_exempt_volume",)),
        _shares("short_total_volume", "FINRA total of the short file", lineage=(f"{_SHORT}.total_volume",)),
        _number("short_ratio", "ratio", "Numerator by SHORT_RATIO_NUMERATOR / denominator", lineage=_SHORT_LINEAGE),
        _number("short_ratio_z", "z", "short_ratio against the SHORT_Z_WINDOW sessions before, same denominator type only",
                lineage=_SHORT_LINEAGE),
        _number("short_volume_ratio", "0..1", "short_volume / FINRA total",
                lineage=(f"{_SHORT}.short_volume", f"{_SHORT}.total_volume")),
        _text("short_ratio_numerator_type", "SHORT_PLUS_EXEMPT or SHORT; null with the ratio"),
        _text("short_ratio_denominator_type", "FINRA_TOTAL or POLYGON_TOTAL; null with the ratio", lineage=_SHORT_LINEAGE),
        _shares("short_ratio_denominator_value", "The denominator itself", lineage=_SHORT_LINEAGE),
        _text("short_ratio_source", "CNMS, SUM, API or FORF; null without a short row", lineage=(f"{_SHORT}.source",)),
        _dollars("open", "Open", lineage=(f"{_AGG}.open",)),
        _dollars("high", "High", lineage=(f"{_AGG}.high",)),
        _dollars("low", "Low", lineage=(f"{_AGG}.low",)),
        _dollars("close", "Close", lineage=(f"{_AGG}.close",)),
        _dollars("vwap", "Volume-weighted average price", lineage=(f"{_AGG}.vwap",)),
        _shares("volume", "Consolidated shares", lineage=(f"{_AGG}.volume",)),
        _number("return_1d", "ratio", "Close / previous session's close - 1, split-safe where the split is known",
                lineage=(f"{_AGG}.close", f"{_AGG}.split_factor")),
        _number("return_z", "z", "return_1d against the RETURN_Z_WINDOW sessions before", lineage=(f"{_AGG}.close",)),
        _number("range_pct", "pct", "100 x (high - low) / close", lineage=(f"{_AGG}.high", f"{_AGG}.low", f"{_AGG}.close")),
        _shares("otc_off_exchange_volume", "Volume of otc_week_used (context when PRE_OTC)", lineage=_WEEK_LINEAGE),
        _shares("otc_ats_volume", "ATS leg of otc_week_used", lineage=_WEEK_LINEAGE),
        _shares("otc_non_ats_volume", "Non-ATS leg of otc_week_used", lineage=_WEEK_LINEAGE),
        _number("otc_trade_count", "trades", "Trades of otc_week_used", lineage=(f"{_OTC}.trade_count",)),
        _date("otc_week_used", "Monday of the newest known week, at most 8 weeks old", lineage=_WEEK_LINEAGE),
        _date("otc_published_date", "When otc_week_used was first published", lineage=(f"{_OTC}.initial_published_date",)),
        _text("otc_status", "ANCHORED, NO_COVERAGE, NOT_YET_PUBLISHED or OVERDUE", required=True, lineage=_WEEK_LINEAGE),
        _shares("otc_alloc_volume", "The week's volume x this session's share; only when OTC_ANCHORED", lineage=_ALLOC_LINEAGE),
        _text("otc_alloc_basis", "FINRA_DAILY, POLYGON_DAILY or EQUAL; only when OTC_ANCHORED", lineage=_ALLOC_LINEAGE),
        _shares("otc_buy_volume", "otc_alloc_volume x lit_buy_ratio: an inferred estimate",
                lineage=(*_ALLOC_LINEAGE, f"{_LIT}.lit_buy_ratio")),
        _shares("otc_sell_volume", "otc_alloc_volume - otc_buy_volume: an inferred estimate",
                lineage=(*_ALLOC_LINEAGE, f"{_LIT}.lit_buy_ratio")),
        _number("otc_participation_rate", "ratio", "OTC volume / consolidated volume of the week; only when OTC_ANCHORED",
                lineage=(*_WEEK_LINEAGE, f"{_AGG}.volume")),
        _text("data_quality", "OTC_ANCHORED or PRE_OTC, never null", required=True, lineage=_WEEK_LINEAGE),
        _flag("has_otc", "otc_week_used is present", required=True, lineage=_WEEK_LINEAGE),
        _flag("has_short", "short_ratio is present", required=True, lineage=_SHORT_LINEAGE),
        _flag("has_lit", "log_buy_sell is present", required=True, lineage=(f"{_LIT}.log_buy_sell",)),
        _flag("has_price", "close is present", required=True, lineage=(f"{_AGG}.close",)),
        _text("pressure_context_label", "Short pressure read against the price move", required=True,
              lineage=(*_SHORT_LINEAGE, f"{_AGG}.close")),
        *_VERSION,
        *_AS_OF,
    ),
)

INDEX_CONSTITUENT_SHORT_AGG_DAILY: Final = Table(
    name="index_constituent_short_agg_daily",
    stage="derived",
    grain="one row per (trade_date, index_symbol, inference_version)",
    day_column="trade_date",
    key=("trade_date", "index_symbol", "inference_version"),
    columns=(
        _text("index_symbol", "Index of the constituents list", required=True),
        _date("trade_date", "Session", required=True),
        _shares("total_short_volume", "Sum of the members' numerators", lineage=_SHORT_LINEAGE),
        _shares("total_denominator_volume", "Sum of the members' denominators", lineage=_SHORT_LINEAGE),
        _text("denominator_type", "FINRA_TOTAL, POLYGON_TOTAL or MIXED", lineage=_SHORT_LINEAGE),
        _number("agg_short_ratio", "ratio", "total_short_volume / total_denominator_volume", lineage=_SHORT_LINEAGE),
        _number("agg_short_ratio_z", "z", "agg_short_ratio against the sessions before of the same denominator type",
                lineage=_SHORT_LINEAGE),
        _number("dollar_weighted_short_ratio", "0..1", "Sum(short x close) / sum(FINRA total x close)",
                lineage=(*_SHORT_LINEAGE, f"{_AGG}.close")),
        _number("dollar_weighted_short_ratio_z", "z", "The same against the sessions before, all of them",
                lineage=(*_SHORT_LINEAGE, f"{_AGG}.close")),
        _count("coverage_count", "Members with a short row and a denominator", required=True, lineage=_SHORT_LINEAGE),
        _count("expected_constituent_count", "Members of the list on the day", required=True),
        _number("coverage_pct", "0..100", "100 x coverage_count / expected_constituent_count", lineage=_SHORT_LINEAGE),
        _count("priced_count", "Members in the dollar-weighted ratio", required=True, lineage=(*_SHORT_LINEAGE, f"{_AGG}.close")),
        _text("index_price_symbol", "Symbol whose return stands for the index", lineage=(f"{_AGG}.symbol",)),
        _text("index_price_source", "INDEX or PROXY", lineage=(f"{_AGG}.symbol",)),
        _number("index_return", "ratio", "Return of index_price_symbol", lineage=(f"{_AGG}.close",)),
        _number("index_return_z", "z", "index_return against the sessions before", lineage=(f"{_AGG}.close",)),
        _text("interpretation_label", "Short pressure of the index read against its move", required=True,
              lineage=(*_SHORT_LINEAGE, f"{_AGG}.close")),
        _text("data_quality", "OTC_ANCHORED when every counted member's week is known", required=True, lineage=_WEEK_LINEAGE),
        _date("constituents_list_date", "Date of the constituents list that was used"),
        *_VERSION,
        *_AS_OF,
    ),
)

_METRICS = "daily_metrics"
_SCORED = tuple(f"{_METRICS}.{name}" for name in ("log_buy_sell_z", "short_ratio_z", "otc_participation_rate"))
_PARTICIPATION_LINEAGE = (f"{_METRICS}.otc_participation_rate", *_WEEK_LINEAGE, f"{_AGG}.volume")
_LIT_EVIDENCE = (f"{_METRICS}.lit_coverage_pct", f"{_METRICS}.classification_method", f"{_LIT}.log_buy_sell")
_SHORT_EVIDENCE = (f"{_METRICS}.short_ratio_denominator_type", *_SHORT_LINEAGE)
_CONFIDENCE = (*_LIT_EVIDENCE, *_SHORT_EVIDENCE, f"{_METRICS}.data_quality")
COMPOSITE_SIGNAL: Final = Table(
    name="composite_signal",
    stage="phase_c",
    grain="one row per (date, symbol, inference_version)",
    day_column="date",
    key=("date", "symbol", "inference_version"),
    columns=(
        _text("symbol", "Configured ticker", required=True),
        _date("date", "Session", required=True),
        _number("directional_score", "-1..1", "tanh(log_buy_sell_z / 2); null when it rests on bars (BVC) or on nothing",
                lineage=(f"{_METRICS}.log_buy_sell_z", f"{_METRICS}.classification_method")),
        _number("pressure_score", "-1..1", "PRESSURE_SIGN x tanh(short_ratio_z / 2)", lineage=(f"{_METRICS}.short_ratio_z",)),
        _number("participation_score", "-1..1", "tanh(participation_z / 2); only when OTC_ANCHORED",
                lineage=_PARTICIPATION_LINEAGE),
        _number("participation_z", "z", "otc_participation_rate against the 8 weeks before the day's week, at least 5 of them",
                lineage=_PARTICIPATION_LINEAGE),
        _count("participation_z_periods", "Earlier weeks with a known rate; only when OTC_ANCHORED",
               lineage=_PARTICIPATION_LINEAGE),
        _number("composite_score", "-1..1", "(0.65 directional + 0.35 pressure) / weights present x (1 + 0.15 participation)",
                lineage=_SCORED),
        _number("c_lit", "0..1", "Evidence of direction: coverage x method x filled window; 0 when it is missing",
                lineage=_LIT_EVIDENCE),
        _number("c_short", "0..1", "Evidence of pressure: denominator x filled window; 0 when it is missing",
                lineage=_SHORT_EVIDENCE),
        _count("lit_z_periods", "Values in the window of log_buy_sell_z; null without a lit row",
               lineage=(f"{_LIT}.log_buy_sell",)),
        _count("short_z_periods", "Values in the window of short_ratio_z; null without a short row", lineage=_SHORT_LINEAGE),
        _number("confidence", "0..1", "(0.65 c_lit + 0.35 c_short) x 1 when OTC_ANCHORED, x 0.85 when PRE_OTC",
                lineage=_CONFIDENCE),
        _text("final_label", "INSUFFICIENT, UNSTABLE, NEUTRAL, or LEAN_ or INFERRED_ ACCUMULATION or DISTRIBUTION", required=True,
              lineage=(*_SCORED, f"{_METRICS}.direction_stable", *_CONFIDENCE)),
        _text("label_reasons", "Why, in sentences; names PRESSURE_SIGN and what is missing", required=True),
        _text("data_quality", "OTC_ANCHORED or PRE_OTC", required=True, lineage=(f"{_METRICS}.data_quality",)),
        *_VERSION,
        *_AS_OF,
    ),
)

INGEST_LEDGER: Final = Table(
    name="ingest_ledger",
    stage="ledger",
    grain="one row per reading of one source of a feed for one partition; the newest counts",
    day_column="partition_date",
    key=("feed", "partition_date", "source", "at"),
    columns=(
        _text("feed", "Raw table that the reading was for", required=True),
        _date("partition_date", "Session (OTC: Monday of the week; or the session whose run asked)", required=True),
        _text("source", "File name, dataset or file family; retention where stored rows were pruned", required=True),
        _text("status", "STORED, UNCHANGED, NOT_CONFIGURED, NOT_PUBLISHED, PARTIAL, DEGRADED, FAILED or PRUNED", required=True),
        _count("physical_rows", "Rows that the source holds"),
        _count("expected_rows", "Rows that the source announces: trailer or record-total"),
        _count("stored_rows", "Rows stored (PRUNED: rows deleted)"),
        _count("duplicate_rows", "Exact duplicates, stored once"),
        _count("dropped_rows", "Rows dropped: price or size null, not finite, zero or negative"),
        _count("off_session_rows", "Rows outside the session window, not stored"),
        _count("lit_rows", "Trades only: stored rows that are lit and eligible"),
        _shares("lit_volume", "Trades only: shares of those rows"),
        _text("pruned_prints", "PRUNED only, JSON object: symbol -> shares lit, off_exchange and excluded, and lit_trades"),
        _count("requests", "Calls made to the source"),
        _text("failures", "JSON object: symbol -> what failed"),
        _text("left_out", "JSON list: symbols of a whole-market feed left out for a fault in their rows: symbol, week, fault"),
        _count("unidentified_rows", "Trades only: stored prints with neither id nor sequence number; copies go unrecognised"),
        _text("symbols", "JSON list: the tickers asked for, where a feed is asked for tickers"),
        _text("content_hash", "Hash of what was read"),
        _text("message", "What happened, in words"),
        Column("at", INSTANT, "UTC", "When", required=True),
    ),
)

DERIVATION_LEDGER: Final = Table(
    name="derivation_ledger",
    stage="ledger",
    grain="one row per derivation of one asset's day under one inference_version; the newest counts",
    day_column="date",
    key=("asset", "date", "inference_version", "at"),
    columns=(
        _text("asset", "Derived table", required=True),
        _date("date", "Session", required=True),
        _text("status", "STORED or FAILED", required=True),
        _text("tickers", "JSON list: the tickers configured when the day was derived", required=True),
        _text("settings", "JSON object: the settings that decide the numbers", required=True),
        _text("made_of", "JSON object: digest of what was read of each feed; null where stale days are not looked for"),
        _count("stored_rows", "Rows stored"),
        _text("message", "What failed, in words"),
        _text("caused_by", "Raw table or asset whose failure of the same day is the cause; null for a failure of its own"),
        *_VERSION,
        *_AS_OF,
        Column("at", INSTANT, "UTC", "When", required=True),
    ),
)

PROVENANCE_EVENTS: Final = Table(
    name="provenance_events",
    stage="ledger",
    grain="one row per change of a stored row's data_quality",
    day_column="date",
    key=("symbol", "date", "inference_version", "at"),
    columns=(
        _text("symbol", "Configured ticker", required=True),
        _date("date", "Session of the row", required=True),
        _text("from_quality", "data_quality before", required=True),
        _text("to_quality", "data_quality after", required=True),
        _date("week_start_date", "Week that the row rests on afterwards"),
        _date("published_date", "When that week was first published"),
        *_VERSION,
        Column("at", INSTANT, "UTC", "When the row changed", required=True),
    ),
)

# fmt: on
TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        FINRA_OTC_WEEKLY_RAW,
        FINRA_SHORT_DAILY_RAW,
        POLYGON_EQUITY_TRADES_RAW,
        POLYGON_DAILY_AGG_RAW,
        LIT_DIRECTION_DAILY,
        DAILY_METRICS,
        INDEX_CONSTITUENT_SHORT_AGG_DAILY,
        COMPOSITE_SIGNAL,
        INGEST_LEDGER,
        DERIVATION_LEDGER,
        PROVENANCE_EVENTS,
    )
}
