"""Whether the feeds of a day came in time: the rule on ledger rows before and after the cut-off, and its verdicts in a run."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.defs.checks.source_arrival import Arrival, arrival_of, source_arrival
from darkpool_assets.tables import INGEST_LEDGER
from darkpool_assets_tests.defs.checks.test_phase_c_rows import who
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY
from darkpool_assets_tests.hand_made_graph import Graph

OTC, SHORT, TRADES, AGGS = "finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_equity_trades_raw", "polygon_daily_agg_raw"
CHECK = "every_source_of_the_day_arrived_by_its_cut_off"
CUT_OFF = market_calendar.cut_off(MONDAY)
BEFORE = CUT_OFF - dt.timedelta(microseconds=1)
WHOLE = [
    (OTC, "weeks in reach", "UNCHANGED"),
    (SHORT, "CNMS", "STORED"),
    (TRADES, "a.csv", "STORED"),
    (AGGS, "", "NOT_CONFIGURED"),
]

Reading = tuple[str, str, str]


def arrival(*later: Reading, now: dt.datetime = CUT_OFF, first: list[Reading] = WHOLE) -> Arrival:
    """The verdict of Monday after `first` and then `later` readings: feed, source, status."""
    rows = [
        {"feed": feed, "source": source, "status": status, "message": "said so", "partition_date": MONDAY}
        | {"at": dt.datetime.combine(MONDAY, dt.time(21, minute))}
        for minute, (feed, source, status) in enumerate([*first, *later])
    ]
    return arrival_of(INGEST_LEDGER.conform(pl.DataFrame(rows)), day=MONDAY, now=now)


def missing(found: Arrival) -> list[tuple[str, str]]:
    return [(finding.who, finding.problem) for finding in found.missing]


def test_a_day_whose_feeds_came_or_have_no_source_is_whole_at_any_time():
    assert arrival() == arrival(now=BEFORE) == Arrival((), ())


def test_an_unpublished_feed_is_awaited_until_the_cut_off_and_missing_from_it_on():
    late = (SHORT, "", "NOT_PUBLISHED")
    assert arrival(late, now=BEFORE) == Arrival((), (SHORT,))
    assert missing(arrival(late, now=CUT_OFF)) == [(SHORT, "NOT_PUBLISHED: said so")]


@pytest.mark.parametrize("status", ["FAILED", "PARTIAL", "DEGRADED"])
@pytest.mark.parametrize("now", [BEFORE, CUT_OFF])
def test_a_feed_that_failed_in_part_or_whole_is_missing_at_any_time(status: str, now: dt.datetime):
    assert missing(arrival((TRADES, "a.csv", status), now=now)) == [(TRADES, f"{status}: said so")]


def test_a_feed_that_was_never_read_is_awaited_and_then_missing():
    assert arrival(first=WHOLE[:-1], now=BEFORE).awaited == (AGGS,)
    assert missing(arrival(first=WHOLE[:-1])) == [(AGGS, "was never read for this day")]


def test_the_newest_reading_of_a_feed_counts_whatever_its_source():
    assert arrival((SHORT, "", "NOT_PUBLISHED"), (SHORT, "CNMS", "STORED")).missing == ()


def test_a_week_that_is_kept_under_its_monday_says_nothing_of_the_mondays_session():
    assert arrival((OTC, "week of 2025-12-08", "FAILED")).missing == ()
    assert missing(arrival((OTC, "", "FAILED"))) == [(OTC, "FAILED: said so")]


def test_pruned_trades_had_come_and_only_a_whole_reading_says_more():
    pruned = (TRADES, "retention", "PRUNED")
    assert arrival(pruned, (TRADES, "", "NOT_PUBLISHED")).missing == ()
    assert arrival(pruned, (TRADES, "a.csv", "STORED"), (TRADES, "", "FAILED")).missing != ()


def test_a_range_judged_later_fails_the_day_that_lacks_a_feed_alone(again: Graph):
    with again.warehouse._connect() as connection:
        where = f"where feed = '{SHORT}' and partition_date = '{FRIDAY}'"
        connection.execute(f"update ingest_ledger set status = 'NOT_PUBLISHED' {where}")
    assert again.judge([THURSDAY, FRIDAY], checks=list(source_arrival.check_keys)).success
    (thursday,), (friday,) = (again.verdicts("daily_metrics", CHECK, day) for day in (THURSDAY, FRIDAY))
    assert (thursday.status.value, friday.status.value) == ("SUCCEEDED", "FAILED")


def test_a_failed_verdict_names_the_feed_its_error_and_the_remedy(again: Graph):
    with again.warehouse._connect() as connection:
        connection.execute(f"update ingest_ledger set status = 'FAILED', message = 'malformed' where feed = '{SHORT}'")
    (found,) = again.judge([FRIDAY], checks=list(source_arrival.check_keys)).get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert who(found) == [(SHORT, "FAILED: malformed")]
    assert "source sensor" in str(found.metadata["remedy"].value)


def test_an_awaited_feed_passes_and_says_until_when(again: Graph, monkeypatch: pytest.MonkeyPatch):
    """Friday is judged as if its cut-off were to come."""
    monkeypatch.setattr(market_calendar, "cut_off", lambda _day: dt.datetime(2100, 1, 4, 23, 30, tzinfo=dt.UTC))
    with again.warehouse._connect() as connection:
        connection.execute(f"update ingest_ledger set status = 'NOT_PUBLISHED' where feed = '{SHORT}'")
    (found,) = again.judge([FRIDAY], checks=list(source_arrival.check_keys)).get_asset_check_evaluations()
    assert found.passed
    assert (found.metadata["awaited"].value, found.metadata["awaited until"].value) == (SHORT, "2100-01-04 23:30 New York")
