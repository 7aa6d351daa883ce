"""FINRA's weekly OTC summary of the sample market: rows with the Query API's field names, unsorted, per week and tier.

Symbol rows (ATS and non-ATS), firm rows that repeat the same shares, restated copies, a tape change, a re-used ticker, and rows
of the tiers NMS and NA that a reader drops. No disk: writing.py stores the JSON, a server may serve the same rows.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from zlib import crc32

from darkpool_assets import market_calendar
from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.random_streams import stream_of
from darkpool_assets.sample_market.share_volumes import FRACTIONAL_FROM, SHARE
from darkpool_assets.sample_market.universe import NO_OTC_COVERAGE, TIER_DESCRIPTIONS, UNIVERSE, Security
from darkpool_assets.vocabulary import SummaryType

OTC_TIERS: Final = ("T1", "T2", "OTCE")
_FIRMS: Final = {
    SummaryType.ATS: (("SAMPLE ATS ONE", "SMPA", 900001), ("SAMPLE ATS TWO", "SMPB", 900002)),
    SummaryType.NON_ATS: (("SAMPLE WHOLESALER", "SMPW", 900003), ("SAMPLE INTERNALIZER", "SMPI", 900004)),
}
_SHARES_PER_TRADE: Final = {SummaryType.ATS: 190, SummaryType.NON_ATS: 130}
_OTHER_TIERS: Final = {"T1": ("NMS", ("AAPL", "SPY")), "T2": ("NA", ("RGTI",)), "OTCE": ("NA", ())}
_RESTATED_ALWAYS: Final = ("AAPL", "RGTI")
_RESTATED_AFTER_DAYS: Final = 15
_FORMER_ISSUE: Final = "Former Holder of the Symbol, Inc."

OtcRow = dict[str, Any]


def first_published(week: dt.date, tier: str) -> dt.date:
    """When `week` is first published: its Monday + 21 days (22 where that Monday is a market holiday) for T1, + 35 else."""
    due = market_calendar.otc_due_date(week, tier)
    return due + dt.timedelta(days=tier == "T1" and not market_calendar.is_session(due))


def restated_on(week: dt.date, tier: str) -> dt.date | None:
    """When `week` is restated, 15 days after its publication; None for weeks that never are."""
    return first_published(week, tier) + dt.timedelta(days=_RESTATED_AFTER_DAYS) if oddities.is_restated(week) else None


def otc_file_name(week: dt.date, tier: str, restated: dt.date | None = None) -> str:
    """weeklySummary_<monday>_<tier>.json, or the restated copy's name."""
    return f"weeklySummary_{week}_{tier}{f'_restated_{restated}' if restated else ''}.json"


def otc_rows(history: MarketHistory, week: dt.date, tier: str, *, restated: dt.date | None = None) -> list[OtcRow]:
    """Rows of one week and tier in no order, as the Query API answers them.

    Per symbol the ATS and non-ATS rows sum to slightly more than the week's short file totals (prints outside regular hours)
    and to less than its consolidated volume. With `restated` some symbols carry more shares and a later lastUpdateDate.
    """
    summary = _Week.of(history, week, tier)
    rows: list[OtcRow] = []
    for index, security in enumerate(UNIVERSE):
        if security.tier == tier and security.symbol != NO_OTC_COVERAGE:
            update = restated if restated and _is_restated(security.symbol, week) else None
            rows += _symbol_rows(summary, index, update)
    other_tier, symbols = _OTHER_TIERS[tier]
    rows += [{**row, "tierIdentifier": other_tier, "tierDescription": None} for row in rows if _repeats(row, symbols)]
    order = stream_of(history.market.seed, week, f"weeklySummary {tier}").permutation(len(rows))
    return [rows[position] for position in order]


@dataclass(frozen=True)
class _Week:
    """What all rows of one week and tier share; volumes are counted in units of 1 / `units_per_share` shares."""

    history: MarketHistory
    monday: dt.date
    published: dt.date
    last_session: dt.date
    numbers: list[int]
    units_per_share: int

    @classmethod
    def of(cls, history: MarketHistory, monday: dt.date, tier: str) -> Self:
        units = SHARE if monday >= FRACTIONAL_FROM else 1
        last = market_calendar.sessions_of_week(monday)[-1]
        return cls(history, monday, first_published(monday, tier), last, history.numbers_of_week(monday), units)


def _repeats(row: OtcRow, symbols: tuple[str, ...]) -> bool:
    return row["issueSymbolIdentifier"] in symbols and row["summaryTypeCode"] == SummaryType.ATS


def _is_restated(symbol: str, week: dt.date) -> bool:
    return symbol in _RESTATED_ALWAYS or _spread_of(symbol, week, 8) == 0


def _spread_of(symbol: str, week: dt.date, size: int) -> int:
    """A number in 0..size-1 that differs from symbol to symbol and week to week."""
    return crc32(f"{symbol} {week}".encode()) % size


def _off_exchange_units(summary: _Week, index: int, *, is_restated: bool) -> int:
    """Units of one symbol's week: 2-5% and one unit above what its short files add up to; restated 0.4% more."""
    history, symbol = summary.history, UNIVERSE[index].symbol
    numbers = [number for number in summary.numbers if not history.is_absent_from_short_files(index, number)]
    total = int(history.volumes.facility[:, numbers, index].sum()) * summary.units_per_share // SHARE
    units = total + total * (20 + _spread_of(symbol, summary.monday, 30)) // 1000 + 1
    return units + units // 250 if is_restated else units


def _symbol_rows(summary: _Week, index: int, update: dt.date | None) -> Iterator[OtcRow]:
    security, units = UNIVERSE[index], _off_exchange_units(summary, index, is_restated=update is not None)
    ats = units * (260 + _spread_of(security.name, summary.monday, 120)) // 1000
    price = float(summary.history.prices.close[summary.numbers[-1], index]) / 100
    for summary_type, leg in ((SummaryType.ATS, ats), (SummaryType.NON_ATS, units - ats)):
        blank = _blank_row(summary, security, summary_type, update)
        for name, product_type, part in _issues(security, summary.monday, leg):
            yield {**blank, "issueName": name, "productTypeCode": product_type, **_totals(summary, summary_type, part, price)}
        for (firm, mpid, crd), part in zip(_FIRMS[summary_type], (leg // 3, leg - leg // 3), strict=True):
            named = {"marketParticipantName": firm, "MPID": mpid, "firmCRDNumber": crd, "summaryTypeCode": f"{summary_type}_FIRM"}
            yield {**blank, **named, **_totals(summary, summary_type, part, price)}


def _issues(security: Security, week: dt.date, leg: int) -> list[tuple[str, str, int]]:
    """(issue name, product type, units) of each row of one leg."""
    name, product_type = security.name, security.product_type
    if oddities.changes_tape(security.symbol, week):
        return [(name, product_type, leg * 2 // 5), (name, "UTP", leg - leg * 2 // 5)]
    if oddities.is_reused_ticker(security.symbol, week):
        return [(name, product_type, leg), (_FORMER_ISSUE, product_type, leg // 50)]
    return [(name, product_type, leg)]


def _totals(summary: _Week, summary_type: SummaryType, units: int, price: float) -> OtcRow:
    whole, fraction = divmod(units, summary.units_per_share)
    return {
        "totalWeeklyTradeCount": whole // _SHARES_PER_TRADE[summary_type] + 1,
        "totalWeeklyShareQuantity": units / summary.units_per_share if fraction else whole,
        "totalNotionalSum": round(whole * price),
    }


def _blank_row(summary: _Week, security: Security, summary_type: SummaryType, update: dt.date | None) -> OtcRow:
    return {
        "issueSymbolIdentifier": security.symbol,
        "issueName": security.name,
        "firmCRDNumber": None,
        "MPID": None,
        "marketParticipantName": None,
        "tierIdentifier": security.tier,
        "tierDescription": TIER_DESCRIPTIONS[security.tier],
        "summaryStartDate": summary.monday.isoformat(),
        "weekStartDate": summary.monday.isoformat(),
        "summaryTypeCode": str(summary_type),
        "productTypeCode": security.product_type,
        "initialPublishedDate": summary.published.isoformat(),
        "lastUpdateDate": (update or summary.published).isoformat(),
        "lastReportedDate": summary.last_session.isoformat(),
    }
