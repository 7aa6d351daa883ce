"""What the report site is made of: a day's stored rows and verdicts, and what the calendar says of every stored session.

Plain values that an asset fills from the warehouse and from the gate; no markup, no files. The pages are drawn from them.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import polars as pl

from darkpool_assets.vocabulary import Severity


class Gate(StrEnum):
    """Whether Phase C may be made of a day."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    NOT_JUDGED = "NOT_JUDGED"


@dataclass(frozen=True)
class Verdict:
    """What one rule says of the day.

    Attributes:
        number: The rule's number in the README's table of rules.
        name: A sentence that is true when green, its words joined by underscores.
        severity: A broken ERROR rule closes the gate; WARN informs.
        findings: Where the rule does not hold: who, and what is wrong; none when green.
        remedy: What to do about a finding.
        has_nothing_to_judge: Whether the day has no row that the rule speaks of.
    """

    number: int
    name: str
    severity: Severity
    findings: tuple[tuple[str, str], ...]
    remedy: str
    has_nothing_to_judge: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the rule on this day."""
        return not self.findings

    @property
    def closes_the_gate(self) -> bool:
        """Whether Phase C is refused because of this rule."""
        return self.severity is Severity.ERROR and not self.passed


@dataclass(frozen=True)
class ReportDay:
    """One day as its pages show it, with the sessions before it.

    Attributes:
        day: The session, the last of `sessions`.
        sessions: Every NYSE session of plots, lines and histories, oldest first; one without a stored row is a gap.
        metrics: Rows of `daily_metrics` of those sessions, one per (date, symbol), all of one inference_version.
        composites: Rows of `composite_signal`, likewise; the day's own are not shown while its gate is closed.
        indices: Rows of `index_constituent_short_agg_daily`, one per (trade_date, index_symbol).
        verdicts: What every rule says of the day; none when the day was not judged.
        tickers: The order of the symbols; those that are not in it follow by name.
        sample_data: Whether the numbers are invented, which is then said on every page.
    """

    day: dt.date
    sessions: tuple[dt.date, ...]
    metrics: pl.DataFrame
    composites: pl.DataFrame
    indices: pl.DataFrame
    verdicts: tuple[Verdict, ...]
    tickers: tuple[str, ...]
    sample_data: bool

    @property
    def gate(self) -> Gate:
        """Closed as soon as one ERROR rule is broken."""
        if not self.verdicts:
            return Gate.NOT_JUDGED
        return Gate.CLOSED if any(verdict.closes_the_gate for verdict in self.verdicts) else Gate.OPEN

    @cached_property
    def composites_shown(self) -> pl.DataFrame:
        """Rows of `composite_signal` of all sessions, without the day's own while the gate is closed."""
        if self.gate is Gate.CLOSED:
            return self.composites.filter(pl.col("date") != self.day)
        return self.composites

    @cached_property
    def composite_by_symbol(self) -> Mapping[str, Mapping[str, Any]]:
        """The day's composite of each symbol that has one."""
        rows = self.composites_shown.filter(pl.col("date") == self.day)
        return {row["symbol"]: row for row in rows.iter_rows(named=True)}

    @cached_property
    def row_by_symbol(self) -> Mapping[str, Mapping[str, Any]]:
        """The day's row of each symbol, in the order of the tickers, other symbols after them by name."""
        place = {ticker: index for index, ticker in enumerate(self.tickers)}
        rows = {row["symbol"]: row for row in self.metrics.filter(pl.col("date") == self.day).iter_rows(named=True)}
        return {symbol: rows[symbol] for symbol in sorted(rows, key=lambda symbol: (place.get(symbol, len(place)), symbol))}

    @cached_property
    def index_by_symbol(self) -> Mapping[str, Mapping[str, Any]]:
        """The day's row of each index, by name."""
        rows = self.indices.filter(pl.col("trade_date") == self.day).sort("index_symbol")
        return {row["index_symbol"]: row for row in rows.iter_rows(named=True)}


@dataclass(frozen=True)
class DayFiles:
    """What other assets have made of the day: file names below `tables/<date>` and `plots/<date>`."""

    tables: frozenset[str] = frozenset()
    plots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StoredSession:
    """One stored session in the calendar: its gate, and how many symbols carry each final_label."""

    day: dt.date
    gate: Gate
    labels: Mapping[str, int] = field(default_factory=dict)
