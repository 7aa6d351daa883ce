"""A stored day as the rules see it, and what a rule says of it.

Shapes only: the rules stand in provenance_rules, evidence_rules, contract_rules and reconciliation_rules; phase_c_gate asks
all of them.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from darkpool_assets.analytics.daily_metrics import MetricInputs
from darkpool_assets.analytics.otc_anchor import weekly_otc_volumes
from darkpool_assets.vocabulary import RuleState, Severity


@dataclass(frozen=True)
class StoredDay:
    """Everything that is stored of one day under one inference_version.

    Attributes:
        day: The session.
        inference_version: The version that is judged.
        window: First and last instant (UTC, both inside) whose prints count.
        metrics: Rows of daily_metrics.
        lit: Rows of lit_direction_daily.
        index: Rows of index_constituent_short_agg_daily.
        inputs: What the metrics rest on: look-back and week of the tickers.
        trades: Rows of polygon_equity_trades_raw; empty when none came or when they were pruned.
        short_rows: Newest-vintage rows of finra_short_daily_raw of the day, whole market.
        aggs: Rows of polygon_daily_agg_raw of the day, whole market.
        otc_week: Rows of finra_otc_weekly_raw of the day's week, all vintages, whole market.
        readings: Newest ingest_ledger entry per (feed, source) of the day.
        derivations: Newest derivation_ledger entry per asset of the day.
    """

    day: dt.date
    inference_version: str
    window: tuple[dt.datetime, dt.datetime]
    metrics: pl.DataFrame
    lit: pl.DataFrame
    index: pl.DataFrame
    inputs: MetricInputs
    trades: pl.DataFrame
    short_rows: pl.DataFrame
    aggs: pl.DataFrame
    otc_week: pl.DataFrame
    readings: pl.DataFrame
    derivations: pl.DataFrame

    @property
    def is_derived(self) -> bool:
        """Whether daily_metrics was ever derived for the day."""
        return "daily_metrics" in self.derivations["asset"].to_list()

    @cached_property
    def known_weeks(self) -> pl.DataFrame:
        """The tickers' stored OTC weeks, as known at each as_of of the metrics: weekly_otc_volumes with as_of."""
        dates = self.metrics["as_of"].drop_nulls().unique(maintain_order=True).to_list() or [self.day]
        weeks = [weekly_otc_volumes(self.inputs.otc_rows, as_of=date).with_columns(as_of=pl.lit(date)) for date in dates]
        return pl.concat(weeks)

    def tickers(self, asset: str = "daily_metrics") -> list[str]:
        """The tickers configured when `asset` was derived; empty when it never was."""
        entry = self.derivations.filter(pl.col("asset") == asset)
        return json.loads(entry["tickers"][0]) if entry.height else []

    def settings(self, asset: str = "daily_metrics") -> Mapping[str, Any]:
        """The settings that decided the numbers of `asset`; empty when it never was derived."""
        entry = self.derivations.filter(pl.col("asset") == asset)
        return json.loads(entry["settings"][0]) if entry.height else {}


@dataclass(frozen=True)
class Finding:
    """One place where a rule does not hold: who, and what is wrong."""

    who: str
    problem: str


@dataclass(frozen=True)
class Rule:
    """One rule of a stored day.

    Attributes:
        number: The rule's number in the README's table of rules.
        name: A sentence that is true when green; also the name of the asset check.
        asset: The table that the rule speaks of.
        severity: ERROR rules gate Phase C, WARN rules inform.
        find: Where the rule does not hold; nothing when green.
        remedy: What to do about a finding.
        count_judged: How many rows of the day the rule speaks of; one for a rule about the day itself.
    """

    number: int
    name: str
    asset: str
    severity: Severity
    find: Callable[[StoredDay], list[Finding]]
    remedy: str
    count_judged: Callable[[StoredDay], int] = field(default=lambda _stored: 1)

    def judge(self, stored: StoredDay) -> "RuleVerdict":
        """The rule's verdict of one stored day."""
        return RuleVerdict(self, tuple(dict.fromkeys(self.find(stored))), judged=self.count_judged(stored))


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule says of one day: the findings, none when green, and how many rows it judged."""

    rule: Rule
    findings: tuple[Finding, ...]
    judged: int = 1

    @property
    def passed(self) -> bool:
        """Whether the rule holds for the whole day."""
        return not self.findings

    @property
    def state(self) -> RuleState:
        """The verdict in a word: a rule without findings holds only where it had a row to judge."""
        if self.findings:
            return RuleState.BROKEN if self.rule.severity is Severity.ERROR else RuleState.WARNS
        return RuleState.HOLDS if self.judged else RuleState.NOTHING_TO_JUDGE

    @property
    def explanation(self) -> str:
        """Who and how many, and the remedy, in one line."""
        if self.passed:
            return self.state
        shown = "; ".join(f"{finding.who}: {finding.problem}" for finding in self.findings[:5])
        more = f" and {len(self.findings) - 5} more" if len(self.findings) > 5 else ""
        return f"{len(self.findings)} found: {shown}{more}. {self.rule.remedy}"


def findings_of(rows: pl.DataFrame, problem: str, *, who: str = "symbol") -> list[Finding]:
    """One finding per row; `problem` may name columns in braces."""
    return [Finding(str(row[who]), problem.format(**row)) for row in rows.iter_rows(named=True)]


def differs(left: str | pl.Expr, right: str | pl.Expr, *, relative: float = 1e-6) -> pl.Expr:
    """Whether two numbers disagree by more than `relative`, or only one of them is there."""
    a = pl.col(left) if isinstance(left, str) else left
    b = pl.col(right) if isinstance(right, str) else right
    apart = (a - b).abs() > relative * pl.max_horizontal(a.abs(), b.abs())
    return (a.is_null() != b.is_null()) | apart.fill_null(value=False)
