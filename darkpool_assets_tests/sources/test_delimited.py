"""Delimited text, line by line."""

import gzip

import polars as pl
import pytest

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.delimited import MAX_LINE_BYTES, Delimited, open_delimited
from darkpool_assets.sources.records import Records

NAMES = {"left": "a", "right": "b"}


def _open(text: str | bytes) -> Delimited:
    return open_delimited(Content("some.csv", text.encode() if isinstance(text, str) else text))


def _read(text: str | bytes) -> Records:
    file = _open(text)
    return file.records(file.all_lines(), NAMES)


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "\ufeffa,b\n1,2\n3,4", "a|b\n1|2\n3|4\n", '"a","b"\n"1",2\n3,"4"\n']
)
def test_line_ends_byte_order_mark_delimiter_and_quotes_do_not_matter(text):
    assert _read(text).text.rows() == [(2, "1", "2"), (3, "3", "4")]


def test_columns_are_found_by_name_whatever_their_order():
    assert _read("c,b,a\nx,2,1\n").text.rows() == [(2, "1", "2")]


def test_blank_lines_are_skipped_and_still_counted():
    assert _read("a,b\n\n1,2\n\n\n3,4\n\n").text["at"].to_list() == [3, 6]


def test_blanks_around_a_field_are_no_part_of_it_and_an_empty_field_is_null():
    assert _read('a,b\n 1 ," "\n"",2\n').text.rows() == [(2, "1", None), (3, None, "2")]


def test_nothing_is_guessed_from_what_a_field_looks_like():
    assert _read("a,b\nNA,NAN\nTRUE,007\n").text.rows() == [(2, "NA", "NAN"), (3, "TRUE", "007")]


def test_a_quoted_field_may_hold_the_delimiter_and_quotes():
    assert _read('a,b\n"12,37","say ""x"""\n').text.rows() == [(2, "12,37", 'say "x"')]


@pytest.mark.parametrize("delimiter", ["|", ","])
def test_quotes_round_a_field_are_no_part_of_it_whatever_the_delimiter(delimiter):
    text = f'"a"{delimiter}"b"\n"x"{delimiter}"say ""y"""\n1{delimiter}"2"\n'
    assert _read(text).text.rows() == [(2, "x", 'say "y"'), (3, "1", "2")]


def test_a_quote_inside_a_field_of_a_pipe_file_is_a_letter():
    text = 'a|b\n5" pipe|say "x"\n"A" CORP|"SPY"\n"open|"S&P" 500\n'
    assert _read(text).text.rows() == [(2, '5" pipe', 'say "x"'), (3, '"A" CORP', "SPY"), (4, '"open', '"S&P" 500')]


def test_a_quoted_field_with_a_pipe_inside_is_refused_by_line(refuses):
    refuses(lambda: _read('a|b\n1|2\n"x|y"|z\n'), "some.csv", "line 3", "3 fields", "2 fields separated by '|'")


def test_a_line_with_a_field_too_many_is_kept_by_a_filter_to_be_refused(refuses):
    file = _open("a,b,c\n1,[8, 15],SPY\n1,8,QQQ\n1,8,SPY\n")
    lines = pl.concat(file.lines(file.holds("c", ["SPY"])))
    assert lines["at"].to_list() == [2, 4]
    refuses(lambda: file.records(lines, NAMES), "some.csv", "line 2", "4 fields")


LONG = b"x" * (MAX_LINE_BYTES + 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"a,b\n1,2\n" + LONG + b"\n3,4\n", "line 3"),
        (b"a,b\n1,2\n" + LONG, "line 3"),
        (b"a,b\n" + b"1,2\n" * 3_000_000 + LONG + b"\n", "line 3000002"),
        (b"a,b\n" + LONG * 20, "line 2"),
        (gzip.compress(b"a,b\n\n" + LONG), "line 3"),
    ],
    ids=["in the middle", "at the end", "in a later block", "endless", "compressed"],
)
def test_a_line_above_a_megabyte_is_refused_by_number(text, place, refuses):
    message = refuses(lambda: _read(text), "some.csv", place, "more than 1,048,576 bytes")
    assert len(message) < 300


def test_a_line_of_a_megabyte_is_read():
    assert _read(b"a,b\n1," + LONG[3:] + b"\n").text["right"].str.len_bytes().to_list() == [MAX_LINE_BYTES - 2]


def test_a_line_that_is_no_row_is_kept_by_a_filter_to_be_refused(refuses):
    file = _open('a,b\nx"y,SPY\n1,QQQ\n')
    lines = pl.concat(file.lines(file.holds("b", ["QQQ"])))
    assert lines["at"].to_list() == [2, 3]
    refuses(lambda: file.records(lines, NAMES), "some.csv", "line 2")


@pytest.mark.parametrize("line", ["1", "1,2,3", '"1,2', '1,"2', '1,2"', '"1"x,2', '"1""2'])
def test_a_line_of_the_wrong_shape_is_refused_by_number(line, refuses):
    refuses(lambda: _read(f"a,b\n1,2\n{line}\n3,4\n"), "some.csv", "line 3", repr(line), "2 fields separated by ','")


def test_text_that_is_not_utf8_is_refused_by_line(refuses):
    refuses(lambda: _read(b"a,b\n1,2\n3,\xe9\n"), "some.csv", "line 3", "the byte 0xe9", "UTF-8")


def test_a_header_that_is_not_utf8_is_refused(refuses):
    refuses(lambda: _read("a,b\n1,2\n".encode("utf-16")), "some.csv", "line 1", "a header in UTF-8")


@pytest.mark.parametrize("text", ["", "\n", "   \n1,2\n"])
def test_a_file_without_a_header_is_refused(text, refuses):
    refuses(lambda: _read(text), "some.csv", "line 1", "found nothing", "a header with column names")


def test_an_endless_first_line_is_refused(refuses):
    refuses(lambda: _read(b"a," * 100_000), "some.csv", "line 1", "bytes or more")


def test_a_header_with_an_open_quote_is_refused(refuses):
    refuses(lambda: _read('a,"b\n1,2\n'), "some.csv", "line 1", "a header with column names")


def test_a_control_character_that_no_text_holds_is_refused_by_line(refuses):
    refuses(lambda: _read("a,b\n1,2\n3,\x014\n"), "some.csv", "line 3", "control character")


def test_a_cut_gzip_is_refused(refuses):
    data = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (number, number**3) for number in range(20_000)))
    refuses(lambda: _read(data[: len(data) // 2]), "some.csv", "compressed content", "a whole, undamaged gzip file")


def test_a_column_is_filtered_by_its_raw_text_in_any_place():
    file = _open('a,b\n"1,2",x\n3,"y"\n4,z\n')
    kept = pl.concat(file.lines(file.holds("b", ["x", "y"])))
    assert kept["at"].to_list() == [2, 3]


@pytest.mark.parametrize("text", ["a,b\n1,2\n3", "a,b\n1,2\n3\n", "a,b\n1"])
def test_a_cut_last_line_is_refused(text, refuses):
    refuses(_open(text).check_last_line, "some.csv", "last line", "1 fields", "2 fields")


@pytest.mark.parametrize("text", ["a,b\n1,2\n3,4", "a,b\n1,2\n\n\n", "a,b\n"])
def test_a_whole_last_line_passes(text):
    _open(text).check_last_line()


def test_many_batches_come_in_order():
    file = _open("a,b\n" + "".join(f"{number},x\n" for number in range(1_500_000)))
    batches = list(file.lines())
    assert len(batches) > 1
    assert pl.concat(batches)["at"].to_list() == list(range(2, 1_500_002))
