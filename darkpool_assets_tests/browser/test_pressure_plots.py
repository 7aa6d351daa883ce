"""The pressure plot's page in a real Chromium: it draws, answers the pointer, follows the scheme, and asks for nothing."""

import datetime as dt

import pytest

from darkpool_assets import market_calendar
from darkpool_assets.rendering.pressure_plot.panels_interactive import plot_page, write_plotly_script
from darkpool_assets.rendering.theme import DARK, LIGHT
from darkpool_assets_tests.browser.conftest import ARTIFACTS, wait_until
from darkpool_assets_tests.rendering.pressure_plot.plotted_rows import DAY, panels_of, varied_panels

pytestmark = pytest.mark.browser

DESKTOP, PHONE = {"width": 1280, "height": 1100}, {"width": 390, "height": 844}
SESSIONS = [*market_calendar.sessions_before(DAY, 119), DAY]
BOX = "[...document.querySelectorAll('.hoverlayer .legend')].map(box => box.textContent)"
INK = "document.querySelector('.drawing').layout.hoverlabel.font.color"
FIRST_SHOWN = "new Date(document.querySelector('.drawing')._fullLayout.xaxis.range[0]).toISOString().slice(0, 10)"
MODEBAR = "document.querySelectorAll('.modebar-btn').length"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Outputs as the assets write them: pages two folders below the one that holds the plotting script."""
    folder = tmp_path_factory.mktemp("output")
    write_plotly_script(folder / "assets")
    return folder


@pytest.fixture(scope="module")
def show(chromium, folder):
    """A model -> its page from file://, and what the browser had to complain of or asked a network for."""
    contexts = []

    def open_page(panels, *, viewport=DESKTOP, **context):
        path = folder / "plots" / DAY.isoformat() / f"{len(contexts)}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plot_page(panels, assets="../../assets", picture="SPY.png", generated_at=None), encoding="utf-8")
        contexts.append(chromium.new_context(viewport=viewport, **context))
        page, complaints = contexts[-1].new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else complaints.append(request.url))
        page.goto(path.as_uri())
        page.locator(".drawing .main-svg").first.wait_for()
        return page, complaints

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def opened(show):
    """The same, closed after the test."""
    pages = []

    def open_page(panels, **options):
        pages.append(show(panels, **options))
        return pages[-1]

    yield open_page
    for page, _complaints in pages:
        page.close()


@pytest.fixture(scope="module")
def desk(show, long_panels):
    """The page of 120 sessions on a desktop, opened once."""
    return show(long_panels)


@pytest.fixture
def on_the_desk(desk):
    """That page as it is when opened: all sessions in view, the pointer outside."""
    page, _complaints = desk
    page.locator(".views button", has_text="120").click()
    wait_until(lambda: page.evaluate(BOX) == [], what="the box to go")
    return desk


@pytest.fixture(scope="module")
def long_panels():
    return panels_of(sessions=SESSIONS, sample_data=True)


def panel_at(page, number, *, across=0.5):
    """A point in the panel at `number` from the top, as the window has it."""
    place = page.evaluate(
        """number => { const plot = document.querySelector('.drawing')._fullLayout._plots[`xy${6 + number}`];
           const {left, top} = document.querySelector('.drawing').getBoundingClientRect();
           return [left + plot.xaxis._offset, plot.xaxis._length, top + plot.yaxis._offset + plot.yaxis._length / 2]; }""",
        number,
    )
    return place[0] + across * place[1], place[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_opens_without_a_complaint_or_a_request(opened, long_panels, viewport, scheme):
    page, complaints = opened(long_panels, viewport=viewport, color_scheme=scheme)
    page.screenshot(path=ARTIFACTS / f"pressure_plot_{viewport['width']}_{scheme}.png", full_page=True)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


@pytest.mark.parametrize(
    ("name", "make"),
    [("varied", varied_panels), ("no_rows", lambda: panels_of([], [])), ("no_composite", lambda: panels_of(composites=[]))],
)
def test_odd_windows_are_drawn(opened, name, make):
    page, complaints = opened(make())
    page.screenshot(path=ARTIFACTS / f"pressure_plot_{name}.png", full_page=True)
    assert complaints == []


@pytest.mark.parametrize("panel", range(5))
def test_the_pointer_in_any_panel_gets_one_box_that_tells_all_panels(on_the_desk, panel):
    page, complaints = on_the_desk
    page.mouse.move(*panel_at(page, panel))
    page.locator(".hoverlayer .legend").first.wait_for()
    boxes = page.evaluate(BOX)
    assert len(boxes) == 1
    assert [name in boxes[0] for name in ("Close", "log(B/S)", "Short z", "OTC week", "Composite")] == [True] * 5
    assert complaints == []


def test_the_box_tells_the_values_of_the_session_under_the_pointer(on_the_desk, long_panels):
    page, _ = on_the_desk
    page.mouse.move(*panel_at(page, 1, across=(60 + 0.5) / 120))
    page.locator(".hoverlayer .legend").first.wait_for()
    (box,) = page.evaluate(BOX)
    assert box.startswith(f"{SESSIONS[60]:%a} {SESSIONS[60].day} {SESSIONS[60]:%b %Y}")
    assert all(panel.readings[60].replace("\n", "") in box for panel in long_panels.panels)
    page.screenshot(path=ARTIFACTS / "pressure_plot_hover.png")


def test_a_session_without_a_value_has_no_line_in_the_box(opened):
    page, _ = opened(varied_panels())
    page.mouse.move(*panel_at(page, 0, across=(3 + 0.5) / 23))
    page.locator(".hoverlayer .legend").first.wait_for()
    (box,) = page.evaluate(BOX)
    assert "Close" in box
    assert "log(B/S)" not in box


def test_a_tap_on_a_phone_gets_the_box_within_the_window(opened, long_panels):
    page, _ = opened(long_panels, viewport=PHONE, has_touch=True, is_mobile=True)
    page.touchscreen.tap(*panel_at(page, 0, across=0.9))
    page.locator(".hoverlayer .legend").first.wait_for()
    box = page.locator(".hoverlayer .legend").first.bounding_box()
    assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"]
    page.screenshot(path=ARTIFACTS / "pressure_plot_tap.png")


@pytest.mark.parametrize(("viewport", "sessions", "buttons"), [(DESKTOP, 120, 5), (PHONE, 60, 0)])
def test_a_phone_shows_sixty_sessions_and_no_modebar(opened, long_panels, viewport, sessions, buttons):
    page, _ = opened(long_panels, viewport=viewport)
    assert page.evaluate(FIRST_SHOWN) == SESSIONS[-sessions].isoformat()
    assert page.evaluate(MODEBAR) == buttons


@pytest.mark.parametrize(("choices", "sessions"), [(["30"], 30), (["30", "120"], 120), (["60", "120", "60"], 60)])
def test_the_reader_chooses_how_far_back_it_looks(on_the_desk, choices, sessions):
    page, complaints = on_the_desk
    for choice in choices:
        page.locator(".views button", has_text=choice).click()
    assert page.evaluate(FIRST_SHOWN) == SESSIONS[-sessions].isoformat()
    assert page.locator(".views button[aria-pressed=true]").inner_text() == choices[-1]
    assert complaints == []


def test_a_view_is_chosen_by_keyboard(on_the_desk):
    page, _ = on_the_desk
    page.locator(".views button", has_text="30").press("Enter")
    assert page.evaluate(FIRST_SHOWN) == SESSIONS[-30].isoformat()


def test_a_double_click_leads_back_to_the_chosen_view(on_the_desk):
    page, _ = on_the_desk
    page.locator(".views button", has_text="60").click()
    x, y = panel_at(page, 0, across=0.3)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 300, y, steps=5)
    page.mouse.up()
    wait_until(lambda: page.evaluate(FIRST_SHOWN) != SESSIONS[-60].isoformat(), what="the zoom")
    page.wait_for_timeout(400)  # longer than what counts as one double click
    page.mouse.dblclick(x, y)
    wait_until(lambda: page.evaluate(FIRST_SHOWN) == SESSIONS[-60].isoformat(), what="the view of 60 sessions")


def test_the_plot_follows_the_readers_scheme(opened, long_panels):
    page, _ = opened(long_panels, color_scheme="light")
    inks = [page.evaluate(INK)]
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: page.evaluate(INK) == DARK.ink, what="the other scheme")
    page.emulate_media(color_scheme="light")
    wait_until(lambda: page.evaluate(INK) == LIGHT.ink, what="the other scheme")
    assert inks == [LIGHT.ink]


def test_paper_is_light_and_the_screen_dark_again_afterwards(opened, long_panels):
    page, complaints = opened(long_panels, color_scheme="dark")
    page.evaluate(f"window.printed = []; addEventListener('beforeprint', () => window.printed.push({INK}))")
    page.pdf(path=ARTIFACTS / "pressure_plot.pdf", prefer_css_page_size=True)
    assert page.evaluate("window.printed") == [LIGHT.ink]
    wait_until(lambda: page.evaluate(INK) == DARK.ink, what="the other scheme")
    assert complaints == []


def test_without_the_plotting_script_the_page_leads_to_the_picture(chromium, long_panels, tmp_path):
    path = tmp_path / "alone.html"
    path.write_text(plot_page(long_panels, assets="absent", picture="SPY.png", generated_at=None), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert page.locator(".unavailable a").get_attribute("href") == "SPY.png"
    assert page.locator(".unavailable").is_visible()
    page.close()


def test_a_reader_without_scripts_gets_the_picture_and_the_table(chromium, long_panels, tmp_path):
    path = tmp_path / "plain.html"
    path.write_text(plot_page(long_panels, assets="absent", picture="SPY.png", generated_at=None), encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("noscript a").is_visible()
    page.locator("summary").click()
    assert page.locator("tbody tr").count() == 120
    context.close()


def test_the_drawing_is_named_for_screen_readers(on_the_desk):
    page, _ = on_the_desk
    image = page.get_by_role("img", name="5 panels of SPY over 120 sessions")
    assert image.count() == 1
    assert dt.date.fromisoformat(page.evaluate(FIRST_SHOWN)) == SESSIONS[0]
