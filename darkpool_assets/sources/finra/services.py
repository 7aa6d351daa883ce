"""FINRA over HTTP: the published short files, regShoDaily and the weekly summaries, each as one Reading or more.

Only addresses, filters and "not published yet" are decided here: transport.py makes the calls, query_api.py pages, and the
readers that local files go through read the rows. feeds.py asks this module where no file is configured.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from darkpool_assets.settings import Settings
from darkpool_assets.sources.answer_limits import DEFAULT_LIMITS, Limits
from darkpool_assets.sources.errors import NotPublishedYet, RefusedBySource
from darkpool_assets.sources.finra.auth import FinraAuth
from darkpool_assets.sources.finra.otc_weekly import OtcFields, read_otc_rows, week_source
from darkpool_assets.sources.finra.query_api import Pages, QueryApi
from darkpool_assets.sources.finra.short_daily import read_reg_sho_rows, read_short_content, without_odd_symbols_of_any
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
_WEEK: Final = "weekStartDate"
_SYMBOL: Final = "issueSymbolIdentifier"
_SUMMARY_TYPE: Final = "summaryTypeCode"
_REST_OF_KEY: Final = ("productTypeCode", "issueName")
_HISTORIC: Final = "Historic"
_BLOCKED: Final = 'FINRA blocks this machine, which is not "not published": check its address or proxy.'


class FinraServices:
    """FINRA's file server and Query API, with one client each, made when it is first needed; to be closed."""

    def __init__(self, settings: Settings, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._settings = settings
        self._limits = limits
        self._fields = OtcFields.of(settings)

    @property
    def requests(self) -> int:
        """Requests sent so far: retries and those for tokens among them."""
        return sum(client.requests for client in self._clients())

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients():
            client.close()

    def _clients(self) -> list[Transport]:
        return [self.__dict__[name] for name in ("_files", "_queries") if name in self.__dict__]

    @cached_property
    def _files(self) -> Transport:
        return Transport("FINRA files", hosts={self._settings.finra_short_sale_cdn_url}, limits=self._limits)

    @cached_property
    def _queries(self) -> Transport:
        settings = self._settings
        datasets = [url for url in (settings.finra_otc_url, settings.finra_short_sale_url) if url]
        return Transport(
            "FINRA Query API", auth=_auth_of(settings), hosts=datasets, limits=self._limits,
            pace=Pace(_QUERIES_A_SECOND, seconds=1, what="FINRA's Query API"),
        )  # fmt: skip

    @cached_property
    def _api(self) -> QueryApi:
        settings = self._settings
        return QueryApi(
            self._queries, method=settings.finra_request_method, extra_json=settings.finra_request_json,
            extra_params=settings.finra_request_params,
        )  # fmt: skip

    def short_files(self, day: dt.date) -> list[Reading]:
        """The published short sale files of `day`, one reading per family; together their requests are all that were made.

        Asked for are the consolidated file (before 2018-08-01 the facilities') and FORF; where FINRA has not posted them,
        regShoDaily, if FINRA_SHORT_SALE_URL is set.

        Raises:
            NotPublishedYet: none of them has the day.
            RefusedBySource: a 403 that does not mean "absent", or another refusal.
            MalformedSource, TransientSourceError: see transport.py and short_daily.py.
        """
        before = self.requests
        read = self._published_files(day) or [self._reg_sho_daily(day)]
        first, *others = without_odd_symbols_of_any(read)
        counted = first.requests + sum(reading.requests for reading in others)
        return [replace(first, requests=first.requests + self.requests - before - counted), *others]

    def look_for_short_files(self, day: dt.date) -> None:
        """Return where the short sale files of `day` are out: the first of them, which is read, or rows of regShoDaily.

        Raises:
            NotPublishedYet, RefusedBySource, MalformedSource, TransientSourceError: as short_files.
        """
        if self._short_file(_families_of(day)[0], day):
            return
        url = self._settings.finra_short_sale_url
        if not url or not self._api.has_rows(url, **_reg_sho_of(day)):
            raise _no_short_sale(day, url)

    def weekly_summary(self, week: dt.date, *, today: dt.date, symbols: Sequence[str] | None) -> Reading:
        """The weekly summary rows of `week`, tiers 1 and 2 together; of `symbols` (as OTC spells them) where given.

        Raises:
            NotPublishedYet: FINRA has no row of the week.
            MalformedSource, RefusedBySource, TransientSourceError: see query_api.py.
        """
        before, current = self.requests, self._settings.finra_otc_url
        is_old = week + _HISTORIC_AFTER < today
        for url in dict.fromkeys((historic_url(current), current) if is_old else (current,)):
            pages = self._pages_of_week(url, week, None if symbols is None else frozenset(symbols))
            if any(page.rows.rows for page in pages):
                message = f"{_dataset_of(url)}, tiers {', '.join(OTC_TIERS)}{self._access}"
                return replace(self._weekly_reading(pages, week, today=today), requests=self.requests - before, message=message)
        raise NotPublishedYet(f"FINRA has not published the OTC week of {week} yet.")

    def _published_files(self, day: dt.date) -> list[Reading]:
        readings = [reading for family in _families_of(day) if (reading := self._short_file(family, day))]
        otc_equities = self._short_file(ShortFileFamily.FORF, day) if readings else None
        return [*readings, otc_equities] if otc_equities else readings

    def _short_file(self, family: ShortFileFamily, day: dt.date) -> Reading | None:
        name = f"{family}shvol{day:%Y%m%d}.txt"
        url = f"{self._settings.finra_short_sale_cdn_url.rstrip('/')}/{name}"
        what, before = f"FINRA {name}", self.requests
        try:
            reading = self._files.get(url, what=what, read=lambda answer: read_short_content(answer.content(name), day=day))
        except RefusedBySource as refusal:
            if refusal.status != _FORBIDDEN:
                raise
            if _ABSENT in refusal.body:
                return None
            raise RefusedBySource(what, status=_FORBIDDEN, body=refusal.body, remedy=_BLOCKED) from None
        return replace(reading, requests=self.requests - before, message="published file")

    def _reg_sho_daily(self, day: dt.date) -> Reading:
        url = self._settings.finra_short_sale_url
        pages = self._api.rows(url, **_reg_sho_of(day)) if url else None
        if not pages or not pages.rows.rows:
            raise _no_short_sale(day, url)
        reading = read_reg_sho_rows(JsonRows(f"regShoDaily {day}", pages.rows.rows, {}), day=day)
        return replace(reading, expected_rows=pages.record_total, message=f"regShoDaily{self._access}")

    def _pages_of_week(self, url: str, week: dt.date, symbols: Collection[str] | None) -> list[Pages]:
        """One answer per tier. The historic dataset takes no filter beside week and tier (FINRA's notice of 2021-03-08)."""
        monday, symbol = self._fields.date or _WEEK, self._fields.symbol or _SYMBOL
        among: dict[str, Sequence[str]] = {}
        order: tuple[str, ...] = ()
        if not _is_historic(url):
            among = {_SUMMARY_TYPE: _SUMMED, **({} if symbols is None else {symbol: sorted(symbols)})}
            # FINRA sorts where week and tier are compared with EQUAL under these names (its notice of 2021-02-19).
            order = (symbol, _SUMMARY_TYPE, *_REST_OF_KEY) if monday == _WEEK else ()

        def is_wanted(row: Mapping[str, Any]) -> bool:
            return row.get(_SUMMARY_TYPE) in _SUMMED and (symbols is None or row.get(symbol) in symbols)

        return [
            self._api.rows(
                url, what=f"FINRA {_dataset_of(url)} {week} {tier}", equal={monday: week.isoformat(), "tierIdentifier": tier},
                among=among, sort=order, keep=is_wanted,
            )
            for tier in OTC_TIERS
        ]  # fmt: skip

    def _weekly_reading(self, pages: Sequence[Pages], week: dt.date, *, today: dt.date) -> Reading:
        totals = [page.record_total for page in pages]
        rows = JsonRows(week_source(week), [row for page in pages for row in page.rows.rows], {})
        return replace(
            read_otc_rows(rows, week=week, fields=self._fields, today=today),
            physical_rows=sum(page.received for page in pages),
            expected_rows=None if None in totals else sum(total for total in totals if total is not None),
        )

    @property
    def _access(self) -> str:
        return "" if self._settings.finra_api_key else "; no FINRA_API_KEY: asked without Authorization"


def historic_url(url: str) -> str:
    """The sibling dataset of weeks older than a year.

    >>> historic_url("https://api.finra.org/data/group/otcMarket/name/weeklySummary")
    'https://api.finra.org/data/group/otcMarket/name/weeklySummaryHistoric'
    """
    return url if _is_historic(url) else f"{url.rstrip('/')}{_HISTORIC}"


def _families_of(day: dt.date) -> tuple[ShortFileFamily, ...]:
    return (ShortFileFamily.CNMS,) if day >= FIRST_CONSOLIDATED_FILE else FACILITY_FAMILIES


def _reg_sho_of(day: dt.date) -> dict[str, Any]:
    return {"what": f"FINRA regShoDaily of {day}", "equal": {"tradeReportDate": day.isoformat()}}


def _no_short_sale(day: dt.date, url: str | None) -> NotPublishedYet:
    if url:
        return NotPublishedYet(f"FINRA has neither a short sale file nor regShoDaily rows of {day} yet.")
    return NotPublishedYet(f"FINRA has not posted the short sale file of {day} yet.")


def _is_historic(url: str) -> bool:
    return _dataset_of(url).endswith(_HISTORIC)


def _dataset_of(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]


def _auth_of(settings: Settings) -> FinraAuth | None:
    key, secret = settings.finra_api_key, settings.finra_api_secret
    if not key or not secret:
        return None
    return FinraAuth(key=key.get_secret_value(), secret=secret.get_secret_value(), token_url=settings.finra_token_url)
