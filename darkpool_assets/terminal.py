"""What a command shows while it works: results on stdout; progress, waits, warnings and interruptions on stderr.

No command and no session is known here; the commands open these around what they run.
"""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

screen: Final = Console()
notes: Final = Console(stderr=True)


def say(text: str) -> None:
    """Print a line of the result as it is, unbroken."""
    screen.print(text, highlight=False, markup=False, soft_wrap=True)


def complain(text: str, *, style: str = "red") -> None:
    """Print a line on stderr as it is, unbroken."""
    notes.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on stderr, one per asset or stage."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=notes, transient=False) as progress:

        def on_step(name: str, done: int, total: int) -> None:
            if name not in bars or (progress.tasks[bars[name]].finished and done < total):
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done, total=total)

        yield on_step


@contextmanager
def shown_waits() -> Iterator[None]:
    """Waits for a service's rate limit or for another run, and retries, on stderr beside the progress."""
    handler = RichHandler(console=notes, show_path=False, show_level=False, log_time_format="%H:%M:%S")
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.endswith(".request_pace"))
    loggers = [logging.getLogger(f"darkpool_assets.{name}") for name in ("sources", "turns")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class _Once(logging.Handler):
    """Prints each warning once, however often settings are loaded."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the warning, unless it was."""
        text = record.getMessage()
        if text not in self._printed:
            self._printed.add(text)
            complain(text, style="yellow")


@contextmanager
def shown_setting_warnings() -> Iterator[None]:
    """What is doubtful about the settings, on stderr."""
    handler, logger = _Once(), logging.getLogger("darkpool_assets.settings")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Let the first Ctrl-C wait for the yielded function, which is called between two days; the second one stops at once."""
    received: list[int] = []

    def interrupt(signal_number: int, _frame: object) -> None:
        received.append(signal_number)
        if len(received) > 1:
            raise KeyboardInterrupt
        notes.print("Stopping after the day at hand; Ctrl-C again stops at once.", style="yellow")

    def stop_if_asked() -> None:
        if received:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, before)
