"""Which source Polygon's feeds have."""

import datetime as dt
import json

import polars as pl
import pytest

from darkpool_assets.settings import load_settings
from darkpool_assets.sources.errors import AnotherDay, MissingSource, NotConfigured, NotPublishedYet
from darkpool_assets.sources.polygon.feeds import PolygonFeeds

OTHER_DAY = dt.date(2024, 5, 2)
TRADES = "symbol,timestamp,price,size\nSPY,2024-05-01T13:30:00Z,500,1\nBRK.B,2024-05-01T17:30:00Z,400,1\n"
QUOTES = "symbol,timestamp,bid,ask\nSPY,2024-05-01T12:00:00Z,1,2\n"
AGGS = "ticker,volume,open,close,high,low,window_start,transactions\nSPY,1,1,1,1,1,1714536000000000000,1\n"
GROUPED = json.dumps({"adjusted": False, "results": [{"T": "SPY", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": 0}]})


def _feeds(**settings) -> PolygonFeeds:
    return PolygonFeeds(load_settings(**{"tickers": "SPY,BRK/B", "offline": True} | settings))


def _trades(day, **settings):
    """The day's trades, each with the highest bid of the quotes that were handed over for it."""

    def attach(trades, quotes):
        return trades.with_columns(bid=pl.lit(pl.concat(list(quotes))["bid"].max()), ask=pl.lit(2.0))

    with _feeds(**settings) as feeds:
        return feeds.quoted_trades(day, symbols=["SPY", "BRK/B"], attach=attach)


READ = {"trades": _trades, "daily_agg": lambda day, **settings: _feeds(**settings).daily_agg(day)}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for feed in ("TRADES", "QUOTES", "DAILY_AGG"):
        monkeypatch.delenv(f"POLYGON_{feed}_FILE", raising=False)
        monkeypatch.delenv(f"POLYGON_{feed}_DIR", raising=False)


def test_a_trades_file_is_the_users_own(write, day):
    rows = _trades(day, polygon_trades_file=write("t.csv", TRADES)).rows
    assert rows.select("symbol", "data_source").rows() == [("BRK.B", "FILE"), ("SPY", "FILE")]


def test_a_trades_directory_holds_flat_files(write, day, tmp_path):
    write("2024/05/2024-05-01.csv.gz", TRADES)
    assert _trades(day, polygon_trades_dir=tmp_path).rows["data_source"].unique().to_list() == ["FLAT_FILE"]


def test_the_window_is_the_settings(write, day):
    reading = _trades(day, polygon_trades_file=write("t.csv", TRADES), rth_end="10:00")
    assert (reading.rows["symbol"].to_list(), reading.off_session_rows) == (["SPY"], 1)


def test_the_window_ends_early_on_an_early_close(write):
    text = "symbol,timestamp,price,size\nSPY,2024-07-03T17:15:00Z,1,1\nSPY,2024-07-03T17:15:00.000000001Z,1,1\n"
    reading = _trades(dt.date(2024, 7, 3), polygon_trades_file=write("t.csv", text))
    assert (reading.rows.height, reading.off_session_rows) == (1, 1)


@pytest.mark.parametrize("feed", ["trades", "daily_agg"])
def test_a_set_file_that_is_missing_is_named_with_its_setting(feed, day, tmp_path):
    name = f"polygon_{feed}_file"
    with pytest.raises(MissingSource, match=name.upper()):
        READ[feed](day, **{name: tmp_path / "absent", f"polygon_{feed}_dir": tmp_path})


@pytest.mark.parametrize("feed", ["trades", "daily_agg"])
def test_a_set_directory_that_is_missing_is_named_with_its_setting(feed, day, tmp_path):
    name = f"polygon_{feed}_dir"
    with pytest.raises(MissingSource, match=name.upper()):
        READ[feed](day, **{name: tmp_path / "absent"})


@pytest.mark.parametrize("kind", ["file", "dir"])
def test_quotes_that_are_missing_are_named_with_their_setting(kind, write, day, tmp_path):
    with pytest.raises(MissingSource, match=f"POLYGON_QUOTES_{kind.upper()}"):
        _trades(day, **{"polygon_trades_file": write("t.csv", TRADES), f"polygon_quotes_{kind}": tmp_path / "absent"})


@pytest.mark.parametrize("feed", ["trades", "daily_agg"])
def test_a_day_without_a_file_in_the_directory_is_not_published_yet(feed, day, tmp_path):
    name = f"polygon_{feed}_dir"
    with pytest.raises(NotPublishedYet, match=f"{name.upper()}.*2024-05-01"):
        READ[feed](day, **{name: tmp_path})


@pytest.mark.parametrize("feed", ["trades", "daily_agg"])
def test_no_source_names_the_settings_that_would_give_one(feed, day):
    wanted = f"POLYGON_{feed.upper()}_FILE, POLYGON_{feed.upper()}_DIR, POLYGON_FLAT_FILES_KEY, POLYGON_API_KEY"
    with pytest.raises(NotConfigured, match=f"{wanted}.*OFFLINE"):
        READ[feed](day)


@pytest.mark.parametrize("has_directory", [True, False])
def test_without_quotes_trades_have_none_and_the_message_says_so(has_directory, write, day, tmp_path):
    quotes = {"polygon_quotes_dir": tmp_path / "quotes"} if has_directory else {}
    (tmp_path / "quotes").mkdir()
    reading = _trades(day, polygon_trades_file=write("t.csv", TRADES), **quotes)
    assert (reading.rows["bid"].count(), reading.message) == (0, "no quotes source: tick test")


def test_quotes_come_from_a_file_or_a_directory(write, day, tmp_path):
    file, trades = write("quotes/2024-05-01.csv", QUOTES), write("t.csv", TRADES)
    for settings in ({"polygon_quotes_file": file}, {"polygon_quotes_dir": tmp_path / "quotes"}):
        assert _trades(day, polygon_trades_file=trades, **settings).rows["bid"].to_list() == [1.0, 1.0]


def test_a_trade_file_with_quotes_of_its_own_needs_no_others(write, day):
    own = "symbol,timestamp,price,size,bid,ask\nSPY,2024-05-01T13:30:00Z,500,1,499,501\n"
    reading = _trades(day, polygon_trades_file=write("t.csv", own), polygon_quotes_file=write("q.csv", QUOTES))
    assert (reading.rows["bid"].to_list(), reading.message) == ([499.0], "quotes: the trade file's own")


def test_aggregates_come_from_a_file_or_a_directory(write, day, tmp_path):
    file = write("2024-05-01.csv", AGGS)
    own = _feeds(polygon_daily_agg_file=file).daily_agg(day)
    flat = _feeds(polygon_daily_agg_dir=tmp_path).daily_agg(day)
    assert (own.rows["data_source"].to_list(), flat.rows["data_source"].to_list()) == (["FILE"], ["FLAT_FILE"])


@pytest.mark.parametrize(("name", "text"), [("aggs.csv", AGGS), ("grouped.json", GROUPED)])
def test_a_one_day_file_of_aggregates_is_not_the_look_backs(name, text, write):
    feeds = _feeds(polygon_daily_agg_file=write(name, text))
    with pytest.raises(NotPublishedYet, match="2024-05-02"):
        feeds.daily_agg(OTHER_DAY, look_back=True)


def test_a_flat_file_of_another_day_is_an_error_for_the_target_day(write):
    with pytest.raises(AnotherDay):
        _feeds(polygon_daily_agg_file=write("aggs.csv", AGGS)).daily_agg(OTHER_DAY)


def test_a_trades_file_of_another_day_is_an_error(write):
    with pytest.raises(AnotherDay):
        _trades(OTHER_DAY, polygon_trades_file=write("t.csv", TRADES))
