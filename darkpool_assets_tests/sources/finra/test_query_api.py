"""Queries over real sockets: what is asked, how pages end, and which pages do not add up."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from darkpool_assets.sources.errors import (
    BrokenContent,
    CredentialsRefused,
    IncompleteSource,
    MalformedSource,
    OversizedSource,
    RateLimited,
    RefusedBySource,
    SourceError,
    Unreachable,
)
from darkpool_assets.sources.finra import query_api
from darkpool_assets.sources.finra.query_api import Pages, QueryApi
from darkpool_assets.sources.transport import Limits, Transport
from darkpool_assets_tests.sources.scripted_server import Asked, Reply, ScriptedServer, error_page, json_reply, reply

WEEK = "2025-12-01"
ROWS = [{"issueSymbolIdentifier": f"S{number}", "weekStartDate": WEEK, "tierIdentifier": "T1"} for number in range(7)]
EQUAL = {"weekStartDate": WEEK, "tierIdentifier": "T1"}


@pytest.fixture
def transport(server: ScriptedServer) -> Iterator[Transport]:
    with Transport("FINRA", limits=Limits(wait_initial=0.0, retries=2), hosts=[server.url]) as started:
        yield started


def _page(rows: Sequence[Mapping[str, object]], total: object = None, **headers: Any) -> Reply:
    announced: dict[str, Any] = {} if total is None else {"Record_Total": total}
    return json_reply(rows, **announced, **headers)


def _dataset(rows: Sequence[Mapping[str, object]], *, total: object = None, cap: int = 5000) -> Callable[[Asked], Reply]:
    """An honest dataset that gives at most `cap` rows a page."""

    def answer(asked: Asked) -> Reply:
        query = asked.json if asked.method == "POST" else asked.query
        first = int(query["offset"])
        return _page(rows[first : first + min(int(query["limit"]), cap)], total)

    return answer


def _unsteady(rows: Sequence[Mapping[str, object]]) -> Callable[[Asked], Reply]:
    """A dataset that begins with another row each time, unless it is asked for an order."""

    def answer(asked: Asked) -> Reply:
        first, shift = asked.json["offset"], 0 if "sortFields" in asked.json else asked.json["offset"] // 3
        turned = [*rows[shift:], *rows[:shift]]
        return _page(turned[first : first + asked.json["limit"]], len(rows))

    return answer


def _query(server: ScriptedServer, transport: Transport, *steps: Any, **options: Any) -> Pages:
    asked = {"what": "FINRA data", "equal": EQUAL, "page_rows": 3} | options
    return QueryApi(transport).rows(server.on("/data", *steps), **asked)


def _symbols(pages: Pages) -> list[str]:
    return [row["issueSymbolIdentifier"] for row in pages.rows.rows]


def _fails(kind: type[SourceError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


ALL = [row["issueSymbolIdentifier"] for row in ROWS]


# What is asked


def test_a_query_is_posted_with_its_filters_as_the_service_documents_them(server, transport):
    _query(server, transport, _page([]), among={"summaryTypeCode": ["ATS_W_SMBL", "OTC_W_SMBL"]}, page_rows=5000)
    asked = server.asked()[0]
    assert (asked.method, asked.headers["accept"], asked.query) == ("POST", "application/json", {})
    assert asked.json == {
        "limit": 5000,
        "offset": 0,
        "compareFilters": [
            {"compareType": "EQUAL", "fieldName": "weekStartDate", "fieldValue": WEEK},
            {"compareType": "EQUAL", "fieldName": "tierIdentifier", "fieldValue": "T1"},
        ],
        "domainFilters": [{"fieldName": "summaryTypeCode", "values": ["ATS_W_SMBL", "OTC_W_SMBL"]}],
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_order_is_asked_for_where_one_is_given(server, transport, method):
    api, url = QueryApi(transport, method=method), server.on("/data", _page([]))
    api.rows(url, what="FINRA data", equal=EQUAL, sort=("issueSymbolIdentifier", "issueName"))
    asked = server.asked()[0]
    order = asked.json["sortFields"] if method == "POST" else json.loads(asked.query["sortFields"])
    assert order == ["issueSymbolIdentifier", "issueName"]


def test_a_users_keys_win_but_for_the_offset_and_filters_are_added(server, transport):
    mine = {"compareType": "GREATER", "fieldName": "totalWeeklyShareQuantity", "fieldValue": 0}
    extra = {"limit": 2, "offset": 99, "sortFields": [], "compareFilters": [mine], "domainFilters": [{"fieldName": "x"}]}
    api = QueryApi(transport, extra_json=extra, extra_params={"delimiter": "|", "offset": 7})
    api.rows(server.on("/data", _page([])), what="FINRA data", equal={"a": "1"}, sort=["b"])
    asked = server.asked()[0]
    assert (asked.json["limit"], asked.json["offset"], asked.json["sortFields"]) == (2, 0, [])
    assert asked.json["compareFilters"][1:] == [mine]
    assert asked.json["domainFilters"] == [{"fieldName": "x"}]
    assert asked.query == {"delimiter": "|"}


def test_a_get_carries_the_same_as_parameters_and_the_users_win(server, transport):
    api = QueryApi(transport, method="GET", extra_json={"limit": 4}, extra_params={"limit": 2, "offset": 7, "format": "x"})
    pages = api.rows(server.on("/data", _dataset(ROWS)), what="FINRA data", equal=EQUAL)
    assert _symbols(pages) == ALL
    queries = [asked.query for asked in server.asked()]
    assert [(query["limit"], query["offset"], query["format"]) for query in queries] == [
        ("2", "0", "x"), ("2", "2", "x"), ("2", "4", "x"), ("2", "6", "x"), ("2", "7", "x"),
    ]  # fmt: skip
    assert json.loads(queries[0]["compareFilters"])[0]["fieldValue"] == WEEK
    assert server.asked()[0].method == "GET"


def test_a_filter_setting_that_is_no_list_is_refused_by_name(server, transport):
    api = QueryApi(transport, extra_json={"domainFilters": {"fieldName": "x"}})
    message = _fails(MalformedSource, lambda: api.rows(server.url, what="FINRA data", equal=EQUAL))
    assert message.startswith("FINRA_REQUEST_JSON: domainFilters: found {'fieldName': 'x'}; allowed: a list of filters")


# Pages


@pytest.mark.parametrize("page_rows", [1, 3, 7, 8, 5000])
@pytest.mark.parametrize("total", [None, 7])
def test_all_pages_become_one_list_in_order(server, transport, page_rows, total):
    pages = _query(server, transport, _dataset(ROWS, total=total), page_rows=page_rows)
    assert (_symbols(pages), pages.record_total, pages.received) == (ALL, total, 7)


def test_pages_advance_by_the_rows_that_came_not_by_those_asked_for(server, transport):
    pages = _query(server, transport, _dataset(ROWS, total=7, cap=2), page_rows=5)
    assert _symbols(pages) == ALL
    assert [asked.json["offset"] for asked in server.asked()] == [0, 2, 4, 6]


def test_a_short_page_is_not_the_end(server, transport):
    pages = [_page(ROWS[:2], Record_Limit=4), _page(ROWS[2:3]), _page(ROWS[3:7]), _page([])]
    assert _symbols(_query(server, transport, *pages, page_rows=4)) == ALL
    assert [asked.json["offset"] for asked in server.asked()] == [0, 2, 3, 7]


def test_rows_that_are_not_kept_are_counted_and_let_go(server, transport):
    pages = _query(server, transport, _dataset(ROWS, total=7), keep=lambda row: row["issueSymbolIdentifier"] in {"S1", "S5"})
    assert (_symbols(pages), pages.received, pages.record_total) == (["S1", "S5"], 7, 7)
    assert [asked.json["offset"] for asked in server.asked()] == [0, 3, 6]


def test_rows_that_are_not_kept_are_checked_too(server, transport):
    wrong = {**ROWS[1], "tierIdentifier": "OTCE"}
    message = _fails(MalformedSource, lambda: _query(server, transport, _page([ROWS[0], wrong], 2), keep=lambda _row: False))
    assert "row 2, tierIdentifier: found OTCE" in message


@pytest.mark.parametrize("nothing", [reply(status=204), reply(""), reply(" \r\n"), json_reply([]), _page([], total=0)])
def test_a_query_that_selects_nothing_has_no_rows(server, transport, nothing):
    pages = _query(server, transport, nothing)
    assert (list(pages.rows.rows), len(server.asked())) == ([], 1)


@pytest.mark.parametrize("end", [reply(status=204), reply(""), json_reply([])])
def test_without_a_total_an_empty_page_is_the_end(server, transport, end):
    assert _symbols(_query(server, transport, _page(ROWS[:3]), _page(ROWS[3:6]), end)) == ALL[:6]


def test_an_exact_copy_on_the_same_page_is_left_to_the_readers(server, transport):
    assert _symbols(_query(server, transport, _page([ROWS[0], ROWS[0]], 3), _page([ROWS[1]], 3))) == ["S0", "S0", "S1"]


def test_rows_that_differ_in_one_field_are_two(server, transport):
    other = {**ROWS[0], "issueName": "another"}
    assert _symbols(_query(server, transport, _page([ROWS[0]], 2), _page([other], 2))) == ["S0", "S0"]


def test_an_order_keeps_the_rows_of_an_unsteady_service_in_place(server, transport):
    assert _symbols(_query(server, transport, _unsteady(ROWS), sort=["issueSymbolIdentifier"])) == ALL


def test_numbers_keep_their_text(server, transport):
    pages = _query(server, transport, reply('[{"tierIdentifier": "T1", "q": 1.50, "n": 1e400}]', Record_Total=1))
    assert pages.rows.rows == [{"tierIdentifier": "T1", "q": "1.50", "n": "1e400"}]


# Pages that do not add up


@pytest.mark.parametrize("steps", [[_page(ROWS[:3])], [_page(ROWS[:3], 7)], [_page(ROWS[:3]), _page(ROWS[3:6]), _page(ROWS[:3])]])
def test_a_page_that_comes_again_is_incomplete(server, transport, steps):
    message = _fails(IncompleteSource, lambda: _query(server, transport, *steps))
    assert "found 3 of the rows of a page before" in message


def test_an_order_that_shifts_between_the_pages_is_incomplete_though_the_rows_are_as_many_as_announced(server, transport):
    message = _fails(IncompleteSource, lambda: _query(server, transport, _unsteady(ROWS)))
    assert "FINRA data: page 3: found 1 of the rows of a page before; allowed: the rows that follow them" in message


def test_a_row_comes_again_whatever_the_order_of_its_fields(server, transport):
    again = dict(reversed(ROWS[2].items()))
    _fails(IncompleteSource, lambda: _query(server, transport, _page(ROWS[:3], 5), _page([ROWS[3], again], 5)))


def test_a_page_of_blanks_is_not_taken_for_an_empty_one(server, transport, monkeypatch):
    monkeypatch.setattr(query_api, "_MAX_PAGE_BYTES", 100)
    message = _fails(OversizedSource, lambda: _query(server, transport, reply(f"[{' ' * 99}]")))
    assert "FINRA data: body: found 101 bytes; allowed: up to 100 bytes" in message


@pytest.mark.parametrize("total", [8, 100])
def test_fewer_rows_than_announced_are_incomplete(server, transport, total):
    message = _fails(IncompleteSource, lambda: _query(server, transport, _dataset(ROWS, total=total)))
    assert f"FINRA data: rows: found 7; allowed: {total}, the record-total" in message


@pytest.mark.parametrize("total", [0, 4, 6])
def test_more_rows_than_announced_are_incomplete(server, transport, total):
    _fails(IncompleteSource, lambda: _query(server, transport, _page(ROWS, total)))


def test_a_total_that_moves_between_the_pages_is_incomplete(server, transport):
    message = _fails(IncompleteSource, lambda: _query(server, transport, _page(ROWS[:3], 6), _page(ROWS[3:6], 7)))
    assert "page 2: found record-total 7; allowed: 6, as on the first page" in message


@pytest.mark.parametrize("total", ["many", "-1", "7.0", "9" * 40])
def test_a_total_that_is_no_number_is_refused(server, transport, total):
    assert "header record-total" in _fails(MalformedSource, lambda: _query(server, transport, _page(ROWS, total)))


def test_more_rows_than_the_service_can_page_are_incomplete(server, transport, monkeypatch):
    monkeypatch.setattr(query_api, "MAX_OFFSET", 5)
    assert "FINRA's last offset" in _fails(IncompleteSource, lambda: _query(server, transport, _dataset(ROWS, total=7)))
    assert len(server.asked()) == 2


def test_pages_without_an_end_are_incomplete(server, transport, monkeypatch):
    monkeypatch.setattr(query_api, "MAX_PAGES", 3)
    endless = [_page([{"tierIdentifier": "T1", "n": number}], 99) for number in range(9)]
    assert "an end to them" in _fails(IncompleteSource, lambda: _query(server, transport, *endless))


# Filters


@pytest.mark.parametrize("text", [WEEK, "2025-12-01T00:00:00", "2025-12-01 00:00:00.000", "2025-12-01T00:00:00Z", f" {WEEK} "])
def test_a_day_may_be_written_with_its_midnight(server, transport, text):
    row = {"weekStartDate": text, "tierIdentifier": "t1"}
    assert _query(server, transport, _page([row], 1)).rows.rows == [row]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"weekStartDate": "2025-11-24", "tierIdentifier": "T1"}, "row 2, weekStartDate: found 2025-11-24; allowed: 2025-12-01"),
        ({"weekStartDate": "2025-12-01T06:00:00", "tierIdentifier": "T1"}, "found 2025-12-01T06:00:00"),
        ({"weekStartDate": WEEK, "tierIdentifier": "OTCE"}, "row 2, tierIdentifier: found OTCE; allowed: T1, as asked for"),
        ({"weekStartDate": WEEK, "tierIdentifier": None}, "found None"),
        ({"weekStartDate": WEEK}, "row 2, tierIdentifier: found None"),
    ],
)
def test_a_row_that_the_filters_exclude_means_that_the_service_ignored_them(server, transport, row, words):
    assert words in _fails(MalformedSource, lambda: _query(server, transport, _page([ROWS[0], row, row])))


def test_a_minority_of_other_dates_is_left_to_the_readers(server, transport):
    other = {"weekStartDate": "2025-11-24", "tierIdentifier": "T1"}
    assert len(_query(server, transport, _page([ROWS[0], ROWS[1], other], 3)).rows.rows) == 3


def test_a_value_that_was_not_among_those_asked_for_is_refused(server, transport):
    rows = [{"summaryTypeCode": "ATS_W_SMBL"}, {"summaryTypeCode": "ATS_W_SMBL_FIRM"}]
    asked = {"equal": {}, "among": {"summaryTypeCode": ["ATS_W_SMBL", "OTC_W_SMBL"]}}
    message = _fails(MalformedSource, lambda: _query(server, transport, _page(rows), **asked))
    assert "row 2, summaryTypeCode: found ATS_W_SMBL_FIRM; allowed: ATS_W_SMBL, OTC_W_SMBL, as asked for" in message


def test_a_field_that_no_row_holds_is_left_to_the_readers(server, transport):
    assert _query(server, transport, _page([{"other": "x"}], 1)).rows.columns == ("other",)


# Faults of the service


@pytest.mark.parametrize("broken", [error_page(), reply('[{"a"'), reply(status=503), reply(status=429)])
def test_a_page_that_breaks_is_asked_again(server, transport, broken):
    assert _symbols(_query(server, transport, _page(ROWS[:3], 5), broken, _page(ROWS[3:5], 5))) == ALL[:5]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (error_page(), BrokenContent), (reply("a,b\n1,2\n"), BrokenContent), (json_reply({"message": "no"}), MalformedSource),
        (json_reply([1]), MalformedSource), (json_reply("x"), MalformedSource), (reply("[" * 99_999), MalformedSource),
        (reply(status=503), Unreachable), (reply(status=400), RefusedBySource), (reply(status=403), RefusedBySource),
    ],
)  # fmt: skip
def test_a_service_that_stays_broken_is_a_typed_error(server, transport, step, error):
    _fails(error, lambda: _query(server, transport, _page(ROWS[:3], 7), step))


def test_a_rate_limit_for_ever_names_no_setting_for_there_is_none(server, transport):
    message = _fails(RateLimited, lambda: _query(server, transport, reply(status=429, Retry_After=0)))
    assert message == "FINRA data: still over the service's rate limit after 3 attempts. Run it again later."


def test_a_refused_call_names_the_settings(server, transport):
    message = _fails(CredentialsRefused, lambda: _query(server, transport, reply("who are you?", status=401)))
    assert message == "FINRA data: answered 401 (who are you?). Correct FINRA_API_KEY and FINRA_API_SECRET."


def test_parameters_of_the_user_are_in_no_log_line(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    api = QueryApi(transport, extra_params={"apiKey": "canary-parameter"}, extra_json={"password": "canary-body"})
    with pytest.raises(SourceError) as caught:
        api.rows(server.on("/data", reply(status=503)), what="FINRA data", equal=EQUAL)
    assert "canary" not in caplog.text + repr(caught.value)
