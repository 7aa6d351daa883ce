"""Reads, writes and transactions against real DuckDB files, two writers at once and writers that are killed included."""

import datetime as dt
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from darkpool_assets.resources import WarehouseUnreadable, connect_to
from darkpool_assets.tables import (
    DAILY_METRICS,
    FINRA_SHORT_DAILY_RAW,
    INGEST_LEDGER,
    POLYGON_DAILY_AGG_RAW,
    POLYGON_EQUITY_TRADES_RAW,
    TABLES,
)
from darkpool_assets.warehouse import Warehouse, WarehouseSchemaError
from darkpool_assets_tests.killed_writers import PROCESSES, answer_of, start_the_server_of_writers

MON, TUE, WED = dt.date(2025, 6, 9), dt.date(2025, 6, 10), dt.date(2025, 6, 11)
ALWAYS = (dt.date(2000, 1, 1), dt.date(2050, 1, 1))
AGG = "polygon_daily_agg_raw"
SHORT = "finra_short_daily_raw"
OTC = "finra_otc_weekly_raw"


@pytest.fixture(scope="module", autouse=True)
def a_server_of_writers():
    """Imports what writers need while other tests run."""
    start_the_server_of_writers()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "w.duckdb"


@pytest.fixture
def warehouse(path):
    return Warehouse(connect_to(path))


def at(hour, minute=0):
    return dt.datetime.combine(MON, dt.time(hour, minute))


def sql(path, statement):
    with duckdb.connect(str(path)) as connection:
        result = connection.execute(statement)
        return result.fetchall()


def aggs(day=MON, *, close: float | None = 1.0, symbols=("SPY", "QQQ")):
    return POLYGON_DAILY_AGG_RAW.conform(
        pl.DataFrame({"symbol": list(symbols)}).with_columns(
            trade_date=pl.lit(day), data_source=pl.lit("FILE"), close=pl.lit(close, pl.Float64)
        )
    )


def metrics(day=MON, *, version="v1", close=1.0, symbols=("SPY", "QQQ"), **changes):
    labels = {"otc_status": "NO_COVERAGE", "data_quality": "PRE_OTC", "pressure_context_label": "NEUTRAL"}
    flags = dict.fromkeys(("has_otc", "has_short", "has_lit", "has_price"), False)
    values = {**labels, **flags, "close": close, "inference_version": version, **changes}
    marks = {name: pl.lit(value) for name, value in values.items()}
    return DAILY_METRICS.conform(
        pl.DataFrame({"symbol": list(symbols)}).with_columns(date=pl.lit(day), as_of=pl.lit(dt.date(2025, 7, 1)), **marks)
    )


def shorts(content, *, day=MON, source="CNMS", symbols=("SPY",), short=1.0):
    values = {"source": source, "content_hash": content, "source_file": f"{source}.txt"}
    marks = {name: pl.lit(value) for name, value in values.items()}
    volumes = {"short_volume": pl.lit(short), "short_exempt_volume": pl.lit(0.0), "total_volume": pl.lit(9.0)}
    return pl.DataFrame({"symbol": list(symbols)}).with_columns(trade_date=pl.lit(day), **marks, **volumes)


def week(content, *, updated: dt.date | None = None, symbol="SPY", monday=MON):
    row = {
        "symbol": symbol, "week_start_date": monday, "off_exchange_volume": 1.0, "summary_type_code": "ATS_W_SMBL",
        "last_update_date": updated, "source_file": "weekly", "content_hash": content,
    }  # fmt: skip
    return pl.DataFrame([row], schema_overrides={"last_update_date": pl.Date})


def entry(status, hour, *, feed="feed", day=MON, source="file"):
    row = {"feed": feed, "partition_date": day, "source": source, "status": status, "at": at(hour)}
    return INGEST_LEDGER.conform(pl.DataFrame([row]))


def add_shorts(warehouse, rows, hour):
    return warehouse.append_vintage(SHORT, rows, per=["trade_date", "source"], at=at(hour))


def add_week(warehouse, rows, hour):
    return warehouse.append_vintage(OTC, rows, per=["symbol", "week_start_date"], at=at(hour))


def closes(warehouse, table=AGG, **options):
    frame = warehouse.read_window(table, *ALWAYS, **options)
    return list(frame.select(TABLES[table].day_column, "symbol", "close").iter_rows())


# Opening


def test_a_fresh_warehouse_has_every_table_empty(warehouse):
    counts = warehouse.count_rows()
    assert counts["table"].to_list() == list(TABLES)
    assert counts["rows"].to_list() == [0] * len(TABLES)


def test_every_empty_table_is_read_in_its_declared_schema(warehouse):
    schemas = {table: warehouse.read_window(table, *ALWAYS).schema for table in TABLES}
    assert schemas == {name: table.schema for name, table in TABLES.items()}


def test_a_second_warehouse_reads_what_the_first_one_stored(path, warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    assert_frame_equal(Warehouse(connect_to(path)).read_day(AGG, MON), aggs(), check_row_order=False)


def test_no_connection_stays_open_between_two_calls(path, warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    assert sql(path, f"select count(*) from {AGG}") == [(2,)]
    warehouse.read_day(AGG, MON)
    assert sql(path, f"select count(*) from {AGG}") == [(2,)]


def test_threads_that_open_and_let_go_in_turn_are_all_served(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    with ThreadPoolExecutor(3) as threads:
        heights = list(threads.map(lambda _: warehouse.read_day(AGG, MON).height, range(12)))
    assert heights == [2] * 12


def test_rows_are_counted_by_table(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    warehouse.replace_day(AGG, aggs(WED, symbols=["SPY"]), day=WED)
    counted = warehouse.count_rows().filter(pl.col("table") == AGG).row(0, named=True)
    assert counted == {"table": AGG, "days": 2, "rows": 3, "first_day": MON, "last_day": WED}


# Migration


def test_an_absent_nullable_column_is_added_and_null_in_old_rows(path, warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    sql(path, f"alter table {AGG} drop column split_factor")
    reopened = Warehouse(connect_to(path))
    assert reopened.read_day(AGG, MON)["split_factor"].to_list() == [None, None]
    reopened.replace_day(AGG, aggs(TUE).with_columns(split_factor=pl.lit(2.0)), day=TUE)
    assert reopened.read_day(AGG, TUE)["split_factor"].to_list() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("alter table {t} alter column volume type varchar", "volume is VARCHAR, not DOUBLE"),
        ("alter table {t} alter column volume type float", "volume is FLOAT, not DOUBLE"),
        ("alter table {t} add column turnover double", "turnover is unknown"),
        ("alter table {t} drop column data_source", "data_source is absent and required"),
        ("alter table {t} rename column volume to shares", "shares is unknown"),
        ("alter table {t} alter column symbol drop not null", "symbol is VARCHAR, not VARCHAR not null"),
        ("alter table {t} alter column volume set not null", "volume is DOUBLE not null, not DOUBLE"),
    ],
)
def test_any_other_difference_is_refused_with_the_remedy(path, warehouse, change, fault):
    warehouse.count_rows()
    sql(path, change.format(t=AGG))
    with pytest.raises(WarehouseSchemaError, match=fault) as error:
        Warehouse(connect_to(path)).count_rows()
    assert AGG in str(error.value)
    assert "darkpool rebuild" in str(error.value)


def test_a_refused_table_keeps_its_rows(path, warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    sql(path, f"alter table {AGG} add column turnover double")
    with pytest.raises(WarehouseSchemaError):
        Warehouse(connect_to(path)).replace_day(AGG, aggs(), day=MON)
    assert sql(path, f"select count(*) from {AGG}") == [(2,)]


# Replacing a day


def test_a_day_is_replaced_and_its_neighbours_stay(warehouse):
    for day in (MON, TUE, WED):
        warehouse.replace_day(AGG, aggs(day), day=day)
    assert warehouse.replace_day(AGG, aggs(TUE, close=2.0, symbols=["SPY"]), day=TUE) == 1
    expected = [(MON, "QQQ", 1.0), (MON, "SPY", 1.0), (TUE, "SPY", 2.0), (WED, "QQQ", 1.0), (WED, "SPY", 1.0)]
    assert closes(warehouse) == expected


def test_a_day_may_become_empty(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    assert warehouse.replace_day(AGG, aggs().clear(), day=MON) == 0
    assert closes(warehouse) == []


def test_two_versions_of_a_day_live_side_by_side(warehouse):
    for version in ("v1", "v2"):
        warehouse.replace_day("daily_metrics", metrics(version=version), day=MON, inference_version=version)
    changed = metrics(version="v2", close=3.0, symbols=["SPY"])
    warehouse.replace_day("daily_metrics", changed, day=MON, inference_version="v2")
    assert closes(warehouse, "daily_metrics", inference_version="v1") == [(MON, "QQQ", 1.0), (MON, "SPY", 1.0)]
    assert closes(warehouse, "daily_metrics", inference_version="v2") == [(MON, "SPY", 3.0)]


def test_another_version_of_another_day_stays(warehouse):
    warehouse.replace_day("daily_metrics", metrics(TUE), day=TUE, inference_version="v1")
    warehouse.replace_day("daily_metrics", metrics(MON), day=MON, inference_version="v1")
    assert len(closes(warehouse, "daily_metrics")) == 4


@pytest.mark.parametrize(
    "rows",
    [metrics(TUE), metrics(version="v2"), pl.concat([metrics(), metrics(TUE)]), pl.concat([metrics(), metrics(version="v2")])],
)
def test_rows_of_another_day_or_version_are_refused_and_nothing_is_replaced(warehouse, rows):
    warehouse.replace_day("daily_metrics", metrics(), day=MON, inference_version="v1")
    with pytest.raises(ValueError, match="rows of another day or version than 2025-06-09 v1"):
        warehouse.replace_day("daily_metrics", rows, day=MON, inference_version="v1")
    assert closes(warehouse, "daily_metrics") == [(MON, "QQQ", 1.0), (MON, "SPY", 1.0)]


def test_rows_of_another_day_are_refused_in_tables_without_version(warehouse):
    with pytest.raises(ValueError, match="2 rows of another day"):
        warehouse.replace_day(AGG, aggs(TUE), day=MON)


def test_a_frame_that_does_not_fit_leaves_the_day_as_it_was(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    with pytest.raises(ValueError, match="unknown columns"):
        warehouse.replace_day(AGG, aggs(close=2.0).with_columns(turnover=pl.lit(1)), day=MON)
    assert closes(warehouse) == [(MON, "QQQ", 1.0), (MON, "SPY", 1.0)]


def test_a_null_in_a_required_column_leaves_the_day_as_it_was(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    with pytest.raises(duckdb.ConstraintException):
        warehouse.replace_day(AGG, aggs(close=2.0).with_columns(data_source=pl.lit(None, pl.String)), day=MON)
    assert closes(warehouse) == [(MON, "QQQ", 1.0), (MON, "SPY", 1.0)]


def test_a_ledger_entry_that_fails_takes_the_whole_write_back(warehouse):
    warehouse.replace_day(AGG, aggs(), day=MON)
    also = {"ingest_ledger": entry("STORED", 9), "derivation_ledger": pl.DataFrame({"nonsense": [1]})}
    with pytest.raises(ValueError, match="derivation_ledger"):
        warehouse.replace_day(AGG, aggs(close=2.0), day=MON, also=also)
    assert closes(warehouse) == [(MON, "QQQ", 1.0), (MON, "SPY", 1.0)]
    assert warehouse.read_day("ingest_ledger", MON).is_empty()


def test_a_write_after_a_failed_one_works(warehouse):
    with pytest.raises(duckdb.ConstraintException):
        warehouse.replace_day(AGG, aggs().with_columns(data_source=pl.lit(None, pl.String)), day=MON)
    assert warehouse.replace_day(AGG, aggs(), day=MON) == 2


def test_ledger_entries_are_appended_with_the_day(warehouse):
    for hour in (9, 10):
        warehouse.replace_day(AGG, aggs(), day=MON, also={"ingest_ledger": entry("STORED", hour)})
    assert warehouse.read_day("ingest_ledger", MON)["at"].to_list() == [at(9), at(10)]


def test_ledger_rows_are_appended_all_or_none(warehouse):
    with pytest.raises(ValueError, match="provenance_events"):
        warehouse.append({"ingest_ledger": entry("STORED", 9), "provenance_events": pl.DataFrame({"nonsense": [1]})})
    assert warehouse.read_day("ingest_ledger", MON).is_empty()
    warehouse.append({"ingest_ledger": entry("STORED", 9)})
    assert warehouse.read_day("ingest_ledger", MON).height == 1


# What survives


def test_symbols_that_look_like_nothing_or_like_flags_survive(warehouse):
    symbols = ["ABRpD", "AXSpD/CL", "NA", "NAN", "NULL", "TRUE", "nan"]
    warehouse.replace_day(AGG, aggs(symbols=symbols), day=MON)
    assert warehouse.read_day(AGG, MON)["symbol"].to_list() == symbols


@pytest.mark.parametrize("symbol", ["NA", "TRUE", "x' or true --", 'x"'])
def test_symbols_are_values_and_never_sql(warehouse, symbol):
    warehouse.replace_day(AGG, aggs(symbols=["SPY", symbol]), day=MON)
    assert warehouse.read_window(AGG, MON, MON, symbols=[symbol])["symbol"].to_list() == [symbol]


def test_nanoseconds_and_fractions_of_shares_survive(warehouse):
    instant = 1_749_475_800_123_456_789
    trade = pl.DataFrame({"symbol": ["SPY"], "trade_date": [MON], "size": [0.000001], "data_source": ["FILE"]}).with_columns(
        timestamp=pl.lit(instant).cast(pl.Datetime("ns")), price=pl.lit(590.123456)
    )
    warehouse.replace_day("polygon_equity_trades_raw", trade, day=MON)
    stored = warehouse.read_day("polygon_equity_trades_raw", MON)
    assert_frame_equal(stored, POLYGON_EQUITY_TRADES_RAW.conform(trade), check_exact=True)
    assert stored["timestamp"].cast(pl.Int64).to_list() == [instant]


def test_nulls_stay_null_and_zero_stays_zero(warehouse):
    warehouse.replace_day(AGG, pl.concat([aggs(close=None, symbols=["A"]), aggs(close=0.0, symbols=["B"])]), day=MON)
    assert closes(warehouse) == [(MON, "A", None), (MON, "B", 0.0)]


# Windows


def test_a_window_holds_both_ends_in_order_of_the_key(warehouse):
    for day in (WED, MON, TUE):
        warehouse.replace_day(AGG, aggs(day), day=day)
    rows = warehouse.read_window(AGG, MON, TUE)
    assert rows.select("trade_date", "symbol").rows() == [(MON, "QQQ"), (MON, "SPY"), (TUE, "QQQ"), (TUE, "SPY")]


def test_a_window_of_symbols_holds_those_alone(warehouse):
    warehouse.replace_day(AGG, aggs(symbols=["SPY", "QQQ", "spy"]), day=MON)
    assert warehouse.read_window(AGG, MON, MON, symbols=["SPY", "GONE"])["symbol"].to_list() == ["SPY"]
    assert warehouse.read_window(AGG, MON, MON, symbols=[]).is_empty()


def test_a_day_of_one_version_holds_that_alone(warehouse):
    for version in ("v1", "v2"):
        warehouse.replace_day("daily_metrics", metrics(version=version), day=MON, inference_version=version)
    assert warehouse.read_day("daily_metrics", MON, inference_version="v2")["inference_version"].to_list() == ["v2", "v2"]
    assert warehouse.read_day("daily_metrics", MON).height == 4


def test_stored_days_are_told_within_the_range_and_by_version(warehouse):
    for day, version in ((WED, "v1"), (MON, "v1"), (TUE, "v2")):
        warehouse.replace_day("daily_metrics", metrics(day, version=version), day=day, inference_version=version)
    assert warehouse.stored_days("daily_metrics", MON, WED) == [MON, TUE, WED]
    assert warehouse.stored_days("daily_metrics", TUE, TUE) == [TUE]
    assert warehouse.stored_days("daily_metrics", MON, WED, inference_version="v1") == [MON, WED]


# Vintages


def test_content_that_is_the_newest_already_is_not_stored_again(warehouse):
    assert add_shorts(warehouse, shorts("A"), 9) == 1
    assert add_shorts(warehouse, shorts("A"), 10) == 0
    assert warehouse.read_day(SHORT, MON)["ingested_at"].to_list() == [at(9)]


def test_content_that_came_back_is_a_new_vintage_where_nothing_orders_vintages(warehouse):
    stored = [add_shorts(warehouse, shorts(content), hour) for hour, content in enumerate("AABAAB", start=9)]
    assert stored == [1, 0, 1, 1, 0, 1]


def test_content_that_came_back_is_a_new_vintage_in_weeks_without_update_dates(warehouse):
    assert [add_week(warehouse, week(content), hour) for hour, content in enumerate("AABAA", start=9)] == [1, 0, 1, 1, 0]


def test_content_that_came_back_is_known_where_update_dates_order_vintages(warehouse):
    updates = {"A": dt.date(2025, 6, 30), "B": dt.date(2025, 7, 7)}
    stored = [add_week(warehouse, week(content, updated=updates[content]), hour) for hour, content in enumerate("AABAB", start=9)]
    assert stored == [1, 0, 1, 0, 0]


def test_a_vintage_never_overwrites_an_older_one(warehouse):
    add_shorts(warehouse, shorts("A", short=1.0), 9)
    add_shorts(warehouse, shorts("B", short=2.0), 10)
    rows = warehouse.read_day(SHORT, MON)
    assert set(rows.select("content_hash", "short_volume", "ingested_at").rows()) == {("A", 1.0, at(9)), ("B", 2.0, at(10))}


def test_vintages_of_other_symbols_and_weeks_do_not_count(warehouse):
    add_week(warehouse, week("A"), 9)
    assert add_week(warehouse, week("A", symbol="QQQ"), 10) == 1
    assert add_week(warehouse, week("A", monday=MON + dt.timedelta(weeks=1)), 11) == 1


def test_vintages_of_other_sources_and_days_do_not_count(warehouse):
    add_shorts(warehouse, shorts("A"), 9)
    assert add_shorts(warehouse, shorts("A", source="FORF"), 10) == 1
    assert add_shorts(warehouse, shorts("A", day=TUE), 11) == 1


def test_only_the_groups_with_new_content_are_stored(warehouse):
    add_week(warehouse, pl.concat([week("A"), week("A", symbol="QQQ")]), 9)
    assert add_week(warehouse, pl.concat([week("A"), week("B", symbol="QQQ")]), 10) == 1
    newest = warehouse.read_day(OTC, MON).filter(pl.col("ingested_at") == at(10))
    assert newest.select("symbol", "content_hash").rows() == [("QQQ", "B")]


def test_a_vintage_is_stored_with_all_its_rows(warehouse):
    legs = [week("A"), week("A").with_columns(summary_type_code=pl.lit("OTC_W_SMBL"))]
    assert add_week(warehouse, pl.concat(legs), 9) == 2


def test_a_reading_without_rows_stores_no_vintage_but_its_entry(warehouse):
    empty = FINRA_SHORT_DAILY_RAW.empty().drop("ingested_at")
    also = {"ingest_ledger": entry("STORED", 9)}
    assert warehouse.append_vintage(SHORT, empty, per=["trade_date", "source"], at=at(9), also=also) == 0
    assert warehouse.read_day("ingest_ledger", MON).height == 1


def test_a_vintage_and_its_entry_are_stored_together_or_not_at_all(warehouse):
    also = {"ingest_ledger": pl.DataFrame({"nonsense": [1]})}
    with pytest.raises(ValueError, match="ingest_ledger"):
        warehouse.append_vintage(SHORT, shorts("A"), per=["trade_date", "source"], at=at(9), also=also)
    assert warehouse.read_day(SHORT, MON).is_empty()


def test_a_vintage_that_breaks_a_rule_is_not_stored_in_part(warehouse):
    rows = pl.concat([shorts("A"), shorts("A", symbols=["QQQ"]).with_columns(symbol=pl.lit(None, pl.String))])
    with pytest.raises(duckdb.ConstraintException):
        add_shorts(warehouse, rows, 9)
    assert warehouse.read_day(SHORT, MON).is_empty()


# The newest short file


def newest_shorts(warehouse, symbols=None):
    rows = warehouse.read_newest_short_rows(MON, TUE, symbols=symbols)
    return rows.select("trade_date", "source", "symbol", "content_hash").rows()


def test_the_newest_short_file_counts_as_a_whole(warehouse):
    add_shorts(warehouse, shorts("A", symbols=["GONE", "SPY"]), 9)
    add_shorts(warehouse, shorts("B", symbols=["SPY"]), 10)
    assert newest_shorts(warehouse) == [(MON, "CNMS", "SPY", "B")]


def test_a_symbol_that_left_the_newest_file_is_not_taken_from_an_older_one(warehouse):
    add_shorts(warehouse, shorts("A", symbols=["GONE", "SPY"]), 9)
    add_shorts(warehouse, shorts("B", symbols=["SPY"]), 10)
    assert newest_shorts(warehouse, ["GONE"]) == []


def test_each_source_and_day_has_its_own_newest_file(warehouse):
    for hour, rows in enumerate([shorts("A"), shorts("B", source="FORF"), shorts("C", day=TUE), shorts("D")], start=9):
        add_shorts(warehouse, rows, hour)
    expected = [(MON, "CNMS", "SPY", "D"), (MON, "FORF", "SPY", "B"), (TUE, "CNMS", "SPY", "C")]
    assert newest_shorts(warehouse) == newest_shorts(warehouse, ["SPY"]) == expected


def test_content_that_came_back_is_the_newest_file_again(warehouse):
    for hour, content in enumerate("ABA", start=9):
        add_shorts(warehouse, shorts(content), hour)
    assert newest_shorts(warehouse) == [(MON, "CNMS", "SPY", "A")]


def test_short_files_outside_the_range_are_not_read(warehouse):
    for hour, day in enumerate((MON - dt.timedelta(days=3), MON, TUE, WED), start=9):
        add_shorts(warehouse, shorts("A", day=day), hour)
    assert [row[0] for row in newest_shorts(warehouse)] == [MON, TUE]
    assert warehouse.read_short_sources(MON, TUE).rows() == [(MON, "CNMS"), (TUE, "CNMS")]


def test_the_short_sources_of_a_day_are_told_once_each(warehouse):
    for hour, rows in enumerate([shorts("A", symbols=["SPY", "QQQ"]), shorts("B"), shorts("C", source="FORF")], start=9):
        add_shorts(warehouse, rows, hour)
    assert warehouse.read_short_sources(MON, MON).rows() == [(MON, "CNMS"), (MON, "FORF")]


# Ledgers


def test_the_newest_entry_of_each_group_counts(warehouse):
    for status, hour in (("FAILED", 9), ("STORED", 11), ("PARTIAL", 10)):
        warehouse.append({"ingest_ledger": entry(status, hour)})
    warehouse.append({"ingest_ledger": entry("UNCHANGED", 8, source="other")})
    by_feed = warehouse.newest_entries("ingest_ledger", MON, MON, by=["feed"])
    by_source = warehouse.newest_entries("ingest_ledger", MON, MON, by=["source"])
    assert by_feed["status"].to_list() == ["STORED"]
    assert by_source.select("source", "status").rows() == [("file", "STORED"), ("other", "UNCHANGED")]


def test_of_entries_of_one_moment_the_last_written_counts(warehouse):
    warehouse.append({"ingest_ledger": pl.concat([entry("STORED", 9), entry("FAILED", 9)])})
    assert warehouse.newest_entries("ingest_ledger", MON, MON, by=["feed"])["status"].to_list() == ["FAILED"]


def test_entries_are_told_by_owner_and_range(warehouse):
    rows = [entry("STORED", 9, feed=feed, day=day) for feed in ("a", "b") for day in (MON, TUE, WED)]
    warehouse.append({"ingest_ledger": pl.concat(rows)})
    owned = warehouse.newest_entries("ingest_ledger", MON, TUE, by=["feed", "partition_date"], owner="a")
    assert owned.select("feed", "partition_date").rows() == [("a", MON), ("a", TUE)]
    assert warehouse.newest_entries("ingest_ledger", MON, WED, by=["feed", "partition_date"]).height == 6


# Two writers, and writers that are killed

BIG = 3_000
ROUNDS = 4
KILLS = 5


def whole_day(close):
    return aggs(close=close, symbols=[f"S{number}" for number in range(BIG)])


def _write_on_order(folder: Path, orders: Connection) -> None:
    """Replace MON in the named database once for each close of an order; answers "begun", then "done" or the error's name."""
    orders.send("ready")
    while True:
        name, many_closes = orders.recv()
        warehouse = Warehouse(connect_to(folder / name))
        orders.send("begun")
        try:
            for close in many_closes:
                warehouse.replace_day(AGG, whole_day(close), day=MON)
        except WarehouseUnreadable as error:
            orders.send(type(error).__name__)
        else:
            orders.send("done")


@pytest.fixture
def start_writer(tmp_path):
    """Starts a process that replaces MON on order; those still alive are ended afterwards."""
    started = []

    def start():
        ours, theirs = PROCESSES.Pipe()
        process = PROCESSES.Process(target=_write_on_order, args=(tmp_path, theirs))
        process.start()
        theirs.close()
        started.append((process, ours))
        assert answer_of(ours) == "ready"
        return process, ours

    yield start
    for process, ours in started:
        process.kill()
        process.join()
        process.close()
        ours.close()


@pytest.fixture
def kill_a_writer(start_writer):
    """Kills a process in the midst of replacing MON by one whole day after another."""

    def kill(name, number, *, after):
        process, orders = start_writer()
        for many_closes in ([float(number)], [number + part / 1_000 for part in range(1, 1_000)]):
            orders.send((name, many_closes))
            assert answer_of(orders) == "begun"
            if len(many_closes) == 1:
                assert answer_of(orders) == "done"
        time.sleep(after)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL

    return kill


def stored_close(path):
    """The one close that every row of MON has, when each symbol is there once."""
    rows = Warehouse(connect_to(path)).read_day(AGG, MON)
    assert sorted(rows["symbol"]) == sorted(f"S{number}" for number in range(BIG))
    (close,) = rows["close"].unique()
    return close


def test_two_processes_that_write_the_same_first_day_leave_one_of_them_whole(tmp_path, start_writer):
    writers = [start_writer()[1] for _ in range(2)]
    for number in range(ROUNDS):
        name = f"first{number}.duckdb"
        for close, orders in enumerate(writers):
            orders.send((name, [float(close)]))
        assert [answer_of(orders) for orders in writers] == ["begun", "begun"]
        ends = [answer_of(orders) for orders in writers]
        # A file seen while the other process makes it is refused by name.
        assert set(ends) <= {"done", "WarehouseUnreadable"}
        assert stored_close(tmp_path / name) in [float(close) for close, end in enumerate(ends) if end == "done"]


def test_a_writer_killed_at_any_moment_leaves_the_day_wholly_old_or_wholly_new(tmp_path, kill_a_writer):
    moments = random.Random(20250609)
    for number in range(KILLS):
        kill_a_writer("killed.duckdb", number, after=moments.uniform(0.0, 0.2))
        assert number <= stored_close(tmp_path / "killed.duckdb") < number + 0.999


def test_a_write_after_a_killed_writer_completes(tmp_path, kill_a_writer):
    kill_a_writer("again.duckdb", 1, after=0.1)
    assert Warehouse(connect_to(tmp_path / "again.duckdb")).replace_day(AGG, whole_day(5.0), day=MON) == BIG
    assert stored_close(tmp_path / "again.duckdb") == 5.0


def interrupted_transaction(warehouse: Warehouse) -> None:
    """A query inside a transaction that is interrupted while it runs."""

    def interrupt(connection: duckdb.DuckDBPyConnection) -> None:
        time.sleep(0.3)
        connection.interrupt()

    with warehouse._transaction() as connection:
        threading.Thread(target=interrupt, args=[connection], daemon=True).start()
        connection.execute("select sum(a.range * b.range) from range(1000000) a, range(1000000) b").fetchall()


def test_an_interrupted_query_is_an_interruption_and_stores_nothing(warehouse: Warehouse):
    with pytest.raises(KeyboardInterrupt):
        interrupted_transaction(warehouse)
    assert warehouse.count_rows()["rows"].sum() == 0
