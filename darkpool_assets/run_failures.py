"""What failed in a command, each cause once: ledger entries first, steps only where no entry tells of them.

No message is read: entries name their cause, steps are known by name and kind. session_runs.py collects, command_runs.py prints.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from darkpool_assets.vocabulary import IngestStatus

_FAILED: Final = (IngestStatus.FAILED.value, IngestStatus.PARTIAL.value, IngestStatus.DEGRADED.value)

StandingFailure = Callable[[dt.date, str], str | None]
"""What the newest entry of a raw table or asset says of a day that failed; None when it is no failure."""


@dataclass(frozen=True)
class StepFailure:
    """A step of a run that failed, or the run itself.

    Attributes:
        step: Name of the asset or of the check; `run` for the run itself.
        message: Why.
        repeats_ledgers: It failed at the end of a range, with what the ledgers say of its days.
    """

    step: str
    message: str
    repeats_ledgers: bool = False


@dataclass(frozen=True)
class _Failure:
    """One failed day of a raw table or an asset, in words."""

    day: dt.date
    owner: str
    words: str


def failure_lines(entries: pl.DataFrame, steps: Iterable[StepFailure], *, standing: StandingFailure) -> list[str]:
    """One line per cause; equal failures of several days are one.

    Args:
        entries: Newest entries of the command, one row per (day, owner): status, failures, message, caused_by.
        steps: Failed steps of the command's runs.
        standing: Tells of a cause that lies in an earlier command.
    """
    failed = entries.filter(pl.col("status").is_in(_FAILED))
    rows = failed.sort("day", "owner").to_dicts()
    recorded = {(row["day"], row["owner"]) for row in rows}
    causes = dict.fromkeys(_cause(row, recorded, standing) for row in rows)
    owners = {row["owner"] for row in rows}
    untold = [step for step in steps if step.step not in owners and not (rows and step.repeats_ledgers)]
    return [*_by_words([cause for cause in causes if cause]), *_by_message(untold)]


def _by_message(steps: Iterable[StepFailure]) -> list[str]:
    names: dict[str, set[str]] = {}
    for step in steps:
        names.setdefault(step.message, set()).add(step.step)
    return sorted(f"{', '.join(sorted(found))}: {message}" for message, found in names.items())


def _cause(row: dict[str, Any], recorded: set[tuple[dt.date, str]], standing: StandingFailure) -> _Failure | None:
    """The failure to name for an entry: its own, none where its cause has an entry too, or the earlier one at its root."""
    day, root = row["day"], row["caused_by"]
    if root and (day, root) in recorded:
        return None
    if root and (words := standing(day, root)):
        return _Failure(day, root, f"{words} (in an earlier run)")
    return _Failure(day, row["owner"], _of_symbols(row["failures"]) if row["failures"] else str(row["message"]))


def _of_symbols(failures: str) -> str:
    return "; ".join(f"{symbol}: {words}" for symbol, words in json.loads(failures).items())


def _by_words(failures: Iterable[_Failure]) -> list[str]:
    days: dict[tuple[str, str], list[dt.date]] = {}
    for failure in failures:
        days.setdefault((failure.owner, failure.words), []).append(failure.day)
    return [f"{span_of(found)} {owner}: {words}" for (owner, words), found in days.items()]


def span_of(days: list[dt.date]) -> str:
    """Write days as one date, or as how many sessions from which to which."""
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} sessions, {min(days)} to {max(days)}"
