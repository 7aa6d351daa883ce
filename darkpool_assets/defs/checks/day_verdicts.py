"""The rules of a stored day as asset checks: one step judges a day once and reports every rule's verdict of it.

The rules stand in analytics; here they get partitions, severity and metadata.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

import dagster as dg

from darkpool_assets.analytics.phase_c_gate import RULES
from darkpool_assets.analytics.stored_day import Rule
from darkpool_assets.defs.checks.findings_verdict import findings_verdict
from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.defs.side_by_side import by_memory
from darkpool_assets.defs.stored_day import read_stored_day
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import Severity
from darkpool_assets.warehouse import Warehouse

_SEVERITIES: Final = {Severity.ERROR: dg.AssetCheckSeverity.ERROR, Severity.WARN: dg.AssetCheckSeverity.WARN}


def _check_spec(rule: Rule) -> dg.AssetCheckSpec:
    sentence = f"{rule.name.replace('_', ' ').capitalize()}."
    meaning = (rule.find.__doc__ or "").partition(": ")[2] or sentence
    described = f"Rule {rule.number} ({rule.severity}): {meaning} If not: {rule.remedy}"
    return partitioned_check_spec(rule.name, asset=rule.asset, description=described)


@dg.multi_asset_check(name="day_verdicts", specs=[_check_spec(rule) for rule in RULES], can_subset=True)
def day_verdicts(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """Every rule's verdict of every day of the run; fails the run when a day asked for could not be made."""
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    chosen = [rule for rule in RULES if dg.AssetCheckKey(dg.AssetKey(rule.asset), rule.name) in context.selected_asset_check_keys]

    def judge(day: dt.date) -> Mapping[Rule, DayVerdict]:
        stored = read_stored_day(warehouse, day, settings=settings)
        verdicts = [rule.judge(stored) for rule in chosen]
        return {one.rule: findings_verdict(one.findings, remedy=one.rule.remedy, judged=one.judged) for one in verdicts}

    by_rule: dict[Rule, dict[str, DayVerdict]] = {rule: {} for rule in chosen}
    for count, (day, judged) in enumerate(by_memory(settings)(judge, days), start=1):
        if isinstance(judged, Exception):
            raise judged
        for rule, verdict in judged.items():
            by_rule[rule][day.isoformat()] = verdict
        context.log.info(f"{day}: judged ({count}/{len(days)})")
    for rule, verdicts in by_rule.items():
        yield from report_verdicts(context, verdicts, asset=rule.asset, check=rule.name, severity=_SEVERITIES[rule.severity])
    fail_for_unmade_days(context, warehouse, version=settings.inference_version)
