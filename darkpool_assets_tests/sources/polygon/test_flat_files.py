"""Flat files over S3: against a real S3 server that checks keys and policies, and one that breaks every rule."""

import _thread
import datetime as dt
import gzip
import json
import logging
import tempfile
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import boto3
import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from darkpool_assets.market_calendar import session_window
from darkpool_assets.settings import load_settings
from darkpool_assets.sources.answer_limits import PROBE_LIMITS, Limits
from darkpool_assets.sources.day_files import date_in_name
from darkpool_assets.sources.errors import (
    CredentialsRefused,
    NotEntitled,
    NotPublishedYet,
    OversizedSource,
    RateLimited,
    RefusedBySource,
    Unreachable,
)
from darkpool_assets.sources.polygon.feeds import PolygonFeeds
from darkpool_assets.sources.polygon.flat_files import FlatFiles
from darkpool_assets.sources.polygon.trades import read_trades_file

DAY = dt.date(2024, 5, 1)
BUCKET = "flatfiles"
NAME = "us_stocks_sip/trades_v1/2024/05/2024-05-01.csv.gz"
HEADER = "ticker,conditions,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size"
TRADES = gzip.compress(f"{HEADER}\nSPY,,11,1,,500.25,1,1714570200000000000,100\n".encode())
WRONG_KEY, WRONG_SECRET = "AKIAWRONGCANARY", "wrong+secret/canary"
QUICK = Limits(deadline=20, retries=1, wait_initial=0.01, wait_max=0.02, connect_timeout=5, read_timeout=5)


def set_up_account(endpoint: str) -> tuple[str, str]:
    """A bucket, and the key of a user whose plan has trades and the day's aggregates but no quotes."""
    account = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    boto3.client("s3", **account).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **account)
    iam.create_user(UserName="subscriber")
    folders = (f"{BUCKET}/us_stocks_sip/trades_v1", f"{BUCKET}/us_stocks_sip/day_aggs_v1", "elsewhere")
    included = [f"arn:aws:s3:::{folder}/*" for folder in folders]
    plan = [{"Effect": "Allow", "Action": "s3:*", "Resource": resource} for resource in included]
    document = json.dumps({"Version": "2012-10-17", "Statement": plan})
    iam.put_user_policy(UserName="subscriber", PolicyName="plan", PolicyDocument=document)
    key = iam.create_access_key(UserName="subscriber")["AccessKey"]
    enforce = urllib.request.Request(
        f"{endpoint}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(enforce).read()
    return key["AccessKeyId"], key["SecretAccessKey"]


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    """Where and how to call a storage service that has one trades file and no quotes in the plan."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    key, secret = set_up_account(endpoint)
    store = S3Store(
        BUCKET, endpoint=endpoint, region="us-east-1", access_key_id=key, secret_access_key=secret,
        client_options={"allow_http": True},
    )  # fmt: skip
    obstore.put(store, NAME, TRADES)
    yield {"endpoint": endpoint, "bucket": BUCKET, "key": key, "secret": secret}
    server.stop()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the test, its own, so that what is left in it shows."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def flat_files(account: dict[str, str], **changes: object) -> FlatFiles:
    return FlatFiles(**{**account, "limits": QUICK, **changes})  # type: ignore[arg-type]


def fetch(files: FlatFiles, kind: str = "trades_v1", day: dt.date = DAY) -> bytes:
    with files.file_of(kind, day) as path:  # type: ignore[arg-type]
        return path.read_bytes()


def test_a_file_is_there_inside_the_block_and_nowhere_after_it(account: dict[str, str], temporary: Path):
    with flat_files(account).file_of("trades_v1", DAY) as path:
        assert path.read_bytes() == TRADES
        assert temporary in path.parents
    assert not path.exists()
    assert list(temporary.iterdir()) == []


def test_the_reader_of_files_reads_it(account: dict[str, str]):
    window = session_window(DAY, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
    with flat_files(account).file_of("trades_v1", DAY) as path:
        reading = read_trades_file(path, day=DAY, window=window, symbols=["SPY"])
        assert date_in_name(path.name) == DAY
    assert (reading.source, reading.rows["price"].to_list()) == ("2024-05-01.csv.gz", [500.25])


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt])
def test_the_file_is_deleted_when_its_reader_stops(account: dict[str, str], temporary: Path, ending: type[BaseException]):
    def read() -> None:
        with flat_files(account).file_of("trades_v1", DAY) as path:
            assert path.exists()
            raise ending

    with pytest.raises(ending):
        read()
    assert list(temporary.iterdir()) == []


def test_a_day_without_an_object_is_not_published_yet(account: dict[str, str], temporary: Path):
    with pytest.raises(NotPublishedYet, match=r"trades_v1/2024/05/2024-05-02\.csv\.gz is not there yet"):
        fetch(flat_files(account), day=dt.date(2024, 5, 2))
    assert list(temporary.iterdir()) == []


def test_a_kind_outside_the_plan_is_not_entitled(account: dict[str, str]):
    with pytest.raises(NotEntitled, match=r"quotes_v1.*answered 403 \(AccessDenied\)") as caught:
        fetch(flat_files(account), kind="quotes_v1")
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("wrong", "code"), [({"secret": WRONG_SECRET}, "SignatureDoesNotMatch"), ({"key": WRONG_KEY}, "InvalidAccessKeyId")]
)
def test_a_wrong_key_or_secret_is_refused_by_name(account: dict[str, str], wrong: dict[str, str], code: str):
    with pytest.raises(CredentialsRefused, match=rf"answered 403 \({code}\)\. Correct POLYGON_FLAT_FILES_KEY"):
        fetch(flat_files(account, **wrong))


def test_a_bucket_that_is_not_there_is_a_wrong_setting_and_not_a_missing_day(account: dict[str, str]):
    with pytest.raises(RefusedBySource, match=r"404 \(NoSuchBucket\)\. Correct POLYGON_FLAT_FILES_ENDPOINT"):
        fetch(flat_files(account, bucket="elsewhere"))


def test_a_look_for_a_file_fetches_none_and_tells_why_there_is_none(account: dict[str, str], temporary: Path):
    files = flat_files(account)
    files.look_for("trades_v1", DAY)
    with pytest.raises(NotPublishedYet, match="is not there yet"):
        files.look_for("trades_v1", dt.date(2024, 5, 2))
    with pytest.raises(NotEntitled):
        files.look_for("quotes_v1", DAY)
    with pytest.raises(CredentialsRefused):
        flat_files(account, key=WRONG_KEY).look_for("trades_v1", DAY)
    assert list(temporary.iterdir()) == []


def test_feeds_of_flat_files_alone_are_awaited_until_the_files_are_there(account: dict[str, str]):
    settings = load_settings(**{f"polygon_flat_files_{name}": value for name, value in account.items()})
    feeds = PolygonFeeds(settings, limits=PROBE_LIMITS)
    assert list(feeds.awaited(DAY)) == ["polygon_daily_agg_raw"]  # quotes are not in the plan, which is no reason to wait
    assert list(feeds.awaited(dt.date(2024, 5, 2))) == ["polygon_daily_agg_raw", "polygon_equity_trades_raw"]


def test_an_object_larger_than_any_flat_file_is_refused_before_it_is_read(account: dict[str, str]):
    limits = Limits(max_bytes=len(TRADES) - 1)
    with pytest.raises(OversizedSource, match=f"found {len(TRADES)} bytes"):
        fetch(flat_files(account, limits=limits))
    assert fetch(flat_files(account, limits=Limits(max_bytes=len(TRADES)))) == TRADES


def test_an_endpoint_that_does_not_listen_is_unreachable(account: dict[str, str], temporary: Path):
    with pytest.raises(Unreachable, match=r"after 2 attempts .*Connection refused"):
        fetch(flat_files(account, endpoint="http://127.0.0.1:9"))
    assert list(temporary.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(account: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(Unreachable, match=r"cannot be written to .*: No space left on device"):
        fetch(flat_files(account))


def test_nothing_of_the_environment_reaches_the_service(account: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    strangers = {
        "AWS_SESSION_TOKEN": "canary", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary", "AWS_SKIP_SIGNATURE": "true", "AWS_REGION": "eu-west-1", "AWS_S3_EXPRESS": "true",
    }  # fmt: skip
    for name, value in strangers.items():
        monkeypatch.setenv(name, value)
    assert fetch(flat_files(account)) == TRADES


# Beyond what a correct server does.

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def broken() -> Iterator[SimpleNamespace]:
    """A server that does what `behaviour` does, and the account to call it with; `seen` holds each request's headers."""
    state = SimpleNamespace(seen=[], behaviour=None)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.seen.append(dict(self.headers))
            state.behaviour(self)
            self.close_connection = True

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    state.account = {"endpoint": endpoint, "bucket": BUCKET, "key": WRONG_KEY, "secret": WRONG_SECRET}
    yield state
    server.shutdown()
    server.server_close()


def answering(status: int, body: bytes = b"", *, announced: int | None = None, **headers: str) -> Behaviour:
    """Answer with `body`, whose announced length may be another."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        length = {"Content-Length": str(len(body) if announced is None else announced)}
        stamps = {"ETag": '"1"', "Last-Modified": "Wed, 01 May 2024 15:00:00 GMT"}
        for name, value in {**length, **stamps, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.wfile.flush()

    return behave


def test_a_transfer_that_is_cut_off_is_resumed_and_then_unreachable(broken: SimpleNamespace, temporary: Path):
    broken.behaviour = answering(200, b"a" * 500, announced=1000)
    with pytest.raises(Unreachable):
        fetch(flat_files(broken.account))
    assert [seen.get("range") for seen in broken.seen] == [None, "bytes=500-999"]
    assert list(temporary.iterdir()) == []


def test_a_transfer_that_is_cut_off_once_is_completed(broken: SimpleNamespace):
    def behave(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Range"):
            answering(206, b"b" * 500, Content_Range="bytes 500-999/1000")(request)
        else:
            answering(200, b"a" * 500, announced=1000)(request)

    broken.behaviour = behave
    assert fetch(flat_files(broken.account)) == b"a" * 500 + b"b" * 500


def test_a_file_replaced_while_it_was_read_is_not_put_together_of_two(broken: SimpleNamespace):
    def behave(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Range"):
            answering(206, b"b" * 500, Content_Range="bytes 500-999/1000", ETag='"2"')(request)
        else:
            answering(200, b"a" * 500, announced=1000)(request)

    broken.behaviour = behave
    with pytest.raises(Unreachable):
        fetch(flat_files(broken.account))


def trickle(request: BaseHTTPRequestHandler) -> None:
    answering(200, announced=10_000)(request)
    try:
        for _ in range(200):
            request.wfile.write(b"a")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def test_a_transfer_that_trickles_ends_with_the_deadline(broken: SimpleNamespace, temporary: Path):
    broken.behaviour = trickle
    start = time.monotonic()
    with pytest.raises(Unreachable):
        fetch(flat_files(broken.account, limits=Limits(deadline=0.4, retries=5, wait_initial=0.01, wait_max=0.02)))
    assert time.monotonic() - start < 2
    assert list(temporary.iterdir()) == []


def test_ctrl_c_ends_a_transfer_and_leaves_nothing(broken: SimpleNamespace, temporary: Path):
    broken.behaviour = trickle
    threading.Timer(0.3, _thread.interrupt_main).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch(flat_files(broken.account, limits=Limits(deadline=30)))
    assert time.monotonic() - start < 2
    assert list(temporary.iterdir()) == []


def test_a_server_without_an_answer_is_unreachable(broken: SimpleNamespace):
    broken.behaviour = lambda _request: time.sleep(0.6)
    limits = Limits(deadline=5, retries=1, wait_initial=0.01, wait_max=0.02, read_timeout=0.1)
    with pytest.raises(Unreachable, match=r"after 2 attempts .*TimedOut"):
        fetch(flat_files(broken.account, limits=limits))


@pytest.mark.parametrize(("status", "error"), [(500, Unreachable), (503, Unreachable), (429, RateLimited)])
def test_server_errors_are_retried_and_then_told(broken: SimpleNamespace, status: int, error: type[Exception]):
    broken.behaviour = answering(status)
    with pytest.raises(error, match="after 2 attempts"):
        fetch(flat_files(broken.account))
    assert len(broken.seen) == 2


def xml(code: str) -> bytes:
    echoed = f"<AWSAccessKeyId>{WRONG_KEY}</AWSAccessKeyId><StringToSign>{WRONG_SECRET}</StringToSign>"
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{WRONG_KEY}</Message>{echoed}</Error>'.encode()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b"", CredentialsRefused), (403, xml("InvalidAccessKeyId"), CredentialsRefused),
        (403, xml("AccessDenied"), NotEntitled), (403, b"", NotEntitled), (403, b"<html>blocked</html>", RefusedBySource),
        (403, xml("RequestTimeTooSkewed"), RefusedBySource), (404, xml("NoSuchKey"), NotPublishedYet),
        (404, b"", NotPublishedYet), (404, b"<html>no such page</html>", RefusedBySource),
        (400, xml("InvalidRequest"), RefusedBySource),
    ],
)  # fmt: skip
def test_a_refusal_is_told_by_its_code(broken: SimpleNamespace, status: int, body: bytes, error: type[Exception]):
    broken.behaviour = answering(status, body)
    with pytest.raises(error) as caught:
        fetch(flat_files(broken.account))
    assert type(caught.value) is error
    assert len(broken.seen) == 1


def test_a_redirect_carries_no_signature_to_another_host(broken: SimpleNamespace):
    there = answering(200, b"x")

    def behave(request: BaseHTTPRequestHandler) -> None:
        if "127.0.0.1" in request.headers["Host"]:
            port = broken.account["endpoint"].rpartition(":")[2]
            answering(302, Location=f"http://localhost:{port}/elsewhere")(request)
        else:
            there(request)

    broken.behaviour = behave
    fetch(flat_files(broken.account))
    assert [WRONG_KEY in seen.get("authorization", "") for seen in broken.seen] == [True, False]


def everything_about(error: BaseException) -> str:
    """All that a log, an event or a debugger may show of an error and of those behind it."""
    chain: list[BaseException] = [error]
    while behind := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(behind)
    texts = [f"{link!s}{link!r}{link.args}{vars(link)}{getattr(link, '__notes__', '')}" for link in chain]
    return "".join(traceback.format_exception(error)) + "".join(texts)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_no_key_and_no_secret_is_in_any_text(broken: SimpleNamespace, caplog: pytest.LogCaptureFixture, status: int):
    caplog.set_level(logging.DEBUG)
    broken.behaviour = answering(status, xml(WRONG_KEY), announced=2000 if status == 200 else None)
    files = flat_files(broken.account)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
        fetch(files)
    for secret in (WRONG_KEY, WRONG_SECRET):
        assert secret not in everything_about(caught.value) + repr(files) + str(files) + caplog.text
