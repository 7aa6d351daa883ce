"""The published copy for outside readers: what it holds, who keeps what, and that no failure costs anything."""

import datetime as dt
import logging
import random
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from darkpool_assets.definitions import END_OF_DAY, build_definitions
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.resources import connect_to, publish_if_older
from darkpool_assets.tables import INGEST_LEDGER, POLYGON_DAILY_AGG_RAW, POLYGON_EQUITY_TRADES_RAW, TABLES
from darkpool_assets.warehouse import Warehouse
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, TUESDAY
from darkpool_assets_tests.hand_made_graph import Graph
from darkpool_assets_tests.killed_writers import answer_of, hold, publish_for_ever, running, start_the_server_of_writers

AGG = POLYGON_DAILY_AGG_RAW.name
TRADES = POLYGON_EQUITY_TRADES_RAW.name
DAY = dt.date(2025, 6, 9)
COPIED = [name for name in TABLES if name != TRADES]
AT = dt.datetime.combine(DAY, dt.time(12))
KILLS = 5
_NO_COPY = "PUBLISHED_DUCKDB_PATH: no copy was made"


@pytest.fixture(scope="module", autouse=True)
def a_server_of_writers() -> None:
    start_the_server_of_writers()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(connect_to(tmp_path / "w.duckdb"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "readers' folder" / "published.duckdb"


def aggs(close: float, *, symbols: int = 3) -> pl.DataFrame:
    rows = pl.DataFrame({"symbol": [f"S{number}" for number in range(symbols)]})
    marks = {"close": pl.lit(close), "data_source": pl.lit("FILE")}
    return POLYGON_DAILY_AGG_RAW.conform(rows.with_columns(trade_date=pl.lit(DAY), **marks))


def store(warehouse: Warehouse, close: float, *, symbols: int = 3) -> None:
    """A day and its ledger row, in one transaction."""
    row = {"feed": AGG, "partition_date": DAY, "source": "file", "status": "STORED", "lit_volume": close, "at": AT}
    entry = INGEST_LEDGER.conform(pl.DataFrame([row]))
    warehouse.replace_day(AGG, aggs(close, symbols=symbols), day=DAY, also={"ingest_ledger": entry})


def read(copy: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(copy), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def files_beside(copy: Path) -> list[str]:
    return sorted(path.name for path in copy.parent.iterdir())


# What it holds


@pytest.fixture(scope="module")
def published_week(made_week: Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("published") / "week.duckdb"
    assert made_week.warehouse.publish_to(copy) == len(COPIED)
    return copy


def test_it_holds_every_declared_table_but_raw_trades(published_week: Path):
    tables = read(published_week, "select table_name from information_schema.tables order by 1")
    assert [name for (name,) in tables] == sorted([*COPIED, "published"])


@pytest.mark.parametrize("table", COPIED)
def test_its_rows_are_the_warehouses(made_week: Graph, published_week: Path, table: str):
    copied = Warehouse(connect_to(published_week), is_prepared=True).read_window(table, dt.date.min, dt.date.max)
    assert copied.equals(made_week.rows(table))
    assert copied.height or table == "provenance_events"


def test_types_and_null_rules_are_the_declared_ones(published_week: Path):
    sql = """
        select table_name, column_name, data_type || if(is_nullable = 'NO', ' not null', '') from information_schema.columns
        where table_name <> 'published' order by table_name, ordinal_position
    """
    declared = [(name, column.name, column.definition) for name in sorted(COPIED) for column in TABLES[name].columns]
    assert read(published_week, sql) == declared


def test_it_says_when_it_was_made_and_of_how_many_rows(made_week: Graph, published_week: Path):
    counts = {row["table"]: row["rows"] for row in made_week.warehouse.count_rows().iter_rows(named=True)}
    assert dict(read(published_week, "select table_name, row_count from published")) == {name: counts[name] for name in COPIED}
    ((at,),) = read(published_week, "select distinct published_at from published")
    assert abs(dt.datetime.now(dt.UTC).replace(tzinfo=None) - at) < dt.timedelta(minutes=10)


def test_the_copy_stands_alone_in_its_folder(published_week: Path):
    assert files_beside(published_week) == ["week.duckdb"]


def test_all_tables_are_as_of_one_moment(warehouse: Warehouse, copy: Path):
    is_over = threading.Event()

    def write() -> None:
        for number in count():
            store(warehouse, float(number))
            if is_over.is_set():
                return

    store(warehouse, -1.0)
    writer = threading.Thread(target=write)
    with warehouse.connected():  # keeps the database open, so that both threads come and go as they like
        writer.start()
        for _ in range(5):
            warehouse.publish_to(copy)
            assert read(copy, "select max(lit_volume) from ingest_ledger") == read(copy, f"select distinct close from {AGG}")
        is_over.set()
        writer.join()


# Readers


def test_a_reader_keeps_the_copy_it_holds_and_blocks_nobody(warehouse: Warehouse, copy: Path):
    store(warehouse, 1.0)
    warehouse.publish_to(copy)
    query = f"select distinct close from {AGG}"
    with running(hold, copy, query) as (_process, reader):
        assert answer_of(reader) == [(1.0,)]
        store(warehouse, 2.0)
        warehouse.publish_to(copy)
        reader.send("again")
        assert answer_of(reader) == [(1.0,)]
        assert read(copy, query) == [(2.0,)]


def test_what_a_reader_wrote_to_the_old_copy_does_not_reach_the_new_one(warehouse: Warehouse, copy: Path):
    store(warehouse, 1.0)
    warehouse.publish_to(copy)
    held = duckdb.connect(str(copy))
    held.execute("create table mine as select 1 as one")
    assert files_beside(copy) == ["published.duckdb", "published.duckdb.wal"]
    log = (copy.parent / "published.duckdb.wal").read_bytes()
    held.close()
    (copy.parent / "published.duckdb.wal").write_bytes(log)
    warehouse.publish_to(copy)
    assert files_beside(copy) == ["published.duckdb"]
    assert read(copy, f"select count(*) from {AGG}") == [(3,)]


# Failures


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """No file may grow beyond `size`, as on a disk that runs full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_runs_full_at_any_moment_leaves_the_old_copy_and_nothing_beside_it(warehouse: Warehouse, copy: Path):
    store(warehouse, 1.0, symbols=20_000)
    warehouse.publish_to(copy)
    store(warehouse, 2.0, symbols=20_000)
    whole = copy.stat().st_size
    for size in [0, 4_096, *range(16_384, whole, whole // 6), whole - 1]:
        with pytest.raises((duckdb.Error, OSError)), files_no_larger_than(size):
            warehouse.publish_to(copy)
        assert files_beside(copy) == ["published.duckdb"], size
        assert read(copy, f"select distinct close from {AGG}") == [(1.0,)], size
    assert warehouse.read_day(AGG, DAY).height == 20_000
    warehouse.publish_to(copy)
    assert read(copy, f"select distinct close from {AGG}") == [(2.0,)]


def test_a_target_that_is_a_folder_is_an_error_and_leaves_nothing_beside_it(warehouse: Warehouse, copy: Path):
    copy.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        warehouse.publish_to(copy)
    assert files_beside(copy) == ["published.duckdb"]


@pytest.mark.parametrize("spelled", ["the same", "by a link", "by a second name"])
def test_the_warehouse_itself_is_refused_and_stays_as_it_is(warehouse: Warehouse, tmp_path: Path, spelled: str):
    store(warehouse, 1.0)
    own, link = tmp_path / "w.duckdb", tmp_path / "link.duckdb"
    if spelled == "by a link":
        link.symlink_to(own)
    elif spelled == "by a second name":
        link.hardlink_to(own)
    with pytest.raises(ValueError, match="is the warehouse itself"):
        warehouse.publish_to(own if spelled == "the same" else link)
    assert warehouse.read_day(AGG, DAY).height == 3


def test_what_a_killed_process_left_is_removed_by_the_next_copy(warehouse: Warehouse, copy: Path):
    copy.parent.mkdir()
    for name in (".published.duckdb.part", ".published.duckdb.part.wal"):
        (copy.parent / name).write_bytes(b"half a file")
    warehouse.publish_to(copy)
    assert files_beside(copy) == ["published.duckdb"]


def test_a_process_killed_at_any_moment_leaves_a_whole_copy(warehouse: Warehouse, tmp_path: Path, copy: Path):
    store(warehouse, 1.0, symbols=30_000)
    moments = random.Random(20250609)
    for _ in range(KILLS):
        with running(publish_for_ever, tmp_path / "w.duckdb", copy) as (process, orders):
            assert answer_of(orders) == "published"
            process.join(moments.uniform(0.0, 0.15))
            assert process.exitcode is None
        assert read(copy, f"select count(*), min(close) from {AGG}") == [(30_000, 1.0)]
        assert read(copy, f"select row_count from published where table_name = '{AGG}'") == [(30_000,)]
    warehouse.publish_to(copy)
    assert files_beside(copy) == ["published.duckdb"]


# Runs


def told(graph: Graph) -> list[str]:
    """What the newest run's log says of the copy."""
    logs = graph.instance.all_logs(graph.instance.get_runs(limit=1)[0].run_id)
    return [entry.user_message for entry in logs if "tables published at" in entry.user_message or _NO_COPY in entry.user_message]


def test_a_run_publishes_what_it_stored(graph: Graph, copy: Path):
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY, published_duckdb_path=copy).success
    assert read(copy, f"select count(*) from {AGG} where trade_date = '{FRIDAY}'") == [(3,)]
    (line,) = told(graph)
    assert line.startswith(f"10 tables published at {copy} in ")


def test_a_failed_run_publishes_what_it_stored(graph: Graph, copy: Path):
    graph.feeds.trades_file(FRIDAY).write_text("nonsense\n1\n")
    both = [polygon_daily_agg_raw, polygon_equity_trades_raw]
    assert not graph.materialise(both, FRIDAY, published_duckdb_path=copy).success
    assert set(read(copy, "select feed, status from ingest_ledger")) == {(AGG, "STORED"), (TRADES, "FAILED")}


def test_a_run_publishes_once_and_after_its_checks(again: Graph, copy: Path):
    select = ["finra_short_daily_raw", "lit_direction_daily", "daily_metrics"]
    assert not again.run([MONDAY, TUESDAY], select, published_duckdb_path=copy).failures
    assert len(told(again)) == 1
    run = again.instance.get_runs(limit=1)[0]
    checked = again.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ((at,),) = read(copy, "select epoch(max(published_at)) from published")
    assert max(event.timestamp for event in checked) < at


def test_a_run_that_stored_nothing_publishes_only_where_the_copy_is_older(again: Graph, copy: Path):
    key = dg.AssetCheckKey(dg.AssetKey("daily_metrics"), "every_configured_ticker_has_its_row")
    job = build_definitions(again.settings(published_duckdb_path=copy)).resolve_job_def(END_OF_DAY)
    checks = job.get_subset(asset_selection=set(), asset_check_selection={key})
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    made = []
    for _ in range(2):
        assert checks.execute_in_process(instance=again.instance, partition_key=FRIDAY.isoformat(), run_config=quiet).success
        made.append(read(copy, "select max(published_at) from published"))
    assert made[0] == made[1]


def test_a_copy_that_a_killed_run_left_old_is_made_by_the_next_command(again: Graph, copy: Path):
    again.warehouse.publish_to(copy)
    before = read(copy, 'select max("at") from ingest_ledger')
    assert again.materialise(finra_short_daily_raw, FRIDAY).success
    assert publish_if_older(again.warehouse, copy, log=logging.getLogger("test"))
    assert read(copy, 'select max("at") from ingest_ledger') > before


def test_a_damaged_copy_is_made_again(again: Graph, copy: Path):
    again.warehouse.publish_to(copy)
    copy.write_bytes(copy.read_bytes()[:5_000])
    assert publish_if_older(again.warehouse, copy, log=logging.getLogger("test"))
    assert read(copy, "select count(*) from published") == [(len(TABLES) - 1,)]


def test_a_copy_that_cannot_be_made_is_a_warning_and_the_run_goes_through(graph: Graph, tmp_path: Path):
    (tmp_path / "a file").write_text("no folder")
    result = graph.materialise(finra_short_daily_raw, FRIDAY, published_duckdb_path=tmp_path / "a file" / "copy.duckdb")
    assert result.success
    (line,) = told(graph)
    assert line.startswith(_NO_COPY)
    assert "Nothing that was stored is lost." in line
    assert graph.warehouse.stored_days("finra_short_daily_raw", FRIDAY, FRIDAY) == [FRIDAY]


def test_without_the_setting_no_copy_is_made(graph: Graph):
    assert graph.materialise(polygon_daily_agg_raw, FRIDAY).success
    assert told(graph) == []
