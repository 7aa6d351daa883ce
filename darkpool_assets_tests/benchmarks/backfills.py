"""A backfill of the sample market: by the command line, and through the daemon with several sizes of runs.

    uv run python -m darkpool_assets_tests.benchmarks.backfills --sessions 250 --sizes 30
    uv run python -m darkpool_assets_tests.benchmarks.backfills --sessions 60 --sizes 1,10,30,60

All assets of every session, plots and pages of the last one; wall seconds, and how many verdicts by partition there are.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dagster as dg
import httpx

from darkpool_assets.cli import PROJECT
from darkpool_assets.defs.stale_sessions import DRAWN
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import write_sample_market
from darkpool_assets.tables import TABLES

LOCATION: Final = Path(__file__).with_name("sized_location.py")
CHECKED: Final = dg.AssetCheckKey(dg.AssetKey("daily_metrics"), "data_quality_follows_the_published_week")
UNDRAWN: Final = [*(name for name, table in TABLES.items() if table.stage != "ledger"), "daily_tables"]
LAUNCH: Final = """
    mutation ($assets: [AssetKeyInput!], $days: [String!]) {
      launchPartitionBackfill(backfillParams: {assetSelection: $assets, partitionNames: $days}) {
        __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
      }
    }
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=250)
    parser.add_argument("--sizes", default="30", help="Sessions per run through the daemon, comma-separated; empty: none.")
    parser.add_argument("--no-command", action="store_true", help="Leave the command line out.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        market = SampleMarket(folder=Path(temporary) / "market", sessions=chosen.sessions)
        print(f"writing {chosen.sessions} sessions of the sample market", flush=True)
        write_sample_market(market, progress=lambda *_: None)
        if not chosen.no_command:
            _report("darkpool backfill", *_by_command(market, _fresh(temporary, "command")))
        for size in (int(text) for text in chosen.sizes.split(",") if text):
            _report(f"daemon, {size} sessions a run", *_by_daemon(market, _fresh(temporary, f"daemon{size}"), size=size))


def _report(title: str, seconds: float, verdicts: int) -> None:
    print(f"{title:<32}{seconds:8.0f} s{verdicts:8} sessions with a verdict of their own", flush=True)


def _fresh(temporary: str, name: str) -> Path:
    folder = Path(temporary) / name
    (folder / "dagster_home").mkdir(parents=True)
    shutil.copyfile(PROJECT / "dagster.yaml", folder / "dagster_home" / "dagster.yaml")
    return folder


def _environment(market: SampleMarket, folder: Path) -> dict[str, str]:
    paths = {"DUCKDB_PATH": "darkpool.duckdb", "OUTPUT_DIR": "output", "DAGSTER_HOME": "dagster_home"}
    return os.environ | sample_settings(market) | {name: str(folder / path) for name, path in paths.items()}


def _by_command(market: SampleMarket, folder: Path) -> tuple[float, int]:
    first, last = str(market.trade_sessions[0]), str(market.last_session)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from darkpool_assets.cli import main; main()", "backfill", first, last],
        env=_environment(market, folder), cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - start, _verdicts(folder)


def _by_daemon(market: SampleMarket, folder: Path, *, size: int) -> tuple[float, int]:
    days = [str(day) for day in market.trade_sessions]
    with _dagster_dev(market, folder, size=size) as address:
        start = time.perf_counter()
        _launch(address, UNDRAWN, days)
        _wait_until(lambda: _materialised(folder, "daily_tables") == len(days), what="the tables")
        _wait_until(lambda: _verdicts(folder) == len(days), what="the verdicts")
        _launch(address, list(DRAWN), days[-1:])
        _wait_until(lambda: _materialised(folder, "report_site") == 1, what="the last session's pages")
        return time.perf_counter() - start, _verdicts(folder)


def _launch(address: str, assets: list[str], days: list[str]) -> None:
    variables: dict[str, Any] = {"assets": [{"path": [name]} for name in assets], "days": days}
    answer = httpx.post(f"{address}/graphql", json={"query": LAUNCH, "variables": variables}, timeout=120).json()
    if answer["data"]["launchPartitionBackfill"]["__typename"] != "LaunchBackfillSuccess":
        raise RuntimeError(answer)


@contextmanager
def _dagster_dev(market: SampleMarket, folder: Path, *, size: int) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = _environment(market, folder) | {"SESSIONS_PER_RUN": str(size)}
    command = [sys.executable, "-m", "dagster", "dev", "-f", str(LOCATION), "-h", "127.0.0.1", "-p", str(port)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until(lambda: _answers(address), what=f"dagster dev, see {folder / 'log'}")
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/server_info", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _wait_until(look: Callable[[], bool], *, what: str, seconds: float = 3600) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(1)


def _materialised(folder: Path, asset: str) -> int:
    with dg.DagsterInstance.from_config(str(folder / "dagster_home")) as instance:
        return len(instance.get_materialized_partitions(dg.AssetKey(asset)))


def _verdicts(folder: Path) -> int:
    with dg.DagsterInstance.from_config(str(folder / "dagster_home")) as instance:
        history = instance.event_log_storage.get_asset_check_execution_history(CHECKED, limit=5000)
    return len({record.partition for record in history if record.partition})


if __name__ == "__main__":
    main()
