"""The words of the product: every label that a stored row or a rendered page may carry, and the disclaimer.

Only names live here; no rule, no threshold and no I/O. Every other module may import it.
"""

from enum import StrEnum
from typing import Final

DISCLAIMER: Final = (
    "FINRA does not publish trade direction for off-exchange volume. Buy/Sell values are inferred estimates derived from "
    "lit-market equity trades and applied proportionally to FINRA OTC volume."
)
SAMPLE_DATA_NOTICE: Final = "SAMPLE DATA"


class DataQuality(StrEnum):
    """Provenance of a row's off-exchange volume: is the FINRA OTC week of its own date known?"""

    OTC_ANCHORED = "OTC_ANCHORED"
    PRE_OTC = "PRE_OTC"


class OtcStatus(StrEnum):
    """Why a row is, or is not yet, anchored to its own OTC week."""

    ANCHORED = "ANCHORED"
    NO_COVERAGE = "NO_COVERAGE"
    NOT_YET_PUBLISHED = "NOT_YET_PUBLISHED"
    OVERDUE = "OVERDUE"


class OtcAllocBasis(StrEnum):
    """What a week's OTC volume was spread over its sessions by."""

    FINRA_DAILY = "FINRA_DAILY"
    POLYGON_DAILY = "POLYGON_DAILY"
    EQUAL = "EQUAL"


class ClassificationRule(StrEnum):
    """How each trade is signed; the names are the papers' names."""

    LEE_READY = "lee_ready"
    QUOTE = "quote"
    EMO = "emo"
    CLNV = "clnv"
    TICK = "tick"


class ClassificationMethod(StrEnum):
    """What the direction of a symbol's day rests on."""

    NBBO = "NBBO"
    MIXED = "MIXED"
    TICK = "TICK"
    BVC = "BVC"
    NONE = "NONE"


class TradeSource(StrEnum):
    """Where rows of polygon_equity_trades_raw and polygon_daily_agg_raw came from."""

    TRADES = "TRADES"
    FLAT_FILE = "FLAT_FILE"
    FILE = "FILE"
    MINUTE_BARS = "MINUTE_BARS"
    GROUPED_DAILY = "GROUPED_DAILY"


class ShortFileFamily(StrEnum):
    """FINRA's daily short sale files; API rows carry the facility's sum."""

    CNMS = "CNMS"
    FNSQ = "FNSQ"
    FNQC = "FNQC"
    FNYX = "FNYX"
    FNRA = "FNRA"
    FORF = "FORF"
    API = "API"


FACILITY_FAMILIES: Final = (ShortFileFamily.FNSQ, ShortFileFamily.FNQC, ShortFileFamily.FNYX, ShortFileFamily.FNRA)


class ShortRatioSource(StrEnum):
    """Which short files a symbol's day rests on: the consolidated file, the facilities' sum, the API or the OTC file."""

    CNMS = "CNMS"
    SUM = "SUM"
    API = "API"
    FORF = "FORF"


class NumeratorType(StrEnum):
    """What short_ratio counts as short."""

    SHORT_PLUS_EXEMPT = "SHORT_PLUS_EXEMPT"
    SHORT = "SHORT"


class DenominatorType(StrEnum):
    """What short_ratio divides by; MIXED only in index rows."""

    FINRA_TOTAL = "FINRA_TOTAL"
    POLYGON_TOTAL = "POLYGON_TOTAL"
    MIXED = "MIXED"


class PressureContext(StrEnum):
    """Short pressure read against the day's price move."""

    NEUTRAL = "NEUTRAL"
    SHORT_INTO_STRENGTH = "SHORT_INTO_STRENGTH"
    SHORT_ON_WEAKNESS = "SHORT_ON_WEAKNESS"
    LOW_SHORT_STRONG_UP = "LOW_SHORT_STRONG_UP"
    LOW_SHORT_SELL_OFF = "LOW_SHORT_SELL_OFF"


class FinalLabel(StrEnum):
    """What the composite of a symbol's day says, inferred and never observed; the first two say why it says nothing."""

    INSUFFICIENT = "INSUFFICIENT"
    UNSTABLE = "UNSTABLE"
    NEUTRAL = "NEUTRAL"
    LEAN_ACCUMULATION = "LEAN_ACCUMULATION"
    LEAN_DISTRIBUTION = "LEAN_DISTRIBUTION"
    INFERRED_ACCUMULATION = "INFERRED_ACCUMULATION"
    INFERRED_DISTRIBUTION = "INFERRED_DISTRIBUTION"


REASONS_SEPARATOR: Final = "; "  # between the sentences of label_reasons


class IndexPriceSource(StrEnum):
    """Whether an index's return is its own or its proxy's."""

    INDEX = "INDEX"
    PROXY = "PROXY"


class SummaryType(StrEnum):
    """The two weekly summary types that are summed: ATS and non-ATS volume per symbol."""

    ATS = "ATS_W_SMBL"
    NON_ATS = "OTC_W_SMBL"


class FetchMode(StrEnum):
    """How TARGET_DATE and BACKFILL_COUNT choose partitions."""

    SINGLE = "single"
    DAILY = "daily"
    WEEKLY = "weekly"


class IngestStatus(StrEnum):
    """How one reading of a feed for one partition ended; PRUNED: what was stored of it has been deleted since."""

    STORED = "STORED"
    UNCHANGED = "UNCHANGED"
    NOT_CONFIGURED = "NOT_CONFIGURED"
    NOT_PUBLISHED = "NOT_PUBLISHED"
    PARTIAL = "PARTIAL"
    DEGRADED = "DEGRADED"
    FAILED = "FAILED"
    PRUNED = "PRUNED"


class RuleState(StrEnum):
    """What a rule says of a day; the values are how screens and pages show it."""

    HOLDS = "holds"
    NOTHING_TO_JUDGE = "nothing to judge"
    WARNS = "warns"
    BROKEN = "broken"


class Severity(StrEnum):
    """ERROR rules gate Phase C; WARN rules inform."""

    ERROR = "ERROR"
    WARN = "WARN"
