import datetime as dt
import json
import math

import httpx
import pytest
from isal import igzip

from darkpool_assets.sample_market.broken_answers import BOMB_BYTES, gzip_bomb
from darkpool_assets.sample_market.finra_services import CDN_PATH, DATA_PATH
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.server_faults import Fault, FaultKind
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY, Terms

EVENING = dt.datetime(2025, 12, 31, 23, 30, tzinfo=dt.UTC)
TRADES = "/v3/trades/SPY"
GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/2025-12-31"
WEEKLY = f"{DATA_PATH}/weeklySummary"
SHORT = f"{CDN_PATH}/CNMSshvol20251231.txt"
KEY = {"Authorization": f"Bearer {SAMPLE_POLYGON_KEY}"}
WEEK = {"compareFilters": [{"fieldName": "weekStartDate", "fieldValue": "2025-12-01", "compareType": "EQUAL"}]}


@pytest.fixture
def server(history):
    terms = Terms(answers_public=True, finra_requests_per_second=None)
    with MarketServer(history.market, now=EVENING, terms=terms, history=history) as running:
        yield running


def get(server, path=GROUPED, **params):
    return httpx.get(server.url + path, params=params, headers=KEY, timeout=5, verify=False)


def week(server, **body):
    return httpx.post(server.url + WEEKLY, json=WEEK | body, headers={"Accept": "application/json"}, verify=False)


def show(server, kind, path=GROUPED, **how):
    server.faults.add(Fault(path, kind, **how))


# When a fault hits


def test_a_fault_hits_so_many_times_and_is_over(server):
    show(server, FaultKind.UNAVAILABLE, times=2)
    assert [get(server).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_without_a_count_stays_until_it_is_taken_back(server):
    show(server, FaultKind.UNAUTHORIZED, times=None)
    assert [get(server).status_code for _ in range(3)] == [401] * 3
    server.faults.clear()
    assert get(server).status_code == 200


def test_a_fault_lets_requests_pass_first(server):
    show(server, FaultKind.SERVER_ERROR, after=2)
    assert [get(server).status_code for _ in range(4)] == [200, 200, 500, 200]


def test_a_fault_hits_its_path_and_what_lies_below(server):
    show(server, FaultKind.SERVER_ERROR, "/v3/trades", times=None)
    assert get(server, TRADES, limit=1).status_code == 500
    assert get(server, "/v3/quotes/SPY", limit=1).status_code == 200
    show(server, FaultKind.SERVER_ERROR, "/v3/quotes/S")
    assert get(server, "/v3/quotes/SPY", limit=1).status_code == 200


def test_a_fault_may_be_for_requests_that_hold_a_text(server):
    show(server, FaultKind.SERVER_ERROR, WEEKLY, containing="2025-12-08")
    assert week(server).status_code == 200
    later = [{**WEEK["compareFilters"][0], "fieldValue": "2025-12-08"}]
    assert week(server, compareFilters=later).status_code == 500


def test_faults_follow_each_other_in_the_order_they_were_added(server):
    show(server, FaultKind.SERVER_ERROR)
    show(server, FaultKind.UNAVAILABLE)
    assert [get(server).status_code for _ in range(3)] == [500, 503, 200]


# Other answers than the service's


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        (FaultKind.UNAUTHORIZED, 401, "Unknown API Key"),
        (FaultKind.NOT_ENTITLED, 403, "NOT_AUTHORIZED"),
        (FaultKind.BLOCKED, 403, "<html>"),
        (FaultKind.TOO_MANY_REQUESTS, 429, "exceeded the maximum requests"),
        (FaultKind.SERVER_ERROR, 500, "internal error"),
        (FaultKind.UNAVAILABLE, 503, "<html>"),
        (FaultKind.HTML_PAGE, 200, "<html>"),
    ],
)
def test_a_refusal_is_its_status_and_its_body(server, kind, status, says):
    show(server, kind)
    answer = get(server)
    assert answer.status_code == status
    assert says in answer.text
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("kind", [FaultKind.TOO_MANY_REQUESTS, FaultKind.UNAVAILABLE])
def test_a_refusal_may_say_when_to_come_again(server, kind):
    show(server, kind, retry_after="Wed, 31 Dec 2025 23:31:00 GMT", has_body=False)
    answer = get(server)
    assert answer.headers["retry-after"] == "Wed, 31 Dec 2025 23:31:00 GMT"
    assert answer.content == b""


def test_a_redirect_leads_to_this_server_by_another_name(server):
    show(server, FaultKind.REDIRECT)
    answer = get(server)
    assert (answer.status_code, answer.headers["location"]) == (302, server.url.replace("127.0.0.1", "localhost") + GROUPED)


def test_the_wrong_shape_is_json_all_the_same(server):
    show(server, FaultKind.WRONG_SHAPE)
    assert get(server).json()["results"] == {"rows": "none"}


def test_a_small_answer_unpacks_to_a_huge_one(server):
    show(server, FaultKind.GZIP_BOMB)
    with httpx.stream("GET", server.url + GROUPED, headers=KEY) as answer:
        sent = b"".join(answer.iter_raw())
    assert sent == gzip_bomb()
    assert len(sent) < 210_000
    assert len(igzip.decompress(sent)) == BOMB_BYTES


# True answers made wrong


def test_json_may_be_cut_off(server):
    show(server, FaultKind.CUT_JSON)
    with pytest.raises(json.JSONDecodeError):
        get(server).json()


@pytest.mark.parametrize(
    ("kind", "is_wrong"),
    [
        (FaultKind.NAN, math.isnan),
        (FaultKind.INFINITE, math.isinf),
        (FaultKind.NEGATIVE_SIZE, lambda number: number == -100),
        (FaultKind.ABSURD_SIZE, lambda number: number == 10**15),
    ],
)
@pytest.mark.parametrize(
    ("path", "price", "size"), [(TRADES, "price", "size"), ("/v3/quotes/SPY", "bid_price", "bid_size"), (GROUPED, "c", "v")]
)
def test_the_first_row_may_hold_a_number_that_cannot_be(server, kind, is_wrong, path, price, size):
    show(server, kind, path)
    row = get(server, path).json()["results"][0]
    assert is_wrong(row[price if kind in {FaultKind.NAN, FaultKind.INFINITE} else size])


def test_weekly_rows_and_short_files_may_hold_one_too(server):
    show(server, FaultKind.NEGATIVE_SIZE, WEEKLY)
    show(server, FaultKind.NAN, SHORT)
    assert week(server).json()[0]["totalWeeklyShareQuantity"] == -100
    assert get(server, SHORT).text.splitlines()[1].split("|")[4] == "NaN"


def test_dates_may_be_a_week_too_early(server):
    true = get(server, TRADES).json()["results"]
    for path in (TRADES, GROUPED, WEEKLY, SHORT):
        show(server, FaultKind.ANOTHER_DAY, path)
    early = get(server, TRADES).json()["results"]
    week_ns = 7 * 86_400 * 10**9
    assert [row["sip_timestamp"] + week_ns for row in early] == [row["sip_timestamp"] for row in true]
    assert {row["weekStartDate"] for row in week(server).json()} == {"2025-11-24"}
    assert {line.split("|")[0] for line in get(server, SHORT).text.splitlines()[1:-1]} == {"20251224"}
    assert {row["t"] for row in get(server).json()["results"]} == {1766610000000}


def test_a_page_may_repeat_the_rows_before_it(server):
    show(server, FaultKind.REPEATED_PAGE, TRADES, after=1)
    first = get(server, TRADES, limit=10).json()
    second = httpx.get(first["next_url"], headers=KEY).json()
    assert second["results"] == first["results"]
    assert second["next_url"] != first["next_url"]
    show(server, FaultKind.REPEATED_PAGE, WEEKLY, after=1)
    assert week(server, limit=10).json() == week(server, limit=10, offset=10).json()


def test_a_next_url_may_lead_back_to_itself(server):
    show(server, FaultKind.NEXT_URL_LOOP, TRADES, times=None)
    first = get(server, TRADES, limit=10).json()
    assert httpx.get(first["next_url"], headers=KEY).json()["next_url"] == first["next_url"]


def test_a_next_url_may_lead_to_another_host_where_the_log_sees_who_came(server):
    show(server, FaultKind.FOREIGN_NEXT_URL, TRADES)
    next_url = get(server, TRADES, limit=10).json()["next_url"]
    assert next_url.startswith(server.url.replace("127.0.0.1", "localhost") + "/v3/trades/SPY?cursor=")
    httpx.get(next_url)
    assert server.requests[-1].host.startswith("localhost:")
    assert not server.requests[-1].has_authorization


def test_another_host_can_be_named(server):
    show(server, FaultKind.FOREIGN_NEXT_URL, TRADES, address="https://elsewhere.invalid")
    assert get(server, TRADES, limit=10).json()["next_url"].startswith("https://elsewhere.invalid/v3/trades/SPY")


@pytest.mark.parametrize(("kind", "step"), [(FaultKind.TOTAL_TOO_HIGH, 7), (FaultKind.TOTAL_TOO_LOW, -1)])
def test_the_announced_rows_may_be_others_than_there_are(server, kind, step):
    show(server, kind, WEEKLY)
    answer = week(server, limit=5000)
    assert int(answer.headers["record-total"]) == len(answer.json()) + step


def test_a_short_files_trailer_may_disagree(server):
    true = get(server, SHORT).text.splitlines()
    show(server, FaultKind.WRONG_TRAILER, SHORT)
    false = get(server, SHORT)
    assert false.text.splitlines() == [*true[:-1], str(int(true[-1]) + 1)]
    assert false.text.endswith("\r\n")


def test_filters_may_be_ignored(server):
    show(server, FaultKind.IGNORED_FILTERS, WEEKLY)
    rows = week(server, limit=1000).json()
    symbols = [row["issueSymbolIdentifier"] for row in rows]
    assert symbols == sorted(symbols)
    assert len({row["weekStartDate"] for row in rows}) > 1


def test_an_answer_without_rows_is_left_as_it_is(server):
    show(server, FaultKind.WRONG_TRAILER, SHORT.replace("1231", "1225"))
    assert "AccessDenied" in get(server, SHORT.replace("1231", "1225")).text


# True answers badly sent


def test_silence_ends_when_the_caller_leaves(server):
    show(server, FaultKind.SILENCE)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(server.url + GROUPED, headers=KEY, timeout=httpx.Timeout(5, read=0.3))
    assert [received.status for received in server.requests] == [None]
    assert get(server).status_code == 200


def test_a_connection_may_be_dropped(server):
    show(server, FaultKind.DROPPED)
    with pytest.raises(httpx.RemoteProtocolError):
        get(server)


def test_a_body_may_end_in_the_middle(server):
    show(server, FaultKind.TRUNCATED_BODY)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        get(server)


def test_bytes_may_drip(server):
    show(server, FaultKind.SLOW_DRIP, seconds=0.01)
    with httpx.stream("GET", server.url + GROUPED, headers=KEY) as answer:
        pieces = answer.iter_raw(1)
        assert len([next(pieces) for _ in range(5)]) == 5
        assert int(answer.headers["content-length"]) > 1000
