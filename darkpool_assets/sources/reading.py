"""What one source gave for one partition: typed rows and the counts that the ingest ledger keeps.

Files and HTTP clients return the same shape, so that the raw assets do not know where a row came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from darkpool_assets.sources.symbol_records import LeftOut


@dataclass(frozen=True)
class Reading:
    """One source read once.

    Attributes:
        source: File name, dataset or file family, as the ledger shows it.
        rows: Typed rows of the raw table, without the vintage's ingested_at.
        physical_rows: Rows that the source holds, duplicates included.
        expected_rows: Rows that the source announces (trailer, record-total); None where it announces none.
        duplicate_rows: Exact duplicates, kept once.
        dropped_rows: Rows left out by the feed's rule: trades whose price or size is null, not finite, zero or negative;
            weekly OTC rows without a symbol or of the tiers NA and NMS.
        off_session_rows: Rows outside the session window.
        requests: Calls made to the source.
        content_hash: Hash of what was read; equal content has an equal hash.
        failures: Symbol -> what failed; nothing of such a symbol is in `rows`.
        symbols: Tickers that were asked for, where a source is asked for tickers: the reading speaks for these alone.
        left_out: Symbols of a whole-market feed whose rows hold a fault; none of these rows is in `rows`.
        message: What happened, in words, where there is something to say.
    """

    source: str
    rows: pl.DataFrame
    physical_rows: int
    expected_rows: int | None = None
    duplicate_rows: int = 0
    dropped_rows: int = 0
    off_session_rows: int = 0
    requests: int = 0
    content_hash: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()
    left_out: tuple[LeftOut, ...] = ()
    message: str = ""
