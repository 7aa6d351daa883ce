"""What a sample market covers: folder, sessions, weeks, seed; and the settings that point the product at its files.

No numbers are invented here and nothing is written. market_history.py draws the numbers of a plan, writing.py writes them.
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.universe import INDEX_NAME, TICKERS

ORIGIN: Final = dt.date(2018, 8, 1)
"""First day of every simulated path, whatever the plan: the day of FINRA's first consolidated short file."""


@dataclass(frozen=True)
class SampleMarket:
    """One sample market; equal plans give byte-identical files.

    Attributes:
        folder: Where the files go; folders of other content in it are never touched.
        last_session: Last session of every feed.
        sessions: Sessions with trades and quotes, ending at `last_session`.
        look_back: At least so many earlier sessions have short files and daily aggregates.
        seed: Seed of every draw, 0 or more.
        trades_per_symbol: Average lit trades of a ticker's full day; the most liquid have more, the least fewer.

    Raises:
        ValueError: `last_session` is no NYSE session, a count is too small, or the plan reaches back before ORIGIN.
    """

    folder: Path
    last_session: dt.date = dt.date(2025, 12, 31)
    sessions: int = 30
    look_back: int = 45
    seed: int = 7
    trades_per_symbol: int = 2500

    def __post_init__(self) -> None:
        if not market_calendar.is_session(self.last_session):
            raise ValueError(f"last_session: given {self.last_session}, not an NYSE session")
        if self.sessions < 1 or self.trades_per_symbol < 1 or self.look_back < 0 or self.seed < 0:
            raise ValueError("sessions and trades_per_symbol must be at least 1, look_back and seed at least 0")
        if len(self.trade_sessions) < self.sessions:
            raise ValueError(f"{self.sessions} sessions up to {self.last_session} reach back before {ORIGIN}")

    @property
    def trade_sessions(self) -> list[dt.date]:
        """Sessions with trades and quotes, oldest first."""
        return market_calendar.sessions_between(ORIGIN, self.last_session)[-self.sessions :]

    @property
    def closed_at(self) -> dt.datetime:
        """An instant late on the last session: all of its feeds are posted."""
        return dt.datetime.combine(self.last_session, dt.time(23), ZoneInfo(market_calendar.NEW_YORK))

    @property
    def cheap_sessions(self) -> list[dt.date]:
        """Sessions with short files and daily aggregates: the look-back of the first trade session, and all up to the last."""
        first = self.trade_sessions[0]
        needed = market_calendar.cheap_feed_sessions(first, as_of=first, partitions_start=ORIGIN)[0]
        wanted = market_calendar.sessions_before(first, self.look_back)
        return market_calendar.sessions_between(max(ORIGIN, min([needed, *wanted])), self.last_session)

    @property
    def otc_weeks(self) -> list[dt.date]:
        """Mondays of the weekly OTC files: every week of the cheap sessions and the eight weeks before them."""
        first = market_calendar.otc_weeks_in_reach(self.cheap_sessions[0])[0]
        oldest = max(first, market_calendar.week_of(ORIGIN))
        weeks = (market_calendar.week_of(self.last_session) - oldest).days // 7
        return [oldest + dt.timedelta(weeks=offset) for offset in range(weeks + 1)]


def sample_settings(market: SampleMarket) -> dict[str, str]:
    """Environment values that point the product at the files of `market`, offline and marked as sample data."""
    folder = market.folder.resolve()
    return {
        "TICKERS": ",".join(TICKERS),
        "FINRA_SHORT_SALE_DIR": str(folder / "finra_short"),
        "FINRA_OTC_DIR": str(folder / "finra_otc"),
        "POLYGON_TRADES_DIR": str(folder / "trades"),
        "POLYGON_QUOTES_DIR": str(folder / "quotes"),
        "POLYGON_DAILY_AGG_DIR": str(folder / "day_aggs"),
        "INDEX_CONSTITUENTS_DIR": str(folder / "constituents"),
        "INDEX_PROXY_MAP": json.dumps({INDEX_NAME: "SPY"}),
        "AS_OF": market.last_session.isoformat(),
        "TARGET_DATE": market.last_session.isoformat(),
        "FETCH_MODE": "daily",
        "BACKFILL_COUNT": str(market.sessions),
        "OFFLINE": "true",
        "SAMPLE_DATA": "true",
    }
