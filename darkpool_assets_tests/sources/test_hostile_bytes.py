"""Whatever bytes a file holds, a reader gives a whole reading or an error of the sources' own tree, and nothing else.

HYPOTHESIS_PROFILE=long multiplies the cases of the ordinary run.
"""

import datetime as dt
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkpool_assets.sources.constituents import read_constituents
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.finra.otc_weekly import OtcFields, read_otc_content
from darkpool_assets.sources.finra.short_daily import read_short_file
from darkpool_assets.sources.polygon.daily_agg import read_daily_agg_file
from darkpool_assets.sources.polygon.quotes import read_quotes_file
from darkpool_assets.sources.polygon.trades import read_trades_file
from darkpool_assets.sources.reading import Reading

DAY = dt.date(2024, 5, 1)
WINDOW = (dt.datetime(2024, 5, 1, 13, 30, tzinfo=dt.UTC), dt.datetime(2024, 5, 1, 20, 15, tzinfo=dt.UTC))
OPEN = 1714570200_000000000
CASES = 3000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 150

Read = Callable[[Path], Reading | pl.DataFrame]
READERS: dict[str, Read] = {
    "short": lambda path: read_short_file(path, day=DAY),
    "otc": lambda path: read_otc_content(Content.of_file(path), fields=OtcFields(), today=dt.date(2026, 11, 30)),
    "trades": lambda path: read_trades_file(path, day=DAY, window=WINDOW, symbols=["SPY"]),
    "quotes": lambda path: read_quotes_file(path, day=DAY, window=WINDOW, symbols=["SPY", "DIA"]),
    "aggregates": lambda path: read_daily_agg_file(path, day=DAY),
    "constituents": read_constituents,
}
_WEEK = {
    "weekStartDate": "2024-04-29", "issueSymbolIdentifier": "A", "summaryTypeCode": "ATS_W_SMBL", "tierIdentifier": "T1",
    "totalWeeklyShareQuantity": 1.5, "issueName": "Société",
}  # fmt: skip
WELL_FORMED: dict[str, list[str]] = {
    "short": [
        "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\r\n20240501|A|1|0|2.5|B,Q\r\n20240501|NA|0|0|7|N\r\n2\r\n",
        json.dumps([{
            "tradeReportDate": "2024-05-01", "securitiesInformationProcessorSymbolIdentifier": "A", "shortParQuantity": 1,
            "shortExemptParQuantity": 0, "totalParQuantity": 2, "marketCode": "Q", "reportingFacilityCode": "NQTRF",
        }]),
    ],
    "otc": [json.dumps([_WEEK]), ",".join(_WEEK) + "\n" + ",".join(str(value) for value in _WEEK.values()) + "\n"],
    "trades": [
        f'ticker,conditions,exchange,id,price,sequence_number,sip_timestamp,size,trf_id\nSPY,"12,37",4,7,500.25,1,{OPEN},100,201\n',
        json.dumps({"results": [{"sip_timestamp": OPEN, "price": 500.25, "size": 1, "conditions": [12], "id": "7"}]}),
        "symbol,timestamp,price,size,bid,ask\nSPY,2024-05-01T13:30:00.5Z,500.25,1,500.2,500.3\n",
    ],
    "quotes": [f"ticker,ask_price,bid_price,sequence_number,sip_timestamp\nSPY,2,1,1,{OPEN}\nDIA,2,1,1,{OPEN}\n"],
    "aggregates": [
        "ticker,volume,open,close,high,low,window_start,transactions\nSPY,1.5,1,1,1,1,1714536000000000000,1\n",
        json.dumps({"adjusted": False, "ticker": "A", "results": [{"o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": 1714536000000}]}),
        json.dumps({"adjusted": False, "results": [{"T": "A", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": 0}]}),
        "symbol,trade_date,open,high,low,close,volume\nA,2024-05-01,1,1,1,1,1\n",
    ],
    "constituents": ["index,symbol,weight,start_date,end_date,list_date\nSPX,A,1,2024-01-01,,2024-05-01\n"],
}  # fmt: skip
_PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([b"\n", b"\r", b'"', b",", b"|", b"\x00", b"\x01", b"\xff", b"[", b"}", b"\\ud800"]),
    st.sampled_from([b"NaN", b"1e400", b"-1", b"9" * 40]),
)
_KEYS = ["results", "T", "ticker", "symbol", "price", "t"]
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_fuzzed = settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _endures(reader: str, data: bytes, folder: Path, name: str = "file.csv") -> None:
    path = folder / name
    path.write_bytes(data)
    try:
        result = READERS[reader](path)
    except SourceError as error:
        result, message = None, str(error)
    else:
        message = "read"
    assert result is None or isinstance(result, Reading | pl.DataFrame)
    assert message.isprintable()


@pytest.fixture(params=list(READERS))
def reader(request) -> str:
    """Each reader in turn."""
    return request.param


@pytest.mark.parametrize("reader", list(READERS))
def test_the_well_formed_examples_are_read(reader, tmp_path):
    for text in WELL_FORMED[reader]:
        path = tmp_path / "file.csv"
        path.write_text(text)
        result = READERS[reader](path)
        rows = result.rows if isinstance(result, Reading) else result
        assert rows.height >= 1


@_fuzzed
@given(data=st.data())
def test_mutated_files_are_endured(reader, data, tmp_path):
    content = bytearray(data.draw(st.sampled_from(WELL_FORMED[reader])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 8)))
        content[start:end] = data.draw(_PIECES)
    _endures(reader, bytes(content), tmp_path)


@_fuzzed
@given(data=st.data())
def test_lines_in_any_order_and_number_are_endured(reader, data, tmp_path):
    lines = data.draw(st.sampled_from(WELL_FORMED[reader])).encode().splitlines(keepends=True)
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=6))
    _endures(reader, b"".join(chosen), tmp_path)


@_fuzzed
@given(content=st.binary(max_size=300), name=st.sampled_from(["file.csv", "file.json", "file.txt.gz"]))
def test_random_bytes_are_endured(reader, content, name, tmp_path):
    _endures(reader, content, tmp_path, name)


@_fuzzed
@given(data=st.data())
def test_damaged_compression_is_endured(reader, data, tmp_path):
    packed = bytearray(gzip.compress(data.draw(st.sampled_from(WELL_FORMED[reader])).encode(), mtime=0))
    place = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed = packed[:place]
    else:
        packed[place] ^= data.draw(st.integers(1, 255))
    _endures(reader, bytes(packed), tmp_path, "file.csv.gz")


@_fuzzed
@given(
    value=st.recursive(
        _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner), max_leaves=12
    )
)
def test_any_json_is_endured(reader, value, tmp_path):
    _endures(reader, json.dumps(value).encode(), tmp_path, "file.json")


@_fuzzed
@given(data=st.data())
def test_any_value_in_a_json_row_is_endured(reader, data, tmp_path):
    documents = [json.loads(text) for text in WELL_FORMED[reader] if text.startswith(("[", "{"))]
    if not documents:
        return
    document = data.draw(st.sampled_from(documents))
    rows = document if isinstance(document, list) else document["results"]
    key = data.draw(st.sampled_from(sorted(rows[0])))
    rows[0][key] = data.draw(_SCALARS | st.just([]) | st.just({}))
    _endures(reader, json.dumps(document).encode(), tmp_path, "file.json")
