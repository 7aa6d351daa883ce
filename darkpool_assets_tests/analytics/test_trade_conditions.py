"""The table of sale conditions against the list of the contract."""

from darkpool_assets.analytics.trade_conditions import EXCLUDED_CONDITION_IDS, EXCLUDED_CONDITIONS, KEPT_CONDITIONS

OUT = {2, 7, 8, 9, 10, 12, 13, *range(15, 23), 25, 28, 29, 30, 32, 33, 38, *range(44, 50), 52, 53, 54}


def test_exactly_the_listed_conditions_are_out():
    assert OUT == EXCLUDED_CONDITION_IDS


def test_regular_sweep_odd_lot_and_trade_through_exempt_stay():
    assert {condition.id for condition in KEPT_CONDITIONS} == {0, 14, 37, 41}


def test_each_condition_is_named_once_with_its_reason():
    rows = EXCLUDED_CONDITIONS + KEPT_CONDITIONS
    assert len({row.id for row in rows}) == len({row.name for row in rows}) == len(rows)
    assert all(row.name and row.why for row in rows)
