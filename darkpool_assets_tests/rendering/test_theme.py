"""Colours that can be read, computed rather than believed."""

import pytest

from darkpool_assets.rendering.theme import (
    DARK,
    GRAPHIC_PAIRS,
    LIGHT,
    TEXT_PAIRS,
    TINT_STEPS,
    Hue,
    colours,
    contrast,
    css_variables,
    mix,
)

SCHEMES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]


@pytest.mark.parametrize("palette", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_has_a_contrast_of_at_least_4_5(palette, text, ground):
    named = colours(palette)
    assert contrast(named[text], named[ground]) >= 4.5


@pytest.mark.parametrize("palette", SCHEMES)
@pytest.mark.parametrize(("mark", "ground"), GRAPHIC_PAIRS)
def test_graphics_have_a_contrast_of_at_least_3(palette, mark, ground):
    named = colours(palette)
    assert contrast(named[mark], named[ground]) >= 3


@pytest.mark.parametrize("palette", SCHEMES)
@pytest.mark.parametrize("hue", list(Hue))
def test_a_stronger_tint_is_farther_from_the_page(palette, hue):
    named = colours(palette)
    distances = [contrast(named[f"{hue}_{step}"], palette.page) for step in range(1, TINT_STEPS + 1)]
    assert distances == sorted(set(distances))


def test_the_sides_keep_the_blue_and_the_vermillion_that_colour_blind_readers_tell_apart():
    assert (LIGHT.buy_mark, LIGHT.sell_mark, LIGHT.sell) == ("#0072B2", "#D55E00", "#B84A00")


def test_black_on_white_has_the_highest_contrast():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


def test_the_published_example_of_a_grey_on_white_is_met():
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)  # the lightest grey that WCAG calls readable


def test_half_of_black_over_white_is_grey():
    assert mix("#000000", "#FFFFFF", 0.5) == "#808080"


def test_every_colour_is_a_css_variable():
    assert "--buy-4:#" in css_variables(LIGHT)
