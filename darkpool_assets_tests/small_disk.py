"""A disk of its own that can be filled: a mounted tmpfs."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A disk of 60 megabytes.

    Attributes:
        folder: Where it is mounted.
    """

    folder: Path

    def fill(self, *, leave: int = 0) -> None:
        """Take all its room but `leave` bytes."""
        free = os.statvfs(self.folder)
        (self.folder / "filler").write_bytes(b"x" * max(0, free.f_bavail * free.f_bsize - leave))

    def make_room(self) -> None:
        """Give back what was taken."""
        (self.folder / "filler").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk, empty; the test is skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)
