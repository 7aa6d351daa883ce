"""Polygon's REST pages of the sample market: which rows a request asks for, its cursor, and rows as JSON, fast.

Ticks carry the flat files' fields (no price-weighted `vw` in bars either, so that files and answers say the same); optional
fields are absent, never null. No routes and no plans; polygon_services.py asks for pages.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Self

import polars as pl

_TICK_PARAMETERS: Final = frozenset({"timestamp", "order", "sort", "limit"}) | {
    f"timestamp.{side}" for side in ("gte", "gt", "lte", "lt")
}
_BAR_PARAMETERS: Final = frozenset({"adjusted", "sort", "limit"})
_MAX_LIMIT: Final = 50_000
_ALWAYS: Final = ("exchange", "participant_timestamp", "price", "sequence_number", "sip_timestamp", "size", "tape")
_ALWAYS_OF_QUOTES: Final = (
    "ask_exchange", "ask_price", "ask_size", "bid_exchange", "bid_price", "bid_size", "participant_timestamp",
    "sequence_number", "sip_timestamp", "tape",
)  # fmt: skip


class BadRequest(Exception):
    """A request that Polygon answers with 400; the message says why."""


@dataclass(frozen=True)
class PageRequest:
    """One page of rows in time order.

    Attributes:
        lower, upper: Nanoseconds since 1970 of ticks, the first inside, the last outside; bars ignore them.
        is_descending: Newest first.
        limit: Most rows.
        offset: Rows of the pages before.
        is_adjusted: Whether bars are adjusted for later splits.
    """

    lower: int
    upper: int
    is_descending: bool
    limit: int
    offset: int = 0
    is_adjusted: bool = False

    @classmethod
    def of_ticks(cls, query: Mapping[str, str], *, now: int) -> Self:
        """Read the parameters of /v3/trades and /v3/quotes; nothing is newer than `now` (nanoseconds).

        Raises:
            BadRequest: unknown or wrong parameters.
        """
        if "cursor" in query:
            return cls._resumed(query["cursor"])
        _check_names(query, _TICK_PARAMETERS)
        at = {side: _nanoseconds(query, f"timestamp.{side}") for side in ("gte", "gt", "lte", "lt")}
        exact = _nanoseconds(query, "timestamp")
        lower = [at["gte"], _next(at["gt"]), exact]
        upper = [at["lt"], _next(at["lte"]), _next(exact)]
        _choice(query, "sort", "timestamp", ("timestamp",))
        return cls(
            lower=max([0, *(value for value in lower if value is not None)]),
            upper=min([now + 1, *(value for value in upper if value is not None)]),
            is_descending=_choice(query, "order", "desc", ("asc", "desc")) == "desc",
            limit=_limit(query, 1000),
        )

    @classmethod
    def of_bars(cls, query: Mapping[str, str]) -> Self:
        """Read the parameters of /v2/aggs; `adjusted` is true unless it says false.

        Raises:
            BadRequest: unknown or wrong parameters.
        """
        if "cursor" in query:
            return cls._resumed(query["cursor"])
        _check_names(query, _BAR_PARAMETERS)
        is_descending = _choice(query, "sort", "asc", ("asc", "desc")) == "desc"
        is_adjusted = _choice(query, "adjusted", "true", ("true", "false")) == "true"
        return cls(0, 0, is_descending, _limit(query, 5000), is_adjusted=is_adjusted)

    @classmethod
    def _resumed(cls, cursor: str) -> Self:
        try:
            return cls(**json.loads(base64.urlsafe_b64decode(cursor)))
        except (ValueError, TypeError):
            raise BadRequest("Invalid cursor") from None

    def after(self, rows: int) -> str:
        """The cursor of the page that begins `rows` later."""
        text = json.dumps(asdict(replace(self, offset=self.offset + rows)), separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode()

    def rows_of(self, frames: Iterable[pl.DataFrame], *, most: int) -> list[pl.DataFrame]:
        """The rows of this page, up to `most`, out of `frames` that follow each other in the order asked for."""
        skipped, parts = self.offset, []
        for frame in frames:
            rows = frame.reverse() if self.is_descending else frame
            part = rows.slice(skipped, most)
            skipped = max(0, skipped - rows.height)
            most -= part.height
            parts.append(part)
            if most == 0:
                break
        return parts


def ticks_between(rows: pl.DataFrame, lower: int, upper: int) -> pl.DataFrame:
    """The rows with `lower` <= sip_timestamp < `upper` of rows in time order."""
    times = rows["sip_timestamp"]
    first = times.search_sorted(lower, side="left")
    return rows.slice(first, times.search_sorted(upper, side="left") - first)


def trades_json(rows: pl.DataFrame) -> bytes:
    """The `results` of trades: conditions as a list; correction, trf_id and trf_timestamp only where they say something."""
    optional = [_member(name, _spoken(name)) for name in ("correction", "trf_id", "trf_timestamp")]
    members = [_member(name, pl.col(name)) for name in _ALWAYS]
    identity = _member("id", pl.concat_str(pl.lit('"'), "id", pl.lit('"')))
    return _array(rows, [identity, *members, _conditions(), *optional])


def quotes_json(rows: pl.DataFrame) -> bytes:
    """The `results` of quotes: a one-sided quote has the price 0 on its other side."""
    return _array(rows, [*(_member(name, pl.col(name)) for name in _ALWAYS_OF_QUOTES), _conditions()])


def bars_json(rows: pl.DataFrame) -> bytes:
    """The `results` of bars, one member per column; T is a text."""
    quoted = pl.concat_str(pl.lit('"'), "T", pl.lit('"')) if "T" in rows.columns else pl.lit("")
    return _array(rows, [_member(name, quoted if name == "T" else pl.col(name)) for name in rows.columns])


def _array(rows: pl.DataFrame, members: list[pl.Expr]) -> bytes:
    """A JSON array of one object per row; a member that is null is left out. The first member must always be there."""
    if rows.is_empty():
        return b"[]"
    separated = [member if at == 0 else pl.concat_str(pl.lit(","), member) for at, member in enumerate(members)]
    whole = pl.concat_str(pl.lit("{"), *separated, pl.lit("}"), ignore_nulls=True)
    return b"[" + rows.select(whole.str.join(",")).item().encode() + b"]"


def _member(name: str, value: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f'"{name}":'), value.cast(pl.String))


def _conditions() -> pl.Expr:
    return _member("conditions", pl.concat_str(pl.lit("["), "conditions", pl.lit("]")))


def _spoken(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != 0).then(pl.col(name))


def _check_names(query: Mapping[str, str], known: frozenset[str]) -> None:
    if unknown := sorted(set(query) - known):
        raise BadRequest(f"Unknown parameter: {', '.join(unknown)}")


def _next(instant: int | None) -> int | None:
    return None if instant is None else instant + 1


def _nanoseconds(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise BadRequest(f"Could not parse {name}: nanoseconds are needed")
    return int(text)


def _choice(query: Mapping[str, str], name: str, usual: str, allowed: tuple[str, ...]) -> str:
    value = query.get(name, usual)
    if value not in allowed:
        raise BadRequest(f"{name} must be one of {', '.join(allowed)}")
    return value


def _limit(query: Mapping[str, str], usual: int) -> int:
    text = query.get("limit", str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_LIMIT:
        raise BadRequest(f"limit must be from 1 to {_MAX_LIMIT}")
    return int(text)
