"""HTTP for every source: one client per service that retries, waits its turn, and stops at limits.

No dataset and no format is known here: query_api.py, rest.py and the feeds' clients give addresses and readers, and get the
answer as bytes. This is the only module that makes HTTP clients. Nothing that it logs or raises holds a key, a token or an
address's query.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import stamina

from darkpool_assets.retry_log import tell_of_retries
from darkpool_assets.sources.answer import Answer, AskAgainError, judge, masked, origin, parsed_address, without_secrets
from darkpool_assets.sources.answer_limits import DEFAULT_LIMITS, BrokenTransferError, Deadlines, Limits, read_body
from darkpool_assets.sources.errors import BrokenContent, ForeignAddress, PermanentSourceError, SourceError, Unreachable
from darkpool_assets.sources.request_pace import Pace

__all__ = ["Answer", "Limits", "Pace", "Transport"]

T = TypeVar("T")
_AuthFlow = Generator[httpx.Request, httpx.Response, None]

_AUTH_ANSWER_BYTES: Final = 1 << 20
_REQUEST_IDS: Final = ("finra-api-request-id", "x-request-id")
_log = logging.getLogger(__name__)


def _itself(answer: Answer) -> Answer:
    return answer


class Transport:
    """Calls of one service. Thread-safe.

    Args:
        service: The service's name, for the log.
        auth: What puts the key into a request; it may make requests of its own for that.
        limits: Of each answer.
        pace: How often the service may be asked; as often as wanted where it is None.
        hosts: Origins (or addresses of them) that may be called, such as "https://api.polygon.io". They must be given where
            there is an auth; without either, any address may be called.
    """

    def __init__(
        self, service: str, *, auth: httpx.Auth | None = None, limits: Limits = DEFAULT_LIMITS, pace: Pace | None = None,
        hosts: Collection[str] = (),
    ) -> None:  # fmt: skip
        if auth is not None and not hosts:
            raise ValueError(f"{service}: no host is named that may get the key")
        self._service = service
        self._auth = auth or httpx.Auth()
        self._limits = limits
        self._pace = pace
        self._origins = frozenset(_origin_of(host, service) for host in hosts)
        self._requests = 0
        self._lock = threading.Lock()
        self._deadlines = Deadlines()
        self._client = _client(limits)
        self._deadlines.watch(self._client)
        self._retried = stamina.RetryingCaller(
            attempts=1 + limits.retries, timeout=None, wait_initial=limits.wait_initial, wait_max=limits.wait_max,
            wait_jitter=min(1.0, 2 * limits.wait_initial),
        )  # fmt: skip
        _keep_libraries_quiet()

    @property
    def requests(self) -> int:
        """Requests sent so far by all threads: retries and the auth's own among them."""
        return self._requests

    def get(
        self, url: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, what: str,
        read: Callable[[Answer], T] = _itself,
    ) -> T:  # fmt: skip
        """GET `url` and give what `read` makes of the answer.

        Args:
            url: Address; its own query is kept.
            params: Query parameters beside those of `url`.
            headers: Request headers.
            what: How log and errors call it; no query, no key.
            read: Parses the answer inside the retries: where it raises BrokenContent, the service is asked again.

        Raises:
            CredentialsRefused: 401.
            RefusedBySource: 403 and every other 4xx but 408 and 429.
            ForeignAddress: a redirect, or `url` is not at one of the hosts.
            OversizedSource: more bytes than the limit.
            RateLimited: 429 until the retries were spent.
            Unreachable: no connection, timeouts, broken transfers, 408 or 5xx until the retries were spent; a second answer
                that was not whole within its deadline.
            MalformedSource: what `read` raises; BrokenContent only when the retries were spent.
        """
        return self._ask("GET", url, params=params, headers=headers, what=what, read=read)

    def post(
        self, url: str, *, json: Any, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None,
        what: str, read: Callable[[Answer], T] = _itself,
    ) -> T:  # fmt: skip
        """POST `json` to `url`; as get otherwise."""
        return self._ask("POST", url, params=params, headers=headers, what=what, read=read, json=json)

    def close(self) -> None:
        """Give up the connections; threads that wait for their turn or a retry end with Unreachable."""
        self._client.close()
        if self._pace is not None:
            self._pace.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ask(
        self, method: str, url: str, *, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None, what: str,
        read: Callable[[Answer], T], json: Any = None,
    ) -> T:  # fmt: skip
        address = self._allowed(url, what)
        address = address.copy_merge_params(dict(params)) if params else address
        attempts = itertools.count(1)

        def once() -> T:
            request = self._client.build_request(method, address, headers=headers, json=json)
            answer = self._answer(request, what=what, attempt=next(attempts))
            try:
                return read(answer)
            except SourceError as error:
                error.args = (without_secrets(str(error), request),)
                error.__context__ = None  # a parser's exception holds the whole body
                raise

        try:
            return self._retried(_pauses_before_retries(late_retries=self._limits.late_retries), once)
        except AskAgainError as spent:
            failure = spent.given_up(next(attempts) - 1)
        raise failure  # outside of the handler: no library's exception hangs on it

    def _allowed(self, url: str, what: str) -> httpx.URL:
        address = parsed_address(url)
        allowed = ", ".join(sorted(self._origins)) or "an http or https address"
        if address is None or address.scheme not in {"http", "https"} or not address.host:
            raise ForeignAddress(what, found="no http address", allowed=allowed)
        if address.userinfo:
            raise ForeignAddress(what, found="an address with a user name", allowed=allowed)
        if self._origins and origin(address) not in self._origins:
            raise ForeignAddress(what, found=origin(address), allowed=allowed)
        return address

    def _answer(self, request: httpx.Request, *, what: str, attempt: int) -> Answer:
        """The answer in the end, after the auth has seen, and perhaps made, requests of its own."""
        with closing(self._auth.sync_auth_flow(request)) as flow:
            sent: httpx.Request | None = next(flow)
            while sent is not None:
                called, max_bytes = (
                    (what, self._limits.max_bytes) if sent is request else (f"{self._service} token", _AUTH_ANSWER_BYTES)
                )
                last = sent
                answer = self._exchange(last, what=called, attempt=attempt, max_bytes=max_bytes)
                sent = _next_request(flow, answer, last)
        return self._judged(answer, last)

    def _exchange(self, request: httpx.Request, *, what: str, attempt: int, max_bytes: int) -> Answer:
        sent = self._take_turn(what, attempt)
        with self._deadlines.within(self._limits.deadline):
            try:
                answer = self._received(request, what=what, attempt=attempt, max_bytes=max_bytes)
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
                failure: Exception = _not_sendable(what)
            except (httpx.TransportError, BrokenTransferError) as error:
                is_late = self._deadlines.is_over()
                reason = f"not whole after {self._limits.deadline:g} s" if is_late else f"{type(error).__name__}: {error}"
                failure = AskAgainError(what, without_secrets(reason, request), is_late=is_late)
            else:
                self._report(answer, sent=sent, attempt=attempt)
                return answer
        raise failure

    def _take_turn(self, what: str, attempt: int) -> float:
        """Wait until the request may go; gives that moment by the clock of the pace."""
        sent = self._pace.wait() if self._pace is not None else 0.0
        if self._client.is_closed:
            raise Unreachable(what, reason="the run is over", attempts=attempt)
        with self._lock:
            self._requests += 1
        return sent

    def _report(self, answer: Answer, *, sent: float, attempt: int) -> None:
        """Tell the pace what became of the request."""
        if self._pace is None:
            return
        if answer.status == httpx.codes.TOO_MANY_REQUESTS:
            self._pace.refused(sent, attempt=attempt, pause=self._retry_after(answer.retry_after))
        elif httpx.codes.is_success(answer.status):
            self._pace.served(sent)

    def _retry_after(self, seconds: float | None) -> float | None:
        return None if seconds is None else min(seconds, self._limits.retry_after_max)

    def _received(self, request: httpx.Request, *, what: str, attempt: int, max_bytes: int) -> Answer:
        started = time.monotonic()
        # An auth that does nothing: not even a user name in the address becomes a header.
        response = self._client.send(request, auth=httpx.Auth(), stream=True)
        with closing(response):
            body = masked(read_body(response, max_bytes=max_bytes, what=what), request)
        headers = {name: masked(value.encode(), request).decode() for name, value in response.headers.items()}
        answer = Answer(what, response.status_code, headers, body)
        request_id = next((answer.headers[name] for name in _REQUEST_IDS if name in answer.headers), "none")
        _log.debug(
            "%s: %s answered %d, %d bytes in %.2f s, request id %s, attempt %d", self._service, what, answer.status,
            len(body), time.monotonic() - started, without_secrets(request_id, request), attempt,
        )  # fmt: skip
        return answer

    def _judged(self, answer: Answer, request: httpx.Request) -> Answer:
        try:
            judge(answer, request)
        except AskAgainError as again:
            again.wait = self._retry_after(again.wait)
            raise
        return answer


def _client(limits: Limits) -> httpx.Client:
    timeouts = httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout, pool=limits.pool_timeout)
    headers = {"User-Agent": "darkpool-assets", "Accept-Encoding": "gzip"}
    return httpx.Client(timeout=timeouts, headers=headers, follow_redirects=False)


def _origin_of(host: str, service: str) -> str:
    address = parsed_address(host)
    if address is None or address.scheme not in {"http", "https"} or not address.host:
        raise PermanentSourceError(f"{service}: the address that is configured for it is no http address. Correct the setting.")
    return origin(address)


def _next_request(flow: _AuthFlow, answer: Answer, request: httpx.Request) -> httpx.Request | None:
    try:
        return flow.send(httpx.Response(answer.status, content=answer.body, request=request))
    except StopIteration:
        return None


def _not_sendable(what: str) -> PermanentSourceError:
    return PermanentSourceError(
        f"{what}: not sent: its key, a header or the address holds characters that HTTP does not allow. Correct the setting."
    )


def _pauses_before_retries(*, late_retries: int) -> Callable[[Exception], bool | float]:
    """What decides for one request: whether to ask again, or after how many seconds where the service says so."""
    late = itertools.count(1)

    def pause(error: Exception) -> bool | float:
        if not isinstance(error, AskAgainError):
            return isinstance(error, BrokenContent)
        if error.is_late:
            return 0.0 if next(late) <= late_retries else False  # it has waited for a whole deadline already
        return True if error.wait is None else error.wait

    return pause


def _keep_libraries_quiet() -> None:
    """Silence the lines in which libraries show addresses with their query."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    tell_of_retries()
