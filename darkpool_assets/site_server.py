"""The report site on loopback: the files of OUTPUT_DIR, read-only, for links of the Dagster UI.

Pages need no server (they work from file://); nothing is computed here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ADDRESS = "127.0.0.1"


class _Files(SimpleHTTPRequestHandler):
    """Files, not folders without an index, and no line per request."""

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the signature is the library's
        """Refuse: only what a page leads to is shown."""
        self.send_error(404, "File not found")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


@contextmanager
def served_site(folder: Path, *, port: int) -> Iterator[str]:
    """Serve `folder` on 127.0.0.1 while the block runs; gives the address.

    Raises:
        OSError: the port is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer((_ADDRESS, port), partial(_Files, directory=str(folder.resolve())))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="report site", daemon=True)
    thread.start()
    try:
        yield f"http://{_ADDRESS}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
