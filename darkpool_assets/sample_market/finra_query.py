"""The Query API's request language: what a request asks for, which rows match, and which page of them goes out.

It behaves as the service was seen to: domainFilters without `values` and orFilters count for nothing, and the first rows in
alphabetical order come back. No dataset lives here; finra_datasets.py brings the rows.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from darkpool_assets.sample_market.http_messages import Request

MAX_LIMIT: Final = 5000
_DEFAULT_LIMIT: Final = 1000
_MAX_OFFSET: Final = 500_000
_FILTERS: Final = ("compareFilters", "domainFilters", "dateRangeFilters")
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "EQUAL": lambda value, wanted: value == wanted,
    "NOT_EQUAL": lambda value, wanted: value != wanted,
    "GREATER": lambda value, wanted: value > wanted,
    "LESSER": lambda value, wanted: value < wanted,
    "GTE": lambda value, wanted: value >= wanted,
    "LTE": lambda value, wanted: value <= wanted,
}

Row = Mapping[str, Any]


class BadQuery(Exception):
    """A request that the service answers with 400; the message says why."""


@dataclass(frozen=True)
class Filter:
    """One condition on one field: a comparison's name, DOMAIN or RANGE, and the values it compares with."""

    field: str
    kind: str
    values: tuple[Any, ...]

    def admits(self, row: Row) -> bool:
        """Whether `row` meets the condition; a null meets NOT_EQUAL and nothing else."""
        value = row[self.field]
        if value is None:
            return self.kind == "NOT_EQUAL"
        wanted = [_alike(value, other) for other in self.values]
        if self.kind == "DOMAIN":
            return value in wanted
        if None in wanted:
            return self.kind == "NOT_EQUAL"
        if self.kind == "RANGE":
            return bool(wanted[0] <= value <= wanted[1])
        return _COMPARISONS[self.kind](value, wanted[0])


@dataclass(frozen=True)
class Query:
    """What one request asks for.

    Attributes:
        fields: Fields to answer, in this order; empty: all.
        filters: Conditions that all hold; what the service ignores is not among them.
        sort_fields: Names, each with an optional + or - in front.
        is_partly_ignored: Whether the service ignored a filter, and answers in alphabetical order.
    """

    limit: int
    offset: int
    fields: tuple[str, ...]
    filters: tuple[Filter, ...]
    sort_fields: tuple[str, ...]
    is_partly_ignored: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read a POST's body or a GET's parameters.

        Raises:
            BadQuery: it breaks the form or a limit.
        """
        asked = _posted(request.body) if request.method == "POST" else _parameters(request.query)
        parts = {name: _objects(asked, name) for name in _FILTERS}
        domains = [part for part in parts["domainFilters"] if isinstance(part.get("values"), list)]
        filters = [
            *(Filter(_text(part, "fieldName"), _comparison(part), (_value(part),)) for part in parts["compareFilters"]),
            *(Filter(_text(part, "fieldName"), "DOMAIN", tuple(part["values"])) for part in domains),
            *(Filter(_text(part, "fieldName"), "RANGE", _range(part)) for part in parts["dateRangeFilters"]),
        ]
        return cls(
            limit=_whole(asked, "limit", _DEFAULT_LIMIT, lowest=1, highest=MAX_LIMIT),
            offset=_whole(asked, "offset", 0, lowest=0, highest=_MAX_OFFSET),
            fields=_names(asked, "fields"),
            filters=tuple(filters),
            sort_fields=_names(asked, "sortFields"),
            is_partly_ignored=len(domains) < len(parts["domainFilters"]) or bool(asked.get("orFilters")),
        )

    def check_fields(self, known: Collection[str]) -> None:
        """Refuse names that are not `known`.

        Raises:
            BadQuery: naming them.
        """
        used = [*self.fields, *(part.field for part in self.filters), *(name.lstrip("+-") for name in self.sort_fields)]
        if unknown := sorted(set(used) - set(known)):
            raise BadQuery(f"Invalid field name(s): {', '.join(unknown)}")

    def pinned(self, field: str) -> set[str]:
        """The values of `field` that EQUAL filters ask for; empty: no such filter."""
        return {str(part.values[0]) for part in self.filters if part.field == field and part.kind == "EQUAL"}

    def matching(self, rows: Iterable[Row], *, alphabet: str) -> list[Row]:
        """The rows that meet every filter, in the answer's order; `alphabet` is the field that the alphabetical order reads."""
        found = [row for row in rows if all(part.admits(row) for part in self.filters)]
        if self.is_partly_ignored and not self.sort_fields:
            return sorted(found, key=lambda row: str(row[alphabet]))
        for name in reversed(self.sort_fields):
            field = name.lstrip("+-")
            found.sort(key=lambda row: _sort_key(row[field]), reverse=name.startswith("-"))
        return found


def _posted(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body) if body.strip() else {}
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise BadQuery("Unable to parse request body.")
    return asked


def _parameters(query: Mapping[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {name: query[name] for name in ("limit", "offset") if name in query}
    for name in (*_FILTERS, "orFilters", "fields", "sortFields"):
        if name in query:
            asked[name] = _parameter(name, query[name])
    return asked


def _parameter(name: str, text: str) -> Any:
    """A parameter as JSON; names of fields may also come as a comma list."""
    if name in {"fields", "sortFields"} and not text.startswith("["):
        return text.split(",")
    try:
        return json.loads(text)
    except ValueError:
        raise BadQuery(f"Unable to parse parameter {name}.") from None


def _objects(asked: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    parts = asked.get(name) or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise BadQuery(f"Unable to parse {name}.")
    return parts


def _names(asked: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = asked.get(name) or []
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise BadQuery(f"Unable to parse {name}.")
    return tuple(one.strip() for one in names)


def _whole(asked: Mapping[str, Any], name: str, usual: int, *, lowest: int, highest: int) -> int:
    try:
        number = int(asked.get(name, usual))
    except (TypeError, ValueError):
        raise BadQuery(f"Invalid {name}.") from None
    if not lowest <= number <= highest:
        raise BadQuery(f"Invalid {name}: {number}. It must be from {lowest} to {highest}.")
    return number


def _text(part: Mapping[str, Any], name: str) -> str:
    text = part.get(name)
    if not isinstance(text, str) or not text:
        raise BadQuery(f"A filter has no {name}.")
    return text


def _comparison(part: Mapping[str, Any]) -> str:
    name = _text(part, "compareType").upper()
    if name not in _COMPARISONS:
        raise BadQuery(f"Invalid compareType: {name}.")
    return name


def _value(part: Mapping[str, Any]) -> Any:
    if not isinstance(part.get("fieldValue"), str | int | float):
        raise BadQuery("A compare filter has no fieldValue.")
    return part["fieldValue"]


def _range(part: Mapping[str, Any]) -> tuple[str, str]:
    return _text(part, "startDate")[:10], _text(part, "endDate")[:10]


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (True, 0) if value is None else (False, value)


def _alike(value: Any, other: Any) -> Any:
    """`other` as the type of `value`; None where it cannot be one."""
    if isinstance(value, str):
        return str(other)
    try:
        return float(other)
    except (TypeError, ValueError):
        return None
