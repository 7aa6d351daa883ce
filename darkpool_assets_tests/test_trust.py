"""Commands that are killed or that race lose nothing, tear nothing and mix nothing."""

from collections import Counter
from pathlib import Path

import pytest

from darkpool_assets_tests.trust.command_process import Act
from darkpool_assets_tests.trust.killed_commands import kill_commands
from darkpool_assets_tests.trust.racing_commands import race_commands

pytestmark = pytest.mark.long


def test_twenty_killed_commands_lose_nothing_tear_nothing_and_go_on(tmp_path: Path):
    kills = list(kill_commands(20, tmp_path))
    assert [kill for kill in kills if kill.faults] == []
    assert {*Act} <= {kill.within for kill in kills}


def test_ten_races_of_two_tickers_lose_no_print_and_mix_no_derived_row(tmp_path: Path):
    races = list(race_commands(5, tmp_path))
    assert [race for race in races if race.faults] == []
    assert Counter(race.over for race in races) == {"files": 5, "HTTP": 5}
