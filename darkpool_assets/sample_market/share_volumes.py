"""Daily shares of the sample market: consolidated, off-exchange by reporting facility, short and short exempt.

Counted in whole millionths of a share, because both feeds report six decimals since 2026-02-23 and sums must be exact; whole
shares before that day. No prices and no files; the arrays go to the short, weekly and aggregate files.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from darkpool_assets.sample_market.price_paths import PricePaths
from darkpool_assets.sample_market.random_streams import Draw
from darkpool_assets.sample_market.universe import UNIVERSE

FRACTIONAL_FROM: Final = dt.date(2026, 2, 23)
SHARE: Final = 1_000_000
_EARLY_CLOSE_ACTIVITY: Final = 0.5
_ADF_SYMBOLS: Final = 9
_ADF_DAYS: Final = 4


@dataclass(frozen=True)
class ShareVolumes:
    """Millionths of a share, of shape (sessions, securities), or (facilities Q, B, N, D, sessions, securities).

    For every symbol-day short_exempt <= short <= facility, and the facilities' sum is 35-50% of `consolidated`.
    """

    consolidated: np.ndarray
    facility: np.ndarray
    short: np.ndarray
    short_exempt: np.ndarray


def build_share_volumes(
    draws: np.ndarray, paths: PricePaths, *, sessions: tuple[dt.date, ...], early: np.ndarray
) -> ShareVolumes:
    """Volumes of every security and session.

    Args:
        draws: Standard normal numbers of draw_sessions.
        paths: Prices and flow: both raise volume; distribution raises the short ratio, accumulation the off-exchange share.
        sessions: Sessions of the arrays.
        early: Per session whether it closes early.
    """
    grain = np.array([[1 if day >= FRACTIONAL_FROM else SHARE] for day in sessions])
    grain = np.where([security.is_thin for security in UNIVERSE], SHARE, grain)
    consolidated = _rounded(_activity(draws, paths, early) * SHARE, grain)
    character = np.array([security.character for security in UNIVERSE])
    pull = np.tanh(paths.flow)
    share = np.clip(0.38 + 0.08 * character + 0.02 * pull + 0.01 * draws[Draw.OFF_EXCHANGE_SHARE], 0.355, 0.495)
    facility = _by_facility(_rounded(consolidated * share, grain), draws, grain)
    ratio = np.clip(0.40 + 0.12 * character - 0.05 * pull + 0.025 * draws[Draw.SHORT_RATIO], 0.05, 0.9)
    tilt = 1 + 0.08 * np.array([1.0, -2.0, -1.0, 0.0])[:, None, None] * np.abs(draws[Draw.NEW_YORK_FACILITY])
    short = _rounded(facility * np.clip(ratio * tilt, 0.02, 0.95), grain)
    exempt = _rounded(short * np.clip(0.008 + 0.004 * draws[Draw.SHORT_EXEMPT], 0.0, 0.03), np.full_like(grain, SHARE))
    return ShareVolumes(consolidated, facility, short, exempt)


def _activity(draws: np.ndarray, paths: PricePaths, early: np.ndarray) -> np.ndarray:
    usual = np.array([security.volume for security in UNIVERSE])
    excitement = 0.22 * draws[Draw.VOLUME] + 0.14 * np.abs(paths.surprise) + 0.10 * np.abs(paths.flow) - 0.2
    return usual * np.exp(excitement) * np.where(early, _EARLY_CLOSE_ACTIVITY, 1.0)[:, None]


def _by_facility(total: np.ndarray, draws: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Split `total` over Nasdaq Carteret (most), Nasdaq Chicago, NYSE, and now and then a little to the ADF."""
    chicago = _rounded(total * np.clip(0.04 + 0.02 * draws[Draw.CHICAGO_FACILITY], 0.0, 0.15), grain)
    new_york = _rounded(total * np.clip(0.28 + 0.05 * draws[Draw.NEW_YORK_FACILITY], 0.05, 0.6), grain)
    days, securities = np.indices(total.shape)
    adf = _rounded(np.where((days + securities) % _ADF_SYMBOLS == 0, total * 0.002, 0.0), grain)
    adf[days % _ADF_DAYS > 0] = 0
    return np.stack([total - chicago - new_york - adf, chicago, new_york, adf])


def _rounded(millionths: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Whole multiples of `grain`, never more than given."""
    return np.floor(millionths / grain).astype(np.int64) * grain
