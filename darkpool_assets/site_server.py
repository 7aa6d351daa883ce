"""The Dagster UI with its daemon, and the report site that its links lead to, on this machine's own address.

The site is the files of OUTPUT_DIR, read-only; pages need no server (they work from file://). Nothing is computed here.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from darkpool_assets.command_folders import PROJECT, prepare_dagster_home
from darkpool_assets.path_checks import LOOPBACK, refuse_taken_ports, refuse_unusable_paths
from darkpool_assets.process_endings import run_attended
from darkpool_assets.settings import Settings
from darkpool_assets.terminal import complain, say


class _Files(SimpleHTTPRequestHandler):
    """Files, not folders without an index, and no line per request."""

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the signature is the library's
        """Refuse: only what a page leads to is shown."""
        self.send_error(404, "File not found")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


@contextmanager
def served_site(folder: Path, *, port: int) -> Iterator[str]:
    """Serve `folder` on this machine's own address while the block runs; gives the address.

    Raises:
        OSError: the port is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer((LOOPBACK, port), partial(_Files, directory=str(folder.resolve())))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="report site", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve_ui(settings: Settings, port: int) -> int:
    """Run `dagster dev` on workspace.yaml, and the report site on the port above, until they end; returns the exit code.

    Raises:
        SettingsError: a port is taken, or a path can't be written to; nothing was started.
    """
    refuse_taken_ports(port)
    refuse_unusable_paths(settings)
    prepare_dagster_home()
    with served_site(settings.output_dir, port=port + 1) as site:
        os.environ["SITE_URL"] = site
        say(f"Dagster UI on http://{LOOPBACK}:{port}")
        say(f"Report site on {site}")
        sys.stdout.flush()
        return run_attended(
            _dagster_dev(port), on_stop=lambda: complain("Stopping the Dagster UI and its daemon.", style="yellow")
        )


def _dagster_dev(port: int) -> list[str]:
    return [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), "-h", LOOPBACK, "-p", str(port)]
