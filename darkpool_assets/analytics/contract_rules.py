"""Rules 8 and 10: rows keep the contract of their table, every ticker has its row, nothing claims observed direction.

Generated from tables.py: a new column or key is checked without a word here. The composite's rules stand outside the gate;
phase_c_rows and `darkpool check` ask them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from darkpool_assets.analytics.stored_day import Finding, Rule, StoredDay, findings_of
from darkpool_assets.analytics.trade_eligibility import drop_repeated_prints
from darkpool_assets.tables import COMPOSITE_SIGNAL, POLYGON_EQUITY_TRADES_RAW, TABLES, Table
from darkpool_assets.vocabulary import Severity

_OBSERVED = re.compile(r"observed|actual|^true_|_true$|(dark|off_exchange|otc)_(buyer|seller)s?_")


def contract_findings(table: Table, rows: pl.DataFrame) -> list[Finding]:
    """Where rows break their table's contract: a repeated key, or a null in a required column."""
    findings = [
        Finding(column, f"{nulls} rows without a value")
        for column in table.required_columns
        if (nulls := rows[column].null_count())
    ]
    return findings + (_repeated_prints(rows) if table is POLYGON_EQUITY_TRADES_RAW else _repeated_keys(table, rows))


def _repeated_keys(table: Table, rows: pl.DataFrame) -> list[Finding]:
    repeated = rows.group_by(table.key).len().filter(pl.col("len") > 1)
    return [
        Finding("/".join(str(row[name]) for name in table.key), f"{row['len']} rows of one key")
        for row in repeated.iter_rows(named=True)
    ]


def _repeated_prints(rows: pl.DataFrame) -> list[Finding]:
    """Prints stored twice; equal prints that nothing identifies are separate trades."""
    kept = drop_repeated_prints(rows)
    if kept.height == rows.height:
        return []
    counts = rows.group_by("symbol").len().join(kept.group_by("symbol").len(), on="symbol", suffix="_kept").sort("symbol")
    twice = counts.filter(pl.col("len") > pl.col("len_kept")).with_columns(repeated=pl.col("len") - pl.col("len_kept"))
    return findings_of(twice, "{repeated} prints are stored twice")


def composites_beside_metrics(composites: pl.DataFrame, metrics: pl.DataFrame) -> list[Finding]:
    """Where a day's composites are not those of its daily_metrics: a symbol too few or too many, another quality or as_of."""
    beside = metrics.select("symbol", quality="data_quality", known="as_of").join(
        composites.select("symbol", "data_quality", "as_of"), on="symbol", how="full", coalesce=True
    )
    absent, foreign = pl.col("as_of").is_null(), pl.col("known").is_null()
    other = (pl.col("data_quality") != pl.col("quality")) | (pl.col("as_of") != pl.col("known"))
    beside = beside.sort("symbol")
    return [
        *findings_of(beside.filter(absent), "no composite"),
        *findings_of(beside.filter(foreign), "a composite without a row in daily_metrics"),
        *findings_of(beside.filter(other), "{data_quality} as of {as_of}, daily_metrics says {quality} as of {known}"),
    ]


@dataclass(frozen=True)
class CompositeRule:
    """Rule 8 for a day's composites, outside the gate: a faulty composite must not forbid its own repair.

    Attributes:
        name: A sentence that is true when green; also the name of the asset check.
        meaning: What it asks for, in words.
        find: Where composites, held against the day's daily_metrics, do not keep it.
    """

    name: str
    meaning: str
    find: Callable[[pl.DataFrame, pl.DataFrame], list[Finding]]

    def about(self, composites: pl.DataFrame) -> Rule:
        """The rule about these composites, to be asked with the rules of their stored day."""
        return Rule(
            8, self.name, COMPOSITE_SIGNAL.name, Severity.ERROR, lambda stored: self.find(composites, stored.metrics),
            COMPOSITE_REMEDY, lambda stored: composites.height + stored.metrics.height,
        )  # fmt: skip


COMPOSITE_REMEDY: Final = "Materialise composite_signal of this day again."
COMPOSITE_RULES: Final = (
    CompositeRule(
        "composite_signal_keys_are_unique_and_required_columns_filled",
        "No key of composite_signal is repeated and no required column is empty.",
        lambda composites, _metrics: contract_findings(COMPOSITE_SIGNAL, composites),
    ),
    CompositeRule(
        "every_row_of_daily_metrics_has_its_composite",
        "The day's composites are those of its daily_metrics: same symbols, data_quality and as_of.",
        composites_beside_metrics,
    ),
)


def _rows_of(table: str, stored: StoredDay) -> pl.DataFrame:
    return {
        "daily_metrics": stored.metrics,
        "lit_direction_daily": stored.lit,
        "index_constituent_short_agg_daily": stored.index,
        "polygon_equity_trades_raw": stored.trades,
        "finra_short_daily_raw": stored.short_rows,
        "polygon_daily_agg_raw": stored.aggs,
        "finra_otc_weekly_raw": stored.otc_week,
    }[table]


def _contract_rule(table: str) -> Rule:
    """Rule 8 for one table: keys unique, required columns filled."""
    return Rule(
        8,
        f"{table}_keys_are_unique_and_required_columns_filled",
        table,
        Severity.ERROR,
        lambda stored: contract_findings(TABLES[table], _rows_of(table, stored)),
        f"Materialise {table} of this day again.",
        lambda stored: _rows_of(table, stored).height,
    )


def every_configured_ticker_has_its_row(stored: StoredDay) -> list[Finding]:
    """Rule 8 for tickers: every ticker configured when the day was derived has its row in both tables."""
    findings = []
    if not stored.is_derived:
        findings.append(Finding(stored.day.isoformat(), f"daily_metrics was never derived under {stored.inference_version}"))
    for asset, rows in (("lit_direction_daily", stored.lit), ("daily_metrics", stored.metrics)):
        present = set(rows["symbol"])
        findings += [Finding(ticker, f"no row in {asset}") for ticker in stored.tickers(asset) if ticker not in present]
        configured = set(stored.tickers(asset))
        findings += [
            Finding(symbol, f"row in {asset} of a ticker that was not configured") for symbol in sorted(present - configured)
        ]
    return findings


def rows_carry_version_and_as_of_and_claim_no_observed_direction(stored: StoredDay) -> list[Finding]:
    """Rule 10: inference_version, and as_of where the table has it, present; no column claims observed direction."""
    findings = []
    for name, rows in (
        ("lit_direction_daily", stored.lit),
        ("daily_metrics", stored.metrics),
        ("index_constituent_short_agg_daily", stored.index),
    ):
        stamps = [column for column in ("inference_version", "as_of") if column in rows.columns]
        findings += [Finding(name, f"{nulls} rows without {c}") for c in stamps if (nulls := rows[c].null_count())]
        findings += _foreign_as_of(stored, name, rows)
        findings += [
            Finding(name, f"column {column} claims observed direction") for column in rows.columns if _OBSERVED.search(column)
        ]
    return findings


def _foreign_as_of(stored: StoredDay, table: str, rows: pl.DataFrame) -> list[Finding]:
    """Rows whose as_of is not that of the day's derivation."""
    entry = stored.derivations.filter(pl.col("asset") == table)
    if "as_of" not in rows.columns or entry.is_empty():
        return []
    foreign = rows.filter(pl.col("as_of") != entry["as_of"][0])
    return [Finding(table, f"{foreign.height} rows as of another date than {entry['as_of'][0]}")] if foreign.height else []


CONTRACT_RULES = (
    *(_contract_rule(table.name) for table in TABLES.values() if table.stage in {"raw", "derived"}),
    Rule(
        8,
        "every_configured_ticker_has_its_row",
        "daily_metrics",
        Severity.ERROR,
        every_configured_ticker_has_its_row,
        "Materialise lit_direction_daily and daily_metrics of this day again.",
    ),
    Rule(
        10,
        "rows_carry_version_and_as_of_and_claim_no_observed_direction",
        "daily_metrics",
        Severity.ERROR,
        rows_carry_version_and_as_of_and_claim_no_observed_direction,
        "Materialise the named tables of this day again.",
        lambda stored: stored.lit.height + stored.metrics.height + stored.index.height,
    ),
)
