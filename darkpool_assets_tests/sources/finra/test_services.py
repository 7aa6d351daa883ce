"""FINRA's services on the sample market's server: which dataset and which file is asked, and what each reading says of it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from darkpool_assets.sample_market.finra_services import CDN_PATH, DATA_PATH, TOKEN_PATH
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.published_market import PublishedMarket
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import EmptyAnswer, Terms
from darkpool_assets.settings import load_settings
from darkpool_assets.sources.errors import IncompleteSource, NotPublishedYet, PermanentSourceError, RateLimited, RefusedBySource
from darkpool_assets.sources.finra import services
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.finra.services import FinraServices
from darkpool_assets.vocabulary import ShortFileFamily

DAY = dt.date(2025, 12, 12)
WEEK = dt.date(2025, 11, 17)
TODAY, A_YEAR_OLD, TWO_YEARS_OLD = dt.date(2026, 1, 5), dt.date(2026, 11, 2), dt.date(2027, 6, 1)
CURRENT, HISTORIC, REG_SHO = (f"{DATA_PATH}/{name}" for name in ("weeklySummary", "weeklySummaryHistoric", "regShoDaily"))
WITHOUT_A_KEY = "; no FINRA_API_KEY: asked without Authorization"


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    stamina.set_testing(True, attempts=6, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def server(one_session: MarketHistory) -> Iterator[MarketServer]:
    with MarketServer(one_session.market, now=_evening(TODAY), history=one_session) as started:
        yield started


@pytest.fixture
def finra(server: MarketServer) -> Iterator[FinraServices]:
    asked = _services(server)
    yield asked
    asked.close()


@pytest.fixture
def stand_in(server: MarketServer) -> Iterator[FinraServices]:
    """Services whose file server has no file, and that may ask regShoDaily."""
    asked = _services(
        server, finra_short_sale_cdn_url=f"{server.url}{CDN_PATH}/nowhere", finra_short_sale_url=server.url + REG_SHO
    )
    yield asked
    asked.close()


def _evening(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(23), dt.UTC)


def _services(server: MarketServer, **changes: Any) -> FinraServices:
    values: dict[str, Any] = {name.lower(): value for name, value in server.settings().items()}
    return FinraServices(load_settings(**{**values, "target_date": DAY, "as_of": None, **changes}))


def _paths(server: MarketServer) -> list[str]:
    return [received.path for received in server.requests]


def _without(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file server lack one family's files."""
    published = PublishedMarket.short_files

    def others(market: PublishedMarket, day: dt.date) -> dict[str, bytes]:
        return {name: content for name, content in published(market, day).items() if not name.startswith(family)}

    monkeypatch.setattr(PublishedMarket, "short_files", others)


def _file(family: str, day: dt.date = DAY) -> str:
    return f"{CDN_PATH}/{family}shvol{day:%Y%m%d}.txt"


# Which dataset a week is asked of


def test_a_recent_week_is_asked_of_the_current_dataset_alone(server, finra):
    reading = finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    assert _paths(server) == [TOKEN_PATH, CURRENT, CURRENT]
    assert reading.message == "weeklySummary, tiers T1, T2"


def test_an_old_week_is_asked_of_the_historic_dataset_and_then_of_the_current_one(server, finra):
    server.now = _evening(A_YEAR_OLD)
    reading = finra.weekly_summary(WEEK, today=A_YEAR_OLD, symbols=None)
    assert _paths(server) == [TOKEN_PATH, HISTORIC, HISTORIC, CURRENT, CURRENT]
    assert reading.message == "weeklySummary, tiers T1, T2"


def test_a_week_of_the_historic_dataset_is_not_asked_of_the_current_one(server, finra):
    server.now = _evening(TWO_YEARS_OLD)
    reading = finra.weekly_summary(WEEK, today=TWO_YEARS_OLD, symbols=None)
    assert _paths(server) == [TOKEN_PATH, HISTORIC, HISTORIC]
    assert reading.message == "weeklySummaryHistoric, tiers T1, T2"


def test_both_datasets_give_the_same_rows_of_a_week(server, finra):
    server.now = _evening(A_YEAR_OLD)
    current = finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    server.now = _evening(TWO_YEARS_OLD)
    historic = finra.weekly_summary(WEEK, today=TWO_YEARS_OLD, symbols=None)
    assert historic.rows.equals(current.rows)
    assert (historic.source, historic.content_hash) == (current.source, current.content_hash)


def test_a_historic_dataset_that_is_configured_is_asked_once_and_as_it_wants_to_be_asked(server):
    server.now = _evening(TWO_YEARS_OLD)
    asked = _services(server, finra_otc_url=server.url + HISTORIC)
    assert asked.weekly_summary(WEEK, today=TWO_YEARS_OLD, symbols=None).rows.height
    with pytest.raises(NotPublishedYet):
        asked.weekly_summary(dt.date(2025, 6, 2), today=TWO_YEARS_OLD, symbols=None)
    assert _paths(server) == [TOKEN_PATH, *[HISTORIC] * 4]
    asked.close()


@pytest.mark.parametrize("empty", list(EmptyAnswer))
def test_a_week_that_neither_dataset_has_is_not_published_yet(server, finra, empty):
    server.terms = Terms(empty_answer=empty)
    server.now = _evening(A_YEAR_OLD)
    missing = dt.date(2025, 6, 2)
    with pytest.raises(NotPublishedYet, match="2025-06-02"):
        finra.weekly_summary(missing, today=A_YEAR_OLD, symbols=None)
    assert _paths(server) == [TOKEN_PATH, HISTORIC, HISTORIC, CURRENT, CURRENT]


# What a week asks for and counts


@pytest.mark.parametrize(("today", "dataset", "is_sorted"), [(TODAY, CURRENT, True), (TWO_YEARS_OLD, HISTORIC, False)])
def test_an_order_is_asked_of_the_current_dataset_which_is_the_one_that_sorts(server, today, dataset, is_sorted):
    server.now = _evening(today)
    asked = _services(server, finra_request_method="GET")
    asked.weekly_summary(WEEK, today=today, symbols=None)
    assert {"sortFields" in received.query_names for received in server.requests_to(dataset)} == {is_sorted}
    asked.close()


def test_no_order_is_asked_for_where_the_week_goes_by_another_name(server):
    asked = _services(server, finra_request_method="GET", finra_date_field="summaryStartDate")
    assert asked.weekly_summary(WEEK, today=TODAY, symbols=None).rows.height
    assert {"sortFields" in received.query_names for received in server.requests_to(CURRENT)} == {False}
    asked.close()


def test_the_announced_rows_are_those_of_both_tiers(server, finra, one_session):
    reading = finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    assert set(reading.rows["tier_identifier"]) == {"T1", "T2"}
    published = [
        row
        for tier in ("T1", "T2")
        for row in PublishedMarket(one_session).otc_rows(WEEK, tier, on=TODAY)
        if row["tierIdentifier"] == tier and row["summaryTypeCode"] in {"ATS_W_SMBL", "OTC_W_SMBL"}
    ]
    assert reading.expected_rows == reading.physical_rows == reading.rows.height == len(published)
    assert reading.rows["off_exchange_volume"].sum() == sum(row["totalWeeklyShareQuantity"] for row in published)


def test_the_historic_dataset_takes_no_filter_so_its_other_rows_are_counted_and_left_out(server, finra):
    server.now = _evening(TWO_YEARS_OLD)
    reading = finra.weekly_summary(WEEK, today=TWO_YEARS_OLD, symbols=None)
    assert reading.expected_rows == reading.physical_rows > reading.rows.height > 0
    assert set(reading.rows["summary_type_code"]) == {"ATS_W_SMBL", "OTC_W_SMBL"}


def test_a_universe_is_asked_for_by_symbol(server, finra):
    reading = finra.weekly_summary(WEEK, today=TODAY, symbols=["RGTI", "AAPL", "ZZZZ"])
    assert set(reading.rows["symbol"]) == {"AAPL", "RGTI"}
    assert reading.physical_rows == reading.expected_rows == reading.rows.height


def test_a_universe_is_picked_from_the_rows_of_the_historic_dataset(server, finra):
    recent = finra.weekly_summary(WEEK, today=TODAY, symbols=["AAPL", "RGTI"])
    server.now = _evening(TWO_YEARS_OLD)
    reading = finra.weekly_summary(WEEK, today=TWO_YEARS_OLD, symbols=["AAPL", "RGTI"])
    keys = ("symbol", "tier_identifier", "summary_type_code", "product_type_code", "issue_name")
    assert reading.rows.select(keys).equals(recent.rows.select(keys))
    assert reading.physical_rows > reading.rows.height


def test_a_week_of_many_pages_is_the_week_of_one(server, finra):
    whole = finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    server.terms = Terms(payload_bytes=8_000)
    before = len(server.requests)
    pages = finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    assert pages.rows.equals(whole.rows)
    assert pages.requests == len(server.requests) - before > 4


def test_a_page_that_comes_again_makes_a_week_incomplete(server, finra):
    server.terms = Terms(payload_bytes=8_000)
    server.faults.add(Fault(CURRENT, FaultKind.REPEATED_PAGE, after=1))
    with pytest.raises(IncompleteSource, match="of the rows of a page before"):
        finra.weekly_summary(WEEK, today=TODAY, symbols=None)


def test_public_answers_are_asked_for_without_a_key(server):
    server.terms = Terms(answers_public=True)
    asked = _services(server, finra_api_key=None, finra_api_secret=None)
    reading = asked.weekly_summary(WEEK, today=TODAY, symbols=None)
    assert reading.message == f"weeklySummary, tiers T1, T2{WITHOUT_A_KEY}"
    assert [(received.path, received.has_authorization) for received in server.requests] == [(CURRENT, False)] * 2
    asked.close()


# Requests


def test_the_requests_of_a_week_are_all_that_were_sent_for_it(server, finra):
    server.now = _evening(A_YEAR_OLD)
    server.faults.add(Fault(HISTORIC, FaultKind.UNAVAILABLE, times=2), Fault(CURRENT, FaultKind.HTML_PAGE))
    reading = finra.weekly_summary(WEEK, today=A_YEAR_OLD, symbols=None)
    assert reading.requests == len(server.requests) == finra.requests == 1 + (2 + 2) + (1 + 2)


def test_the_requests_of_a_later_week_are_its_own(server, finra):
    finra.weekly_summary(WEEK, today=TODAY, symbols=None)
    assert finra.weekly_summary(WEEK - dt.timedelta(weeks=1), today=TODAY, symbols=None).requests == 2
    assert finra.requests == 5


def test_each_file_tells_of_its_own_requests(server, finra):
    server.faults.add(Fault(_file("FORF"), FaultKind.UNAVAILABLE, times=2))
    assert [reading.requests for reading in finra.short_files(DAY)] == [1, 3]


def test_the_requests_of_a_day_are_all_that_were_sent_for_it_also_where_no_file_was(server, finra, monkeypatch):
    _without("FORF", monkeypatch)
    server.faults.add(Fault(_file("CNMS"), FaultKind.UNAVAILABLE))
    assert [reading.requests for reading in finra.short_files(DAY)] == [3]
    assert len(server.requests) == 3


def test_the_requests_of_reg_sho_daily_hold_those_for_the_file_and_the_token(server, stand_in):
    server.faults.add(Fault(REG_SHO, FaultKind.UNAVAILABLE))
    [reading] = stand_in.short_files(DAY)
    assert reading.requests == len(server.requests) == 1 + 1 + 2


def test_feeds_tell_how_often_finra_was_asked(server):
    values: dict[str, Any] = {name.lower(): value for name, value in server.settings().items()}
    with FinraFeeds(load_settings(**values)) as feeds:
        assert feeds.requests == 0
        feeds.short_sale(DAY)
        feeds.otc_week(WEEK, today=TODAY)
        assert feeds.requests == len(server.requests) == 2 + 3


# Short files


def test_the_consolidated_file_and_that_of_otc_equities_are_asked_for(server, finra):
    readings = finra.short_files(DAY)
    assert _paths(server) == [_file("CNMS"), _file("FORF")]
    assert [set(reading.rows["source"]) for reading in readings] == [{"CNMS"}, {"FORF"}]
    assert [reading.message for reading in readings] == ["published file"] * 2


def test_a_day_without_a_file_of_otc_equities_is_whole(server, finra, monkeypatch):
    _without("FORF", monkeypatch)
    assert [set(reading.rows["source"]) for reading in finra.short_files(DAY)] == [{"CNMS"}]
    assert _paths(server) == [_file("CNMS"), _file("FORF")]


def test_a_day_before_the_first_consolidated_file_is_asked_of_the_facilities(server, finra, monkeypatch):
    monkeypatch.setattr(services, "FIRST_CONSOLIDATED_FILE", DAY + dt.timedelta(days=1))
    readings = finra.short_files(DAY)
    assert _paths(server) == [_file(family) for family in ("FNSQ", "FNQC", "FNYX", "FNRA", "FORF")]
    assert [reading.source[:4] for reading in readings] == ["FNSQ", "FNQC", "FNYX", "FNRA", "FORF"]


def test_the_first_consolidated_file_is_that_of_1_august_2018(server, finra):
    for day in (dt.date(2018, 7, 31), dt.date(2018, 8, 1)):
        with pytest.raises(NotPublishedYet, match=f"has not posted the short sale file of {day} yet"):
            finra.short_files(day)
    assert [path.rpartition("/")[2][:4] for path in _paths(server)] == ["FNSQ", "FNQC", "FNYX", "FNRA", "CNMS"]


def test_reg_sho_daily_stands_in_for_a_day_without_a_file(server, finra, stand_in):
    [reading] = stand_in.short_files(DAY)
    files = finra.short_files(DAY)
    published = {symbol: volume for file in files for symbol, volume in file.rows.select("symbol", "short_volume").rows()}
    assert dict(reading.rows.select("symbol", "short_volume").rows()) == pytest.approx(published)
    assert set(reading.rows["source"]) == {ShortFileFamily.API.value}
    assert set(reading.rows["trade_date"]) == {DAY}
    assert reading.expected_rows == reading.physical_rows > reading.rows.height
    assert (reading.source, reading.message) == (f"regShoDaily {DAY}", "regShoDaily")


def test_a_day_that_neither_has_is_not_published_yet(server, stand_in):
    server.now = dt.datetime.combine(DAY, dt.time(22, 30), dt.UTC)  # 17:30 in New York
    with pytest.raises(NotPublishedYet, match=f"neither a short sale file nor regShoDaily rows of {DAY}"):
        stand_in.short_files(DAY)


def test_without_a_key_the_public_reg_sho_daily_is_asked_for(server):
    server.terms = Terms(answers_public=True)
    nowhere = {"finra_short_sale_cdn_url": f"{server.url}{CDN_PATH}/nowhere", "finra_short_sale_url": server.url + REG_SHO}
    asked = _services(server, finra_api_key=None, finra_api_secret=None, **nowhere)
    assert [reading.message for reading in asked.short_files(DAY)] == [f"regShoDaily{WITHOUT_A_KEY}"]
    asked.close()


# Refusals


def test_a_block_is_told_as_one(server, finra):
    server.faults.add(Fault(CDN_PATH, FaultKind.BLOCKED))
    with pytest.raises(RefusedBySource, match=r"CNMSshvol20251212\.txt: answered 403 \(<!DOCTYPE html>") as caught:
        finra.short_files(DAY)
    told = 'FINRA blocks this machine, which is not "not published": check its address or proxy.'
    assert str(caught.value).endswith(told)
    assert _paths(server) == [_file("CNMS")]


def test_a_rate_limit_of_the_file_server_names_no_setting_for_there_is_none(server, finra):
    server.faults.add(Fault(CDN_PATH, FaultKind.TOO_MANY_REQUESTS, times=None))
    with pytest.raises(RateLimited, match=r"after 6 attempts\. Run it again later\.$"):
        finra.short_files(DAY)


def test_a_malformed_key_stops_the_weeks_and_not_the_short_files(server):
    asked = _services(server, finra_api_key="two words", finra_api_secret="x")
    assert len(asked.short_files(DAY)) == 2
    with pytest.raises(PermanentSourceError, match=r"^FINRA_API_KEY: found a blank"):
        asked.weekly_summary(WEEK, today=TODAY, symbols=None)
    asked.close()
