"""JSON bodies, as APIs answer and people save them: a list of objects, or an object whose `results` is that list.

Numbers keep the text that they were written in, so that they are typed by the same strict rules as a text file's. An answer
with pages left, and one that tells of an error, is refused here; types and meaning come next, in records.py and the readers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from darkpool_assets.sources.content import Content
from darkpool_assets.sources.errors import BrokenContent, MalformedSource
from darkpool_assets.sources.records import AT, Aliases, Records, choose_columns

GOOD_STATUSES: Final = ("OK", "DELAYED")


@dataclass(frozen=True)
class JsonRows:
    """The rows of one JSON body, and what the body says beside them (empty for a bare list)."""

    source: str
    rows: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]

    def require_answer(self) -> None:
        """Refuse a bare list without rows, which no service sends for want of rows.

        Raises:
            MalformedSource: neither a row nor an object around them.
        """
        if not self.rows and not self.body:
            raise MalformedSource(self.source, "body", found="no row", allowed="at least one row")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every key that a row holds, in order of appearance: APIs leave out keys without a value."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row))

    def choose(self, aliases: Aliases, *, required: tuple[str, ...]) -> dict[str, str]:
        """Our column name -> the body's; see choose_columns."""
        return choose_columns(self.columns, aliases, required=required, source=self.source, where="rows")

    def records(self, names: Mapping[str, str]) -> Records:
        """The rows with the columns that `names` chose; `at` counts rows from 1.

        Raises:
            MalformedSource: a value is an object or a list of lists, or its text is not Unicode.
        """
        places = pl.Series(AT, range(1, len(self.rows) + 1), dtype=pl.Int64)
        columns = [self._column(name).alias(ours) for ours, name in names.items()]
        return Records(self.source, "row", names, pl.DataFrame([places, *columns]))

    def _column(self, name: str) -> pl.Series:
        texts = [self._text(row.get(name), number, name) for number, row in enumerate(self.rows, start=1)]
        try:
            return pl.Series(name, texts, dtype=pl.String)
        except UnicodeEncodeError:
            # Half of a character pair: no letter of any text, which the columns' kinds refuse by row.
            whole = [text and text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
            return pl.Series(name, whole, dtype=pl.String)

    def _text(self, value: object, number: int, name: str) -> str | None:
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return ",".join(value).strip() or None
        if isinstance(value, bool):
            return str(value).lower()
        if value is None or isinstance(value, str):
            return (value or "").strip() or None
        raise MalformedSource(self.source, f"row {number}, column {name}", found=json.dumps(value), allowed="a plain value")


def read_json_rows(content: Content) -> JsonRows:
    """The rows of a JSON file or body; an answer whose status is good and that has no `results` holds none.

    Raises:
        BrokenContent: not JSON.
        MalformedSource: not rows of objects, the answer of an error, or one whose `next_url` says that more follows.
    """
    document = _parse(content)
    body = document if isinstance(document, dict) else {}
    rows = _results(body) if body else document
    if not isinstance(rows, list):
        shown = _said(body) or type(document).__name__
        raise MalformedSource(content.name, "body", found=shown, allowed="a list of rows, or an object whose results is one")
    if body.get("next_url"):
        raise MalformedSource(content.name, "next_url", found="one page of several", allowed="all pages, none left to fetch")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise MalformedSource(content.name, f"row {number}", found=repr(row), allowed="an object with column names")
    check_status(content.name, body, may_be_absent=True)
    return JsonRows(content.name, rows, body)


def check_status(source: str, body: Mapping[str, Any], *, may_be_absent: bool = False) -> None:
    """Refuse an answer whose status tells of an error.

    Raises:
        MalformedSource: another status than OK or DELAYED.
    """
    if body.get("status") not in GOOD_STATUSES and not (may_be_absent and "status" not in body):
        raise MalformedSource(source, "status", found=_said(body), allowed=" or ".join(GOOD_STATUSES))


def _results(body: Mapping[str, Any]) -> object:
    """The answer's results; an answer to a question without rows leaves them out."""
    if body.get("results") is None and body.get("status") in GOOD_STATUSES:
        return []
    return body.get("results")


def _said(body: Mapping[str, Any]) -> object:
    """What an answer says in words, in place of rows."""
    return {key: value for key, value in body.items() if isinstance(value, str)}


def _parse(content: Content) -> object:
    # Numbers stay text: no digit of a nanosecond timestamp is lost, and 1e400 or NaN meet the same checks as in a CSV.
    try:
        return json.loads(content.whole().decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        place, found = f"line {error.lineno}, column {error.colno}", f"{error.doc[error.pos : error.pos + 40]!r} ({error.msg})"
        raise BrokenContent(content.name, place, found=found, allowed="JSON") from None
    except UnicodeDecodeError as error:
        found = f"the byte 0x{error.object[error.start]:02x}"
        raise BrokenContent(content.name, f"byte {error.start}", found=found, allowed="JSON in UTF-8") from None
    except RecursionError:
        raise MalformedSource(content.name, "body", found="endless nesting", allowed="a list of rows") from None
