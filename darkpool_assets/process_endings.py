"""How a process ends on Ctrl-C, SIGTERM and SIGHUP, and how a process that it attends ends with it.

Imports nothing that takes time: cli.py installs these before anything else. Exit codes are the shell's: 128 and the signal.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

GRACE_SECONDS: Final = 30.0
_LEFT_BEHIND_SECONDS: Final = 5.0
_BETWEEN_LOOKS: Final = 0.1
_CHUNK: Final = 1 << 16
_ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Handler = Callable[[int, Any], None] | int


@contextmanager
def ending_at_once() -> Iterator[None]:
    """End the process at once on a signal, without a traceback, while modules are imported and nothing is under way.

    A process started in the background by a script ignores Ctrl-C; here it is heeded all the same.
    """
    with _handled_by(lambda number, _frame: os._exit(128 + number)):
        yield


def take_signals_as_usual() -> None:
    """Let Ctrl-C raise KeyboardInterrupt and the other signals end the process; what `nohup` had ignored stays ignored."""
    for number in _heeded():
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def run_attended(command: Sequence[str], *, on_stop: Callable[[], None], grace: float = GRACE_SECONDS) -> int:
    """Run a command in a session of its own until it ends or a signal asks for it; returns the exit code.

    The first signal sends it SIGTERM, to its own process alone; further ones change nothing. What is left of its process
    group after `grace` seconds is killed.

    Args:
        command: Program and arguments.
        on_stop: Called at the first signal; from then on what the command prints is dropped, for it is cut short.
        grace: Seconds that the command has to end by itself.
    """
    received: list[int] = []
    with _handled_by(lambda number, _frame: received.append(number)):
        process = subprocess.Popen(  # noqa: S603 - a command of our own
            command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        outputs = [
            threading.Thread(target=_pass_on, args=(source, target, received), daemon=True)
            for source, target in ((process.stdout, 1), (process.stderr, 2))
        ]
        for output in outputs:
            output.start()
        try:
            _wait(process, received, on_stop=on_stop, grace=grace)
        finally:
            _end_group(process)
        for output in outputs:
            output.join(_LEFT_BEHIND_SECONDS)
    return 128 + received[0] if received else abs(process.returncode)


def _pass_on(source: BinaryIO, target: int, received: Sequence[int]) -> None:
    """Copy what a process prints, until a signal came; the rest is read and dropped, so that the process never waits."""
    while chunk := os.read(source.fileno(), _CHUNK):
        if not received:
            with contextlib.suppress(OSError):
                os.write(target, chunk)


def _wait(process: subprocess.Popen[bytes], received: Sequence[int], *, on_stop: Callable[[], None], grace: float) -> None:
    """Wait until the process ended, or until `grace` seconds after it was asked to."""
    until = None
    while process.poll() is None:
        if received and until is None:
            process.terminate()
            until = time.monotonic() + grace
            with contextlib.suppress(OSError):  # the terminal may be gone
                on_stop()
        if until is not None and time.monotonic() > until:
            return
        time.sleep(_BETWEEN_LOOKS)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process group; children of an ended process get a moment to end by themselves."""
    until = time.monotonic() + _LEFT_BEHIND_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while process.returncode is not None and time.monotonic() < until:
            os.killpg(process.pid, 0)
            time.sleep(_BETWEEN_LOOKS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _heeded() -> list[int]:
    """Signals that end this process; one other than Ctrl-C that was ignored from the start is not among them."""
    return [number for number in _ENDING if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _handled_by(handler: Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _heeded()}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
