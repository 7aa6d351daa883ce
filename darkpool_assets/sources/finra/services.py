"""FINRA over HTTP: the published short files, regShoDaily and the weekly summaries, each as one Reading or more.

Only addresses, filters and "not published yet" are decided here: transport.py makes the calls, query_api.py pages, and the
readers that local files go through read the rows. feeds.py asks this module where no file is configured.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self
from urllib.parse import urlsplit

from darkpool_assets.settings import Settings
from darkpool_assets.sources.errors import NotPublishedYet, RefusedBySource
from darkpool_assets.sources.finra.auth import FinraAuth
from darkpool_assets.sources.finra.otc_weekly import OtcFields, read_otc_rows
from darkpool_assets.sources.finra.query_api import Pages, QueryApi
from darkpool_assets.sources.finra.short_daily import read_reg_sho_rows, read_short_content
from darkpool_assets.sources.json_records import JsonRows
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.transport import Pace, Transport
from darkpool_assets.vocabulary import FACILITY_FAMILIES, ShortFileFamily, SummaryType

FIRST_CONSOLIDATED_FILE: Final = dt.date(2018, 8, 1)
OTC_TIERS: Final = ("T1", "T2")
_HISTORIC_AFTER: Final = dt.timedelta(days=330)
_ABSENT: Final = "<Code>AccessDenied</Code>"
_FORBIDDEN: Final = 403
_QUERIES_A_SECOND: Final = 15  # FINRA allows 20
_SUMMED: Final = (SummaryType.ATS.value, SummaryType.NON_ATS.value)


class FinraServices:
    """FINRA's file server and Query API, with one client each; to be closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key, secret = settings.finra_api_key, settings.finra_api_secret
        auth = None
        if key and secret:
            auth = FinraAuth(
                key=key.get_secret_value(), secret=secret.get_secret_value(), token_url=settings.finra_token_url
            )  # fmt: skip
        datasets = [url for url in (settings.finra_otc_url, settings.finra_short_sale_url) if url]
        self._files = Transport("FINRA files", hosts={_origin(settings.finra_short_sale_cdn_url)})
        self._queries = Transport(
            "FINRA Query API", auth=auth, hosts={_origin(url) for url in datasets},
            pace=Pace(_QUERIES_A_SECOND, seconds=1, what="FINRA's Query API"),
        )  # fmt: skip
        self._api = QueryApi(
            self._queries, method=settings.finra_request_method, extra_json=settings.finra_request_json,
            extra_params=settings.finra_request_params,
        )  # fmt: skip
        self._access = "" if auth else "; no FINRA_API_KEY: asked without Authorization"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._files.close()
        self._queries.close()

    def short_files(self, day: dt.date) -> list[Reading]:
        """The published short sale files of `day`, one reading per family.

        Asked for are the consolidated file (before 2018-08-01 the facilities') and FORF; where FINRA has not posted them,
        regShoDaily, if FINRA_SHORT_SALE_URL is set.

        Raises:
            NotPublishedYet: none of them has the day.
            RefusedBySource: a 403 that does not mean "absent", or another refusal.
            MalformedSource, TransientSourceError: see transport.py and short_daily.py.
        """
        is_consolidated = day >= FIRST_CONSOLIDATED_FILE
        families = (ShortFileFamily.CNMS,) if is_consolidated else FACILITY_FAMILIES
        readings = [reading for family in families if (reading := self._short_file(family, day))]
        if not readings:
            return [self._reg_sho_daily(day)]
        otc_equities = self._short_file(ShortFileFamily.FORF, day)
        return [*readings, otc_equities] if otc_equities else readings

    def weekly_summary(self, week: dt.date, *, today: dt.date, symbols: Sequence[str] | None) -> Reading:
        """The weekly summary rows of `week`, tiers 1 and 2 together; of `symbols` (as OTC spells them) where given.

        Raises:
            NotPublishedYet: FINRA has no row of the week.
            MalformedSource, RefusedBySource, TransientSourceError: see query_api.py.
        """
        current = self._settings.finra_otc_url
        is_old = week + _HISTORIC_AFTER < today
        for url in (historic_url(current), current) if is_old else (current,):
            pages = self._pages_of_week(url, week, symbols)
            if rows := [row for page in pages for row in page.rows.rows if self._is_wanted(row, symbols)]:
                return self._weekly_reading(pages, rows, week)
        raise NotPublishedYet(f"FINRA has not published the OTC week of {week} yet.")

    def _short_file(self, family: ShortFileFamily, day: dt.date) -> Reading | None:
        name = f"{family}shvol{day:%Y%m%d}.txt"
        url = f"{self._settings.finra_short_sale_cdn_url.rstrip('/')}/{name}"
        before = self._files.requests
        try:
            reading = self._files.get(
                url, what=f"FINRA {name}", read=lambda answer: read_short_content(answer.content(name), day=day)
            )
        except RefusedBySource as refusal:
            if refusal.status == _FORBIDDEN and _ABSENT in refusal.body:
                return None
            raise
        return replace(reading, requests=self._files.requests - before, message="published file")

    def _reg_sho_daily(self, day: dt.date) -> Reading:
        url = self._settings.finra_short_sale_url
        if not url:
            raise NotPublishedYet(f"FINRA has not posted the short sale file of {day} yet.")
        pages = self._api.rows(url, what=f"FINRA regShoDaily of {day}", equal={"tradeReportDate": day.isoformat()})
        if not pages.rows.rows:
            raise NotPublishedYet(f"FINRA has neither a short sale file nor regShoDaily rows of {day} yet.")
        reading = read_reg_sho_rows(JsonRows(f"regShoDaily {day}", pages.rows.rows, {}), day=day)
        return replace(
            reading, requests=pages.requests, expected_rows=pages.record_total, message=f"regShoDaily{self._access}"
        )  # fmt: skip

    def _pages_of_week(self, url: str, week: dt.date, symbols: Sequence[str] | None) -> list[Pages]:
        """One answer per tier. The historic dataset takes no filter beside week and tier (FINRA's notice of 2021-03-08)."""
        among: dict[str, Sequence[str]] = {}
        if url == self._settings.finra_otc_url:
            among = {"summaryTypeCode": _SUMMED} | ({} if symbols is None else {self._symbol_field: symbols})
        what = f"FINRA {urlsplit(url).path.rsplit('/', 1)[-1]} {week}"
        monday = {self._fields.date or "weekStartDate": week.isoformat()}
        return [
            self._api.rows(url, what=f"{what} {tier}", equal={**monday, "tierIdentifier": tier}, among=among)
            for tier in OTC_TIERS
        ]  # fmt: skip

    def _is_wanted(self, row: Mapping[str, Any], symbols: Sequence[str] | None) -> bool:
        return row.get("summaryTypeCode") in _SUMMED and (symbols is None or row.get(self._symbol_field) in symbols)

    def _weekly_reading(self, pages: Sequence[Pages], rows: Sequence[Mapping[str, Any]], week: dt.date) -> Reading:
        totals = [page.record_total for page in pages]
        return replace(
            read_otc_rows(JsonRows(f"weeklySummary {week}", rows, {}), fields=self._fields),
            physical_rows=sum(len(page.rows.rows) for page in pages),
            expected_rows=None if None in totals else sum(total for total in totals if total is not None),
            requests=sum(page.requests for page in pages),
            message=f"tiers {', '.join(OTC_TIERS)}{self._access}",
        )

    @property
    def _fields(self) -> OtcFields:
        return OtcFields.of(self._settings)

    @property
    def _symbol_field(self) -> str:
        return self._fields.symbol or "issueSymbolIdentifier"


def historic_url(url: str) -> str:
    """The sibling dataset of weeks older than a year.

    >>> historic_url("https://api.finra.org/data/group/otcMarket/name/weeklySummary")
    'https://api.finra.org/data/group/otcMarket/name/weeklySummaryHistoric'
    """
    return url if url.endswith("Historic") else f"{url.rstrip('/')}Historic"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
