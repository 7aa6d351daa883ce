"""How every benchmark measures: contestants side by side in one run, medians, and memory in a process of its own.

What is measured stands in the other modules. Processor time counts every thread of the process, so that a library that
spreads over the cores is not flattered.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024  # bytes


@dataclass(frozen=True)
class Cost:
    """What one call took."""

    wall: float
    cpu: float
    start_bytes: int
    peak_bytes: int


def round_robin(contestants: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Median processor seconds of each contestant; they take turns, so that a slow moment hits all of them."""
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def cost_of(run: Callable[..., object], *args: object) -> tuple[object, Cost]:
    """What `run(*args)` returns and costs in a fresh process; both must be importable and picklable."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, run, args).result()


def _measured(run: Callable[..., object], args: tuple[object, ...]) -> tuple[object, Cost]:
    start_bytes, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    result = run(*args)
    return result, Cost(time.perf_counter() - wall, time.process_time() - cpu, start_bytes, _peak())


def _peak() -> int:
    # On Linux the usage of a process begins with its parent's peak; the kernel's own mark begins with the process.
    if _STATUS.exists():
        mark = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(mark.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
