"""A full disk is told by the setting and the place that lie on it, what was stored before stays, and the same command goes on."""

import sqlite3
from pathlib import Path

import pytest

from darkpool_assets.full_disks import NoRoomLeft, refusing_full_disk
from darkpool_assets.rendering.files import write_atomically
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY, HandMadeFeeds
from darkpool_assets_tests.small_disk import SmallDisk
from darkpool_assets_tests.trust.command_process import command


def test_a_file_on_a_full_disk_is_told_by_setting_and_place_and_the_old_one_stays(small_disk: SmallDisk):
    page = small_disk.folder / "page.html"
    write_atomically(page, b"old")
    small_disk.fill()
    told = rf"^OUTPUT_DIR: no room left in {small_disk.folder} \(No space left on device\).*Make room there"
    with pytest.raises(NoRoomLeft, match=told) as error, refusing_full_disk("OUTPUT_DIR", small_disk.folder):
        write_atomically(page, b"x" * 10_000)
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.filename == str(page)
    assert page.read_bytes() == b"old"


def test_a_sqlite_database_on_a_full_disk_is_told_too(small_disk: SmallDisk):
    connection = sqlite3.connect(small_disk.folder / "runs.db")
    connection.execute("create table runs (body blob)")
    small_disk.fill()
    with pytest.raises(NoRoomLeft, match=r"^DAGSTER_HOME: .*disk is full"), refusing_full_disk("DAGSTER_HOME", small_disk.folder):
        connection.execute("insert into runs values (zeroblob(1000000))")
    connection.close()


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), sqlite3.OperationalError("no such table"), ValueError()]
)
def test_what_is_no_want_of_room_is_passed_on_as_it_is(error: Exception, tmp_path: Path):
    with pytest.raises(type(error)) as raised, refusing_full_disk("OUTPUT_DIR", tmp_path):
        raise error
    assert raised.value is error


PLACES = {
    "DUCKDB_PATH": ("w.duckdb", 0, "no room left for"),
    "DAGSTER_HOME": ("home", 700_000, "no room left in"),
    "OUTPUT_DIR": ("output", 0, "no room left in"),
    "PUBLISHED_DUCKDB_PATH": ("copy.duckdb", 0, "no copy was made"),
}


@pytest.mark.long
@pytest.mark.parametrize("setting", PLACES)
def test_a_command_names_the_full_disk_ends_with_one_and_goes_on_once_there_is_room(
    setting: str, small_disk: SmallDisk, tmp_path: Path
):
    name, left, words = PLACES[setting]
    place = small_disk.folder / name
    feeds = HandMadeFeeds(tmp_path / "feeds").write_everything()
    values = feeds.values() | {
        "DAGSTER_HOME": str(tmp_path / "home"),
        "PUBLISHED_DUCKDB_PATH": str(tmp_path / "copy.duckdb"),
        setting: str(place),
    }
    small_disk.fill(leave=left)
    codes = []
    for number, last in enumerate((THURSDAY, THURSDAY, FRIDAY)):
        arguments = ["backfill", str(THURSDAY), str(last)]
        with command(arguments, folder=tmp_path, values=values, name=f"command{number}") as running:
            codes.append(running.wait())
            said = running.said().replace("\n", " ")
        if number == 0:
            assert f"{setting}: " in said
            assert words in said
            assert str(place) in said.replace(" ", "")
            assert "Traceback" not in said
            small_disk.make_room()
    assert codes == [1, 0, 0]
