"""Asks of paths and ports, before work starts, whether they can be used: one fault per setting or argument.

Folders are made and tried out; nothing is written that stays. the commands refuse what is found.
"""

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from darkpool_assets.command_folders import dagster_home
from darkpool_assets.settings import Settings, SettingsError

LOOPBACK: Final = "127.0.0.1"
_LARGEST_PORT: Final = 65_534  # the report site takes the port above


def refuse_unusable_paths(settings: Settings) -> None:
    """Pass when everything that a command writes can be written.

    Raises:
        SettingsError: names each setting, its path and the reason.
    """
    files = {"DUCKDB_PATH": settings.duckdb_path, "PUBLISHED_DUCKDB_PATH": settings.published_duckdb_path}
    folders = {"OUTPUT_DIR": settings.output_dir, "DAGSTER_HOME": dagster_home()}
    refuse_unwritable(files={name: path for name, path in files.items() if path}, folders=folders)


def refuse_unwritable(*, files: Mapping[str, Path], folders: Mapping[str, Path]) -> None:
    """Pass when every file can be written and every folder made.

    Raises:
        SettingsError: names each one, its path and the reason.
    """
    reasons = {name: (path, _why_no_file(path), "a file in a folder that can be written to") for name, path in files.items()}
    reasons |= {name: (path, _why_no_folder(path), "a folder that can be made and written to") for name, path in folders.items()}
    faults = [
        f"{name}: given {path}, which can't be written to ({reason}); allowed: {allowed}"
        for name, (path, reason, allowed) in reasons.items()
        if reason
    ]
    if faults:
        raise SettingsError(faults)


def _why_no_file(path: Path) -> str | None:
    try:
        if path.is_dir():
            return "it is a folder"
        if path.exists() and not os.access(path, os.W_OK):
            return "Permission denied"
    except OSError as error:
        return error.strerror
    return _why_no_folder(path.parent)


def _why_no_folder(path: Path) -> str | None:
    """Make the folder and a file in it that goes at once: permission bits alone tell root and /proc wrong."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return None
    except OSError as error:
        return error.strerror or str(error)


def refuse_taken_ports(port: int) -> None:
    """Pass when `port` and the one above it are free on this machine's own address.

    Raises:
        SettingsError: there can be no such ports, or one is taken; names it, and what it is for.
    """
    if not 1 <= port <= _LARGEST_PORT:
        raise SettingsError([f"--port: given {port}; allowed: 1 to {_LARGEST_PORT}, for the report site takes the port above"])
    wanted = {port: "the Dagster UI", port + 1: "the report site"}
    taken = [f"{one} ({use}: {reason})" for one, use in wanted.items() if (reason := _why_no_port(one))]
    if taken:
        raise SettingsError([f"--port: given {port}, and no use can be made of {', '.join(taken)}; allowed: two free ports"])


def _why_no_port(port: int) -> str | None:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror
    return None
