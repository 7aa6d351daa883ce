"""Records of whole-market feeds: a fault in the rows of one symbol costs that symbol, not the feed.

Faults of rows are collected while a reader checks them, and settled once by leaving their symbols out. Faults of form (header,
columns, trailer, encoding) are not known here: they still refuse the source, as do faults of many symbols at once.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import polars as pl

from darkpool_assets.sources.errors import AnotherDay, MalformedSource, fault_text, shortened
from darkpool_assets.sources.records import AT, Records

MOST_ODD_SYMBOLS: Final = 5
MOST_ODD_ROWS: Final = 0.005  # of the source's rows; a source is refused where both are exceeded


@dataclass(frozen=True)
class LeftOut:
    """Rows of one symbol that were not stored, and why.

    Attributes:
        symbol: As the source spells it; "(no symbol)" for a blank.
        fault: Source, place, what was found and what is allowed.
        week: Monday of an OTC week; None where the source is of one day, or the week could not be read.
        is_whole: Whether the symbol's day (or week) is lost; else only rows that no number rests on.
    """

    symbol: str
    fault: str
    week: dt.date | None = None
    is_whole: bool = True


@dataclass(frozen=True)
class SymbolRecords(Records):
    """Records whose faults are kept until `without_odd_symbols` settles them."""

    _faults: list[pl.DataFrame] = field(default_factory=list)

    @classmethod
    def of(cls, records: Records) -> Self:
        """The same records, with no fault found yet."""
        return cls(records.source, records.unit, records.names, records.text)

    def found_fault(
        self,
        places: pl.Series,
        *,
        column: str,
        allowed: str,
        error: type[MalformedSource] = MalformedSource,  # noqa: ARG002
    ) -> None:
        """Keep a fault in the records at `places`."""
        self._faults.append(pl.DataFrame({AT: places, "column": column, "allowed": allowed}))

    def once(self, frame: pl.DataFrame, *, key: Sequence[str]) -> tuple[pl.DataFrame, int]:
        """`frame` with exact duplicates kept once, and how many were left out; two different rows of one key are a fault."""
        has_fault = pl.col(AT).is_in(pl.concat([self.text[AT].clear(), *(one[AT] for one in self._faults)]).implode())
        kept, copies = super().once(frame.filter(~has_fault), key=key)
        return pl.concat([kept, frame.filter(has_fault)]), copies

    def refuse_most(self, rows: pl.DataFrame, foreign: pl.Expr, *, column: str, allowed: str) -> None:
        """Refuse the source where `foreign` holds for most of `rows`: then it is of another day, not a symbol's fault.

        Raises:
            AnotherDay: it holds for more than half of the rows, and most of these have a date that can be read.
            MalformedSource: most of them have none.
        """
        others = rows.filter(foreign)
        if 2 * others.height > rows.height:
            error = MalformedSource if 2 * others[column].null_count() > others.height else AnotherDay
            self.fail(int(others[AT][0]), column=column, allowed=allowed, error=error)

    def without_odd_symbols(
        self, rows: pl.DataFrame, *, week: str | None = None, decides: str | None = None
    ) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
        """`rows` without those of every symbol that has a fault in one of them, and who was left out.

        Args:
            rows: Typed rows with `at`; faults of other records do not count.
            week: Column with the Monday of a row's week: a fault then costs that week of the symbol, and all of its weeks where
                the column is null.
            decides: Column that is false for rows that no number rests on: a fault in one costs that row alone.

        Raises:
            MalformedSource: more than 5 symbols are odd, with more than 0.5% of the rows.
        """
        if not self._faults:
            return rows, ()
        marked = rows.select(
            AT, week=pl.col(week) if week else pl.lit(None, pl.Date), decides=pl.col(decides) if decides else pl.lit(value=True)
        ).join(self.text.select(AT, name="symbol"), on=AT, how="left", maintain_order="left")
        first = pl.concat(self._faults).unique(AT, keep="first", maintain_order=True)
        faulty = marked.join(first, on=AT, maintain_order="right")
        odd = faulty.filter("decides")
        left = marked.filter(_belongs_to(odd, whole_symbol=False) | _belongs_to(odd, whole_symbol=True) | _is_at(faulty))
        self._refuse_many(odd, left.filter("decides"), of=rows.height)
        told = faulty.unique(["name", "week", "decides"], keep="first", maintain_order=True)
        return rows.filter(~_is_at(left)), tuple(self._left_out(row) for row in told.iter_rows(named=True))

    def _refuse_many(self, odd: pl.DataFrame, left: pl.DataFrame, *, of: int) -> None:
        symbols = odd["name"].drop_nulls().n_unique() + odd["name"].null_count()
        if symbols > MOST_ODD_SYMBOLS and left.height > MOST_ODD_ROWS * of:
            first = odd.row(0, named=True)
            self.fail(first[AT], column=first["column"], allowed=f"{first['allowed']} ({symbols:,} symbols have a fault)")

    def _left_out(self, fault: dict[str, object]) -> LeftOut:
        at, column = int(str(fault[AT])), str(fault["column"])
        text = fault_text(self.source, self.place(at, column), found=self.found(at, column), allowed=str(fault["allowed"]))
        name, week = fault["name"], fault["week"]
        return LeftOut(
            symbol=shortened(name) if name is not None else "(no symbol)",
            fault=text,
            week=week if isinstance(week, dt.date) else None,
            is_whole=bool(fault["decides"]),
        )


def _belongs_to(odd: pl.DataFrame, *, whole_symbol: bool) -> pl.Expr:
    """Whether a row is of an odd symbol: of its odd week, or of any week where the fault hides which."""
    if whole_symbol:
        return pl.col("name").is_in(odd.filter(pl.col("week").is_null())["name"].drop_nulls().implode())
    weeks = odd.drop_nulls(["name", "week"]).select("name", "week").unique()
    return pl.struct("name", "week").is_in(weeks.to_struct().implode())


def _is_at(rows: pl.DataFrame) -> pl.Expr:
    return pl.col(AT).is_in(rows[AT].implode())
