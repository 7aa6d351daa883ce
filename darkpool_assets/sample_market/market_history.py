"""The whole daily history of a plan, drawn once: sessions, prices and volumes of every security.

It joins the drawn arrays with the calendar and answers by day; nothing else is drawn but the tapes of trades and quotes.
The files modules turn it into published rows.
"""

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.plan import ORIGIN, SampleMarket
from darkpool_assets.sample_market.price_paths import PricePaths, build_price_paths
from darkpool_assets.sample_market.random_streams import Draw, draw_sessions
from darkpool_assets.sample_market.share_volumes import ShareVolumes, build_share_volumes
from darkpool_assets.sample_market.universe import UNIVERSE

_REGULAR_CLOSE_HOUR = 16


@dataclass(frozen=True)
class MarketHistory:
    """Arrays of every session from ORIGIN to the end of the plan's last week.

    Attributes:
        market: The plan.
        sessions: Sessions, oldest first; the index of a session is its number since ORIGIN.
        draws: Standard normal numbers, see draw_sessions.
        prices: Flow, open, high, low, close.
        volumes: Shares in millionths, as the market reported them before any fault of a file.
    """

    market: SampleMarket
    sessions: tuple[dt.date, ...]
    draws: np.ndarray
    prices: PricePaths
    volumes: ShareVolumes

    def number_of(self, day: dt.date) -> int:
        """The number of session `day` since ORIGIN.

        Raises:
            KeyError: `day` is no session of this history.
        """
        number = bisect_left(self.sessions, day)
        if number == len(self.sessions) or self.sessions[number] != day:
            raise KeyError(f"{day} is not a session of the sample market ({self.sessions[0]}..{self.sessions[-1]})")
        return number

    def numbers_of_week(self, monday: dt.date) -> list[int]:
        """The numbers of the week's sessions that lie in this history."""
        return [self.number_of(day) for day in market_calendar.sessions_of_week(monday) if day >= ORIGIN]

    def is_absent_from_short_files(self, security: int, number: int) -> bool:
        """Whether a thin symbol had no off-exchange print that day and so no row in any short file."""
        return UNIVERSE[security].is_thin and self.draws[Draw.OFF_EXCHANGE_SHARE, number, security] < -1.0


def build_market_history(market: SampleMarket) -> MarketHistory:
    """Draw the history of `market`: the same days are the same in every plan of equal seed."""
    monday = market_calendar.week_of(market.last_session)
    sessions = tuple(market_calendar.sessions_between(ORIGIN, monday + dt.timedelta(days=6)))
    draws = draw_sessions(market.seed, sessions, len(UNIVERSE))
    prices = build_price_paths(draws)
    early = np.array([market_calendar.close_time(day).hour < _REGULAR_CLOSE_HOUR for day in sessions])
    volumes = build_share_volumes(draws, prices, sessions=sessions, early=early)
    return MarketHistory(market, sessions, draws, prices, volumes)
