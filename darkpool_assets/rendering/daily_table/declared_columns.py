"""Columns that are declared once, each with the rule that makes its cell from a row, under the spanner it stands under.

No column is named here: the symbol table's, the index table's and the composite's stand in modules of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from darkpool_assets.rendering.daily_table.table_model import Cell, Column, Group, Kind
from darkpool_assets.tables import Table

Row = TypeVar("Row")
Rule = tuple[Column, Callable[[Row], Cell]]


@dataclass(frozen=True)
class Spanner(Generic[Row]):
    """Neighbouring columns with the rules of their cells; title and unit are empty over the columns that name the row."""

    title: str
    unit: str
    rules: tuple[Rule[Row], ...]


def stored_column(table: Table, key: str, label: str, unit: str, kind: Kind = Kind.NUMBER) -> Column:
    """The column of the stored column `key`, with its meaning as `table` declares it."""
    (meaning,) = (column.meaning for column in table.columns if column.name == key)
    return Column(key, label, unit, meaning, kind)


def groups_of(spanners: Sequence[Spanner[Any]]) -> tuple[Group, ...]:
    """The columns alone, as a section shows them."""
    return tuple(Group(one.title, one.unit, tuple(column for column, _ in one.rules)) for one in spanners)


def cells_of(spanners: Sequence[Spanner[Row]], row: Row) -> tuple[Cell, ...]:
    """The cells of one row, left to right."""
    return tuple(rule(row) for one in spanners for _, rule in one.rules)
