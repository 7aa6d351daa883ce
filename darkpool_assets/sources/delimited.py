"""Delimited text, read strictly: one record per line, every line with the header's number of fields, nothing guessed.

Lines are read whole, in blocks, so that their numbers are known and a file larger than memory can be filtered before it is
split into fields; a line above 1 MB is refused while it streams. Types and meaning are not known here: records.py and the
readers of each feed come next.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import MalformedSource
from darkpool_assets.sources.records import AT, Aliases, Records, choose_columns

TEXT: Final = "text"
_QUOTED: Final = '"'
_QUOTED_FIELD: Final = r'"(?:[^"]|"")*"'
_WHOLLY_QUOTED: Final = '"((?:[^"]|"")*)"'
_BLANKS: Final = (b" ", b"\t", b"\r", b"\v", b"\f")
_MAX_HEADER_BYTES: Final = 1 << 16
MAX_LINE_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 8 << 20
_NO_SEPARATOR: Final = "\x01"  # a byte that no text file holds: the scan then takes each line as one field
_FIRST_DATA_LINE: Final = 2


@dataclass(frozen=True)
class Delimited:
    """A delimited text whose header has been read."""

    content: Content
    delimiter: str
    columns: tuple[str, ...]

    def choose(self, aliases: Aliases, *, required: tuple[str, ...]) -> dict[str, str]:
        """Our column name -> the header's; see choose_columns."""
        return choose_columns(self.columns, aliases, required=required, source=self.content.name, where="line 1")

    def holds(self, column: str, values: Collection[str]) -> pl.Expr:
        """Whether the raw text of one column of a line is among `values`; true for a line that is no row, to be refused.

        Meant for filters, where splitting every line would be slow.
        """
        before = self.columns.index(column)
        plain = "[^|]*" if self.delimiter == "|" else f'[^"{self.delimiter}]*'
        skipped = f"(?:(?:{_QUOTED_FIELD}|{plain}){self._mark}){{{before}}}" if before else ""
        line = pl.col(TEXT)
        text = line.str.extract(f"^{skipped}([^{self.delimiter}]*)").str.strip_chars('" ')
        is_among = text.is_in(list(values)).fill_null(value=True)
        if not before:
            return is_among
        # A field too many or too few before the column would have another one looked at.
        is_shifted = line.str.count_matches(self.delimiter, literal=True) != len(self.columns) - 1
        return is_among | (is_shifted & ~line.str.contains(_QUOTED, literal=True))

    def lines(self, keep: pl.Expr | None = None) -> Iterator[pl.DataFrame]:
        """Batches of the lines below the header that are not blank (and that `keep` keeps): `at` and `text`.

        Raises:
            MalformedSource: broken compression, text that is not UTF-8, or a line above 1 MB.
        """
        wanted = pl.col(TEXT) != ""
        for first, block in self._blocks():
            try:
                lines = _lines_of(block, first=first)
            except pl.exceptions.PolarsError as error:
                raise self._unreadable_text(error) from None
            yield lines.filter(wanted if keep is None else wanted & keep)

    def all_lines(self) -> pl.DataFrame:
        """Every line below the header that is not blank: `at` and `text`."""
        return pl.concat([pl.DataFrame(schema={AT: pl.UInt32, TEXT: pl.String}), *self.lines()])

    def records(self, lines: pl.DataFrame, names: Mapping[str, str]) -> Records:
        """`lines` split into the columns that `names` chose.

        Raises:
            MalformedSource: a line has another number of fields than the header, or a quote that does not close.
        """
        quoted = self.delimiter != "|" and lines[TEXT].str.contains(_QUOTED, literal=True).any()
        self._check_fields(lines, quoted=quoted)
        places = {ours: self.columns.index(name) for ours, name in names.items()}
        fields = _split(lines[TEXT], len(self.columns), self.delimiter, sorted(set(places.values())), quoted=quoted)
        text = fields.select(pl.col(f"{index}").alias(ours) for ours, index in places.items())
        return Records(self.content.name, "line", names, text.insert_column(0, lines[AT].cast(pl.Int64)))

    def check_last_line(self) -> None:
        """Refuse a file whose last line is cut off. A gzip file vouches for its own end.

        Raises:
            MalformedSource: the last line has too few fields.
        """
        if self.content.is_gzip():
            return
        with self.content.open() as stream:
            stream.seek(max(0, stream.seek(0, 2) - 2 * MAX_LINE_BYTES))
            last = stream.read().rstrip(b"\r\n").rpartition(b"\n")[2]
        text = last.decode(errors="replace")
        # A line that is too long is refused by its number when it streams.
        if len(last) <= MAX_LINE_BYTES and self._fields_of(text) < len(self.columns):
            raise self._wrong_fields("last line", text)

    @property
    def _mark(self) -> str:
        return re.escape(self.delimiter)

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Blocks of whole lines below the header, each with the number of its first line."""
        with self.content.open() as stream:
            stream.readline(_MAX_HEADER_BYTES)
            number, rest = _FIRST_DATA_LINE, b""
            while piece := stream.read(_BLOCK_BYTES):
                whole, mark, rest = (rest + piece).rpartition(b"\n")
                self._refuse_long_line(whole, first=number)
                yield number, whole + mark
                number += whole.count(b"\n") + len(mark)
                self._refuse_long_line(rest, first=number)
            yield number, rest

    def _refuse_long_line(self, block: bytes, *, first: int) -> None:
        start = 0
        while len(block) - start > MAX_LINE_BYTES:
            end = block.rfind(b"\n", start, start + MAX_LINE_BYTES + 1)
            if end < 0:
                number, shown = first + block.count(b"\n", 0, start), block[start : start + 40]
                found = f"more than {MAX_LINE_BYTES:,} bytes that begin with {shown!r}"
                raise MalformedSource(
                    self.content.name, f"line {number}", found=found, allowed=f"lines up to {MAX_LINE_BYTES:,} bytes"
                )
            start = end + 1

    def _check_fields(self, lines: pl.DataFrame, *, quoted: bool) -> None:
        width = len(self.columns)
        text = pl.col(TEXT)
        wrong = lines.filter(text.str.count_matches(self.delimiter, literal=True) != width - 1)
        if quoted:
            # Counting is fast and decides every line without quotes; only the others need the whole grammar.
            field = f'(?:{_QUOTED_FIELD}|[^"{self.delimiter}]*)'
            suspects = lines.filter(text.str.contains(_QUOTED, literal=True))
            bad = suspects.filter(~text.str.contains(f"^{field}(?:{self._mark}{field}){{{width - 1}}}$"))
            wrong = pl.concat([wrong.filter(~text.str.contains(_QUOTED, literal=True)), bad]).sort(AT)
        if not wrong.is_empty():
            raise self._wrong_fields(f"line {wrong[AT][0]}", wrong[TEXT][0])

    def _fields_of(self, line: str) -> int:
        unquoted = line if self.delimiter == "|" else re.sub(rf"(^|{self._mark})\s*{_QUOTED_FIELD}", r"\1", line)
        return unquoted.count(self.delimiter) + 1

    def _wrong_fields(self, where: str, text: str) -> MalformedSource:
        count = self._fields_of(text)
        found = f"{count} fields" if count != len(self.columns) else "a quote that opens or closes no field"
        allowed = f"{len(self.columns)} fields separated by {self.delimiter!r}, quotes closed"
        return MalformedSource(self.content.name, where, found=f"{found} ({text!r})", allowed=allowed)

    def _unreadable_text(self, error: pl.exceptions.PolarsError) -> MalformedSource:
        """The scan says that something is wrong but not where: a slow second look finds the line."""
        with self.content.open() as stream:
            for number, line in enumerate(stream, start=1):
                if fault := _fault_of(line):
                    return MalformedSource(self.content.name, f"line {number}", found=fault, allowed="text in UTF-8")
        return MalformedSource(self.content.name, "content", found=str(error), allowed="text in UTF-8, one record per line")


def open_delimited(content: Content, *, delimiters: str = "|,") -> Delimited:
    """Read the header; the delimiter is the first of `delimiters` that it holds.

    Raises:
        MalformedSource: no header, one that is not text, or an endless first line.
    """
    with content.open() as stream:
        first = stream.readline(_MAX_HEADER_BYTES)
    try:
        header = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise MalformedSource(content.name, "line 1", found=repr(first[:40]), allowed="a header in UTF-8") from None
    if not header.strip() or len(first) >= _MAX_HEADER_BYTES:
        found = f"a line of {_MAX_HEADER_BYTES:,} bytes or more" if header.strip() else "nothing"
        raise MalformedSource(content.name, "line 1", found=found, allowed="a header with column names")
    delimiter = next((mark for mark in delimiters if mark in header), delimiters[0])
    return Delimited(content, delimiter, tuple(name.strip() for name in _header_fields(content.name, header, delimiter)))


def _header_fields(source: str, header: str, delimiter: str) -> list[str]:
    if _QUOTED not in header:
        return header.split(delimiter)
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise MalformedSource(source, "line 1", found=f"{header!r} ({error})", allowed="a header with column names") from None


def _lines_of(block: bytes, *, first: int) -> pl.DataFrame:
    """The lines of `block`, numbered from `first`, behind a blank one: `at` and `text`."""
    return pl.read_csv(
        b"\n" + block,  # the reader takes bytes that begin like a compressed file for one
        separator=_NO_SEPARATOR,
        quote_char=None,
        has_header=False,
        schema={TEXT: pl.String},
        row_index_name=AT,
        row_index_offset=first - 1,
        empty_string_is_null=False,
        raise_if_empty=False,
    )


def _split(text: pl.Series, width: int, delimiter: str, places: list[int], *, quoted: bool) -> pl.DataFrame:
    """Some fields of lines whose number of fields has been checked: text columns "0", "1", ...; blank ones are null."""
    schema = {f"{index}": pl.String for index in range(width)}
    if text.is_empty():
        return pl.DataFrame(schema=schema)
    quote = _QUOTED if quoted else None
    joined = text.str.join("\n").item().encode()
    fields = pl.read_csv(joined, has_header=False, separator=delimiter, quote_char=quote, schema=schema, columns=places)
    # Machines write no blanks around their fields; people do.
    has_blanks = not joined.isascii() or any(blank in joined for blank in _BLANKS)
    trimmed = pl.all().str.strip_chars() if has_blanks else pl.all()
    if delimiter == "|" and _QUOTED.encode() in joined:
        # No pipe stands inside quotes: a field is quoted as a whole, or its quotes are letters, as FINRA publishes its names.
        whole = trimmed.str.extract(f"^{_WHOLLY_QUOTED}$").str.replace_all('""', _QUOTED, literal=True).str.strip_chars()
        trimmed = pl.when(whole.is_not_null()).then(whole).otherwise(trimmed)
    return fields.select(pl.when(trimmed != "").then(trimmed))


def _fault_of(line: bytes) -> str:
    if _NO_SEPARATOR.encode() in line:
        return f"the control character {_NO_SEPARATOR!r}"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"the byte 0x{line[error.start]:02x}"
    return ""
