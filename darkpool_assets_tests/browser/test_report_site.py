"""The report site in a real Chromium, from file:// and from a server: it leads everywhere and complains of nothing."""

import datetime as dt
import functools
import http.server
import threading

import pytest

from darkpool_assets import market_calendar
from darkpool_assets.rendering.site.report_site import write_day_pages, write_first_page
from darkpool_assets.rendering.site.site_model import Gate, StoredSession
from darkpool_assets_tests.rendering.site.invented_report import BROKEN, HOLDS, WARNS, metrics_of_the_day, report_of

pytestmark = pytest.mark.browser

FIRST, CLOSED, LAST = dt.date(2025, 12, 22), dt.date(2025, 12, 23), dt.date(2025, 12, 24)
SESSIONS = (*market_calendar.sessions_before(LAST, 129), LAST)
INDEX_PAGE = "indices/SPX~05f~SAMPLE.html"
PAGES = {
    "first_page": "index.html",
    "day": f"{LAST}/index.html",
    "ticker": f"{LAST}/SPY.html",
    "ticker_without_composite": f"{LAST}/ZZZ.html",
    "market_index": f"{LAST}/{INDEX_PAGE}",
    "closed_day": f"{CLOSED}/index.html",
    "closed_ticker": f"{CLOSED}/SPY.html",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three days, the gate of the second closed, QQQ without a row on the first."""
    output_dir = tmp_path_factory.mktemp("site")
    verdicts = {FIRST: (HOLDS,), CLOSED: (HOLDS, BROKEN), LAST: (HOLDS, WARNS)}
    labels = {"INFERRED_ACCUMULATION": 1, "UNSTABLE": 1}
    for day, judged in verdicts.items():
        rows = [row for session in SESSIONS for row in metrics_of_the_day(session) if (day, row["symbol"]) != (FIRST, "QQQ")]
        rows = [row for row in rows if row["date"] <= day]
        report = report_of(day=day, metrics=rows, verdicts=judged, sessions=SESSIONS, sample_data=True)
        write_day_pages(report, output_dir=output_dir, generated_at=None)
    stored = [
        StoredSession(session, Gate.CLOSED if session == CLOSED else Gate.OPEN, labels) for session in SESSIONS if session <= LAST
    ]
    write_first_page(report, stored, output_dir=output_dir, generated_at=None)
    return output_dir


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A static server that does not log."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def served(folder):
    """The address of a static server on the site."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "server"])
def root(request, folder):
    """Where the site is opened from."""
    return folder.as_uri() if request.param == "file" else request.getfixturevalue("served")


@pytest.fixture
def visit(chromium, folder):
    """Page, width and more -> the open page; whatever complains or is asked for outside the site fails the test."""
    complaints, contexts, files = [], [], folder.as_uri()

    def open_page(page, *, width=1600, root=files, **options):
        scale = 2 if width < 640 else 1
        context = chromium.new_context(viewport={"width": width, "height": 900}, device_scale_factor=scale, **options)
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("requestfailed", lambda request: complaints.append(request.url))
        opened.on("request", lambda request: complaints.append(request.url) if not request.url.startswith(root) else None)
        opened.goto(f"{root}/{page}")
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def place_of(page):
    """Day folder and file of the address."""
    return "/".join(page.url.split("/")[-2:])


def is_wider_than_the_window(page):
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def drawn(page):
    """The page, once its plot, if it has one, is drawn."""
    if page.locator(".drawing").count():
        page.locator(".drawing .main-svg").first.wait_for()
    return page


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_a_complaint_and_keeps_within_the_window(visit, keep, root, name):
    page = drawn(visit(PAGES[name], root=root, color_scheme="light"))
    keep(page, f"site_{name}_desktop_light")
    assert page.locator("h1").count() == 1
    assert not is_wider_than_the_window(page)


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_only_tables_scroll_sideways(visit, keep, name):
    page = drawn(visit(PAGES[name], width=390, color_scheme="dark"))
    keep(page, f"site_{name}_phone_dark")
    assert not is_wider_than_the_window(page)


def test_the_plot_is_drawn_with_the_shared_script(visit, root):
    page = visit(PAGES["ticker"], root=root)
    page.locator(".drawing .main-svg").first.wait_for()
    assert page.locator(".without-script").count() == 0


def test_previous_and_next_walk_from_day_to_day(visit, root):
    page = visit(PAGES["day"], root=root)
    assert page.get_by_role("link", name="Next day").count() == 0
    page.get_by_role("link", name="Previous day: 23 Dec").click()
    assert place_of(page) == f"{CLOSED}/index.html"
    page.get_by_role("link", name="Next day: 24 Dec").click()
    assert place_of(page) == f"{LAST}/index.html"


def test_a_tickers_previous_day_passes_over_days_without_its_page(visit):
    page = visit(f"{CLOSED}/QQQ.html")
    assert page.get_by_role("link", name="Previous day").count() == 0
    page.get_by_role("link", name="Next day: 24 Dec").click()
    assert place_of(page) == f"{LAST}/QQQ.html"


def test_an_index_keeps_its_page_from_day_to_day(visit):
    page = visit(PAGES["market_index"])
    page.get_by_role("link", name="Previous day: 23 Dec").click()
    assert page.url.endswith(f"{CLOSED}/{INDEX_PAGE}")


def test_previous_and_next_ticker_are_links(visit):
    page = visit(f"{LAST}/QQQ.html")
    page.get_by_role("link", name="Next ticker: ZZZ").click()
    assert place_of(page) == f"{LAST}/ZZZ.html"


def test_a_ticker_is_chosen_by_pointer(visit, root):
    page = visit(PAGES["ticker"], root=root)
    choice = page.get_by_label("Ticker", exact=True)
    choice.dispatch_event("pointerdown")
    choice.select_option("QQQ")
    page.wait_for_url("**/QQQ.html")


def test_a_ticker_is_chosen_by_keyboard_and_arrows_alone_go_nowhere(visit):
    page = visit(PAGES["ticker"])
    page.get_by_label("Ticker", exact=True).press("ArrowDown")
    assert place_of(page) == f"{LAST}/SPY.html"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/QQQ.html")


def test_going_back_shows_the_ticker_of_the_page_again(visit):
    page = visit(PAGES["ticker"])
    page.get_by_label("Ticker", exact=True).select_option("QQQ")
    page.get_by_role("button", name="Open").click()
    page.wait_for_url("**/QQQ.html")
    page.go_back()
    assert page.get_by_label("Ticker", exact=True).input_value() == "SPY.html"


def test_the_sessions_of_a_history_lead_to_the_pages_that_exist(visit):
    page = visit(PAGES["ticker"])
    links = page.locator("#history tbody th a")
    assert links.all_inner_texts() == ["Tue 23 Dec 2025", "Mon 22 Dec 2025"]
    links.first.click()
    assert place_of(page) == f"{CLOSED}/SPY.html"


def test_the_calendar_leads_to_a_day_and_the_bar_back(visit):
    page = visit("index.html")
    page.get_by_role("link", name="23 gate closed").click()
    assert place_of(page) == f"{CLOSED}/index.html"
    page.get_by_role("link", name="All days").click()
    assert page.url.endswith("index.html")


def test_a_sorted_table_keeps_its_links(visit):
    page = visit(PAGES["day"])
    page.locator("#symbols th", has_text="Symbol").locator("button").click()
    page.locator("#symbols th", has_text="Symbol").locator("button").click()
    assert page.locator("#symbols tbody th a").all_inner_texts() == ["ZZZ", "SPY", "QQQ"]


def test_a_closed_gate_is_read_before_the_table_and_leads_to_the_verdicts(visit):
    page = visit(PAGES["closed_ticker"])
    assert page.get_by_role("heading", name="The Phase C gate is closed").is_visible()
    assert page.locator(".drawing").count() == 0
    page.get_by_role("link", name="every rule's verdict").click()
    assert page.url.endswith(f"{CLOSED}/index.html#checks")


def test_the_first_key_offers_to_skip_to_the_content(visit):
    page = visit(PAGES["day"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_without_scripts_the_page_is_read_and_all_days_are_one_link_away(visit):
    page = visit(PAGES["day"], java_script_enabled=False)
    assert page.locator("#symbols tbody tr").count() == 3
    assert not page.get_by_label("Ticker", exact=True).is_visible()
    page.get_by_role("link", name="All days").click()
    assert page.url.endswith("index.html")
