"""Which stored rows a day's metrics rest on: the look-back of each feed, read from the warehouse.

Shared by the derived assets and by the gate, so that what is recomputed rests on what was computed from.
"""

import datetime as dt
from collections.abc import Sequence

from darkpool_assets import market_calendar
from darkpool_assets.analytics.daily_metrics import MetricInputs
from darkpool_assets.analytics.symbol_spelling import spellings_of
from darkpool_assets.warehouse import Warehouse


def look_back(day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last date whose cheap feeds bear on `day`: the look-back before it, to the end of its week."""
    return market_calendar.sessions_before(day, market_calendar.MIN_LOOK_BACK_SESSIONS)[0], market_calendar.week_of(
        day
    ) + dt.timedelta(days=6)


def read_metric_inputs(warehouse: Warehouse, day: dt.date, *, symbols: Sequence[str], inference_version: str) -> MetricInputs:
    """What is stored for `symbols` (in either spelling) on `day`, its look-back and its week."""
    first, last = look_back(day)
    spellings = spellings_of(symbols)
    polygon = spellings["polygon_symbol"].to_list()
    weeks = market_calendar.otc_weeks_in_reach(day)
    return MetricInputs(
        lit=warehouse.read_window("lit_direction_daily", first, day, symbols=list(symbols), inference_version=inference_version),
        short_rows=warehouse.read_newest_short_rows(first, last, symbols=spellings["reg_sho_symbol"].to_list()),
        short_sources=warehouse.read_short_sources(first, last),
        aggs=warehouse.read_window("polygon_daily_agg_raw", first, last, symbols=polygon),
        otc_rows=warehouse.read_window("finra_otc_weekly_raw", weeks[0], weeks[-1], symbols=polygon),
    )
