"""Finding files in directories."""

import datetime as dt

import pytest

from darkpool_assets.sources.day_files import date_in_name, file_of_day, files_in
from darkpool_assets.sources.errors import AmbiguousSource, MissingSource

CSV = (".csv",)


def _find(directory, day):
    return file_of_day(directory, setting="SOME_DIR", day=day, suffixes=CSV)


@pytest.mark.parametrize("name", ["2024-05-01.csv.gz", "2024/05/2024-05-01.csv", "trades_20240501.csv", "2024-05-01 (1).CSV"])
def test_a_day_is_found_flat_and_by_year_and_month(name, write, tmp_path, day):
    path = write(name, "x")
    assert _find(tmp_path, day) == path


@pytest.mark.parametrize(
    "name", ["2024-05-02.csv", "2024-05-01.csv.part", ".2024-05-01.csv", "1202405011.csv", "2024/06/2024-05-01.csv", "a.csv"]
)
def test_other_names_are_not_the_day(name, write, tmp_path, day):
    write(name, "x")
    assert _find(tmp_path, day) is None


def test_two_files_of_one_day_are_refused_by_both_names(write, tmp_path, day):
    first, second = write("2024-05-01.csv", "x"), write("2024/05/2024-05-01.csv.gz", "x")
    with pytest.raises(AmbiguousSource) as caught:
        _find(tmp_path, day)
    assert all(word in str(caught.value) for word in ("SOME_DIR", str(first), str(second)))


def test_a_folder_named_like_a_day_is_no_file(tmp_path, day):
    (tmp_path / "2024-05-01.csv").mkdir()
    assert _find(tmp_path, day) is None


def test_a_missing_directory_is_named_with_its_setting(tmp_path, day):
    with pytest.raises(MissingSource, match=r"SOME_DIR: nothing at .*absent"):
        _find(tmp_path / "absent", day)


def test_a_file_in_the_directorys_place_is_a_missing_directory(write, day):
    with pytest.raises(MissingSource, match="SOME_DIR"):
        _find(write("a.csv", "x"), day)


def test_every_file_of_a_kind_is_listed_by_name(write, tmp_path):
    for name in ("b.csv", "2024/05/a.csv.gz", "README.csv", "SAMPLE_DATA.csv", "c.txt", "other/d.csv"):
        write(name, "x")
    assert [path.name for path in files_in(tmp_path, setting="SOME_DIR", suffixes=CSV)] == ["a.csv.gz", "b.csv"]


def test_an_impossible_date_in_a_name_is_no_date():
    assert date_in_name("99999999.csv") is None
    assert date_in_name("20241301_20240501.csv") == dt.date(2024, 5, 1)
