"""A frame as a plain table: missing is a dash, text is escaped, many rows are counted."""

import datetime as dt
import re

import polars as pl
import pytest

from darkpool_assets.rendering.frame_table import frame_table


def cells(frame: pl.DataFrame) -> list[str]:
    """The texts of the cells."""
    return re.findall(r"<td[^>]*>([^<]*)</td>", frame_table(frame, caption="A table"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (True, "yes"),
        (12345, "12,345"),
        (12398510.63, "12,398,511"),
        (90.0, "90"),
        (0.123456, "0.1235"),
        (dt.date(2025, 12, 12), "2025-12-12"),
        (dt.datetime(2025, 12, 12, 9, 30, tzinfo=dt.UTC), "2025-12-12 09:30"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_a_value_is_spelled_as_people_read_it(value: object, text: str):
    assert cells(pl.DataFrame({"a": [value]})) == [text]


def test_numbers_stand_to_the_right_and_text_to_the_left():
    markup = frame_table(pl.DataFrame({"who": ["SPY"], "rows": [1]}), caption="A & B")
    assert re.findall(r"text-align:(\w+)\">(SPY|1)<", markup) == [("left", "SPY"), ("right", "1")]
    assert "A &amp; B" in markup


def test_of_many_rows_the_first_are_shown_and_the_others_counted():
    markup = frame_table(pl.DataFrame({"a": range(1500)}), caption="")
    assert markup.count("<tr>") == 301
    assert "and 1,200 more" in markup
