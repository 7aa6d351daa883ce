"""Coverage over time, and FINRA's weeks on their way from PRE_OTC to OTC_ANCHORED, as pictures for a notebook.

Turns frames of coverage_history into strips and words; no rule, no file and no script. Every picture ends with the
disclaimer.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from darkpool_assets import market_calendar
from darkpool_assets.rendering.display_text import counted
from darkpool_assets.rendering.html_page import escaped
from darkpool_assets.rendering.site.site_model import Gate
from darkpool_assets.rendering.strip_chart import Part, Strip, strip_chart
from darkpool_assets.rendering.theme import LIGHT, mix
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, ClassificationMethod, OtcStatus

_STRIPS: Final[Mapping[str, tuple[str, Part]]] = {
    "lit_pct": ("Lit direction", Part("has_lit", LIGHT.soft)),
    "short_pct": ("Short volume", Part("has_short", LIGHT.soft)),
    "price_pct": ("Price", Part("has_price", LIGHT.soft)),
    "otc_pct": ("An OTC week in reach", Part("has_otc", LIGHT.soft)),
    "anchored_pct": ("Own OTC week", Part("OTC_ANCHORED", LIGHT.anchored_ink)),
}
_METHODS: Final = (
    Part(ClassificationMethod.NBBO, LIGHT.ink),
    Part(ClassificationMethod.MIXED, mix(LIGHT.ink, LIGHT.page, 0.55)),
    Part(ClassificationMethod.TICK, mix(LIGHT.ink, LIGHT.page, 0.28)),
    Part(ClassificationMethod.BVC, LIGHT.soft, hatched=True),
    Part(ClassificationMethod.NONE, LIGHT.page),
)
_GATES: Final = (
    Part(Gate.OPEN, mix(LIGHT.ink, LIGHT.page, 0.2)),
    Part(Gate.CLOSED, LIGHT.ink, mark="×"),
    Part(Gate.NOT_JUDGED, LIGHT.page),
)
_STATUSES: Final = (
    Part(OtcStatus.ANCHORED, LIGHT.anchored_ink),
    Part(OtcStatus.NOT_YET_PUBLISHED, LIGHT.caution_ink, hatched=True),
    Part(OtcStatus.OVERDUE, LIGHT.caution_ink),
    Part(OtcStatus.NO_COVERAGE, LIGHT.page),
)
_NOTHING: Final = "<p>No session is stored.</p>"
_WEEK: Final = dt.timedelta(weeks=1)

Row = Mapping[str, Any]
Rows = Sequence[Row | None]


def coverage_picture(coverage: pl.DataFrame, *, sample_data: bool = False) -> str:
    """Coverage of every session from the first stored one to the last as strips; a session that is not stored is a gap.

    Args:
        coverage: Rows of coverage_over_time.
        sample_data: Whether the numbers are invented, which is then said.
    """
    if coverage.is_empty():
        return _figure(_NOTHING, "", sample_data=sample_data)
    stored = {row["session"]: row for row in coverage.iter_rows(named=True)}
    places = market_calendar.sessions_between(min(stored), max(stored))
    rows = [stored.get(place) for place in places]
    strips = [_share_strip(label, part, column, rows) for column, (label, part) in _STRIPS.items()]
    strips.append(_counted_strip("Direction inferred by", _METHODS, "configured", rows))
    strips.append(_gate_strip(rows))
    missing = len(places) - len(stored)
    gaps = f"; {counted(missing, 'session')} between them not stored" if missing else ""
    span = f"{counted(len(stored), 'stored session')}, {places[0]} to {places[-1]}{gaps}"
    caption = f"{span}. Height: share of the configured tickers."
    return _picture("Coverage over time", strips, places, caption, sample_data=sample_data)


def weeks_picture(weeks: pl.DataFrame, *, sample_data: bool = False) -> str:
    """The otc_status of each FINRA week's rows as one strip; a week without a stored session is a gap.

    Args:
        weeks: Rows of weeks_over_time.
        sample_data: Whether the numbers are invented, which is then said.
    """
    if weeks.is_empty():
        return _figure(_NOTHING, "", sample_data=sample_data)
    stored = {row["week"]: row for row in weeks.iter_rows(named=True)}
    first, last = min(stored), max(stored)
    places = [first + place * _WEEK for place in range((last - first).days // 7 + 1)]
    strip = _counted_strip("Rows of the week", _STATUSES, "rows", [stored.get(place) for place in places])
    caption = f"{counted(len(stored), 'FINRA week')} with stored sessions, by Monday. Height: share of the week's rows."
    return _picture("FINRA weeks", [strip], places, caption, sample_data=sample_data)


def _picture(title: str, strips: list[Strip], places: Sequence[dt.date], caption: str, *, sample_data: bool) -> str:
    drawn = strip_chart(strips, places=[str(place) for place in places], spoken=f"{title}. {caption}")
    return _figure(drawn, caption, sample_data=sample_data)


def _figure(drawn: str, caption: str, *, sample_data: bool) -> str:
    sample = f"<b>{SAMPLE_DATA_NOTICE}.</b> " if sample_data else ""
    style = f"margin:0;padding:8px;max-width:960px;background:{LIGHT.page};color:{LIGHT.ink};font:12px sans-serif"
    words = f"<figcaption>{sample}{escaped(caption)}<br>{escaped(DISCLAIMER)}</figcaption>"
    return f'<figure style="{style}">\n{drawn}\n{words}\n</figure>'


def _share_strip(label: str, part: Part, column: str, rows: Rows) -> Strip:
    def told(row: Row) -> str:
        return f"{part.name} {row[column]:.0f}% of {counted(row['configured'], 'ticker')}"

    newest = "" if rows[-1] is None else f"{rows[-1][column]:.0f}%"
    return _strip(label, (part,), rows, shares=lambda row: (row[column] / 100,), told=told, newest=newest)


def _counted_strip(label: str, parts: tuple[Part, ...], whole: str, rows: Rows) -> Strip:
    def shares(row: Row) -> tuple[float, ...]:
        return tuple(row[part.name] / max(row[whole], 1) for part in parts)

    def told(row: Row) -> str:
        return ", ".join(f"{row[part.name]} {part.name}" for part in parts if row[part.name])

    return _strip(label, parts, rows, shares=shares, told=told)


def _gate_strip(rows: Rows) -> Strip:
    return _strip(
        "Phase C gate",
        _GATES,
        rows,
        shares=lambda row: tuple(float(row["gate"] == part.name) for part in _GATES),
        told=lambda row: row["gate"],
    )


def _strip(
    label: str,
    parts: tuple[Part, ...],
    rows: Rows,
    *,
    shares: Callable[[Row], tuple[float, ...]],
    told: Callable[[Row], str],
    newest: str = "",
) -> Strip:
    return Strip(
        label=label,
        parts=parts,
        shares=[None if row is None else shares(row) for row in rows],
        told=["" if row is None else told(row) for row in rows],
        newest=newest,
    )
