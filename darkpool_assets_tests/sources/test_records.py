"""Text into typed columns."""

import datetime as dt

import polars as pl
import pytest

from darkpool_assets.sources.records import Kind, Records, choose_columns


def _records(*texts: str | None) -> Records:
    text = pl.DataFrame({"at": range(2, 2 + len(texts)), "ours": texts}, schema={"at": pl.Int64, "ours": pl.String})
    return Records("some.csv", "line", {"ours": "Theirs"}, text)


def _typed(kind: Kind, *texts: str | None) -> list[object]:
    return _records(*texts).typed({"ours": kind})["ours"].to_list()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.NUMBER, "1.5", 1.5), (Kind.NUMBER, "1e400", float("inf")), (Kind.NUMBER, "-0", 0.0), (Kind.NUMBER, None, None),
        (Kind.INTEGER, "7", 7), (Kind.INTEGER, "11.0", 11), (Kind.INTEGER, "-3", -3), (Kind.INTEGER, None, None),
        (Kind.DATE, "2026-01-30", dt.date(2026, 1, 30)), (Kind.DATE, "20260130", dt.date(2026, 1, 30)),
        (Kind.DATE, "2026-01-30T00:00:00", dt.date(2026, 1, 30)), (Kind.DATE, "2026-01-30T00:00:00.000Z", dt.date(2026, 1, 30)),
        (Kind.SYMBOL, "SPCE/WS", "SPCE/WS"), (Kind.SYMBOL, "NA", "NA"), (Kind.TEXT, "Société", "Société"),
        (Kind.INSTANT, "1651181822461636600", 1651181822461636600),
        (Kind.INSTANT, "2024-05-01T13:30:00.123456789Z", 1714570200123456789),
        (Kind.INSTANT, "2024-05-01 13:30:00.5Z", 1714570200500000000),
        (Kind.INSTANT, "2024-05-01T09:30:00-04:00", 1714570200000000000),
    ],
)  # fmt: skip
def test_text_of_the_kind_becomes_its_value(kind, text, value):
    assert _typed(kind, text) == [value]


def test_a_negative_zero_becomes_zero():
    assert str(_typed(Kind.NUMBER, "-0.0")[0]) == "0.0"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.NUMBER, "x"), (Kind.NUMBER, "1,000"), (Kind.NUMBER, "0x1"), (Kind.INTEGER, "1.5"), (Kind.INTEGER, "nan"),
        (Kind.INTEGER, "99999999999999999999"), (Kind.INTEGER, "9007199254740993.0"), (Kind.DATE, "2026-02-30"),
        (Kind.DATE, "1/30/2026"), (Kind.DATE, "2026-01-30T12:00:00"), (Kind.DATE, "20261301"), (Kind.SYMBOL, "A B"),
        (Kind.SYMBOL, "A,B"), (Kind.SYMBOL, "X" * 33), (Kind.SYMBOL, "Ä"), (Kind.TEXT, "a\x00b"), (Kind.TEXT, "a\nb"),
        (Kind.INSTANT, "2024-02-30T00:00:00Z"), (Kind.INSTANT, "1.65e18"), (Kind.INSTANT, "9999-01-01T00:00:00Z"),
        (Kind.INSTANT, "13:30:00"), (Kind.INSTANT, "2024-05-01T25:00:00"),
    ],
)  # fmt: skip
def test_text_of_another_kind_is_refused_with_its_place(kind, text, refuses):
    refuses(lambda: _typed(kind, None, text), "some.csv", "line 3", "column Theirs", repr(text), kind.value)


def test_a_column_that_the_source_lacks_is_null_throughout():
    typed = _records("1", "2").typed({"ours": Kind.NUMBER, "absent": Kind.DATE})
    assert typed["absent"].to_list() == [None, None]
    assert typed.schema["absent"] == pl.Date


def test_exact_copies_are_kept_once_and_counted():
    records = _records("A", "A", "B")
    frame = records.typed({"ours": Kind.TEXT}).rename({"ours": "symbol"})
    kept, copies = records.once(frame, key=["symbol"])
    assert (kept["at"].to_list(), copies) == ([2, 4], 1)


def test_two_different_rows_of_one_key_are_refused_at_the_second(refuses):
    text = pl.DataFrame({"at": [2, 3], "symbol": ["A", "A"], "volume": ["1", "2"]})
    records = Records("some.csv", "line", {"symbol": "Symbol", "volume": "Volume"}, text)
    refuses(lambda: records.once(text, key=["symbol"]), "some.csv", "line 3, column Symbol", "'A'", "one row per (Symbol)")


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), -float("inf"), 1e16])
def test_what_no_number_of_shares_can_be_is_refused(value, refuses):
    records = _records("1", "x")
    frame = pl.DataFrame({"at": [2, 3], "ours": [1.0, value]})
    refuses(lambda: records.require_shares(frame, ["ours"]), "line 3", "column Theirs", "from 0 to")


def test_shares_may_be_absent_zero_or_fractional():
    frame = pl.DataFrame({"at": [2, 3, 4], "ours": [None, 0.0, 1.0299]})
    _records("", "0", "1.0299").require_shares(frame, ["ours"])


def test_the_first_known_name_of_a_column_is_chosen():
    chosen = choose_columns(
        ["ticker", "symbol", "x"], {"symbol": ("symbol", "ticker"), "y": ("y",)}, required=("symbol",), source="s", where="line 1"
    )
    assert chosen == {"symbol": "symbol"}


def test_missing_columns_are_named_with_those_found(refuses):
    aliases = {"symbol": ("symbol", "ticker"), "z": ("z",)}

    def choose():
        choose_columns(["x", "y"], aliases, required=("symbol", "z"), source="s.csv", where="line 1")

    refuses(choose, "s.csv", "line 1", "columns x, y", "symbol or ticker, z")


def test_a_column_that_stands_twice_is_refused(refuses):
    def choose():
        choose_columns(["x", "x"], {"symbol": ("x",)}, required=("symbol",), source="s.csv", where="line 1")

    refuses(choose, "s.csv", "line 1", "column x twice", "every column once")
