"""`darkpool export`: a stored table, or a date range of it, as one Parquet or CSV file that appears whole or not at all."""

import datetime as dt
import io
from pathlib import Path
from typing import Final

import polars.selectors as cs

from darkpool_assets.rendering.daily_table.daily_table_csv import inert_text
from darkpool_assets.rendering.files import write_atomically
from darkpool_assets.settings import SettingsError
from darkpool_assets.tables import TABLES
from darkpool_assets.warehouse import Warehouse

_SUFFIXES: Final = (".parquet", ".csv")


def export_table(warehouse: Warehouse, table: str, file: Path, *, first: dt.date, last: dt.date) -> int:
    """Write the rows of `table` between two days to `file`; returns how many.

    Text cells of a CSV that a spreadsheet would take for a formula are neutralised.

    Raises:
        SettingsError: an unknown table or suffix, or a range without rows.
    """
    faults = []
    if table not in TABLES:
        faults.append(f"TABLE: given {table!r}; allowed: {', '.join(TABLES)}")
    if file.suffix not in _SUFFIXES:
        faults.append(f"FILE: given {file.name!r}; allowed: a name that ends in {' or '.join(_SUFFIXES)}")
    if faults:
        raise SettingsError(faults)
    rows = warehouse.read_window(table, first, last)
    if rows.is_empty():
        raise SettingsError([f"TABLE: {table} holds no row between {first} and {last}; `darkpool status` shows what is stored"])
    buffer = io.BytesIO()
    if file.suffix == ".csv":
        # With their offset, so that exported trades can be read again as a trade file.
        rows.with_columns(inert_text(), cs.datetime().dt.replace_time_zone("UTC")).write_csv(buffer)
    else:
        rows.write_parquet(buffer)
    write_atomically(file, buffer.getvalue())
    return rows.height
