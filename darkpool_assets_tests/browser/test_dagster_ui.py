"""What an analyst and an operator see and do in the Dagster UI, in a real Chromium against the UI of `darkpool ui`."""

import datetime as dt
import re

import pytest

from darkpool_assets.definitions import build_definitions
from darkpool_assets.settings import load_settings
from darkpool_assets.tables import TABLES
from darkpool_assets_tests.browser.conftest import PATIENCE_MS, opened_page, wait_until

pytestmark = pytest.mark.browser
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (dependency group browser)")

DEFINITIONS = build_definitions(load_settings())
ASSETS = {spec.key.to_user_string(): spec for spec in DEFINITIONS.resolve_all_asset_specs()}
CHECKS = [(key.asset_key.to_user_string(), key.name) for key in DEFINITIONS.resolve_asset_graph().asset_check_keys]
RUNS = """query Runs($tag: String!, $value: String!) { runsOrError(filter: {tags: [{key: $tag, value: $value}]}) {
    ... on Runs { results { runId status tags { key value } } } } }"""
BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


def visible(page, text):
    """The element that shows exactly `text`."""
    return page.get_by_text(text, exact=True).filter(visible=True).first


def shown_as(page, text):
    """The element that shows `text`, in whatever case."""
    return page.get_by_text(re.compile(f"^{re.escape(text)}$", re.IGNORECASE)).filter(visible=True).first


def expect(locator):
    """Playwright's patient assertion, with the patience of this module."""
    return api.expect(locator)


@pytest.fixture(autouse=True, scope="module")
def _patience():
    api.expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(autouse=True, scope="module")
def launched(chromium, ui, project, keep):
    """One session clicked, then a range in the dialog; both are made while the first tests look at what was there before."""
    first, last = project.for_the_backfill[0], project.for_the_backfill[-1]
    with opened_page(chromium, ui) as page:
        ask_for_partitions(page, project.for_one_click.isoformat())
        page.get_by_role("button", name="Launch 1 run").click()
        wait_until(lambda: runs_of(ui, "dagster/partition", project.for_one_click.isoformat()), what="the run that was clicked")
        ask_for_partitions(page, f"[{first}...{last}]")
        keep(page, "backfill_dialog")
        page.get_by_role("button", name="Launch backfill").click()
        wait_until(lambda: backfills_of(ui), what="the backfill that was launched")


def ask_for_partitions(page, text):
    """Fill the partitions of the dialog that `Materialize all` opens."""
    page.goto("/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Show all partitions").click()
    box = page.get_by_placeholder(re.compile(r"^ex: ")).filter(visible=True).last
    box.fill(text)
    box.press("Enter")
    box.blur()


def tags_of(run):
    return {tag["key"]: tag["value"] for tag in run["tags"]}


def open_checks_partitions(page, asset, check, day):
    """One check's verdict of one day: the Partitions tab of the check."""
    page.goto(f"/assets/{asset}?view=checks&checkDetail={check}")
    visible(page, "Execution history").wait_for()
    page.get_by_role("tab", name="Partitions").last.click()
    page.get_by_placeholder("Filter by partition").fill(day.isoformat())
    visible(page, day.isoformat()).click()
    visible(page, "Target materialization").wait_for()


def test_the_graph_shows_every_asset_in_its_group(page, keep):
    page.set_viewport_size({"width": 5600, "height": 3200})  # wide enough for every node to show itself
    page.goto("/asset-groups")
    visible(page, "derived").wait_for()
    page.keyboard.press("Alt+e")
    visible(page, "daily_metrics").wait_for()

    def shown():
        return page.locator("foreignObject").evaluate_all("nodes => nodes.map(node => node.textContent)")

    def lacking():
        return [name for name in ASSETS if not any(text.startswith(shortened(name)) for text in shown())]

    wait_until(lambda: not lacking(), what="a node for every asset", seconds=60)
    keep(page, "graph")
    assert {spec.group_name for spec in ASSETS.values()} <= set(shown())


def shortened(name):
    """What is left of a long name in a node: its beginning."""
    return name[:12]


@pytest.mark.parametrize("name", ["finra_short_daily_raw", "daily_metrics", "composite_signal", "report_site"])
def test_the_page_of_an_asset_says_what_it_is_and_who_owns_it(page, name):
    spec = ASSETS[name]
    page.goto(f"/assets/{name}?view=overview")
    said = [spec.group_name, *spec.kinds, *(owner.removeprefix("team:") for owner in spec.owners)]
    described = (spec.description or "").replace("`", "").splitlines()[0]
    for words in [*said, described]:
        expect(shown_as(page, str(words))).to_be_visible()


def test_the_page_of_an_asset_documents_every_column(page, keep):
    page.set_viewport_size({"width": 1600, "height": 4000})
    page.goto("/assets/daily_metrics?view=overview")
    visible(page, "otc_participation_rate").wait_for()
    keep(page, "asset_columns")
    text = page.locator("body").inner_text()
    assert [column.name for column in TABLES["daily_metrics"].columns if column.meaning not in text] == []


def test_the_lineage_of_an_asset_shows_what_it_rests_on_and_what_rests_on_it(page):
    page.goto("/assets/daily_metrics?view=lineage")
    for name in ("finra_otc_weekly_raw", "finra_short_daily_raw", "polygon_daily_agg_raw", "lit_direction_daily", "daily_tables"):
        expect(page.get_by_text(re.compile(f"^{name[:5]}.*{name[-5:]}$")).first).to_be_attached()


def test_a_made_partition_shows_its_row_count_and_a_preview(page, project, keep):
    day = project.finished[-1]
    page.goto(f"/assets/daily_metrics?view=partitions&partition={day}")
    expect(visible(page, "Materialized")).to_be_visible()
    rows = project.warehouse.read_day("daily_metrics", day)
    expect(page.get_by_role("row").filter(has_text="dagster/partition_row_count")).to_contain_text(str(rows.height))
    for symbol in rows["symbol"]:
        expect(page.get_by_role("cell", name=symbol, exact=True)).to_be_attached()
    keep(page, "asset_partition")


def test_a_made_partition_of_a_raw_feed_shows_its_files_as_a_table(page, project, keep):
    day = project.finished[-1]
    page.goto(f"/assets/finra_short_daily_raw?view=partitions&partition={day}")
    files = page.get_by_role("row").filter(has_text=f"CNMSshvol{day:%Y%m%d}.txt").last
    expect(files).to_be_visible()
    keep(page, "raw_partition")


def test_the_checks_are_listed_as_sentences(page, keep):
    page.goto("/assets/daily_metrics?view=checks")
    names = [name for asset, name in CHECKS if asset == "daily_metrics"]
    expect(page.get_by_text(f"Checks ({len(names)})")).to_be_visible()
    keep(page, "checks")
    text = page.locator("body").evaluate("body => body.textContent")
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_finished_partition_has_a_verdict_of_its_own(page, project, keep, place):
    open_checks_partitions(page, "daily_metrics", "no_otc_week_is_used_before_its_published_date", project.finished[place])
    expect(page.get_by_text("Passed (1)")).to_be_visible()
    keep(page, f"check_verdict_{place}")


def test_a_click_materialises_a_session(page, ui, project, keep):
    day = project.for_one_click
    runs = wait_until(lambda: finished_runs(ui, "dagster/partition", day.isoformat()), what=f"the run of {day}")
    assert [run["status"] for run in runs] == ["SUCCESS"]
    assert project.stored("daily_metrics", day) == len(project.environment["TICKERS"].split(","))
    page.goto(f"/assets/daily_tables?view=partitions&partition={day}")
    expect(visible(page, "Materialized")).to_be_visible()
    keep(page, "finished_partition")
    open_checks_partitions(page, "daily_metrics", "every_configured_ticker_has_its_row", day)
    expect(page.get_by_text("Passed (1)")).to_be_visible()


def runs_of(ui, tag, value):
    """Runs with this tag."""
    return ui.query(RUNS, tag=tag, value=value)["runsOrError"]["results"]


def finished_runs(ui, tag, value):
    """Runs with this tag, once there are some and all of them have ended."""
    runs = runs_of(ui, tag, value)
    return runs if runs and {run["status"] for run in runs} <= FINISHED else []


def test_a_backfill_from_the_dialog_is_one_run_that_leaves_every_day_with_its_verdicts(page, ui, project, keep):
    first, last = project.for_the_backfill[0], project.for_the_backfill[-1]
    backfill = wait_until(lambda: finished_backfill(ui), what="the backfill") or {}
    (run,) = finished_runs(ui, "dagster/backfill", backfill["id"])
    tags = tags_of(run)
    span = tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]
    assert (backfill["status"], run["status"], span) == ("COMPLETED_SUCCESS", "SUCCESS", (first.isoformat(), last.isoformat()))
    for day in project.for_the_backfill:
        see_made_and_judged(page, project, day)
    keep(page, "backfilled_check")


def backfills_of(ui):
    """Every backfill."""
    return ui.query(BACKFILLS)["partitionBackfillsOrError"]["results"]


def finished_backfill(ui):
    """The backfill, once it has ended."""
    return next((one for one in backfills_of(ui) if one["status"].startswith(("COMPLETED", "FAILED", "CANCELED"))), None)


def see_made_and_judged(page, project, day: dt.date):
    """The page of the day and the verdict of a check on it."""
    page.goto(f"/assets/daily_metrics?view=partitions&partition={day}")
    expect(page.get_by_role("row").filter(has_text="dagster/partition_row_count")).to_contain_text(
        str(project.stored("daily_metrics", day))
    )
    open_checks_partitions(page, "daily_metrics", "allocations_equal_weekly_volume_times_share", day)
    expect(page.get_by_text("Passed (1)")).to_be_visible()
