"""The errors of sources, one tree, split by "can a re-run help?".

    SourceError                 what a source could not give, with the remedy
    +-- NotConfigured           the feed has neither file, nor folder, nor a way to call its API: not a failure
    +-- PermanentSourceError    the same call fails again until somebody changes something
    |   +-- MissingSource       a file or directory that a setting names is not there
    |   +-- UnreadableSource    it is there, but the operating system does not hand it out
    |   +-- AmbiguousSource     two files stand for the same day
    |   +-- MalformedSource     content that breaks its format; nothing of it is stored
    |   |   +-- AnotherDay      well-formed content, but of another day
    |   |   +-- BrokenContent   not even the syntax of its format: cut off, or an error page; a service is asked again
    |   |   +-- OversizedSource an answer larger than any honest one
    |   |   +-- IncompleteSource  pages that do not add up to what the service announced
    |   +-- RefusedBySource     the service understood the request and refused it
    |   |   +-- CredentialsRefused  it does not accept the key (401)
    |   |   +-- NotEntitled     the plan of the key does not include the data (403)
    |   +-- ForeignAddress      a redirect or next_url that leads to another host
    +-- TransientSourceError    a later call may work
        +-- NotPublishedYet     the source has not posted this day yet: not a failure
        +-- Unreachable         no whole answer within the retries and the deadline
        +-- RateLimited         the service asked to slow down until the retries were spent

Every message names the thing, what was found and what to do.
"""

from pathlib import Path

_LONGEST_SHOWN = 200


class SourceError(Exception):
    """A source could not give what it was asked for."""


class NotConfigured(SourceError):
    """The feed has no source; the day goes on without it."""

    def __init__(self, feed: str, settings: str) -> None:
        super().__init__(f"{feed} is not configured. Set one of {settings}.")


class PermanentSourceError(SourceError):
    """Asking again gives the same answer until a file, a setting or an entitlement changes."""


class MissingSource(PermanentSourceError):
    """A file or directory named by a setting does not exist."""

    def __init__(self, setting: str, path: Path) -> None:
        super().__init__(f"{setting}: nothing at {path}. Put it there or correct {setting}.")


class UnreadableSource(PermanentSourceError):
    """The operating system refuses to read a file or directory."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. Correct its permissions or put it there again.")


class AmbiguousSource(PermanentSourceError):
    """Two files of one directory stand for the same day; choosing one would be a guess."""

    def __init__(self, setting: str, what: str, first: Path, second: Path) -> None:
        super().__init__(f"{setting}: two files for {what}: {first} and {second}. Keep one of them.")


class MalformedSource(PermanentSourceError):
    """Content that breaks its format. Nothing of it is stored, not even in part.

    The message reads: file, line or column, what was found, what is allowed.
    """

    def __init__(self, source: str, where: str, *, found: object, allowed: str) -> None:
        super().__init__(f"{fault_text(source, where, found=found, allowed=allowed)}. Nothing of it was stored.")


class AnotherDay(MalformedSource):
    """Well-formed content whose dates are not those of the day that was asked for."""


class BrokenContent(MalformedSource):
    """Content without the syntax of its format: cut off on the way, or an error page in its place."""


class OversizedSource(MalformedSource):
    """An answer with more decoded bytes than any honest one has; reading stopped there."""


class IncompleteSource(MalformedSource):
    """Pages that repeat, loop, or hold another number of rows than the service announced."""


class RefusedBySource(PermanentSourceError):
    """The service answered that it will not give the data.

    Attributes:
        status: HTTP status.
        body: The answer's text, shortened; it says why.
    """

    def __init__(self, what: str, *, status: int, body: str, remedy: str = "Correct the request's settings.") -> None:
        self.status = status
        self.body = body
        super().__init__(f"{what}: answered {status} ({shortened(body) or 'no body'}). {remedy}")


class CredentialsRefused(RefusedBySource):
    """The service does not accept the key."""


class NotEntitled(RefusedBySource):
    """The key is accepted, its plan does not include this data."""


class ForeignAddress(PermanentSourceError):
    """Following an address would carry the key to another host; it was not followed."""

    def __init__(self, what: str, *, found: str, allowed: str) -> None:
        super().__init__(f"{what}: leads to {shortened(found)}; allowed: {allowed}. It was not followed, no key was sent there.")


class TransientSourceError(SourceError):
    """Asking again later may work."""


class NotPublishedYet(TransientSourceError):
    """The source does not have this day yet; it is asked again by a later run."""


class Unreachable(TransientSourceError):
    """Timeouts, broken connections, broken bodies or server errors, until retries or the deadline were spent.

    Attributes:
        reason: The last attempt's, shortened.
    """

    def __init__(self, what: str, *, reason: str, attempts: int) -> None:
        self.reason = shortened(reason)
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"{what}: no whole answer after {tries} ({self.reason}). Run it again later.")


class RateLimited(TransientSourceError):
    """The service kept asking to slow down."""

    def __init__(self, what: str, *, attempts: int, remedy: str = "Run it again later.") -> None:
        self.attempts = attempts
        super().__init__(f"{what}: still over the service's rate limit after {attempts} attempts. {remedy}")


def fault_text(source: str, where: str, *, found: object, allowed: str) -> str:
    """Name a fault of a source: where it lies, what was found there, and what is allowed."""
    return f"{source}: {shortened(where)}: found {shortened(found)}; allowed: {allowed}"


def shortened(found: object) -> str:
    """Cut a quoted text at 200 characters, on one line and without control characters: it may be a piece of a binary file."""
    whole = str(found)
    cut = whole if len(whole) <= _LONGEST_SHOWN else f"{whole[: _LONGEST_SHOWN - 3]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in cut)
