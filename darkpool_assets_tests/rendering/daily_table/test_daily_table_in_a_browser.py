"""The page in a real Chromium: it sorts, it fits a phone, and it complains of nothing."""

import pytest

from darkpool_assets.rendering.daily_table.daily_table_html import daily_table_html

pytestmark = pytest.mark.browser
NAMES = "[...document.querySelectorAll('#symbols tbody th')].map(cell => cell.innerText)"
LEFT_EDGE = "document.querySelector('#symbols tbody th').getBoundingClientRect().left"
HEADER_TOP = "document.querySelector('#symbols thead').getBoundingClientRect().top"
REGION_TOP = "document.querySelector('.scroll').getBoundingClientRect().top"


@pytest.fixture
def opened(chromium, tmp_path, table_of, anchored, bare):
    """Width of the window -> the page from file://, with three symbols and one without values; complaints are collected."""

    def open_page(width, rows=3):
        symbols = [anchored(symbol=f"S{place}", log_buy_sell=(-1) ** place / (place + 1)) for place in range(rows)]
        table = table_of(*symbols, bare())
        path = tmp_path / "page.html"
        path.write_text(daily_table_html(table, generated_at=None), encoding="utf-8")
        page = chromium.new_page(viewport={"width": width, "height": 844})
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        return page, complaints

    return open_page


@pytest.mark.parametrize(
    ("presses", "order", "state"),
    [
        (1, ["S0", "S2", "S1", "ZZZ"], "descending"),
        (2, ["S1", "S2", "S0", "ZZZ"], "ascending"),
        (3, ["S0", "S1", "S2", "ZZZ"], "none"),
    ],
)
def test_a_header_sorts_both_ways_and_back_with_missing_values_last(opened, presses, order, state):
    page, complaints = opened(1600)
    header = page.locator("#symbols th[data-kind=number]", has_text="log ratio")
    for _ in range(presses):
        header.locator("button").click()
    assert (page.evaluate(NAMES), header.get_attribute("aria-sort"), complaints) == (order, state, [])


def test_a_header_is_pressed_by_keyboard(opened):
    page, _ = opened(1600)
    page.locator("#symbols th", has_text="Symbol").locator("button").press("Enter")
    assert page.locator("#symbols th", has_text="Symbol").get_attribute("aria-sort") == "ascending"


def test_on_a_phone_only_the_table_scrolls_sideways(opened):
    page, _ = opened(390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_symbol_stays_in_sight_while_the_table_scrolls_sideways(opened):
    page, _ = opened(390)
    page.evaluate("document.querySelector('.scroll').scrollTo(600, 0)")
    assert page.evaluate(LEFT_EDGE) == 0


def test_the_header_stays_in_sight_while_the_table_scrolls_down(opened):
    page, _ = opened(390, rows=60)
    page.evaluate("document.querySelector('.scroll').scrollTo(0, 700)")
    assert page.evaluate(HEADER_TOP) == page.evaluate(REGION_TOP)


def test_a_wide_desktop_shows_every_column(opened):
    page, _ = opened(1600)
    assert page.evaluate("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")
