"""The Query API's datasets of the sample market: weeklySummary, weeklySummaryHistoric and regShoDaily.

Which weeks and days each holds at the server's instant, and which filters each allows; rows come from published_market.py, the
language of requests is finra_query.py's. The answers are finra_services.py's.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from zlib import crc32

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.finra_otc_files import OTC_TIERS
from darkpool_assets.sample_market.finra_query import BadQuery, Query, Row
from darkpool_assets.sample_market.finra_short_files import ShortRow
from darkpool_assets.sample_market.published_market import PublishedMarket
from darkpool_assets.sample_market.share_volumes import SHARE
from darkpool_assets.vocabulary import FACILITY_FAMILIES, ShortFileFamily

WEEKLY_FIELDS: Final = (
    "issueSymbolIdentifier", "issueName", "firmCRDNumber", "MPID", "marketParticipantName", "tierIdentifier",
    "tierDescription", "summaryStartDate", "weekStartDate", "summaryTypeCode", "productTypeCode", "totalWeeklyTradeCount",
    "totalWeeklyShareQuantity", "totalNotionalSum", "initialPublishedDate", "lastUpdateDate", "lastReportedDate",
)  # fmt: skip
SHORT_FIELDS: Final = (
    "tradeReportDate", "securitiesInformationProcessorSymbolIdentifier", "shortParQuantity", "shortExemptParQuantity",
    "totalParQuantity", "marketCode", "reportingFacilityCode",
)  # fmt: skip
_FACILITY_CODES: Final = {"Q": "NQTRF", "B": "NCTRF", "N": "NYTRF", "D": "ADF", "O": "ORF"}
_PARTITIONS: Final = ("weekStartDate", "historicalWeek", "historicalMonth")
_MONTH_FORMS: Final = ("%Y-%m", "%Y-%b")
_HISTORIC_YEARS: Final = 4

RowsOf = Callable[[PublishedMarket, Query, dt.datetime], list[Row]]


@dataclass(frozen=True)
class Dataset:
    """One dataset: its fields in the order of the CSV, and the rows that a query finds in it at an instant."""

    fields: tuple[str, ...]
    rows_of: RowsOf


def datasets() -> dict[str, Dataset]:
    """The datasets by their name in the address."""
    return {
        "weeklySummary": Dataset(WEEKLY_FIELDS, _weekly_rows),
        "weeklySummaryHistoric": Dataset(WEEKLY_FIELDS, _historic_rows),
        "regShoDaily": Dataset(SHORT_FIELDS, _short_rows),
    }


def _weekly_rows(market: PublishedMarket, query: Query, now: dt.datetime) -> list[Row]:
    """Weeks of the last 12 months."""
    query.check_fields(WEEKLY_FIELDS)
    today = market_calendar.new_york_date(now)
    pinned = query.pinned("weekStartDate")
    weeks = [week for week in market.otc_weeks if week >= _years_before(today, 1) and (not pinned or str(week) in pinned)]
    return query.matching(_rows_of_weeks(market, weeks, today), alphabet="issueSymbolIdentifier")


def _historic_rows(market: PublishedMarket, query: Query, now: dt.datetime) -> list[Row]:
    """Weeks older than 12 months, up to four years; one partition and a tier are all that may be asked for."""
    query.check_fields((*WEEKLY_FIELDS, "historicalWeek", "historicalMonth"))
    partitions = [part for part in query.filters if part.field in _PARTITIONS]
    if len(partitions) != 1 or partitions[0].kind != "EQUAL":
        raise BadQuery(f"Exactly one of {', '.join(_PARTITIONS)} must be given, as an EQUAL compareFilter.")
    others = tuple(part for part in query.filters if part not in partitions)
    if refused := sorted({part.field for part in others} - {"tierIdentifier"}):
        raise BadQuery(f"Filtering by {', '.join(refused)} is not supported.")
    if query.sort_fields:
        raise BadQuery("sortFields is not supported.")
    today = market_calendar.new_york_date(now)
    is_asked = _partition(partitions[0].field, str(partitions[0].values[0]))
    weeks = [week for week in market.otc_weeks if _years_before(today, _HISTORIC_YEARS) <= week < _years_before(today, 1)]
    rows = _rows_of_weeks(market, filter(is_asked, weeks), today)
    return replace(query, filters=others).matching(rows, alphabet="issueSymbolIdentifier")


def _partition(field: str, value: str) -> Callable[[dt.date], bool]:
    """Whether a week belongs to the partition `value`: a week's Monday (ISO), or a month such as 2024-03 or 2024-Mar."""
    if field == "historicalMonth":
        return lambda week: value in {week.strftime(form) for form in _MONTH_FORMS}
    return lambda week: value[:10] == str(week)


def _rows_of_weeks(market: PublishedMarket, weeks: Iterable[dt.date], today: dt.date) -> Iterator[Row]:
    """Rows of `weeks` as they stand `today`, weeks and rows in no order, but the same each time."""
    for week in sorted(weeks, key=lambda week: crc32(str(week).encode())):
        for tier in OTC_TIERS:
            yield from market.otc_rows(week, tier, on=today)


def _short_rows(market: PublishedMarket, query: Query, now: dt.datetime) -> list[Row]:
    """One row per symbol and facility of each posted session of the last year."""
    query.check_fields(SHORT_FIELDS)
    first, pinned = _years_before(market_calendar.new_york_date(now), 1), query.pinned("tradeReportDate")
    days = [day for day in market.short_sessions(now) if day >= first and (not pinned or str(day) in pinned)]
    rows = (row for day in days for row in _facility_rows(market, day))
    return query.matching(rows, alphabet="securitiesInformationProcessorSymbolIdentifier")


def _facility_rows(market: PublishedMarket, day: dt.date) -> list[Row]:
    families = market.short_rows(day)
    rows = [row for family in (*FACILITY_FAMILIES, ShortFileFamily.FORF) for row in families[family]]
    return [_short_row(row, day) for row in sorted(rows, key=lambda row: crc32(f"{row.symbol} {row.market}".encode()))]


def _short_row(row: ShortRow, day: dt.date) -> dict[str, Any]:
    shares = [whole if not part else millionths / SHARE for millionths in row[1:4] for whole, part in [divmod(millionths, SHARE)]]
    values = (day.isoformat(), row.symbol, *shares, row.market, _FACILITY_CODES[row.market])
    return dict(zip(SHORT_FIELDS, values, strict=True))


def _years_before(day: dt.date, years: int) -> dt.date:
    """The same day `years` earlier; 28 February for a leap day."""
    last_day = min(day.day, 28) if day.month == 2 else day.day
    return day.replace(year=day.year - years, day=last_day)
