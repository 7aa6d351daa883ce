"""The gate of a day written by hand: open when every ERROR rule holds, closed with the list of the broken ones."""

import pytest

from darkpool_assets.analytics.phase_c_gate import RULES, GateClosed, judge_stored_day
from darkpool_assets_tests.analytics.stored_days import SOUND, with_metrics

WARNED = with_metrics("SPY", return_1d=0.5)
BROKEN = with_metrics("SPY", WARNED, has_lit=False, has_short=False)


def test_a_sound_day_opens_the_gate():
    verdict = judge_stored_day(SOUND)
    verdict.require_open()
    assert verdict.is_open


def test_the_gate_asks_every_rule_in_the_order_of_their_numbers():
    verdict = judge_stored_day(SOUND)
    assert tuple(one.rule for one in verdict.verdicts) == RULES
    assert [rule.number for rule in RULES] == sorted(rule.number for rule in RULES)


def test_a_warning_leaves_the_gate_open():
    verdict = judge_stored_day(WARNED)
    assert [one.rule.number for one in verdict.verdicts if not one.passed] == [15]
    assert verdict.is_open


def test_broken_error_rules_close_the_gate():
    verdict = judge_stored_day(BROKEN)
    assert [one.rule.number for one in verdict.broken] == [5, 6]
    assert not verdict.is_open


def test_a_closed_gate_lists_every_broken_rule_with_who_and_the_remedy():
    verdict = judge_stored_day(BROKEN)
    with pytest.raises(GateClosed) as closed:
        verdict.require_open()
    lines = str(closed.value).splitlines()[1:]
    assert len(lines) == 2
    for one, line in zip(verdict.broken, lines, strict=True):
        assert all(part in line for part in (one.rule.name, "SPY", one.rule.remedy))
