"""FINRA's OAuth 2.0 client credentials: which requests to make, and which header to put into them.

A flow without I/O: it yields requests and is sent their answers; transport.py does the sending, the limits and the retries.
"""

import json
import math
import re
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import httpx

from darkpool_assets.sources.answer import parsed_address, without_secrets
from darkpool_assets.sources.errors import BrokenContent, CredentialsRefused, PermanentSourceError

_WHAT: Final = "FINRA token"
_TOKEN_FORM: Final = re.compile(r"[\x21-\x7e]+")
_LONGEST_MARGIN: Final = 60.0
_REFUSALS: Final = (400, 401, 403)

_Flow = Generator[httpx.Request, httpx.Response, None]


class FinraAuth(httpx.Auth):
    """Puts a bearer token into requests and fetches it where none is held. Thread-safe: N threads make one token request.

    A token is held until shortly before it ends (a minute, or a tenth of a short life). Where the service refuses it (401),
    it is dropped and the request made once more with a new one.

    Args:
        key: FINRA_API_KEY.
        secret: FINRA_API_SECRET.
        token_url: FINRA_TOKEN_URL; `grant_type=client_credentials` is appended where it has no grant_type.
        clock: Monotonic seconds.

    Raises:
        PermanentSourceError: key or secret hold what none of FINRA's holds, or the address is none; they are not shown.
    """

    def __init__(self, *, key: str, secret: str, token_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        for name, value in (("FINRA_API_KEY", key), ("FINRA_API_SECRET", secret)):
            if not _TOKEN_FORM.fullmatch(value):
                raise PermanentSourceError(f"{name}: found a blank, line end or other character that no key has. Correct it.")
        if (address := parsed_address(token_url)) is None:
            raise PermanentSourceError("FINRA_TOKEN_URL: no http address. Correct it.")
        is_complete = "grant_type" in address.params
        self._address = address if is_complete else address.copy_add_param("grant_type", "client_credentials")
        self._credentials = httpx.BasicAuth(key, secret)
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends = -math.inf

    def sync_auth_flow(self, request: httpx.Request) -> _Flow:
        """The requests that `request` takes: a token's where none is held, its own, and both again after a 401.

        The flow ends early with the token service's answer where that is neither a token nor a refusal (429, 5xx, ...).

        Raises:
            CredentialsRefused: the token service does not accept key and secret.
            BrokenContent: its answer holds no token.
        """
        refused = None
        for _ in range(2):
            token = yield from self._held(refused)
            if token is None:
                return
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            refused = token

    def _held(self, refused: str | None) -> Generator[httpx.Request, httpx.Response, str | None]:
        """A token other than `refused`; None where the service gave something to retry instead."""
        # Threads that need a token at the same time wait here for the one that fetches it.
        with self._lock:
            if self._token is None or self._token == refused or self._clock() >= self._ends:
                self._token = None
                request = self._token_request()
                response = yield request
                if response.status_code in _REFUSALS:
                    raise _refusal(response, request)
                if not response.is_success:
                    return None
                self._token, lifetime = _read_token(response.content)
                self._ends = self._clock() + lifetime - min(_LONGEST_MARGIN, lifetime / 10)
            return self._token

    def _token_request(self) -> httpx.Request:
        request = httpx.Request("POST", self._address, headers={"Accept": "application/json", "Accept-Encoding": "gzip"})
        return next(self._credentials.sync_auth_flow(request))


def _refusal(response: httpx.Response, request: httpx.Request) -> CredentialsRefused:
    return CredentialsRefused(
        _WHAT, status=response.status_code, body=without_secrets(response.text, request),
        remedy="Correct FINRA_API_KEY and FINRA_API_SECRET, or leave both empty for the public datasets.",
    )  # fmt: skip


def _read_token(body: bytes) -> tuple[str, float]:
    """The token and its seconds to live, which are endless where the answer does not say.

    Raises:
        BrokenContent: no token; what was found is not repeated, it may be half a token.
    """
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not _TOKEN_FORM.fullmatch(token):
        raise BrokenContent(_WHAT, "body", found=f"{len(body)} bytes without a token", allowed="an object with access_token")
    return token, _lifetime(answer.get("expires_in"))


def _lifetime(expires_in: object) -> float:
    try:
        seconds = float(expires_in)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.inf
    return seconds if seconds > 0 else 0.0
