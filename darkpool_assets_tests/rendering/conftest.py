"""Invented stored rows, and the table made of them."""

import datetime as dt

import polars as pl
import pytest

from darkpool_assets.rendering.daily_table.daily_table import build_daily_table
from darkpool_assets.tables import DAILY_METRICS, INDEX_CONSTITUENT_SHORT_AGG_DAILY

DAY = dt.date(2025, 12, 24)
SESSIONS = [dt.date(2025, 12, day) for day in (18, 19, 22, 23, 24)]
OTC_OF_THE_DAY = ("otc_alloc_volume", "otc_alloc_basis", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate")
ANCHORED = {
    "date": DAY,
    "symbol": "SPY",
    "log_buy_sell": 0.1712,
    "log_buy_sell_z": 1.234,
    "lit_buy_volume": 8_070_000.0,
    "lit_sell_volume": 6_800_000.0,
    "lit_buy_ratio": 0.5427,
    "lit_coverage_pct": 97.6,
    "classification_method": "NBBO",
    "direction_stable": True,
    "short_volume": 4.0e6,
    "short_exempt_volume": 1.0e4,
    "short_total_volume": 9.0e6,
    "short_ratio": 0.4456,
    "short_ratio_z": -1.6,
    "short_volume_ratio": 0.4444,
    "short_ratio_numerator_type": "SHORT_PLUS_EXEMPT",
    "short_ratio_denominator_type": "FINRA_TOTAL",
    "short_ratio_denominator_value": 9.0e6,
    "short_ratio_source": "CNMS",
    "close": 242.0151,
    "volume": 3.0e7,
    "return_1d": -0.01574,
    "return_z": -0.512,
    "range_pct": 1.849,
    "otc_off_exchange_volume": 28_090_000.0,
    "otc_week_used": dt.date(2025, 12, 22),
    "otc_published_date": dt.date(2026, 1, 12),
    "otc_status": "ANCHORED",
    "otc_alloc_volume": 5_600_000.0,
    "otc_alloc_basis": "FINRA_DAILY",
    "otc_buy_volume": 3_039_000.0,
    "otc_sell_volume": 2_561_000.0,
    "otc_participation_rate": 0.3821,
    "data_quality": "OTC_ANCHORED",
    "has_otc": True,
    "has_short": True,
    "has_lit": True,
    "has_price": True,
    "pressure_context_label": "LOW_SHORT_SELL_OFF",
    "inference_version": "PhaseA_v1",
    "as_of": DAY,
}
BARE = {
    "date": DAY,
    "symbol": "ZZZ",
    "otc_status": "NO_COVERAGE",
    "data_quality": "PRE_OTC",
    "has_otc": False,
    "has_short": False,
    "has_lit": False,
    "has_price": False,
    "pressure_context_label": "NEUTRAL",
    "inference_version": "PhaseA_v1",
    "as_of": DAY,
}
INDEX = {
    "index_symbol": "SPX_SAMPLE",
    "trade_date": DAY,
    "total_short_volume": 1.2e9,
    "total_denominator_volume": 2.6e9,
    "denominator_type": "FINRA_TOTAL",
    "agg_short_ratio": 0.46128,
    "agg_short_ratio_z": 1.37,
    "dollar_weighted_short_ratio": 0.4388,
    "dollar_weighted_short_ratio_z": -0.4,
    "coverage_count": 97,
    "expected_constituent_count": 100,
    "coverage_pct": 97.0,
    "priced_count": 96,
    "index_price_symbol": "SPY",
    "index_price_source": "PROXY",
    "index_return": 0.0032,
    "index_return_z": 0.61,
    "interpretation_label": "SHORT_INTO_STRENGTH",
    "data_quality": "PRE_OTC",
    "constituents_list_date": dt.date(2025, 9, 30),
    "inference_version": "PhaseA_v1",
    "as_of": DAY,
}


def metrics_frame(rows):
    return pl.DataFrame(list(rows), schema=DAILY_METRICS.schema)


def history_frame(values):
    """symbol -> one (close, log_buy_sell) per session; None where the session has no row."""
    rows = [
        (session, symbol, *pair)
        for symbol, pairs in values.items()
        for session, pair in zip(SESSIONS, pairs, strict=True)
        if pair is not None
    ]
    schema = {"date": pl.Date, "symbol": pl.String, "close": pl.Float64, "log_buy_sell": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def anchored():
    """A stored row with every number, and changes to it."""
    return lambda **changes: ANCHORED | changes


@pytest.fixture
def pre_otc(anchored):
    """A row whose own OTC week is not known yet; the older week's volume is stored."""

    def row(**changes):
        blank = dict.fromkeys(OTC_OF_THE_DAY)
        older = {"otc_week_used": dt.date(2025, 11, 24), "otc_published_date": dt.date(2025, 12, 15)}
        return anchored(**blank, **older, otc_status="NOT_YET_PUBLISHED", data_quality="PRE_OTC") | changes

    return row


@pytest.fixture
def bare():
    """A row of a symbol that no feed knows."""
    return lambda **changes: BARE | changes


@pytest.fixture
def index_row():
    """A stored row of the index table, and changes to it."""
    return lambda **changes: INDEX | changes


@pytest.fixture
def metrics_of():
    """Stored rows -> a frame of daily_metrics."""
    return lambda *rows: metrics_frame(rows)


@pytest.fixture
def table_of():
    """Stored rows -> the day's table."""

    def build(*rows, indices=(), history=None, tickers=(), sample_data=False, day=DAY):
        return build_daily_table(
            metrics_frame(rows),
            pl.DataFrame(list(indices), schema=INDEX_CONSTITUENT_SHORT_AGG_DAILY.schema),
            history_frame(history or {}),
            day=day,
            sessions=SESSIONS,
            tickers=tickers,
            sample_data=sample_data,
        )

    return build


@pytest.fixture
def full_table(table_of, anchored, pre_otc, bare, index_row):
    """A table with rows of every provenance, lines with a gap, an index and the sample mark."""
    return table_of(
        anchored(),
        pre_otc(symbol="QQQ", direction_stable=False, classification_method="BVC"),
        bare(),
        indices=[index_row()],
        history={"SPY": [(240.0, 0.1), None, (243.0, -0.2), (241.0, 0.0), (242.0, 0.17)]},
        tickers=["SPY", "QQQ", "ZZZ"],
        sample_data=True,
    )
