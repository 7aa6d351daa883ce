"""What a command names as failed: each cause once, days of equal words together, steps only where no entry tells of them."""

import datetime as dt

import polars as pl
import pytest

from darkpool_assets.run_failures import StepFailure, failure_lines, span_of
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY

COLUMNS = {
    "day": pl.Date,
    "owner": pl.String,
    "status": pl.String,
    "failures": pl.String,
    "message": pl.String,
    "caused_by": pl.String,
}
SHORT, METRICS, TABLES = "finra_short_daily_raw", "daily_metrics", "daily_tables"


def entry(
    owner: str,
    message: str = "no file",
    *,
    day: dt.date = FRIDAY,
    status: str = "FAILED",
    failures: str | None = None,
    cause: str | None = None,
) -> tuple:
    return day, owner, status, failures, message, cause


def lines(
    *entries: tuple, steps: tuple[StepFailure, ...] = (), earlier: dict[tuple[dt.date, str], str] | None = None
) -> list[str]:
    rows = pl.DataFrame(list(entries), schema=COLUMNS, orient="row")
    return failure_lines(rows, steps, standing=lambda day, name: (earlier or {}).get((day, name)))


def test_nothing_failed_nothing_is_named():
    assert lines(entry(SHORT, status="STORED"), entry(METRICS, status="NOT_PUBLISHED")) == []


@pytest.mark.parametrize("status", ["FAILED", "PARTIAL", "DEGRADED"])
def test_a_failure_of_its_own_is_named_with_its_day(status: str):
    assert lines(entry(SHORT, status=status)) == [f"{FRIDAY} {SHORT}: no file"]


def test_failed_symbols_are_named_instead_of_the_message():
    failures = '{"QQQ": "a fault", "SPY": "no answer"}'
    assert lines(entry(SHORT, status="PARTIAL", failures=failures)) == [f"{FRIDAY} {SHORT}: QQQ: a fault; SPY: no answer"]


def test_what_a_failure_of_the_same_command_caused_is_left_out():
    assert lines(entry(SHORT), entry(METRICS, "refused", cause=SHORT), entry(TABLES, "refused", cause=SHORT)) == [
        f"{FRIDAY} {SHORT}: no file"
    ]


def test_a_cause_of_another_day_does_not_hide_a_failure():
    assert len(lines(entry(SHORT, day=THURSDAY), entry(METRICS, "refused", cause=SHORT))) == 2


def test_a_cause_of_an_earlier_command_is_named_once():
    refused = [entry(name, "refused", cause=SHORT) for name in (METRICS, TABLES)]
    assert lines(*refused, earlier={(FRIDAY, SHORT): "no file"}) == [f"{FRIDAY} {SHORT}: no file (in an earlier run)"]


def test_a_failure_whose_cause_is_gone_speaks_for_itself():
    assert lines(entry(METRICS, "refused", cause=SHORT)) == [f"{FRIDAY} {METRICS}: refused"]


def test_equal_failures_of_several_days_are_one_line():
    failed = [entry(SHORT, day=day) for day in (FRIDAY, MONDAY, THURSDAY)]
    assert lines(*failed, entry(SHORT, "another", day=dt.date(2025, 12, 9))) == [
        f"3 sessions, {MONDAY} to {FRIDAY} {SHORT}: no file",
        f"2025-12-09 {SHORT}: another",
    ]


def test_a_step_that_an_entry_tells_of_is_left_out():
    assert lines(entry(SHORT), steps=(StepFailure(SHORT, "no file"),)) == [f"{FRIDAY} {SHORT}: no file"]


def test_a_step_that_repeats_the_ledgers_is_left_out():
    verdicts = StepFailure("day_verdicts", "1 could not be made", repeats_ledgers=True)
    assert lines(entry(SHORT), steps=(verdicts,)) == [f"{FRIDAY} {SHORT}: no file"]


def test_a_check_that_fails_by_itself_is_named_beside_the_entries():
    assert lines(entry(SHORT), steps=(StepFailure("day_verdicts", "no memory"),))[1:] == ["day_verdicts: no memory"]


def test_without_entries_every_step_is_named_once():
    steps = (
        StepFailure("run", "no disk"),
        StepFailure("run", "no disk"),
        StepFailure("day_verdicts", "unmade", repeats_ledgers=True),
    )
    assert lines(steps=steps) == ["day_verdicts: unmade", "run: no disk"]


@pytest.mark.parametrize(("days", "span"), [([FRIDAY], "2025-12-12"), ([FRIDAY, MONDAY], "2 sessions, 2025-12-08 to 2025-12-12")])
def test_a_span_says_how_many_sessions_lie_between_which(days: list[dt.date], span: str):
    assert span_of(days) == span
