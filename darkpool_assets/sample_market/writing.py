"""Writes a sample market's files below its folder, marked as invented, and reads back the truth.

The rows come from the files modules; only folders, names and the plan's marker are decided here. The product then reads the
files like any other source (see sample_settings).
"""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import polars as pl

from darkpool_assets.sample_market.constituents import constituents_csv
from darkpool_assets.sample_market.finra_otc_files import OTC_TIERS, otc_file_name, otc_rows, restated_on
from darkpool_assets.sample_market.finra_short_files import short_files
from darkpool_assets.sample_market.market_history import MarketHistory, build_market_history
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.polygon_files import day_aggregates, day_tape, flat_file, trades_decimals
from darkpool_assets.vocabulary import SAMPLE_DATA_NOTICE

Progress = Callable[[str, int, int], None]

_FORMAT_VERSION: Final = 2
_PLAN_FILE: Final = "plan.json"
_NOTICE_FILE: Final = "SAMPLE_DATA.txt"
_FOLDERS: Final = ("finra_short", "finra_otc", "trades", "quotes", "day_aggs", "constituents", "truth")
_NOTICE: Final = (
    f"{SAMPLE_DATA_NOTICE}\n\n"
    "The files in this folder follow published formats, but every number in them is invented by a seeded simulator.\n"
    "They describe no real day, no real price and no real trade of any company or fund named in them.\n"
    "They are deleted and written again when another sample market is asked for in the same place.\n"
)
_Item = TypeVar("_Item")


def write_sample_market(market: SampleMarket, *, progress: Progress | None = None) -> None:
    """Write every file of `market` unless its folder already holds this very plan, complete.

    An interrupted writing has no plan.json and starts over; so does another plan.

    Args:
        market: What to write, and where.
        progress: Called with (stage, done, total) after each day or week of a stage.

    Raises:
        FileExistsError: a folder or file of the market's names is there and no sample market wrote it; nothing was touched.
    """
    if _stored_plan(market.folder) == _plan_text(market):
        return
    _clear(market.folder)
    history, report = build_market_history(market), progress or _silent
    for week in _each(market.otc_weeks, "weekly OTC summaries", report):
        _write_otc_week(history, week)
    for day in _each(market.cheap_sessions, "short files and daily aggregates", report):
        for name, content in short_files(history, day).items():
            _write(market.folder / "finra_short" / f"{day:%Y/%m}" / name, content)
        _write(_day_file(market.folder, "day_aggs", day), flat_file(day_aggregates(history, day)))
    for day in _each(market.trade_sessions, "trades and quotes", report):
        _write_tape(history, day)
    _write(market.folder / "constituents" / "spx_sample.csv", constituents_csv(market).encode())
    unfinished = market.folder / f"{_PLAN_FILE}.part"
    unfinished.write_text(_plan_text(market))
    unfinished.replace(market.folder / _PLAN_FILE)


def true_directions(folder: Path, day: dt.date) -> pl.DataFrame:
    """The truth that a sample market's inference is scored by.

    Returns:
        One row per lit eligible simulated trade of `day`: symbol, timestamp (UTC, ns), sequence_number, exchange, id, size
        (shares), direction (+1 buyer-initiated, -1 seller-initiated).

    Raises:
        FileNotFoundError: the market in `folder` has no trades on `day`.
    """
    return pl.read_parquet(folder / "truth" / f"{day}.parquet")


def _write_otc_week(history: MarketHistory, week: dt.date) -> None:
    for tier in OTC_TIERS:
        restated = restated_on(week, tier)
        for update in (None, restated) if restated else (None,):
            rows = otc_rows(history, week, tier, restated=update)
            path = history.market.folder / "finra_otc" / otc_file_name(week, tier, update)
            _write(path, json.dumps(rows, separators=(",", ":")).encode())


def _write_tape(history: MarketHistory, day: dt.date) -> None:
    folder, tape = history.market.folder, day_tape(history, day)
    _write(_day_file(folder, "trades", day), flat_file(tape.trades, decimals=trades_decimals(day)))
    _write(_day_file(folder, "quotes", day), flat_file(tape.quotes))
    tape.truth.write_parquet(folder / "truth" / f"{day}.parquet")


def _day_file(folder: Path, kind: str, day: dt.date) -> Path:
    return folder / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"


def _clear(folder: Path) -> None:
    """Empty the market's folders, each left with its notice, after making sure that a sample market wrote what is there."""
    folders = [folder / name for name in _FOLDERS]
    found = [place for place in (*folders, folder / _PLAN_FILE) if place.is_file() or (place.is_dir() and any(place.iterdir()))]
    if found and not (folder / _NOTICE_FILE).is_file():
        raise FileExistsError(f"{found[0]} is there, and no sample market wrote it. Choose another folder or move it away.")
    (folder / _PLAN_FILE).unlink(missing_ok=True)
    _write(folder / _NOTICE_FILE, _NOTICE.encode())
    for place in folders:
        if place.is_dir():
            shutil.rmtree(place)
        _write(place / _NOTICE_FILE, _NOTICE.encode())


def _plan_text(market: SampleMarket) -> str:
    plan = {
        "format_version": _FORMAT_VERSION,
        "last_session": market.last_session.isoformat(),
        "sessions": market.sessions,
        "look_back": market.look_back,
        "seed": market.seed,
        "trades_per_symbol": market.trades_per_symbol,
    }
    return json.dumps(plan, indent=2) + "\n"


def _stored_plan(folder: Path) -> str | None:
    path = folder / _PLAN_FILE
    return path.read_text() if path.is_file() else None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _each(items: Sequence[_Item], stage: str, report: Progress) -> Iterable[_Item]:
    for done, item in enumerate(items, start=1):
        yield item
        report(stage, done, len(items))


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody asked for."""
