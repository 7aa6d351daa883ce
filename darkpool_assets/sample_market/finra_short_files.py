"""FINRA's daily short sale files of the sample market: rows per family, and the bytes as FINRA publishes them.

CRLF, header, bare row count as last line; six decimals where a volume is fractional. No paths and no disk: writing.py stores
the bytes, a server may serve the same rows.
"""

import datetime as dt
from typing import Final, NamedTuple

from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.share_volumes import SHARE
from darkpool_assets.sample_market.universe import UNIVERSE
from darkpool_assets.vocabulary import FACILITY_FAMILIES, ShortFileFamily

_HEADER: Final = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"
_MARKET_CODES: Final = ("Q", "B", "N", "D")
_CODE_ORDER: Final = ("B", "Q", "N", "D")
_DUPLICATED: Final = (ShortFileFamily.CNMS, ShortFileFamily.FNYX, ShortFileFamily.FORF)


class ShortRow(NamedTuple):
    """One row of a short sale file; volumes in millionths of a share."""

    symbol: str
    short: int
    short_exempt: int
    total: int
    market: str


def short_file_name(family: ShortFileFamily, day: dt.date) -> str:
    """The published name, such as CNMSshvol20251231.txt."""
    return f"{family}shvol{day:%Y%m%d}.txt"


def short_rows(history: MarketHistory, day: dt.date) -> dict[ShortFileFamily, list[ShortRow]]:
    """One row per symbol and family of `day`, sorted by symbol: CNMS, its four facilities, and FORF.

    CNMS is the facilities' sum exactly; FORF holds the OTC equities and nothing else. FNRA is empty on most days.
    """
    number = history.number_of(day)
    rows: dict[ShortFileFamily, list[ShortRow]] = {ShortFileFamily.CNMS: []}
    rows.update({family: [] for family in (*FACILITY_FAMILIES, ShortFileFamily.FORF)})
    for index, security in enumerate(UNIVERSE):
        if history.is_absent_from_short_files(index, number):
            continue
        reports = _facility_rows(history, index, number)
        if not security.is_listed:
            rows[ShortFileFamily.FORF].append(_sum_of(reports, "O"))
            continue
        rows[ShortFileFamily.CNMS].append(_sum_of(reports, ",".join(code for code in _CODE_ORDER if code in _codes(reports))))
        for row in reports:
            rows[FACILITY_FAMILIES[_MARKET_CODES.index(row.market)]].append(row)
    return {family: sorted(listed) for family, listed in rows.items()}


def short_files(history: MarketHistory, day: dt.date) -> dict[str, bytes]:
    """Published name -> bytes of the six files of `day`; on some days one of them repeats a row exactly, and counts it."""
    number = history.number_of(day)
    files = {}
    for family, rows in short_rows(history, day).items():
        if family == oddities.duplicated_family(number, _DUPLICATED):
            rows.insert(number % len(rows), rows[number % len(rows)])
        files[short_file_name(family, day)] = _published(rows, day)
    return files


def _facility_rows(history: MarketHistory, index: int, number: int) -> list[ShortRow]:
    volumes, symbol = history.volumes, UNIVERSE[index].reg_sho_symbol
    if oddities.has_zero_short_total(symbol, number):
        return [ShortRow(symbol, 0, 0, 0, _MARKET_CODES[0])]
    at = (slice(None), number, index)
    reports = zip(volumes.short[at], volumes.short_exempt[at], volumes.facility[at], _MARKET_CODES, strict=True)
    return [ShortRow(symbol, int(short), int(exempt), int(total), code) for short, exempt, total, code in reports if total]


def _codes(rows: list[ShortRow]) -> set[str]:
    return {row.market for row in rows}


def _sum_of(rows: list[ShortRow], market: str) -> ShortRow:
    short, exempt = sum(row.short for row in rows), sum(row.short_exempt for row in rows)
    return ShortRow(rows[0].symbol, short, exempt, sum(row.total for row in rows), market)


def _published(rows: list[ShortRow], day: dt.date) -> bytes:
    lines = [_HEADER]
    for row in rows:
        volumes = "|".join(_shares_text(value) for value in (row.short, row.short_exempt, row.total))
        lines.append(f"{day:%Y%m%d}|{row.symbol}|{volumes}|{row.market}")
    return "\r\n".join([*lines, str(len(rows)), ""]).encode("ascii")


def _shares_text(millionths: int) -> str:
    whole, fraction = divmod(millionths, SHARE)
    return f"{whole}.{fraction:06d}" if fraction else str(whole)
