"""FINRA's daily short sale volume: published day files, and rows of the Query API's regShoDaily.

Each source of a day becomes one Reading in the columns of finra_short_daily_raw. Which of them counts for a symbol
(CNMS, else the facilities' sum, else the API) is not decided here but in analytics; defs/raw stores what comes out.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.sources.content import Content, digest_of
from darkpool_assets.sources.day_files import date_in_name, files_of_day
from darkpool_assets.sources.delimited import TEXT, Delimited, open_delimited
from darkpool_assets.sources.errors import AmbiguousSource, AnotherDay, MalformedSource, NotPublishedYet
from darkpool_assets.sources.finra.query_answers import read_query_answer
from darkpool_assets.sources.json_records import JsonRows
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import AT, Kind, Records
from darkpool_assets.sources.symbol_records import LeftOut, SymbolRecords
from darkpool_assets.vocabulary import ShortFileFamily

_VOLUMES: Final = ("short_volume", "short_exempt_volume", "total_volume")
_KINDS: Final = {
    "symbol": Kind.SYMBOL, "trade_date": Kind.DATE, **dict.fromkeys(_VOLUMES, Kind.NUMBER), "market": Kind.TEXT,
}  # fmt: skip
_FILE_COLUMNS: Final = {
    "symbol": ("Symbol",), "trade_date": ("Date",), "short_volume": ("ShortVolume",),
    "short_exempt_volume": ("ShortExemptVolume",), "total_volume": ("TotalVolume",), "market": ("Market",),
}  # fmt: skip
_API_COLUMNS: Final = {
    "symbol": ("securitiesInformationProcessorSymbolIdentifier",), "trade_date": ("tradeReportDate",),
    "short_volume": ("shortParQuantity",), "short_exempt_volume": ("shortExemptParQuantity",),
    "total_volume": ("totalParQuantity",), "market": ("marketCode",), "facility": ("reportingFacilityCode",),
}  # fmt: skip
_REQUIRED: Final = ("symbol", "trade_date", *_VOLUMES)
_TRAILER: Final = re.compile(
    r'"?(\d{1,12})"?(?:(?:\|(?:"")?){5})?'
)  # a file that was saved again has quotes and empty fields there
_SUFFIXES: Final = (".txt", ".psv", ".csv", ".json")


def read_short_file(path: Path, *, day: dt.date) -> Reading:
    """One file of one day, as published (pipe-delimited with a row count below) or as a list of Query API rows (.json).

    Returns:
        One row per symbol, sorted: the columns of finra_short_daily_raw but ingested_at; shares as FINRA counts them.

    A fault in the rows of one symbol costs that symbol: Reading.left_out names it.

    Raises:
        AnotherDay: every row, or the name of a file without rows, is of another day.
        MalformedSource: anything else that breaks the format: the row count, most rows of another day, many odd symbols.
        NotPublishedYet: a saved answer of the Query API without rows.
    """
    return read_short_content(Content.of_file(path), day=day)


def read_short_content(content: Content, *, day: dt.date) -> Reading:
    """The same for bytes that were downloaded; the family is read off the content's name."""
    if content.looks_like_json():
        answer = read_query_answer(content)
        if not answer.rows:
            raise NotPublishedYet(f"{content.name}: an answer without rows; regShoDaily does not have {day} yet.")
        return read_reg_sho_rows(answer, day=day)
    return _read_published(open_delimited(content, delimiters="|"), day=day)


def read_reg_sho_rows(body: JsonRows, *, day: dt.date) -> Reading:
    """Rows of the Query API's regShoDaily: one per facility, summed to one per symbol; raises as read_short_file."""
    names = body.choose(_API_COLUMNS, required=_REQUIRED)
    records = body.records(names)
    facility = "facility" if "facility" in names else "market"
    kinds = {**_KINDS, "facility": Kind.TEXT}
    rows, duplicates, left_out = _checked(SymbolRecords.of(records), day=day, key=["symbol", facility], kinds=kinds)
    codes = pl.col("market").str.split(",").list.explode().drop_nulls().unique().sort().str.join(",")
    summed = rows.group_by("symbol", "trade_date").agg(pl.col(*_VOLUMES).sort().sum(), pl.when(codes != "").then(codes))
    reading = _reading(records, summed, ShortFileFamily.API)
    return replace(reading, duplicate_rows=duplicates, left_out=left_out)


def without_odd_symbols_of_any(readings: Sequence[Reading]) -> list[Reading]:
    """The files of one day without every symbol that one of them leaves out: the others hold only a part of its day."""
    left_out = tuple(dict.fromkeys(one for reading in readings for one in reading.left_out))
    odd = pl.col("symbol").is_in([one.symbol for one in left_out])
    return [_without(reading, odd, left_out) for reading in readings] if left_out else list(readings)


def _without(reading: Reading, odd: pl.Expr, left_out: tuple[LeftOut, ...]) -> Reading:
    rows = reading.rows.filter(~odd)
    if rows.height == reading.rows.height:
        return replace(reading, left_out=left_out)
    digest = digest_of(reading.content_hash, *sorted(one.symbol for one in left_out))
    return replace(reading, rows=rows.with_columns(content_hash=pl.lit(digest)), content_hash=digest, left_out=left_out)


def short_files_of(directory: Path, *, day: dt.date) -> list[Path]:
    """The files of `day`, one per family at most, sorted by name.

    Raises:
        MissingSource: the directory does not exist.
        AmbiguousSource: two files of one family.
    """
    files = files_of_day(directory, setting="FINRA_SHORT_SALE_DIR", day=day, suffixes=_SUFFIXES)
    by_family: dict[ShortFileFamily, Path] = {}
    for path in files:
        first = by_family.setdefault(family_of(path.name), path)
        if first != path:
            raise AmbiguousSource("FINRA_SHORT_SALE_DIR", f"{family_of(path.name)} of {day}", first, path)
    return files


def family_of(name: str) -> ShortFileFamily:
    """The family that a file name begins with; JSON holds Query API rows; any other name counts as CNMS.

    >>> family_of("FNYXshvol20200102.txt").value, family_of("short volume.txt").value
    ('FNYX', 'CNMS')
    """
    if name.lower().removesuffix(".gz").endswith(".json"):
        return ShortFileFamily.API
    prefix = name[:4].upper()
    return ShortFileFamily(prefix) if prefix in ShortFileFamily.__members__ else ShortFileFamily.CNMS


def _read_published(file: Delimited, *, day: dt.date) -> Reading:
    names = file.choose(_FILE_COLUMNS, required=_REQUIRED)
    lines = file.all_lines()
    expected = _announced_rows(file.content.name, lines)
    records = SymbolRecords.of(file.records(lines.head(-1), names))
    rows, duplicates, left_out = _checked(records, day=day, key=["symbol"], kinds=_KINDS)
    reading = _reading(records, rows, family_of(file.content.name))
    return replace(reading, expected_rows=expected, duplicate_rows=duplicates, left_out=left_out)


def _announced_rows(source: str, lines: pl.DataFrame) -> int:
    """The trailer's row count, which counts physical rows."""
    last, place = (lines[TEXT][-1], f"line {lines[AT][-1]}") if lines.height else ("nothing below the header", "line 2")
    trailer = _TRAILER.fullmatch(last.strip())
    if not trailer:
        raise MalformedSource(source, f"{place} (the last)", found=repr(last), allowed="the number of rows above it, alone")
    announced, above = int(trailer[1]), lines.height - 1
    if announced != above:
        raise MalformedSource(source, f"{place} (row count)", found=announced, allowed=f"{above}, the number of rows above it")
    return announced


def _checked(
    records: SymbolRecords, *, day: dt.date, key: list[str], kinds: dict[str, Kind]
) -> tuple[pl.DataFrame, int, tuple[LeftOut, ...]]:
    """Typed rows of `day`, each once, the number of exact copies left out, and the symbols left out for a fault."""
    rows = records.typed(kinds)
    records.require(rows, _REQUIRED)
    records.require_shares(rows, _VOLUMES)
    _check_day(records, rows, day=day)
    once, duplicates = records.once(rows, key=key)
    sound, left_out = records.without_odd_symbols(once)
    return sound, duplicates, left_out


def _check_day(records: SymbolRecords, rows: pl.DataFrame, *, day: dt.date) -> None:
    named = date_in_name(records.source)
    if rows.is_empty() and named not in {None, day}:
        raise AnotherDay(records.source, "name", found=named, allowed=f"{day}")
    records.refuse_most(rows, (pl.col("trade_date") != day).fill_null(value=True), column="trade_date", allowed=f"{day}")
    records.refuse(rows, pl.col("trade_date") != day, column="trade_date", allowed=f"{day}")


def _reading(records: Records, rows: pl.DataFrame, family: ShortFileFamily) -> Reading:
    columns = [name for name in tables.FINRA_SHORT_DAILY_RAW.column_names if name in rows.columns]
    content = rows.select(columns).sort("symbol")
    # The hash is over what the rows say: the same day with other line ends is no new vintage.
    digest = digest_of(family, content.write_csv())
    stored = content.with_columns(source=pl.lit(family.value), source_file=pl.lit(records.source), content_hash=pl.lit(digest))
    return Reading(source=records.source, rows=stored, physical_rows=records.text.height, content_hash=digest)
