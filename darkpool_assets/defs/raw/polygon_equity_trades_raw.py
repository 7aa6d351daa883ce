"""polygon_equity_trades_raw: the session window's prints of the configured tickers, with the quote that prevailed.

All venues are stored; which prints are lit is decided by the analytics. Quotes are joined here and not kept.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import dagster as dg
import polars as pl

from darkpool_assets.analytics.prevailing_quote import TAPE_ORDER, attach_streamed_quotes
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.analytics.trade_eligibility import PrintCategory, categorise_prints, drop_repeated_prints, is_identified
from darkpool_assets.defs.daily_asset import FROM_POLYGON, daily_asset, make_sessions
from darkpool_assets.defs.raw.asking_again import TRADES_FINAL_AFTER, Window, newest_reading, settled_tickers
from darkpool_assets.defs.raw.feed_storage import Feed, report_readings
from darkpool_assets.defs.run_options import is_forced
from darkpool_assets.defs.side_by_side import by_memory, one_by_one
from darkpool_assets.settings import Settings
from darkpool_assets.sources.errors import NotPublishedYet
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.polygon.live import NOT_YET
from darkpool_assets.sources.reading import Reading
from darkpool_assets.tables import POLYGON_EQUITY_TRADES_RAW
from darkpool_assets.vocabulary import TradeSource
from darkpool_assets.warehouse import Warehouse

_TABLE: Final = POLYGON_EQUITY_TRADES_RAW.name
_STAYS: Final = "the plan gives less than what is stored, which stays"


@daily_asset(
    _TABLE,
    group="raw",
    owner="ingest",
    kinds={"polygon", "duckdb"},
    tags=FROM_POLYGON,
    description="Polygon trades of the configured tickers inside the session window, each with the last NBBO strictly before it.",
)
def polygon_equity_trades_raw(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    polygon: dg.ResourceParam[PolygonFeeds],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.Output[None]]:
    """One session's prints with their prevailing quotes."""
    tape = _StoredTape(warehouse, polygon, settings, is_forced=is_forced(context))
    feed = Feed(
        _TABLE,
        warehouse,
        lambda day, _look_back: [tape.read(day)],
        ledger_columns=tape.ledger_columns,
        merge=tape.beside_stored,
        is_forced=is_forced(context),
        requests=lambda: polygon.requests,
        is_due=tape.is_due if polygon.trades_are_asked_for else None,
    )
    # A service is asked for many tickers of one day at once, and given up where it is out of reach.
    attempts = one_by_one if polygon.trades_are_asked_for else by_memory(settings)
    yield from make_sessions(
        context, lambda day: report_readings(*feed.store_day(day)), on_failure=feed.record_failure, attempts=attempts
    )


def window_text(window: tuple[dt.datetime, dt.datetime]) -> str:
    """How the ledger spells the session window that the stored prints lie in."""
    return f"session window {window[0]:%H:%M:%S} to {window[1]:%H:%M:%S} UTC"


@dataclass(frozen=True)
class _StoredTape:
    """What of a day's tape is stored, and the reading that completes it: a service is asked for missing tickers only."""

    warehouse: Warehouse
    polygon: PolygonFeeds
    settings: Settings
    is_forced: bool

    def is_due(self, day: dt.date, entries: pl.DataFrame, *, now: dt.datetime) -> bool:  # noqa: ARG002 - one signature
        """Whether a configured ticker's prints are not stored for good."""
        return bool(self._tickers - self._settled(day, self._newest_reading(self.warehouse, day, entries)))

    def read(self, day: dt.date) -> Reading:
        """The prints of the configured tickers; of a service those alone that are not stored for good."""
        settled: set[str] = set()
        if self.polygon.trades_are_asked_for and not self.is_forced:
            settled = self._settled(day, self._newest_reading(self.warehouse, day))
        wanted = sorted(self._tickers - settled)
        window = self.settings.session_window(day)
        reading = self._ask(day, wanted, window=window, has_others=bool(settled))
        rows = drop_repeated_prints(reading.rows)
        return replace(
            reading,
            rows=rows,
            symbols=frozenset(wanted),
            duplicate_rows=reading.duplicate_rows + reading.rows.height - rows.height,
            content_hash=_digest(reading.content_hash, *wanted, str(window)) if reading.content_hash else "",
            message=f"{reading.message}; {window_text(window)}",
        )

    def _ask(self, day: dt.date, wanted: list[str], *, window: Window, has_others: bool) -> Reading:
        """Trades and quotes of `wanted`; where the others are stored, no trade or the failure of all of these is a reading too.

        Raises:
            NotPublishedYet: a service has no trade of the day, or its tape would be cut short, for it is not over.
        """
        if self.polygon.trades_are_asked_for and dt.datetime.now(dt.UTC) < window[1] + TRADES_FINAL_AFTER:
            raise NotPublishedYet(f"The trades of {day} are asked for from {window[1] + TRADES_FINAL_AFTER:%H:%M} UTC on.")
        return self.polygon.quoted_trades(day, symbols=wanted, attach=attach_streamed_quotes, may_be_empty=has_others)

    def ledger_columns(self, reading: Reading) -> dict[str, float | str | None]:
        """What is kept of the prints beyond their pruning: the eligible lit ones, those that nothing identifies, the tickers."""
        is_print = pl.col("data_source") != TradeSource.MINUTE_BARS.value
        prints = reading.rows.filter(is_print, pl.col("symbol").is_in(list(self._tickers)))
        lit = categorise_prints(prints).filter(pl.col("category") == PrintCategory.LIT.value)
        unidentified = reading.rows.filter(is_print, ~is_identified()).height
        # Of a ticker that a file lacks nothing is known; a service that has no trade of it says so.
        tickers = reading.symbols if self.polygon.trades_are_asked_for else reading.symbols & set(reading.rows["symbol"])
        return {
            "lit_rows": lit.height,
            "lit_volume": float(lit["size"].sum()),
            "unidentified_rows": unidentified,
            "symbols": json.dumps(sorted(tickers)),
        }

    @property
    def _tickers(self) -> set[str]:
        return set(spellings_of(self.settings.tickers)["polygon_symbol"])

    def _newest_reading(self, warehouse: Warehouse, day: dt.date, entries: pl.DataFrame | None = None) -> dict[str, Any] | None:
        """The day's newest reading of this session window, if its prints are still stored."""
        if entries is None:
            entries = warehouse.newest_entries("ingest_ledger", day, day, owner=_TABLE, by=["status"])
        newest = newest_reading(entries, mentions=window_text(self.settings.session_window(day)))
        is_pruned = newest and newest["stored_rows"] and not warehouse.stored_days(_TABLE, day, day)
        return None if is_pruned else newest

    def _settled(self, day: dt.date, newest: Mapping[str, Any] | None) -> set[str]:
        if not newest or NOT_YET in newest["message"]:
            return set()
        return settled_tickers(newest, window=self.settings.session_window(day))

    def beside_stored(self, warehouse: Warehouse, day: dt.date, reading: Reading) -> Reading:
        """`reading` with the stored prints of the tickers that it does not replace: not asked for, failed, or better than it.

        Prints of another session window are replaced with the whole day.
        """
        newest = self._newest_reading(warehouse, day)
        if newest is None:
            return reading
        stored = warehouse.read_day(_TABLE, day)
        replaced = reading.symbols - set(reading.failures)
        weaker = _weaker_than(reading.rows, stored) if self.polygon.trades_are_asked_for else set()
        better = dict.fromkeys(replaced & weaker, _STAYS)
        stored = stored.filter(~pl.col("symbol").is_in(list(replaced - set(better))))
        reading = replace(reading, symbols=reading.symbols | self._settled(day, newest))
        if stored.is_empty():
            return reading
        fresh = reading.rows.filter(~pl.col("symbol").is_in(list(better)))
        rows = pl.concat([stored, POLYGON_EQUITY_TRADES_RAW.conform(fresh)]).sort(TAPE_ORDER, maintain_order=True)
        message = f"{reading.message}; {stored['symbol'].n_unique()} tickers as stored before"
        physical = reading.physical_rows - (reading.rows.height - fresh.height) + stored.height
        return replace(reading, rows=rows, physical_rows=physical, message=message, failures={**reading.failures, **better})


def _weaker_than(fresh: pl.DataFrame, stored: pl.DataFrame) -> set[str]:
    """The tickers of which bars would replace prints, or prints without quotes prints with them."""
    of_both = _evidence(fresh).join(_evidence(stored), on="symbol", suffix="_stored")
    return set(of_both.filter(pl.col("evidence") < pl.col("evidence_stored"))["symbol"])


def _evidence(prints: pl.DataFrame) -> pl.DataFrame:
    """One row per ticker: 0 for bars, 1 for prints without any quote, 2 for prints with quotes."""
    are_prints = (pl.col("data_source") != TradeSource.MINUTE_BARS.value).any()
    return prints.group_by("symbol").agg(
        evidence=are_prints.cast(pl.Int8) * (1 + pl.col("bid").is_not_null().any().cast(pl.Int8))
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
