"""The securities of the sample market: spelling, tier, tape, and the levels around which their invented numbers move.

Only data lives here; no path, no draw, no file. Names are real so that spellings and tiers look as published; every number
is invented. price_paths.py and share_volumes.py move the levels, the files modules spell the symbols per feed.
XLF is the configured ticker without any weekly OTC row (NO_COVERAGE).
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

TICKERS: Final = ("SPY", "QQQ", "IWM", "XLF", "TLT", "AAPL", "MSFT", "NVDA", "BRK.B", "RGTI")
NO_OTC_COVERAGE: Final = "XLF"
INDEX_NAME: Final = "SPX_SAMPLE"
JOINING_MEMBER: Final = "PLTR"
LEAVING_MEMBER: Final = "INTC"
THIN_SHARES: Final = 100_000
TIER_DESCRIPTIONS: Final = {"T1": "NMS Tier 1", "T2": "NMS Tier 2", "OTCE": "OTC Equity"}
_PRODUCT_TYPES: Final = {1: "CTS", 2: "CTS", 3: "UTP", 0: "OTCE"}
_PRIMARY_EXCHANGES: Final = {1: 10, 2: 11, 3: 12, 0: 62}


@dataclass(frozen=True)
class Security:
    """One security.

    Attributes:
        symbol: Polygon's and the weekly OTC summary's spelling (BRK.B).
        name: Issue name.
        tier: T1, T2 or OTCE.
        tape: 1 (A), 2 (B), 3 (C); 0 for OTC equities, which only FORF and OTCE files carry.
        price: Price around which the path moves, USD.
        volume: Shares of an average day.
        beta: Loading on the market's return.
        volatility: Standard deviation of the daily return that is its own.
        weight: Lit trades relative to the plan's average; 0 for symbols without a tape.
        spread: Usual NBBO spread in cents.
        index_weight: Weight in the sample index; 0 for outsiders.
    """

    symbol: str
    name: str
    tier: str
    tape: int
    price: float
    volume: float
    beta: float
    volatility: float
    weight: float = 0.0
    spread: int = 1
    index_weight: float = 0.0

    @property
    def reg_sho_symbol(self) -> str:
        """Spelling of the short sale files (BRK/B)."""
        return self.symbol.replace(".", "/")

    @property
    def product_type(self) -> str:
        """The productTypeCode of the weekly summary."""
        return _PRODUCT_TYPES[self.tape]

    @property
    def primary_exchange(self) -> int:
        """Polygon's id of the listing exchange."""
        return _PRIMARY_EXCHANGES[self.tape]

    @property
    def is_listed(self) -> bool:
        """Whether the symbol is in the consolidated files and the aggregates."""
        return self.tape > 0

    @property
    def is_thin(self) -> bool:
        """Traded so little that it misses from some days' short files."""
        return self.volume < THIN_SHARES

    @property
    def character(self) -> float:
        """A number in 0..1 that sets the symbol's usual off-exchange share and short ratio apart from others'."""
        return crc32(self.symbol.encode()) % 1000 / 1000


UNIVERSE: Final = (
    Security("SPY", "SPDR S&P 500 ETF Trust", "T1", 2, 640.0, 72e6, 1.0, 0.0005, 2.0, 2),
    Security("QQQ", "Invesco QQQ Trust, Series 1", "T1", 3, 580.0, 48e6, 1.2, 0.003, 1.6, 2),
    Security("IWM", "iShares Russell 2000 ETF", "T1", 2, 238.0, 34e6, 1.2, 0.005, 0.9, 1),
    Security("XLF", "Financial Select Sector SPDR Fund", "T1", 2, 53.0, 41e6, 0.9, 0.004, 0.6, 1),
    Security("TLT", "iShares 20+ Year Treasury Bond ETF", "T1", 3, 89.0, 36e6, -0.2, 0.007, 0.6, 1),
    Security("AAPL", "Apple Inc. Common Stock", "T1", 3, 245.0, 50e6, 1.1, 0.011, 1.2, 1, 6.6),
    Security("MSFT", "Microsoft Corporation Common Stock", "T1", 3, 500.0, 21e6, 1.0, 0.010, 0.9, 3, 6.4),
    Security("NVDA", "NVIDIA Corporation Common Stock", "T1", 3, 180.0, 175e6, 1.7, 0.018, 1.5, 1, 7.2),
    Security("BRK.B", "Berkshire Hathaway Inc. Class B", "T1", 1, 495.0, 4.4e6, 0.7, 0.007, 0.3, 5, 1.7),
    Security("RGTI", "Rigetti Computing, Inc. Common Stock", "T2", 3, 27.0, 45e6, 2.2, 0.055, 0.4, 1),
    Security("DIA", "SPDR Dow Jones Industrial Average ETF Trust", "T1", 2, 460.0, 4e6, 0.9, 0.003),
    Security("XLK", "Technology Select Sector SPDR Fund", "T1", 2, 280.0, 9e6, 1.3, 0.005),
    Security("XLE", "Energy Select Sector SPDR Fund", "T1", 2, 90.0, 16e6, 0.7, 0.010),
    Security("XLV", "Health Care Select Sector SPDR Fund", "T1", 2, 145.0, 11e6, 0.6, 0.006),
    Security("SMH", "VanEck Semiconductor ETF", "T1", 3, 340.0, 8e6, 1.7, 0.010),
    Security("KRE", "SPDR S&P Regional Banking ETF", "T1", 2, 62.0, 14e6, 1.2, 0.011),
    Security("EEM", "iShares MSCI Emerging Markets ETF", "T1", 2, 54.0, 26e6, 0.8, 0.006),
    Security("AMZN", "Amazon.com, Inc. Common Stock", "T1", 3, 225.0, 42e6, 1.3, 0.013, index_weight=3.9),
    Security("META", "Meta Platforms, Inc. Class A Common Stock", "T1", 3, 650.0, 15e6, 1.3, 0.014, index_weight=2.6),
    Security("GOOGL", "Alphabet Inc. Class A Common Stock", "T1", 3, 290.0, 36e6, 1.1, 0.013, index_weight=2.8),
    Security("TSLA", "Tesla, Inc. Common Stock", "T1", 3, 430.0, 82e6, 2.0, 0.025, index_weight=2.1),
    Security("LLY", "Eli Lilly and Company Common Stock", "T1", 1, 950.0, 3.6e6, 0.6, 0.015, index_weight=1.4),
    Security("AVGO", "Broadcom Inc. Common Stock", "T1", 3, 360.0, 24e6, 1.6, 0.018, index_weight=2.6),
    Security("JPM", "JPMorgan Chase & Co. Common Stock", "T1", 1, 310.0, 9e6, 1.0, 0.009, index_weight=1.5),
    Security("V", "Visa Inc. Class A Common Stock", "T1", 1, 345.0, 6e6, 0.8, 0.008, index_weight=1.1),
    Security("XOM", "Exxon Mobil Corporation Common Stock", "T1", 1, 116.0, 15e6, 0.6, 0.010, index_weight=0.9),
    Security("UNH", "UnitedHealth Group Incorporated Common Stock", "T1", 1, 330.0, 8e6, 0.6, 0.016, index_weight=0.6),
    Security("MA", "Mastercard Incorporated Class A Common Stock", "T1", 1, 560.0, 2.8e6, 0.8, 0.008, index_weight=0.9),
    Security("HD", "The Home Depot, Inc. Common Stock", "T1", 1, 370.0, 4e6, 0.9, 0.010, index_weight=0.7),
    Security("PG", "The Procter & Gamble Company Common Stock", "T1", 1, 150.0, 8e6, 0.4, 0.008, index_weight=0.6),
    Security("COST", "Costco Wholesale Corporation Common Stock", "T1", 3, 920.0, 2.2e6, 0.7, 0.009, index_weight=0.8),
    Security("JNJ", "Johnson & Johnson Common Stock", "T1", 1, 190.0, 9e6, 0.4, 0.008, index_weight=0.8),
    Security("ABBV", "AbbVie Inc. Common Stock", "T1", 1, 225.0, 6e6, 0.5, 0.010, index_weight=0.7),
    Security("NFLX", "Netflix, Inc. Common Stock", "T1", 3, 110.0, 34e6, 1.1, 0.014, index_weight=0.9),
    Security("BAC", "Bank of America Corporation Common Stock", "T1", 1, 52.0, 38e6, 1.1, 0.009, index_weight=0.7),
    Security("CRM", "Salesforce, Inc. Common Stock", "T1", 1, 245.0, 7e6, 1.1, 0.014, index_weight=0.5),
    Security("KO", "The Coca-Cola Company Common Stock", "T1", 1, 70.0, 15e6, 0.4, 0.007, index_weight=0.5),
    Security("WMT", "Walmart Inc. Common Stock", "T1", 3, 105.0, 17e6, 0.6, 0.009, index_weight=0.8),
    Security("ORCL", "Oracle Corporation Common Stock", "T1", 1, 230.0, 20e6, 1.3, 0.019, index_weight=0.8),
    Security("CVX", "Chevron Corporation Common Stock", "T1", 1, 153.0, 8e6, 0.6, 0.010, index_weight=0.5),
    Security("MRK", "Merck & Co., Inc. Common Stock", "T1", 1, 95.0, 12e6, 0.4, 0.011, index_weight=0.4),
    Security("AMD", "Advanced Micro Devices, Inc. Common Stock", "T1", 3, 220.0, 48e6, 1.8, 0.022, index_weight=0.6),
    Security("PLTR", "Palantir Technologies Inc. Class A Common Stock", "T1", 3, 175.0, 58e6, 1.8, 0.025, index_weight=0.6),
    Security("INTC", "Intel Corporation Common Stock", "T1", 3, 37.0, 95e6, 1.4, 0.022, index_weight=0.3),
    Security("GME", "GameStop Corp. Class A Common Stock", "T2", 1, 23.0, 8e6, 1.2, 0.025),
    Security("AMC", "AMC Entertainment Holdings, Inc. Class A", "T2", 1, 2.3, 21e6, 1.5, 0.030),
    Security("BF.B", "Brown-Forman Corporation Class B Common Stock", "T1", 1, 29.0, 4e6, 0.5, 0.014),
    Security("NA", "Nano Labs Ltd American Depositary Shares", "T2", 3, 4.2, 420e3, 1.4, 0.040),
    Security("NAN", "Nuveen New York Quality Municipal Income Fund", "T2", 1, 11.4, 130e3, 0.2, 0.004),
    Security("TRUE", "TrueCar, Inc. Common Stock", "T2", 3, 2.2, 900e3, 1.2, 0.025),
    Security("ABRpD", "Arbor Realty Trust 6.375% Series D Preferred", "T2", 1, 17.5, 22e3, 0.3, 0.006),
    Security("AXSpE", "Axis Capital Holdings Limited Series E Preferred", "T2", 1, 20.6, 34e3, 0.3, 0.005),
    Security("CCH.U", "Collier Creek Holdings Units", "T2", 1, 10.3, 9e3, 0.1, 0.003),
    Security("SPCE.WS", "Virgin Galactic Holdings, Inc. Warrants", "T2", 1, 1.4, 48e3, 1.6, 0.050),
    Security("ZYXI", "Zynex, Inc. Common Stock", "T2", 3, 1.9, 300e3, 1.0, 0.035),
    Security("AABB", "Asia Broadband, Inc. Common Stock", "OTCE", 0, 1.6, 2.4e6, 0.5, 0.045),
    Security("NSRGY", "Nestle S.A. Sponsored ADR", "OTCE", 0, 98.0, 900e3, 0.4, 0.009),
    Security("RHHBY", "Roche Holding Ltd. Sponsored ADR", "OTCE", 0, 43.0, 2.1e6, 0.5, 0.010),
    Security("SIEGY", "Siemens AG Sponsored ADR", "OTCE", 0, 135.0, 180e3, 0.9, 0.012),
    Security("TCEHY", "Tencent Holdings Limited Unsponsored ADR", "OTCE", 0, 78.0, 3.4e6, 0.8, 0.018),
)


def position_of(symbol: str) -> int:
    """Column of `symbol` in every per-universe array."""
    return [security.symbol for security in UNIVERSE].index(symbol)
