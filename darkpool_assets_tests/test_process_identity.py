"""Which process is which, also after its id was given out again."""

import dataclasses
import subprocess
import sys

import pytest

from darkpool_assets.process_identity import ProcessIdentity

OURS = ProcessIdentity.of_this_process()


def test_this_process_is_there_and_can_be_read_again():
    assert not OURS.is_gone()
    assert ProcessIdentity.parse(str(OURS)) == OURS


@pytest.mark.parametrize("text", ["", "host", "host|boot|x|1", "host|boot|1", "a|b|1|2|3"])
def test_another_text_is_no_identity(text: str):
    assert ProcessIdentity.parse(text) is None


def test_an_ended_process_is_gone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = (OURS.host, OURS.boot, process.pid)
        running = ProcessIdentity(*start, _start_of(process.pid))
        assert not running.is_gone()
    assert running.is_gone()


def test_a_process_that_ended_and_was_not_waited_for_is_gone():
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        started = ProcessIdentity(OURS.host, OURS.boot, process.pid, _start_of(process.pid))
        process.stdout.read()
        while not started.is_gone():
            pass


@pytest.mark.parametrize(
    ("changes", "is_gone"),
    [
        ({"start": "1"}, True),
        ({"boot": "another"}, True),
        ({"host": "another"}, False),
        ({"host": "another", "pid": 2**22}, False),
    ],
    ids=["a re-used pid", "a restart of the machine", "another host", "another host's pid"],
)
def test_a_pid_alone_proves_nothing(changes: dict[str, object], is_gone: bool):
    assert dataclasses.replace(OURS, **changes).is_gone() is is_gone


def _start_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[19]
