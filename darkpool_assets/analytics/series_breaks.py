"""The dates on which a published series changed its meaning, as data; later ones are added here.

A z-score whose window holds such a date compares numbers of two meanings; rule 15 says so.
"""

import datetime as dt
from typing import Final, NamedTuple


class SeriesBreak(NamedTuple):
    """One change: the first session under the new meaning, and what changed."""

    since: dt.date
    what: str


SERIES_BREAKS: Final = (
    SeriesBreak(dt.date(2025, 11, 3), "round lots depend on the price"),
    SeriesBreak(dt.date(2026, 2, 23), "shares are reported with fractions"),
    SeriesBreak(dt.date(2026, 3, 30), "the reporting facilities open at 04:00"),
)
