import csv
import datetime as dt
import json

import httpx
import pytest

from darkpool_assets.sample_market.finra_datasets import WEEKLY_FIELDS
from darkpool_assets.sample_market.finra_otc_files import otc_rows
from darkpool_assets.sample_market.finra_short_files import short_files, short_rows
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.service_terms import SAMPLE_FINRA_CREDENTIALS, EmptyAnswer, Terms
from darkpool_assets.sample_market.share_volumes import SHARE
from darkpool_assets.vocabulary import ShortFileFamily

DAY = dt.date(2025, 12, 30)
EVENING = dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC)
CDN = "/equity/regsho/daily"
TOKEN = "/fip/rest/ews/oauth2/access_token"
DATA = "/data/group/otcMarket/name"
PUBLIC = Terms(answers_public=True, finra_requests_per_second=None)
WEEK = "2025-12-01"


@pytest.fixture(scope="module")
def server(history):
    with MarketServer(history.market, now=EVENING, terms=PUBLIC, history=history) as running:
        yield running


@pytest.fixture
def own_server(history):
    with MarketServer(history.market, now=EVENING, history=history) as running:
        yield running


def ask(server, dataset="weeklySummary", *, accept="application/json", **body):
    return httpx.post(f"{server.url}{DATA}/{dataset}", json=body, headers={"Accept": accept}, verify=False)


def equal(field, value, how="EQUAL"):
    return {"fieldName": field, "fieldValue": value, "compareType": how}


WEEK_OF_T1 = [equal("weekStartDate", WEEK), equal("tierIdentifier", "T1")]


def token_of(server, credentials=SAMPLE_FINRA_CREDENTIALS, **params):
    return httpx.post(server.url + TOKEN, params=params or {"grant_type": "client_credentials"}, auth=credentials)


# The CDN


def test_every_short_file_is_served_byte_by_byte(server, history):
    for name, content in short_files(history, DAY).items():
        assert httpx.get(f"{server.url}{CDN}/{name}").content == content


@pytest.mark.parametrize("name", ["CNMSshvol20251225.txt", "CNMSshvol20100104.txt", "FNXXshvol20251230.txt", "index.html"])
def test_what_is_not_there_is_403_access_denied(server, name):
    answer = httpx.get(f"{server.url}{CDN}/{name}")
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_a_day_is_posted_at_six_in_new_york(own_server):
    address = f"{own_server.url}{CDN}/CNMSshvol20251231.txt"
    own_server.now = dt.datetime(2025, 12, 31, 22, 59, tzinfo=dt.UTC)
    assert httpx.get(address).status_code == 403
    own_server.now = dt.datetime(2025, 12, 31, 23, 0, tzinfo=dt.UTC)
    assert httpx.get(address).status_code == 200


# Tokens


def test_a_token_opens_the_query_api(own_server):
    given = token_of(own_server).json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 43_100)
    bearer = {"Authorization": f"Bearer {given['access_token']}", "Accept": "application/json"}
    assert httpx.post(f"{own_server.url}{DATA}/weeklySummary", json={"limit": 1}, headers=bearer).status_code == 200


def test_without_a_token_nothing_but_public_answers_is_given(own_server):
    assert ask(own_server, limit=1).status_code == 401
    own_server.terms = Terms(answers_public=True)
    assert ask(own_server, limit=1).status_code == 200


def test_a_wrong_key_gets_no_token(own_server):
    assert token_of(own_server, ("SAMPLE-FINRA-KEY-NOT-REAL", "wrong")).status_code == 401
    assert httpx.post(own_server.url + TOKEN, params={"grant_type": "client_credentials"}).status_code == 401


def test_the_grant_type_must_be_in_the_address(own_server):
    assert token_of(own_server, grant="client_credentials").status_code == 400


def test_a_token_expires(own_server):
    seconds = [0.0]
    own_server.terms = Terms(token_seconds=100, clock=lambda: seconds[0])
    bearer = {"Authorization": f"Bearer {token_of(own_server).json()['access_token']}"}
    address = f"{own_server.url}{DATA}/weeklySummary"
    assert httpx.get(address, headers=bearer).status_code == 200
    seconds[0] = 101.0
    assert httpx.get(address, headers=bearer).status_code == 401


def test_tokens_can_be_made_to_expire_at_once(own_server):
    bearer = {"Authorization": f"Bearer {token_of(own_server).json()['access_token']}"}
    own_server.expire_tokens()
    assert httpx.get(f"{own_server.url}{DATA}/weeklySummary", headers=bearer).status_code == 401


def test_a_bad_token_is_refused_even_where_answers_are_public(server):
    bad = {"Authorization": "Bearer made-up"}
    assert httpx.post(f"{server.url}{DATA}/weeklySummary", json={}, headers=bad).status_code == 401


def test_a_twenty_first_request_within_a_second_is_too_much(history):
    terms = Terms(answers_public=True, clock=lambda: 7.0)
    with MarketServer(history.market, now=EVENING, terms=terms, history=history) as server:
        codes = [ask(server, limit=1).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]


# Queries


def test_a_week_and_tier_come_as_the_files_have_them(server, history):
    answer = ask(server, compareFilters=WEEK_OF_T1, limit=5000)
    rows = [row for row in otc_rows(history, dt.date(2025, 12, 1), "T1") if row["tierIdentifier"] == "T1"]
    assert answer.json() == rows
    assert answer.headers["record-total"] == str(len(rows))
    assert answer.headers["finra-api-request-id"]


def test_the_known_fields_are_those_of_the_rows(history):
    assert set(WEEKLY_FIELDS) == set(otc_rows(history, dt.date(2025, 12, 1), "T1")[0])


def test_the_two_types_that_are_summed_can_be_asked_for_together(server):
    types = ["ATS_W_SMBL", "OTC_W_SMBL"]
    rows = ask(server, compareFilters=WEEK_OF_T1, domainFilters=[{"fieldName": "summaryTypeCode", "values": types}]).json()
    assert {row["summaryTypeCode"] for row in rows} == set(types)


def test_a_domain_filter_that_says_field_values_is_ignored(server):
    ignored = [{"fieldName": "summaryTypeCode", "fieldValues": ["ATS_W_SMBL"]}]
    rows = ask(server, compareFilters=WEEK_OF_T1, domainFilters=ignored, limit=20).json()
    assert {"ATS_W_SMBL", "ATS_W_SMBL_FIRM"} <= {row["summaryTypeCode"] for row in rows}
    symbols = [row["issueSymbolIdentifier"] for row in rows]
    assert symbols[0] == "AAPL"
    assert symbols == sorted(symbols)


def test_or_filters_are_ignored(server):
    wanted = [{"compareFilters": [equal("issueSymbolIdentifier", "SPY")]}]
    rows = ask(server, orFilters=wanted, limit=3).json()
    assert {row["issueSymbolIdentifier"] for row in rows} == {"AABB"}


def test_pages_add_up_to_the_announced_rows(server):
    whole = ask(server, compareFilters=WEEK_OF_T1, limit=5000)
    pages = [ask(server, compareFilters=WEEK_OF_T1, limit=40, offset=offset) for offset in range(0, len(whole.json()), 40)]
    assert [row for page in pages for row in page.json()] == whole.json()
    assert {page.headers["record-total"] for page in pages} == {whole.headers["record-total"]}
    assert (pages[1].headers["record-offset"], pages[1].headers["record-limit"]) == ("40", "40")
    assert pages[1].headers["record-max-limit"] == "5000"


def test_a_thousand_rows_come_where_no_limit_is_given(server):
    assert len(ask(server).json()) == 1000


def test_a_page_ends_early_at_the_payload_cap(own_server):
    own_server.terms = Terms(answers_public=True, payload_bytes=20_000)
    answer = ask(own_server, compareFilters=WEEK_OF_T1, limit=5000)
    assert len(answer.content) <= 20_001
    assert 0 < len(answer.json()) < int(answer.headers["record-total"])


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 5001},
        {"limit": 0},
        {"limit": "many"},
        {"offset": 500_001},
        {"fields": ["shares"]},
        {"compareFilters": [equal("symbol", "SPY")]},
        {"compareFilters": [equal("weekStartDate", WEEK, "LIKE")]},
        {"compareFilters": [{"fieldName": "weekStartDate", "compareType": "EQUAL"}]},
        {"compareFilters": "weekStartDate"},
        {"domainFilters": [{"fieldName": "type", "values": ["x"]}]},
        {"sortFields": ["-shares"]},
    ],
)
def test_what_the_query_language_does_not_know_is_400(server, body):
    assert ask(server, **body).status_code == 400


def test_a_body_that_is_no_json_object_is_400(server):
    for body in (b"{", b"[1]"):
        assert httpx.post(f"{server.url}{DATA}/weeklySummary", content=body).status_code == 400


def test_a_dataset_that_is_not_there_is_404(server):
    assert ask(server, "monthlySummary").status_code == 404


@pytest.mark.parametrize(
    ("how", "expected"),
    [("GREATER", {"2025-12-08"}), ("GTE", {"2025-12-01", "2025-12-08"}), ("LESSER", set()), ("NOT_EQUAL", {"2025-12-08"})],
)
def test_values_can_be_compared(server, how, expected):
    since = [equal("weekStartDate", WEEK, "GTE"), equal("weekStartDate", WEEK, how), equal("tierIdentifier", "T1")]
    answer = ask(server, compareFilters=since, fields=["weekStartDate"], limit=5000)
    rows = answer.json() if answer.status_code == 200 else []
    assert {row["weekStartDate"] for row in rows} == expected


def test_a_range_of_dates_holds_both_its_ends(server):
    dates = [{"fieldName": "weekStartDate", "startDate": "2025-11-24", "endDate": WEEK}]
    rows = ask(server, dateRangeFilters=dates, fields=["weekStartDate"], limit=5000).json()
    assert rows[0].keys() == {"weekStartDate"}
    assert {row["weekStartDate"] for row in rows} == {"2025-11-24", WEEK}


def test_rows_are_sorted_only_when_asked(server):
    plain = [row["totalWeeklyShareQuantity"] for row in ask(server, compareFilters=WEEK_OF_T1).json()]
    asked = ask(server, compareFilters=WEEK_OF_T1, sortFields=["-totalWeeklyShareQuantity"]).json()
    assert [row["totalWeeklyShareQuantity"] for row in asked] == sorted(plain, reverse=True) != plain


def test_get_takes_the_same_filters_as_json(server):
    params = {"limit": "40", "offset": "40", "compareFilters": json.dumps(WEEK_OF_T1), "fields": "weekStartDate,MPID"}
    accept = {"Accept": "application/json"}
    rows = httpx.get(f"{server.url}{DATA}/weeklySummary", params=params, headers=accept).json()
    assert rows == ask(server, compareFilters=WEEK_OF_T1, limit=40, offset=40, fields=["weekStartDate", "MPID"]).json()


@pytest.mark.parametrize("params", [{"compareFilters": "{"}, {"fields": "["}, {"limit": "x"}])
def test_parameters_that_are_no_json_are_400(server, params):
    assert httpx.get(f"{server.url}{DATA}/weeklySummary", params=params).status_code == 400


def test_without_accept_json_quoted_csv_comes(server):
    answer = ask(server, accept="*/*", compareFilters=WEEK_OF_T1, limit=3)
    header, *rows = csv.reader(answer.text.splitlines())
    assert answer.text.startswith('"issueSymbolIdentifier","issueName"')
    assert tuple(header) == WEEKLY_FIELDS
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("way", "status", "body"),
    [(EmptyAnswer.NO_CONTENT, 204, b""), (EmptyAnswer.EMPTY_LIST, 200, b"[]"), (EmptyAnswer.EMPTY_BODY, 200, b"")],
)
def test_no_rows_are_said_in_three_ways(own_server, way, status, body):
    own_server.terms = Terms(answers_public=True, empty_answer=way)
    answer = ask(own_server, compareFilters=[equal("weekStartDate", "2025-12-29")])
    assert (answer.status_code, answer.content, answer.headers["record-total"]) == (status, body, "0")


# What is published when


def test_a_week_appears_on_its_publication_date(own_server):
    own_server.terms = PUBLIC
    own_server.now = dt.datetime(2025, 12, 22, 4, tzinfo=dt.UTC)
    assert ask(own_server, compareFilters=WEEK_OF_T1).status_code == 204
    own_server.now = dt.datetime(2025, 12, 22, 5, tzinfo=dt.UTC)
    assert ask(own_server, compareFilters=WEEK_OF_T1).status_code == 200


def test_a_restated_week_is_restated_from_its_day_on(own_server, history):
    own_server.terms = PUBLIC
    week, restated = dt.date(2025, 11, 17), dt.date(2025, 12, 23)
    for now, expected in ((22, otc_rows(history, week, "T1")), (23, otc_rows(history, week, "T1", restated=restated))):
        own_server.now = dt.datetime(2025, 12, now, 20, tzinfo=dt.UTC)
        rows = ask(own_server, compareFilters=[equal("weekStartDate", str(week))], limit=5000).json()
        assert [row for row in rows if row["tierIdentifier"] in {"T1", "NMS"}] == expected


def test_weeks_older_than_a_year_are_in_the_historic_dataset_alone(own_server):
    own_server.terms = PUBLIC
    own_server.now = dt.datetime(2027, 1, 15, tzinfo=dt.UTC)
    for field, value in (("weekStartDate", WEEK), ("historicalWeek", WEEK), ("historicalMonth", "2025-12")):
        filters = [equal(field, value), equal("tierIdentifier", "T1")]
        assert WEEK in {row["weekStartDate"] for row in ask(own_server, "weeklySummaryHistoric", compareFilters=filters).json()}
    assert ask(own_server, compareFilters=WEEK_OF_T1).status_code == 204
    own_server.now = EVENING
    assert ask(own_server, "weeklySummaryHistoric", compareFilters=WEEK_OF_T1).status_code == 204


def test_the_historic_dataset_ends_four_years_back(own_server):
    own_server.terms = PUBLIC
    own_server.now = dt.datetime(2029, 12, 2, 12, tzinfo=dt.UTC)
    assert ask(own_server, "weeklySummaryHistoric", compareFilters=WEEK_OF_T1).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"compareFilters": [equal("tierIdentifier", "T1")]},
        {"compareFilters": [*WEEK_OF_T1, equal("historicalWeek", WEEK)]},
        {"compareFilters": [*WEEK_OF_T1, equal("issueSymbolIdentifier", "SPY")]},
        {"compareFilters": WEEK_OF_T1, "domainFilters": [{"fieldName": "summaryTypeCode", "values": ["ATS_W_SMBL"]}]},
        {"compareFilters": WEEK_OF_T1, "sortFields": ["weekStartDate"]},
    ],
)
def test_the_historic_dataset_takes_one_week_or_month_and_a_tier_and_nothing_else(server, body):
    assert ask(server, "weeklySummaryHistoric", **body).status_code == 400


# Short volume by the API


def test_short_volume_comes_as_one_row_per_facility(server, history):
    symbol = "securitiesInformationProcessorSymbolIdentifier"
    rows = ask(server, "regShoDaily", compareFilters=[equal("tradeReportDate", str(DAY)), equal(symbol, "AAPL")]).json()
    consolidated = next(row for row in short_rows(history, DAY)[ShortFileFamily.CNMS] if row.symbol == "AAPL")
    assert sum(row["totalParQuantity"] for row in rows) == consolidated.total / SHARE
    assert {(row["marketCode"], row["reportingFacilityCode"]) for row in rows} >= {("Q", "NQTRF"), ("B", "NCTRF"), ("N", "NYTRF")}


def test_the_api_holds_otc_equities_too(server):
    rows = ask(server, "regShoDaily", compareFilters=[equal("tradeReportDate", str(DAY)), equal("marketCode", "O")]).json()
    assert {row["reportingFacilityCode"] for row in rows} == {"ORF"}


def test_a_day_without_short_volume_is_empty(server):
    assert ask(server, "regShoDaily", compareFilters=[equal("tradeReportDate", "2025-12-25")]).status_code == 204


def test_short_volume_older_than_a_year_is_gone(own_server):
    own_server.terms = PUBLIC
    own_server.now = dt.datetime(2026, 12, 31, 12, tzinfo=dt.UTC)
    assert ask(own_server, "regShoDaily", compareFilters=[equal("tradeReportDate", str(DAY))]).status_code == 204
