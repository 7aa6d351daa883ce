"""Secrets stay secret: canary keys in good and failing runs, and then no piece of them in anything that was left or said."""

import base64
import datetime as dt
import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import traceback
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg
import pytest
import stamina
from dagster._core.remote_representation.external_data import RepositorySnap
from moto.server import ThreadedMotoServer

from darkpool_assets import cli
from darkpool_assets.definitions import build_definitions
from darkpool_assets.defs.automation.session_requests import END_OF_DAY
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.sample_market import polygon_services
from darkpool_assets.sample_market.market_history import MarketHistory
from darkpool_assets.sample_market.market_server import MarketServer
from darkpool_assets.sample_market.server_faults import Fault
from darkpool_assets.sample_market.server_faults import FaultKind as Kind
from darkpool_assets.sample_market.service_terms import Terms
from darkpool_assets.session_runs import SessionRunner
from darkpool_assets.settings import Settings, SettingsError, load_settings
from darkpool_assets.sources.answer_limits import Limits
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.finra.auth import FinraAuth
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.finra.services import FinraServices
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.polygon.flat_files import FlatFiles
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest
from darkpool_assets.sources.transport import Transport
from darkpool_assets.tables import TABLES
from darkpool_assets_tests.hand_made_feeds import HandMadeFeeds
from darkpool_assets_tests.live_graph import LiveGraph

CANARIES: Final = {
    "POLYGON_API_KEY": "pQ7vXcanary2nLrT9wKzB4",
    "FINRA_API_KEY": "f3HsYcanary8dGkM1vPqJ6",
    "FINRA_API_SECRET": "z5RbWcanary7tNxC0yLfD3",
    "POLYGON_FLAT_FILES_KEY": "k9TgVcanary4mQwZ6sHjX1",
    "POLYGON_FLAT_FILES_SECRET": "u2EpScanary1rFvB8cYnK5",
}
TOKEN: Final = "sample-access-token-"  # so the tokens of the server begin
_BASIC: Final = base64.b64encode(f"{CANARIES['FINRA_API_KEY']}:{CANARIES['FINRA_API_SECRET']}".encode()).decode()
# Pieces of a secret count too, in whatever case: a text may be cut, and hosts are written small.
PIECES: Final = sorted(
    {piece.casefold().encode() for secret in [*CANARIES.values(), _BASIC] for piece in (secret[:9], secret[-9:])}
    | {TOKEN.encode()}
)
RAW: Final = [finra_otc_weekly_raw, finra_short_daily_raw, polygon_equity_trades_raw, polygon_daily_agg_raw]
SECRETS: Final[dict[str, Any]] = {name.lower(): value for name, value in CANARIES.items()}
FLAT_FILES: Final[dict[str, Any]] = {name: value for name, value in SECRETS.items() if "flat_files" in name}
ACCOUNTS: Final[dict[str, Any]] = {name: value for name, value in SECRETS.items() if "flat_files" not in name}
DARKPOOL: Final = "from darkpool_assets.cli import main; main()"
_TERMS: Final = Terms(
    finra_credentials=(CANARIES["FINRA_API_KEY"], CANARIES["FINRA_API_SECRET"]), finra_requests_per_second=None
)  # fmt: skip

pytestmark = pytest.mark.long


def pieces_in(data: bytes | str) -> list[bytes]:
    """The pieces of secrets that a text or a file holds."""
    small = (data.encode(errors="replace") if isinstance(data, str) else data).lower()
    return [piece for piece in PIECES if piece in small]


def files_with_pieces(folder: Path) -> dict[str, list[bytes]]:
    """The files below a folder that hold a piece of a secret; snapshots in sqlite are unpacked."""
    found = {str(path): pieces_in(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    for path in folder.rglob("runs.db"):
        with closing(sqlite3.connect(path)) as database:
            snapshots = database.execute("select snapshot_body from snapshots").fetchall()
        assert snapshots
        found[f"{path}: snapshots"] = [piece for (body,) in snapshots for piece in pieces_in(zlib.decompress(body))]
    return {name: pieces for name, pieces in found.items() if pieces}


def tables_with_pieces(database: Path) -> dict[str, list[bytes]]:
    """The tables that hold a piece of a secret: columns of a database file may be packed."""
    with connect_to(database)() as connection:
        found = {name: pieces_in(connection.sql(f'select * from "{name}"').pl().write_csv()) for name in TABLES}
    return {name: pieces for name, pieces in found.items() if pieces}


def words_of(error: BaseException) -> str:
    """Everything that an error and the errors behind it say, notes and traceback included."""
    said, seen = [], set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        if (one := waiting.pop()) is None or id(one) in seen:
            continue
        seen.add(id(one))
        said += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one, chain=False)]
        waiting += [one.__cause__, one.__context__]
    return "\n".join(said)


@dataclass(frozen=True)
class House:
    """One Dagster home on disk with the shipped dagster.yaml at level DEBUG, a warehouse beside it, and all that was said."""

    folder: Path
    server: MarketServer
    said: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a command in a process of its own."""
        values = {**self.server.settings(), **CANARIES, "TICKERS": "SPY,RGTI", "PARTITIONS_START": "2025-12-11"}
        for name in FLAT_FILES:
            del values[name.upper()]
        paths = {"DUCKDB_PATH": "darkpool.duckdb", "OUTPUT_DIR": "output", "DAGSTER_HOME": "home"}
        return values | {name: str(self.folder / path) for name, path in paths.items()}

    @property
    def captured_output(self) -> str:
        """What the steps of the runs in this home wrote to stdout and stderr."""
        return "".join(path.read_text() for suffix in ("out", "err") for path in self.home.rglob(f"*.{suffix}"))

    def graph(self, instance: dg.DagsterInstance) -> LiveGraph:
        return LiveGraph(self.server, instance, self.folder)

    def darkpool(self, *words: str, **environment: str) -> int:
        """Run the command line in a process of its own, and keep what it says; gives its exit code."""
        code = self._run(["-c", DARKPOOL, *words], environment)
        assert "Traceback" not in self.said[-1]
        return code

    def dagster_run(self, *assets: str) -> int:
        """Run assets as the UI does, whose runs have their output captured."""
        chosen = ["--select", ",".join(assets), "--partition", self.environment["TARGET_DATE"]]
        return self._run(["-m", "dagster", "asset", "materialize", "-m", "darkpool_assets.definitions", *chosen], {})

    def _run(self, words: list[str], environment: dict[str, str]) -> int:
        ended = subprocess.run(
            [sys.executable, *words], env=os.environ | self.environment | environment, cwd=self.folder, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        self.said.extend([ended.stdout, ended.stderr])
        return ended.returncode

    def leaks(self) -> dict[str, list[bytes]]:
        """Where pieces of secrets were left or said."""
        said = pieces_in("\n".join(self.said))
        found = files_with_pieces(self.folder) | tables_with_pieces(self.folder / "darkpool.duckdb")
        return found | ({"said": said} if said else {})


@pytest.fixture
def house(one_session: MarketHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A server that knows the canaries, and a home that was never used."""
    monkeypatch.setattr(polygon_services, "SAMPLE_POLYGON_KEY", CANARIES["POLYGON_API_KEY"])
    home = tmp_path / "home"
    home.mkdir()
    shipped = (cli.PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    assert "python_log_level: INFO" in shipped
    (home / "dagster.yaml").write_text(shipped.replace("python_log_level: INFO", "python_log_level: DEBUG"), encoding="utf-8")
    now = dt.datetime(2026, 1, 5, 23, tzinfo=dt.UTC)
    with MarketServer(one_session.market, now=now, terms=_TERMS, history=one_session) as server:
        yield House(tmp_path, server)


@pytest.fixture
def graph(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveGraph]:
    """The graph in that house, in this process; retries do not wait."""
    monkeypatch.setenv("DAGSTER_HOME", str(house.home))
    stamina.set_testing(True, attempts=3, cap=True)
    try:
        with dg.DagsterInstance.get() as instance:
            yield house.graph(instance)
    finally:
        stamina.set_testing(False)


@pytest.fixture
def quick_flat_files(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Limits(deadline=10, retries=1, wait_initial=0.01, wait_max=0.02)
    monkeypatch.setitem(FlatFiles.__init__.__kwdefaults__ or {}, "limits", quick)


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def what_runs_said(graph: LiveGraph) -> str:
    """Every event of every run, errors with their causes included, and the captured output of its steps."""
    said = []
    for run in graph.instance.get_runs():
        for record in graph.instance.all_logs(run.run_id):
            said += [record.message, record.user_message, repr(record), dg.serialize_value(record)]
    return "\n".join(said)


def check_silence(house: House, graph: LiveGraph, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    assert pieces_in(what_runs_said(graph)) == []
    assert pieces_in(caplog.text) == []
    assert [record for record in caplog.records if pieces_in(repr(vars(record)))] == []
    assert pieces_in("".join(capfd.readouterr())) == []
    assert house.leaks() == {}


# Runs in this process


def test_a_session_that_is_made_whole_leaves_no_key(house: House, graph: LiveGraph, caplog, capfd):
    runner = SessionRunner(graph.settings(tickers="SPY,RGTI", **ACCOUNTS), graph.instance, on_day=lambda *_: None)
    assert runner.run([graph.day]).failures == []
    assert graph.server.requests_to("/fip")
    assert "attempt 1" in caplog.text
    assert {path.suffix for path in (house.folder / "output").rglob("*.*")} >= {".html", ".png"}
    assert list(house.home.rglob("*.err"))
    check_silence(house, graph, caplog, capfd)


@pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.BLOCKED, Kind.UNAVAILABLE, Kind.WRONG_SHAPE, Kind.REDIRECT])
def test_runs_that_fail_leave_no_key(house: House, graph: LiveGraph, caplog, capfd, kind: Kind):
    paths = ("/v2", "/v3", "/equity", "/data")
    graph.server.faults.add(*(Fault(path, kind, times=None, retry_after="0") for path in paths))
    graph.materialise(RAW, polygon_requests_per_minute=60_000, **ACCOUNTS)
    graph.server.faults.clear()
    graph.server.faults.add(Fault("/fip", kind, times=None, retry_after="0"))
    graph.materialise(finra_otc_weekly_raw, **ACCOUNTS)
    assert graph.rows("finra_otc_weekly_raw").is_empty()
    check_silence(house, graph, caplog, capfd)


def test_a_next_url_to_another_host_leaves_no_key_and_takes_none_there(house: House, graph: LiveGraph, caplog, capfd):
    graph.server.faults.add(Fault("/v2", Kind.FOREIGN_NEXT_URL, times=None), Fault("/v3", Kind.FOREIGN_NEXT_URL, times=None))
    graph.materialise(RAW, **ACCOUNTS)
    assert graph.rows("polygon_equity_trades_raw").is_empty()
    assert {received.host for received in graph.server.requests} == {graph.server.url.removeprefix("http://")}
    check_silence(house, graph, caplog, capfd)


@pytest.mark.parametrize("wrong", ["{}-wrong", "{}\n", "{}\N{SNOWMAN}"])
def test_a_key_that_is_wrong_or_cannot_be_sent_is_not_shown(house: House, graph: LiveGraph, caplog, capfd, wrong: str):
    keys: dict[str, Any] = {name: wrong.format(value) for name, value in ACCOUNTS.items()}
    graph.materialise(RAW, **keys)
    assert graph.entry("polygon_daily_agg_raw")["status"] == "FAILED"
    assert graph.entry("finra_otc_weekly_raw")["status"] == "FAILED"
    check_silence(house, graph, caplog, capfd)


@pytest.mark.usefixtures("quick_flat_files")
@pytest.mark.parametrize("kind", [None, Kind.UNAUTHORIZED, Kind.BLOCKED, Kind.REDIRECT])
def test_flat_files_that_fail_leave_no_key(house: House, graph: LiveGraph, caplog, capfd, kind: Kind | None):
    if kind:
        graph.server.faults.add(Fault("/flatfiles", kind, times=None))
    graph.materialise(RAW[2:], **FLAT_FILES, polygon_flat_files_endpoint=graph.server.url, polygon_api_key=None)
    assert graph.server.requests_to("/flatfiles")
    assert graph.rows("polygon_equity_trades_raw").is_empty()
    check_silence(house, graph, caplog, capfd)


@pytest.mark.usefixtures("quick_flat_files")
def test_flat_files_that_are_read_leave_no_key(house: House, graph: LiveGraph, caplog, capfd):
    storage = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    storage.start()
    try:
        endpoint = "http://{}:{}".format(*storage.get_host_and_port())
        put_flat_files(graph, endpoint)
        graph.materialise(RAW[2:], **ACCOUNTS, **FLAT_FILES, polygon_flat_files_endpoint=endpoint)
    finally:
        storage.stop()
    assert set(graph.rows("polygon_equity_trades_raw")["data_source"]) == {"FLAT_FILE"}
    check_silence(house, graph, caplog, capfd)


def put_flat_files(graph: LiveGraph, endpoint: str) -> None:
    """Trades and quotes of a day, where the storage service keeps them."""
    feeds = HandMadeFeeds(graph.folder / "feeds")
    ticks = {"trades_v1": feeds.write_trades(graph.day, symbols=["SPY"]), "quotes_v1": feeds.write_quotes(graph.day)}
    folder = f"{endpoint}/flatfiles"
    objects = {f"{folder}/us_stocks_sip/{kind}/{graph.day:%Y/%m}/{graph.day}.csv.gz": path for kind, path in ticks.items()}
    for address, body in {folder: b"", **{name: path.read_bytes() for name, path in objects.items()}}.items():
        put = urllib.request.Request(address, data=body, method="PUT", headers={"Content-Type": "text/csv"})
        with urllib.request.urlopen(put) as answer:
            assert answer.status == 200


# A service that repeats what it was sent


class Parrot(BaseHTTPRequestHandler):
    """Answers every request with its own headers and credentials, in the body, in headers and in addresses."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        server = cast("ParrotServer", self.server)
        sent = self.headers.get("authorization", "")
        if self.path.startswith("/token") and server.gives_tokens:
            return self._send(200, json.dumps({"access_token": f"{TOKEN}1", "expires_in": 900}), sent)
        scheme, _, code = sent.partition(" ")
        known = base64.b64decode(code).decode() if scheme == "Basic" else code
        return self._send(server.status, server.form % {"known": known, "sent": sent, "key": known.partition(":")[0]}, sent)

    do_GET = do_POST = _answer  # noqa: N815

    def _send(self, status: int, text: str, sent: str) -> None:
        body = text.encode()
        self.send_response(status)
        headers = {"x-request-id": sent, "finra-api-request-id": sent, "Location": f"http://elsewhere.test/?key={sent}"}
        for name, value in {**headers, "Content-Length": len(body), "Retry-After": "0"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class ParrotServer(ThreadingHTTPServer):
    """The server of parrots."""

    daemon_threads = True

    def __init__(self, status: int, form: str, *, gives_tokens: bool) -> None:
        super().__init__(("127.0.0.1", 0), Parrot)
        self.status, self.form, self.gives_tokens = status, form, gives_tokens


FORMS: Final = {
    "a page": "<html>You sent %(sent)s, that is %(known)s</html>",
    "a page cut in the key": "<html>%(known)s" + "x" * 200,
    "a long page": "x" * 130 + " %(known)s %(known)s",
    "an error": '{"status": "ERROR", "error": "Unknown API Key %(known)s", "message": "%(sent)s"}',
    "rows": '{"status": "OK", "adjusted": false, "results": [{"%(key)s": "%(known)s", "T": "%(sent)s"}]}',
    "a list": '[{"%(key)s": "%(known)s", "tradeReportDate": "%(sent)s", "weekStartDate": "%(sent)s"}]',
    "another page": '{"status": "OK", "results": [], "next_url": "http://%(key)s.test/?apiKey=%(key)s"}',
}
REPEATED: Final = [
    *((status, form) for status in (401, 403, 404, 429, 500) for form in ("a page", "a long page")),
    (302, "a page"), *((200, form) for form in FORMS),
]  # fmt: skip


@pytest.mark.parametrize("gives_tokens", [True, False])
@pytest.mark.parametrize(("status", "form"), REPEATED)
def test_a_service_that_repeats_what_it_was_sent_is_not_quoted(
    graph: LiveGraph, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, form: str, gives_tokens: bool
):
    with closing_server(ParrotServer(status, FORMS[form], gives_tokens=gives_tokens)) as url:
        settings = graph.settings(
            **ACCOUNTS, polygon_base_url=url, finra_otc_url=f"{url}/weeklySummary", finra_token_url=f"{url}/token",
            finra_short_sale_cdn_url=f"{url}/files", polygon_requests_per_minute=60_000,
        )  # fmt: skip
        errors = errors_of(settings, graph.day)
    assert len(errors) >= 3
    assert [pieces_in(words_of(error)) for error in errors] == [[]] * len(errors)
    assert [record.getMessage() for record in caplog.records if pieces_in(repr(vars(record)))] == []


def errors_of(settings: Settings, day: dt.date) -> list[SourceError]:
    """What the feeds raise when they are asked for a day; what they name in a reading counts as raised."""
    errors: list[SourceError] = []
    with FinraFeeds(settings) as finra, PolygonFeeds(settings) as polygon:
        for ask in (
            lambda: finra.otc_week(dt.date(2025, 12, 8), today=day),
            lambda: finra.short_sale(day),
            lambda: polygon.daily_agg(day),
            lambda: polygon.quoted_trades(day, symbols=["SPY"], attach=lambda prints, _quotes: prints),
        ):
            try:
                reading = ask()
                errors += [SourceError(words) for words in getattr(reading, "failures", {}).values()]
            except SourceError as error:
                errors.append(error)
    return errors


class closing_server:  # noqa: N801 - reads as a function
    """Serve in a thread inside a with block; gives the address."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


# Definitions, representations, settings


def all_settings(tmp_path: Path, **changes: Any) -> Settings:
    return load_settings(**{**SECRETS, "duckdb_path": tmp_path / "darkpool.duckdb", **changes})


def test_no_key_is_in_what_dagster_is_told_of_the_definitions(tmp_path: Path):
    definitions = build_definitions(all_settings(tmp_path))
    repository, job = definitions.get_repository_def(), definitions.resolve_job_def(END_OF_DAY)
    said = [dg.serialize_value(RepositorySnap.from_def(repository)), dg.serialize_value(job.get_job_snapshot())]
    assert all(len(text) > 1_000 for text in said)
    assert pieces_in("\n".join([*said, repr(definitions), repr(repository), repr(job)])) == []


def test_no_key_is_in_a_representation(tmp_path: Path):
    settings = all_settings(tmp_path)
    key, secret = CANARIES["FINRA_API_KEY"], CANARIES["FINRA_API_SECRET"]
    bearer, finra_auth = BearerAuth(key), FinraAuth(key=key, secret=secret, token_url="http://127.0.0.1:1")
    with Transport("Test", auth=bearer, hosts=["http://127.0.0.1:1"]) as transport:
        held = [
            settings, settings.model_dump(), settings.model_dump_json(), settings.model_copy(), build_resources(settings),
            FinraFeeds(settings), PolygonFeeds(settings), FinraServices(settings), transport, bearer, finra_auth,
            PolygonRest(transport, base_url="http://127.0.0.1:1"),
            FlatFiles(endpoint="http://127.0.0.1:1", bucket="flatfiles", key=key, secret=secret),
        ]  # fmt: skip
        assert pieces_in("\n".join(f"{one!r} {one}" for one in held)) == []


@pytest.mark.parametrize("missing", ["finra_api_key", "finra_api_secret", "polygon_flat_files_key", "polygon_flat_files_secret"])
def test_a_refused_setting_shows_no_key(tmp_path: Path, missing: str):
    with pytest.raises(SettingsError) as caught:
        all_settings(tmp_path, **{missing: None, "backfill_count": 0, "polygon_api_key": 7})
    assert pieces_in(words_of(caught.value)) == []


# The command line in a process of its own


def test_commands_that_go_well_leave_and_say_no_key(house: House):
    assert house.darkpool("run") == 0
    assert [house.darkpool(word) for word in ("config", "status")] == [0, 0]
    assert house.darkpool("check") in {0, 1}
    assert house.server.requests_to("/fip")
    assert house.dagster_run("polygon_equity_trades_raw") == 0
    assert house.captured_output
    assert house.leaks() == {}


def test_commands_that_fail_leave_and_say_no_key(house: House):
    house.server.faults.add(
        Fault("/v3/trades/SPY", Kind.FOREIGN_NEXT_URL, times=None), Fault("/v3", Kind.UNAUTHORIZED, times=None),
        Fault("/v2", Kind.WRONG_SHAPE, times=None), Fault("/equity", Kind.BLOCKED, times=None),
        Fault("/fip", Kind.UNAUTHORIZED, times=None),
    )  # fmt: skip
    assert house.darkpool("run", POLYGON_API_KEY=f"{CANARIES['POLYGON_API_KEY']}x") == 1
    assert house.darkpool("config", **CANARIES, BACKFILL_COUNT="0") == 2
    assert house.darkpool("config", FINRA_API_SECRET="") == 2
    assert house.dagster_run("finra_otc_weekly_raw", "polygon_daily_agg_raw", "finra_short_daily_raw") == 1
    assert all(said for said in house.said[1::2])
    assert "CredentialsRefused" in house.captured_output
    assert house.leaks() == {}


def test_keys_of_a_dotenv_file_are_not_shown(house: House):
    (house.folder / "elsewhere").mkdir()
    lines = "".join(f"{name}='{value}'\n" for name, value in CANARIES.items())
    (house.folder / "elsewhere" / ".env").write_text(f"{lines}TICKERS=SPXW\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", DARKPOOL, "config"], cwd=house.folder / "elsewhere", capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "TICKERS" in ended.stderr
    assert pieces_in(ended.stdout + ended.stderr) == []
