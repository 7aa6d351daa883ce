"""The one folder in which every trial of a kind runs, so that no path differs between two of them."""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from darkpool_assets_tests.trust.command_process import Command, command
from darkpool_assets_tests.trust.stored_state import StoredState, stored_state


class Place:
    """A folder with a database, a published copy, rendered files and a Dagster instance.

    Args:
        folder: Made when it is not there.
        values: The feeds' settings, as environment variables.
    """

    def __init__(self, folder: Path, values: Mapping[str, str]) -> None:
        self.folder = folder
        self.database = folder / "darkpool.duckdb"
        self.copy = folder / "published.duckdb"
        self.output = folder / "output"
        self._values = {
            **values,
            "DUCKDB_PATH": str(self.database),
            "PUBLISHED_DUCKDB_PATH": str(self.copy),
            "OUTPUT_DIR": str(self.output),
            "DAGSTER_HOME": str(folder / "dagster_home"),
        }
        folder.mkdir(parents=True, exist_ok=True)

    def command(self, *arguments: str, tickers: str | None = None) -> AbstractContextManager[Command]:
        """`darkpool` with `arguments` in this folder."""
        values = self._values if tickers is None else {**self._values, "TICKERS": tickers}
        return command(arguments, folder=self.folder, values=values, name=tickers or "command")

    def state(self) -> StoredState:
        """What is stored here."""
        return stored_state(self.database, self.output)

    def clear(self) -> None:
        """Take everything away."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def keep(self, kept: Path) -> Path:
        """Copy everything to `kept`."""
        shutil.copytree(self.folder, kept)
        return kept

    def take(self, kept: Path) -> None:
        """Put what was kept in place of everything."""
        shutil.rmtree(self.folder)
        shutil.copytree(kept, self.folder)
