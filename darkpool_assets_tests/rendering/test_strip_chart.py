"""Strips as a picture: true heights, honest gaps, neighbours alike drawn once."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from darkpool_assets.rendering.strip_chart import Part, Strip, strip_chart
from darkpool_assets.rendering.theme import LIGHT

SVG = "{http://www.w3.org/2000/svg}"
ONE = (Part("there", "#16202B"),)
TWO = (Part("A", "#16202B"), Part("B", "#6B4E00", hatched=True))


def chart(shares: Sequence[tuple[float, ...] | None], parts: tuple[Part, ...] = ONE, label: str = "A strip") -> ET.Element:
    """The picture of one strip, parsed."""
    strip = Strip(label, parts, shares, ["" if one is None else f"{one[0]:.0%}" for one in shares])
    return ET.fromstring(strip_chart([strip], places=[f"day {place}" for place in range(len(shares))], spoken="Spoken"))


def runs(drawn: ET.Element) -> list[str]:
    """What a pointer reads, run by run."""
    return [title.text or "" for title in drawn.iter(f"{SVG}title")]


def bars(drawn: ET.Element, colour: str = "#16202B") -> list[tuple[float, float]]:
    """Width and height of each bar of a colour."""
    groups = [group.findall(f"{SVG}rect") for group in drawn.iter(f"{SVG}g")]
    rects = [rect for group in groups for rect in group if rect.get("fill") == colour]
    return [(float(rect.get("width", "")), float(rect.get("height", ""))) for rect in rects]


def test_a_bar_is_as_high_as_its_share_and_as_wide_as_its_places():
    assert bars(chart([(1.0,), (0.5,), (0.5,), (0.0,)])) == [(183.5, 24.0), (367.0, 12.0)]


def test_neighbours_alike_are_one_run_with_its_span():
    assert runs(chart([(1.0,), (1.0,), (0.5,)])) == ["day 0 to day 1: 100%", "day 2: 50%"]


def test_a_place_without_anything_is_a_gap_and_never_bridged():
    drawn = chart([(1.0,), None, (1.0,)])
    assert runs(drawn) == ["day 0: 100%", "day 2: 100%"]
    assert len(bars(drawn, LIGHT.raised)) == 2


def test_parts_are_stacked_and_named_in_a_legend():
    drawn = chart([(0.25, 0.75)], TWO)
    assert (bars(drawn), bars(drawn, "url(#hatch-6B4E00)")) == ([(734.0, 6.0)], [(734.0, 18.0)])
    assert [text.text for text in drawn.iter(f"{SVG}text")][2:4] == ["A", "B"]


def test_a_mark_doubles_a_colour_where_it_has_room():
    marked = (Part("A", "#16202B"), Part("closed", "#6B4E00", mark="×"))
    assert "×" in [text.text for text in chart([(0.0, 1.0)], marked).iter(f"{SVG}text")]
    narrow = chart([(1.0, 0.0), (0.0, 1.0)] * 200, marked)
    assert "×" not in [text.text for text in narrow.iter(f"{SVG}text")]


@pytest.mark.parametrize("places", [1, 7, 8, 400])
def test_a_picture_has_between_one_and_seven_dates(places: int):
    texts = [text.text or "" for text in chart([(1.0,)] * places).iter(f"{SVG}text")]
    assert 1 <= sum(text.startswith("day ") for text in texts) <= 7


def test_words_are_escaped_and_spoken():
    drawn = chart([(1.0,)], label='<b>&"')
    assert '<b>&"' in [text.text for text in drawn.iter(f"{SVG}text")]
    assert drawn.get("aria-label") == "Spoken"


def test_a_picture_asks_for_nothing_outside_itself():
    text = ET.tostring(chart([(0.5, 0.5)], TWO), encoding="unicode")
    assert not re.search(r"href|<script|<style|url\((?!#)|@import", text)
