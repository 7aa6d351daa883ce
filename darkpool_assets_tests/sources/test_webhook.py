"""The alerts' webhook over the loopback: what is posted, asked again and told, and that its address is never shown."""

import logging
import time
import traceback
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from darkpool_assets.sources import webhook
from darkpool_assets.sources.webhook import WebhookFailed, post_message
from darkpool_assets_tests.sources.scripted_server import (
    Asked,
    Reply,
    ScriptedServer,
    Step,
    connection_reset,
    dripping_body,
    redirect,
    reply,
)

PATH = "/services/T0123/B4567/very-secret"
MESSAGE = {"text": "a run failed", "run_id": "1"}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        yield started


def failure(url: str) -> WebhookFailed:
    """How the webhook at `url` fails."""
    with pytest.raises(WebhookFailed) as caught:
        post_message(SecretStr(url), MESSAGE)
    return caught.value


def echo(asked: Asked) -> Reply:
    """A refusal that repeats the address."""
    return reply(f"no such hook: {asked.target}", status=404)


def test_the_message_arrives_as_json(server: ScriptedServer):
    post_message(SecretStr(server.on(PATH, reply("ok"))), MESSAGE)
    (asked,) = server.asked(PATH)
    assert (asked.method, asked.json, asked.headers["content-type"]) == ("POST", MESSAGE, "application/json")


@pytest.mark.parametrize("first", [reply(status=503), reply(status=429, Retry_After="0"), connection_reset()])
def test_what_may_pass_is_sent_a_second_time(server: ScriptedServer, first: Reply):
    post_message(SecretStr(server.on(PATH, first, reply("ok"))), MESSAGE)
    assert [asked.json for asked in server.asked(PATH)] == [MESSAGE, MESSAGE]


@pytest.mark.parametrize(
    ("answer", "reason", "times"),
    [
        (echo, "answered 404", 1),
        (redirect(PATH), "it is no http address, or leads to another one", 1),
        (reply(status=500), "no whole answer", 2),
        (reply(status=429, Retry_After="900"), "it asked to slow down", 2),
        (reply("x" * (1 << 17)), "it could not be sent", 1),
    ],
)
def test_a_failure_is_told_by_its_reason_alone(server: ScriptedServer, answer: Step, reason: str, times: int):
    assert str(failure(server.on(PATH, answer))) == f"ALERT_WEBHOOK_URL: {reason}"
    assert len(server.asked(PATH)) == times


def test_a_webhook_that_never_ends_its_answer_is_given_up_within_ten_seconds(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
):
    assert webhook._LIMITS.deadline * webhook._ATTEMPTS < 9
    monkeypatch.setattr(webhook, "_LIMITS", webhook.Limits(deadline=0.2, retries=0))
    started = time.monotonic()
    assert "no whole answer" in str(failure(server.on(PATH, dripping_body(every=0.05))))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "url",
    [
        "no address", "ftp://very-secret/x", "https://very-secret:pw@host/x", "http://[::very-secret", "http://xn--very-secret-/x",
        "http://127.0.0.1:1/very-secret", "https://127.0.0.1:1/very-secret",
    ],
)  # fmt: skip
def test_no_text_of_a_failure_holds_the_address(url: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    shown = "".join(traceback.format_exception(failure(url)))
    assert "very-secret" not in shown + caplog.text
    assert "127.0.0.1:1" not in shown + caplog.text


def test_an_answer_that_repeats_the_address_is_not_shown(server: ScriptedServer, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    shown = "".join(traceback.format_exception(failure(server.on(PATH, echo))))
    assert "very-secret" not in shown + caplog.text


def test_the_line_of_a_retry_names_the_webhook_and_no_word_of_a_library(caplog: pytest.LogCaptureFixture):
    failure("http://127.0.0.1:1/very-secret")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("ALERT_WEBHOOK_URL: no whole answer; attempt 2 in ")
