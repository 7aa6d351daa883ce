"""FINRA's tokens: the flow by itself, and over real sockets."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import httpx
import pytest

from darkpool_assets.sources.errors import (
    BrokenContent,
    CredentialsRefused,
    ForeignAddress,
    OversizedSource,
    PermanentSourceError,
    RateLimited,
    RefusedBySource,
    SourceError,
    Unreachable,
)
from darkpool_assets.sources.finra.auth import FinraAuth
from darkpool_assets.sources.transport import Limits, Transport
from darkpool_assets_tests.sources.scripted_server import (
    Asked,
    Reply,
    ScriptedServer,
    error_page,
    gzip_bomb,
    json_reply,
    redirect,
    reply,
)

KEY, SECRET, TOKEN = "canary-key-1", "canary-secret-2", "canary-token-3"
TOKEN_URL = "https://ews.example/oauth2/access_token"
BASIC = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
QUICK = Limits(wait_initial=0.0, retries=2)


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _auth(token_url: str = TOKEN_URL, clock: Callable[[], float] = lambda: 0.0) -> FinraAuth:
    return FinraAuth(key=KEY, secret=SECRET, token_url=token_url, clock=clock)


def _request() -> httpx.Request:
    return httpx.Request("POST", "https://api.example/data")


def _token(token: str = TOKEN, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 43100, **more})


def _walk(auth: FinraAuth, *answers: httpx.Response) -> list[httpx.Request]:
    """The requests that one call makes when `answers` come back; all of them, and no more, are taken."""
    flow = auth.sync_auth_flow(_request())
    sent = [next(flow)]
    sent += [flow.send(answer) for answer in answers[:-1]]
    with pytest.raises(StopIteration):
        flow.send(answers[-1])
    return sent


def _kinds(requests: list[httpx.Request]) -> list[str]:
    return ["token" if request.url.host == "ews.example" else request.headers["Authorization"] for request in requests]


# The flow by itself


def test_the_token_request_is_a_post_with_basic_credentials_and_the_grant_type():
    request = next(_auth().sync_auth_flow(_request()))
    assert (request.method, str(request.url)) == ("POST", f"{TOKEN_URL}?grant_type=client_credentials")
    assert request.headers["Authorization"] == BASIC


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (f"{TOKEN_URL}?grant_type=client_credentials", f"{TOKEN_URL}?grant_type=client_credentials"),
        (f"{TOKEN_URL}?realm=a", f"{TOKEN_URL}?realm=a&grant_type=client_credentials"),
    ],
)
def test_the_grant_type_is_appended_where_it_is_absent(given, asked):
    assert str(next(_auth(given).sync_auth_flow(_request())).url) == asked


def test_a_token_is_fetched_once_and_held():
    auth, done = _auth(), httpx.Response(200)
    assert _kinds(_walk(auth, _token(), done)) == ["token", f"Bearer {TOKEN}"]
    assert _kinds(_walk(auth, done)) == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("expires_in", "held", "ended"),
    [
        (43100, 43039, 43041), ("43100", 43039, 43041), (100, 89, 91), (None, 1e9, None), ("soon", 1e9, None), ([], 1e9, None),
        (1e400, 1e9, None), (0, None, 0), (-5, None, 0), (float("nan"), None, 0),
    ],
)  # fmt: skip
def test_a_token_is_replaced_shortly_before_it_ends(expires_in, held, ended):
    clock, done = _Clock(), httpx.Response(200)
    auth = _auth(clock=clock)
    answer = httpx.Response(200, content=json.dumps({"access_token": TOKEN, "expires_in": expires_in}))
    _walk(auth, answer, done)
    if held is not None:
        clock.now = held
        assert _kinds(_walk(auth, done)) == [f"Bearer {TOKEN}"]
    if ended is not None:
        clock.now = ended
        assert _kinds(_walk(auth, _token("next"), done)) == ["token", "Bearer next"]


def test_a_refused_token_is_dropped_and_the_request_made_once_more():
    auth, refused = _auth(), httpx.Response(401)
    _walk(auth, _token("old"), httpx.Response(200))
    assert _kinds(_walk(auth, refused, _token("new"), httpx.Response(200)))[::2] == ["Bearer new", "Bearer new"]
    assert _kinds(_walk(auth, httpx.Response(200))) == ["Bearer new"]


def test_a_second_refusal_is_the_answer():
    assert len(_walk(_auth(), _token("a"), httpx.Response(401), _token("b"), httpx.Response(401))) == 4


def test_a_token_that_another_thread_replaced_meanwhile_is_used():
    auth = _auth()
    _walk(auth, _token("old"), httpx.Response(200))
    late = auth.sync_auth_flow(_request())
    next(late)
    _walk(auth, httpx.Response(401), _token("new"), httpx.Response(200))
    assert late.send(httpx.Response(401)).headers["Authorization"] == "Bearer new"


@pytest.mark.parametrize("status", [302, 404, 408, 429, 500, 503])
def test_what_may_pass_at_the_token_service_is_left_to_the_transport(status):
    assert _kinds(_walk(_auth(), httpx.Response(status))) == ["token"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_service_that_refuses_names_the_settings(status):
    flow = _auth().sync_auth_flow(_request())
    next(flow)
    with pytest.raises(CredentialsRefused, match=r"FINRA token: answered .*Correct FINRA_API_KEY and FINRA_API_SECRET"):
        flow.send(httpx.Response(status, text="invalid_client"))


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"access_token": ""}', '{"access_token": 7}', '{"access_token": "a\\nb"}', "[" * 99_999]
)
def test_an_answer_without_a_token_is_broken_content(body):
    flow = _auth().sync_auth_flow(_request())
    next(flow)
    with pytest.raises(BrokenContent, match=r"FINRA token: body: found .* bytes without a token"):
        flow.send(httpx.Response(200, text=body))


def test_a_flow_that_is_given_up_lets_the_next_one_fetch():
    auth = _auth()
    flow = auth.sync_auth_flow(_request())
    next(flow)
    flow.close()
    assert _kinds(_walk(auth, _token(), httpx.Response(200))) == ["token", f"Bearer {TOKEN}"]


@pytest.mark.parametrize("wrong", ["", "a b", "a\n", "\u20ac", "\udc80"])
@pytest.mark.parametrize("name", ["key", "secret"])
def test_a_key_that_cannot_be_one_is_refused_by_its_setting(name, wrong):
    given = {"key": KEY, "secret": SECRET, name: wrong}
    with pytest.raises(PermanentSourceError, match=f"^FINRA_API_{name.upper()}: found a blank, line end") as caught:
        FinraAuth(**given, token_url=TOKEN_URL)
    assert "canary" not in repr(caught.value)


# Over real sockets


@pytest.fixture
def token_server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        started.on("/token", _token_reply())
        yield started


@pytest.fixture
def transport(server: ScriptedServer, token_server: ScriptedServer) -> Iterator[Transport]:
    auth = FinraAuth(key=KEY, secret=SECRET, token_url=f"{token_server.url}/token")
    with Transport("FINRA", auth=auth, limits=QUICK, hosts=[server.url]) as started:
        yield started


def _token_reply(token: str = TOKEN, expires_in: float = 43100) -> Reply:
    return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": expires_in})


def _only_with(token: str) -> Callable[[Asked], Reply]:
    return lambda asked: reply("ok") if asked.headers.get("authorization") == f"Bearer {token}" else reply(status=401)


def test_credentials_go_to_the_token_service_and_the_token_to_the_api(server, token_server, transport):
    assert transport.get(server.on("/data", _only_with(TOKEN)), what="FINRA data").body == b"ok"
    assert [asked.headers["authorization"] for asked in token_server.asked()] == [BASIC]
    assert token_server.asked()[0].query == {"grant_type": "client_credentials"}
    assert [asked.headers["authorization"] for asked in server.asked()] == [f"Bearer {TOKEN}"]
    assert transport.requests == 2


def test_many_threads_make_one_token_request(server, token_server, transport):
    url = server.on("/data", _only_with(TOKEN))
    token_server.on("/token", reply(json.dumps({"access_token": TOKEN}), delay=0.05))
    start = Barrier(8)

    def ask(_: int) -> bytes:
        start.wait()
        return transport.get(url, what="FINRA data").body

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [b"ok"] * 8
    assert len(token_server.asked()) == 1


def test_many_threads_whose_token_ends_mid_run_make_one_more_token_request(server, token_server, transport):
    token_server.on("/token", _token_reply("first"), _token_reply("second"))
    url = server.on("/data", _only_with("first"))
    transport.get(url, what="FINRA data")
    start = Barrier(4)

    def refuse_until_all_came(asked: Asked) -> Reply:
        if asked.headers["authorization"] == "Bearer first":
            start.wait(timeout=5)
        return _only_with("second")(asked)

    server.on("/data", refuse_until_all_came)
    with ThreadPoolExecutor(4) as pool:
        bodies = list(pool.map(lambda _: transport.get(url, what="FINRA data").body, range(4)))
    assert (bodies, len(token_server.asked())) == ([b"ok"] * 4, 2)


def test_a_token_that_expired_is_replaced_without_a_refused_request(server, token_server, transport):
    numbers = count(1)
    token_server.on("/token", lambda _: _token_reply(f"t{next(numbers)}", expires_in=0))
    url = server.on("/data", reply("ok"))
    for _ in range(2):
        transport.get(url, what="FINRA data")
    assert [asked.headers["authorization"] for asked in server.asked()] == ["Bearer t1", "Bearer t2"]


def test_a_token_that_is_refused_for_ever_ends_after_one_refresh(server, token_server, transport):
    with pytest.raises(CredentialsRefused):
        transport.get(server.on("/data", reply(status=401)), what="FINRA data")
    assert (len(server.asked()), len(token_server.asked())) == (2, 2)


@pytest.mark.parametrize(
    ("steps", "error", "calls"),
    [
        ([reply(status=503)], Unreachable, 3), ([reply(status=429)], RateLimited, 3), ([error_page()], BrokenContent, 3),
        ([reply("bad", status=401)], CredentialsRefused, 1), ([reply(status=404)], RefusedBySource, 1),
        ([gzip_bomb(50_000_000)], OversizedSource, 1), ([redirect("http://127.0.0.1:1/")], ForeignAddress, 1),
    ],
)  # fmt: skip
def test_a_token_service_that_fails_is_a_typed_error_and_nothing_else_is_asked(
    server, token_server, transport, steps, error, calls
):
    token_server.on("/token", *steps)
    with pytest.raises(error, match=r"^FINRA token: ") as caught:
        transport.get(server.on("/data", reply("ok")), what="FINRA data")
    assert type(caught.value) is error
    assert (len(token_server.asked()), server.asked()) == (calls, [])


@pytest.mark.parametrize("broken", [reply(status=500), reply(status=429), error_page(), reply('{"access_token": "cut')])
def test_a_token_service_that_recovers_gives_a_token(server, token_server, transport, broken):
    token_server.on("/token", broken, _token_reply())
    assert transport.get(server.on("/data", _only_with(TOKEN)), what="FINRA data").body == b"ok"


def test_a_token_service_that_redirects_gives_its_target_nothing(server, token_server, transport):
    with ScriptedServer() as other:
        token_server.on("/token", redirect(f"{other.url}/token", status=307))
        with pytest.raises(ForeignAddress):
            transport.get(server.on("/data", reply()), what="FINRA data")
        assert other.asked() == []


def test_no_key_secret_or_token_is_in_an_error_its_chain_a_log_line_or_a_repr(server, token_server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    echo = f"{KEY} {SECRET} {BASIC}"
    failures = [
        (_token_reply(), reply(f"no {TOKEN}", status=401)), (_token_reply(), reply(f"no Bearer {TOKEN}", status=403)),
        (_token_reply(), reply(status=503)), (reply(echo, status=400), reply()), (reply(echo, status=404), reply()),
        (reply(f'{{"access_token": ["{TOKEN}"]}}'), reply()),
    ]  # fmt: skip
    texts: list[str] = []
    for at_token, at_data in failures:
        auth = FinraAuth(key=KEY, secret=SECRET, token_url=token_server.on("/token", at_token))
        with Transport("FINRA", auth=auth, limits=QUICK, hosts=[server.url]) as asking, pytest.raises(SourceError) as caught:
            asking.get(server.on("/data", at_data), what="FINRA data")
        linked: BaseException | None = caught.value
        while linked is not None:
            texts += [repr(linked), str(linked), repr(vars(linked))]
            linked = linked.__cause__ or linked.__context__
        texts += [repr(auth), repr(asking)]
    said = "\n".join([caplog.text, *texts])
    assert [secret for secret in (KEY, SECRET, TOKEN, BASIC.split()[1]) if secret in said] == []
