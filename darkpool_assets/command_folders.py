"""The folders that commands work in: the project's, the Dagster instance's, and the demo's.

Imports nothing that takes time, because cli.py does. The demo has settings of its own in place of the user's, so that no feeds
are mixed.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from darkpool_assets.full_disks import refusing_full_disk
from darkpool_assets.turns import Turn

PROJECT: Final = Path(__file__).resolve().parents[1]
DEFAULT_DAGSTER_HOME: Final = Path("data/dagster_home")
DEMO_FOLDER: Final = Path("data/demo")
MARKET: Final = DEMO_FOLDER / "market"
_PATHS_OF_DEMO: Final = {"DUCKDB_PATH": "darkpool.duckdb", "OUTPUT_DIR": "output", "DAGSTER_HOME": "dagster_home"}


def dagster_home() -> Path:
    """DAGSTER_HOME, by default data/dagster_home of the current folder."""
    return Path(os.environ.get("DAGSTER_HOME") or DEFAULT_DAGSTER_HOME).absolute()


def prepare_dagster_home() -> Path:
    """Make DAGSTER_HOME, set the variable, and give the instance the project's dagster.yaml when it has none.

    Raises:
        NoRoomLeft: its disk is full.
    """
    home = dagster_home().resolve()
    os.environ["DAGSTER_HOME"] = str(home)
    with refusing_full_disk("DAGSTER_HOME", home):
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            whole = home / f"dagster.yaml.{os.getpid()}"
            try:
                shutil.copyfile(PROJECT / "dagster.yaml", whole)
                whole.replace(home / "dagster.yaml")  # another process may read it at this moment
            finally:
                whole.unlink(missing_ok=True)
    return home


def first_use_of_dagster_home() -> Turn:
    """The turn of opening the Dagster instance: two processes that make its databases at once get in each other's way."""
    return Turn(dagster_home() / "first_use.lock", what="Dagster's databases")


def enter_demo(values: Mapping[str, str], folder: Path) -> None:
    """Make `folder` the current one and `values` the only settings: neither a .env nor an exported setting counts any more."""
    from darkpool_assets.settings import Settings

    home = folder.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    for name in [name for name in os.environ if name.lower() in Settings.model_fields]:
        del os.environ[name]
    os.environ.update({**values, **{name: str(home / path) for name, path in _PATHS_OF_DEMO.items()}})


def enter_stored_demo() -> None:
    """Enter the demo that `darkpool demo` made.

    Raises:
        SettingsError: there is none in the current folder.
    """
    from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
    from darkpool_assets.settings import SettingsError

    if not (DEMO_FOLDER / _PATHS_OF_DEMO["DUCKDB_PATH"]).is_file():
        raise SettingsError([f"--demo: given, and {DEMO_FOLDER} holds no demo; make it with `darkpool demo`"])
    enter_demo(sample_settings(SampleMarket(folder=MARKET.resolve())), DEMO_FOLDER)
