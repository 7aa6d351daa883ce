"""Polygon's daily flat files over S3: the object of one kind and day, streamed to a temporary file.

Nothing is parsed here: trades.py, quotes.py and daily_agg.py read the file as they read one that a user put in a folder.
Every fault of the storage service becomes an error of errors.py, without a word of the key or the secret.
"""

import datetime as dt
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from darkpool_assets.sources.answer_limits import Limits
from darkpool_assets.sources.errors import (
    CredentialsRefused,
    NotEntitled,
    NotPublishedYet,
    OversizedSource,
    RateLimited,
    RefusedBySource,
    SourceError,
    Unreachable,
)

_T = TypeVar("_T")
FlatFileKind = Literal["trades_v1", "quotes_v1", "day_aggs_v1", "minute_aggs_v1"]

FLAT_FILE_LIMITS: Final = Limits(deadline=1800.0, max_bytes=8 << 30, read_timeout=60.0)
_WHAT: Final = "Polygon flat file "
_REGION: Final = "us-east-1"  # part of every signature; services that have no regions expect this one
_LOG: Final = logging.getLogger(__name__)
_ANSWER: Final = re.compile(r"status code: (?P<status>\d{3})[^:\n]*:? ?(?P<body>.*?)(?:\n+Debug source:|\Z)", re.DOTALL)
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_RETRIES: Final = re.compile(r"after (\d+) retries")
_CAUSES: Final = re.compile(r"(TimedOut|IncompleteMessage|(?<=message: \")[^\"]+|(?<=error: \")[^\"]+)")
_REFUSED_KEY: Final = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken")
_NO_ENTITLEMENT: Final = ("AccessDenied", "Forbidden", "")
_ABSENT: Final = ("NoSuchKey", "")


class FlatFiles:
    """The flat files of one S3 endpoint and bucket; threads may share it."""

    def __init__(self, *, endpoint: str, bucket: str, key: str, secret: str, limits: Limits = FLAT_FILE_LIMITS) -> None:
        self._limits = limits
        self._secrets = (key, secret)
        self._store = _store(endpoint, bucket, key=key, secret=secret, limits=limits)

    @contextmanager
    def file_of(self, kind: FlatFileKind, day: dt.date) -> Iterator[Path]:
        """The flat file of `day`, under its published name; it is deleted when the block ends, however it ends.

        Raises:
            NotPublishedYet: there is no such object.
            NotEntitled: the plan does not include the kind, or does not reach back to `day`.
            CredentialsRefused: the key or the secret is wrong.
            RefusedBySource: anything else that the service refuses.
            OversizedSource: the object is larger than any flat file.
            RateLimited, Unreachable: no whole file within the retries and the deadline.
        """
        with TemporaryDirectory(prefix="darkpool-flat-file-") as folder:
            name = _name_of(kind, day)
            path = Path(folder) / name.rpartition("/")[2]
            self._download(name, path)
            yield path

    def look_for(self, kind: FlatFileKind, day: dt.date) -> None:
        """Return where the flat file of `day` is there; of its bytes one is asked for. Raises as file_of."""
        name = _name_of(kind, day)
        # Not a HEAD, whose refusals have no body that tells a wrong key from a plan.
        self._asked(_WHAT + name, lambda: obstore.get_range(self._store, name, start=0, length=1))

    def _download(self, name: str, path: Path) -> None:
        what, start = _WHAT + name, time.monotonic()
        try:
            received = self._asked(what, lambda: self._stream(name, path, what=what))
        except OSError as error:
            reason = f"it cannot be written to {path.parent}: {error.strerror}"
            raise Unreachable(what, reason=reason, attempts=1) from None
        _LOG.debug(f"Polygon flat files: {name}: {received:,} bytes in {time.monotonic() - start:.1f} s")

    def _asked(self, what: str, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except (BaseError, FileNotFoundError) as error:
            fault = _fault(self._without_secrets(str(error)), what=what)
        # Raised here and not above, so that the service's own error, with all it tells, is not chained to it.
        raise fault

    def _stream(self, name: str, path: Path, *, what: str) -> int:
        end = time.monotonic() + self._limits.deadline
        answer = obstore.get(self._store, name)
        size, most, received = answer.meta["size"], self._limits.max_bytes, 0
        if size > most:
            raise OversizedSource(what, "size", found=f"{size:,} bytes", allowed=f"up to {most:,} bytes")
        with path.open("wb") as file:
            # Pieces as the network brings them: neither the deadline nor Ctrl-C waits for a larger one to fill.
            for piece in answer.stream(min_chunk_size=1):
                received += file.write(piece)
                if time.monotonic() > end:
                    reason = f"{received:,} of {size:,} bytes in {self._limits.deadline:,.0f} s"
                    raise Unreachable(what, reason=reason, attempts=1)
        if received != size:
            raise Unreachable(what, reason=f"{received:,} of {size:,} bytes", attempts=1)
        return received

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _name_of(kind: FlatFileKind, day: dt.date) -> str:
    return f"us_stocks_sip/{kind}/{day:%Y/%m}/{day}.csv.gz"


def _store(endpoint: str, bucket: str, *, key: str, secret: str, limits: Limits) -> S3Store:
    # The library takes what is not said here from AWS_* variables: another endpoint, a session token of another account,
    # requests without a signature. So all of it is said, and the key through the one way that no variable adds to.
    return S3Store(
        bucket, endpoint=endpoint, aws_endpoint_url_s3=endpoint, region=_REGION, virtual_hosted_style_request=False,
        credential_provider=lambda: {"access_key_id": key, "secret_access_key": secret, "token": None, "expires_at": None},
        skip_signature=False, s3_express=False, request_payer=False,
        client_options={
            "allow_http": endpoint.startswith("http://"), "allow_invalid_certificates": False,
            "connect_timeout": dt.timedelta(seconds=limits.connect_timeout), "timeout": dt.timedelta(seconds=limits.deadline),
            "read_timeout": dt.timedelta(seconds=limits.read_timeout),
        },
        retry_config={
            "max_retries": limits.retries, "retry_timeout": dt.timedelta(seconds=limits.deadline),
            "backoff": {
                "init_backoff": dt.timedelta(seconds=limits.wait_initial),
                "max_backoff": dt.timedelta(seconds=limits.wait_max),
            },
        },
    )  # fmt: skip


def _fault(text: str, *, what: str) -> SourceError:
    """What the service's library said, as an error of ours."""
    attempts = int(retries[1]) + 1 if (retries := _RETRIES.search(text)) else 1
    answer = _ANSWER.search(text)
    status = int(answer["status"]) if answer else 0
    if status == 429:
        return RateLimited(what, attempts=attempts)
    if answer and 400 <= status < 500 and status != 408:
        return _refusal(status, answer["body"], what=what)
    told = text.partition("\n")[0].rpartition(" - ")[2]
    causes = ", ".join(dict.fromkeys(_CAUSES.findall(text)))
    return Unreachable(what, reason=f"{told}: {causes}" if causes else told, attempts=attempts)


def _refusal(status: int, body: str, *, what: str) -> SourceError:
    """A refusal by its S3 code; a body without one is no answer of a storage service."""
    code = found[1] if (found := _CODE.search(body)) else body
    if status == 404 and code in _ABSENT:
        return NotPublishedYet(f"{what} is not there yet; it is asked for again by a later run.")
    if status == 401 or code in _REFUSED_KEY:
        remedy = "Correct POLYGON_FLAT_FILES_KEY and POLYGON_FLAT_FILES_SECRET (they are not the API key)."
        return CredentialsRefused(what, status=status, body=code, remedy=remedy)
    if status == 403 and code in _NO_ENTITLEMENT:
        remedy = "The plan does not include this kind of file, or does not reach back to this day."
        return NotEntitled(what, status=status, body=code, remedy=remedy)
    remedy = "Correct POLYGON_FLAT_FILES_ENDPOINT and POLYGON_FLAT_FILES_BUCKET, or this machine's clock."
    return RefusedBySource(what, status=status, body=code, remedy=remedy)
