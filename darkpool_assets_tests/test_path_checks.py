"""Paths and ports are tried out before work starts: each that can't be used is named with its reason."""

import os
import socket
from pathlib import Path

import pytest

from darkpool_assets.path_checks import refuse_taken_ports, refuse_unusable_paths, refuse_unwritable
from darkpool_assets.settings import SettingsError, load_settings


def fault_of_file(path: Path) -> str:
    with pytest.raises(SettingsError) as error:
        refuse_unwritable(files={"FILE": path}, folders={})
    (fault,) = error.value.faults
    return fault


def fault_of_folder(path: Path) -> str:
    with pytest.raises(SettingsError) as error:
        refuse_unwritable(files={}, folders={"FOLDER": path})
    (fault,) = error.value.faults
    return fault


def test_a_new_file_in_a_new_folder_passes_and_is_not_made(tmp_path: Path):
    path = tmp_path / "new" / "file.csv"
    refuse_unwritable(files={"FILE": path}, folders={"FOLDER": tmp_path / "other"})
    assert not path.exists()
    assert list((tmp_path / "other").iterdir()) == []


def test_a_file_that_is_there_passes_unchanged(tmp_path: Path):
    path = tmp_path / "file.csv"
    path.write_text("rows")
    refuse_unwritable(files={"FILE": path}, folders={})
    assert path.read_text() == "rows"


def test_a_folder_where_a_file_should_be_is_refused(tmp_path: Path):
    assert fault_of_file(tmp_path) == (
        f"FILE: given {tmp_path}, which can't be written to (it is a folder); allowed: a file in a folder that can be written to"
    )


def test_a_path_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "plain").write_text("")
    assert "(Not a directory)" in fault_of_file(tmp_path / "plain" / "file.csv") + fault_of_folder(tmp_path / "plain" / "folder")


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path):
    (tmp_path / "plain").write_text("")
    assert fault_of_folder(tmp_path / "plain").startswith(f"FOLDER: given {tmp_path / 'plain'}, which can't be written to (")


@pytest.mark.parametrize("path", ["/proc/darkpool", "/proc/darkpool/deeper"])
def test_a_folder_that_the_system_keeps_for_itself_is_refused(path: str):
    assert "can't be written to" in fault_of_folder(Path(path))


def test_a_file_right_below_proc_is_refused():
    assert "can't be written to" in fault_of_file(Path("/proc/file.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path):
    (tmp_path / "kept").mkdir(mode=0o500)
    assert "(Permission denied)" in fault_of_folder(tmp_path / "kept") + fault_of_file(tmp_path / "kept" / "file.csv")


def test_a_name_that_is_too_long_is_refused(tmp_path: Path):
    assert "(File name too long)" in fault_of_folder(tmp_path / ("x" * 300))


def test_every_path_of_the_settings_is_asked_and_all_faults_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "plain").write_text("")
    below = tmp_path / "plain" / "below"
    monkeypatch.setenv("DAGSTER_HOME", str(below))
    settings = load_settings(duckdb_path=below / "one", published_duckdb_path=below / "two", output_dir=below)
    with pytest.raises(SettingsError) as error:
        refuse_unusable_paths(settings)
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        "DUCKDB_PATH",
        "PUBLISHED_DUCKDB_PATH",
        "OUTPUT_DIR",
        "DAGSTER_HOME",
    ]


@pytest.mark.parametrize(("offset", "use"), [(0, "the Dagster UI"), (1, "the report site")])
def test_a_port_in_use_is_refused_by_number_and_use(offset: int, use: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"--port: given {number - offset}.*\b{number} \({use}: Address already in use\)"
        ):
            refuse_taken_ports(number - offset)
