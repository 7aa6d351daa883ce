"""Which of the user's own files a day has."""

import datetime as dt

import pytest

from darkpool_assets.settings import load_settings
from darkpool_assets.sources.errors import AmbiguousSource, NotPublishedYet
from darkpool_assets.sources.polygon.own_files import OwnFiles


def _own(**settings) -> OwnFiles:
    return OwnFiles(load_settings(**settings))


@pytest.mark.parametrize("kind", ["trades", "quotes", "daily_agg"])
def test_a_directory_gives_the_file_of_the_day(kind, write, tmp_path, day):
    path, own = write("2024/05/2024-05-01.csv.gz", "x"), _own(**{f"polygon_{kind}_dir": tmp_path})
    assert own.of_day(kind, day) == path
    with pytest.raises(NotPublishedYet, match=f"POLYGON_{kind.upper()}_DIR.*2024-05-02"):
        own.of_day(kind, dt.date(2024, 5, 2))


def test_two_files_of_one_day_are_ambiguous(write, tmp_path, day):
    write("2024/05/2024-05-01.csv.gz", "x")
    write("2024-05-01.json", "x")
    with pytest.raises(AmbiguousSource, match="POLYGON_DAILY_AGG_DIR"):
        _own(polygon_daily_agg_dir=tmp_path).of_day("daily_agg", day)


def test_what_a_day_rests_on_is_told_though_it_is_absent(tmp_path, day):
    file = tmp_path / "absent.csv"
    assert _own(polygon_trades_file=file, polygon_trades_dir=tmp_path).named("trades", day) == [file]
    assert _own(polygon_trades_dir=tmp_path).named("trades", day) == []
    assert _own().named("trades", day) == []
