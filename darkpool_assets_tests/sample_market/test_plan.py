import datetime as dt
from pathlib import Path

import pytest

from darkpool_assets import market_calendar
from darkpool_assets.sample_market import SampleMarket, sample_settings
from darkpool_assets.settings import load_settings

MARKET = SampleMarket(Path("market"))


def test_the_sessions_with_trades_end_at_the_last_session():
    assert len(MARKET.trade_sessions) == 30
    assert MARKET.trade_sessions[-1] == dt.date(2025, 12, 31)
    assert {dt.date(2025, 11, 28), dt.date(2025, 12, 24)} <= set(MARKET.trade_sessions)


def test_the_cheap_feeds_reach_as_far_back_as_the_first_session_with_trades_needs():
    first = MARKET.trade_sessions[0]
    needed = market_calendar.cheap_feed_sessions(first, as_of=first, partitions_start=dt.date(2018, 8, 1))
    assert MARKET.cheap_sessions[0] == needed[0]
    assert MARKET.cheap_sessions[-1] == MARKET.last_session


def test_a_longer_look_back_is_honoured():
    market = SampleMarket(Path("market"), sessions=2, look_back=90)
    assert len(market.cheap_sessions) == 92


def test_nothing_reaches_back_before_the_first_consolidated_short_file():
    market = SampleMarket(Path("market"), last_session=dt.date(2018, 8, 10), sessions=3)
    assert market.cheap_sessions[0] == dt.date(2018, 8, 1)
    assert market.otc_weeks == [dt.date(2018, 7, 30), dt.date(2018, 8, 6)]


def test_the_weekly_summaries_cover_the_cheap_feeds_and_eight_weeks_before():
    assert MARKET.otc_weeks[0] == market_calendar.week_of(MARKET.cheap_sessions[0]) - dt.timedelta(weeks=8)
    assert MARKET.otc_weeks[-1] == dt.date(2025, 12, 29)


@pytest.mark.parametrize(
    "wrong",
    [{"last_session": dt.date(2025, 12, 25)}, {"sessions": 0}, {"trades_per_symbol": 0}, {"seed": -1}, {"sessions": 5000}],
)
def test_a_plan_that_cannot_be_written_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not an NYSE session|must be at least|reach back before"):
        SampleMarket(Path("market"), **wrong)


def test_the_settings_are_valid_and_point_at_the_files(written_market, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in sample_settings(written_market).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert len(settings.tickers) == 10
    assert settings.offline
    assert settings.sample_data
    assert settings.backfill_count == written_market.sessions
    assert settings.target_date == settings.as_of_date(dt.datetime.now(dt.UTC)) == written_market.last_session
    folders = [settings.finra_short_sale_dir, settings.finra_otc_dir, settings.polygon_trades_dir, settings.polygon_quotes_dir]
    folders += [settings.polygon_daily_agg_dir, settings.index_constituents_dir]
    assert all(folder and folder.is_absolute() and folder.is_dir() for folder in folders)
