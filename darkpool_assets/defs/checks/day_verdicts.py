"""The rules of a stored day as asset checks: one step judges a day once and reports every rule's verdict of it.

The rules stand in analytics; here they get partitions, severity and metadata. A run over a range of days leaves a verdict per
day, so that the check dashboard shows which day is wrong.
"""

import datetime as dt
import warnings
from collections.abc import Iterator, Sequence

import dagster as dg
import polars as pl

from darkpool_assets.analytics.phase_c_gate import RULES
from darkpool_assets.analytics.stored_day import Rule, RuleVerdict
from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.defs.stored_day import read_stored_day
from darkpool_assets.settings import Settings
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import IngestStatus, Severity
from darkpool_assets.warehouse import Warehouse

_SHOWN_FINDINGS = 20
_SEVERITIES = {Severity.ERROR: dg.AssetCheckSeverity.ERROR, Severity.WARN: dg.AssetCheckSeverity.WARN}


def check_spec(rule: Rule) -> dg.AssetCheckSpec:
    """A rule as a partitioned asset check of its table."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning)
        return dg.AssetCheckSpec(
            rule.name,
            asset=rule.asset,
            partitions_def=trading_days,
            description=f"Rule {rule.number} ({rule.severity}). {rule.find.__doc__ or ''} If not: {rule.remedy}",
        )


@dg.multi_asset_check(name="day_verdicts", specs=[check_spec(rule) for rule in RULES], can_subset=True)
def day_verdicts(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """Every rule's verdict of every day of the run; fails the run when a day asked for could not be made."""
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    chosen = [rule for rule in RULES if dg.AssetCheckKey(dg.AssetKey(rule.asset), rule.name) in context.selected_asset_check_keys]
    by_rule: dict[Rule, dict[dt.date, RuleVerdict]] = {rule: {} for rule in chosen}
    for day in days:
        stored = read_stored_day(warehouse, day, settings=settings)
        for rule in chosen:
            by_rule[rule][day] = rule.judge(stored)
    for rule, verdicts in by_rule.items():
        yield _report(context, rule, verdicts)
    if len(days) > 1:
        _fail_for_unmade_days(warehouse, days)


def _report(context: dg.AssetCheckExecutionContext, rule: Rule, verdicts: dict[dt.date, RuleVerdict]) -> dg.AssetCheckResult:
    """One result for the run; in a range also one evaluation per day, which is what the dashboard shows by partition."""
    severity = _SEVERITIES[rule.severity]
    if len(verdicts) > 1:
        for day, verdict in verdicts.items():
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey(rule.asset),
                    check_name=rule.name,
                    passed=verdict.passed,
                    metadata=_metadata(verdict),
                    severity=severity,
                    partition=day.isoformat(),
                )
            )
    broken = {day: verdict for day, verdict in verdicts.items() if not verdict.passed}
    only = next(iter(verdicts.values()))
    metadata = (
        _metadata(only) if len(verdicts) == 1 else {"days": len(verdicts), "days_found": [day.isoformat() for day in broken]}
    )
    return dg.AssetCheckResult(
        asset_key=rule.asset, check_name=rule.name, passed=not broken, severity=severity, metadata=metadata
    )


def _metadata(verdict: RuleVerdict) -> dict[str, object]:
    if verdict.passed:
        return {"found": 0}
    records = [dg.TableRecord({"who": f.who, "problem": f.problem}) for f in verdict.findings[:_SHOWN_FINDINGS]]
    return {"found": len(verdict.findings), "who": dg.MetadataValue.table(records), "remedy": verdict.rule.remedy}


def _fail_for_unmade_days(warehouse: Warehouse, days: Sequence[dt.date]) -> None:
    """In a range a failed day is left out, not raised; here the run is failed for it, after everything else was made.

    Raises:
        dagster.Failure: names the days and what failed.
    """
    failed = []
    for ledger, owner in (("ingest_ledger", "feed"), ("derivation_ledger", "asset")):
        day_column = TABLES[ledger].day_column
        newest = warehouse.newest_entries(ledger, days[0], days[-1], by=[day_column, owner])
        of_run = newest.filter(pl.col("status") == IngestStatus.FAILED.value, pl.col(day_column).is_in(list(days)))
        failed += [f"{row[day_column]} {row[owner]}: {row['message']}" for row in of_run.iter_rows(named=True)]
    if failed:
        raise dg.Failure(f"{len(failed)} could not be made:\n" + "\n".join(sorted(failed)), allow_retries=False)
