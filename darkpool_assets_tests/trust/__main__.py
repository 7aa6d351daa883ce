"""`python -m darkpool_assets_tests.trust --kills N --races N`: prints what went wrong in each trial, and how many went well."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from darkpool_assets_tests.trust.killed_commands import kill_commands
from darkpool_assets_tests.trust.racing_commands import race_commands


def main() -> int:
    """Run the trials; returns 1 where one of them went wrong."""
    parser = argparse.ArgumentParser(prog="python -m darkpool_assets_tests.trust", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="commands killed in the midst")
    parser.add_argument("--races", type=int, default=0, metavar="N", help="pairs of commands over files, and as many over HTTP")
    parser.add_argument("--seed", type=int, default=1, help="draws the moments")
    asked = parser.parse_args()
    ended, bad = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        if asked.kills:
            for kill in kill_commands(asked.kills, Path(folder) / "kills", seed=asked.seed):
                bad += _told(f"killed, {kill.start} folder, within {kill.within or 'no act'}", kill.faults, ended)
        if asked.races:
            for race in race_commands(asked.races, Path(folder) / "races", seed=asked.seed):
                bad += _told(f"raced over {race.over}", race.faults, ended)
    for what, number in sorted(ended.items()):
        print(f"{number:5d}  {what}")
    print(f"{bad:5d}  of them went wrong")
    return 1 if bad else 0


def _told(what: str, faults: tuple[str, ...], ended: Counter[str]) -> int:
    ended[what] += 1
    for fault in faults:
        print(f"{what}: {fault}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
