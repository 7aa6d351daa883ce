"""Which source FINRA's feeds have."""

import datetime as dt
import json

import pytest

from darkpool_assets.settings import load_settings
from darkpool_assets.sources.errors import AnotherDay, MalformedSource, MissingSource, NotConfigured, NotPublishedYet
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.reading import Reading

DAY = dt.date(2020, 1, 2)
SHORT = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\n20200102|A|1|0|2|Q\n1\n"


def _feeds(**settings) -> FinraFeeds:
    return FinraFeeds(load_settings(**{"offline": True} | settings))


def _weekly(**settings) -> list[Reading]:
    feeds = _feeds(**settings)
    return feeds.otc_weekly(feeds.otc_files(), today=dt.date(2026, 11, 30)).readings


def _week(updated: str) -> str:
    row = {
        "weekStartDate": "2026-01-05", "issueSymbolIdentifier": "A", "summaryTypeCode": "ATS_W_SMBL", "tierIdentifier": "T1",
        "totalWeeklyShareQuantity": 1, "lastUpdateDate": updated,
    }  # fmt: skip
    return json.dumps([row])


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for kind in ("FILE", "DIR"):
        monkeypatch.delenv(f"FINRA_SHORT_SALE_{kind}", raising=False)
        monkeypatch.delenv(f"FINRA_OTC_{kind}", raising=False)


def test_a_file_goes_before_a_directory(write, tmp_path):
    file = write("mine/short.txt", SHORT)
    write("CNMSshvol20200102.txt", SHORT)
    readings = _feeds(finra_short_sale_file=file, finra_short_sale_dir=tmp_path).short_sale(DAY)
    assert [reading.source for reading in readings] == ["short.txt"]


def test_a_directory_gives_one_reading_per_family(write, tmp_path):
    for family in ("CNMS", "FNYX", "FORF"):
        write(f"{family}shvol20200102.txt", SHORT)
    readings = _feeds(finra_short_sale_dir=tmp_path).short_sale(DAY)
    assert [reading.rows["source"][0] for reading in readings] == ["CNMS", "FNYX", "FORF"]


def test_a_day_without_a_file_in_the_directory_is_not_published_yet(tmp_path):
    with pytest.raises(NotPublishedYet, match=r"FINRA_SHORT_SALE_DIR: no short sale file of 2020-01-02"):
        _feeds(finra_short_sale_dir=tmp_path).short_sale(DAY)


def test_a_set_file_that_is_missing_is_an_error_even_beside_a_directory(write, tmp_path):
    write("CNMSshvol20200102.txt", SHORT)
    with pytest.raises(MissingSource, match="FINRA_SHORT_SALE_FILE"):
        _feeds(finra_short_sale_file=tmp_path / "absent.txt", finra_short_sale_dir=tmp_path).short_sale(DAY)


def test_a_file_of_another_day_is_an_error_for_the_target_day(write):
    with pytest.raises(AnotherDay):
        _feeds(finra_short_sale_file=write("short.txt", SHORT)).short_sale(dt.date(2020, 1, 3))


def test_a_file_of_another_day_is_no_fault_of_a_look_back_session(write):
    with pytest.raises(NotPublishedYet, match="2020-01-03"):
        _feeds(finra_short_sale_file=write("short.txt", SHORT)).short_sale(dt.date(2020, 1, 3), look_back=True)


def test_a_malformed_file_is_malformed_for_a_look_back_session_too(write):
    with pytest.raises(MalformedSource, match="row count"):
        _feeds(finra_short_sale_file=write("short.txt", SHORT.replace("\n1\n", "\n2\n"))).short_sale(DAY, look_back=True)


def test_no_short_source_names_the_settings_that_would_give_one():
    with pytest.raises(NotConfigured, match=r"FINRA_SHORT_SALE_FILE, FINRA_SHORT_SALE_DIR.*OFFLINE"):
        _feeds().short_sale(DAY)


def test_weekly_files_come_in_the_order_of_their_restatements(write, tmp_path):
    for name, updated in {"a.json": "2026-03-01", "c.json": "2026-02-01", "b.json": "2026-02-01"}.items():
        write(name, _week(updated))
    assert [reading.source for reading in _weekly(finra_otc_dir=tmp_path)] == ["b.json", "c.json", "a.json"]


def test_a_weekly_file_goes_before_a_directory(write, tmp_path):
    file = write("mine/week.json", _week("2026-02-01"))
    write("other.json", _week("2026-02-01"))
    readings = _weekly(finra_otc_file=file, finra_otc_dir=tmp_path)
    assert [reading.source for reading in readings] == ["week.json"]


def test_the_settings_rename_weekly_columns(write):
    file = write("week.json", _week("2026-02-01").replace("totalWeeklyShareQuantity", "shares"))
    readings = _weekly(finra_otc_file=file, finra_volume_field="shares")
    assert readings[0].rows["off_exchange_volume"].to_list() == [1.0]


def test_a_malformed_file_of_a_directory_is_left_out_by_name(write, tmp_path):
    write("a.json", _week("2026-02-01"))
    write("b.json", "[")
    write("c.json", "[]")
    feeds = _feeds(finra_otc_dir=tmp_path)
    read = feeds.otc_weekly(feeds.otc_files(), today=dt.date(2026, 11, 30))
    assert [reading.source for reading in read.readings] == ["a.json"]
    assert list(read.malformed) == ["b.json"]


def test_the_one_weekly_file_that_is_malformed_is_an_error(write):
    with pytest.raises(MalformedSource, match=r"b\.json"):
        _weekly(finra_otc_file=write("b.json", "["))


def test_a_directory_of_answers_without_rows_is_not_published_yet(write, tmp_path):
    write("c.json", "[]")
    with pytest.raises(NotPublishedYet, match="FINRA_OTC_DIR"):
        _weekly(finra_otc_dir=tmp_path)


def test_an_empty_weekly_directory_is_not_published_yet(tmp_path):
    with pytest.raises(NotPublishedYet, match="FINRA_OTC_DIR"):
        _weekly(finra_otc_dir=tmp_path)


def test_a_missing_weekly_file_is_named_with_its_setting(tmp_path):
    with pytest.raises(MissingSource, match="FINRA_OTC_FILE"):
        _weekly(finra_otc_file=tmp_path / "absent.json")


def test_no_weekly_source_names_the_settings_that_would_give_one():
    with pytest.raises(NotConfigured, match="FINRA_OTC_FILE, FINRA_OTC_DIR"):
        _weekly()
