"""What `darkpool check` shows: every rule's verdict, the rows that fail, and coverage over time as a chart of characters.

Turns verdicts and frames into screens that read without colour and in 80 columns; asks no rule and reads no table.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import polars as pl
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as ScreenTable

from darkpool_assets.analytics.phase_c_gate import GateVerdict
from darkpool_assets.analytics.stored_day import RuleVerdict
from darkpool_assets.rendering.display_text import EN_DASH, counted, printable
from darkpool_assets.rendering.site.site_model import Gate
from darkpool_assets.vocabulary import ClassificationMethod, RuleState, Severity

_SHOWN_PER_RULE: Final = 20
_BAR_CELLS: Final = 5
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_BARS: Final = {"lit_pct": "Lit", "short_pct": "Short", "price_pct": "Price", "otc_pct": "OTC week", "anchored_pct": "Anchored"}
_GATE_WORDS: Final = {Gate.OPEN: "open", Gate.CLOSED: "CLOSED", Gate.NOT_JUDGED: "not asked"}


def verdicts_screen(verdicts: Sequence[RuleVerdict], *, title: str) -> RenderableType:
    """Every rule of a day: its mark, and how many rows fail it."""
    columns = Column("Check", overflow="fold"), Column("Failing rows", justify="right", no_wrap=True)
    table = ScreenTable("Rule", "", *columns, title=title, title_justify="left")
    for one in verdicts:
        table.add_row(str(one.rule.number), _mark(one), one.rule.name, _failing(one))
    return table


def _failing(verdict: RuleVerdict) -> str:
    """How many rows fail, or that there was none to judge."""
    if verdict.state is RuleState.NOTHING_TO_JUDGE:
        return RuleState.NOTHING_TO_JUDGE
    return "" if verdict.passed else f"{len(verdict.findings):,}"


def gate_line(gate: GateVerdict, *, day: dt.date) -> str:
    """Whether Phase C may be made of the day."""
    return f"Phase C gate: {'open' if gate.is_open else 'CLOSED'} on {day}"


def failing_screen(verdicts: Sequence[RuleVerdict]) -> RenderableType:
    """The failing rows of a day by rule, ERROR rules first: who, and what is wrong; a rule's first twenty and how many more."""
    failed = sorted((one for one in verdicts if not one.passed), key=lambda one: one.rule.severity is not Severity.ERROR)
    if not failed:
        return "Failing rows: none"
    found = sum(len(one.findings) for one in failed)
    heading = f"Failing rows: {found:,}, under {counted(len(failed), 'rule')}"
    return Group(heading, *(part for one in failed for part in _failing_rows(one)))


def _failing_rows(verdict: RuleVerdict) -> tuple[RenderableType, RenderableType]:
    rule, rows = verdict.rule, ScreenTable.grid(padding=(0, 2))
    rows.add_column(overflow="fold", max_width=34)
    rows.add_column(overflow="fold")
    for finding in verdict.findings[:_SHOWN_PER_RULE]:
        rows.add_row(_plain(finding.who), _plain(finding.problem))
    more = len(verdict.findings) - _SHOWN_PER_RULE
    if more > 0:
        rows.add_row("…", f"and {more:,} more")
    lines = Group(rows, f"→ {rule.remedy}")
    return f"\n{_mark(verdict)} Rule {rule.number} ({rule.severity}) {rule.name}", Padding(lines, (0, 0, 0, 2))


def coverage_screen(coverage: pl.DataFrame) -> RenderableType:
    """One row per session of coverage_over_time: a bar per flag, how directions were inferred, and the gate.

    A full bar is every configured ticker, dots are the tickers without.
    """
    if coverage.is_empty():
        return "Coverage over time: no session is stored"
    bars = [Column(name, no_wrap=True) for name in _BARS.values()]
    titles = (Column("Session", no_wrap=True), *bars, Column("Direction", overflow="fold"), Column("Gate", no_wrap=True))
    table = ScreenTable(*titles, title="Coverage over time", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.padding = (0, 1, 0, 0)
    for row in coverage.iter_rows(named=True):
        shares = (_bar(row[name]) for name in _BARS)
        table.add_row(str(row["session"]), *shares, _methods(row), _GATE_WORDS[Gate(row["gate"])])
    return Group(table, f"A full bar is every configured ticker ({_configured(coverage)}); dots are those without.")


def _bar(pct: float) -> str:
    """A share as a bar: only a whole is full and only nothing is empty."""
    whole = 8 * _BAR_CELLS
    eighths = round(pct / 100 * whole)
    eighths = min(max(eighths, pct > 0), whole if pct >= 100 else whole - 1)
    filled = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return filled.ljust(_BAR_CELLS, "·")


def _methods(row: dict[str, Any]) -> str:
    counts = [f"{method} {row[method]}" for method in ClassificationMethod if row[method]]
    return ", ".join(counts) or EN_DASH


def _configured(coverage: pl.DataFrame) -> str:
    low, *more = sorted(set(coverage["configured"]))
    return f"{low} to {more[-1]}" if more else f"{low}"


def _mark(verdict: RuleVerdict) -> str:
    if verdict.state is RuleState.NOTHING_TO_JUDGE:
        return EN_DASH
    if verdict.passed:
        return "[green]✓[/]"
    return "[red]✗[/]" if verdict.rule.severity is Severity.ERROR else "[yellow]![/]"


def _plain(text: str) -> str:
    return escape(printable(text))
