"""The report site on loopback: files as they are, no listing, nothing outside its folder."""

import socket
from pathlib import Path

import httpx
import pytest

from darkpool_assets.site_server import served_site
from darkpool_assets.ui_guard import own_hosts


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


@pytest.mark.parametrize("name", ["link.txt", "linked/secret.txt", "linked_page/", "linked_page", "chain.txt", "loop.txt"])
def test_a_link_that_leads_out_of_its_folder_is_not_followed(site: str, tmp_path: Path, name: str):
    output = tmp_path / "output"
    (output / "link.txt").symlink_to(tmp_path / "secret.txt")
    (output / "linked").symlink_to(tmp_path)
    (output / "linked_page").mkdir()
    (output / "linked_page" / "index.html").symlink_to("../../secret.txt")
    (output / "chain.txt").symlink_to("link.txt")
    (output / "loop.txt").symlink_to("loop.txt")
    answer = httpx.get(f"{site}/{name}", follow_redirects=True)
    assert (answer.status_code, "not yours" in answer.text) == (404, False)


def test_a_link_inside_its_folder_is_followed(site: str, tmp_path: Path):
    (tmp_path / "output" / "latest").symlink_to("2026-01-30")
    assert httpx.get(f"{site}/latest/").text == "<p>a day</p>"


def test_a_folder_that_is_itself_a_link_is_served(tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "page.html").write_text("<p>a page</p>")
    (tmp_path / "output").symlink_to(tmp_path / "there")
    with served_site(tmp_path / "output", port=0) as address:
        assert httpx.get(f"{address}/page.html").text == "<p>a page</p>"


def test_a_path_that_no_file_can_have_is_not_found(site: str):
    assert httpx.get(f"{site}/page%00.html").status_code == 404


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_a_name_of_this_machine_is_answered(site: str, name: str):
    answer = httpx.get(f"{site}/2026-01-30/index.html", headers={"Host": f"{name}:{port_of(site)}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1"])
def test_a_foreign_host_is_refused_with_what_is_allowed(site: str, host: str):
    given = host.replace("{port}", str(port_of(site)))
    answer = httpx.get(f"{site}/2026-01-30/index.html", headers={"Host": given})
    allowed = ", ".join(own_hosts(port_of(site)))
    assert (answer.status_code, answer.text) == (403, f"Host: given {given}; allowed: one of {allowed}\n")


def test_a_refusal_of_a_head_request_has_no_body(site: str):
    answer = httpx.head(f"{site}/2026-01-30/index.html", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.content) == (403, b"")


def test_a_request_without_a_host_is_refused(site: str):
    with socket.create_connection(("127.0.0.1", port_of(site)), timeout=10) as connection:
        connection.sendall(b"GET /2026-01-30/index.html HTTP/1.0\r\n\r\n")
        assert b" 400 " in connection.recv(4096).splitlines()[0]


def port_of(site: str) -> int:
    return int(site.rsplit(":", 1)[1])


def test_only_this_machine_may_ask(site: str):
    assert site.startswith("http://127.0.0.1:")


def test_a_taken_port_is_an_error(site: str, tmp_path: Path):
    with pytest.raises(OSError, match="in use"), served_site(tmp_path, port=port_of(site)):
        pass
