"""Entries of the ledgers: what a reading of a feed gave, and what a derivation rested on.

Raw assets write ingest entries, derived assets write derivation entries; a failed newest entry keeps later assets from
pretending that a day without data is a day without events.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.settings import Settings
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.symbol_records import LeftOut
from darkpool_assets.tables import DERIVATION_LEDGER, INGEST_LEDGER, LIT_DIRECTION_DAILY, POLYGON_EQUITY_TRADES_RAW, TABLES
from darkpool_assets.vocabulary import IngestStatus
from darkpool_assets.warehouse import Warehouse

Window = tuple[dt.datetime, dt.datetime]

DECIDING_SETTINGS: Final = frozenset(
    {
        "min_lit_volume", "classification_rule", "short_ratio_numerator", "short_z_window", "return_z_window", "lit_z_window",
        "zscore_min_periods", "return_z_min", "short_z_high", "short_z_low", "pressure_sign", "rth_start", "rth_end", "market_tz",
        "index_proxy_map", "index_constituents_file", "index_constituents_dir", "finra_otc_file", "finra_otc_dir",
        "finra_short_sale_file", "finra_short_sale_dir", "polygon_trades_file", "polygon_trades_dir", "polygon_quotes_file",
        "polygon_quotes_dir", "polygon_daily_agg_file", "polygon_daily_agg_dir",
    }
)  # fmt: skip
_TRADES: Final = POLYGON_EQUITY_TRADES_RAW.name
_WHOLE: Final = (IngestStatus.STORED.value, IngestStatus.UNCHANGED.value)


class UpstreamFailed(Exception):
    """An asset that this one rests on failed for the day; what is stored of it may be missing or old.

    Attributes:
        root: Raw table or asset whose failure is the cause; None where none failed, as when rows are only absent.
    """

    def __init__(self, message: str, *, root: str | None = None) -> None:
        self.root = root
        super().__init__(message)


def deciding_settings(settings: Settings) -> dict[str, Any]:
    """The settings that decide a derived day's numbers: rules, thresholds, and where its feeds come from."""
    return settings.model_dump(mode="json", include=set(DECIDING_SETTINGS))


def utc_now() -> dt.datetime:
    """The moment, UTC, naive as the warehouse stores it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def ingest_entry(
    feed: str, day: dt.date, reading: Reading, *, status: IngestStatus, at: dt.datetime, **extra: float | str | None
) -> pl.DataFrame:
    """One ingest_ledger row of a reading; files that were read together carry one moment, `extra` sets further columns."""
    return INGEST_LEDGER.conform(
        pl.DataFrame(
            [
                {
                    "feed": feed,
                    "partition_date": day,
                    "source": reading.source,
                    "status": (IngestStatus.PARTIAL if reading.failures else status).value,
                    "physical_rows": reading.physical_rows,
                    "expected_rows": reading.expected_rows,
                    "stored_rows": reading.rows.height,
                    "duplicate_rows": reading.duplicate_rows,
                    "dropped_rows": reading.dropped_rows,
                    "off_session_rows": reading.off_session_rows,
                    "requests": reading.requests,
                    "failures": json.dumps(dict(reading.failures), sort_keys=True) if reading.failures else None,
                    "left_out": left_out_as_json(reading.left_out),
                    "content_hash": reading.content_hash,
                    "message": reading.message,
                    "at": at,
                    **extra,
                }
            ]
        )
    )


def left_out_as_json(left_out: Collection[LeftOut]) -> str | None:
    """The left-out symbols of a reading as the ledger keeps them; null where there is none."""
    return json.dumps([asdict(one) for one in left_out], default=str) if left_out else None


def left_out_of_json(text: str) -> list[LeftOut]:
    """The left-out symbols that left_out_as_json wrote."""
    rows = json.loads(text)
    return [LeftOut(**{**row, "week": dt.date.fromisoformat(row["week"]) if row["week"] else None}) for row in rows]


def event_entry(
    feed: str,
    day: dt.date,
    *,
    source: str,
    status: IngestStatus,
    message: str,
    requests: int = 0,
    failures: Mapping[str, str] | None = None,
    left_out: Collection[LeftOut] = (),
) -> pl.DataFrame:
    """One ingest_ledger row of something other than a reading: not configured, not published, failed."""
    row = {
        "feed": feed,
        "partition_date": day,
        "source": source,
        "status": status.value,
        "message": message,
        "at": utc_now(),
        "requests": requests,
        "failures": json.dumps(failures, sort_keys=True) if failures else None,
        "left_out": left_out_as_json(left_out),
    }
    return INGEST_LEDGER.conform(pl.DataFrame([row], schema_overrides={"failures": pl.String(), "left_out": pl.String()}))


def derivation_entry(
    asset: str, day: dt.date, *, settings: Settings, as_of: dt.date, status: IngestStatus, stored: int = 0, message: str = "",
    made_of: Mapping[str, str] | None = None, caused_by: str | None = None,
) -> pl.DataFrame:  # fmt: skip
    """One derivation_ledger row: the tickers and the settings that decided the numbers."""
    return DERIVATION_LEDGER.conform(
        pl.DataFrame(
            [
                {
                    "asset": asset,
                    "date": day,
                    "status": status.value,
                    "tickers": json.dumps(settings.tickers),
                    "settings": json.dumps(deciding_settings(settings), sort_keys=True),
                    "made_of": json.dumps(dict(made_of), sort_keys=True) if made_of else None,
                    "stored_rows": stored,
                    "message": message,
                    "caused_by": caused_by,
                    "inference_version": settings.inference_version,
                    "as_of": as_of,
                    "at": utc_now(),
                }
            ]
        )
    )


def derived_window(entry: pl.DataFrame, day: dt.date) -> Window:
    """First and last instant of the session window under which `day` was derived, as its derivation ledger row says."""
    then = json.loads(entry["settings"][0])
    return market_calendar.session_window(
        day,
        rth_start=dt.time.fromisoformat(then["rth_start"]),
        rth_end=dt.time.fromisoformat(then["rth_end"]),
        market_tz=then["market_tz"],
    )


def are_trades_pruned(warehouse: Warehouse, day: dt.date) -> bool:
    """Whether the raw trades of `day` were pruned and have not been read again whole: what was derived of them stands."""
    entries = warehouse.newest_entries("ingest_ledger", day, day, owner=_TRADES, by=["status"])
    decisive = entries.filter(pl.col("status").is_in([*_WHOLE, IngestStatus.PRUNED.value])).sort("at")
    return decisive.height > 0 and decisive["status"][-1] == IngestStatus.PRUNED


def refuse_after_failure(warehouse: Warehouse, day: dt.date, *, feeds: tuple[str, ...]) -> None:
    """Raise when the newest reading of a feed for `day` failed; of pruned trades none is needed.

    Raises:
        UpstreamFailed: names the feeds and their errors; the first one is the root.
    """
    newest = warehouse.newest_entries("ingest_ledger", day, day, by=["feed"])
    failed = newest.filter(pl.col("feed").is_in(list(feeds)), pl.col("status") == IngestStatus.FAILED.value)
    if _TRADES in failed["feed"] and are_trades_pruned(warehouse, day):
        failed = failed.filter(pl.col("feed") != _TRADES)
    if failed.height:
        words = "; ".join(f"{row['feed']}: {row['message']}" for row in failed.iter_rows(named=True))
        raise UpstreamFailed(f"{day}: {words}", root=failed["feed"][0])


def refuse_after_failed_derivation(warehouse: Warehouse, day: dt.date, *, assets: tuple[str, ...], version: str) -> None:
    """Raise when the newest derivation of an asset for `day` failed.

    Raises:
        UpstreamFailed: names the asset at the root of that failure, and its error.
    """
    for asset in assets:
        newest = warehouse.newest_entries("derivation_ledger", day, day, owner=asset, by=["inference_version"])
        newest = newest.filter(pl.col("inference_version") == version)
        if newest.is_empty() or newest["status"][0] != IngestStatus.FAILED or _stands(warehouse, asset, day, version=version):
            continue
        cause = newest["caused_by"][0]
        message = standing_failure(warehouse, day, cause, version=version) if cause else None
        root, words = (cause, message) if message else (asset, newest["message"][0])
        raise UpstreamFailed(f"{day}: {root}: {words}", root=root)


def standing_failure(warehouse: Warehouse, day: dt.date, name: str, *, version: str) -> str | None:
    """What the newest entry of a raw table or an asset says when it is a failure of `day`; None when it is not."""
    if name in TABLES and TABLES[name].stage == "raw":
        newest = warehouse.newest_entries("ingest_ledger", day, day, owner=name, by=["feed"])
    else:
        entries = warehouse.newest_entries("derivation_ledger", day, day, owner=name, by=["inference_version"])
        newest = entries.filter(pl.col("inference_version") == version)
    failed = newest.filter(pl.col("status") == IngestStatus.FAILED.value)
    return failed["message"][0] if failed.height else None


def _stands(warehouse: Warehouse, asset: str, day: dt.date, *, version: str) -> bool:
    """Whether the stored direction is the last word, whatever was tried since: its trades were pruned once it was settled."""
    is_direction = asset == LIT_DIRECTION_DAILY.name
    return (
        is_direction
        and are_trades_pruned(warehouse, day)
        and bool(warehouse.stored_days(asset, day, day, inference_version=version))
    )
