"""Endings of real processes: the UI and the demo end on every signal at every moment, and leave neither process nor traceback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.operation

DARKPOOL = [sys.executable, "-c", "from darkpool_assets.cli import main; main()"]
IGNORING_CTRL_C = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # as a shell script starts what it puts in the background
ATTENDING = (
    "import sys; from darkpool_assets.process_endings import run_attended; "
    "sys.exit(run_attended({!r}, on_stop=lambda: None, grace=1))"
)
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); print('up', flush=True); time.sleep(600)"
)


@dataclass
class Started:
    """A process of ours, found again among all others by a variable that its children inherit."""

    process: subprocess.Popen[bytes]
    mark: str
    output: Path

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def left(self) -> list[str]:
        """Command lines of processes that carry the mark and are not mere entries of ended ones."""
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    if self.mark.encode() in (place / "environ").read_bytes() and (command := (place / "cmdline").read_bytes()):
                        found.append(command.decode(errors="replace"))
                except OSError:
                    continue
        return found

    def end(self, number: signal.Signals, *, times: int = 1) -> int:
        for _ in range(times):
            self.process.send_signal(number)
            time.sleep(0.2)
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Starts commands in an empty folder; what a failed test leaves of them is killed."""
    started: list[Started] = []

    def begin(command: list[str]) -> Started:
        mark = f"process-endings-{os.getpid()}-{time.monotonic_ns()}"
        environment = {**os.environ, "OFFLINE": "true", "ENDINGS_MARK": mark}
        output = tmp_path / "output.txt"
        with output.open("wb") as sink:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=sink, stderr=sink, start_new_session=True)
        started.append(Started(process, mark, output))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


@pytest.fixture
def port() -> int:
    """A free port whose neighbour is free, too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            number = one.getsockname()[1]
            if number < 65_000:
                try:
                    other.bind(("127.0.0.1", number + 1))
                except OSError:
                    continue
                return number


def is_serving(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/server_info").status_code == 200
    except httpx.HTTPError:
        return False


def assert_ended_cleanly(started: Started, code: int, expected: int) -> None:
    assert code == expected, started.said()
    assert "Traceback" not in started.said()
    assert started.left() == []


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_modules_are_imported_ends_the_ui(start, port: int, number: signal.Signals, code: int, seconds: float):
    ui = start([*IGNORING_CTRL_C, *DARKPOOL, "ui", "--port", str(port)])
    time.sleep(seconds)
    assert_ended_cleanly(ui, ui.end(number), code)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0, 3, 6])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_dagster_starts_ends_the_ui(start, port: int, number: signal.Signals, code: int, seconds: float):
    ui = start([*DARKPOOL, "ui", "--port", str(port)])
    ui.wait_until(lambda: "Report site on" in ui.said())
    time.sleep(seconds)
    assert_ended_cleanly(ui, ui.end(number), code)


@pytest.mark.parametrize(
    ("before", "number", "times", "code"),
    [
        ([], signal.SIGINT, 2, 130),
        pytest.param(IGNORING_CTRL_C, signal.SIGTERM, 2, 143, marks=pytest.mark.long),
        pytest.param(IGNORING_CTRL_C, signal.SIGINT, 1, 130, marks=pytest.mark.long),
        pytest.param([], signal.SIGHUP, 1, 129, marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_the_serving_ui_and_all_its_processes(
    start, port: int, before: list[str], number: signal.Signals, times: int, code: int
):
    ui = start([*before, *DARKPOOL, "ui", "--port", str(port)])
    ui.wait_until(lambda: is_serving(port))
    assert len(ui.left()) > 3
    assert_ended_cleanly(ui, ui.end(number, times=times), code)


@pytest.mark.long
def test_the_demos_ui_ends_as_the_ui_does(start, port: int):
    demo = start([*IGNORING_CTRL_C, *DARKPOOL, "demo", "--sessions", "1", "--ui", "--port", str(port)])
    demo.wait_until(lambda: is_serving(port), seconds=300)
    assert_ended_cleanly(demo, demo.end(signal.SIGINT), 130)


def test_a_process_that_does_not_heed_sigterm_is_killed_with_its_children_after_the_grace(start):
    attended = start([sys.executable, "-c", ATTENDING.format([sys.executable, "-c", STUBBORN])])
    attended.wait_until(lambda: "up" in attended.said())
    assert_ended_cleanly(attended, attended.end(signal.SIGTERM), 143)


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_and_the_output_of_a_process_that_ends_by_itself_are_passed_on(start, code: int):
    speaking = f"import sys; print('spoken'); print('complained', file=sys.stderr); sys.exit({code})"
    attended = start([sys.executable, "-c", ATTENDING.format([sys.executable, "-c", speaking])])
    assert attended.process.wait(60) == code
    assert sorted(attended.said().split()) == ["complained", "spoken"]
