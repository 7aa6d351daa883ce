"""Bytes of a source and the faults of disk and compression."""

import gzip

import pytest

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import UnreadableSource


def test_gzip_is_known_by_its_bytes_not_by_its_name(write, tmp_path):
    plain_path = tmp_path / "plain.csv.gz"
    plain_path.write_bytes(b"plain")
    packed_path = write("packed.csv", gzip.compress(b"packed"))
    assert Content.of_file(plain_path).whole() == b"plain"
    assert Content.of_file(packed_path).whole() == b"packed"


def test_a_body_reads_like_a_file(write):
    data = gzip.compress(b"[]")
    assert Content("body", data).whole() == Content.of_file(write("file", data)).whole() == b"[]"
    assert Content("body", data).digest() == Content.of_file(write("file", data)).digest()


@pytest.mark.parametrize("cut", [3, 12, -1, -5, -9])
def test_a_cut_gzip_is_refused(cut, refuses):
    data = gzip.compress(b"some text " * 50)[:cut]
    refuses(Content("cut.gz", data).whole, "cut.gz", "compressed content", "a whole, undamaged gzip file")


def test_a_damaged_gzip_is_refused(refuses):
    data = bytearray(gzip.compress(b"some text " * 50))
    data[-6] ^= 1
    refuses(Content("bad.gz", bytes(data)).whole, "bad.gz", "compressed content")


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(refuses):
    bomb = gzip.compress(bytes(10_000_000))
    refuses(lambda: Content("bomb.gz", bomb).whole(limit=1000), "bomb.gz", "size", "more than 1,000 bytes", "up to 1,000 bytes")


def test_a_file_that_cannot_be_opened_is_unreadable(tmp_path):
    with pytest.raises(UnreadableSource, match=r"absent\.csv cannot be read: No such file"):
        Content.of_file(tmp_path / "absent.csv").whole()
    with pytest.raises(UnreadableSource, match="directory"):
        Content.of_file(tmp_path).digest()


@pytest.mark.parametrize(
    ("name", "data"), [("a.json", b"x"), ("a.JSON.gz", b"x"), ("a.txt", b"\xef\xbb\xbf  [1]"), ("a", b"\n{")]
)
def test_json_is_known_by_name_or_first_character(name, data):
    assert Content(name, data).looks_like_json()


def test_a_table_does_not_look_like_json():
    assert not Content("a.csv", b"symbol,note\nA,[1]\n").looks_like_json()
