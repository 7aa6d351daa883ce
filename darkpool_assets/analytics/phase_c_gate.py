"""The gate of Phase C: one pure function of the stored day.

The asset checks show its verdicts, `darkpool check` prints them, and what is made in Phase C asks it first. It
reads nothing and stores nothing.
"""

from dataclasses import dataclass

from darkpool_assets.analytics.contract_rules import CONTRACT_RULES
from darkpool_assets.analytics.evidence_rules import EVIDENCE_RULES
from darkpool_assets.analytics.provenance_rules import PROVENANCE_RULES
from darkpool_assets.analytics.reconciliation_rules import RECONCILIATION_RULES
from darkpool_assets.analytics.stored_day import RuleVerdict, StoredDay
from darkpool_assets.vocabulary import Severity

RULES = tuple(
    sorted(
        (*PROVENANCE_RULES, *EVIDENCE_RULES, *CONTRACT_RULES, *RECONCILIATION_RULES), key=lambda rule: (rule.number, rule.name)
    )
)


class GateClosed(Exception):
    """The stored day breaks an ERROR rule; nothing of Phase C is made of it."""


@dataclass(frozen=True)
class GateVerdict:
    """Every rule's verdict of one day. The gate is open when no ERROR rule is broken; WARN rules inform."""

    verdicts: tuple[RuleVerdict, ...]

    @property
    def broken(self) -> tuple[RuleVerdict, ...]:
        """The ERROR rules that do not hold."""
        return tuple(verdict for verdict in self.verdicts if verdict.rule.severity is Severity.ERROR and not verdict.passed)

    @property
    def is_open(self) -> bool:
        """Whether Phase C may be made of the day."""
        return not self.broken

    def require_open(self) -> None:
        """Pass when the gate is open.

        Raises:
            GateClosed: names every broken rule, who breaks it and the remedy.
        """
        if self.broken:
            lines = [f"rule {verdict.rule.number}, {verdict.rule.name}: {verdict.explanation}" for verdict in self.broken]
            raise GateClosed("The Phase C gate is closed:\n" + "\n".join(lines))


def judge_stored_day(stored: StoredDay) -> GateVerdict:
    """Ask every rule about the day, in the order of their numbers."""
    return GateVerdict(tuple(rule.judge(stored) for rule in RULES))
