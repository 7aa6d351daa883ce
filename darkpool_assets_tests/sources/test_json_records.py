"""Rows of JSON bodies."""

import json

import pytest

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.json_records import JsonRows, read_json_rows


def _read(text: str | bytes) -> JsonRows:
    return read_json_rows(Content("body.json", text.encode() if isinstance(text, str) else text))


def _texts(value: str) -> list[object]:
    return _read(f'[{{"a": {value}}}]').records({"ours": "a"}).text["ours"].to_list()


def test_a_list_and_a_body_with_results_hold_the_same_rows():
    rows = [{"a": "1"}, {"b": "2"}]
    bare, body = _read(json.dumps(rows)), _read(json.dumps({"status": "OK", "results": rows}))
    assert bare.rows == body.rows == rows
    assert (bare.body, body.body["status"], bare.columns) == ({}, "OK", ("a", "b"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1651181822461636600", "1651181822461636600"), ("1.50", "1.50"), ("1e400", "1e400"), ("NaN", "NaN"), ("true", "true"),
        ('" x "', "x"), ('""', None), ("null", None), ("[12, 37]", "12,37"), ("[]", None),
    ],
)  # fmt: skip
def test_a_value_keeps_the_text_that_it_was_written_in(value, text):
    assert _texts(value) == [text]


def test_an_absent_key_is_null():
    records = _read('[{"a": 1}, {"b": 2}]').records({"ours": "a"})
    assert records.text.rows() == [(1, "1"), (2, None)]


@pytest.mark.parametrize("value", ['{"x": 1}', "[[1]]", "[null]"])
def test_a_nested_value_is_refused_by_row_and_column(value, refuses):
    refuses(lambda: _texts(value), "body.json", "row 1", "column a", "a plain value")


def test_half_of_a_character_pair_is_no_letter():
    assert set(_texts('"A\\ud800"')) == {"A\ufffd\ufffd\ufffd"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"), ("[1,\n2", "line 2, column 2"), ("<html></html>", "line 1, column 1"), ("[" * 200_000, "body"),
        (b'[{"a": "\xe9"}]', "byte 8"), (b"\x00\x01\x02", "line 1, column 1"),
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused_with_its_place(text, place, refuses):
    refuses(lambda: _read(text), "body.json", place)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3", "str"), ('"x"', "str"), ("null", "NoneType"), ('{"error": "Unknown API Key"}', "Unknown API Key"),
        ('{"results": {}}', "dict"), ('{"results": null}', "dict"), ('{"status": "ERROR", "results": []}', "ERROR"),
        ("[1]", "'1'"), ('[{"a": 1}, []]', "[]"),
    ],
)  # fmt: skip
def test_json_without_rows_is_refused(text, found, refuses):
    refuses(lambda: _read(text), "body.json", found)


@pytest.mark.parametrize("text", ["[]", '{"results": []}', '{"status": "OK"}', '{"status": "DELAYED", "results": null}'])
def test_an_answer_may_hold_no_row(text):
    assert list(_read(text).rows) == []


def test_a_bare_list_without_rows_is_no_answer(refuses):
    refuses(_read("[]").require_answer, "body.json", "no row")


def test_an_answer_with_pages_left_is_refused(refuses):
    text = '{"results": [{"a": 1}], "next_url": "https://example.org/?cursor=x"}'
    refuses(lambda: _read(text), "body.json", "next_url", "one page of several", "all pages")


def test_a_refusal_does_not_repeat_the_address_of_the_next_page(refuses):
    message = refuses(lambda: _read('{"results": [{"a": 1}], "next_url": "https://example.org/?cursor=x"}'))
    assert "cursor" not in message
