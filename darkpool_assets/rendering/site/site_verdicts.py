"""The gate in words, and the verdict of every rule of the day: who breaks it, and the remedy.

Says what the verdicts say; no rule is judged here.
"""

from collections.abc import Sequence
from typing import Final

from darkpool_assets.rendering.display_text import counted
from darkpool_assets.rendering.html_page import escaped, listing
from darkpool_assets.rendering.site.site_model import Gate, ReportDay, Verdict
from darkpool_assets.vocabulary import RuleState, Severity

CHECKS: Final = "checks"
_FINDINGS_SHOWN: Final = 12
_ACRONYMS: Final = {"finra": "FINRA", "otc": "OTC"}
_GATE_WORDS: Final = {Gate.OPEN: "gate open", Gate.CLOSED: "gate closed", Gate.NOT_JUDGED: "gate not asked"}


def gate_words(gate: Gate) -> str:
    """The gate in two or three words."""
    return _GATE_WORDS[gate]


def missing_composite(report: ReportDay, *, checks: str, symbol: str = "") -> str:
    """Why the day, or one symbol of it, has no composite and no plot; nothing when it has.

    Args:
        report: The day.
        checks: Address of the list of verdicts, as the page sees it.
        symbol: The symbol; without one any composite of the day is enough.
    """
    if report.gate is Gate.CLOSED:
        broken = [verdict for verdict in report.verdicts if verdict.closes_the_gate]
        names = "".join(f"<li>Rule {verdict.number}: {_sentence(verdict)}</li>" for verdict in broken)
        rules = "1 ERROR rule does" if len(broken) == 1 else f"{len(broken)} ERROR rules do"
        return _statement(
            "The Phase C gate is closed",
            f"{rules} not hold for this day, so it has no composite, no label and no plot. What was stored stands all the same: "
            f'the table, the indices and <a href="{escaped(checks)}">every rule\'s verdict with its remedy</a>.',
            f"<ul>{names}</ul>",
        )
    if report.composite_by_symbol and (not symbol or symbol in report.composite_by_symbol):
        return ""
    missing = "symbol on this day" if report.composite_by_symbol else "day"
    return _statement(
        f"No composite is stored for this {missing}",
        "No label and no plot are shown. To make them, materialise composite_signal of this day.",
    )


def verdicts_section(report: ReportDay) -> str:
    """Every rule of the day: those that do not hold in full, the others by name."""
    heading = f'<h2 id="{CHECKS}">Checks</h2>'
    if not report.verdicts:
        return f"{heading}\n<p>The rules have not been asked about this day.</p>"
    failed = [verdict for verdict in report.verdicts if not verdict.passed]
    passed = sorted((verdict for verdict in report.verdicts if verdict.passed), key=lambda verdict: verdict.has_nothing_to_judge)
    ordered = sorted(failed, key=lambda verdict: not verdict.closes_the_gate)
    holding = (
        f"<details><summary>{counted(len(passed), 'rule')} without findings</summary>\n"
        f"{listing('verdicts', [_verdict(verdict) for verdict in passed])}\n</details>"
        if passed
        else ""
    )
    parts = (heading, f"<p>{_summary(report)}</p>", listing("verdicts", [_verdict(verdict) for verdict in ordered]), holding)
    return "\n".join(part for part in parts if part)


def _summary(report: ReportDay) -> str:
    broken = sum(verdict.closes_the_gate for verdict in report.verdicts)
    warned = sum(verdict.severity is Severity.WARN and not verdict.passed for verdict in report.verdicts)
    idle = sum(verdict.has_nothing_to_judge for verdict in report.verdicts)
    held = len(report.verdicts) - broken - warned - idle
    unjudged = f"{idle} had nothing to judge, " if idle else ""
    counts = f"{len(report.verdicts)} rules: {held} hold, {unjudged}{warned} warn, {broken} broken."
    if report.gate is Gate.CLOSED:
        return f"{counts} A broken ERROR rule closes the gate: nothing of Phase C is made of this day."
    return f"{counts} The gate is open; a WARN rule informs and closes nothing."


def _verdict(verdict: Verdict) -> str:
    state = _state_of(verdict)
    head = (
        f'<p><span class="state {state.name.lower()}">{state}</span> <b>{_sentence(verdict)}</b> '
        f"<small>rule {verdict.number} · {verdict.severity}</small></p>"
    )
    if verdict.passed:
        return head
    return f'{head}{_findings(verdict.findings)}<p class="remedy"><b>Remedy.</b> {escaped(verdict.remedy)}</p>'


def _state_of(verdict: Verdict) -> RuleState:
    if verdict.findings:
        return RuleState.BROKEN if verdict.closes_the_gate else RuleState.WARNS
    return RuleState.NOTHING_TO_JUDGE if verdict.has_nothing_to_judge else RuleState.HOLDS


def _findings(findings: Sequence[tuple[str, str]]) -> str:
    shown = [f"<b>{escaped(who)}</b> {escaped(problem)}" for who, problem in findings[:_FINDINGS_SHOWN]]
    rest = len(findings) - _FINDINGS_SHOWN
    return listing("findings", [*shown, f"and {rest} more"] if rest > 0 else shown)


def _sentence(verdict: Verdict) -> str:
    words = [_ACRONYMS.get(word, word) for word in verdict.name.split("_")]
    return escaped(f"{words[0][:1].upper()}{words[0][1:]} {' '.join(words[1:])}".strip())


def _statement(heading: str, text: str, after: str = "") -> str:
    """`text` and `after` are markup."""
    return f'<section class="statement"><h2>{escaped(heading)}</h2><p>{text}</p>{after}</section>'
