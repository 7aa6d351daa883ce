"""Constituents lists: which symbols belong to an index, from when to when.

A list is a CSV kept by the user or the tracked sample. Membership on a day and the aggregation over members are decided
in analytics; defs/derived hands this frame over.
"""

import datetime as dt
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets.settings import SYMBOL_FORM, SYMBOL_PATTERN, Settings
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.day_files import files_in
from darkpool_assets.sources.delimited import open_delimited
from darkpool_assets.sources.errors import MalformedSource, MissingSource
from darkpool_assets.sources.records import AT, Kind, Records

_ALIASES: Final = {
    "index_symbol": ("index_symbol", "index"), "symbol": ("symbol", "ticker"), "weight": ("weight",),
    "start_date": ("start_date",), "end_date": ("end_date",), "list_date": ("list_date",),
}  # fmt: skip
_KINDS: Final = {
    "index_symbol": Kind.TEXT, "symbol": Kind.TEXT, "weight": Kind.NUMBER,
    **dict.fromkeys(("start_date", "end_date", "list_date"), Kind.DATE),
}  # fmt: skip
CONSTITUENTS_SCHEMA: Final = pl.Schema(
    {
        "index_symbol": pl.String,
        "symbol": pl.String,
        "weight": pl.Float64,
        "start_date": pl.Date,
        "end_date": pl.Date,
        "list_date": pl.Date,
    }
)
_INDEX_FORM: Final = r"^[A-Z0-9][A-Z0-9_.\-]{0,31}$"
_FIRST_DAY, _LAST_DAY = dt.date.min, dt.date.max


def read_constituents(path: Path) -> pl.DataFrame:
    """The memberships that one CSV lists.

    The header has index_symbol (or index) and symbol (or ticker), and may have weight, start_date and end_date (both
    inside; blank is open) and list_date (blank or absent: the file's modification date, UTC).

    Returns:
        One row per (index_symbol, symbol, membership): index_symbol, symbol, weight, start_date, end_date, list_date.

    Raises:
        MalformedSource: a wrong symbol, weight or date, an end before its start, or memberships that overlap.
    """
    content = Content.of_file(path)
    file = open_delimited(content)
    records = file.records(file.all_lines(), file.choose(_lowered(file.columns), required=("index_symbol", "symbol")))
    if records.text.is_empty():
        raise MalformedSource(content.name, "line 2", found="nothing below the header", allowed="at least one constituent")
    rows = records.typed(_KINDS)
    _check(records, rows)
    _check_overlaps(records, rows)
    modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date()
    return rows.drop(AT).with_columns(pl.col("list_date").fill_null(modified))


def constituents_files_in(directory: Path) -> list[Path]:
    """Every CSV of the directory, sorted by name.

    Raises:
        MissingSource: the directory does not exist.
    """
    return files_in(directory, setting="INDEX_CONSTITUENTS_DIR", suffixes=(".csv",))


def _lowered(columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The aliases in the header's own case: people write Symbol as well as symbol."""
    return {
        ours: tuple(name for alias in aliases for name in columns if name.lower() == alias) or aliases
        for ours, aliases in _ALIASES.items()
    }


def _check(records: Records, rows: pl.DataFrame) -> None:
    records.require(rows, ["index_symbol", "symbol"])
    index = pl.col("index_symbol").str.contains(_INDEX_FORM)
    records.refuse(rows, ~index, column="index_symbol", allowed="an index name such as SPX or SPX_SAMPLE")
    symbol = pl.col("symbol").str.contains(f"^(?:{SYMBOL_PATTERN.pattern})$")
    records.refuse(rows, ~symbol, column="symbol", allowed=SYMBOL_FORM)
    weight = pl.col("weight").is_finite() & (pl.col("weight") >= 0)
    records.refuse(rows, ~weight, column="weight", allowed="a finite number, 0 or more")
    backwards = pl.col("end_date") < pl.col("start_date")
    records.refuse(rows, backwards, column="end_date", allowed="start_date or later")


def _check_overlaps(records: Records, rows: pl.DataFrame) -> None:
    """Refuse a symbol that is a member of one index twice on some day. BRK/B and BRK.B are one symbol."""
    member = ["index_symbol", "spelling"]
    spans = rows.with_columns(
        spelling=pl.col("symbol").str.replace_all("/", ".", literal=True),
        first=pl.col("start_date").fill_null(_FIRST_DAY),
        last=pl.col("end_date").fill_null(_LAST_DAY),
    ).sort(*member, "first", AT)
    overlaps = pl.col("first") <= pl.col("last").cum_max().shift(1).over(member)
    records.refuse(spans, spans.select(overlaps).to_series(), column="symbol", allowed="one membership of the index at a time")


def configured_constituents_files(settings: Settings) -> list[Path]:
    """The lists that the settings name; none where the default folder does not exist.

    Raises:
        MissingSource: INDEX_CONSTITUENTS_FILE, or a folder other than the default one, does not exist.
    """
    file, directory = settings.index_constituents_file, settings.index_constituents_dir
    if file is not None:
        if not file.is_file():
            raise MissingSource("INDEX_CONSTITUENTS_FILE", file)
        return [file]
    if directory == Settings.model_fields["index_constituents_dir"].default and not directory.is_dir():
        return []
    return constituents_files_in(directory)


def configured_universe(settings: Settings) -> set[str]:
    """The symbols that the product's numbers rest on, as configured: tickers, index members and proxies.

    Raises:
        MissingSource, MalformedSource: as read_configured_constituents.
    """
    members = read_configured_constituents(settings)["symbol"]
    return {*settings.tickers, *members, *settings.index_proxy_map.values()}


def read_configured_constituents(settings: Settings) -> pl.DataFrame:
    """The memberships of every list that the settings name; no rows where there is none.

    Raises:
        MissingSource: as configured_constituents_files.
        MalformedSource: a list breaks its format.
    """
    lists = [read_constituents(path) for path in configured_constituents_files(settings)]
    return pl.concat(lists) if lists else pl.DataFrame(schema=CONSTITUENTS_SCHEMA)
