"""The process behind `darkpool ui`: the UI is guarded and lives as long as its daemon; its endings are test_process_endings."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from darkpool_assets import ui_server
from darkpool_assets.site_server import ui_command

SLEEPING = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


async def answering(scope, receive, send) -> None:
    """An application that answers every request; it takes no part in start and end of the server."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answered"})


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask_until_it_answers(port: int, host: str) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
        return client.get(f"http://127.0.0.1:{port}/", headers={"Host": host})


def test_the_ui_is_served_behind_the_guard_until_the_daemon_ends(port: int):
    answers: list[httpx.Response] = []
    with subprocess.Popen(SLEEPING, stdout=subprocess.PIPE) as daemon:

        def ask() -> None:
            try:
                answers.extend(ask_until_it_answers(port, host) for host in (f"127.0.0.1:{port}", f"evil.example:{port}"))
            finally:
                daemon.kill()

        asking = threading.Thread(target=ask)
        asking.start()
        code = ui_server.serve_beside(daemon, answering, host="127.0.0.1", port=port)
        asking.join()
    assert [answer.status_code for answer in answers] == [200, 403]
    assert code == 1


def test_a_daemon_that_ends_while_the_ui_starts_ends_it(port: int, caplog: pytest.LogCaptureFixture):
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"]) as daemon:
        assert ui_server.serve_beside(daemon, answering, host="127.0.0.1", port=port) == 1
    assert "The Dagster daemon ended with exit code 7; the UI ends with it" in caplog.messages


def test_the_command_names_everything_that_the_process_needs():
    words = ui_command(3999)
    given = ui_server.parse_arguments(words[words.index("-w") :])
    assert (Path(given.workspace).name, given.host, given.port) == ("workspace.yaml", "127.0.0.1", 3999)


def test_a_signal_ends_it_although_it_was_ignored_where_it_was_started(monkeypatch: pytest.MonkeyPatch):
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(ui_server, "serve", lambda *_args, **_options: os.kill(os.getpid(), signal.SIGTERM))
    try:
        assert ui_server.main(ui_command(3999)[3:]) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
