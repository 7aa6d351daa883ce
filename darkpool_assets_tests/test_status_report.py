"""`darkpool status`: what is stored, read, awaited and judged, on a fresh database and on a filled one."""

import datetime as dt

import pytest
from rich.console import Console

from darkpool_assets.defs.derived.daily_metrics import daily_metrics
from darkpool_assets.status_report import status_tables
from darkpool_assets.tables import TABLES
from darkpool_assets_tests.hand_made_feeds import FRIDAY, THURSDAY
from darkpool_assets_tests.hand_made_graph import Graph

NOW = dt.datetime(2026, 1, 5, 20, tzinfo=dt.UTC)


def shown(graph: Graph, width: int = 200, **changes: object) -> list[str]:
    """Each screen as text."""
    texts = []
    for table in status_tables(graph.warehouse, settings=graph.settings(**changes), now=NOW):
        console = Console(width=width, record=True, file=None, quiet=False)
        with console.capture() as capture:
            console.print(table)
        texts.append(capture.get())
    return texts


def line_of(screen: str, *words: str) -> str:
    """The line that holds all `words`."""
    return next(line for line in screen.splitlines() if all(word in line for word in words))


def cells(line: str) -> list[str]:
    """The cells of a table's line."""
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]


@pytest.fixture(scope="module")
def screens(made_week: Graph) -> list[str]:
    """The screens of the made week."""
    return shown(made_week)


def test_a_fresh_database_lists_every_table_as_empty(graph: Graph):
    stored, readings, weeks, gate, changes = shown(graph)
    for table in TABLES:
        assert cells(line_of(stored, table)) == [table, "0", "0", "–", "–"]
    assert "finra" not in readings
    assert weeks.count("awaited") == 9
    assert "2025" not in gate
    assert "OTC_ANCHORED" not in changes


def test_a_filled_database_shows_days_and_rows_of_each_table(screens: list[str]):
    stored = screens[0]
    assert cells(line_of(stored, "daily_metrics")) == ["daily_metrics", "5", "15", "2025-12-08", "2025-12-12"]
    assert cells(line_of(stored, "finra_short_daily_raw")) == ["finra_short_daily_raw", "8", "24", "2025-12-03", "2025-12-12"]


def test_what_a_reading_left_out_or_could_not_tell_apart_is_said(again: Graph):
    own = "symbol,timestamp,price,size\n" + "SPY,2025-12-12T15:00:00Z,600,100\n" * 3
    path = again.folder / "mine.csv"
    path.write_text(own)
    aggregates = again.feeds.write_aggregates(FRIDAY)
    aggregates.write_text(f"{aggregates.read_text()}THIN,0,14.6,14.6,14.6,14.6,1,0\n")
    again.run([FRIDAY], polygon_trades_file=path)
    (screen,) = [screen for screen in shown(again) if "Read with reservations" in screen]
    assert "3 prints without id or sequence number" in line_of(screen, "polygon_equity_trades_raw", "2025-12-12")
    assert "THIN left out: 2025-12-12.csv: line 5, column" in line_of(screen, "polygon_daily_agg_raw", "2025-12-12")


def test_without_reservations_there_is_no_screen_of_them(screens: list[str]):
    assert not any("reservations" in screen for screen in screens)


def test_the_newest_reading_of_each_feed_is_shown(screens: list[str]):
    readings = screens[1]
    assert "2025-12-12.csv" in line_of(readings, "polygon_equity_trades_raw", "STORED")
    assert "CNMSshvol202512" in line_of(readings, "finra_short_daily_raw", "STORED")


def test_known_and_awaited_weeks_are_told_apart(screens: list[str]):
    weeks = screens[2]
    assert cells(line_of(weeks, "2025-12-08"))[0:4] == ["2025-12-08", "2025-12-29", "2026-01-12", "2 of 3"]
    assert cells(line_of(weeks, "2026-01-05"))[3] == "awaited"


def test_a_week_published_after_as_of_is_awaited(made_week: Graph):
    weeks = shown(made_week, as_of="2025-12-28")[2]
    assert cells(line_of(weeks, "2025-12-08"))[3] == "awaited"


def test_the_gate_is_open_on_sound_days(screens: list[str]):
    gate = screens[3]
    assert cells(line_of(gate, "2025-12-12"))[:3] == ["2025-12-12", "open", "2 of 3"]


def test_a_tampered_day_is_closed_and_its_rule_named(again: Graph):
    with again.warehouse._connect() as connection:
        connection.execute("update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '2025-12-10'")
    line = line_of(shown(again)[3], "2025-12-10")
    assert "CLOSED" in line
    assert "data_quality_follows_the_published_week" in line


def test_another_version_has_no_gate_yet(made_week: Graph):
    assert "2025" not in shown(made_week, inference_version="B")[3]


def test_names_are_whole_on_a_narrow_screen(made_week: Graph):
    text = "".join(shown(made_week, width=80))
    assert "…" not in text


def test_a_week_that_anchored_its_sessions_is_told(again: Graph):
    for as_of in ("2025-12-28", "2025-12-29"):
        for day in (THURSDAY, FRIDAY):
            assert again.materialise(daily_metrics, day, as_of=as_of).success
    changes = cells(line_of(shown(again)[4], "PRE_OTC", "OTC_ANCHORED", "2025-12-08"))
    assert changes[1:] == ["2025-12-08", "PRE_OTC", "OTC_ANCHORED", "2", "4"]
