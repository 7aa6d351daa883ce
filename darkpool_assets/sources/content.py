"""The bytes of one source: a file on disk (plain or gzip) or a body that was downloaded, under one name.

Formats are not known here: delimited.py and json_records.py read what this module opens. Every fault of the disk, of the
compression or of the encoding becomes an error of errors.py, so that no reader has to know gzip's exceptions.
"""

import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from isal import igzip
from isal.isal_zlib import IsalError

from darkpool_assets.sources.errors import MalformedSource, UnreadableSource

MAX_WHOLE_BYTES: Final = 256 << 20  # as of a service's answer
_BROKEN: Final = (EOFError, cast("type[Exception]", IsalError), gzip.BadGzipFile)
_GZIP_MAGIC: Final = b"\x1f\x8b"
_SNIFFED_BYTES: Final = 4096


@dataclass(frozen=True)
class Content:
    """Bytes with the name that errors and the ledger call them by."""

    name: str
    data: Path | bytes

    @classmethod
    def of_file(cls, path: Path) -> "Content":
        """The content of a file; it is opened by the readers, not here."""
        return cls(path.name, path)

    def is_gzip(self) -> bool:
        """Whether the bytes start like a gzip member, whatever the name says."""
        with self._refusing_disk_faults(), self._raw() as stream:
            return stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The decompressed bytes, as a stream.

        Raises:
            UnreadableSource: the file cannot be opened or read.
            MalformedSource: the compression is broken (raised while reading inside the block).
        """
        compressed = self.is_gzip()
        with self._refusing_disk_faults(), self._raw() as stream:
            yield igzip.IGzipFile(fileobj=stream, mode="rb") if compressed else stream  # type: ignore[misc]

    def whole(self, limit: int = MAX_WHOLE_BYTES) -> bytes:
        """All decompressed bytes, at most `limit`.

        Raises:
            MalformedSource: there are more, or the compression is broken.
        """
        with self.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise MalformedSource(self.name, "size", found=f"more than {limit:,} bytes", allowed=f"up to {limit:,} bytes")
        return data

    def looks_like_json(self) -> bool:
        """Whether the name says JSON, or the first character opens a JSON list or object."""
        if self.name.lower().removesuffix(".gz").endswith(".json"):
            return True
        with self.open() as stream:
            return stream.read(_SNIFFED_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}

    def digest(self) -> str:
        """SHA-256 of the bytes as they are stored."""
        if isinstance(self.data, bytes):
            return hashlib.sha256(self.data).hexdigest()
        with self._refusing_disk_faults(), self.data.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _raw(self) -> BinaryIO:
        return io.BytesIO(self.data) if isinstance(self.data, bytes) else self.data.open("rb")

    @contextmanager
    def _refusing_disk_faults(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise broken_compression(self.name, error) from None
        except OSError as error:
            path = self.data if isinstance(self.data, Path) else Path(self.name)
            raise UnreadableSource(path, error.strerror or str(error)) from None


def broken_compression(name: str, error: Exception) -> MalformedSource:
    """What to raise for gzip content that is cut off or damaged."""
    return MalformedSource(name, "compressed content", found=str(error), allowed="a whole, undamaged gzip file")


def digest_of(*parts: str) -> str:
    """SHA-256 over texts; equal texts in equal order have an equal digest."""
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()
