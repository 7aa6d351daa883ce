"""One symbol, two spellings: Reg SHO files write BRK/B where FINRA's weekly data and Polygon write BRK.B.

Case is part of a symbol and is kept; nothing else about it changes, and no symbol is looked up. Feeds are joined in their
own spelling, rows keep the spelling of the settings.
"""

from collections.abc import Iterable

import polars as pl


def to_reg_sho(symbol: str) -> str:
    """The symbol as Reg SHO files spell it.

    >>> to_reg_sho("BRK.B")
    'BRK/B'
    """
    return symbol.replace(".", "/")


def to_polygon(symbol: str) -> str:
    """The symbol as Polygon and FINRA's weekly data spell it.

    >>> to_polygon("BRK/B")
    'BRK.B'
    """
    return symbol.replace("/", ".")


def reg_sho_spelling(column: str) -> pl.Expr:
    """`to_reg_sho` of a column."""
    return pl.col(column).str.replace_all(".", "/", literal=True)


def polygon_spelling(column: str) -> pl.Expr:
    """`to_polygon` of a column."""
    return pl.col(column).str.replace_all("/", ".", literal=True)


def spellings_of(symbols: Iterable[str]) -> pl.DataFrame:
    """One row per distinct symbol, in the order given: symbol as given, reg_sho_symbol, polygon_symbol."""
    distinct = pl.DataFrame({"symbol": list(dict.fromkeys(symbols))}, schema={"symbol": pl.String})
    return distinct.with_columns(
        reg_sho_spelling("symbol").alias("reg_sho_symbol"), polygon_spelling("symbol").alias("polygon_symbol")
    )
