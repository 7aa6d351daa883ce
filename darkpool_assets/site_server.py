"""The Dagster UI with its daemon, and the report site that its links lead to, on this machine's own address.

The site is the files of OUTPUT_DIR, read-only; pages need no server (they work from file://). Nothing is computed here. The UI
runs in a process of its own, ui_server.py; both answer requests for this machine's own address alone.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from darkpool_assets.command_folders import PROJECT, prepare_dagster_home
from darkpool_assets.path_checks import LOOPBACK, refuse_taken_ports, refuse_unusable_paths
from darkpool_assets.process_endings import run_attended
from darkpool_assets.settings import Settings
from darkpool_assets.terminal import complain, say
from darkpool_assets.ui_guard import Refused, refuse_foreign_host


class _Files(SimpleHTTPRequestHandler):
    """Files of the folder itself for requests to this server, no listing of folders, and no line per request."""

    def parse_request(self) -> bool:
        """Read the head of a request, and refuse it when it was meant for another server."""
        if not super().parse_request():
            return False
        try:
            refuse_foreign_host(self.headers.get_all("Host", []), port=self.connection.getsockname()[1])
        except Refused as refused:
            self._refuse(refused)
            return False
        return True

    def _refuse(self, refused: Refused) -> None:
        body = f"{refused}\n".encode()
        self.send_response(refused.status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Open the file that is asked for, unless a symbolic link leads out of the folder."""
        asked = Path(self.translate_path(self.path))
        if all(_lies_in(Path(self.directory), asked / name) for name in ("", "index.html", "index.htm")):
            return super().send_head()
        self.send_error(404, "File not found")
        return None

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the signature is the library's
        """Refuse: only what a page leads to is shown."""
        self.send_error(404, "File not found")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


def _lies_in(folder: Path, asked: Path) -> bool:
    """Tell whether a path, with all its links followed, is below `folder`; a loop of links is nowhere."""
    try:
        return asked.resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):
        return False


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
    """Run the Dagster UI on workspace.yaml, and the report site on the port above, until they end; returns the exit code.

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
        return run_attended(ui_command(port), on_stop=lambda: complain("Stopping the Dagster UI and its daemon.", style="yellow"))


def ui_command(port: int) -> list[str]:
    """Give the command that serves the Dagster UI of this project, with its daemon, on this machine's own address."""
    words = ["-w", str(PROJECT / "workspace.yaml"), "-h", LOOPBACK, "-p", str(port)]
    return [sys.executable, "-m", "darkpool_assets.ui_server", *words]
