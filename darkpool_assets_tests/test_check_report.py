"""The screens of `darkpool check`: readable in 80 columns, without colour, and never fuller or emptier than the day is."""

import datetime as dt

import polars as pl
import pytest
from rich.console import Console, RenderableType

from darkpool_assets.analytics.phase_c_gate import RULES, GateVerdict
from darkpool_assets.analytics.stored_day import Finding, Rule, RuleVerdict
from darkpool_assets.check_report import coverage_screen, failing_screen, gate_line, verdicts_screen
from darkpool_assets.vocabulary import Severity

DAY = dt.date(2025, 12, 12)
FULL = {"lit_pct": 100.0, "short_pct": 100.0, "price_pct": 100.0, "otc_pct": 100.0, "anchored_pct": 100.0}
METHODS = {"NBBO": 16, "MIXED": 0, "TICK": 0, "BVC": 0, "NONE": 0}


def shown(screen: RenderableType, width: int = 80) -> str:
    """A screen as the lines of a terminal without colour."""
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(screen)
    return capture.get()


def verdict(*findings: Finding, severity: Severity = Severity.ERROR, name: str = "a_rule_holds") -> RuleVerdict:
    """A rule's verdict with these findings."""
    rule = Rule(3, name, "daily_metrics", severity, lambda _stored: [], "Materialise it again.")
    return RuleVerdict(rule, findings)


def covered(**changes: object) -> pl.DataFrame:
    """Coverage of one session."""
    return pl.DataFrame([{"session": DAY, "configured": 16, **FULL, "gate": "OPEN", **METHODS, **changes}])


def line(**changes: object) -> str:
    """The session's line."""
    return next(line for line in shown(coverage_screen(covered(**changes))).splitlines() if str(DAY) in line)


def test_every_rule_has_a_line_with_a_mark_that_needs_no_colour():
    spy = Finding("SPY", "wrong")
    verdicts = [verdict(name="holds"), verdict(spy, spy, name="breaks"), verdict(spy, severity=Severity.WARN, name="warns")]
    lines = shown(verdicts_screen(verdicts, title="a day")).splitlines()
    cells = {cell[3]: (cell[2], cell[4]) for cell in (line.replace("│", " │ ").split("│") for line in lines) if len(cell) == 6}
    marks = {name.strip(): (mark.strip(), found.strip()) for name, (mark, found) in cells.items()}
    assert marks == {"holds": ("✓", ""), "breaks": ("✗", "2"), "warns": ("!", "1")}


def test_the_names_of_all_rules_are_whole_in_80_columns():
    text = shown(verdicts_screen([RuleVerdict(rule, ()) for rule in RULES], title=""))
    assert max(map(len, text.splitlines())) <= 80
    cells = [line.split("│")[3].strip() for line in text.splitlines() if line.count("│") == 5]
    assert "".join(cells) == "".join(rule.name for rule in RULES)


@pytest.mark.parametrize(("findings", "word"), [((), "open"), ((Finding("SPY", "wrong"),), "CLOSED")])
def test_the_gate_is_told_with_its_day(findings: tuple[Finding, ...], word: str):
    assert gate_line(GateVerdict((verdict(*findings),)), day=DAY) == f"Phase C gate: {word} on 2025-12-12"


def test_no_failing_row_is_said():
    assert shown(failing_screen([verdict()])) == "Failing rows: none\n"


def test_a_failing_row_stands_under_its_rule_with_the_remedy():
    text = shown(failing_screen([verdict(Finding("SPY", "PRE_OTC with a week"), name="weeks_fit")]))
    assert [line.rstrip() for line in text.splitlines()] == [
        "Failing rows: 1, under 1 rule",
        "",
        "✗ Rule 3 (ERROR) weeks_fit",
        "  SPY  PRE_OTC with a week",
        "  → Materialise it again.",
    ]


def test_rules_of_severity_error_come_first():
    spy = Finding("SPY", "wrong")
    text = shown(failing_screen([verdict(spy, severity=Severity.WARN, name="warns"), verdict(spy, name="breaks")]))
    assert text.index("breaks") < text.index("warns")


def test_of_many_failing_rows_the_first_twenty_are_shown_and_the_others_counted():
    text = shown(failing_screen([verdict(*(Finding(f"T{number}", "wrong") for number in range(1520)))]))
    assert text.startswith("Failing rows: 1,520, under 1 rule\n")
    assert "T19 " in text
    assert "T20" not in text
    assert "and 1,500 more" in text


def test_a_long_problem_and_markup_in_a_name_are_shown_whole_in_80_columns():
    problem = "allocation 12398510.628982449 by FINRA_DAILY, recomputed 14974534.057645429 by POLYGON_DAILY of [b]it[/b]"
    text = shown(failing_screen([verdict(Finding("[red]X[/red]\x1b[2J", problem))]))
    assert max(map(len, text.splitlines())) <= 80
    assert "[red]X[/red]" in text
    assert "\x1b" not in text
    assert problem in " ".join(text.split())


def test_a_whole_session_has_full_bars_and_an_open_gate():
    assert line().split() == [str(DAY), *["█████"] * 5, "NBBO", "16", "open"]


@pytest.mark.parametrize(
    ("pct", "bar"),
    [(0.0, "·····"), (0.01, "▏····"), (20.0, "█····"), (50.0, "██▌··"), (93.75, "████▊"), (99.99, "████▉"), (100.0, "█████")],
)
def test_only_a_whole_bar_is_full_and_only_nothing_is_empty(pct: float, bar: str):
    assert line(lit_pct=pct).split()[1] == bar


def test_a_session_that_was_never_judged_says_so():
    assert line(gate="NOT_JUDGED").split()[-2:] == ["not", "asked"]


def test_a_session_without_any_inferred_direction_has_a_dash():
    assert line(NBBO=0).split()[-2:] == ["–", "open"]


def test_a_closed_gate_and_every_method_are_told_in_words():
    words = shown(coverage_screen(covered(gate="CLOSED", NBBO=7, TICK=4, BVC=3, NONE=2)))
    assert "CLOSED" in words
    assert all(told in words for told in ("NBBO 7", "TICK 4", "BVC 3", "NONE 2"))
    assert "MIXED" not in words
    assert max(map(len, words.splitlines())) <= 80


def test_the_number_of_tickers_behind_a_full_bar_is_told():
    assert "every configured ticker (16)" in shown(coverage_screen(covered()))
    both = pl.concat([covered(), covered(configured=20)])
    assert "every configured ticker (16 to 20)" in shown(coverage_screen(both))


def test_no_session_is_said():
    assert shown(coverage_screen(covered().clear())) == "Coverage over time: no session is stored\n"
