"""The webhook of alerts: one JSON message posted to an address that is itself the secret.

No alert is worded here. What is raised, logged and retried names the webhook, never its address, nor what it answered: some
services repeat the address that they refuse. defs/automation/alerts.py posts.
"""

from collections.abc import Mapping
from typing import Any, Final

import stamina
from pydantic import SecretStr

from darkpool_assets.sources.errors import ForeignAddress, RateLimited, RefusedBySource, SourceError, Unreachable
from darkpool_assets.sources.transport import Limits, Transport

_NAME: Final = "ALERT_WEBHOOK_URL"
_ATTEMPTS: Final = 2
# Dagster gives a sensor a minute for up to five runs. The transport's own retries would log a library's words, which may hold
# the host's name.
_LIMITS: Final = Limits(deadline=4.0, connect_timeout=4.0, read_timeout=4.0, max_bytes=1 << 16, retries=0)
_REASONS: Final[Mapping[type[Exception], str]] = {
    ForeignAddress: "it is no http address, or leads to another one",
    RateLimited: "it asked to slow down",
    Unreachable: "no whole answer",
}


class WebhookFailed(Exception):
    """The webhook did not take a message.

    Attributes:
        may_pass: Whether the same message may be taken a moment later.
    """

    def __init__(self, reason: str, *, may_pass: bool) -> None:
        self.may_pass = may_pass
        super().__init__(f"{_NAME}: {reason}")


def post_message(url: SecretStr, message: Mapping[str, Any]) -> None:
    """POST `message` as JSON to `url`, in ten seconds at most; a second time where the first one may pass.

    Raises:
        WebhookFailed: it was not taken; says why without the address.
    """
    with Transport("alert webhook", limits=_LIMITS) as transport:
        for attempt in stamina.retry_context(on=_may_pass, attempts=_ATTEMPTS, timeout=None, wait_initial=0.2, wait_jitter=0.2):
            with attempt:
                _post(transport, url, message)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, WebhookFailed) and error.may_pass


def _post(transport: Transport, url: SecretStr, message: Mapping[str, Any]) -> None:
    try:
        transport.post(url.get_secret_value(), json=message, what=_NAME)
    except SourceError as error:
        failure = WebhookFailed(_reason(error), may_pass=isinstance(error, Unreachable | RateLimited))
    except ValueError:  # a host that no name service could know, found when it is first used
        failure = WebhookFailed(_REASONS[ForeignAddress], may_pass=False)
    else:
        return
    raise failure  # outside of the handler: the error that it hides may name the host


def _reason(error: SourceError) -> str:
    if isinstance(error, RefusedBySource):
        return f"answered {error.status}"
    return _REASONS.get(type(error), "it could not be sent")
