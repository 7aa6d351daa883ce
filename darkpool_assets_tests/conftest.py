"""Fixtures that every test module may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_samples() -> Path:
    """Folder of real published samples beside the repository; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(f"real samples are not on this machine ({folder.name} folder beside the repository)")
    return folder
