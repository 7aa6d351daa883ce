"""Connections to database files: held while one is open, let go with the last, shared by threads."""

import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from darkpool_assets.database_faults import WarehouseUnreadable
from darkpool_assets.database_files import DatabaseFiles
from darkpool_assets.resources import connect_to


@pytest.fixture
def files() -> DatabaseFiles:
    return DatabaseFiles()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it's one.duckdb"


def is_held(path: Path) -> bool:
    """Whether a connection of another DuckDB instance is refused."""
    try:
        duckdb.connect(str(path)).close()
    except duckdb.ResourceInUseException:
        return True
    return False


def is_held_against_others(path: Path) -> bool:
    """Whether a writer in another process is refused."""
    writer = "import sys, duckdb; duckdb.connect(sys.argv[1]).execute('create table intruder (answer int)')"
    asked = subprocess.run([sys.executable, "-c", writer, str(path)], check=False, capture_output=True, text=True)
    assert asked.returncode == 0 or "Could not set lock" in asked.stderr
    return asked.returncode != 0


def test_a_second_connection_that_comes_and_goes_leaves_other_processes_out(path: Path):
    connect = connect_to(path)
    with connect():
        with connect():
            pass
        assert is_held_against_others(path)
    assert not is_held_against_others(path)


def test_a_database_that_another_process_holds_is_waited_for_and_that_is_said_once(path: Path, caplog: pytest.LogCaptureFixture):
    holder = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        end = threading.Timer(0.5, process.stdin.close)
        end.start()
        with connect_to(path)():
            pass
        end.join()
    assert caplog.messages == ["Another process holds the database; waiting for it, up to two minutes"]


def test_a_second_spelling_of_the_path_leaves_other_processes_out(path: Path):
    link = path.with_name("link.duckdb")
    link.symlink_to(path)
    with connect_to(path)():
        with connect_to(link)():
            pass
        assert is_held_against_others(path)


def test_a_file_is_held_until_its_last_connection_is_closed(files: DatabaseFiles, path: Path):
    first, second = files.connect(path), files.connect(path)
    held = [is_held(path)]
    for connection in (first, second):
        files.close(connection, path)
        held.append(is_held(path))
    assert held == [True, True, False]


def test_what_one_connection_commits_the_next_one_reads(files: DatabaseFiles, path: Path):
    writer = files.connect(path)
    writer.execute("create table kept as select 42 as answer")
    files.close(writer, path)
    assert not path.with_name(f"{path.name}.wal").exists()
    reader = files.connect(path)
    assert reader.execute("from kept").fetchall() == [(42,)]
    files.close(reader, path)


def test_what_was_not_committed_is_gone_with_its_connection(files: DatabaseFiles, path: Path):
    other = files.connect(path)
    writer = files.connect(path)
    writer.execute("create table kept (answer int)")
    writer.begin()
    writer.execute("insert into kept values (42)")
    files.close(writer, path)
    assert other.execute("from kept").fetchall() == []
    files.close(other, path)


def test_two_files_are_two_databases(files: DatabaseFiles, tmp_path: Path):
    paths = [tmp_path / name for name in ("a.duckdb", "b.duckdb")]
    opened = [files.connect(path) for path in paths]
    for number, connection in enumerate(opened):
        connection.execute(f"create table kept as select {number} as answer")
    assert [connection.execute("from kept").fetchall() for connection in opened] == [[(0,)], [(1,)]]
    for path, connection in zip(paths, opened, strict=True):
        files.close(connection, path)
    assert not any(is_held(path) for path in paths)


def test_a_file_that_is_read_only_refuses_writes(files: DatabaseFiles, path: Path):
    duckdb.connect(str(path)).close()
    connection = files.connect(path, read_only=True)
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        connection.execute("create table kept (answer int)")
    files.close(connection, path)


def test_what_is_no_database_is_refused_and_can_be_put_right(files: DatabaseFiles, path: Path):
    path.write_text("nonsense " * 1000)
    with pytest.raises(WarehouseUnreadable, match="is no DuckDB database"):
        files.connect(path)
    path.unlink()
    files.close(files.connect(path), path)
    assert path.exists()


def test_a_file_that_another_instance_holds_is_refused_until_it_is_let_go(files: DatabaseFiles, path: Path):
    with duckdb.connect(str(path)), pytest.raises(duckdb.ResourceInUseException):
        files.connect(path)
    files.close(files.connect(path), path)


def test_threads_that_come_and_go_lose_no_row_and_leave_nothing_held(files: DatabaseFiles, path: Path):
    def write(number: int) -> None:
        for _ in range(20):
            connection = files.connect(path)
            connection.execute("create table if not exists kept (answer int)") if number == 0 else None
            connection.execute("insert into kept values (?)", [number])
            files.close(connection, path)

    write(0)
    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not is_held(path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("select answer, count(*) from kept group by all order by all").fetchall() == [
            (number, 20) for number in range(4)
        ]
