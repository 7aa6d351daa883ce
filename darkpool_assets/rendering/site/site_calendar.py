"""The calendar of stored sessions: a table per month, newest first, Monday to Friday, days without trading greyed.

Each stored session says its gate and how many symbols lean which way, in shapes and in words. Where a day leads to is
decided by the page that holds the calendar.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from darkpool_assets import market_calendar
from darkpool_assets.rendering.display_text import day_text
from darkpool_assets.rendering.html_page import icon_markup
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.site.site_model import Gate, StoredSession
from darkpool_assets.vocabulary import FinalLabel

MONTHS_OPEN: Final = 6
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri")
_SIDES: Final[Mapping[str, tuple[Icon, tuple[FinalLabel, ...]]]] = {
    "accumulation": (Icon.UP, (FinalLabel.INFERRED_ACCUMULATION, FinalLabel.LEAN_ACCUMULATION)),
    "distribution": (Icon.DOWN, (FinalLabel.INFERRED_DISTRIBUTION, FinalLabel.LEAN_DISTRIBUTION)),
    "neutral": (Icon.DOT, (FinalLabel.NEUTRAL,)),
    "without a side": (Icon.EMPTY, (FinalLabel.UNSTABLE, FinalLabel.INSUFFICIENT)),
}
_WITHOUT_LABELS: Final = {Gate.OPEN: "no composite", Gate.CLOSED: "gate closed", Gate.NOT_JUDGED: "not judged"}


def calendar(sessions: Sequence[StoredSession], *, addresses: Mapping[dt.date, str]) -> str:
    """Every month from the first to the last stored session; older months are folded by year.

    Args:
        sessions: What is stored, each day once.
        addresses: Where a day leads to; a day that is not in it has no link.
    """
    stored = {session.day: session for session in sessions}
    if not stored:
        return "<p>No session is stored.</p>"
    months = list(_months(min(stored), max(stored)))
    tables = {month: _month(month, stored, addresses) for month in months}
    newest = _grid(tables[month] for month in months[:MONTHS_OPEN])
    folded = (
        f"<details><summary>{'Earlier in ' if year == months[0].year else ''}{year}</summary>\n"
        f"{_grid(tables[month] for month in of_year)}\n</details>"
        for year, of_year in groupby(months[MONTHS_OPEN:], key=lambda month: month.year)
    )
    return "\n".join((newest, *folded))


def calendar_key() -> str:
    """What the shapes in the calendar count."""
    words = {"without a side": "unstable or insufficient"}
    shapes = "".join(f"<li>{_shape(side)}{words.get(side, side)}</li>" for side in _SIDES)
    return f'<ul class="legend">{shapes}<li>symbols each, leaning ones counted in</li></ul>'


def _months(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    """The first days of the months from `last` back to `first`."""
    month = last.replace(day=1)
    while month >= first.replace(day=1):
        yield month
        month = (month - dt.timedelta(days=1)).replace(day=1)


def _grid(tables: Iterable[str]) -> str:
    return f'<div class="months">{"".join(tables)}</div>'


def _month(month: dt.date, stored: Mapping[dt.date, StoredSession], addresses: Mapping[dt.date, str]) -> str:
    names = "".join(f'<th scope="col">{name}</th>' for name in _WEEKDAYS)
    monday = market_calendar.week_of(month)
    weeks = []
    while monday.replace(day=1) <= month:
        days = [monday + dt.timedelta(days=place) for place in range(len(_WEEKDAYS))]
        if any(day.month == month.month for day in days):
            weeks.append("<tr>" + "".join(_day(day, month, stored, addresses) for day in days) + "</tr>")
        monday += dt.timedelta(weeks=1)
    caption = " ".join(day_text(month).split()[1:])
    head, body = f"<thead><tr>{names}</tr></thead>", f"<tbody>{''.join(weeks)}</tbody>"
    return f'<table class="month"><caption>{caption}</caption>{head}{body}</table>'


def _day(day: dt.date, month: dt.date, stored: Mapping[dt.date, StoredSession], addresses: Mapping[dt.date, str]) -> str:
    if day.month != month.month:
        return "<td></td>"
    if not market_calendar.is_session(day):
        return f'<td class="no-session"><b>{day.day}</b><small>closed</small></td>'
    session = stored.get(day)
    if session is None:
        return f'<td class="not-stored"><b>{day.day}</b></td>'
    words = f"<b>{day.day}</b>{_labels(session)}"
    linked = f'<a href="{addresses[day]}">{words}</a>' if day in addresses else f"<span>{words}</span>"
    return f'<td class="stored {session.gate.lower().replace("_", "-")}">{linked}</td>'


def _labels(session: StoredSession) -> str:
    counts = {side: sum(session.labels.get(label, 0) for label in labels) for side, (_, labels) in _SIDES.items()}
    if session.gate is Gate.CLOSED or not any(counts.values()):
        icon = icon_markup(Icon.EMPTY) if session.gate is Gate.CLOSED else ""
        return f"<small>{icon}{_WITHOUT_LABELS[session.gate]}</small>"
    shown = (f'<i>{_shape(side)}{count}<span class="quiet"> {side}</span></i>' for side, count in counts.items() if count)
    return f"<small>{' '.join(shown)}</small>"


def _shape(side: str) -> str:
    return f'<span class="{side.replace(" ", "-")}">{icon_markup(_SIDES[side][0])}</span>'
