"""Fixtures of the sources' tests: a place to write files, a server to ask, and what every refusal must say."""

import datetime as dt
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from darkpool_assets.market_calendar import session_window
from darkpool_assets.sources.errors import MalformedSource
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.symbol_records import LeftOut
from darkpool_assets_tests.sources.scripted_server import ScriptedServer

Write = Callable[..., Path]
Refuses = Callable[..., str]
LeavesOut = Callable[..., LeftOut]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes under a name below tmp_path; a name that ends in .gz is compressed."""

    def _write(name: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return _write


@pytest.fixture
def refuses() -> Refuses:
    """Call something, expect MalformedSource, and expect the words (file, place, ...) in its message."""

    def _refuses(read: Callable[[], object], *words: str) -> str:
        with pytest.raises(MalformedSource) as caught:
            read()
        message = str(caught.value)
        for word in (*words, "found ", "allowed: ", "Nothing of it was stored."):
            assert word in message, f"{word!r} is not in {message!r}"
        return message

    return _refuses


@pytest.fixture
def leaves_out() -> LeavesOut:
    """Expect that a reading left one symbol out, with these words (file, place, ...) in its fault, and that no row has it."""

    def _leaves_out(reading: Reading, symbol: str, *words: str) -> LeftOut:
        (one,) = reading.left_out
        assert one.symbol == symbol
        for word in (*words, "found ", "allowed: "):
            assert word in one.fault, f"{word!r} is not in {one.fault!r}"
        assert symbol not in reading.rows["symbol"].to_list()
        return one

    return _leaves_out


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that answers by script, asked without a proxy."""
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def day() -> dt.date:
    """An ordinary session."""
    return dt.date(2024, 5, 1)


@pytest.fixture
def window(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The default session window of `day`: 09:30 to 16:15 New York, 13:30 to 20:15 UTC."""
    return session_window(day, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
