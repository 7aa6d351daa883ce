"""One HTTP answer, and what its status means: a success, an error of errors.py, or a reason to ask again.

Nothing is sent from here; transport.py sends, and raises or retries what is judged here. Texts of a service pass
`without_secrets` before anybody sees them: some services repeat the key that they refuse.
"""

import base64
import binascii
import email.utils
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import (
    BrokenContent,
    CredentialsRefused,
    ForeignAddress,
    RateLimited,
    RefusedBySource,
    SourceError,
    Unreachable,
)

_SHOWN_BODY: Final = 4_000
_SHORTEST_KEY: Final = 8
_MASK: Final = "********"
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Answer:
    """One whole answer.

    Attributes:
        what: How errors call it; never an address with a query.
        status: HTTP status.
        headers: Lower-case name -> value.
        body: Decoded bytes.
    """

    what: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def content(self, name: str | None = None) -> Content:
        """The body for the readers of files.

        Raises:
            BrokenContent: the body is compressed once more than its headers say, beyond the reach of the size limit.
        """
        if self.body.startswith(_GZIP_MAGIC):
            raise BrokenContent(self.what, "body", found="compressed bytes", allowed="bytes encoded as the headers say")
        return Content(name or self.what, self.body)

    @property
    def retry_after(self) -> float | None:
        """Seconds that a Retry-After header asks for, given as seconds or as an HTTP date; None without a usable one."""
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text)
        except ValueError:
            seconds = _seconds_until(text, self.headers.get("date", ""))
        return None if math.isnan(seconds) else max(seconds, 0.0)


class AskAgainError(Exception):
    """An attempt that a later one may mend; it never leaves transport.py.

    Attributes:
        is_limit: A 429.
        is_late: The answer was not whole within its deadline.
        wait: Seconds after which the service wants to be asked again; None where it does not say.
    """

    def __init__(
        self, what: str, reason: str, *, is_limit: bool = False, is_late: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason
        self.is_limit = is_limit
        self.is_late = is_late
        self.wait = wait

    def given_up(self, attempts: int) -> SourceError:
        """The error to raise when no retry is left."""
        if self.is_limit:
            return RateLimited(self.what, attempts=attempts)
        return Unreachable(self.what, reason=self.reason, attempts=attempts)


def judge(answer: Answer, request: httpx.Request) -> None:
    """Return for a success, and raise for any other status.

    Raises:
        AskAgainError: 408, 429 and 5xx.
        ForeignAddress: 3xx; redirects are not followed.
        CredentialsRefused: 401.
        RefusedBySource: every other status.
    """
    status, what = answer.status, answer.what
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        found = without_secrets(_redirected(answer, request), request)
        raise ForeignAddress(what, found=found, allowed="an answer from the address that was asked")
    if status in {408, 429} or status >= 500:
        raise AskAgainError(what, f"answered {status}", is_limit=status == 429, wait=answer.retry_after)
    said = without_secrets(answer.body.decode(errors="replace"), request)[:_SHOWN_BODY]
    if status == 401:
        raise CredentialsRefused(what, status=status, body=said, remedy="Correct the key of this service.")
    raise RefusedBySource(what, status=status, body=said)


def without_secrets(text: str, request: httpx.Request) -> str:
    """`text` of a service without the credentials that `request` carried."""
    for secret in _secrets_of(request):
        text = text.replace(secret, _MASK)
    return text


def masked(received: bytes, request: httpx.Request) -> bytes:
    """`received` without the credentials that `request` carried, so that no text that is cut from it ends in half of one."""
    for secret in _secrets_of(request):
        # What is shorter is no key, and may well be a part of honest rows.
        if len(secret) >= _SHORTEST_KEY:
            received = received.replace(secret.encode(), _MASK.encode())
    return received


def origin(url: httpx.URL) -> str:
    """Scheme, host and port (where it is not the scheme's own), which may be shown."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def parsed_address(url: str) -> httpx.URL | None:
    """`url` parsed as the client parses it; None where it is no address."""
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        return None


def _secrets_of(request: httpx.Request) -> list[str]:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    secrets = [credential]
    if scheme.lower() == "basic":
        with suppress(binascii.Error):
            secrets += base64.b64decode(credential).decode(errors="replace").split(":", 1)
    return [secret for secret in secrets if secret]


def _redirected(answer: Answer, request: httpx.Request) -> str:
    location = parsed_address(answer.headers.get("location", ""))
    if location is None or "location" not in answer.headers:
        return f"status {answer.status} without an address"
    return origin(request.url.join(location))


def _seconds_until(text: str, now: str) -> float:
    """Seconds to an HTTP date, by the service's own clock where it tells the time; NaN where it is no date."""
    moment = _timestamp(text)
    server_now = _timestamp(now)
    return moment - (time.time() if math.isnan(server_now) else server_now)


def _timestamp(text: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return math.nan
