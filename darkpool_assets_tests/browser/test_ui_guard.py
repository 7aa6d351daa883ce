"""Pages of other origins, in a real Chromium, try to start a run of the UI that stands open beside them; then the UI does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from darkpool_assets_tests.browser.conftest import PATIENCE_MS, Ui, opened_page, wait_until
from darkpool_assets_tests.browser.test_dagster_ui import ask_for_partitions
from darkpool_assets_tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS

pytestmark = pytest.mark.browser

EVIL = "evil.example"
MUTATION = """mutation ($parameters: ExecutionParams!) { launchPipelineExecution(executionParams: $parameters) {
    __typename ... on LaunchRunSuccess { run { runId } } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
# Each gets {address, body, query}. They wait until they were answered; runs are counted afterwards.
TRICKS = {
    "fetch of JSON": """given => fetch(given.address,
        {method: 'POST', headers: {'Content-Type': 'application/json'}, body: given.body})""",
    "fetch of JSON that calls itself text": """given => fetch(given.address,
        {method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain; application/json'}, body: given.body})""",
    "fetch of a form": """given => fetch(given.address + '?' + given.query,
        {method: 'POST', mode: 'no-cors', body: new URLSearchParams({})})""",
    "fetch of an address": "given => fetch(given.address + '?' + given.query, {mode: 'no-cors'})",
    "fetch of an address, to be read": "given => fetch(given.address + '?' + given.query)",
    "fetch without a referrer": """given => fetch(given.address + '?' + given.query,
        {mode: 'no-cors', referrerPolicy: 'no-referrer'})""",
    "beacon": "given => navigator.sendBeacon(given.address + '?' + given.query, 'x')",
    "image": "given => once(Object.assign(new Image(), {src: given.address + '?' + given.query}), ['load', 'error'])",
    "script": "given => insert('script', {src: given.address + '?' + given.query}, ['load', 'error'])",
    "frame of an address": "given => insert('iframe', {src: given.address + '?' + given.query}, ['load'])",
    "frame of the UI": "given => insert('iframe', {src: given.address.replace('/graphql', '/runs')}, ['load'])",
    "form": "given => submit(given, 'application/x-www-form-urlencoded')",
    "form with files": "given => submit(given, 'multipart/form-data')",
    "form of text": "given => submit(given, 'text/plain')",
    "form that shows an address": "given => submit(given, 'application/x-www-form-urlencoded', 'get')",
    "websocket": """given => {
        const socket = new WebSocket(given.address.replace('http', 'ws'), 'graphql-ws');
        socket.onopen = () => {
            socket.send(JSON.stringify({type: 'connection_init', payload: {}}));
            socket.send(JSON.stringify({type: 'start', id: '1', payload: JSON.parse(given.body)}));
        };
        return once(socket, ['error', 'message']).then(event => { if (event === 'message') throw new Error('it opened'); });
    }""",
}
TOOLS = """
    const once = (target, events) => new Promise(resolve => {
        events.forEach(name => target.addEventListener(name, () => resolve(name)));
        setTimeout(resolve, 3000);
    });
    const insert = (tag, values, events) => {
        const element = Object.assign(document.createElement(tag), values);
        document.body.append(element);
        return once(element, events);
    };
    const submit = (given, enctype, method = 'post') => {
        const frame = Object.assign(document.createElement('iframe'), {name: 'frame' + Math.random()});
        const action = given.address + '?' + given.query;
        const form = Object.assign(document.createElement('form'), {action, method, enctype, target: frame.name});
        new URLSearchParams(given.query).forEach((value, name) => {
            form.append(Object.assign(document.createElement('textarea'), {name, value}));
        });
        document.body.append(frame, form);
        form.submit();
        return once(frame, ['load']);
    };
"""


class _Blank(BaseHTTPRequestHandler):
    """An empty page under every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><body>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """The port of a site that has nothing to do with the UI, on the same machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium: Any) -> Iterator[Any]:
    """A Chromium for which another site's name leads to this machine."""
    rules = [f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", "--no-proxy-server"]
    opened = chromium.browser_type.launch(executable_path=str(CHROMIUM), args=[*CHROMIUM_ARGUMENTS, *rules])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def launch(project: Any) -> dict[str, Any]:
    """The query and the variables that start a run of one asset, as a click does."""
    selector = {
        "repositoryLocationName": "darkpool_assets", "repositoryName": "__repository__", "pipelineName": "__ASSET_JOB",
        "assetSelection": [{"path": ["finra_short_daily_raw"]}], "assetCheckSelection": [],
    }  # fmt: skip
    tags = [{"key": "dagster/partition", "value": project.for_one_click.isoformat()}]
    parameters = {"selector": selector, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags}}
    return {"query": MUTATION, "variables": {"parameters": parameters}}


@contextmanager
def page_of(browser: Any, address: str) -> Iterator[Any]:
    """A page in a window of its own."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


@dataclass
class Tried:
    """What a page asked of the UI, and statuses; a browser shows the page none of a handshake or of a blocked image."""

    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


def try_trick(page: Any, name: str, address: str, launch: dict[str, Any]) -> Tried:
    """Play one trick on the UI at `address`."""
    tried, place = Tried(), address.removeprefix("http")
    page.on("request", lambda request: tried.asked.append(request.url) if place in request.url else None)
    page.on("websocket", lambda socket: tried.asked.append(socket.url))
    page.on("response", lambda answer: tried.statuses.append(answer.status) if place in answer.url else None)
    query = urlencode({"query": launch["query"], "variables": json.dumps(launch["variables"])})
    given = {"address": f"{address}/graphql", "body": json.dumps(launch), "query": query}
    play = f"Promise.resolve(({TRICKS[name]})(given)).then(() => 'done', error => String(error))"
    page.evaluate(f"given => {{ {TOOLS}; return {play}; }}", given)
    page.wait_for_timeout(200)
    return tried


def assert_refused(tried: Tried) -> None:
    assert tried.asked
    assert set(tried.statuses) <= {403}


def runs_of(ui: Ui) -> list[str]:
    return [run["runId"] for run in ui.query(RUNS)["runsOrError"]["results"]]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("host", ["127.0.0.1", *(pytest.param(host, marks=pytest.mark.long) for host in ("localhost", EVIL))])
def test_a_page_of_another_origin_starts_no_run(browser, ui, foreign_port, launch, host, trick):
    before = runs_of(ui)
    with page_of(browser, f"http://{host}:{foreign_port}/") as page:
        tried = try_trick(page, trick, ui.address, launch)
    assert runs_of(ui) == before
    assert_refused(tried)


@pytest.mark.long
@pytest.mark.parametrize("trick", TRICKS)
def test_a_name_that_was_pointed_at_this_machine_starts_no_run(browser, ui, launch, trick):
    before = runs_of(ui)
    address = f"http://{EVIL}:{ui.address.rsplit(':', 1)[1]}"
    with page_of(browser, address) as page:
        tried = try_trick(page, trick, address, launch)
    assert runs_of(ui) == before
    assert_refused(tried)


def test_a_link_to_a_mutation_starts_no_run(browser, ui, foreign_port, launch):
    before = runs_of(ui)
    query = urlencode({"query": launch["query"], "variables": json.dumps(launch["variables"])})
    with page_of(browser, f"http://{EVIL}:{foreign_port}/") as page:
        with page.expect_navigation() as leaving:
            page.evaluate("address => { location.href = address; }", f"{ui.address}/graphql?{query}")
        assert leaving.value.status == 405
    assert runs_of(ui) == before


def test_a_link_of_another_site_opens_the_ui(browser, ui, foreign_port):
    with page_of(browser, f"http://{EVIL}:{foreign_port}/") as page:
        page.evaluate("address => { location.href = address; }", f"{ui.address}/asset-groups")
        page.get_by_role("button", name="Materialize all").wait_for(timeout=PATIENCE_MS)


def test_graphiql_answers_on_its_own_page(page, ui):
    page.goto("/graphql")
    page.locator(".graphiql-query-editor").wait_for()
    answer = page.evaluate("""() => fetch('/graphql', {method: 'POST', headers: {'Content-Type': 'application/json'},
        body: JSON.stringify({query: '{ version }'})}).then(answer => answer.json())""")
    assert answer["data"]["version"]


def test_the_backfill_dialog_of_the_ui_opens(chromium, ui, project, keep):
    first, last = project.for_the_backfill[0], project.for_the_backfill[-1]
    with opened_page(chromium, ui) as page:
        ask_for_partitions(page, f"[{first}...{last}]")
        page.get_by_role("button", name="Launch backfill").wait_for()
        keep(page, "guarded_backfill_dialog")


def test_a_click_starts_a_run_whose_log_is_live(chromium, ui, project, keep):
    before = runs_of(ui)
    with opened_page(chromium, ui) as page:
        heard: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
        ask_for_partitions(page, project.for_one_click.isoformat())
        page.get_by_role("button", name="Launch 1 run").click()
        (run,) = wait_until(lambda: [one for one in runs_of(ui) if one not in before], what="the run that was clicked")
        page.goto(f"/runs/{run}")
        page.get_by_text("RUN_SUCCESS").first.wait_for(timeout=4 * PATIENCE_MS)
        keep(page, "guarded_live_log")
        assert any("RunSuccessEvent" in frame for frame in heard)


def test_what_foreign_pages_tried_starts_a_run_when_the_user_sends_it(ui, launch):
    answer = httpx.post(f"{ui.address}/graphql", json=launch, timeout=60).json()
    assert answer["data"]["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess"
