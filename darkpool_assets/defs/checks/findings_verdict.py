"""How an asset check tells what a rule found: how many, the first of them by name, and the remedy. No rule stands here."""

from collections.abc import Sequence
from typing import Final

import dagster as dg

from darkpool_assets.analytics.stored_day import Finding
from darkpool_assets.defs.checks.partitioned_check import DayVerdict
from darkpool_assets.vocabulary import RuleState

_SHOWN_FINDINGS: Final = 20


def findings_verdict(findings: Sequence[Finding], *, remedy: str, judged: int = 1) -> DayVerdict:
    """The verdict of one day: it passes when nothing was found, and says when there was nothing to judge."""
    if not findings:
        return DayVerdict(passed=True, metadata={"found": 0} if judged else {"verdict": RuleState.NOTHING_TO_JUDGE.value})
    records = [dg.TableRecord({"who": finding.who, "problem": finding.problem}) for finding in findings[:_SHOWN_FINDINGS]]
    return DayVerdict(passed=False, metadata={"found": len(findings), "who": dg.MetadataValue.table(records), "remedy": remedy})
