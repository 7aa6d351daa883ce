"""A machine that was off for one week or three, Thanksgiving among them: the first evening back makes every session."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import time_machine

from darkpool_assets import market_calendar
from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.end_of_day import sessions_at_cut_off
from darkpool_assets.defs.automation.session_requests import END_OF_DAY
from darkpool_assets_tests.hand_made_feeds import HandMadeFeeds
from darkpool_assets_tests.hand_made_graph import Graph, kept_open

FIRST, BACK = dt.date(2025, 11, 3), dt.date(2025, 12, 1)
EVENING = dt.datetime.combine(BACK, dt.time(23, 40), ZoneInfo(market_calendar.NEW_YORK))
OFF_SINCE = [dt.date(2025, 11, 21), dt.date(2025, 11, 7)]
CHANGES = {"target_date": None, "as_of": None, "partitions_start": FIRST}


def schedule(graph: Graph) -> None:
    """What the end-of-day schedule makes."""
    settings = graph.settings(**CHANGES)
    requests = sessions_at_cut_off(graph.warehouse, graph.instance, settings=settings, now=EVENING)
    assert isinstance(requests, list)
    job = build_definitions(settings).resolve_job_def(END_OF_DAY)
    for request in requests:
        result = job.execute_in_process(instance=graph.instance, tags=dict(request.tags), raise_on_error=False)
        assert result.success


def command(graph: Graph) -> None:
    """What `darkpool run` makes beside the session of the day."""
    runner = graph.runner(**CHANGES)
    missed = runner.missed(now=EVENING)
    assert missed.before == []
    assert runner.run([*missed.days, BACK], select=[name for name in runner.asset_names if "plot" not in name]).failures == []


@pytest.mark.long
@pytest.mark.parametrize("since", OFF_SINCE, ids=["a week", "three weeks"])
@pytest.mark.parametrize("make", [schedule, command])
def test_every_session_since_is_made(make: Callable[[Graph], None], since: dt.date, tmp_path: Path):
    every = market_calendar.sessions_between(FIRST, BACK)
    feeds = HandMadeFeeds(tmp_path / "feeds").write_everything(every)
    for file in (feeds.folder / "otc").iterdir():  # of weeks that have not ended
        file.unlink()
    feeds.write_otc(FIRST, published=dt.date(2025, 11, 24))
    with time_machine.travel(EVENING), dg.DagsterInstance.ephemeral() as instance, kept_open(tmp_path):
        graph = Graph(feeds, instance, tmp_path)
        assert graph.run([since], **CHANGES).failures == []
        make(graph)
        for table in ("lit_direction_daily", "daily_metrics", "index_constituent_short_agg_daily", "composite_signal"):
            assert graph.warehouse.stored_days(table, FIRST, BACK) == [day for day in every if day >= since]
