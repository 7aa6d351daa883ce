"""Coverage and weeks as pictures: every strip says what its frame says, and the disclaimer stands beneath."""

import datetime as dt
import re

import polars as pl
import pytest

from darkpool_assets.rendering.coverage_picture import coverage_picture, weeks_picture
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, OtcStatus

MONDAY = dt.date(2025, 12, 8)
METHODS = {"NBBO": 16, "MIXED": 0, "TICK": 0, "BVC": 0, "NONE": 0}


def session(day: dt.date, **changes: object) -> dict[str, object]:
    """A session that covers everything."""
    shares = dict.fromkeys(("lit_pct", "short_pct", "price_pct", "otc_pct", "anchored_pct"), 100.0)
    return {"session": day, "configured": 16, **shares, "gate": "OPEN", **METHODS, **changes}


def week(monday: dt.date, **counts: int) -> dict[str, object]:
    """A week of ten rows."""
    return {"week": monday, "rows": 10, **{status.value: counts.get(status.value, 0) for status in OtcStatus}}


def told(picture: str) -> list[str]:
    """What a pointer reads."""
    return re.findall(r"<title>([^<]+)</title>", picture)


def test_every_strip_tells_its_share_of_the_tickers():
    picture = coverage_picture(pl.DataFrame([session(MONDAY, lit_pct=93.75, anchored_pct=0.0, NBBO=13, BVC=3, gate="CLOSED")]))
    assert told(picture) == [
        "2025-12-08: has_lit 94% of 16 tickers",
        "2025-12-08: has_short 100% of 16 tickers",
        "2025-12-08: has_price 100% of 16 tickers",
        "2025-12-08: has_otc 100% of 16 tickers",
        "2025-12-08: OTC_ANCHORED 0% of 16 tickers",
        "2025-12-08: 13 NBBO, 3 BVC",
        "2025-12-08: CLOSED",
    ]


def test_a_session_that_is_not_stored_is_a_gap_and_counted():
    picture = coverage_picture(pl.DataFrame([session(MONDAY), session(MONDAY + dt.timedelta(days=3))]))
    assert "2 stored sessions, 2025-12-08 to 2025-12-11; 2 sessions between them not stored" in picture
    assert "2025-12-08: OPEN" in told(picture)
    assert "2025-12-11: OPEN" in told(picture)


def test_a_weekend_is_no_gap():
    picture = coverage_picture(pl.DataFrame([session(dt.date(2025, 12, 12)), session(dt.date(2025, 12, 15))]))
    assert "2025-12-12 to 2025-12-15: OPEN" in told(picture)
    assert "not stored" not in picture


def test_a_week_tells_how_its_rows_stand():
    later = MONDAY + dt.timedelta(weeks=2)
    picture = weeks_picture(pl.DataFrame([week(MONDAY, ANCHORED=8, OVERDUE=2), week(later, NOT_YET_PUBLISHED=10)]))
    assert told(picture) == ["2025-12-08: 8 ANCHORED, 2 OVERDUE", "2025-12-22: 10 NOT_YET_PUBLISHED"]


@pytest.mark.parametrize(
    ("draw", "row"), [(coverage_picture, session(MONDAY)), (weeks_picture, week(MONDAY, ANCHORED=10))], ids=["coverage", "weeks"]
)
def test_every_picture_carries_the_disclaimer_and_says_when_it_is_a_sample(draw, row):
    frame = pl.DataFrame([row])
    for one in (frame, frame.clear()):
        assert DISCLAIMER in draw(one)
        assert SAMPLE_DATA_NOTICE not in draw(one)
        assert SAMPLE_DATA_NOTICE in draw(one, sample_data=True)


def test_nothing_stored_is_said():
    assert "No session is stored." in coverage_picture(pl.DataFrame([session(MONDAY)]).clear())
    assert "No session is stored." in weeks_picture(pl.DataFrame([week(MONDAY)]).clear())
