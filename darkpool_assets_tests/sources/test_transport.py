"""Calls over real sockets: what is retried, what is refused, where reading stops, and what nobody may see."""

import datetime as dt
import gzip
import ipaddress
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from darkpool_assets.sources.errors import (
    BrokenContent,
    CredentialsRefused,
    ForeignAddress,
    MalformedSource,
    OversizedSource,
    PermanentSourceError,
    RateLimited,
    RefusedBySource,
    SourceError,
    Unreachable,
)
from darkpool_assets.sources.json_records import JsonRows, read_json_rows
from darkpool_assets.sources.transport import Answer, Limits, Pace, Transport
from darkpool_assets_tests.sources.scripted_server import (
    Reply,
    ScriptedServer,
    connection_reset,
    cut_off,
    dripping_body,
    dripping_headers,
    error_page,
    gzip_bomb,
    gzipped,
    head,
    json_reply,
    redirect,
    reply,
    until_closed,
)
from darkpool_assets_tests.sources.simulated_service import MovingClock

QUICK = Limits(wait_initial=0.0, retries=2)
KEY = "canary-key-7f3a"


class _Bearer(httpx.Auth):
    def __init__(self, key: str = KEY) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds before each retry; nobody waits for them."""
    seconds: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=seconds.append))
    return seconds


def _get(server: ScriptedServer, *steps: Reply, limits: Limits = QUICK, **options: object) -> Answer:
    with Transport("Test", limits=limits, hosts=[server.url]) as transport:
        return transport.get(server.on("/data", *steps), what="Test data", **options)  # type: ignore[arg-type]


def _fails(kind: type[SourceError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


def _rows(answer: Answer) -> JsonRows:
    return read_json_rows(answer.content())


# What is sent, and what comes back


def test_an_answer_holds_status_lower_case_headers_and_the_decoded_body(server):
    answer = _get(server, gzipped(b'{"a": 1}', X_Request_ID="r-1"))
    assert (answer.what, answer.status, answer.body, answer.headers["x-request-id"]) == ("Test data", 200, b'{"a": 1}', "r-1")
    assert answer.content("data.json").name == "data.json"


def test_an_answer_without_content_is_an_answer(server):
    assert _get(server, reply(status=204)).body == b""


def test_compressed_members_one_after_the_other_are_one_body(server):
    body = gzip.compress(b"first,") + gzip.compress(b"second")
    assert _get(server, reply(body, Content_Encoding="gzip")).body == b"first,second"


def test_parameters_join_those_of_the_address(server):
    url = server.on("/data", reply())
    with Transport("Test", hosts=[server.url]) as transport:
        transport.get(f"{url}?cursor=x", params={"limit": 5}, headers={"Accept": "application/json"}, what="Test data")
    asked = server.asked("/data")[0]
    assert asked.query == {"cursor": "x", "limit": "5"}
    assert (asked.headers["accept"], asked.headers["accept-encoding"]) == ("application/json", "gzip")


def test_a_body_is_posted_as_json_again_with_every_attempt(server):
    with Transport("Test", limits=QUICK) as transport:
        transport.post(server.on("/data", reply(status=503), reply()), json={"limit": 5}, params={"a": 1}, what="Test data")
    assert [(asked.method, asked.json, asked.query) for asked in server.asked()] == [("POST", {"limit": 5}, {"a": "1"})] * 2


def test_the_environments_proxy_is_used(server, monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.on("/data", reply("by proxy"))
    with Transport("Test", hosts=["http://feeds.example"]) as transport:
        answer = transport.get("http://feeds.example/data", what="Test data")
    assert (answer.body, server.asked()[0].headers["host"]) == (b"by proxy", "feeds.example")


def test_a_netrc_file_gives_no_credentials(server, monkeypatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login somebody password {KEY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _get(server, reply())
    assert "authorization" not in server.asked()[0].headers


# What is asked again


@pytest.mark.parametrize(
    "broken",
    [
        reply(status=500), reply(status=503), reply(status=408), reply(status=429),
        connection_reset(), connection_reset(head(200)[:20]),
        cut_off(b"[1, 2, 3]", kept=4), cut_off(gzip.compress(b"[1]"), kept=9, Content_Encoding="gzip"),
        until_closed(gzip.compress(bytes(1000))[:-8], Content_Encoding="gzip"),
        reply(b"no gzip", Content_Encoding="gzip"), reply(b"x", Content_Encoding="br"),
        reply(b"x", Content_Encoding="gzip, gzip"),
        Reply([b"SSH-2.0-OpenSSH_9.2\r\n"]), Reply([b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]), Reply([b""]),
        until_closed(b"4\r\n[1, ", Transfer_Encoding="chunked"),
    ],
)  # fmt: skip
def test_what_may_pass_is_asked_again_until_it_is_whole(server, broken):
    assert _get(server, broken, reply("[1]")).body == b"[1]"
    assert len(server.asked()) == 2


@pytest.mark.parametrize("body", [error_page(), reply(b""), reply('[{"a": 1}, {"a"'), reply(gzip.compress(b"[1]"))])
def test_a_body_that_is_not_its_format_is_asked_again(server, body):
    with Transport("Test", limits=QUICK) as transport:
        rows = transport.get(server.on("/data", body, json_reply([{"a": 1}])), what="Test data", read=_rows)
        assert (list(rows.rows), transport.requests) == ([{"a": "1"}], 2)


def test_a_page_of_html_for_ever_is_told_as_what_it_is(server):
    message = _fails(BrokenContent, lambda: _get(server, error_page(), read=_rows))
    assert "Test data: line 1, column 1: found '<html><body>" in message
    assert len(server.asked()) == 3


def test_well_formed_content_of_the_wrong_shape_is_not_asked_again(server):
    _fails(MalformedSource, lambda: _get(server, json_reply({"status": "ERROR"}), read=_rows))
    assert len(server.asked()) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_server_error_for_ever_is_unreachable(server, status):
    message = _fails(Unreachable, lambda: _get(server, reply(status=status)))
    assert f"Test data: no whole answer after 3 attempts (answered {status})" in message


def test_a_rate_limit_for_ever_is_told_as_one(server):
    message = _fails(RateLimited, lambda: _get(server, reply(status=503), reply(status=429)))
    assert "Test data: still over the service's rate limit after 3 attempts" in message


def test_at_most_five_retries_are_made_by_default(server, waits):
    _fails(Unreachable, lambda: _get(server, reply(status=503), limits=Limits()))
    assert len(server.asked()) == 6
    assert [low <= wait <= low + 1 for wait, low in zip(waits, [0.5, 1, 2, 4, 8], strict=True)] == [True] * 5


def test_nobody_listening_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with Transport("Test", limits=QUICK) as transport:
        message = _fails(Unreachable, lambda: transport.get(f"http://127.0.0.1:{port}/data", what="Test data"))
    assert "3 attempts (ConnectError" in message


def test_silence_is_unreachable(server):
    limits = replace(QUICK, read_timeout=0.05, retries=1)
    assert "ReadTimeout" in _fails(Unreachable, lambda: _get(server, reply(delay=5), limits=limits))


# Retry-After


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": 7}, 7), ({"Retry_After": "0"}, 0), ({"Retry_After": 3600}, 120), ({"Retry_After": "1e400"}, 120),
        ({"Retry_After": -5}, 0),
        ({"Date": "Mon, 05 Jan 2026 12:00:00 GMT", "Retry_After": "Mon, 05 Jan 2026 12:00:20 GMT"}, 20),
        ({"Date": "Mon, 05 Jan 2026 12:00:00 GMT", "Retry_After": "Mon, 05 Jan 2026 11:00:00 GMT"}, 0),
        ({"Retry_After": "Mon, 05 Jan 2099 12:00:00 GMT"}, 120),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_up_to_the_limit(server, waits, headers, seconds, status):
    _get(server, reply(status=status, **headers), reply(), limits=Limits())
    assert waits == [seconds]


@pytest.mark.parametrize("text", ["soon", "", "nan", "Mon, 99 Foo 2026"])
def test_without_a_usable_retry_after_the_ordinary_wait_counts(server, waits, text):
    _get(server, reply(status=429, Retry_After=text), reply(), limits=Limits())
    assert 0.5 <= waits[0] <= 1.5


def test_a_retry_after_is_really_waited_for(server):
    started = time.monotonic()
    _get(server, reply(status=429, Retry_After="0.2"), reply())
    assert time.monotonic() - started >= 0.2


# What is refused


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_refusal_is_told_with_its_status_and_words_and_not_repeated(server, status):
    with pytest.raises(RefusedBySource) as caught:
        _get(server, reply("<Code>AccessDenied</Code>", status=status))
    assert (caught.value.status, caught.value.body) == (status, "<Code>AccessDenied</Code>")
    assert type(caught.value) is RefusedBySource
    assert len(server.asked()) == 1


def test_a_refused_key_is_told_apart(server):
    message = _fails(CredentialsRefused, lambda: _get(server, json_reply({"error": "Unknown API Key"}, status=401)))
    assert "Unknown API Key" in message
    assert len(server.asked()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_no_key_leaves(server, status):
    with ScriptedServer() as other, Transport("Test", auth=_Bearer(), hosts=[server.url]) as transport:
        url = server.on("/data", redirect(f"{other.url}/data?token=t-1", status=status))
        message = _fails(ForeignAddress, lambda: transport.get(url, what="Test data"))
        assert f"Test data: leads to {other.url}; allowed" in message
        assert "t-1" not in message
        assert other.asked() == []
    assert server.asked()[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_redirect_within_the_host_is_not_followed_either(server):
    assert server.url in _fails(ForeignAddress, lambda: _get(server, redirect("/elsewhere")))
    assert len(server.asked()) == 1


def test_a_redirect_to_nowhere_is_a_foreign_address(server):
    assert "status 304 without an address" in _fails(ForeignAddress, lambda: _get(server, reply(status=304)))


@pytest.mark.parametrize(
    "url",
    [
        "{other}/data", "http://localhost:{port}/data", "https://127.0.0.1:{port}/data", "http://127.0.0.1/data",
        "http://127.0.0.1:{port}@{other_host}/data", "http://somebody:secret@127.0.0.1:{port}/data", "ftp://127.0.0.1:{port}/data",
        "//127.0.0.1:{port}/data", "/data", "", "http://[", "http://127.0.0.1:{port}.example/data", "http:///data",
    ],
)  # fmt: skip
def test_only_the_named_hosts_are_ever_asked(server, url):
    server.on("/data", reply())
    port = server.url.rsplit(":", 1)[1]
    with ScriptedServer() as other, Transport("Test", auth=_Bearer(), limits=QUICK, hosts=[server.url]) as transport:
        other.on("/data", reply())
        address = url.format(other=other.url, other_host=other.url.removeprefix("http://"), port=port)
        message = _fails(ForeignAddress, lambda: transport.get(address, what="Test data"))
        assert other.asked() == server.asked() == []
    assert "secret" not in message


def test_a_key_without_a_host_that_may_get_it_is_a_mistake():
    with pytest.raises(ValueError, match="no host"):
        Transport("Test", auth=_Bearer())


@pytest.mark.parametrize("host", ["https://example.org:no", "api.example.org", "ftp://example.org", ""])
def test_a_configured_address_that_is_none_is_told(host):
    with pytest.raises(PermanentSourceError, match="Test: the address that is configured for it is no http address"):
        Transport("Test", hosts=[host])


# Limits of one answer


@pytest.mark.parametrize("drip", [dripping_body(every=0.02), dripping_headers(every=0.02)])
def test_an_answer_that_trickles_ends_at_the_deadline(server, drip):
    limits = replace(QUICK, deadline=0.2, retries=1)
    started = time.monotonic()
    message = _fails(Unreachable, lambda: _get(server, drip, limits=limits))
    assert "2 attempts (not whole after 0.2 s)" in message
    assert 0.4 <= time.monotonic() - started < 10


@pytest.mark.parametrize("drip", [dripping_body(every=0.02), dripping_headers(every=0.02)])
def test_an_answer_that_trickles_for_ever_takes_two_deadlines_whatever_retries_are_left(server, drip):
    message = _fails(Unreachable, lambda: _get(server, drip, limits=Limits(deadline=0.2, wait_initial=0)))
    assert "2 attempts (not whole after 0.2 s)" in message
    assert len(server.asked()) == 2


def test_a_late_answer_among_other_failures_is_counted_by_itself(server):
    limits = Limits(deadline=0.2, wait_initial=0)
    late, busy = dripping_body(every=0.02), reply(status=503)
    message = _fails(Unreachable, lambda: _get(server, busy, late, busy, busy, late, limits=limits))
    assert "5 attempts (not whole after 0.2 s)" in message


def test_one_late_answer_leaves_the_other_retries(server):
    limits = Limits(deadline=0.2, wait_initial=0)
    busy = reply(status=503)
    assert _get(server, dripping_body(every=0.02), *[busy] * 4, reply("whole"), limits=limits).body == b"whole"


def test_each_request_may_be_late_once(server):
    limits = Limits(deadline=0.2, wait_initial=0)
    url = server.on("/data", *[dripping_body(every=0.02), reply("whole")] * 2)
    with Transport("Test", limits=limits, hosts=[server.url]) as transport:
        assert [transport.get(url, what="Test data").body for _ in range(2)] == [b"whole"] * 2


def test_the_deadline_holds_through_a_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY")
    server.on("/data", dripping_headers(every=0.02))
    with Transport("Test", limits=replace(QUICK, deadline=0.2, retries=0)) as transport:
        message = _fails(Unreachable, lambda: transport.get("http://feeds.example/data", what="Test data"))
    assert "not whole after 0.2 s" in message


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1, which the client trusts by SSL_CERT_FILE."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2120)).add_extension(
        address, critical=False
    )
    text = built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + text)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_the_deadline_holds_over_tls(certificate, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with ScriptedServer(tls=certificate) as server:
        assert _get(server, reply("safe")).body == b"safe"
        limits = replace(QUICK, deadline=0.3, retries=0)
        message = _fails(Unreachable, lambda: _get(server, dripping_headers(every=0.02), limits=limits))
    assert "not whole after 0.3 s" in message


def test_a_certificate_that_is_not_trusted_is_unreachable(certificate, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SSL_CERT_FILE")
    with ScriptedServer(tls=certificate) as server:
        message = _fails(Unreachable, lambda: _get(server, reply("safe"), limits=replace(QUICK, retries=0)))
        assert "CERTIFICATE_VERIFY_FAILED" in message
        assert server.asked() == []


def test_a_trickle_that_ends_in_time_is_an_answer(server):
    drip = Reply([head(200, Content_Length=5), *[b"x"] * 5], pause=0.01)
    assert _get(server, drip).body == b"xxxxx"


def test_each_attempt_has_its_own_deadline(server):
    limits = replace(QUICK, deadline=0.3)
    assert _get(server, dripping_body(every=0.02), reply(b"whole", delay=0.1), limits=limits).body == b"whole"


def test_a_gzip_bomb_is_left_at_the_limit_in_bounded_memory(server):
    limit, bomb = 8 << 20, gzip_bomb(210_000_000)
    assert len(next(iter(bomb.pieces))) < 210_000
    tracemalloc.start()
    try:
        message = _fails(OversizedSource, lambda: _get(server, bomb, limits=Limits(max_bytes=limit)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "more than 8,388,608 bytes" in message
    assert peak < 2 * limit
    assert len(server.asked()) == 1


def test_an_endless_plain_body_is_left_at_the_limit(server):
    endless = Reply([head(200, Connection="close"), *[bytes(1 << 16)] * 100])
    _fails(OversizedSource, lambda: _get(server, endless, limits=Limits(max_bytes=1 << 20)))
    assert len(server.asked()) == 1


def test_a_body_as_large_as_the_limit_is_an_answer(server):
    assert len(_get(server, gzipped(bytes(3 << 20)), limits=Limits(max_bytes=3 << 20)).body) == 3 << 20


def test_a_body_that_is_compressed_once_more_is_not_unpacked(server):
    bomb = gzip.compress(bytes(50_000_000), 9)
    _fails(BrokenContent, lambda: _get(server, reply(bomb), read=_rows))


# What nobody may see


def _told(caught: pytest.ExceptionInfo[BaseException], caplog: pytest.LogCaptureFixture) -> str:
    """Every text that an error and its chain give, and every log line."""
    texts, errors = [caplog.text], [caught.value]
    while errors:
        error = errors.pop()
        texts += [str(error), repr(error), repr(vars(error)), *map(str, getattr(error, "__notes__", []))]
        errors += [linked for linked in (error.__cause__, error.__context__) if linked is not None]
    return "\n".join(texts)


@pytest.mark.parametrize(
    "step",
    [
        reply(f'{{"error": "Unknown API Key: {KEY}"}}', status=401), reply(f"forbidden for {KEY}", status=403),
        reply(status=503), reply(status=429), connection_reset(), cut_off(b"[1]", kept=1),
        redirect(f"https://example.org/?apiKey={KEY}"), redirect(f"https://{KEY}.example.org/"),
        Reply([f"HTTP/1.1 200 OK\r\nyour Bearer {KEY} is odd\r\n\r\n".encode()]), reply(b"x", Content_Encoding=KEY),
        reply(delay=5), error_page(), reply(f"Unknown key {KEY}"),
        Reply([b"HTTP/1.1 302 Found\r\nLocation: http://[canary-key-7f3a\r\n\r\n"]),
    ],
)  # fmt: skip
def test_no_key_is_in_an_error_its_chain_or_a_log_line(server, step, caplog):
    caplog.set_level(logging.DEBUG)
    limits = replace(QUICK, read_timeout=0.05, retries=1)
    with Transport("Test", auth=_Bearer(), limits=limits, hosts=[server.url]) as transport:
        url = server.on("/data", step)
        with pytest.raises(SourceError) as caught:
            transport.get(f"{url}?cursor={KEY}", params={"apiKey": KEY}, what="Test data", read=_rows)
        assert KEY not in repr(transport)
    assert KEY not in _told(caught, caplog)


@pytest.mark.parametrize("key", [f"{KEY}\nX-More: 1", f"{KEY}\x00"])
def test_a_key_that_no_header_can_hold_is_not_sent_and_not_shown(server, key, caplog):
    caplog.set_level(logging.DEBUG)
    with (
        Transport("Test", auth=_Bearer(key), limits=QUICK, hosts=[server.url]) as transport,
        pytest.raises(PermanentSourceError, match="Test data: not sent: its key") as caught,
    ):
        transport.get(server.on("/data", reply()), what="Test data")
    assert KEY not in _told(caught, caplog)
    assert server.asked() == []


def test_a_finished_request_is_one_debug_line_and_a_retry_a_warning(server, caplog):
    caplog.set_level(logging.DEBUG)
    with Transport("Test", auth=_Bearer(), limits=QUICK, hosts=[server.url]) as transport:
        url = server.on("/data", reply(status=503), reply("[1]", Finra_Api_Request_Id="r-7", X_Echo=KEY))
        transport.get(url, params={"cursor": KEY}, what="Test data")
    said = [(record.levelname, record.getMessage().split(" in ")[0]) for record in caplog.records]
    assert said == [
        ("DEBUG", "Test: Test data answered 503, 0 bytes"),
        ("WARNING", "Test data: answered 503; attempt 2"),
        ("DEBUG", "Test: Test data answered 200, 3 bytes"),
    ]
    assert "request id r-7, attempt 2" in caplog.text
    assert KEY not in caplog.text


def test_an_answer_does_not_show_its_body():
    assert KEY not in repr(Answer("Test data", 200, {"x": KEY}, KEY.encode()))


# Threads, turns and connections


def test_threads_share_one_client(server):
    url = server.on("/data", lambda asked: reply(asked.query["number"]))
    with Transport("Test", hosts=[server.url]) as transport, ThreadPoolExecutor(8) as pool:
        bodies = pool.map(lambda number: transport.get(url, params={"number": number}, what="Test data").body, range(40))
        assert [int(body) for body in bodies] == list(range(40))
        assert transport.requests == 40


def test_a_closed_transport_ends_those_who_wait(server):
    url = server.on("/data", reply())
    pace = Pace(1, what="Test")
    transport = Transport("Test", pace=pace, hosts=[server.url])
    transport.get(url, what="Test data")
    failed: list[str] = []
    waiting = threading.Thread(target=lambda: failed.append(_fails(Unreachable, lambda: transport.get(url, what="Test data"))))
    waiting.start()
    time.sleep(0.05)
    transport.close()
    waiting.join(timeout=2)
    assert "the run is over" in failed[0]


def test_a_rate_limit_slows_the_next_requests_down(server, waits):
    clock = MovingClock()
    pace = Pace(None, what="Test", clock=clock, sleep=clock.sleep)
    with Transport("Test", limits=QUICK, pace=pace, hosts=[server.url]) as transport:
        transport.get(server.on("/data", reply(status=429, Retry_After=30), reply()), what="Test data")
    assert (waits, clock.slept) == ([30], [30])


class _Notes(Pace):
    """A pace that notes what it is told."""

    def __init__(self) -> None:
        super().__init__(None, what="Test")
        self.told: list[tuple[object, ...]] = []

    def wait(self) -> float:
        return float(len(self.told))

    def served(self, sent: float) -> None:
        self.told.append(("served", sent))

    def refused(self, sent: float, *, attempt: int, pause: float | None = None) -> None:
        self.told.append(("refused", sent, attempt, pause))


def test_the_pace_is_told_of_each_refusal_and_success(server, waits):
    pace = _Notes()
    steps = [reply(status=429, Retry_After=600), reply(status=503), reply(status=429), reply("x")]
    with Transport("Test", limits=Limits(), pace=pace, hosts=[server.url]) as transport:
        transport.get(server.on("/data", *steps), what="Test data")
    assert pace.told == [("refused", 0, 1, 120), ("refused", 1, 3, None), ("served", 2)]


def test_a_refusal_of_a_token_is_told_to_the_pace_too(server, waits):
    pace, token = _Notes(), server.on("/token", reply(status=429), reply())

    class Auth(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            if (yield httpx.Request("POST", token)).is_success:
                yield request

    with Transport("Test", auth=Auth(), pace=pace, hosts=[server.url]) as transport:
        transport.get(server.on("/data", reply()), what="Test data")
    assert [kind for kind, *_ in pace.told] == ["refused", "served", "served"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_no_connection_is_left_open(server):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        _get(server, reply("x"))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
