"""Which process this is, in one line that no other process of any machine ever has: host, boot, pid and start.

A pid alone is given out again, after a restart within seconds. Linux tells boot and start in /proc; elsewhere pids alone count.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD: Final = 19  # of /proc/PID/stat, counted behind the name: clock ticks since the boot


@dataclass(frozen=True)
class ProcessIdentity:
    """One process.

    Attributes:
        host: Name of its machine or container.
        boot: The kernel's id of its boot; empty where there is none.
        pid: Process id.
        start: Clock ticks from the boot to its start; empty where they are not told.
    """

    host: str
    boot: str
    pid: int
    start: str

    @classmethod
    def of_this_process(cls) -> Self:
        """This process."""
        return cls(socket.gethostname(), _boot_id(), os.getpid(), _start_of(os.getpid()) or "")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The identity that `str` wrote; None for any other text."""
        host, *rest = text.split("|")
        if len(rest) != 3 or not rest[1].isdecimal():
            return None
        return cls(host, rest[0], int(rest[1]), rest[2])

    def __str__(self) -> str:
        return f"{self.host}|{self.boot}|{self.pid}|{self.start}"

    def is_gone(self) -> bool:
        """Whether the process has ended for certain; what runs on another machine is not known here.

        Containers that share the machine's host name must have a DAGSTER_HOME each: their processes can't be told apart.
        """
        if self.host != socket.gethostname():
            return False
        if self.boot != _boot_id():
            return True
        start = _start_of(self.pid)
        return start is None or start != self.start


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.is_file() else ""


def _start_of(pid: int) -> str | None:
    """Clock ticks from the boot to the start of a process; empty where the system does not tell, None where it is gone."""
    if not _BOOT_ID.is_file():
        return "" if exists(pid) else None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[_START_FIELD]


def exists(pid: int) -> bool:
    """Whether any process has this id on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
