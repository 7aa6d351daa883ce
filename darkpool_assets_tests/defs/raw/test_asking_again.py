import datetime as dt
import json
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from darkpool_assets.defs.raw.asking_again import (
    aggregates_are_due,
    newest_reading,
    settled_tickers,
    short_is_due,
    sources_final_at,
    week_is_due,
)
from darkpool_assets.settings import load_settings
from darkpool_assets.sources.finra.otc_weekly import week_source
from darkpool_assets.tables import INGEST_LEDGER

DAY = dt.date(2026, 1, 6)
WEEK = dt.date(2025, 12, 1)
WINDOW = (dt.datetime(2026, 1, 6, 14, 30, tzinfo=dt.UTC), dt.datetime(2026, 1, 6, 21, 15, tzinfo=dt.UTC))


def entry(at, status="STORED", **columns):
    row = {"feed": "a feed", "partition_date": DAY, "source": "a source", "status": status, "at": at, **columns}
    return INGEST_LEDGER.conform(pl.DataFrame([row]))


def at(text):
    return dt.datetime.fromisoformat(text)


def now(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


NOTHING = INGEST_LEDGER.conform(pl.DataFrame(schema=INGEST_LEDGER.schema))


def test_short_files_that_are_not_stored_are_asked_for():
    assert short_is_due(DAY, NOTHING, now=now("2026-03-01T12:00"))


@pytest.mark.parametrize("status", ["FAILED", "NOT_PUBLISHED", "DEGRADED", "NOT_CONFIGURED"])
def test_short_files_are_asked_for_again_after_anything_but_a_whole_reading(status):
    assert short_is_due(DAY, entry(at("2026-01-06T23:30"), status), now=now("2026-01-06T23:40"))


def test_short_files_are_asked_for_at_most_once_a_new_york_day():
    read = entry(at("2026-01-07T00:30"))  # the evening of the 6th in New York
    assert not short_is_due(DAY, read, now=now("2026-01-07T04:30"))
    assert short_is_due(DAY, read, now=now("2026-01-07T14:00"))


def test_short_files_are_checked_for_three_days_and_then_left_alone():
    read = entry(at("2026-01-06T23:30"))
    assert short_is_due(DAY, read, now=now("2026-01-09T20:00"))
    assert not short_is_due(DAY, read, now=now("2026-01-10T20:00"))


def test_aggregates_read_while_extended_hours_ran_are_asked_for_again():
    assert aggregates_are_due(DAY, entry(at("2026-01-06T22:00")), now=now("2026-01-08T12:00"))


def test_aggregates_read_after_extended_hours_are_final():
    assert not aggregates_are_due(DAY, entry(at("2026-01-07T01:16")), now=now("2026-01-08T12:00"))


def test_aggregates_of_an_early_close_are_final_three_hours_earlier():
    early = dt.date(2025, 11, 28)  # 17:15 in New York is 22:15 UTC
    assert aggregates_are_due(early, entry(at("2025-11-28T22:14")), now=now("2025-12-01T12:00"))
    assert not aggregates_are_due(early, entry(at("2025-11-28T22:15")), now=now("2025-12-01T12:00"))


@pytest.mark.parametrize(
    ("day", "times"),
    [
        (dt.date(2025, 12, 12), ("18:00", "20:15", "16:35")),
        (dt.date(2025, 11, 28), ("18:00", "17:15", "13:35")),  # an early close, 13:00
        (dt.date(2025, 7, 3), ("18:00", "17:15", "13:35")),  # another one, in summer
    ],
)
def test_sources_are_final_at_new_york_times_that_move_with_an_early_close(day, times):
    found = sources_final_at(day, window=load_settings().session_window(day))
    moments = dict(zip(("finra_short_daily_raw", "polygon_daily_agg_raw", "polygon_equity_trades_raw"), times, strict=True))
    new_york = ZoneInfo("America/New_York")
    assert found == {name: dt.datetime.combine(day, dt.time.fromisoformat(time), new_york) for name, time in moments.items()}


def test_trades_are_final_after_the_end_of_the_configured_window():
    window = load_settings(rth_end="16:00").session_window(DAY)
    assert sources_final_at(DAY, window=window)["polygon_equity_trades_raw"] == now("2026-01-06T21:20")


def tickers(asked, failed=(), read="2026-01-06T22:00"):
    failures = json.dumps(dict.fromkeys(failed, "503")) if failed else None
    reading = {"at": at(read), "symbols": json.dumps(asked), "failures": failures}
    return settled_tickers(reading, window=WINDOW)


def test_tickers_read_after_the_window_are_settled_but_for_those_that_failed():
    assert tickers(["QQQ", "SPY"], failed=["SPY"]) == {"QQQ"}


def test_no_ticker_is_settled_that_was_read_before_the_window_ended():
    assert tickers(["SPY"], read="2026-01-06T21:10") == set()


def test_a_reading_without_a_list_of_tickers_settles_none():
    assert settled_tickers({"at": at("2026-01-06T22:00"), "symbols": None, "failures": None}, window=WINDOW) == set()


def test_the_newest_reading_is_the_last_one_with_rows():
    entries = pl.concat(
        [
            entry(at("2026-01-06T22:00"), "PARTIAL", message="window A"),
            entry(at("2026-01-06T23:00"), "DEGRADED", message="window A"),
        ]
    )
    found = newest_reading(entries, mentions="window A")
    assert found is not None
    assert found["status"] == "PARTIAL"


def test_a_reading_under_another_window_does_not_count():
    assert newest_reading(entry(at("2026-01-06T22:00"), message="window B"), mentions="window A") is None


def week_rows(published, tiers=("T1", "T2")):
    return pl.DataFrame(
        {"tier_identifier": list(tiers), "initial_published_date": [published] * len(tiers)},
        schema={"tier_identifier": pl.String, "initial_published_date": pl.Date},
    )


def week_due(rows, entries, when, symbols=None):
    return week_is_due(WEEK, rows, entries, tiers=("T1", "T2"), symbols=symbols, now=now(when))


def week_entry(when, **columns):
    return entry(at(when), source=week_source(WEEK), **columns)


def test_a_week_that_was_never_asked_for_is_due():
    assert week_due(week_rows(dt.date(2025, 12, 22)), NOTHING, "2026-06-01T12:00")


def test_a_missing_week_is_asked_for_once_a_day():
    asked = week_entry("2025-12-10T15:00", status="UNCHANGED")
    assert not week_due(week_rows(None, tiers=()), asked, "2025-12-10T20:00")
    assert week_due(week_rows(None, tiers=()), asked, "2025-12-11T20:00")


def test_a_week_without_any_row_is_asked_for_once_a_day_whatever_its_age():
    asked = week_entry("2027-05-01T15:00", status="UNCHANGED")
    assert not week_due(week_rows(None, tiers=()), asked, "2027-05-01T20:00")
    assert week_due(week_rows(None, tiers=()), asked, "2027-05-02T20:00")


def test_a_tier_missing_beside_a_stored_one_is_asked_for_until_sixty_days_after_its_due_date():
    rows, asked = week_rows(dt.date(2025, 12, 22), tiers=("T1",)), week_entry("2026-02-01T15:00")  # T2 is due on 5 January
    assert week_due(rows, asked, "2026-03-05T20:00")
    assert not week_due(rows, asked, "2026-03-06T20:00")


def test_a_tier_that_came_late_is_checked_for_sixty_days_from_then_though_the_other_is_missing():
    rows, asked = week_rows(dt.date(2026, 2, 1), tiers=("T1",)), week_entry("2026-03-01T15:00")
    assert week_due(rows, asked, "2026-04-01T20:00")
    assert not week_due(rows, asked, "2026-04-02T20:00")


def test_a_week_without_publication_dates_counts_as_published_on_its_due_date():
    rows, asked = week_rows(None), week_entry("2026-02-01T15:00")
    assert week_due(rows, asked, "2026-03-05T20:00")
    assert not week_due(rows, asked, "2026-03-06T20:00")


def test_a_published_week_is_checked_for_sixty_days():
    rows, asked = week_rows(dt.date(2025, 12, 22)), week_entry("2026-01-01T15:00")
    assert week_due(rows, asked, "2026-02-19T20:00")
    assert not week_due(rows, asked, "2026-02-20T20:00")


def test_a_week_asked_for_without_a_new_ticker_is_due_at_once():
    rows, asked = week_rows(dt.date(2025, 12, 22)), week_entry("2026-06-01T11:00", symbols=json.dumps(["QQQ"]))
    assert not week_due(rows, asked, "2026-06-01T12:00", symbols=["QQQ"])
    assert week_due(rows, asked, "2026-06-01T12:00", symbols=["QQQ", "SPY"])
    assert week_due(rows, asked, "2026-06-01T12:00", symbols=None)
