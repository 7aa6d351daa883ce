"""Files that are no database of ours, damaged ones and full disks: named, with what to do, and never changed."""

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from darkpool_assets.database_faults import WarehouseDamaged, WarehouseFull, WarehouseUnreadable, fault_of
from darkpool_assets.resources import connect_to
from darkpool_assets.warehouse import Warehouse, WarehouseSchemaError
from darkpool_assets_tests.small_disk import SmallDisk

DAY = dt.date(2026, 3, 10)


def _rows(count: int = 1) -> pl.DataFrame:
    symbols = [f"S{number:06d}" for number in range(count)]
    return pl.DataFrame({"symbol": symbols, "trade_date": DAY, "close": [float(n) for n in range(count)], "data_source": "FILE"})


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A database of ours with a day of rows, closed."""
    path = tmp_path / "w.duckdb"
    Warehouse(connect_to(path)).replace_day("polygon_daily_agg_raw", _rows(200_000), day=DAY)
    return path


def _text(path: Path) -> None:
    path.write_text("symbol,price\n" * 50)


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table t(i)")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (_text, "is no DuckDB database (begins with b'symbol,price"),
        (Path.touch, "(is empty)"),
        (_sqlite, "is no DuckDB database (begins with b'SQLite"),
    ],
    ids=["folder", "text", "empty", "sqlite"],
)
def test_what_is_no_database_is_named_and_left_as_it_is(make, words: str, tmp_path: Path):
    path = tmp_path / "w.duckdb"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(WarehouseUnreadable, match="set DUCKDB_PATH to another file") as error:
        Warehouse(connect_to(path)).count_rows()
    assert words in str(error.value)
    assert str(path) in str(error.value)
    assert "away" not in str(error.value)
    assert before is None or path.read_bytes() == before


FOREIGN = """
import duckdb, os, sys
c = duckdb.connect(sys.argv[1]); c.execute("create table orders as select 1 as i"); c.execute("checkpoint")
c.execute("set checkpoint_threshold='1GB'"); c.execute("insert into orders values (2)"); os._exit(0)
"""


def test_a_database_of_another_program_is_never_written_to_nor_its_log(tmp_path: Path):
    path, log = tmp_path / "theirs.duckdb", tmp_path / "theirs.duckdb.wal"
    subprocess.run([sys.executable, "-c", FOREIGN, str(path)], check=True)
    before = path.read_bytes(), log.read_bytes()
    for _ in range(2):
        with pytest.raises(WarehouseSchemaError, match=r"another program \(orders\).*Set DUCKDB_PATH to a file of its own"):
            Warehouse(connect_to(path)).count_rows()
    assert (path.read_bytes(), log.read_bytes()) == before


def test_a_table_of_our_name_in_another_form_is_refused_before_anything_is_changed(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table daily_metrics (mine integer)")
    before = path.read_bytes()
    with pytest.raises(WarehouseSchemaError, match="do not fit their declaration: daily_metrics: "):
        Warehouse(connect_to(path)).count_rows()
    assert path.read_bytes() == before


def test_half_a_file_is_damage_with_what_to_do(ours: Path):
    whole = ours.read_bytes()
    ours.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WarehouseDamaged, match=r"w\.duckdb is damaged .*darkpool rebuild"):
        Warehouse(connect_to(ours)).read_day("polygon_daily_agg_raw", DAY)


def test_damage_that_shows_after_opening_is_named_too(ours: Path):
    damaged = bytearray(ours.read_bytes())
    for place in range(40_000, len(damaged) - 300_000, 50_000):
        damaged[place : place + 8] = b"\xff" * 8
    ours.write_bytes(damaged)
    with pytest.raises(WarehouseDamaged, match=r"w\.duckdb is damaged .*checksum.*darkpool rebuild"):
        Warehouse(connect_to(ours)).read_day("polygon_daily_agg_raw", DAY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(ours: Path):
    ours.chmod(0)
    with pytest.raises(WarehouseUnreadable, match="permission denied"):
        Warehouse(connect_to(ours)).count_rows()


def test_a_full_disk_is_named_and_the_stored_rows_stay(small_disk: SmallDisk):
    path = small_disk.folder / "w.duckdb"
    Warehouse(connect_to(path)).replace_day("polygon_daily_agg_raw", _rows(10), day=DAY)
    small_disk.fill()
    with pytest.raises(WarehouseFull, match=r"no room left for .*w\.duckdb.*run the same command again"):
        Warehouse(connect_to(path)).replace_day("polygon_daily_agg_raw", _rows(500_000), day=DAY)
    small_disk.make_room()
    assert Warehouse(connect_to(path)).read_day("polygon_daily_agg_raw", DAY).height == 10


def test_a_new_database_on_a_full_disk_leaves_nothing_that_is_in_the_way_later(small_disk: SmallDisk):
    warehouse = Warehouse(connect_to(small_disk.folder / "w.duckdb"))
    small_disk.fill()
    with pytest.raises(WarehouseFull, match="no room left for"):
        warehouse.replace_day("polygon_daily_agg_raw", _rows(10), day=DAY)
    small_disk.make_room()
    assert warehouse.replace_day("polygon_daily_agg_raw", _rows(10), day=DAY) == 10


def test_an_error_of_a_statement_says_nothing_of_the_file(tmp_path: Path):
    assert fault_of(duckdb.BinderException("no such column"), tmp_path) is None


def test_a_failed_write_of_another_file_says_nothing_of_the_database(tmp_path: Path):
    error = duckdb.IOException('Could not write file "/elsewhere/copy.duckdb": No space left on device')
    assert fault_of(error, tmp_path / "w.duckdb") is None
