"""The guard of the UI: what it lets through to the application behind it, asked over HTTP and websockets on loopback."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from darkpool_assets.ui_guard import Refused, UiGuard, own_hosts, own_origins, refuse_foreign_host, refuse_foreign_page

PORT = 3000
OWN_POLICY = b"object-src 'none'"
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FOREIGN_PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Referer": "http://evil.example/http://127.0.0.1:{port}/"},
    {"Referer": "http://127.0.0.1:{port}@evil.example/"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {**NAVIGATION, "Sec-Fetch-Dest": "iframe"},
]
OWN_PAGES = [
    {},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Origin": "http://localhost:{port}", "Referer": "http://evil.example/"},
    {"Origin": "http://[::1]:{port}"},
    {"Referer": "http://127.0.0.1:{port}/runs", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
]


@dataclass
class Behind:
    """An application that answers everything and keeps what reached it."""

    port: int
    client: httpx.Client
    reached: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def with_port(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: value.replace("{port}", str(self.port)) for name, value in headers.items()}

    def ask(
        self, method: str = "POST", path: str = "/report_asset_check", headers: dict[str, str] | None = None, **more
    ) -> httpx.Response:
        return self.client.request(method, f"http://{self.address}{path}", headers=self.with_port(headers or {}), **more)

    def say(self, head: str) -> bytes:
        """What answers a head that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            return connection.recv(4096)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            self.reached.append("websocket")
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "live"})
        elif scope["type"] == "http":
            self.reached.append(f"{scope['method']} {scope['path']}")
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-security-policy", OWN_POLICY)]})
            await send({"type": "http.response.body", "body": b"answered"})


@pytest.fixture(scope="module")
def serving() -> Iterator[Behind]:
    with socket.socket() as listening, httpx.Client() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        behind = Behind(listening.getsockname()[1], client)
        server = uvicorn.Server(uvicorn.Config(UiGuard(behind, port=behind.port), lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield behind
        server.should_exit = True
        thread.join()


@pytest.fixture
def behind(serving: Behind) -> Behind:
    serving.reached.clear()
    return serving


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_a_request_by_a_name_of_this_machine_is_answered(behind: Behind, name: str):
    assert behind.ask(headers={"Host": f"{name}:{behind.port}"}).text == "answered"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost", "127.0.0.1:1", "localhost.:{port}"]
)
def test_a_foreign_host_is_refused_with_what_is_allowed(behind: Behind, host: str):
    answer = behind.ask("GET", "/", {"Host": host})
    assert (answer.status_code, behind.reached) == (403, [])
    own = f"127.0.0.1:{behind.port}, localhost:{behind.port}, [::1]:{behind.port}"
    assert answer.text == f"Host: given {host.replace('{port}', str(behind.port))}; allowed: one of {own}\n"


@pytest.mark.parametrize("head", ["GET / HTTP/1.0", "GET / HTTP/1.1\nHost:", "GET / HTTP/1.1\nHost: {own}\nHost: {own}"])
def test_a_request_without_exactly_one_host_is_refused(behind: Behind, head: str):
    answer = behind.say(head.replace("{own}", behind.address))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert behind.reached == []


def test_a_host_before_the_path_does_not_stand_in_for_the_header(behind: Behind):
    assert behind.say(f"GET http://{behind.address}/ HTTP/1.1\nHost: evil.example").startswith(b"HTTP/1.1 403 ")
    assert behind.reached == []


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("headers", FOREIGN_PAGES, ids=str)
def test_a_request_of_a_foreign_page_is_refused(behind: Behind, method: str, headers: dict[str, str]):
    assert behind.ask(method, headers=headers).status_code == 403
    assert behind.reached == []


@pytest.mark.parametrize("headers", OWN_PAGES, ids=str)
def test_a_request_of_an_own_page_or_of_no_page_is_answered(behind: Behind, headers: dict[str, str]):
    assert behind.ask(headers=headers).text == "answered"


def test_a_link_on_a_foreign_page_opens_the_ui(behind: Behind):
    assert behind.ask("GET", "/runs", {**NAVIGATION, "Referer": "http://evil.example/"}).text == "answered"


def test_a_form_of_a_foreign_page_opens_nothing(behind: Behind):
    assert behind.ask("POST", "/runs", {**NAVIGATION, "Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_graphql_is_taken_as_json_by_post(behind: Behind, kind: str):
    assert behind.ask("POST", "/graphql", {"Content-Type": kind}, content=b"{}").text == "answered"


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/graphql",
        "text/plain; application/json", "text/plain; x=application/json", "application/jsonp", "",
    ],
)  # fmt: skip
def test_graphql_in_a_body_that_a_form_can_send_is_refused(behind: Behind, kind: str):
    answer = behind.ask("POST", "/graphql?query=mutation", {"Content-Type": kind}, content=b"{}")
    assert (answer.status_code, behind.reached) == (415, [])


def test_graphql_without_a_declared_body_is_refused(behind: Behind):
    assert behind.ask("POST", "/graphql?query=mutation").status_code == 415


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/graphql%0A", "/graphq%6C"])
@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", {}), ("HEAD", {}), ("GET", {"Accept": "text/html"}), ("GET", NAVIGATION)],
    ids=["client", "head", "page", "link"],
)
def test_graphql_in_an_address_is_refused(behind: Behind, method: str, path: str, headers: dict[str, str]):
    answer = behind.ask(method, f"{path}?query=mutation", headers)
    assert (answer.status_code, answer.headers["allow"], behind.reached) == (405, "POST", [])


def test_graphiql_opens(behind: Behind):
    assert behind.ask("GET", "/graphql", {"Accept": "text/html"}).text == "answered"


def test_a_query_string_elsewhere_is_no_graphql(behind: Behind):
    assert behind.ask("GET", "/assets/daily_metrics?query=x").text == "answered"


def test_no_foreign_page_may_frame_an_answer_and_its_own_policy_stays(behind: Behind):
    answer = behind.ask("GET", "/")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers.get_list("content-security-policy") == [OWN_POLICY.decode(), "frame-ancestors 'self'"]


@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:{port}", "http://localhost:{port}"])
def test_a_websocket_of_an_own_page_or_of_no_page_opens(behind: Behind, origin: str | None):
    given = behind.with_port({"Origin": origin}) if origin else {}
    with connect(f"ws://{behind.address}/graphql", additional_headers=given, proxy=None) as opened:
        assert opened.recv(timeout=10) == "live"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {**NAVIGATION, "Origin": "x"}],
)
def test_a_websocket_of_a_foreign_page_is_refused_with_a_sentence(behind: Behind, headers: dict[str, str]):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://{behind.address}/graphql", additional_headers=headers, proxy=None),
    ):
        pass
    assert (refused.value.response.status_code, behind.reached) == (403, [])
    assert b"; allowed: no such header, or one of " in refused.value.response.body


def test_a_websocket_to_a_foreign_host_is_refused(behind: Behind):
    handshake = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    answer = behind.say(f"GET /graphql HTTP/1.1\nHost: evil.example:{behind.port}\n{handshake}")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert behind.reached == []


async def never_asked(scope, receive, send) -> None:
    """An application that nothing may reach."""
    raise AssertionError(scope)


def test_a_server_that_can_not_answer_a_handshake_closes_it():
    sent: list[dict] = []

    async def keep(message):
        sent.append(dict(message))

    scope = {"type": "websocket", "headers": [(b"host", b"evil.example")], "extensions": {}}
    asyncio.run(UiGuard(never_asked, port=PORT)(scope, lambda: asyncio.sleep(0, {}), keep))
    assert sent == [{"type": "websocket.close"}]


def is_passed(check, *given, port: int) -> bool:
    with contextlib.suppress(Refused):
        check(*given, port=port)
        return True
    return False


@given(st.lists(TEXTS | st.sampled_from(own_hosts(PORT)), max_size=3))
def test_only_one_own_host_passes(hosts: list[str]):
    named = [host.lower() for host in hosts if host]
    assert is_passed(refuse_foreign_host, hosts, port=PORT) == (len(named) == 1 and named[0] in own_hosts(PORT))


@given(st.sampled_from(["GET", "POST", ""]), st.lists(TEXTS | st.sampled_from(own_origins(PORT)), min_size=1, max_size=2))
def test_no_origin_but_an_own_one_passes(method: str, origins: list[str]):
    passed = is_passed(refuse_foreign_page, method, {"origin": origins}, port=PORT)
    assert passed == all(origin in own_origins(PORT) for origin in origins)


@pytest.mark.parametrize(("port", "expected"), [(80, True), (8080, False)])
def test_a_host_without_a_port_is_own_on_the_port_that_http_means(port: int, *, expected: bool):
    assert is_passed(refuse_foreign_host, ["localhost"], port=port) is expected
