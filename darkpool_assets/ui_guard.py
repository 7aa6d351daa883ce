"""Refuses what a page of another site asks of a server on this machine: rules on a request's head, and the ASGI middleware.

No Dagster, no sockets and no bodies here: a request is judged before any of it is read. ui_server.py puts the middleware round
dagster-webserver's application, which itself checks neither Host nor Origin and takes mutations by GET; site_server.py asks for
the Host alone.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[str, Sequence[str]]

_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT: Final = 80
_GRAPHQL: Final = "/graphql"
_JSON: Final = "application/json"
# Browsers call a page of another port "same-site": only the page's own requests and the user's own (typed, bookmarked) pass.
_OWN_SITES: Final = ("same-origin", "none")
# Two headers of one name both count: what the application says in its own Content-Security-Policy stays in force.
_FRAMED_BY_ITSELF: Final = ((b"x-frame-options", b"SAMEORIGIN"), (b"content-security-policy", b"frame-ancestors 'self'"))


class Refused(Exception):
    """A request that is not answered: the HTTP status, and as message one plain sentence for whoever sent it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def own_hosts(port: int) -> tuple[str, ...]:
    """List the Host headers under which a server on this machine's own address is asked."""
    hosts = tuple(f"{name}:{port}" for name in _NAMES)
    return hosts + _NAMES if port == _HTTP_PORT else hosts


def own_origins(port: int) -> tuple[str, ...]:
    """List the origins of pages that a server on this machine's own address serves."""
    return tuple(f"http://{host}" for host in own_hosts(port))


def refuse_foreign_host(given: Sequence[str], *, port: int) -> None:
    """Pass when the request names this server as its Host; another name may have been pointed at this machine.

    Args:
        given: Values of all Host headers of the request.
        port: Port of the server.

    Raises:
        Refused: 400 when there is not exactly one, 403 when it is another server's.
    """
    named, allowed = [host for host in given if host], ", ".join(own_hosts(port))
    if len(named) != 1:
        raise Refused(400, f"Host: given {' and '.join(named) or 'none'}; allowed: one of {allowed}")
    if named[0].lower() not in own_hosts(port):
        raise Refused(403, f"Host: given {named[0]}; allowed: one of {allowed}")


def refuse_foreign_page(method: str, headers: Headers, *, port: int) -> None:
    """Pass a request of the server's own page, of a client other than a browser, or of a tab that opens.

    Args:
        method: HTTP method; empty for a websocket.
        headers: Values by lower-case name.
        port: Port of the server.

    Raises:
        Refused: 403; Origin decides, and where there is none Referer and Sec-Fetch-Site.
    """
    if _is_visit(method, headers):
        return
    if origins := headers.get("origin", ()):
        _refuse_others("Origin", origins, allowed=own_origins(port))
        return
    _refuse_others("Referer", [_origin_of(address) for address in headers.get("referer", ())], allowed=own_origins(port))
    _refuse_others("Sec-Fetch-Site", headers.get("sec-fetch-site", ()), allowed=_OWN_SITES)


def refuse_unsafe_graphql(method: str, path: str, query: bytes, headers: Headers) -> None:
    """Pass GraphQL as JSON by POST, which no form, image or link can imitate, and the bare GraphiQL page.

    Args:
        method: HTTP method.
        path: Decoded path of the request.
        query: Query string of the request.
        headers: Values by lower-case name.

    Raises:
        Refused: 405 for a query in the address, 415 for a body that is not declared as JSON alone.
    """
    if not path.startswith(_GRAPHQL):  # also "/graphql" with a line feed behind it, which routes take for the same
        return
    if method != "POST":
        if query:
            raise Refused(405, f"{method} {_GRAPHQL}: given a query string; allowed: none, queries go by POST as {_JSON}")
        return
    types = headers.get("content-type", ())
    if [kind.split(";")[0].strip().lower() for kind in types] != [_JSON]:
        raise Refused(415, f"Content-Type: given {', '.join(types) or 'none'}; allowed for {_GRAPHQL}: {_JSON}")


class UiGuard:
    """ASGI middleware that answers foreign requests itself and lets no page of another origin frame the application."""

    def __init__(self, application: Application, *, port: int) -> None:
        self._application = application
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request or websocket handshake, and hand it to the application or refuse it."""
        try:
            if scope["type"] in {"http", "websocket"}:
                self._refuse_foreign(scope)
        except Refused as refused:
            await _answer(scope, send, refused)
        else:
            await self._application(scope, receive, _sending_frame_headers(send))

    def _refuse_foreign(self, scope: Scope) -> None:
        headers, method = _by_name(scope["headers"]), scope.get("method", "")
        refuse_foreign_host(headers.get("host", ()), port=self._port)
        refuse_foreign_page(method, headers, port=self._port)
        if scope["type"] == "http":
            refuse_unsafe_graphql(method, scope["path"], scope["query_string"], headers)


def _is_visit(method: str, headers: Headers) -> bool:
    """Tell whether a tab opens the address, as a link does: nothing changes, and the page that links reads nothing."""
    mode, target = headers.get("sec-fetch-mode", ()), headers.get("sec-fetch-dest", ())
    return method == "GET" and list(mode) == ["navigate"] and list(target) == ["document"]


def _refuse_others(name: str, given: Iterable[str], *, allowed: Sequence[str]) -> None:
    for value in given:
        if value not in allowed:
            raise Refused(403, f"{name}: given {value}; allowed: no such header, or one of {', '.join(allowed)}")


def _origin_of(address: str) -> str:
    return "/".join(address.split("/", 3)[:3])


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return named


async def _answer(scope: Scope, send: Send, refused: Refused) -> None:
    """Send the refusal as plain text; a websocket handshake is refused with the same answer where the server can send one."""
    kind = scope["type"]
    if kind == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        kind = "websocket.http"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    if refused.status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": f"{kind}.response.start", "status": refused.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": f"{refused}\n".encode()})


def _sending_frame_headers(send: Send) -> Send:
    async def send_framed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_FRAMED_BY_ITSELF]}
        await send(message)

    return send_framed
