"""Whole files or none, under names that no symbol can abuse."""

import os
import stat
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkpool_assets.rendering.files import safe_file_name, write_atomically

SYMBOLS = st.text(st.sampled_from("ABCONabcon./\\_~-0f: \u00e4\u00c4"), max_size=8) | st.text(max_size=200)


def test_content_is_written_into_folders_that_did_not_exist(tmp_path):
    write_atomically(tmp_path / "tables" / "2025-12-24" / "page.html", "–\r\n")
    assert (tmp_path / "tables" / "2025-12-24" / "page.html").read_bytes() == "–\r\n".encode()


def test_a_rerun_overwrites_the_same_file(tmp_path):
    write_atomically(tmp_path / "page.html", b"old")
    write_atomically(tmp_path / "page.html", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_the_old_file_stays_when_writing_fails(tmp_path, monkeypatch, step):
    write_atomically(tmp_path / "page.html", b"old")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "page.html", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_what_a_killed_writer_left_goes_with_the_first_writing_ten_minutes_later(tmp_path):
    kept = ["old.part", ".0123.part", "page.html"]
    for name, minutes in (("old.part", 99), (".0123.part", 99), (f".{'0' * 16}.part", 11), (f".{'1' * 16}.part", 9)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, times=(time.time() - 60 * minutes, time.time() - 60 * minutes))
    write_atomically(tmp_path / "page.html", b"page")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, f".{'1' * 16}.part"}


def test_the_file_may_be_read_by_whom_the_users_mask_allows(tmp_path):
    write_atomically(tmp_path / "page.html", b"page")
    (tmp_path / "plain").write_bytes(b"page")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@settings(max_examples=300)
@given(SYMBOLS, SYMBOLS)
@example("BRK/B", "BRK_B")
@example("ABRpD", "ABRPD")
@example("A" * 300, "A" * 301)
@example("CON", "con")
def test_no_two_symbols_share_a_name_even_where_the_disk_ignores_case(one, other):
    assert (one == other) == (safe_file_name(one).casefold() == safe_file_name(other).casefold())


@settings(max_examples=200)
@given(SYMBOLS)
def test_a_name_stays_in_its_folder(tmp_path_factory, symbol):
    folder = tmp_path_factory.getbasetemp()
    assert (folder / f"{safe_file_name(symbol)}.html").resolve().parent == folder.resolve()


@settings(max_examples=200)
@given(SYMBOLS)
def test_a_name_is_plain_short_and_never_hidden(symbol):
    name = safe_file_name(symbol)
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| ')
    assert 0 < len(name) < 200
    assert name[0] not in ".-"
    assert name[-1] != "."


@pytest.mark.parametrize("symbol", ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "CON.A"])
def test_a_name_that_windows_reserves_is_marked(symbol):
    assert safe_file_name(symbol).partition(".")[0] == f"{symbol.partition('.')[0]}~"


def test_a_plain_symbol_is_its_own_name():
    assert safe_file_name("BRK.B") == "BRK.B"
