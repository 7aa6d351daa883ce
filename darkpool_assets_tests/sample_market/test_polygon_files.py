import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.finra_short_files import short_rows
from darkpool_assets.sample_market.polygon_files import day_aggregates, day_tape, flat_file, trades_decimals
from darkpool_assets.sample_market.share_volumes import SHARE
from darkpool_assets.sample_market.symbol_session import symbol_session, tape_symbols
from darkpool_assets.sample_market.trade_tape import simulate_tape
from darkpool_assets.vocabulary import ShortFileFamily

TRADE_COLUMNS = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,trf_id"
)
QUOTE_COLUMNS = (
    "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,participant_timestamp,"
    "sequence_number,sip_timestamp,tape,trf_timestamp"
)


def day_file(market, kind, day):
    return market.folder / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"


@pytest.fixture(scope="module")
def aggregates(written_market) -> dict[dt.date, pl.DataFrame]:
    return {day: pl.read_csv(day_file(written_market, "day_aggs", day)) for day in written_market.cheap_sessions}


@pytest.fixture(scope="module")
def trades(written_market) -> dict[dt.date, pl.DataFrame]:
    texts = {"conditions": pl.String, "id": pl.String}
    read = {day: day_file(written_market, "trades", day) for day in written_market.trade_sessions}
    return {day: pl.read_csv(path, schema_overrides=texts) for day, path in read.items()}


def test_aggregates_have_the_flat_files_columns_in_order(aggregates):
    columns = ["ticker", "volume", "open", "close", "high", "low", "window_start", "transactions"]
    assert all(rows.columns == columns for rows in aggregates.values())


def test_window_start_is_midnight_in_new_york(aggregates):
    for day in (dt.date(2025, 10, 31), dt.date(2025, 11, 3)):
        midnight = dt.datetime.combine(day, dt.time(), ZoneInfo("America/New_York"))
        assert aggregates[day]["window_start"].unique().to_list() == [int(midnight.timestamp()) * 10**9]


def test_open_and_close_lie_between_low_and_high(aggregates):
    for rows in aggregates.values():
        assert rows.select(pl.col("low") <= pl.min_horizontal("open", "close")).to_series().all()
        assert rows.select(pl.col("high") >= pl.max_horizontal("open", "close")).to_series().all()


def test_the_short_total_is_a_third_to_half_of_the_consolidated_volume(history, aggregates):
    for day, rows in aggregates.items():
        volume = dict(zip(rows["ticker"], rows["volume"], strict=True))
        for row in short_rows(history, day)[ShortFileFamily.CNMS]:
            if row.total and row.symbol in volume and volume[row.symbol] > 100_000:
                assert 0.35 <= row.total / SHARE / volume[row.symbol] <= 0.5


def test_one_symbol_misses_from_one_days_aggregates(history, aggregates):
    missing = [day for day, rows in aggregates.items() if "MSFT" not in rows["ticker"]]
    assert missing == [day for day in aggregates if oddities.lacks_aggregate("MSFT", history.number_of(day))]
    assert set(missing) & set(history.market.trade_sessions)
    assert all("SPY" in rows["ticker"] for rows in aggregates.values())


def test_aggregates_spell_symbols_as_polygon_does_and_hold_no_otc_equity(aggregates):
    symbols = set(aggregates[dt.date(2025, 12, 31)]["ticker"])
    assert {"BRK.B", "NA", "TRUE", "ABRpD", "SPCE.WS"} <= symbols
    assert "NSRGY" not in symbols


def test_volume_is_whole_before_the_change_and_fractional_after(history, fractional_history):
    assert day_aggregates(history, dt.date(2025, 12, 31))["volume"].dtype == pl.Int64
    volume = day_aggregates(fractional_history, dt.date(2026, 2, 23))["volume"]
    assert (volume % 1 != 0).any()


def test_no_return_looks_like_a_split(history):
    close = history.prices.close
    assert abs(close[1:] / close[:-1] - 1).max() < 0.4


def test_the_days_volume_covers_every_print_of_its_tape(aggregates, trades):
    for day, rows in trades.items():
        printed = rows.group_by("ticker").agg(pl.col("size").sum()).join(aggregates[day], on="ticker")
        assert (printed["size"] <= printed["volume"]).all()


def test_a_plan_with_too_many_trades_still_stays_within_the_days_volume(history):
    day = dt.date(2025, 12, 31)
    session = symbol_session(history, day, "BRK.B")
    tape = simulate_tape(type(session)(**{**vars(session), "shares": 50_000.0}))
    assert tape.trades["size"].sum() <= 50_000
    assert (tape.truth["size"] >= 1).all()


def test_trades_and_quotes_have_the_flat_files_columns_in_order(written_market, trades):
    assert trades[dt.date(2025, 12, 31)].columns == f"{TRADE_COLUMNS},trf_timestamp".split(",")
    quotes = pl.read_csv(day_file(written_market, "quotes", dt.date(2025, 12, 31)))
    assert quotes.columns == QUOTE_COLUMNS.split(",")


def test_condition_lists_are_quoted_text(trades):
    conditions = set(trades[dt.date(2025, 12, 31)]["conditions"])
    assert {None, "14", "14,41", "12,37", "8", "15", "17", "16"} <= conditions


def test_rows_are_sorted_by_ticker_and_time(trades):
    for rows in trades.values():
        assert rows.equals(rows.sort("ticker", "sip_timestamp", "sequence_number"))


def test_sequence_numbers_are_unique_within_a_ticker(trades):
    assert not any(rows.select("ticker", "sequence_number").is_duplicated().any() for rows in trades.values())


def test_one_ticker_has_no_tape_on_one_day(history, trades):
    silent = [day for day, rows in trades.items() if "RGTI" not in rows["ticker"]]
    assert silent
    assert all("RGTI" not in tape_symbols(history, day) for day in silent)


def test_sizes_are_whole_before_the_change_and_six_decimals_after(trades, fractional_history):
    assert all(rows["size"].dtype == pl.Int64 for rows in trades.values())
    day = dt.date(2026, 3, 6)
    tape = simulate_tape(symbol_session(fractional_history, day, "BRK.B"))
    assert (tape.trades["size"] % 1 != 0).any()
    assert trades_decimals(day) == 6


def test_equal_rows_give_equal_bytes(history):
    day = dt.date(2025, 11, 28)
    assert flat_file(day_aggregates(history, day)) == flat_file(day_aggregates(history, day))


def test_a_days_tape_holds_every_ticker(history):
    day = dt.date(2025, 12, 24)
    assert day_tape(history, day).trades["ticker"].unique(maintain_order=True).to_list() == tape_symbols(history, day)
