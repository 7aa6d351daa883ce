"""Constituents lists."""

import datetime as dt
import os

import polars as pl
import pytest

from darkpool_assets.settings import load_settings
from darkpool_assets.sources.constituents import (
    CONSTITUENTS_SCHEMA,
    constituents_files_in,
    read_configured_constituents,
    read_constituents,
)
from darkpool_assets.sources.errors import MissingSource

HEADER = "index_symbol,symbol,weight,start_date,end_date,list_date"


def test_a_full_list_is_read_as_it_stands(write):
    rows = read_constituents(write("list.csv", f"{HEADER}\nSPX,BRK.B,1.5,2024-01-02,2024-06-28,2024-05-01\n"))
    assert rows.schema == CONSTITUENTS_SCHEMA
    assert rows.rows() == [("SPX", "BRK.B", 1.5, dt.date(2024, 1, 2), dt.date(2024, 6, 28), dt.date(2024, 5, 1))]


@pytest.mark.parametrize("header", ["index,ticker", "Index,Symbol", "index_symbol|symbol", " index , ticker "])
def test_two_columns_suffice_and_have_other_names_too(header, write):
    delimiter = "|" if "|" in header else ","
    rows = read_constituents(write("list.csv", f"{header}\nSPX_SAMPLE{delimiter}AAPL\n"))
    assert rows.select("index_symbol", "symbol", "weight", "start_date", "end_date").rows() == [
        ("SPX_SAMPLE", "AAPL", None, None, None)
    ]


def test_a_list_without_a_date_is_dated_by_its_file(write):
    path = write("list.csv", "index,symbol\nSPX,AAPL\n")
    moment = dt.datetime(2024, 5, 1, 23, 30, tzinfo=dt.UTC).timestamp()
    os.utime(path, (moment, moment))
    assert read_constituents(path)["list_date"].to_list() == [dt.date(2024, 5, 1)]


def test_a_symbol_may_leave_and_come_back(write):
    text = f"{HEADER}\nSPX,A,,2024-01-02,2024-01-31,\nSPX,A,,2024-02-01,,\nNDX,A,,,,\n"
    assert read_constituents(write("list.csv", text)).height == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SPX,aapl,,,,", ("line 3, column symbol", "'aapl'", "SPY, BRK.B")),
        ("SPX,,,,,", ("line 3, column symbol", "nothing", "a value")),
        (",A,,,,", ("line 3, column index_symbol", "nothing")),
        ("../x,A,,,,", ("line 3, column index_symbol", "'../x'", "SPX_SAMPLE")),
        ("SPX,A,much,,,", ("line 3, column weight", "'much'")),
        ("SPX,A,-1,,,", ("line 3, column weight", "'-1'")),
        ("SPX,A,inf,,,", ("line 3, column weight", "'inf'")),
        ("SPX,A,,01/02/2024,,", ("line 3, column start_date", "'01/02/2024'", "a date")),
        ("SPX,A,,2024-02-01,2024-01-31,", ("line 3, column end_date", "'2024-01-31'", "start_date or later")),
        ("SPX,BRK/B,,,,", ("line 3, column symbol", "'BRK/B'", "one membership of the index at a time")),
        ("SPX,BRK.B,,2024-06-28,,", ("line 3, column symbol", "'BRK.B'", "one membership")),
        ("SPX,A", ("line 3", "2 fields", "6 fields")),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(line, words, write, refuses):
    text = f"{HEADER}\nSPX,BRK.B,,,2024-06-28,\n{line}\n"
    refuses(lambda: read_constituents(write("list.csv", text)), "list.csv", *words)


def test_an_overlap_hidden_behind_a_shorter_membership_is_found(write, refuses):
    text = f"{HEADER}\nSPX,A,,2024-01-01,2024-12-31,\nSPX,A,,2024-12-01,,\nSPX,A,,2024-02-01,2024-02-02,\n"
    refuses(lambda: read_constituents(write("list.csv", text)), "list.csv", "line 4, column symbol", "'A'")


@pytest.mark.parametrize("text", ["", HEADER, "symbol\nA\n", "<html>\n", b"\xff\xfe"])
def test_what_lists_no_constituent_is_refused(text, write, refuses):
    refuses(lambda: read_constituents(write("list.csv", text)), "list.csv", "line ")


def test_every_list_of_a_directory_is_found(write, tmp_path):
    for name in ("b.csv", "a.csv", "c.txt"):
        write(name, "x")
    assert [path.name for path in constituents_files_in(tmp_path)] == ["a.csv", "b.csv"]


def test_a_configured_file_goes_before_the_directory(write, tmp_path):
    write("dir/a.csv", "index,symbol\nSPX,A\n")
    file = write("b.csv", "index,symbol\nNDX,B\n")
    rows = read_configured_constituents(load_settings(index_constituents_file=file, index_constituents_dir=tmp_path / "dir"))
    assert rows["index_symbol"].to_list() == ["NDX"]


def test_all_lists_of_the_configured_directory_are_put_together(write, tmp_path):
    write("a.csv", "index,symbol\nSPX,A\n")
    write("b.csv", "index,symbol\nNDX,B\n")
    rows = read_configured_constituents(load_settings(index_constituents_file=None, index_constituents_dir=tmp_path))
    assert rows.select("index_symbol", "symbol").rows() == [("SPX", "A"), ("NDX", "B")]


def test_an_absent_default_directory_is_an_empty_list(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INDEX_CONSTITUENTS_DIR", raising=False)
    monkeypatch.delenv("INDEX_CONSTITUENTS_FILE", raising=False)
    assert read_configured_constituents(load_settings()).equals(pl.DataFrame(schema=CONSTITUENTS_SCHEMA))


def test_a_configured_file_or_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(MissingSource, match="INDEX_CONSTITUENTS_FILE"):
        read_configured_constituents(load_settings(index_constituents_file=tmp_path / "absent.csv"))
    with pytest.raises(MissingSource, match="INDEX_CONSTITUENTS_DIR"):
        read_configured_constituents(load_settings(index_constituents_file=None, index_constituents_dir=tmp_path / "absent"))
