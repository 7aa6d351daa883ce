"""Session places as instants: where plotly's time axis puts a session, the halves of a day, and what the axis leaves out.

Milliseconds since 1970 without a time zone, as plotly counts them. Weekends and holidays take no room on the axis.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

_DAY: Final = 86_400_000
_LAST_SECOND: Final = _DAY - 1000
_EPOCH: Final = dt.date(1970, 1, 1)


class TimeAxis:
    """The instants of a window of sessions: a session's markers stand at noon, its shading ends a second before midnight.

    An instant on a Saturday would fall into a break of the axis and vanish with all that hangs on it.
    """

    def __init__(self, sessions: Sequence[dt.date]) -> None:
        self._sessions = sessions
        self._starts = [(session - _EPOCH).days * _DAY for session in sessions]

    def start(self, place: int) -> int:
        """The first instant of a session's day."""
        return self._starts[place]

    def noon(self, place: int) -> int:
        """The middle of a session's day."""
        return self._starts[place] + _DAY // 2

    def end(self, place: int) -> int:
        """The last second of a session's day: Friday 23:59:59 for a whole week."""
        return self._starts[place] + _LAST_SECOND

    def instant(self, place: float) -> int:
        """A place between two sessions: half of the way is the one's afternoon, the other half the next one's morning."""
        session = int(place + 0.5)
        return self._starts[session] + min(round((place + 0.5 - session) * _DAY), _LAST_SECOND)

    def breaks(self) -> list[dict[str, Any]]:
        """What plotly leaves out: weekends, and the weekdays between the sessions that are none; the two never overlap."""
        first, last = self._sessions[0], self._sessions[-1]
        days = (first + dt.timedelta(days=offset) for offset in range((last - first).days + 1))
        traded = set(self._sessions)
        holidays = [day.isoformat() for day in days if day.weekday() < 5 and day not in traded]
        weekends: dict[str, Any] = {"bounds": ["sat", "mon"]}
        return [weekends, {"values": holidays}] if holidays else [weekends]


def share_of_a_day(share: float) -> int:
    """A part of a day in milliseconds."""
    return round(share * _DAY)
