"""The report site on loopback: files as they are, no listing, nothing outside its folder."""

from pathlib import Path

import httpx
import pytest

from darkpool_assets.site_server import served_site


@pytest.fixture
def site(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("not yours")
    (tmp_path / "output" / "2026-01-30").mkdir(parents=True)
    (tmp_path / "output" / "2026-01-30" / "index.html").write_text("<p>a day</p>")
    with served_site(tmp_path / "output", port=0) as address:
        yield address


def test_a_page_is_served_as_it_is(site: str):
    assert httpx.get(f"{site}/2026-01-30/index.html").text == "<p>a day</p>"


def test_a_folder_is_not_listed(site: str):
    assert httpx.get(f"{site}/").status_code == 404


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/2026-01-30/../../secret.txt"])
def test_nothing_outside_its_folder_is_served(site: str, path: str):
    assert httpx.get(f"{site}{path}").status_code == 404


def test_only_this_machine_may_ask(site: str):
    assert site.startswith("http://127.0.0.1:")


def test_a_taken_port_is_an_error(site: str, tmp_path: Path):
    with pytest.raises(OSError, match="in use"), served_site(tmp_path, port=int(site.rsplit(":", 1)[1])):
        pass
