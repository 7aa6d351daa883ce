"""Commands killed in the midst: what they had acknowledged is there, nothing is torn, and the same command goes on from there.

A trial starts on an empty folder, or on one whose sources have changed since its sessions were stored. A command is killed
inside a transaction, inside the writing of a rendered file, inside the publishing of the copy, or anywhere. Then every table's
day and every file is as before the command or as after an undisturbed one; the same command, run again, stores all that an
undisturbed one stores.
"""

import datetime as dt
import os
import random
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, PUBLISHED, THURSDAY, HandMadeFeeds
from darkpool_assets_tests.trust.command_process import Act, Command, Report
from darkpool_assets_tests.trust.place import Place
from darkpool_assets_tests.trust.stored_state import StoredState, differing_tables

_DAYS: Final = (str(THURSDAY), str(FRIDAY))
_MAKE: Final = ("backfill", *_DAYS, "--plots", "all")
_RESTATED: Final = dt.date(2026, 1, 5)
_ANYWHERE: Final = "anywhere"


@dataclass(frozen=True)
class Start:
    """What a trial starts from, and what an undisturbed command makes of it.

    Attributes:
        name: empty or changed.
        folder: Kept copy of the folder.
        before: What is stored at the start.
        after: What is stored at the end of an undisturbed command.
        contents: Digests of every file that an undisturbed command writes, also of those that it writes again later.
        lengths: Act -> seconds of each one of the undisturbed command, in their order.
        seconds: Of the undisturbed command from its first report to its last.
    """

    name: str
    folder: Path
    before: StoredState
    after: StoredState
    contents: Collection[str]
    lengths: Mapping[Act, Sequence[float]]
    seconds: float


@dataclass(frozen=True)
class Kill:
    """One trial.

    Attributes:
        start: empty or changed.
        within: The act that was under way when the process died; None where none was.
        faults: What was torn, lost or not made; none where all was well.
    """

    start: str
    within: Act | None
    faults: tuple[str, ...]


def kill_commands(number: int, folder: Path, *, seed: int = 1) -> Iterator[Kill]:
    """Kill `number` commands below `folder`, one after the other, at moments that `seed` draws."""
    feeds = HandMadeFeeds(folder / "place" / "feeds")
    place, moments = Place(folder / "place", feeds.values()), random.Random(seed)
    starts = _starts(place, feeds, folder)
    where = cycle([Act.TRANSACTION, Act.FILE, Act.PUBLISHING, _ANYWHERE])
    for _, start, act in zip(range(number), cycle(s for s in starts for _ in range(4)), where, strict=False):
        place.take(start.folder)
        yield _kill(place, start, act, moments)


def _starts(place: Place, feeds: HandMadeFeeds, folder: Path) -> list[Start]:
    feeds.write_everything()
    empty = place.keep(folder / "empty")
    first = _undisturbed(place, "empty", empty)
    for day in (THURSDAY, FRIDAY):
        feeds.write_short(day, factor=2)
        feeds.write_trades(day, size=7_000)
    feeds.write_otc(MONDAY, published=PUBLISHED, updated=_RESTATED, factor=1.5, name="restated")
    changed = place.keep(folder / "changed")
    return [first, _undisturbed(place, "changed", changed)]


def _undisturbed(place: Place, name: str, folder: Path) -> Start:
    """What one command makes of the place as it is."""
    before = place.state()
    with place.command(*_MAKE) as running:
        code = running.wait()
        if code or differing_tables(place.database, place.copy):
            raise RuntimeError(f"an undisturbed command ended with {code}: {running.said()}")
    reports = running.reports
    lengths = {act: _lengths([report for report in reports if report.act is act]) for act in Act}
    contents = {report.content for report in reports}
    return Start(name, folder, before, place.state(), contents, lengths, reports[-1].at - reports[0].at)


def _lengths(reports: Sequence[Report]) -> list[float]:
    return [end.at - begin.at for begin, end in zip(reports[::2], reports[1::2], strict=True)]


def _kill(place: Place, start: Start, act: Act | str, moments: random.Random) -> Kill:
    with place.command(*_MAKE) as running:
        if isinstance(act, Act):
            chosen = moments.randrange(len(start.lengths[act]))
            _wait_for(running, act, chosen)
            time.sleep(moments.random() * start.lengths[act][chosen])
        else:
            running.next_report()
            time.sleep(moments.random() * start.seconds)
        running.kill()
        code = running.wait()
    last = running.reports[-1]
    # A command that had ended before the kill counts as one that was killed nowhere.
    faults = [] if code in {0, -signal.SIGKILL} else [f"the command had ended with {code}: {running.said()}"]
    faults += _torn_or_lost(place.state(), start, acknowledged=max(report.ledger_rows for report in running.reports))
    faults += _not_made(place, start)
    return Kill(start.name, None if last.has_ended else last.act, tuple(faults))


def _wait_for(running: Command, act: Act, chosen: int) -> None:
    """Read reports until the command begins the act for the `chosen`-th time, counted from 0."""
    begun = -1
    while begun < chosen and (report := running.next_report()):
        begun += report.act is act and not report.has_ended


def _torn_or_lost(found: StoredState, start: Start, *, acknowledged: int) -> Iterator[str]:
    """What is neither as before the command nor as after it, or was acknowledged and is gone."""
    before, after = start.before, start.after
    if found.ledger_rows < acknowledged:
        yield f"{acknowledged} ledger rows were acknowledged, {found.ledger_rows} are stored"
    for piece in sorted({*before.rows, *after.rows, *found.rows}):
        old, new, now = (state.rows.get(piece) for state in (before, after, found))
        if now not in (old, new):
            yield f"torn: {' of '.join(piece)}"
        elif old != new and (now == new) != (found.writes.get(piece, 0) > before.writes.get(piece, 0)):
            yield f"rows and ledger disagree: {' of '.join(piece)}"
    for name, content in found.files.items():
        if not name.endswith(".part") and content != before.files.get(name) and content not in start.contents:
            yield f"torn: {name}"


def _not_made(place: Place, start: Start) -> Iterator[str]:
    """What the same command, given an hour later, does not bring to the end of an undisturbed one."""
    for part in place.output.rglob("*.part"):
        os.utime(part, times=(time.time() - 3600, time.time() - 3600))
    with place.command(*_MAKE) as again:
        code = again.wait()
        if code:
            yield f"the same command ended with {code}: {again.said()}"
    made = place.state()
    pieces: list[tuple[Mapping[Any, object], Mapping[Any, object]]] = [
        (start.after.rows, made.rows),
        (start.after.files, made.files),
    ]
    for wanted, found in pieces:
        yield from (
            f"not as undisturbed: {piece}" for piece in sorted({*wanted, *found}) if wanted.get(piece) != found.get(piece)
        )
    yield from (f"the published copy differs: {table}" for table in differing_tables(place.database, place.copy))
    yield from (f"left behind: {path.name}" for path in place.folder.rglob("*") if path.suffix in {".part", ".wal", ".tmp"})
