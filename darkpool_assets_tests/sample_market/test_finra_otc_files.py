import datetime as dt
import json
from collections import defaultdict

import pytest

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.finra_otc_files import OTC_TIERS, first_published, otc_rows, restated_on
from darkpool_assets.sample_market.finra_short_files import short_rows
from darkpool_assets.sample_market.share_volumes import SHARE
from darkpool_assets.sample_market.universe import UNIVERSE
from darkpool_assets.vocabulary import ShortFileFamily

WEEK = dt.date(2025, 11, 17)
SYMBOL_TYPES = ("ATS_W_SMBL", "OTC_W_SMBL")


def by_symbol(rows, *, types=SYMBOL_TYPES, tiers=OTC_TIERS) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for row in rows:
        if row["summaryTypeCode"] in types and row["tierIdentifier"] in tiers:
            total[row["issueSymbolIdentifier"]] += row["totalWeeklyShareQuantity"]
    return total


def short_totals(history, week) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for day in market_calendar.sessions_of_week(week):
        rows = short_rows(history, day)
        for row in rows[ShortFileFamily.CNMS] + rows[ShortFileFamily.FORF]:
            total[row.symbol.replace("/", ".")] += row.total / SHARE
    return total


def rows_of(history, week):
    return [row for tier in OTC_TIERS for row in otc_rows(history, week, tier)]


@pytest.mark.parametrize("week", [dt.date(2018, 12, 3), dt.date(2025, 9, 1), WEEK, dt.date(2025, 12, 22)])
def test_a_week_holds_slightly_more_than_its_short_files(history, week):
    weekly, daily = by_symbol(rows_of(history, week)), short_totals(history, week)
    reported = {symbol: total for symbol, total in daily.items() if symbol != "XLF" and total > 0}
    assert all(weekly[symbol] >= total for symbol, total in reported.items())
    assert all(weekly[symbol] <= 1.1 * total + 10 for symbol, total in reported.items() if symbol != "TLT")


@pytest.mark.parametrize("week", [dt.date(2018, 12, 3), WEEK, dt.date(2025, 12, 22)])
def test_a_week_holds_less_than_the_consolidated_volume(history, week):
    weekly = by_symbol(rows_of(history, week))
    numbers = history.numbers_of_week(week)
    for index, security in enumerate(UNIVERSE):
        if security.is_listed:
            assert weekly[security.symbol] <= history.volumes.consolidated[numbers, index].sum() / SHARE


def test_firm_rows_repeat_the_shares_of_the_symbol_rows(history):
    rows = [row for row in rows_of(history, dt.date(2025, 12, 15)) if row["tierIdentifier"] in OTC_TIERS]
    for summary_type in SYMBOL_TYPES:
        assert by_symbol(rows, types=(f"{summary_type}_FIRM",)) == by_symbol(rows, types=(summary_type,))


def test_rows_carry_the_fields_of_the_query_api(history, real_samples):
    recorded = json.loads((real_samples / "finra_otc" / "weeklySummary_AAPL_recorded.json").read_text())[0]
    row = next(row for row in otc_rows(history, WEEK, "T1") if row["summaryTypeCode"] == "ATS_W_SMBL")
    assert set(recorded["json"]["fields"]) <= set(row)
    assert {"tierIdentifier", "summaryTypeCode", "MPID", "firmCRDNumber", "summaryStartDate"} <= set(row)
    example = json.loads(recorded["text"])[0]
    assert all(type(row[name]) is type(value) for name, value in example.items())


def test_rows_arrive_unsorted(history):
    symbols = [row["issueSymbolIdentifier"] for row in otc_rows(history, WEEK, "T1")]
    assert symbols != sorted(symbols)


def test_tier_one_is_published_three_weeks_after_its_monday_and_the_rest_after_five():
    assert first_published(WEEK, "T1") == dt.date(2025, 12, 8)
    assert first_published(WEEK, "T2") == first_published(WEEK, "OTCE") == dt.date(2025, 12, 22)


def test_a_holiday_monday_moves_the_publication_of_tier_one_by_a_day():
    assert first_published(dt.date(2025, 8, 11), "T1") == dt.date(2025, 9, 2)


def test_unpublished_weeks_are_written_too(written_market):
    assert (written_market.folder / "finra_otc" / "weeklySummary_2025-12-29_T1.json").is_file()
    assert first_published(dt.date(2025, 12, 29), "T1") > written_market.last_session


def test_one_configured_ticker_has_no_weekly_row_at_all(history):
    assert "XLF" not in by_symbol([row for week in history.market.otc_weeks for row in rows_of(history, week)])


def test_some_tiers_are_there_to_be_dropped(history):
    assert {row["tierIdentifier"] for row in rows_of(history, WEEK)} == {"T1", "T2", "OTCE", "NMS", "NA"}


def test_a_restated_copy_moves_the_update_date_of_the_rows_it_changes(history):
    restated = restated_on(WEEK, "T1")
    assert restated == dt.date(2025, 12, 23)
    before = by_symbol(otc_rows(history, WEEK, "T1"))
    rows = otc_rows(history, WEEK, "T1", restated=restated)
    changed = {symbol for symbol, shares in by_symbol(rows).items() if shares != before[symbol]}
    assert "AAPL" in changed
    assert "SPY" not in changed
    moved = {row["issueSymbolIdentifier"] for row in rows if row["lastUpdateDate"] == "2025-12-23"}
    assert changed == moved
    assert {row["initialPublishedDate"] for row in rows} == {"2025-12-08"}


def test_some_weeks_are_restated_before_the_last_session_and_some_after(history):
    updates = [update for week in history.market.otc_weeks if (update := restated_on(week, "T1"))]
    assert 3 <= len(updates) <= 10
    assert min(updates) <= history.market.last_session < max(updates)


def test_a_mid_week_tape_change_gives_a_row_per_product_type(history):
    rows = [row for row in otc_rows(history, dt.date(2025, 11, 24), "T1") if row["issueSymbolIdentifier"] == "IWM"]
    assert sorted(row["productTypeCode"] for row in rows if row["summaryTypeCode"] == "ATS_W_SMBL") == ["CTS", "UTP"]


def test_a_reused_ticker_gives_a_row_per_issue_name(history):
    rows = [row for row in otc_rows(history, dt.date(2025, 12, 1), "T1") if row["issueSymbolIdentifier"] == "META"]
    names = [row["issueName"] for row in rows if row["summaryTypeCode"] == "OTC_W_SMBL"]
    assert len(names) == len(set(names)) == 2


def test_quantities_are_whole_before_the_change_and_fractional_after(fractional_history):
    before = otc_rows(fractional_history, dt.date(2026, 2, 16), "T1")
    after = otc_rows(fractional_history, dt.date(2026, 2, 23), "T1")
    assert all(isinstance(row["totalWeeklyShareQuantity"], int) for row in before)
    assert any(isinstance(row["totalWeeklyShareQuantity"], float) for row in after)
