"""Pictures with fewer colours: a PNG of typst re-encoded with a palette, a third of its size, for previews.

Knows the PNG format (RFC 2083: 8 bits a channel, not interlaced, filters 0 to 4) and nothing of tables. No file is read
or written here.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {2: 3, 6: 4}
_BITS: Final = (5, 4, 3, 2)
_PALETTE_SIZE: Final = 256

Pixels = npt.NDArray[np.uint8]


def with_fewer_colours(png: bytes) -> bytes:
    """The same picture with at most 256 colours (5 bits a channel, fewer where that is too many), without transparency.

    Raises:
        ValueError: `png` is not an RGB or RGBA picture of 8 bits a channel.
    """
    pixels = decoded(png)[..., :3]
    height, width = pixels.shape[:2]
    palette, indices = _palette_of(pixels)
    rows = np.zeros((height, width + 1), np.uint8)  # each row opens with its filter: 0, none
    rows[:, 1:] = indices
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def decoded(png: bytes) -> Pixels:
    """The pixels of `png`: height x width x 3 or 4 channels.

    Filters predict a pixel from its left, upper and upper left neighbour; pixels of one falling diagonal depend on the
    two diagonals before it only, so that a diagonal is undone at once.
    """
    chunks = list(_chunks(png))
    width, height, depth, kind, *_, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in _CHANNELS or interlace:
        raise ValueError(f"Expected an RGB or RGBA PNG of 8 bits a channel, found depth {depth}, colour type {kind}")
    raw = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    rows = np.frombuffer(raw, np.uint8).reshape(height, -1)
    residues = rows[:, 1:].reshape(height, width, _CHANNELS[kind]).astype(np.int16)
    framed = np.zeros((height + 1, width + 1, _CHANNELS[kind]), np.int16)
    for diagonal in range(width + height - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        expected = _predicted(rows[y, 0], left=framed[y + 1, x], up=framed[y, x + 1], corner=framed[y, x])
        framed[y + 1, x + 1] = (residues[y, x] + expected) & 0xFF
    return framed[1:, 1:].astype(np.uint8)


def _predicted(
    filters: Pixels, *, left: npt.NDArray[np.int16], up: npt.NDArray[np.int16], corner: npt.NDArray[np.int16]
) -> npt.NDArray[np.int16]:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    is_left = (to_left <= to_up) & (to_left <= to_corner)
    paeth = np.where(is_left, left, np.where(to_up <= to_corner, up, corner))
    return np.choose(filters[:, None], [np.zeros_like(left), left, up, (left + up) >> 1, paeth])


def _palette_of(pixels: Pixels) -> tuple[Pixels, Pixels]:
    for bits in _BITS:
        levels = (pixels >> (8 - bits)).astype(np.uint32)
        codes, indices = np.unique(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2], return_inverse=True)
        if codes.size <= _PALETTE_SIZE:
            break
    places = indices.reshape(-1)
    sums = [np.bincount(places, weights=pixels[..., channel].reshape(-1)) for channel in range(3)]
    means = np.stack(sums, axis=1) / np.bincount(places)[:, None]
    return means.round().astype(np.uint8), indices.reshape(pixels.shape[:2]).astype(np.uint8)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        yield kind, png[position + 8 : position + 8 + length]
        position += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
