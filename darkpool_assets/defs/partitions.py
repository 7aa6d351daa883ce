"""The partitions of every asset: NYSE sessions, tonight's included.

Weekends are left out by a cron string and holidays by date, so that the keys are the calendar's sessions exactly.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from darkpool_assets import market_calendar
from darkpool_assets.settings import load_settings

_WEEKENDS = "0 0 * * 6,0"


def trading_day_partitions(start: dt.date) -> dg.DailyPartitionsDefinition:
    """One partition per NYSE session from `start` up to tonight's."""
    zone = ZoneInfo(market_calendar.NEW_YORK)
    holidays = market_calendar.closed_weekdays(start, market_calendar.last_calendar_day())
    return dg.DailyPartitionsDefinition(
        start_date=start.isoformat(),
        timezone=market_calendar.NEW_YORK,
        end_offset=1,
        exclusions=[_WEEKENDS, *(dt.datetime.combine(day, dt.time(0), zone) for day in holidays)],
    )


trading_days = trading_day_partitions(load_settings().partitions_start)
