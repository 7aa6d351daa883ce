"""The source sensor between its looks: what it remembers, how long it waits, when it gives up."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpool_assets.defs.automation.source_sensor import Watch, look_at_sources, read_watches, write_watches
from darkpool_assets.resources import connect_to
from darkpool_assets.settings import load_settings
from darkpool_assets.warehouse import Warehouse

DAY = dt.date(2025, 11, 26)
EVENING = dt.datetime(2025, 11, 27, 1, 20, tzinfo=dt.UTC)
LAST_CALL = dt.datetime(2025, 11, 27, 4, 40, tzinfo=dt.UTC)


def look(tmp_path: Path, watch: Watch | None, *, instance: dg.DagsterInstance, now: dt.datetime = EVENING):
    (tmp_path / "short").mkdir(exist_ok=True)
    settings = load_settings(offline=True, finra_short_sale_dir=tmp_path / "short")
    warehouse = Warehouse(connect_to(tmp_path / "darkpool.duckdb"))
    return look_at_sources(warehouse, instance, {} if watch is None else {DAY: watch}, settings=settings, now=now)


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def publish(tmp_path) -> None:
    (tmp_path / "short" / "CNMSshvol20251126.txt").write_text("")


def test_a_session_whose_sources_are_not_out_is_looked_for_again(tmp_path, instance):
    requests, watches, words = look(tmp_path, None, instance=instance)
    assert (requests, watches[DAY].looks, watches[DAY].next_look) == ([], 1, EVENING + dt.timedelta(minutes=5))
    assert "finra_short_daily_raw" in words[0]


def test_a_session_whose_sources_are_out_is_requested(tmp_path, instance):
    look(tmp_path, None, instance=instance)
    publish(tmp_path)
    requests, watches, _words = look(tmp_path, Watch(looks=1, next_look=EVENING), instance=instance)
    assert [request.run_key for request in requests] == ["sources:1:2025-11-26..2025-11-26"]
    assert (watches[DAY].requests, watches[DAY].looks) == (1, 0)


def test_it_does_not_look_before_its_time(tmp_path, instance):
    watch = Watch(looks=3, next_look=EVENING + dt.timedelta(minutes=1))
    requests, watches, words = look(tmp_path, watch, instance=instance)
    assert (requests, watches[DAY]) == ([], watch)
    assert words == ["2025-11-26: next look at 2025-11-26 20:21 New York."]


def test_past_the_cut_off_it_requests_once_what_the_schedule_has_not(tmp_path, instance):
    requests, watches, _words = look(tmp_path, Watch(looks=9), now=LAST_CALL, instance=instance)
    assert (len(requests), watches[DAY].is_cut_off) == (1, True)
    requests, watches, _words = look(tmp_path, watches[DAY], now=LAST_CALL + dt.timedelta(hours=2), instance=instance)
    assert (requests, watches[DAY].looks) == ([], 1)


def test_after_five_requests_it_leaves_the_day_to_a_person(tmp_path, instance):
    publish_day = Watch(requests=5)
    requests, watches, words = look(tmp_path, publish_day, instance=instance)
    assert (requests, watches[DAY]) == ([], publish_day)
    assert "requested 5 times" in words[0]


def test_services_are_not_asked_before_they_may_have_the_whole_day(tmp_path, instance):
    before = dt.datetime(2025, 11, 26, 22, 0, tzinfo=dt.UTC)  # 17:00 New York: short files come from 18:00 on
    settings = load_settings(finra_short_sale_cdn_url="http://127.0.0.1:9/nobody", finra_symbol_filter="market")
    warehouse = Warehouse(connect_to(tmp_path / "darkpool.duckdb"))
    requests, watches, words = look_at_sources(warehouse, instance, {}, settings=settings, now=before)
    assert (requests, watches[DAY].looks) == ([], 0)
    assert words == ["2025-11-26: looked at from 2025-11-26 18:00 New York on."]


@given(st.integers(0, 40))
def test_the_next_look_comes_within_an_hour_and_not_past_the_last_call(looks: int):
    watch = Watch(looks=looks).looked(now=EVENING, out=[], before=LAST_CALL)
    assert watch.next_look is not None
    assert EVENING < watch.next_look <= min(EVENING + dt.timedelta(hours=1), LAST_CALL)


def test_watches_outlive_a_restart_of_the_daemon():
    watches = {DAY: Watch(2, 3, EVENING, ("finra_short_daily_raw",), is_cut_off=True), DAY - dt.timedelta(days=1): Watch()}
    assert read_watches(write_watches(watches)) == watches
    assert read_watches(None) == {}
