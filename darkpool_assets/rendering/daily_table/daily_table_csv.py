"""The table of one day as CSV: every column of `daily_metrics` at full precision, for other programs and spreadsheets.

Nothing is rounded or renamed. The disclaimer stands in a last column of every row, because a comment line is no CSV; text
that a spreadsheet would run as a formula is made inert, numbers stay numbers.
"""

from typing import Final

import polars as pl
import polars.selectors as cs

from darkpool_assets.tables import DAILY_METRICS
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

DISCLAIMER_COLUMN: Final = "disclaimer"
_FORMULA: Final = r"^(\s*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[\t\r\n])"  # the last four are full-width


def daily_table_csv(metrics: pl.DataFrame, *, sample_data: bool = False) -> str:
    """One line per row of `metrics` under a header line; missing values are empty, and so are NaN and infinity.

    Args:
        metrics: Rows of `daily_metrics`; other columns are left out.
        sample_data: Whether the numbers are invented, which the disclaimer's column then says first.
    """
    statement = f"{SAMPLE_DATA_NOTICE}. {DISCLAIMER}" if sample_data else DISCLAIMER
    columns = metrics.select(DAILY_METRICS.column_names)
    return columns.with_columns(
        pl.when(cs.float().is_finite()).then(cs.float()), inert_text(), pl.lit(statement).alias(DISCLAIMER_COLUMN)
    ).write_csv()


def inert_text() -> pl.Expr:
    """Every text column, with an apostrophe before what a spreadsheet would run as a formula (=, +, -, @, tab, line end)."""
    return cs.string().str.replace(_FORMULA, "'${1}")
