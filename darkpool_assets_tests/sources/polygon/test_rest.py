"""Polygon's REST API over real sockets: what is asked, how pages follow, what refusals become, and where no key goes."""

import datetime as dt
import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Self

import polars as pl
import pytest

from darkpool_assets.sources.answer_limits import Limits
from darkpool_assets.sources.errors import (
    BrokenContent,
    CredentialsRefused,
    ForeignAddress,
    IncompleteSource,
    MalformedSource,
    NotEntitled,
    RefusedBySource,
    SourceError,
    Unreachable,
)
from darkpool_assets.sources.polygon import rest as rest_module
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest, polygon_hosts
from darkpool_assets.sources.transport import Answer, Transport
from darkpool_assets_tests.sources.polygon.polygon_service import BUSY, NOT_ENTITLED, OUT_OF_REACH, UNKNOWN_KEY, PolygonService

KEY = "canary-5f0e1c"
DAY = dt.date(2024, 5, 1)
FAST = Limits(retries=2, wait_initial=0, wait_max=0)
TRADES = "/v3/trades/SPY"


@dataclass(frozen=True)
class _Page:
    rows: pl.DataFrame
    next_url: str | None
    is_repeated: bool = False

    def repeated(self) -> Self:
        return replace(self, rows=self.rows.clear(), is_repeated=True)


def _read(answer: Answer) -> _Page:
    try:
        body = json.loads(answer.body)
    except ValueError:
        raise BrokenContent(answer.what, "body", found="no JSON", allowed="JSON") from None
    times = [row["sip_timestamp"] for row in body["results"]]
    return _Page(pl.DataFrame({"timestamp": times}, schema={"timestamp": pl.Datetime("ns")}), body.get("next_url"))


@pytest.fixture
def service() -> Iterator[PolygonService]:
    with PolygonService(trades={"SPY": [{"sip_timestamp": time} for time in range(10, 17)]}, page_rows=3) as running:
        yield running


@pytest.fixture
def other() -> Iterator[PolygonService]:
    """A service of somebody else."""
    with PolygonService() as running:
        yield running


@pytest.fixture
def rest(service) -> Iterator[PolygonRest]:
    with Transport("Polygon", auth=BearerAuth(KEY), limits=FAST, hosts=polygon_hosts(service.url)) as transport:
        yield PolygonRest(transport, base_url=f"{service.url}/")


def _times(rest: PolygonRest, first_ns=0, last_ns=100) -> list[int]:
    pages = rest.trades("SPY", first_ns=first_ns, last_ns=last_ns, read=_read)
    return [time for page in pages for time in page.rows["timestamp"].to_physical()]


def test_pages_are_followed_to_the_last(rest, service):
    assert _times(rest) == list(range(10, 17))
    assert len(service.asked) == rest.requests == 3


def test_both_instants_lie_inside(rest):
    assert _times(rest, 11, 13) == [11, 12, 13]


def test_what_is_asked_for_is_said_in_full_and_the_key_only_in_the_header(rest, service):
    list(rest.quotes("BRK.B", first_ns=5, last_ns=9, read=_read))
    (asked,) = service.asked
    assert asked.path == "/v3/quotes/BRK.B"
    assert asked.query == {
        "timestamp.gte": "5", "timestamp.lt": "10", "order": "asc", "sort": "timestamp", "limit": "50000",
    }  # fmt: skip
    assert asked.authorization == f"Bearer {KEY}"


def test_the_pages_after_the_first_are_asked_with_their_cursor_and_the_key_in_the_header(rest, service):
    _times(rest)
    assert [set(asked.query) for asked in service.asked[1:]] == [{"cursor"}, {"cursor"}]
    assert {asked.authorization for asked in service.asked} == {f"Bearer {KEY}"}


def test_a_symbol_cannot_lead_to_another_question(rest, service):
    service.fail("/v3/trades/", 200, {"results": []})
    list(rest.trades("../x?limit=1#", first_ns=0, last_ns=1, read=_read))
    assert [(asked.path, asked.query["limit"]) for asked in service.asked] == [("/v3/trades/../x?limit=1#", "50000")]


def test_bars_are_asked_for_unadjusted(rest, service):
    rest.minute_bars("SPY", DAY, read=lambda answer: answer)
    rest.grouped_daily(DAY, read=lambda answer: answer)
    assert [(asked.path, asked.query) for asked in service.asked] == [
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-05-01/2024-05-01", {"adjusted": "false", "sort": "asc", "limit": "50000"}),
        ("/v2/aggs/grouped/locale/us/market/stocks/2024-05-01", {"adjusted": "false"}),
    ]


def _page(service, times: list[int], cursor: str | None = None) -> tuple[int, dict[str, object]]:
    body: dict[str, object] = {"results": [{"sip_timestamp": time} for time in times]}
    return 200, body if cursor is None else {**body, "next_url": service.next_url(TRADES, cursor)}


def test_an_empty_page_with_a_next_one_is_followed(rest, service):
    pages = iter([_page(service, [10], "1"), _page(service, [], "2"), _page(service, [11])])
    service.faults[TRADES] = lambda _asked: next(pages)
    assert _times(rest) == [10, 11]


def test_pages_in_a_circle_are_noticed(rest, service):
    times = count()
    service.faults[TRADES] = lambda _asked: _page(service, [next(times)], "again")
    with pytest.raises(IncompleteSource, match=r"Polygon /v3/trades/SPY: page 2, next_url: found a page that was read"):
        _times(rest)
    assert len(service.asked) == 2


def test_pages_without_an_end_are_given_up(rest, service, monkeypatch):
    monkeypatch.setattr(rest_module, "MAX_PAGES", 4)
    times = count()
    service.faults[TRADES] = lambda _asked: _page(service, [time := next(times)], f"after {time}")
    with pytest.raises(IncompleteSource, match="found more than 4 pages"):
        _times(rest)
    assert len(service.asked) == 4


def test_a_page_that_goes_back_is_refused(rest, service):
    pages = iter([_page(service, [10, 11], "2"), _page(service, [9, 12])])
    service.faults[TRADES] = lambda _asked: next(pages)
    with pytest.raises(IncompleteSource, match="page 2: results: found rows older than the last of the page before"):
        _times(rest)


def _repetitions(rest: PolygonRest) -> list[bool]:
    return [page.is_repeated for page in rest.trades("SPY", first_ns=0, last_ns=100, read=_read)]


def test_a_page_that_repeats_the_one_before_comes_empty_and_its_cursor_is_followed(rest, service):
    pages = [_page(service, [10, 11], "2"), _page(service, [10, 11], "3"), _page(service, [12])]
    replies = iter([*pages, *pages])
    service.faults[TRADES] = lambda _asked: next(replies)
    assert _times(rest) == [10, 11, 12]
    assert _repetitions(rest) == [False, True, False]


def test_a_page_is_a_repetition_as_often_as_it_comes(rest, service):
    pages = iter([_page(service, [10, 11], f"{cursor}") for cursor in range(4)] + [_page(service, [10, 11])])
    service.faults[TRADES] = lambda _asked: next(pages)
    assert _repetitions(rest) == [False, True, True, True, True]


def test_a_page_that_comes_again_after_an_empty_one_is_a_repetition(rest, service):
    pages = iter([_page(service, [10], "1"), _page(service, [], "2"), _page(service, [10])])
    service.faults[TRADES] = lambda _asked: next(pages)
    assert _repetitions(rest) == [False, False, True]


def test_a_page_that_goes_back_behind_a_repetition_is_refused(rest, service):
    pages = iter([_page(service, [10, 11], "2"), _page(service, [10, 11], "3"), _page(service, [9])])
    service.faults[TRADES] = lambda _asked: next(pages)
    with pytest.raises(IncompleteSource, match="page 3: results: found rows older"):
        _times(rest)


def test_a_repetition_that_leads_back_is_a_circle(rest, service):
    service.faults[TRADES] = lambda _asked: _page(service, [10], "again")
    with pytest.raises(IncompleteSource, match="page 2, next_url: found a page that was read"):
        _times(rest)


@pytest.mark.parametrize(
    "address",
    [
        "{other}/v3/trades/SPY?cursor=x", "{own}@{other_host}/v3/trades/SPY?cursor=x", "https://{own_host}/v3/trades/SPY?cursor=x",
        "http://user:word@{own_host}/v3/trades/SPY", "//{other_host}/v3/trades/SPY", "/v3/trades/SPY?cursor=x",
        "file:///etc/passwd", "http://", "nonsense", "https://api.polygon.io/v3/trades/SPY", "http://localhost:{own_port}/",
    ],
)  # fmt: skip
def test_a_page_at_another_address_is_not_followed_and_no_key_leaves(address, rest, service, other):
    own_host, other_host = service.url.removeprefix("http://"), other.url.removeprefix("http://")
    own_port = own_host.partition(":")[2]
    url = address.format(own=service.url, other=other.url, own_host=own_host, other_host=other_host, own_port=own_port)
    service.fail(TRADES, 200, {"results": [], "next_url": url})
    with pytest.raises(ForeignAddress, match="no key was sent there"):
        _times(rest)
    assert (len(service.asked), other.asked) == (1, [])


def test_a_redirect_is_not_followed(rest, service, other):
    service.fail(TRADES, 302, "", {"Location": f"{other.url}/v3/trades/SPY"})
    with pytest.raises(ForeignAddress):
        _times(rest)
    assert (len(service.asked), other.asked) == (1, [])


@pytest.mark.parametrize("refusal", [NOT_ENTITLED, OUT_OF_REACH])
@pytest.mark.parametrize(
    ("path", "endpoint", "call"),
    [
        (TRADES, "/v3/trades", _times),
        ("/v3/quotes/SPY", "/v3/quotes", lambda rest: list(rest.quotes("SPY", first_ns=0, last_ns=1, read=_read))),
        ("/v2/aggs", "/v2/aggs", lambda rest: rest.minute_bars("SPY", DAY, read=_read)),
        ("/v2/aggs", "/v2/aggs", lambda rest: rest.grouped_daily(DAY, read=_read)),
    ],
)
def test_what_the_plan_lacks_is_told_from_other_refusals(refusal, path, endpoint, call, rest, service):
    service.fail(path, *refusal)
    with pytest.raises(NotEntitled, match=f"answered 403 .*The plan of POLYGON_API_KEY does not include this of {endpoint}"):
        call(rest)
    assert len(service.asked) == 1


@pytest.mark.parametrize("reply", [(403, "<html>blocked</html>"), (403, ""), (400, {"status": "NOT_AUTHORIZED"}), (404, "{}")])
def test_another_refusal_says_nothing_of_the_plan(reply, rest, service):
    service.fail(TRADES, *reply)
    with pytest.raises(RefusedBySource, match=f"answered {reply[0]}") as caught:
        _times(rest)
    assert not isinstance(caught.value, NotEntitled)


def test_an_unknown_key_is_told_by_the_settings_name(rest, service):
    service.fail(TRADES, *UNKNOWN_KEY)
    with pytest.raises(CredentialsRefused, match=r"answered 401 .*Unknown API Key.*Correct POLYGON_API_KEY"):
        _times(rest)
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_the_key_is_in_no_error_even_when_the_service_repeats_it(status, rest, service):
    service.fail(TRADES, status, f"NOT_AUTHORIZED: the key {KEY} of Bearer {KEY}")
    with pytest.raises(SourceError) as caught:
        _times(rest)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in repr(vars(caught.value))


def test_a_broken_page_is_asked_for_again(rest, service):
    replies = iter([BUSY, (200, "<html>login</html>"), None])
    service.faults[TRADES] = lambda asked: None if "cursor" in asked.query else next(replies)
    assert _times(rest) == list(range(10, 17))
    assert rest.requests == len(service.asked) == 5


def test_a_page_that_is_never_whole_ends_in_an_error(rest, service):
    service.fail(TRADES, 200, '{"results": [')
    with pytest.raises(BrokenContent, match="Polygon /v3/trades/SPY, page 1"):
        _times(rest)
    service.fail(TRADES, *BUSY)
    with pytest.raises(Unreachable, match="Polygon /v3/trades/SPY, page 1: no whole answer after 3 attempts"):
        _times(rest)


def test_a_page_of_a_wrong_shape_is_not_asked_for_again(rest, service):
    def read(answer: Answer) -> _Page:
        raise MalformedSource(answer.what, "results", found="a number", allowed="a list")

    with pytest.raises(MalformedSource, match="page 1"):
        list(rest.trades("SPY", first_ns=0, last_ns=100, read=read))
    assert len(service.asked) == 1


def test_the_two_names_of_the_service_are_one():
    both = ("https://api.polygon.io", "https://api.massive.com")
    assert polygon_hosts("https://api.polygon.io/") == polygon_hosts("https://API.massive.com:443") == both


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("http://api.polygon.io", "http://api.polygon.io"),
        ("https://api.polygon.io:8443", "https://api.polygon.io:8443"),
        ("https://proxy.example/polygon/", "https://proxy.example"),
        ("https://api.polygon.io.example", "https://api.polygon.io.example"),
    ],
)
def test_any_other_address_stands_for_itself(base_url, origin):
    assert polygon_hosts(base_url) == (origin,)


def test_the_key_is_not_shown():
    assert KEY not in repr(BearerAuth(KEY))
