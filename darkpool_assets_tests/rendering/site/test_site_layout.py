"""Where pages lie: no two symbols share a page, and a day counts once its day page is there."""

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets.rendering.site.site_layout import (
    days_with_pages,
    files_of,
    market_index_page,
    page_names,
    root_of,
    ticker_page,
)
from darkpool_assets.rendering.site.site_model import DayFiles

DAY = dt.date(2025, 12, 24)
SYMBOLS = st.one_of(st.text(alphabet="INDEXindex~/._", min_size=1, max_size=8), st.text(min_size=1, max_size=6))


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@settings(max_examples=200)
@given(SYMBOLS, SYMBOLS)
def test_two_symbols_never_share_a_page_where_the_disk_ignores_case(one, other):
    assert (ticker_page(one).lower() == ticker_page(other).lower()) == (one == other)


@given(SYMBOLS)
def test_no_symbol_takes_the_day_pages_name_or_leaves_the_folder(symbol):
    assert ticker_page(symbol).lower() != "index"
    assert "/" not in ticker_page(symbol)
    assert market_index_page(symbol).count("/") == 1


def test_a_page_knows_the_way_to_the_root():
    assert [root_of(page) for page in ("index", "SPY", "indices/SPX")] == ["../", "../", "../../"]


def test_a_day_counts_once_its_day_page_is_there(tmp_path):
    put(tmp_path, "2025-12-23/SPY.html", "2025-12-24/SPY.html", "2025-12-24/index.html", "2025-12-24/indices/SPX.html")
    assert days_with_pages(tmp_path) == {DAY: ("SPY", "index", "indices/SPX")}


def test_folders_that_are_no_day_are_passed_over(tmp_path):
    names = ("tables/2025-12-24", "2025-13-01", "a-b-c", "2025-W52-3", "20251224")
    put(tmp_path, *(f"{name}/index.html" for name in names))
    assert days_with_pages(tmp_path) == {}


def test_unfinished_files_are_no_pages(tmp_path):
    put(tmp_path, ".0011223344556677.part", "SPY.html")
    assert page_names(tmp_path) == ("SPY",)


def test_an_output_folder_that_is_not_there_has_no_day(tmp_path):
    assert days_with_pages(tmp_path / "none") == {}
    assert files_of(tmp_path / "none", DAY) == DayFiles()


def test_the_files_of_other_assets_are_found(tmp_path):
    put(tmp_path, "tables/2025-12-24/daily_metrics.png", "plots/2025-12-24/SPY.png", "plots/2025-12-23/QQQ.png")
    assert files_of(tmp_path, DAY) == DayFiles(frozenset({"daily_metrics.png"}), frozenset({"SPY.png"}))
