"""The quote each trade met, against hand-worked tapes and a search through every quote."""

import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets.analytics.prevailing_quote import attach_prevailing_quotes, attach_streamed_quotes, in_tape_order

ANSWERS = Path(__file__).parents[1] / "answers"
OPEN = "2026-01-06T14:30:00"
MIDNIGHT = "2026-01-06T00:00:00"
HOUR = 3_600 * 10**9
TRADE = pl.Schema({"symbol": pl.String(), "nanosecond": pl.Int64(), "sequence_number": pl.Int64()})
QUOTE = pl.Schema({**TRADE, "bid": pl.Float64(), "ask": pl.Float64()})


def on_the_day(frame: pl.DataFrame, *, start: str = OPEN) -> pl.DataFrame:
    """`frame` with timestamps: its nanoseconds after `start` (UTC)."""
    origin = pl.lit(start).str.to_datetime(time_unit="ns")
    stamped = frame.with_columns(timestamp=origin + pl.duration(nanoseconds="nanosecond", time_unit="ns"))
    return stamped.with_columns(trade_date=pl.col("timestamp").dt.date())


def trades_at(*rows: tuple[str, int], start: str = OPEN) -> pl.DataFrame:
    numbered = [(*row, number) for number, row in enumerate(rows)]
    return on_the_day(pl.DataFrame(numbered, schema=TRADE, orient="row"), start=start)


def quotes_at(*rows: tuple[str, int, float], start: str = OPEN) -> pl.DataFrame:
    numbered = [(symbol, at, number, bid, bid + 0.1) for number, (symbol, at, bid) in enumerate(rows)]
    return on_the_day(pl.DataFrame(numbered, schema=QUOTE, orient="row"), start=start).drop("trade_date")


def bids(trades: pl.DataFrame, quotes: pl.DataFrame) -> list[float | None]:
    return attach_prevailing_quotes(trades, quotes)["bid"].to_list()


@pytest.fixture(scope="module")
def worked_trades() -> pl.DataFrame:
    sides = {"bid_worked": pl.Float64(), "ask_worked": pl.Float64()}
    return on_the_day(pl.read_csv(ANSWERS / "prevailing_quote_trades.csv", schema_overrides={**TRADE, **sides}))


@pytest.fixture(scope="module")
def worked_quotes() -> pl.DataFrame:
    return on_the_day(pl.read_csv(ANSWERS / "prevailing_quote_quotes.csv", schema_overrides=QUOTE)).drop("trade_date", "why")


def assert_as_worked(found: pl.DataFrame) -> None:
    worked = found.select(bid="bid_worked", ask="ask_worked")
    assert_frame_equal(found.select("bid", "ask"), worked)


def test_each_trade_meets_the_quote_worked_by_hand(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame):
    assert_as_worked(attach_prevailing_quotes(worked_trades, worked_quotes))


@pytest.mark.parametrize("seed", range(5))
def test_inputs_may_come_in_any_order(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame, seed: int):
    trades, quotes = (frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (worked_trades, worked_quotes))
    assert_as_worked(attach_prevailing_quotes(trades, quotes))


def test_result_is_the_trades_in_tape_order_with_bid_and_ask(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame):
    found = attach_prevailing_quotes(worked_trades.reverse(), worked_quotes)
    assert found.columns == [*worked_trades.columns, "bid", "ask"]
    assert_frame_equal(found.drop("bid", "ask"), worked_trades.sort("symbol", "timestamp", "sequence_number"))


def test_a_bid_and_ask_that_are_there_are_replaced(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame):
    assert_as_worked(attach_prevailing_quotes(worked_trades.with_columns(bid=pl.lit(1.0), ask=pl.lit(2.0)), worked_quotes))


def test_without_quotes_every_side_is_null(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame):
    found = attach_prevailing_quotes(worked_trades, worked_quotes.clear())
    assert found["bid"].null_count() == found["ask"].null_count() == worked_trades.height


def test_without_trades_there_is_nothing_to_attach(worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame):
    found = attach_prevailing_quotes(worked_trades.clear(), worked_quotes)
    assert found.is_empty()
    assert found.schema["bid"] == found.schema["ask"] == pl.Float64


def test_a_quote_of_the_session_before_is_not_used():
    early = quotes_at(("A", -1, 9.0), start=MIDNIGHT)
    assert bids(trades_at(("A", 0)), early) == [None]


def test_a_quote_at_midnight_is_used():
    assert bids(trades_at(("A", 0)), quotes_at(("A", 0, 9.0), start=MIDNIGHT)) == [9.0]


@pytest.mark.parametrize("hours", [24, 39, 40, 80, 120])
def test_a_quote_of_a_later_day_reaches_neither_its_symbol_nor_the_next(hours: int):
    late = quotes_at(("A", hours * HOUR, 9.0), start=MIDNIGHT)
    assert bids(trades_at(("A", 0), ("B", 0), ("C", 0)), late) == [None, None, None]


@pytest.mark.parametrize("hours", [1, 15, 30, 39, 80])
def test_a_quote_of_an_earlier_day_reaches_no_symbol(hours: int):
    early = quotes_at(("B", -hours * HOUR, 9.0), start=MIDNIGHT)
    assert bids(trades_at(("A", 0), ("B", 0), ("C", 0)), early) == [None, None, None]


def test_quotes_of_symbols_without_trades_are_ignored():
    crowd = quotes_at(("A", 1, 1.0), ("B", 1, 2.0), ("C", 1, 3.0))
    assert bids(trades_at(("B", 2)), crowd) == [2.0]


def test_trades_without_sequence_numbers_keep_their_order():
    trades = trades_at(*[("A", 5)] * 5000, ("A", 1)).with_columns(mark=pl.int_range(pl.len()), sequence_number=None)
    assert attach_prevailing_quotes(trades, quotes_at(("A", 0, 9.0)))["mark"].to_list() == [5000, *range(5000)]


def test_quotes_of_one_instant_are_ordered_though_their_instants_are():
    quotes = quotes_at(("A", 1, 9.0), ("A", 2, 8.0), ("A", 2, 7.0)).with_columns(sequence_number=pl.Series([1, 3, 2]))
    assert bids(trades_at(("A", 3)), quotes) == [8.0]


def test_a_session_may_cross_utc_midnight():
    trades = trades_at(("A", 0), ("A", 11 * HOUR)).with_columns(trade_date=pl.lit("2026-01-06").str.to_date())
    assert bids(trades, quotes_at(("A", 10 * HOUR, 9.0))) == [None, 9.0]


def test_trades_of_two_sessions_are_refused():
    with pytest.raises(ValueError, match="2026-01-06, 2026-01-07; allowed: one session"):
        attach_prevailing_quotes(trades_at(("A", 0), ("A", 20 * HOUR)), quotes_at(("A", 0, 9.0)))


@pytest.mark.parametrize(("nanoseconds", "is_refused"), [(2**47 - 1, False), (2**47, True)])
def test_trades_too_far_apart_for_one_key_are_refused(nanoseconds: int, is_refused: bool):
    trades = trades_at(("A", 0), ("A", nanoseconds), start=MIDNIGHT).with_columns(trade_date=pl.lit("2026-01-06").str.to_date())
    if is_refused:
        with pytest.raises(ValueError, match="one session"):
            attach_prevailing_quotes(trades, quotes_at(("A", 0, 9.0)))
    else:
        assert bids(trades, quotes_at(("A", 0, 9.0))) == [None, 9.0]


def many_symbols(count: int) -> pl.DataFrame:
    names = pl.DataFrame({"symbol": [f"S{number:05d}" for number in range(count)]})
    return on_the_day(names.with_columns(nanosecond=pl.lit(5, pl.Int64), sequence_number=pl.lit(1, pl.Int64)))


def test_the_last_of_as_many_symbols_as_the_key_holds_meets_its_quote():
    trades = many_symbols(2**16)
    assert bids(trades, quotes_at((trades["symbol"][-1], 1, 9.0)))[-2:] == [None, 9.0]


def test_more_symbols_than_the_key_holds_are_refused():
    with pytest.raises(ValueError, match="65537 symbols; allowed: 65536"):
        attach_prevailing_quotes(many_symbols(2**16 + 1), quotes_at(("A", 0, 9.0)))


def test_tape_order_is_symbol_then_time_then_sequence():
    rows = [("B", 1, 1), ("A", 2, 1), ("A", 1, 3), ("A", 1, 2), ("a", 0, 0)]
    ordered = in_tape_order(on_the_day(pl.DataFrame(rows, schema=TRADE, orient="row")))
    assert ordered.select(TRADE.names()).rows() == [("A", 1, 2), ("A", 1, 3), ("A", 2, 1), ("B", 1, 1), ("a", 0, 0)]


@pytest.mark.parametrize(
    ("rows", "ordered"),
    [
        ([("A", 2, 1), ("A", 1, 2)], [("A", 1, 2), ("A", 2, 1)]),
        ([("A", 1, 2), ("A", 1, 1)], [("A", 1, 1), ("A", 1, 2)]),
        ([("A", 1, 2), ("A", 1, None)], [("A", 1, None), ("A", 1, 2)]),
        ([("B", 1, 1), ("A", 1, 1)], [("A", 1, 1), ("B", 1, 1)]),
    ],
)
def test_one_thing_out_of_order_is_put_in_order(rows: list, ordered: list):
    tape = on_the_day(pl.DataFrame(rows, schema=TRADE, orient="row"))
    assert in_tape_order(tape).select(TRADE.names()).rows() == ordered


def test_prints_that_are_in_order_are_handed_back_untouched():
    tape = trades_at(("A", 1), ("A", 1), ("A", 2), ("B", 0)).with_columns(sequence_number=pl.Series([1, 1, 0, 0]))
    assert in_tape_order(tape) is tape


def test_equal_prints_of_a_long_tape_keep_their_order():
    tape = trades_at(("B", 0), *[("A", 0)] * 5_000).with_columns(sequence_number=0)
    tape = tape.with_columns(mark=pl.int_range(pl.len()))
    assert in_tape_order(tape)["mark"].to_list() == [*range(1, 5_001), 0]


instants = st.integers(0, 6)
trade_rows = st.lists(st.tuples(st.sampled_from("ABC"), instants), min_size=1, max_size=12)
quote_rows = st.lists(st.tuples(st.sampled_from("ABCD"), instants, st.integers(0, 9).map(float)), max_size=15)


@settings(max_examples=150, deadline=None)
@given(trades=trade_rows, quotes=quote_rows, seed=st.integers(0, 99))
def test_every_trade_meets_the_last_quote_before_it(trades: list, quotes: list, seed: int):
    tape = trades_at(*trades).sort("symbol", "timestamp", "sequence_number")
    book = quotes_at(*quotes).sample(fraction=1, shuffle=True, seed=seed)
    expected = []
    for symbol, at in tape.select("symbol", "nanosecond").rows():
        before = [(when, number, bid) for number, (name, when, bid) in enumerate(quotes) if name == symbol and when < at]
        expected.append(max(before)[2] if before else None)
    assert bids(tape, book) == expected


def paged(quotes: pl.DataFrame, *cuts: int) -> list[pl.DataFrame]:
    """`quotes` cut before the rows that `cuts` name, in order of time."""
    ordered = quotes.sort("timestamp", maintain_order=True)
    borders = [0, *sorted(cuts), quotes.height]
    return [ordered[start:end] for start, end in itertools.pairwise(borders)]


@pytest.mark.parametrize("rows_a_page", [1, 2, 3, 100])
def test_streamed_quotes_meet_the_trades_as_worked_by_hand(
    worked_trades: pl.DataFrame, worked_quotes: pl.DataFrame, rows_a_page: int
):
    pages = paged(worked_quotes, *range(rows_a_page, worked_quotes.height, rows_a_page))
    assert_as_worked(attach_streamed_quotes(worked_trades, iter(pages)))


def test_a_timestamp_that_goes_on_over_pages_has_one_last_quote():
    quotes = quotes_at(("A", 1, 9.0), ("A", 2, 8.0), ("A", 2, 7.0), ("A", 2, 6.0)).with_columns(
        sequence_number=pl.Series([1, 2, 4, 3])
    )
    found = attach_streamed_quotes(trades_at(("A", 2), ("A", 3)), paged(quotes, 2, 3))
    assert found["bid"].to_list() == [9.0, 7.0]


def test_of_quotes_alike_in_time_and_number_the_later_page_has_the_last():
    quotes = quotes_at(("A", 1, 9.0), ("A", 1, 8.0)).with_columns(sequence_number=0)
    trades = trades_at(("A", 2))
    assert attach_streamed_quotes(trades, paged(quotes, 1))["bid"].to_list() == bids(trades, quotes) == [8.0]


def test_no_page_is_asked_for_where_there_are_no_trades():
    found = attach_streamed_quotes(trades_at(("A", 1)).clear(), (pytest.fail("asked for") for _ in range(1)))
    assert found.schema["bid"] == found.schema["ask"] == pl.Float64


@pytest.mark.parametrize("pages", [[], [quotes_at(("A", 1, 9.0)).clear()] * 2])
def test_without_pages_or_rows_in_them_every_side_is_null(pages: list):
    trades = trades_at(("A", 1), ("A", 2))
    found = attach_streamed_quotes(trades, pages)
    assert found["bid"].to_list() == found["ask"].to_list() == [None, None]
    assert_frame_equal(found, attach_prevailing_quotes(trades, quotes_at(("A", 1, 9.0)).clear()))


def test_a_page_without_a_row_ends_nothing():
    pages = [quotes_at(("A", 1, 9.0)), quotes_at(("A", 1, 9.0)).clear(), quotes_at(("A", 2, 8.0))]
    assert attach_streamed_quotes(trades_at(("A", 2), ("A", 3)), pages)["bid"].to_list() == [9.0, 8.0]


def test_streamed_quotes_replace_a_bid_and_ask_that_are_there():
    tape = trades_at(("A", 1), ("A", 2)).with_columns(bid=pl.lit(1.0), ask=pl.lit(2.0))
    found = attach_streamed_quotes(tape, [quotes_at(("A", 1, 9.0))])
    assert found.select("bid", "ask").rows() == [(None, None), (9.0, 9.1)]


def test_a_page_that_goes_back_in_time_is_refused():
    pages = [quotes_at(("A", 5, 9.0)), quotes_at(("A", 4, 9.0))]
    with pytest.raises(ValueError, match="begins 1 ns before the end of the one before it"):
        attach_streamed_quotes(trades_at(("A", 1)), pages)


def test_streamed_quotes_refuse_trades_of_two_sessions():
    with pytest.raises(ValueError, match="one session"):
        attach_streamed_quotes(trades_at(("A", 0), ("A", 20 * HOUR)), [quotes_at(("A", 0, 9.0))])


@settings(max_examples=200, deadline=None)
@given(
    trades=trade_rows, quotes=quote_rows, cuts=st.lists(st.integers(0, 15), max_size=6), seed=st.integers(0, 99),
    start=st.sampled_from([OPEN, MIDNIGHT, "2026-01-06T23:59:59.999999997"]),
)  # fmt: skip
def test_pages_of_quotes_are_joined_like_all_quotes_at_once(trades: list, quotes: list, cuts: list, seed: int, start: str):
    tape = trades_at(*trades, start=start).with_columns(trade_date=pl.lit("2026-01-06").str.to_date(), sequence_number=0)
    tape = tape.with_columns(mark=pl.int_range(pl.len()))
    book = quotes_at(*quotes, start=start).sample(fraction=1, shuffle=True, seed=seed).sort("timestamp", maintain_order=True)
    book = book.with_columns(pl.col("sequence_number") % 2)
    pages = paged(book, *(min(cut, book.height) for cut in cuts))
    assert_frame_equal(attach_streamed_quotes(tape, iter(pages)), attach_prevailing_quotes(tape, book))
