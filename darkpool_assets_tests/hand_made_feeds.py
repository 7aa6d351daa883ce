"""A folder of hand-made feeds in the published formats: three tickers, a few rows a day, quick enough to be made in every test.

The numbers are a plain function of the day, so that a test can say what must be stored; any file can be broken, changed or
left out. Tests of the graph and of the command line make their days of it.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from darkpool_assets import market_calendar
from darkpool_assets.settings import Settings, load_settings

TICKERS = ("SPY", "QQQ", "IWM")
PRICES = {"SPY": 600.0, "QQQ": 500.0, "IWM": 200.0}
START = dt.date(2025, 12, 3)
WEEK = market_calendar.sessions_of_week(dt.date(2025, 12, 8))
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = WEEK
SESSIONS = market_calendar.sessions_between(START, FRIDAY)
PUBLISHED = dt.date(2025, 12, 29)
_NEW_YORK_OPEN_UTC = dt.time(14, 30, tzinfo=dt.UTC)
_TRADES = "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,trf_id,trf_timestamp"  # noqa: E501
_QUOTES = "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,participant_timestamp,sequence_number,sip_timestamp,tape,trf_timestamp"  # noqa: E501


def short_row(day: dt.date, symbol: str) -> tuple[int, int, int]:
    """Short, exempt and total shares of a symbol's day."""
    turn = (day.toordinal() * 7 + len(PRICES) * ord(symbol[0])) % 13
    return 400_000 + 10_000 * turn, 1_000 + turn, 1_000_000 + 5_000 * turn


def close_of(day: dt.date, symbol: str) -> float:
    """Closing price of a symbol's day."""
    return round(PRICES[symbol] * (1 + ((day.toordinal() * 5 + ord(symbol[0])) % 11 - 5) / 1000), 2)


def buys_of(day: dt.date, symbol: str) -> int:
    """How many of the day's ten trades are at the ask."""
    return 2 + (day.toordinal() * 3 + ord(symbol[0])) % 7


@dataclass(frozen=True)
class HandMadeFeeds:
    """Where the files are, and how each is written."""

    folder: Path

    def write_everything(self, days: Sequence[dt.date] = SESSIONS) -> "HandMadeFeeds":
        """Every feed of `days`, the weekly summaries and the constituents."""
        for day in days:
            self.write_short(day)
            self.write_aggregates(day)
            self.write_trades(day)
            self.write_quotes(day)
        self.write_otc(dt.date(2025, 12, 1), published=dt.date(2025, 12, 22))
        self.write_otc(MONDAY, published=PUBLISHED)
        members = "".join(f"SPX_SAMPLE,{symbol},2025-12-01\n" for symbol in ("QQQ", "IWM"))
        self._write("constituents/spx_sample.csv", f"index,symbol,list_date\n{members}")
        return self

    def short_file(self, day: dt.date, family: str = "CNMS") -> Path:
        """Where a short sale file stands."""
        return self.folder / "short" / f"{family}shvol{day:%Y%m%d}.txt"

    def write_short(
        self, day: dt.date, *, family: str = "CNMS", factor: int = 1, trailer: int | None = None, symbols: Sequence[str] = TICKERS
    ) -> Path:
        """A short sale file; `factor` multiplies its volumes, `trailer` overrides its row count."""
        lines = ["Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"]
        for symbol in symbols:
            short, exempt, total = (factor * value for value in short_row(day, symbol))
            lines.append(f"{day:%Y%m%d}|{symbol}|{short}|{exempt}|{total}|Q")
        lines.append(str(len(symbols) if trailer is None else trailer))
        return self._write(f"short/{self.short_file(day, family).name}", "\r\n".join([*lines, ""]))

    def write_aggregates(self, day: dt.date) -> Path:
        """A day-aggregates flat file."""
        midnight = int(dt.datetime.combine(day, dt.time(5), dt.UTC).timestamp()) * 10**9
        lines = ["ticker,volume,open,close,high,low,window_start,transactions"]
        for symbol in TICKERS:
            close = close_of(day, symbol)
            lines.append(f"{symbol},3000000,{close},{close},{close + 1},{close - 1},{midnight},9000")
        return self._write(f"aggs/{day}.csv", "\n".join([*lines, ""]))

    def trades_file(self, day: dt.date) -> Path:
        """Where a trades flat file stands."""
        return self.folder / "trades" / f"{day}.csv"

    def write_trades(self, day: dt.date, *, symbols: Sequence[str] = TICKERS, size: int = 5_000) -> Path:
        """Ten lit trades a ticker, at the ask or at the bid, and an off-exchange print."""
        lines = [_TRADES]
        for symbol in symbols:
            for number in range(10):
                price = close_of(day, symbol) + (0.01 if number < buys_of(day, symbol) else -0.01)
                at = _instant(day, number)
                lines.append(f'{symbol},"37",0,11,{number + 1},{at},{price:.2f},{number},{at},{size},1,,')
            at = _instant(day, 10)
            lines.append(f'{symbol},"",0,4,x,{at},{close_of(day, symbol):.2f},11,{at},70000,1,201,{at}')
        return self._write(f"trades/{day}.csv", "\n".join([*lines, ""]))

    def write_quotes(self, day: dt.date) -> Path:
        """One quote a ticker before the open, one cent either side of the close."""
        lines = [_QUOTES]
        for symbol in TICKERS:
            close, at = close_of(day, symbol), _instant(day, -1)
            lines.append(f'{symbol},11,{close + 0.01:.2f},1,12,{close - 0.01:.2f},1,"",,{at},1,{at},1,')
        return self._write(f"quotes/{day}.csv", "\n".join([*lines, ""]))

    def write_otc(
        self, week: dt.date, *, published: dt.date, updated: dt.date | None = None, factor: float = 1.0, name: str = ""
    ) -> Path:
        """A weekly summary of SPY and QQQ (IWM has no coverage): an ATS and a non-ATS row of each."""
        rows = [
            {
                "issueSymbolIdentifier": symbol, "weekStartDate": str(week), "totalWeeklyShareQuantity": factor * shares,
                "totalWeeklyTradeCount": 1000, "tierIdentifier": "T1", "tierDescription": "NMS Tier 1",
                "summaryTypeCode": code, "productTypeCode": "CTS", "issueName": symbol,
                "initialPublishedDate": str(published), "lastUpdateDate": str(updated or published),
                "lastReportedDate": str(week + dt.timedelta(days=4)),
            }
            for symbol in ("SPY", "QQQ")
            for code, shares in (("ATS_W_SMBL", 2_000_000), ("OTC_W_SMBL", 4_000_000))
        ]  # fmt: skip
        return self._write(f"otc/{name or f'weekly_{week}'}.json", json.dumps(rows))

    def values(self) -> dict[str, str]:
        """The settings that point at these files, offline, as environment variables."""
        return {
            "TICKERS": ",".join(TICKERS), "OFFLINE": "true", "AS_OF": "2026-01-05", "TARGET_DATE": str(FRIDAY),
            "PARTITIONS_START": str(START), "FINRA_SHORT_SALE_DIR": str(self.folder / "short"),
            "FINRA_OTC_DIR": str(self.folder / "otc"), "POLYGON_TRADES_DIR": str(self.folder / "trades"),
            "POLYGON_QUOTES_DIR": str(self.folder / "quotes"), "POLYGON_DAILY_AGG_DIR": str(self.folder / "aggs"),
            "INDEX_CONSTITUENTS_DIR": str(self.folder / "constituents"), "SHORT_Z_WINDOW": "3", "RETURN_Z_WINDOW": "3",
            "LIT_Z_WINDOW": "3", "ZSCORE_MIN_PERIODS": "2", "DUCKDB_PATH": str(self.folder / "darkpool.duckdb"),
            "OUTPUT_DIR": str(self.folder / "output"),
        }  # fmt: skip

    def settings(self, **changes: object) -> Settings:
        """The same as Settings, changed; None takes a value away."""
        values: dict[str, object] = {name.lower(): value for name, value in self.values().items()}
        return load_settings(**{name: value for name, value in (values | changes).items() if value is not None})

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path


def _instant(day: dt.date, seconds: int) -> int:
    """Nanoseconds since 1970 of a moment `seconds` after the open."""
    return int(dt.datetime.combine(day, _NEW_YORK_OPEN_UTC).timestamp() + seconds) * 10**9
