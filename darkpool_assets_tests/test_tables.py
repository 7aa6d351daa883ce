"""The contract's columns, written here once more by hand, against the declarations; and what a table does with a frame."""

import datetime as dt

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from darkpool_assets.tables import DAILY_METRICS, FINRA_SHORT_DAILY_RAW, POLYGON_DAILY_AGG_RAW, TABLES

CONTRACT_COLUMNS = {
    "finra_otc_weekly_raw": """symbol, week_start_date, off_exchange_volume, trade_count, tier_identifier, tier_description,
        summary_type_code, product_type_code, issue_name, market_participant_name, mpid, firm_crd_number, initial_published_date,
        last_update_date, last_reported_date, source_file, content_hash, ingested_at""",
    "finra_short_daily_raw": """symbol, trade_date, short_volume, short_exempt_volume, total_volume, market, source,
        source_file, content_hash, ingested_at""",
    "polygon_equity_trades_raw": """symbol, trade_date, timestamp, price, size, bid, ask, exchange, trf_id, id, conditions,
        correction, sequence_number, data_source""",
    "polygon_daily_agg_raw": "symbol, trade_date, open, high, low, close, vwap, volume, transactions, data_source",
    "lit_direction_daily": """symbol, date, lit_buy_volume, lit_sell_volume, lit_unclassified_volume, lit_total_volume,
        off_exchange_print_volume, excluded_volume, trade_count, lit_buy_ratio, log_buy_sell, classification_method,
        classification_rule, quote_coverage_pct, lit_coverage_pct, lit_buy_ratio_low, lit_buy_ratio_high, direction_stable,
        inference_version""",
    "daily_metrics": """date, symbol, log_buy_sell, log_buy_sell_z, lit_buy_volume, lit_sell_volume, lit_buy_ratio,
        lit_coverage_pct, classification_method, direction_stable, short_volume, short_exempt_volume, short_total_volume,
        short_ratio, short_ratio_z, short_volume_ratio, short_ratio_numerator_type, short_ratio_denominator_type,
        short_ratio_denominator_value, short_ratio_source, open, high, low, close, vwap, volume, return_1d, return_z,
        range_pct, otc_off_exchange_volume, otc_ats_volume, otc_non_ats_volume, otc_trade_count, otc_week_used,
        otc_published_date, otc_status, otc_alloc_volume, otc_alloc_basis, otc_buy_volume, otc_sell_volume,
        otc_participation_rate, data_quality, has_otc, has_short, has_lit, has_price, pressure_context_label,
        inference_version, as_of""",
    "index_constituent_short_agg_daily": """index_symbol, trade_date, total_short_volume, total_denominator_volume,
        denominator_type, agg_short_ratio, agg_short_ratio_z, dollar_weighted_short_ratio, dollar_weighted_short_ratio_z,
        coverage_count, expected_constituent_count, coverage_pct, priced_count, index_price_symbol, index_price_source,
        index_return, index_return_z, interpretation_label, data_quality, inference_version, as_of""",
    "composite_signal": """symbol, date, directional_score, pressure_score, participation_score, composite_score, confidence,
        final_label, label_reasons, data_quality, inference_version, as_of""",
    "ingest_ledger": "feed, partition_date, source, physical_rows, expected_rows, duplicate_rows, dropped_rows, "
    "off_session_rows, requests, failures, content_hash, at",
    "provenance_events": "symbol, date, from_quality, to_quality, week_start_date, published_date, at",
}
CONTRACT_KEYS = {
    "finra_otc_weekly_raw": """week_start_date, tier_identifier, summary_type_code, symbol, product_type_code, issue_name,
        mpid, market_participant_name, firm_crd_number, content_hash, ingested_at""",
    "finra_short_daily_raw": "trade_date, source, symbol, content_hash, ingested_at",
    "polygon_daily_agg_raw": "trade_date, symbol",
    "lit_direction_daily": "date, symbol, inference_version",
    "daily_metrics": "date, symbol, inference_version",
    "index_constituent_short_agg_daily": "trade_date, index_symbol, inference_version",
    "composite_signal": "symbol, date, inference_version",
}
VERSIONED = ("lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", "composite_signal")
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


def names_of(text):
    return {name.strip() for name in text.split(",")}


def an_agg_frame(**changes):
    return pl.DataFrame({"symbol": ["SPY"], "trade_date": [dt.date(2025, 6, 13)], "data_source": ["FILE"], **changes})


# The contract


@pytest.mark.parametrize("name", CONTRACT_COLUMNS)
def test_every_column_of_the_contract_is_declared(name):
    assert names_of(CONTRACT_COLUMNS[name]) - set(TABLES[name].column_names) == set()


@pytest.mark.parametrize("name", CONTRACT_KEYS)
def test_a_row_is_identified_as_the_contract_says(name):
    assert set(TABLES[name].key) == names_of(CONTRACT_KEYS[name])


@pytest.mark.parametrize("name", CONTRACT_KEYS)
def test_inference_version_is_part_of_the_key_of_derived_tables_alone(name):
    assert TABLES[name].is_versioned == (name in VERSIONED)


@pytest.mark.parametrize("name", VERSIONED)
def test_a_derived_row_never_lacks_its_key_and_version(name):
    assert set(TABLES[name].key) <= set(TABLES[name].required_columns)


@pytest.mark.parametrize("name", ["data_quality", "has_otc", "has_short", "has_lit", "has_price", "otc_status", "as_of"])
def test_what_the_contract_calls_never_null_is_required(name):
    assert name in DAILY_METRICS.required_columns


@every_table
def test_shares_are_fractional_and_prices_are_floating(table):
    volumes = [column for column in table.columns if column.name.endswith("volume") or column.name in ("size", "price")]
    assert {str(column.dtype) for column in volumes} <= {"Float64"}


@every_table
def test_a_column_suffix_means_its_type(table):
    suffixes = {"_ratio": pl.Float64, "_pct": pl.Float64, "_z": pl.Float64, "_date": pl.Date}
    wrong = [c.name for c in table.columns for end, dtype in suffixes.items() if c.name.endswith(end) and c.dtype != dtype]
    assert wrong == []


def test_trades_keep_nanoseconds_and_as_of_is_a_date():
    assert TABLES["polygon_equity_trades_raw"].schema["timestamp"] == pl.Datetime("ns")
    assert {TABLES[name].schema["as_of"] for name in VERSIONED if name != "lit_direction_daily"} == {pl.Date()}


# The declarations themselves


@every_table
def test_key_and_day_columns_are_columns(table):
    assert {table.day_column, *table.key} <= set(table.column_names)


@every_table
def test_a_column_is_declared_once_with_its_meaning(table):
    assert len(set(table.column_names)) == len(table.columns)
    assert [column.name for column in table.columns if not column.meaning] == []


@every_table
def test_the_day_is_a_date_and_never_null(table):
    assert table.schema[table.day_column] == pl.Date()
    assert table.day_column in table.required_columns


@every_table
def test_every_number_has_a_unit(table):
    counts_without = {"exchange", "trf_id", "correction", "sequence_number"}
    bare = [c.name for c in table.columns if c.dtype.is_numeric() and not c.unit and c.name not in counts_without]
    assert bare == []


@every_table
def test_lineage_names_columns_that_exist(table):
    named = {origin for column in table.columns for origin in column.lineage}
    assert named - {f"{other.name}.{column}" for other in TABLES.values() for column in other.column_names} == set()


@every_table
def test_a_column_is_never_its_own_origin(table):
    assert [c.name for c in table.columns if any(origin.startswith(f"{table.name}.") for origin in c.lineage)] == []


def test_tables_are_found_by_their_own_names():
    assert {name: table.name for name, table in TABLES.items()} == {name: name for name in TABLES}


# Types there and back


@every_table
def test_types_survive_duckdb_and_come_back(table):
    columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in table.columns)
    with duckdb.connect() as connection:
        connection.execute(f"create table t ({columns})")
        described = dict(connection.sql("select column_name, data_type from information_schema.columns").fetchall())
        back = connection.sql("from t").pl()
    assert described == {column.name: column.duckdb_type for column in table.columns}
    assert back.schema == table.schema


@every_table
def test_an_empty_frame_has_the_tables_schema(table):
    assert table.empty().schema == table.schema
    assert table.empty().is_empty()


# conform


def test_a_frame_is_brought_into_the_tables_order_and_types_and_gaps_become_null():
    frame = POLYGON_DAILY_AGG_RAW.conform(an_agg_frame(volume=[7]).select("volume", "trade_date", "data_source", "symbol"))
    assert frame.schema == POLYGON_DAILY_AGG_RAW.schema
    assert frame.row(0, named=True) == {
        **dict.fromkeys(POLYGON_DAILY_AGG_RAW.column_names),
        "symbol": "SPY",
        "trade_date": dt.date(2025, 6, 13),
        "data_source": "FILE",
        "volume": 7.0,
    }


def test_a_conforming_frame_stays_as_it_is():
    frame = POLYGON_DAILY_AGG_RAW.conform(an_agg_frame(vwap=[1.5]))
    assert_frame_equal(POLYGON_DAILY_AGG_RAW.conform(frame), frame)


def test_an_unknown_column_is_refused_by_name():
    with pytest.raises(ValueError, match=r"polygon_daily_agg_raw: unknown columns \['turnover'\]"):
        POLYGON_DAILY_AGG_RAW.conform(an_agg_frame(turnover=[1.0]))


def test_an_absent_required_column_is_refused_by_name():
    with pytest.raises(ValueError, match=r"absent required columns \['trade_date'\]"):
        POLYGON_DAILY_AGG_RAW.conform(an_agg_frame().drop("trade_date"))


def test_a_value_that_does_not_fit_its_type_is_refused():
    with pytest.raises(pl.exceptions.InvalidOperationError):
        POLYGON_DAILY_AGG_RAW.conform(an_agg_frame(volume=["many"]))


def test_text_that_looks_like_a_flag_or_like_nothing_stays_text():
    row = {"trade_date": dt.date(2025, 6, 13), "short_volume": 1, "short_exempt_volume": 0, "total_volume": 2, "source": "CNMS"}
    marks = {"source_file": "f", "content_hash": "h", "ingested_at": dt.datetime.fromisoformat("2025-06-14T00:00")}
    frame = pl.DataFrame([{"symbol": symbol, **row, **marks} for symbol in ("NA", "NAN", "TRUE", "ABRpD")])
    assert FINRA_SHORT_DAILY_RAW.conform(frame)["symbol"].to_list() == ["NA", "NAN", "TRUE", "ABRpD"]
