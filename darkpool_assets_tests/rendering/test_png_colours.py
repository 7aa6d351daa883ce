"""PNG with fewer colours, against pictures encoded by hand."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets.rendering.png_colours import SIGNATURE, decoded, with_fewer_colours


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def filtered(pixels, filters):
    """The rows of `pixels` under the filters of RFC 2083, byte by byte as the document writes them."""
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels).astype(int)

    def byte(y, x):
        return rows[y, x] if y >= 0 and x >= 0 else 0

    def paeth(a, b, c):
        estimate = a + b - c
        return min((abs(estimate - a), 0, a), (abs(estimate - b), 1, b), (abs(estimate - c), 2, c))[2]

    def expected(kind, y, x):
        a, b, c = byte(y, x - channels), byte(y - 1, x), byte(y - 1, x - channels)
        return (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]

    def row(y, kind):
        return bytes([kind, *((rows[y, x] - expected(kind, y, x)) % 256 for x in range(width * channels))])

    return b"".join(row(y, kind) for y, kind in enumerate(filters))


def encoded(pixels, filters):
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    body = zlib.compress(filtered(pixels, filters))
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body[:5]) + chunk(b"IDAT", body[5:]) + chunk(b"IEND", b"")


def palette_picture(png):
    """Height x width x 3 of a palette PNG without filters."""
    parts, position = {}, len(SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        parts[kind] = png[position + 8 : position + 8 + length]
        position += 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    palette = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1)
    return palette[rows[:, 1:]]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.sampled_from([3, 4]), st.integers(0, 2**32 - 1))
def test_every_filter_is_undone(height, width, channels, seed):
    dice = np.random.default_rng(seed)
    pixels = dice.integers(0, 256, (height, width, channels), dtype=np.uint8)
    assert (decoded(encoded(pixels, dice.integers(0, 5, height).tolist())) == pixels).all()


def test_few_colours_are_kept_exactly():
    pixels = np.array([[[255, 255, 255], [22, 32, 43]], [[0, 114, 178], [213, 94, 0]]], np.uint8)
    assert (palette_picture(with_fewer_colours(encoded(pixels, [0, 4]))) == pixels).all()


def test_many_colours_become_near_ones():
    pixels = np.random.default_rng(7).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    small = palette_picture(with_fewer_colours(encoded(pixels, [1] * 40)))
    assert abs(small.astype(int) - pixels).max() < 64
    assert len(np.unique(small.reshape(-1, 3), axis=0)) <= 256


def test_a_picture_of_another_kind_is_refused():
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    with pytest.raises(ValueError, match="8 bits a channel"):
        decoded(SIGNATURE + chunk(b"IHDR", header))
