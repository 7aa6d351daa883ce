"""The site on disk: whole pages, two files that know all days, and nothing stale."""

import datetime as dt
import json
import re

import pytest

from darkpool_assets.rendering.pressure_plot.panels_interactive import plotly_script_name
from darkpool_assets.rendering.site import report_site
from darkpool_assets.rendering.site.report_site import write_day_pages, write_first_page
from darkpool_assets.rendering.site.site_model import Gate, StoredSession
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.rendering.conftest import DAY
from darkpool_assets_tests.rendering.site.invented_report import BROKEN, metrics_of_the_day, report_of

BEFORE = dt.date(2025, 12, 23)
NAMES = ["QQQ.html", "SPY.html", "ZZZ.html", "index.html", "indices/SPX~05f~SAMPLE.html"]


def make(folder, *days, **changes):
    """The pages of each day, the first page after each."""
    for day in days:
        write_day_pages(report_of(day=day, **changes), output_dir=folder, generated_at=None)
        sessions = [StoredSession(day, Gate.OPEN) for day in days]
        write_first_page(report_of(day=max(days)), sessions, output_dir=folder, generated_at=None)


def files_below(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def days_told(folder):
    """What days.js tells: day -> pages."""
    script = (folder / "assets" / "days.js").read_text(encoding="utf-8")
    content = json.loads(script.removeprefix("window.reportDays = ").removesuffix(";\n"))
    return {day: content["pages"][place] for day, place in content["days"]}


def test_a_day_has_a_day_page_a_page_per_symbol_and_one_per_index(tmp_path):
    written = write_day_pages(report_of(), output_dir=tmp_path, generated_at=None)
    folder = tmp_path / DAY.isoformat()
    assert sorted(path.relative_to(folder).as_posix() for path in written) == NAMES
    assert all(path.is_file() for path in written)


def test_the_day_page_is_written_last(tmp_path):
    assert write_day_pages(report_of(), output_dir=tmp_path, generated_at=None)[-1].name == "index.html"


def test_every_page_carries_the_disclaimer(tmp_path):
    make(tmp_path, DAY)
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) == len(NAMES) + 1
    assert all(page.read_text(encoding="utf-8").count(DISCLAIMER) == 1 for page in pages)


def test_equal_days_give_equal_bytes(tmp_path):
    make(tmp_path / "one", BEFORE, DAY)
    make(tmp_path / "other", BEFORE, DAY)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "other")


def test_adding_a_day_changes_the_first_page_and_the_list_of_days_only(tmp_path):
    make(tmp_path, BEFORE)
    before = files_below(tmp_path)
    make(tmp_path, BEFORE, DAY)
    after = files_below(tmp_path)
    assert {name for name, content in before.items() if after[name] != content} == {"index.html", "assets/days.js"}


def test_the_list_of_days_names_every_page_of_every_day(tmp_path):
    make(tmp_path, DAY, BEFORE)
    pages = [name.removesuffix(".html") for name in NAMES]
    assert days_told(tmp_path) == {"2025-12-23": pages, "2025-12-24": pages}


def test_a_symbol_that_is_gone_loses_its_page(tmp_path):
    make(tmp_path, DAY)
    make(tmp_path, DAY, metrics=metrics_of_the_day()[:1], indices=[])
    assert days_told(tmp_path) == {"2025-12-24": ["SPY", "index"]}
    assert not (tmp_path / DAY.isoformat() / "QQQ.html").exists()


def test_a_gate_that_closed_later_takes_plots_and_labels_from_the_pages(tmp_path):
    make(tmp_path, DAY)
    make(tmp_path, DAY, verdicts=(BROKEN,))
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (tmp_path / DAY.isoformat()).glob("*.html")}
    assert not [name for name, page in pages.items() if "pressure-plot" in page]
    assert "Inferred accumulation" not in pages["index"]


def test_the_plotting_script_is_there_once_and_only_for_days_with_plots(tmp_path):
    make(tmp_path / "closed", DAY, verdicts=(BROKEN,))
    make(tmp_path / "open", BEFORE, DAY)
    assert not (tmp_path / "closed" / "assets" / plotly_script_name()).exists()
    assert [path.name for path in (tmp_path / "open").rglob("plotly-*")] == [plotly_script_name()]


@pytest.mark.parametrize("written", range(5))
def test_a_writer_that_dies_leaves_whole_pages_old_or_new(tmp_path, monkeypatch, written):
    make(tmp_path, DAY)
    old, new = files_below(tmp_path), report_of(verdicts=(BROKEN,))
    write = report_site.write_atomically

    def die_after(path, content, left=[written]):  # noqa: B006 - counts over the calls
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(path, content)

    monkeypatch.setattr(report_site, "write_atomically", die_after)
    with pytest.raises(KeyboardInterrupt):
        write_day_pages(new, output_dir=tmp_path, generated_at=None)
    left = files_below(tmp_path)
    assert left.keys() == old.keys()
    assert all(content.endswith(b"</html>\n") for name, content in left.items() if name.endswith(".html"))
    assert sum(left[name] != old[name] for name in old) <= written


def test_a_first_day_whose_writer_dies_is_not_told_of(tmp_path, monkeypatch):
    make(tmp_path, BEFORE)
    write = report_site.write_atomically

    def die_at_the_day_page(path, content):
        if path.stem == "index":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(report_site, "write_atomically", die_at_the_day_page)
    with pytest.raises(KeyboardInterrupt):
        write_day_pages(report_of(), output_dir=tmp_path, generated_at=None)
    monkeypatch.undo()
    write_first_page(report_of(day=BEFORE), [StoredSession(BEFORE, Gate.OPEN)], output_dir=tmp_path, generated_at=None)
    assert list(days_told(tmp_path)) == ["2025-12-23"]


def test_links_lead_to_files_that_are_there(tmp_path):
    make(tmp_path, BEFORE, DAY)
    for page in tmp_path.rglob("*.html"):
        targets = re.findall(r'(?:href|src)="([^"#:]+)[#"]', page.read_text(encoding="utf-8"))
        assert [target for target in targets if not (page.parent / target).is_file()] == []
