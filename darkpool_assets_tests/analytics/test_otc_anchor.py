"""Which OTC week a day rests on and what share of it falls on the day, against hand-worked answers and laws."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkpool_assets import market_calendar
from darkpool_assets.analytics.otc_anchor import (
    allocate_otc_volume,
    anchor_to_otc_week,
    newest_known_vintages,
    published_date,
    weekly_otc_volumes,
    weekly_shares,
)
from darkpool_assets.tables import FINRA_OTC_WEEKLY_RAW

ANSWERS = Path(__file__).parents[1] / "answers"
D = dt.date
WEEK, WEDNESDAY = D(2025, 6, 9), D(2025, 6, 11)
SHORT_WEEK = market_calendar.sessions_of_week(D(2025, 6, 16))
LATE = D(2026, 1, 2)


def answers(name):
    return pl.read_csv(ANSWERS / name, try_parse_dates=True, schema_overrides={"tier_identifier": pl.String})


VINTAGES = answers("otc_vintages.csv")
STATUSES = answers("otc_status.csv")
ALLOCATIONS = answers("otc_allocation.csv").with_columns(
    pl.col("short_total_volume", "volume", "alloc", "otc_off_exchange_volume", "lit_buy_ratio").cast(pl.Float64)
)


def raw(rows, **constants):
    """Rows of finra_otc_weekly_raw; what they do not name is one plain T1 row of WEEK."""
    plain = {
        "symbol": "SPY", "week_start_date": WEEK, "off_exchange_volume": 100.0, "tier_identifier": "T1",
        "summary_type_code": "ATS_W_SMBL", "source_file": "f", "content_hash": "A",
        "ingested_at": dt.datetime.combine(D(2025, 7, 1), dt.time(12)), **constants,
    }  # fmt: skip
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
    absent = {name: pl.lit(value) for name, value in plain.items() if name not in frame.columns}
    return FINRA_OTC_WEEKLY_RAW.conform(frame.with_columns(**absent))


def known_weeks(*weeks, symbol="SPY", tier: str | None = "T1", volume=100.0):
    """Rows as weekly_otc_volumes gives them."""
    return pl.DataFrame(
        [
            {"symbol": symbol, "week_start_date": week, "otc_volume": volume, "ats_volume": volume, "non_ats_volume": None,
             "trade_count": 7.0, "tier_identifier": tier, "published_date": week + dt.timedelta(days=21)}
            for week in weeks
        ],
        schema={
            "symbol": pl.String, "week_start_date": pl.Date, "otc_volume": pl.Float64, "ats_volume": pl.Float64,
            "non_ats_volume": pl.Float64, "trade_count": pl.Float64, "tier_identifier": pl.String, "published_date": pl.Date,
        },
    )  # fmt: skip


def anchor(weeks, day=WEDNESDAY, as_of=LATE, symbols=("SPY",)):
    return anchor_to_otc_week(symbols, weeks, day=day, as_of=as_of)


# When a week was published


def test_a_week_is_published_on_finras_date_or_else_when_its_tier_is_due():
    rows = answers("otc_published_dates.csv")
    dates = rows.select(published=published_date())
    assert dates["published"].to_list() == rows["published"].to_list()


def test_the_due_dates_are_the_calendars():
    rows = answers("otc_published_dates.csv").filter(pl.col("initial_published_date").is_null())
    due = [
        market_calendar.otc_due_date(week, tier) for week, tier in rows.select("week_start_date", "tier_identifier").iter_rows()
    ]
    assert due == rows["published"].to_list()


# Vintages


def vintages_that_count(rows):
    """content_hash and ingestion date of the vintages that count of the rows of one case."""
    columns = ["initial_published_date", "last_update_date", pl.col("ingested_at").cast(pl.Datetime("us"))]
    stored = raw(rows.select(*columns, content_hash="vintage"))
    chosen = newest_known_vintages(stored, as_of=rows["as_of"][0])
    return chosen.select("content_hash", pl.col("ingested_at").dt.date()).rows()


@pytest.mark.parametrize("case", VINTAGES["case"].unique(maintain_order=True))
def test_the_vintage_that_counts_is_the_hand_worked_one_in_any_stored_order(case):
    rows = VINTAGES.filter(case=case)
    expected = rows.filter("counts").select("vintage", "ingested_at").rows()
    assert [vintages_that_count(rows), vintages_that_count(rows.reverse())] == [expected, expected]


def test_a_vintage_counts_as_a_whole_and_is_as_new_as_its_newest_row():
    stored = raw(
        [
            {"content_hash": "A", "summary_type_code": "ATS_W_SMBL", "last_update_date": D(2025, 6, 30)},
            {"content_hash": "A", "summary_type_code": "OTC_W_SMBL", "last_update_date": D(2025, 6, 30)},
            {"content_hash": "B", "summary_type_code": "ATS_W_SMBL", "last_update_date": D(2025, 6, 30)},
            {"content_hash": "B", "summary_type_code": "OTC_W_SMBL", "last_update_date": D(2025, 7, 7)},
        ]
    )
    assert newest_known_vintages(stored, as_of=D(2025, 7, 6))["content_hash"].to_list() == ["A", "A"]
    assert newest_known_vintages(stored, as_of=D(2025, 7, 7))["content_hash"].to_list() == ["B", "B"]


def test_a_row_that_left_a_newer_vintage_is_gone():
    older = raw([{"off_exchange_volume": 1.0}, {"off_exchange_volume": 2.0, "summary_type_code": "OTC_W_SMBL"}])
    newer = raw([{"off_exchange_volume": 5.0}], content_hash="B", ingested_at=dt.datetime.combine(D(2025, 7, 2), dt.time(12)))
    (week,) = weekly_otc_volumes(pl.concat([older, newer]), as_of=LATE).to_dicts()
    assert (week["otc_volume"], week["non_ats_volume"]) == (5.0, None)


def test_each_symbol_and_week_has_its_own_newest_vintage():
    later = dt.datetime.combine(D(2025, 7, 9), dt.time(12))
    first = raw(
        [{"symbol": symbol, "week_start_date": week} for symbol, week in (("SPY", WEEK), ("QQQ", WEEK), ("SPY", D(2025, 6, 2)))],
        off_exchange_volume=1.0,
    )
    second = raw([{"symbol": "QQQ"}], off_exchange_volume=2.0, content_hash="B", ingested_at=later)
    weeks = weekly_otc_volumes(pl.concat([first, second]), as_of=LATE)
    expected = [("QQQ", WEEK, 2.0), ("SPY", D(2025, 6, 2), 1.0), ("SPY", WEEK, 1.0)]
    assert weeks.select("symbol", "week_start_date", "otc_volume").rows() == expected


# Volumes of a week


def test_the_weekly_volumes_are_the_hand_worked_ones():
    rows = raw(answers("otc_weekly_rows.csv").drop("why"))
    expected = answers("otc_weekly_expected.csv").drop("worked")
    weeks = weekly_otc_volumes(rows, as_of=LATE).drop("week_start_date")
    assert_frame_equal(weeks.select(expected.columns), expected, check_dtypes=False)


def test_a_symbol_whose_rows_are_all_firm_rows_has_no_week():
    assert weekly_otc_volumes(raw([{"summary_type_code": "ATS_W_SMBL_FIRM"}]), as_of=LATE).is_empty()


def test_of_two_issues_the_smaller_one_is_named():
    rows = raw([{"issue_name": "Small", "off_exchange_volume": 1.0}, {"issue_name": "Large", "off_exchange_volume": 2.0}])
    weeks = weekly_otc_volumes(rows, as_of=LATE)
    assert weeks.select("otc_volume", "other_issue_names").rows() == [(2.0, "Small")]


@pytest.mark.parametrize(("as_of", "known"), [(D(2025, 7, 1), 0), (D(2025, 7, 2), 1)])
def test_a_week_is_known_when_all_rows_of_its_vintage_are_published(as_of, known):
    legs = [
        {"summary_type_code": "ATS_W_SMBL", "initial_published_date": D(2025, 6, 30)},
        {"summary_type_code": "OTC_W_SMBL", "initial_published_date": D(2025, 7, 2)},
    ]
    assert weekly_otc_volumes(raw(legs), as_of=as_of).height == known


@pytest.mark.parametrize(("as_of", "known"), [(D(2025, 6, 29), 0), (D(2025, 6, 30), 1), (D(2025, 7, 1), 1)])
def test_a_week_is_known_from_its_published_date_on(as_of, known):
    rows = raw([{"initial_published_date": D(2025, 6, 30)}])
    assert weekly_otc_volumes(rows, as_of=as_of).height == known


def test_nothing_stored_gives_no_weeks():
    weeks = weekly_otc_volumes(FINRA_OTC_WEEKLY_RAW.empty(), as_of=LATE)
    assert weeks.is_empty()
    assert {"symbol", "week_start_date", "otc_volume", "published_date"} <= set(weeks.columns)


# The week of a day


@pytest.mark.parametrize("case", STATUSES["case"])
def test_the_status_is_the_hand_worked_one(case):
    row = STATUSES.filter(case=case).row(0, named=True)
    weeks = known_weeks(row["week"], tier=row["tier_identifier"]) if row["week"] else known_weeks()
    (anchored,) = anchor(weeks, day=row["day"], as_of=row["as_of"]).to_dicts()
    assert anchored["otc_status"] == row["status"]
    assert anchored["has_otc"] == (row["status"] != "NO_COVERAGE")
    assert anchored["data_quality"] == ("OTC_ANCHORED" if row["status"] == "ANCHORED" else "PRE_OTC")


@pytest.mark.parametrize(("older", "newest", "status"), [("T2", "T1", "OVERDUE"), ("T1", "T2", "NOT_YET_PUBLISHED")])
def test_the_tier_of_the_newest_known_row_decides_whether_a_week_is_late(older, newest, status):
    weeks = pl.concat([known_weeks(D(2025, 6, 2), tier=newest), known_weeks(D(2025, 5, 26), tier=older)])
    assert anchor(weeks, as_of=D(2025, 7, 2))["otc_status"].to_list() == [status]


@pytest.mark.parametrize(
    ("week", "used"),
    [
        (D(2025, 4, 7), None),
        (D(2025, 4, 14), D(2025, 4, 14)),
        (D(2025, 6, 2), D(2025, 6, 2)),
        (D(2025, 6, 9), D(2025, 6, 9)),
        (D(2025, 6, 16), None),
    ],
)
def test_the_week_used_is_at_most_eight_weeks_old_and_never_later_than_the_days(week, used):
    assert anchor(known_weeks(week))["otc_week_used"].to_list() == [used]


def test_the_newest_known_week_is_used():
    weeks = known_weeks(D(2025, 5, 19), D(2025, 6, 2), D(2025, 5, 26), D(2025, 6, 16))
    assert anchor(weeks)["otc_week_used"].to_list() == [D(2025, 6, 2)]


def test_each_symbol_rests_on_its_own_newest_week():
    weeks = pl.concat([known_weeks(D(2025, 6, 2), symbol="A"), known_weeks(D(2025, 5, 26), symbol="B")])
    assert anchor(weeks, symbols=["A", "B"])["otc_week_used"].to_list() == [D(2025, 6, 2), D(2025, 5, 26)]


def test_each_leg_of_a_week_is_carried_as_its_own():
    (row,) = anchor(known_weeks(WEEK).with_columns(ats_volume=pl.lit(60.0), non_ats_volume=pl.lit(40.0))).to_dicts()
    assert (row["otc_off_exchange_volume"], row["otc_ats_volume"], row["otc_non_ats_volume"]) == (100.0, 60.0, 40.0)


@pytest.mark.parametrize("day", SHORT_WEEK)
def test_every_session_of_a_week_rests_on_its_monday(day):
    assert anchor(known_weeks(D(2025, 6, 16)), day=day)["data_quality"].to_list() == ["OTC_ANCHORED"]


def test_a_week_that_is_context_keeps_its_numbers():
    (row,) = anchor(known_weeks(D(2025, 6, 2), volume=12.5)).to_dicts()
    assert row["data_quality"] == "PRE_OTC"
    assert (row["otc_off_exchange_volume"], row["otc_ats_volume"], row["otc_non_ats_volume"]) == (12.5, 12.5, None)
    assert (row["otc_trade_count"], row["otc_published_date"]) == (7.0, D(2025, 6, 23))


def test_a_symbol_without_coverage_keeps_its_row_and_carries_no_number():
    (row,) = anchor(known_weeks(), symbols=["GONE"]).to_dicts()
    told = {"symbol": "GONE", "has_otc": False, "data_quality": "PRE_OTC", "otc_status": "NO_COVERAGE"}
    assert row == dict.fromkeys(row) | told


def test_every_symbol_has_one_row_in_the_order_given():
    weeks = pl.concat([known_weeks(WEEK, D(2025, 6, 2), symbol=symbol) for symbol in ("A", "C", "X")])
    assert anchor(weeks, symbols=["C", "B", "A"])["symbol"].to_list() == ["C", "B", "A"]


dates = st.dates(D(2025, 6, 1), D(2025, 8, 31))
vintages = st.lists(
    st.fixed_dictionaries(
        {
            "week_start_date": st.sampled_from([D(2025, 5, 26), D(2025, 6, 2), D(2025, 6, 9)]),
            "content_hash": st.sampled_from("ABC"),
            "summary_type_code": st.sampled_from(["ATS_W_SMBL", "OTC_W_SMBL", "ATS_W_SMBL_FIRM"]),
            "initial_published_date": st.none() | dates,
            "last_update_date": st.none() | dates,
            "tier_identifier": st.sampled_from(["T1", "T2", "NA", None]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(vintages, dates, dates)
def test_a_later_as_of_never_takes_a_week_back(rows, one, other):
    schema = {"initial_published_date": pl.Date, "last_update_date": pl.Date, "tier_identifier": pl.String}
    stored = raw(pl.DataFrame(rows, schema_overrides=schema))
    early, late = (
        anchor(weekly_otc_volumes(stored, as_of=as_of), as_of=as_of).row(0, named=True) for as_of in sorted([one, other])
    )
    assert late["has_otc"] >= early["has_otc"]
    assert (late["data_quality"] == "OTC_ANCHORED") >= (early["data_quality"] == "OTC_ANCHORED")
    assert not early["has_otc"] or late["otc_week_used"] >= early["otc_week_used"]


@settings(max_examples=30, deadline=None)
@given(vintages, dates)
def test_no_week_is_used_before_its_published_date(rows, as_of):
    schema = {"initial_published_date": pl.Date, "last_update_date": pl.Date, "tier_identifier": pl.String}
    weeks = weekly_otc_volumes(raw(pl.DataFrame(rows, schema_overrides=schema)), as_of=as_of)
    assert weeks.filter(pl.col("published_date") > as_of).is_empty()


# The share of a day


def stored_files(*, of=("CNMS",), days=SHORT_WEEK):
    """Which short files are stored: trade_date and source."""
    return pl.DataFrame({"trade_date": list(days)}).join(pl.DataFrame({"source": list(of)}), how="cross")


EVERY_SESSION = stored_files()


def allocated(rows, day, *, quality="OTC_ANCHORED", files=EVERY_SESSION, source="CNMS"):
    """The allocation of `day`: `rows` hold one row per (date, symbol) with the columns of otc_allocation.csv."""
    today = rows.filter(date=day).select("symbol", "otc_off_exchange_volume", "lit_buy_ratio", data_quality=pl.lit(quality))
    has_row = pl.col("short_total_volume").is_not_null()
    daily = rows.select(
        "date", "symbol", "short_total_volume", "volume", short_ratio_source=pl.when(has_row).then(pl.lit(source))
    )
    return allocate_otc_volume(today, weekly_shares(daily, files, day=day), day=day)


def a_week(totals, volumes, *, weekly: float | None = 100.0, ratio: float | None = 0.5):
    numbers: list[str] = ["short_total_volume", "volume", "otc_off_exchange_volume", "lit_buy_ratio"]
    rows = [
        {"symbol": "SPY", "date": day, "short_total_volume": total, "volume": volume, "otc_off_exchange_volume": weekly,
         "lit_buy_ratio": ratio}
        for day, total, volume in zip(SHORT_WEEK, totals, volumes, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows).with_columns(pl.col(numbers).cast(pl.Float64))


@pytest.mark.parametrize("day", SHORT_WEEK)
def test_the_allocation_is_the_hand_worked_one(day):
    expected = ALLOCATIONS.filter(date=day)
    made = allocated(ALLOCATIONS, day).select(
        "symbol",
        basis="otc_alloc_basis",
        alloc="otc_alloc_volume",
        buy="otc_buy_volume",
        sell="otc_sell_volume",
        participation="otc_participation_rate",
    )
    assert_frame_equal(made, expected.select(made.columns), check_dtypes=False, rel_tol=1e-12)


def test_the_hand_worked_allocations_sum_to_the_week():
    sums = ALLOCATIONS.group_by("symbol").agg(pl.col("alloc").sum(), pl.col("otc_off_exchange_volume").first())
    assert sums["alloc"].to_list() == sums["otc_off_exchange_volume"].to_list()


@pytest.mark.parametrize("day", SHORT_WEEK)
def test_rows_without_their_own_week_get_no_allocation(day):
    made = allocated(ALLOCATIONS, day, quality="PRE_OTC")
    columns = ("otc_alloc_volume", "otc_alloc_basis", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate")
    assert [made[column].null_count() for column in columns] == [made.height] * len(columns)
    assert made["otc_off_exchange_volume"].null_count() == 0


def test_rows_of_other_weeks_do_not_count():
    other = a_week([1.0] * 4, [1.0] * 4).with_columns(pl.col("date") + dt.timedelta(days=7))
    week = a_week([10.0, 20.0, 30.0, 40.0], [1.0] * 4)
    assert allocated(pl.concat([week, other]), SHORT_WEEK[0])["otc_alloc_volume"].to_list() == [10.0]


def test_rows_of_the_holiday_do_not_count():
    week = a_week([10.0, 20.0, 30.0, 40.0], [1.0] * 4)
    holiday = week[:1].with_columns(date=pl.lit(D(2025, 6, 19)))
    assert allocated(pl.concat([week, holiday]), SHORT_WEEK[0])["otc_alloc_volume"].to_list() == [10.0]


def test_a_symbol_without_any_daily_row_is_spread_evenly():
    week = a_week([None] * 4, [None] * 4)
    today = week[:1].select("symbol", "otc_off_exchange_volume", "lit_buy_ratio", data_quality=pl.lit("OTC_ANCHORED"))
    nothing = week.clear().with_columns(short_ratio_source=pl.lit(None, pl.String))
    (row,) = allocate_otc_volume(today, weekly_shares(nothing, EVERY_SESSION, day=SHORT_WEEK[0]), day=SHORT_WEEK[0]).to_dicts()
    assert (row["otc_alloc_basis"], row["otc_alloc_volume"], row["otc_participation_rate"]) == ("EQUAL", 25.0, None)


def test_a_week_with_a_session_of_no_volume_is_not_spread_by_polygons():
    (row,) = allocated(a_week([None] * 4, [1.0, 1.0, 1.0, 0.0]), SHORT_WEEK[0]).to_dicts()
    assert (row["otc_alloc_basis"], row["otc_alloc_volume"]) == ("EQUAL", 25.0)


def test_an_even_share_is_said_with_its_basis():
    week = a_week([None] * 4, [None] * 4).with_columns(short_ratio_source=pl.lit(None, pl.String))
    shares = weekly_shares(week, EVERY_SESSION, day=SHORT_WEEK[0])
    assert shares.select("otc_alloc_basis", "week_share").row(0) == ("EQUAL", 0.25)


def test_a_week_without_a_stored_file_of_every_session_is_spread_evenly():
    week = a_week([10.0, 20.0, 30.0, 40.0], [1.0] * 4)
    (row,) = allocated(week[:3], SHORT_WEEK[0], files=stored_files(days=SHORT_WEEK[:3])).to_dicts()
    assert (row["otc_alloc_basis"], row["otc_alloc_volume"], row["otc_participation_rate"]) == ("EQUAL", 25.0, None)


@pytest.mark.parametrize(("day", "share"), [(0, 0.0), (1, 0.0), (2, 75.0), (3, 25.0)])
def test_a_symbol_that_a_stored_file_lacks_traded_nothing_that_day(day, share):
    listed_on_the_third_day = a_week([None, None, 900.0, 300.0], [None, None, 5.0, 5.0])
    (row,) = allocated(listed_on_the_third_day, SHORT_WEEK[day]).to_dicts()
    assert (row["otc_alloc_basis"], row["otc_alloc_volume"]) == ("FINRA_DAILY", share)


def test_a_symbol_whose_short_row_was_left_out_is_not_spread_by_finras_totals():
    week = a_week([10.0, None, 30.0, 40.0], [1.0] * 4).with_columns(short_ratio_source=pl.lit("CNMS"))
    shares = weekly_shares(week, EVERY_SESSION, day=SHORT_WEEK[1], without_totals=["SPY"])
    assert shares.select("otc_alloc_basis", "week_share").row(0) == ("POLYGON_DAILY", 0.25)


@pytest.mark.parametrize(("largest", "basis"), [(0.0, "POLYGON_DAILY"), (0.000001, "FINRA_DAILY")])
def test_the_totals_of_a_week_count_when_their_sum_is_above_zero(largest, basis):
    week = a_week([0.0, 0.0, 0.0, largest], [1.0] * 4)
    assert allocated(week, SHORT_WEEK[1])["otc_alloc_basis"].to_list() == [basis]


NIGHTLY = [*SHORT_WEEK]
MIXED = pl.concat([stored_files(of=["CNMS"], days=NIGHTLY[:2]), stored_files(of=["FNYX", "API"], days=NIGHTLY[2:])])


@pytest.mark.parametrize(
    ("files", "source", "basis"),
    [
        (stored_files(of=["FORF"]), "CNMS", "EQUAL"),
        (stored_files(of=["FORF"]), "FORF", "FINRA_DAILY"),
        (stored_files(of=["CNMS"]), "FORF", "EQUAL"),
        (MIXED, "SUM", "FINRA_DAILY"),
        (stored_files(of=["API"]), "API", "FINRA_DAILY"),
        (pl.concat([MIXED[1:], stored_files(of=["FORF"])]), "CNMS", "EQUAL"),
    ],
)
def test_the_files_of_a_week_are_whole_by_the_kind_that_the_symbol_is_in(files, source, basis):
    week = a_week([10.0, None, 30.0, 40.0], [None] * 4)
    assert allocated(week, SHORT_WEEK[0], files=files, source=source)["otc_alloc_basis"].to_list() == [basis]


def test_the_participation_rate_needs_every_session_and_zero_is_a_volume():
    assert allocated(a_week([1.0] * 4, [0.0, 100.0, 100.0, 200.0]), SHORT_WEEK[0])["otc_participation_rate"].to_list() == [0.25]
    assert allocated(a_week([1.0] * 4, [None, 100.0, 100.0, 200.0]), SHORT_WEEK[0])["otc_participation_rate"].to_list() == [None]


def test_a_fraction_of_a_share_is_a_consolidated_volume():
    assert allocated(a_week([1.0] * 4, [0.125] * 4), SHORT_WEEK[0])["otc_participation_rate"].to_list() == [200.0]


def test_a_week_without_any_consolidated_share_has_no_participation_rate():
    assert allocated(a_week([1.0] * 4, [0.0] * 4), SHORT_WEEK[0])["otc_participation_rate"].to_list() == [None]


@pytest.mark.parametrize(("ratio", "buy", "sell"), [(0.0, 0.0, 25.0), (1.0, 25.0, 0.0), (None, None, None)])
def test_the_ratio_divides_the_allocation(ratio, buy, sell):
    (row,) = allocated(a_week([1.0] * 4, [1.0] * 4, ratio=ratio), SHORT_WEEK[0]).to_dicts()
    assert (row["otc_buy_volume"], row["otc_sell_volume"]) == (buy, sell)


shares = st.none() | st.just(0.0) | st.floats(0.000001, 1e10)


@settings(max_examples=60, deadline=None)
@given(st.lists(shares, min_size=4, max_size=4), st.lists(shares, min_size=4, max_size=4), st.floats(0, 1e11), st.floats(0, 1))
def test_over_a_week_the_allocations_sum_to_its_volume_on_one_basis(totals, volumes, weekly, ratio):
    rows = pl.concat([allocated(a_week(totals, volumes, weekly=weekly, ratio=ratio), day) for day in SHORT_WEEK])
    assert rows["otc_alloc_volume"].sum() == pytest.approx(weekly, rel=1e-9)
    assert (rows["otc_buy_volume"] + rows["otc_sell_volume"]).sum() == pytest.approx(weekly, rel=1e-9)
    assert rows["otc_alloc_basis"].n_unique() == 1
