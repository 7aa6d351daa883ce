import dataclasses
import datetime as dt
from bisect import bisect_left

import polars as pl
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.symbol_session import symbol_session
from darkpool_assets.sample_market.trade_tape import Tape, simulate_tape

FULL_DAY, HALF_DAY = dt.date(2025, 12, 11), dt.date(2025, 12, 24)
EXCLUDED = {2, 7, 8, 9, 10, 12, 13, *range(15, 23), 25, 28, 29, 30, 32, 33, 38, *range(44, 50), 52, 53, 54}


def window(day: dt.date) -> tuple[int, int]:
    first, last = market_calendar.session_window(day, rth_start=dt.time(9, 30), rth_end=dt.time(16, 15))
    return int(first.timestamp()) * 10**9, int(last.timestamp()) * 10**9


def is_excluded(row) -> bool:
    return bool(EXCLUDED & {int(condition) for condition in (row["conditions"] or "").split(",") if condition})


def is_off_exchange(row) -> bool:
    return row["exchange"] in (4, 62) or (row["trf_id"] or 0) != 0


def eligible_trades(trades: pl.DataFrame, day: dt.date) -> list[dict]:
    first, last = window(day)
    newest = {}
    for row in trades.sort("sequence_number").to_dicts():
        newest[row["exchange"], row["trf_id"], row["id"]] = row
    rows = sorted(newest.values(), key=lambda row: (row["sip_timestamp"], row["sequence_number"]))
    rows = [row for row in rows if first <= row["sip_timestamp"] <= last and row["price"] > 0 and row["size"] > 0]
    return [row for row in rows if not (is_off_exchange(row) or row["correction"] or is_excluded(row))]


def lee_ready(trades: list[dict], quotes: pl.DataFrame, *, strictly_before: bool = True) -> list[int]:
    """Sides by the published rule, written as a plain loop over one symbol's trades: prices in ten-thousandths."""
    times = quotes["sip_timestamp"].to_list()
    book = list(zip((quotes["bid_price"] * 10_000).round(), (quotes["ask_price"] * 10_000).round(), strict=True))
    sides, last_price, last_tick = [], None, 0
    for row in trades:
        price, moment = round(row["price"] * 10_000), row["sip_timestamp"]
        if last_price is not None and price != last_price:
            last_tick = 1 if price > last_price else -1
        last_price = price
        at = bisect_left(times, moment if strictly_before else moment + 1) - 1
        bid, ask = book[at] if at >= 0 else (0, 0)
        is_valid = bid > 0 and ask >= bid
        above = (2 * price > bid + ask) - (2 * price < bid + ask)
        sides.append(above if is_valid and above else last_tick)
    return sides


def score(tape: Tape, day: dt.date, *, strictly_before: bool = True) -> float:
    trades = eligible_trades(tape.trades, day)
    truth = dict(zip(tape.truth["sequence_number"], tape.truth["direction"], strict=True))
    sides = lee_ready(trades, tape.quotes, strictly_before=strictly_before)
    return sum(truth[row["sequence_number"]] == side for row, side in zip(trades, sides, strict=True)) / len(trades)


@pytest.fixture(scope="module")
def full_day(history) -> Tape:
    return simulate_tape(symbol_session(history, FULL_DAY, "SPY"))


@pytest.fixture(scope="module")
def half_day(history) -> Tape:
    return simulate_tape(symbol_session(history, HALF_DAY, "QQQ"))


def test_the_truth_knows_exactly_the_lit_eligible_trades(full_day):
    trades = eligible_trades(full_day.trades, FULL_DAY)
    assert [row["sequence_number"] for row in trades] == full_day.truth.sort("timestamp", "sequence_number")[
        "sequence_number"
    ].to_list()
    assert set(full_day.truth["direction"]) == {1, -1}


def test_the_truth_of_a_half_day_ends_with_its_window(half_day):
    trades = eligible_trades(half_day.trades, HALF_DAY)
    assert len(trades) == half_day.truth.height
    assert (half_day.truth["timestamp"].dt.timestamp("ns") <= window(HALF_DAY)[1]).all()
    assert (half_day.trades["sip_timestamp"] > window(HALF_DAY)[1]).any()


def test_the_truth_is_keyed_by_utc_nanoseconds(full_day):
    assert full_day.truth.schema["timestamp"] == pl.Datetime("ns")
    assert full_day.truth["timestamp"].dt.timestamp("ns").min() == window(FULL_DAY)[0]


@pytest.mark.parametrize("symbol", ["SPY", "NVDA", "MSFT", "BRK.B"])
def test_the_quote_strictly_before_tells_the_side_almost_always(history, symbol):
    assert 0.965 <= score(simulate_tape(symbol_session(history, FULL_DAY, symbol)), FULL_DAY) < 1


def test_all_tickers_of_a_day_together_score_97_percent_or_more(history):
    tapes = [simulate_tape(symbol_session(history, FULL_DAY, symbol)) for symbol in ("SPY", "QQQ", "IWM", "AAPL", "TLT", "XLF")]
    hits = sum(score(tape, FULL_DAY) * tape.truth.height for tape in tapes)
    assert 0.97 <= hits / sum(tape.truth.height for tape in tapes) < 1


def test_quotes_at_the_trades_own_timestamp_mislead(full_day):
    assert score(full_day, FULL_DAY, strictly_before=False) < score(full_day, FULL_DAY) - 0.05


def test_the_quote_tape_holds_locked_crossed_and_zero_sided_quotes(full_day):
    quotes = full_day.quotes
    assert (quotes["bid_price"] == 0).any()
    assert (quotes["ask_price"] == 0).any()
    two_sided = quotes.filter(pl.col("bid_price") > 0, pl.col("ask_price") > 0)
    assert (two_sided["bid_price"] == two_sided["ask_price"]).any()
    assert 0 < (two_sided["bid_price"] > two_sided["ask_price"]).mean() < 0.01


def test_quotes_move_in_penny_ticks(full_day):
    cents = full_day.quotes["bid_price"] * 100
    assert ((cents - cents.round()).abs() < 1e-6).all()


def test_quotes_are_about_four_times_as_many_as_trades(full_day):
    assert 3.5 <= full_day.quotes.height / full_day.truth.height <= 4.6


def test_some_trades_are_at_the_midpoint(full_day):
    assert (full_day.truth.height * 0.01) < ((full_day.trades["price"] * 100) % 1 > 0.4).sum()


def test_the_tape_holds_every_kind_of_off_exchange_print(full_day):
    rows = full_day.trades
    assert rows.filter(pl.col("exchange") == 4, pl.col("trf_id") > 0).height > 100
    assert rows.filter(pl.col("exchange") == 4, pl.col("trf_id") == 0).height
    assert rows.filter(pl.col("exchange") == 62).height
    assert rows.filter(~pl.col("exchange").is_in([4, 62]), pl.col("trf_id") > 0).height


def test_the_off_exchange_share_of_the_tape_follows_the_day(history):
    session = symbol_session(history, FULL_DAY, "SPY")
    more = dataclasses.replace(session, off_exchange_share=session.off_exchange_share + 0.1)
    prints = [simulate_tape(made).trades.filter(pl.col("exchange") == 4).height for made in (session, more)]
    assert prints[1] > 1.2 * prints[0]


def test_some_reports_reach_the_sip_hours_late(full_day):
    delay = full_day.trades.select((pl.col("sip_timestamp") - pl.col("participant_timestamp")) / 3.6e12).to_series()
    assert delay.is_between(0, 2.5).all()
    assert (delay > 1).any()


def test_the_close_is_printed_twice(full_day):
    rows = full_day.trades.filter(pl.col("conditions").is_in(["8", "15"]))
    assert rows.height == 2
    assert rows["size"].n_unique() == rows["price"].n_unique() == 1


def test_some_prints_are_cancelled_and_some_name_no_correction(full_day):
    assert (full_day.trades["correction"] > 0).any()
    assert full_day.trades["correction"].null_count() > 0


def test_a_print_of_size_zero_is_there_to_be_dropped(full_day):
    assert (full_day.trades["size"] == 0).sum() == 1


def test_prints_sent_again_differ_in_the_sequence_number_only(full_day):
    key = ["exchange", "trf_id", "id"]
    again = full_day.trades.filter(pl.struct(key).is_duplicated())
    assert again.height > 0
    assert again.drop("sequence_number").unique().height == again.height / 2


def test_prints_come_before_the_open_and_after_the_window(full_day):
    first, last = window(FULL_DAY)
    assert (full_day.trades["sip_timestamp"] < first).any()
    assert (full_day.trades["sip_timestamp"] > last).any()


def test_sweeps_share_a_timestamp(full_day):
    assert full_day.truth["timestamp"].is_duplicated().any()


def test_lit_prices_stay_within_the_days_range(history):
    for symbol in ("SPY", "XLF", "RGTI", "BRK.B"):
        session = symbol_session(history, FULL_DAY, symbol)
        tape = simulate_tape(session)
        prices = tape.trades.join(tape.truth, on="sequence_number")["price"]
        assert prices.is_between(session.low / 100, session.high / 100).all()


def test_the_buy_share_follows_the_sessions_flow(history):
    session = symbol_session(history, FULL_DAY, "SPY")
    shares = []
    for buy_share in (0.35, 0.65):
        truth = simulate_tape(dataclasses.replace(session, buy_share=buy_share)).truth
        bought = truth.filter(pl.col("direction") > 0).get_column("size").to_numpy()
        shares.append(bought.sum() / truth.get_column("size").to_numpy().sum())
    assert shares[0] < 0.42
    assert shares[1] > 0.58


def test_only_the_thin_day_has_fewer_than_ten_thousand_lit_shares(history):
    thin = {
        day
        for day in history.market.trade_sessions
        if simulate_tape(symbol_session(history, day, "BRK.B")).truth["size"].sum() < 10_000
    }
    assert len(thin) == 1


def test_a_single_trade_makes_a_tape(history):
    session = dataclasses.replace(symbol_session(history, FULL_DAY, "SPY"), lit_trades=1)
    assert simulate_tape(session).truth.height <= 1
