"""Serves the Dagster UI behind UiGuard, with the daemon and the code server that both share: the process behind `darkpool ui`.

It starts what `dagster dev` starts, whose web server can't be wrapped. Neither settings nor sessions are handled here, only
processes. site_server.py starts it; SIGTERM or Ctrl-C ends it and all that it started.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import dagster as dg
import uvicorn
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._cli.utils import get_instance_for_cli
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_MAX_OVERFLOW, DEFAULT_POOL_RECYCLE
from dagster_webserver.version import __version__

from darkpool_assets.command_folders import first_use_of_dagster_home
from darkpool_assets.ui_guard import Application, UiGuard

_LOGGER: Final = logging.getLogger("dagster-webserver")
_CODE_SERVER_LOG_LEVEL: Final = "warning"
_POLL_MILLISECONDS: Final = 2000  # how often the pages of the UI look for new states, as with `dagster dev`
_OPEN_REQUESTS_SECONDS: Final = 5
_DAEMON_SECONDS: Final = 20.0  # within the grace that site_server gives this process
# What `dagster dev` tells its own processes: a code location that can't be loaded is logged once, without Dagster's own frames.
_DEV_ENVIRONMENT: Final = {"DAGSTER_IS_DEV_CLI": "1", "DAGSTER_verbose": ""}


def serve(workspace: Path, *, host: str, port: int) -> int:
    """Run the code server, the daemon and the UI until a signal comes or the daemon ends; returns the exit code.

    Args:
        workspace: The workspace.yaml to serve.
        host: Address to listen on.
        port: Port to listen on; the guard takes requests for it alone.

    Returns:
        1 when the daemon ended by itself, else 0.

    Raises:
        KeyboardInterrupt: a signal came; everything that was started has ended.
    """
    os.environ.update(_DEV_ENVIRONMENT)
    configure_loggers()
    with (
        opened_instance() as instance,
        shared_code_server(workspace, instance) as shared,
        running_daemon(shared) as daemon,
        opened_workspace(shared, instance) as context,
    ):
        application = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
        return serve_beside(daemon, application, host=host, port=port)


@contextmanager
def opened_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME, one process at a time."""
    with ExitStack() as opened:
        first_use = first_use_of_dagster_home()
        first_use.take()
        try:
            instance = opened.enter_context(get_instance_for_cli())
        finally:
            first_use.let_go()
        yield instance


@contextmanager
def shared_code_server(workspace: Path, instance: dg.DagsterInstance) -> Iterator[Path]:
    """Run the code server of `workspace`; gives a workspace file for all who ask it, so that the graph is imported once."""
    target = WorkspaceFileTarget([str(workspace)])
    with (
        ProxyServerManager(instance, target, code_server_log_level=_CODE_SERVER_LOG_LEVEL) as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        shared = Path(folder) / "workspace.yaml"
        shared.write_text(json.dumps({"load_from": servers.get_code_server_specs()}), encoding="utf-8")  # JSON is YAML, too
        yield shared


@contextmanager
def running_daemon(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the Dagster daemon while the block runs; it gets SIGTERM, and is killed when it does not heed it."""
    process = subprocess.Popen([sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)])  # noqa: S603 - our own
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_DAEMON_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def opened_workspace(workspace: Path, instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """Open the workspace as dagster-webserver does, with its defaults."""
    instance.optimize_for_webserver(DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW)
    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, version=__version__, code_server_log_level=_CODE_SERVER_LOG_LEVEL) as context:
        yield context


def serve_beside(daemon: subprocess.Popen[bytes], application: Application, *, host: str, port: int) -> int:
    """Serve the guarded application for as long as the daemon runs.

    Returns:
        1 when the daemon ended by itself, else 0.

    Raises:
        KeyboardInterrupt: a signal came, and the requests under way have ended.
    """
    config = uvicorn.Config(
        UiGuard(application, port=port),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=_OPEN_REQUESTS_SECONDS,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_end_with, args=(daemon, server), name="daemon watch", daemon=True).start()
    _LOGGER.info(f"Serving the Dagster UI on http://{host}:{port} in process {os.getpid()}")
    server.run()
    return 0 if daemon.poll() is None else 1


def _end_with(daemon: subprocess.Popen[bytes], server: uvicorn.Server) -> None:
    """Stop the server when the daemon ends before it: without a daemon no run that is asked for would start."""
    code = daemon.wait()
    if not server.should_exit:
        _LOGGER.error(f"The Dagster daemon ended with exit code {code}; the UI ends with it")
        server.should_exit = True


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read workspace, host and port from `words`, by default the command line of this process."""
    parser = argparse.ArgumentParser(prog="python -m darkpool_assets.ui_server", add_help=False)
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("-h", "--host", required=True)
    parser.add_argument("-p", "--port", type=int, required=True)
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Serve what the command line says until a signal comes; returns the exit code."""
    given = parse_arguments(words)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # whatever was ignored where this process was started
    with contextlib.suppress(KeyboardInterrupt):
        return serve(given.workspace, host=given.host, port=given.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
