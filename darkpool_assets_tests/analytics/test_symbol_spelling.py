"""The two spellings of one symbol."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets.analytics.symbol_spelling import polygon_spelling, reg_sho_spelling, spellings_of, to_polygon, to_reg_sho
from darkpool_assets.settings import SYMBOL_PATTERN

PAIRS = [
    ("BRK.B", "BRK/B"),
    ("SPCE.WS", "SPCE/WS"),
    ("CCH.U", "CCH/U"),
    ("AXSpD.CL", "AXSpD/CL"),
    ("ABRpD", "ABRpD"),
    ("NA", "NA"),
]
symbols = st.from_regex(SYMBOL_PATTERN, fullmatch=True)


@pytest.mark.parametrize(("polygon", "reg_sho"), PAIRS)
def test_a_symbol_is_spelled_as_each_feed_spells_it(polygon, reg_sho):
    assert (to_reg_sho(polygon), to_polygon(reg_sho)) == (reg_sho, polygon)


@pytest.mark.parametrize(("polygon", "reg_sho"), PAIRS)
def test_a_symbol_in_its_own_spelling_stays(polygon, reg_sho):
    assert (to_reg_sho(reg_sho), to_polygon(polygon)) == (reg_sho, polygon)


@settings(max_examples=60, deadline=None)
@given(st.lists(symbols, min_size=1, max_size=8))
def test_columns_are_spelled_like_single_symbols(names):
    frame = pl.DataFrame({"symbol": names})
    spelled = frame.select(reg_sho_spelling("symbol").alias("reg_sho"), polygon_spelling("symbol").alias("polygon"))
    assert spelled.rows() == [(to_reg_sho(name), to_polygon(name)) for name in names]


def test_spellings_keep_the_given_symbol_and_its_order_once():
    assert spellings_of(["SPY", "BRK/B", "BRK.B", "SPY"]).rows() == [
        ("SPY", "SPY", "SPY"),
        ("BRK/B", "BRK/B", "BRK.B"),
        ("BRK.B", "BRK/B", "BRK.B"),
    ]


def test_no_symbols_have_no_spellings():
    assert spellings_of([]).is_empty()
