"""Records: rows of one source as text with their place, and the strict way from text to typed columns.

No format is known here (delimited.py and json_records.py make records) and no meaning (the readers of each feed choose
columns and limits). Every refusal names the source, the line or row, the column, what was found and what is allowed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

import polars as pl

from darkpool_assets.sources.errors import MalformedSource

AT: Final = "at"
MAX_SHARES: Final = 1e13  # more than all markets together trade in a year
SYMBOL_FORM: Final = r"^[!#-+\-.-~]{1,32}$"
_CONTROL_CHARACTERS: Final = r"[\x00-\x1f\x7f]"
_EXACT_FLOAT_INTEGERS: Final = 2**53
_ISO_INSTANT: Final = r"^(?:19|20)\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d(?::?\d\d)?)$"
_ISO_DATE: Final = r"^\d{4}-\d\d-\d\d(?:[T ]00:00:00(?:\.0+)?Z?)?$"

Aliases = Mapping[str, Sequence[str]]


class Kind(StrEnum):
    """What a column's text must be; the value is how an error says it."""

    TEXT = "text without control characters"
    SYMBOL = "a symbol of 1 to 32 printable characters without blank, comma or quote"
    NUMBER = "a number"
    INTEGER = "a whole number"
    DATE = "a date such as 2026-01-30 or 20260130"
    INSTANT = (
        "whole nanoseconds since 1970, or an ISO time with seconds and its offset from UTC such as 2026-01-30T09:30:00.123-05:00"
    )


_DTYPES: Final[Mapping[Kind, pl.DataType]] = {
    Kind.NUMBER: pl.Float64(), Kind.INTEGER: pl.Int64(), Kind.INSTANT: pl.Int64(), Kind.DATE: pl.Date(),
}  # fmt: skip


@dataclass(frozen=True)
class Records:
    """Rows of one source before they are typed.

    Attributes:
        source: Name of the file or dataset.
        unit: What `at` counts: "line" of a text file or "row" of a JSON list.
        names: Our column name -> the source's own name for it.
        text: One row per record: `at` and our column names, all text but `at`; blank text is null.
    """

    source: str
    unit: str
    names: Mapping[str, str]
    text: pl.DataFrame

    def typed(self, kinds: Mapping[str, Kind]) -> pl.DataFrame:
        """The columns of `kinds` in order, typed, and `at`; a column that the source lacks is null throughout.

        Raises:
            MalformedSource: a text is not of its column's kind; names the first such place.
        """
        read = [self._read(name, kind).alias(name) for name, kind in kinds.items()]
        return pl.DataFrame([self.text[AT], *read])

    def _read(self, name: str, kind: Kind) -> pl.Series:
        if name not in self.names:
            return pl.Series([None], dtype=_DTYPES.get(kind, pl.String())).new_from_index(0, self.text.height)
        text = self.text[name]
        value = _value_of(text, kind)
        if value.null_count() > text.null_count():
            self.found_fault(self.text.filter(value.is_null() & text.is_not_null())[AT], column=name, allowed=kind.value)
        return value

    def refuse(
        self, frame: pl.DataFrame, wrong: pl.Series | pl.Expr, *, column: str, allowed: str,
        error: type[MalformedSource] = MalformedSource,
    ) -> None:  # fmt: skip
        """Raise for the first row of `frame` (it carries `at`) for which `wrong` holds; nothing happens where none does."""
        places = frame.filter(wrong)[AT]
        if not places.is_empty():
            self.found_fault(places, column=column, allowed=allowed, error=error)

    def found_fault(
        self, places: pl.Series, *, column: str, allowed: str, error: type[MalformedSource] = MalformedSource
    ) -> None:
        """Act on a fault in the records at `places` (one at least): here, refuse the source for the first of them."""
        self.fail(int(places[0]), column=column, allowed=allowed, error=error)

    def fail(self, at: int, *, column: str, allowed: str, error: type[MalformedSource] = MalformedSource) -> NoReturn:
        """Refuse the source for what the `column` of the record at `at` holds."""
        raise error(self.source, self.place(at, column), found=self.found(at, column), allowed=allowed)

    def place(self, at: int, column: str) -> str:
        """Where `column` of the record at `at` stands, in the source's own words."""
        return f"{self.unit} {at}, column {self.names.get(column, column)}"

    def found(self, at: int, column: str) -> str:
        """The text there, quoted; "nothing" for a blank."""
        text = self.text.filter(pl.col(AT) == at)[column][0] if column in self.text.columns else None
        return "nothing" if text is None else repr(text)

    def require(self, frame: pl.DataFrame, columns: Sequence[str]) -> None:
        """Refuse the first null in any of `columns`."""
        for column in columns:
            self.refuse(frame, frame[column].is_null(), column=column, allowed="a value")

    def require_shares(self, frame: pl.DataFrame, columns: Sequence[str]) -> None:
        """Refuse numbers that no count of shares can be: negative, infinite, absurd or not a number. Nulls pass."""
        for column in columns:
            possible = pl.col(column).is_between(0, MAX_SHARES)
            self.refuse(frame, ~possible, column=column, allowed=f"a number from 0 to {MAX_SHARES:,.0f}")

    def once(self, frame: pl.DataFrame, *, key: Sequence[str]) -> tuple[pl.DataFrame, int]:
        """`frame` with exact duplicates kept once, and how many were left out.

        Raises:
            MalformedSource: two different rows share a key.
        """
        kept = frame.unique([name for name in frame.columns if name != AT], keep="first", maintain_order=True)
        twice = kept.filter(pl.struct(key).is_duplicated())
        if not twice.is_empty():
            again = pl.struct(key).is_first_distinct()
            places = pl.concat([twice.filter(~again), twice.filter(again)])[
                AT
            ]  # named is the row that disagrees with an earlier one
            names = ", ".join(self.names.get(name, name) for name in key)
            self.found_fault(places, column="symbol", allowed=f"one row per ({names}), or exact copies of it")
        return kept, frame.height - kept.height


def choose_columns(
    found: Sequence[str], aliases: Aliases, *, required: Collection[str], source: str, where: str
) -> dict[str, str]:
    """Our column name -> the source's name for it: the first of its aliases that `found` holds; absent ones are left out.

    Raises:
        MalformedSource: a required column is absent, or a chosen one stands there twice.
    """
    chosen = {ours: next((name for name in names if name in found), None) for ours, names in aliases.items()}
    missing = [" or ".join(aliases[ours]) for ours in aliases if ours in required and chosen[ours] is None]
    if missing:
        raise MalformedSource(source, where, found=f"columns {', '.join(found)}", allowed=f"a header with {', '.join(missing)}")
    present = {ours: name for ours, name in chosen.items() if name is not None}
    twice = [name for name in present.values() if list(found).count(name) > 1]
    if twice:
        raise MalformedSource(source, where, found=f"column {twice[0]} twice", allowed="every column once")
    return present


def _value_of(text: pl.Series, kind: Kind) -> pl.Series:
    """`text` as values; null where it is not of the kind."""
    match kind:
        case Kind.TEXT:
            return _where(text, ~pl.col("text").str.contains(_CONTROL_CHARACTERS))
        case Kind.SYMBOL:
            return _where(text, pl.col("text").str.contains(SYMBOL_FORM))
        case Kind.NUMBER:
            value = text.cast(pl.Float64, strict=False)
            return value.set(value == 0, 0.0)  # -0 and 0 are the same number: they must hash and print alike
        case Kind.DATE:
            return text.to_frame("text").select(_date(pl.col("text"))).to_series()
        case Kind.INTEGER | Kind.INSTANT:
            whole = text.cast(pl.Int64, strict=False)
            if whole.null_count() == text.null_count():
                return whole
            other = _integral_number(pl.col("text")) if kind is Kind.INTEGER else _iso_instant(pl.col("text"))
            return text.to_frame("text").select(pl.coalesce(whole, other)).to_series()


def _where(text: pl.Series, allowed: pl.Expr) -> pl.Series:
    return text.to_frame("text").select(pl.when(allowed).then("text")).to_series()


def _integral_number(text: pl.Expr) -> pl.Expr:
    """Whole numbers as spreadsheets and data frames write a column with blanks: "11.0"."""
    number = text.cast(pl.Float64, strict=False)
    exact = number.is_finite() & (number.abs() < _EXACT_FLOAT_INTEGERS) & (number == number.round(0))
    return pl.when(exact).then(number).cast(pl.Int64, strict=False)


def _date(text: pl.Expr) -> pl.Expr:
    iso = pl.when(text.str.contains(_ISO_DATE)).then(text.str.slice(0, 10)).str.to_date("%Y-%m-%d", strict=False)
    compact = pl.when(text.str.contains(r"^\d{8}$")).then(text).str.to_date("%Y%m%d", strict=False)
    return pl.coalesce(iso, compact)


def _iso_instant(text: pl.Expr) -> pl.Expr:
    """ISO times with an offset as nanoseconds since 1970; without one nobody can know whose clock it was."""
    zoned = text.str.replace(" ", "T", literal=True).str.replace(r"Z$", "+00:00").str.replace(r"([+-]\d\d)$", "${1}:00")
    moment = pl.when(text.str.contains(_ISO_INSTANT)).then(zoned)
    return moment.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="ns", time_zone="UTC", strict=False).cast(pl.Int64)
