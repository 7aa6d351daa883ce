"""The model of the day's table: what stands in each cell, and what must not."""

import datetime as dt

import pytest

from darkpool_assets.rendering.daily_table.table_model import BadgeKind, Emphasis, Kind, Tint
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.theme import Hue
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

OTC_OF_THE_DAY = ("otc_alloc_volume", "otc_buy_volume", "otc_sell_volume", "otc_participation_rate")
READ = ("symbol", "pressure_context_label", "data_quality")


@pytest.fixture
def cell_of(table_of):
    """A stored row and a column's key -> the cell."""
    return lambda row, key, **options: table_of(row, **options).sections[0].cell(0, key)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("symbol", "SPY"),
        ("close", "242.02"),
        ("return_1d", "−1.57"),
        ("return_z", "−0.51"),
        ("range_pct", "1.8"),
        ("lit_buy_volume", "8.07M"),
        ("lit_sell_volume", "6.80M"),
        ("lit_buy_ratio", "0.543"),
        ("log_buy_sell", "+0.171"),
        ("log_buy_sell_z", "+1.23"),
        ("classification_method", "NBBO"),
        ("short_ratio", "0.446"),
        ("short_ratio_z", "−1.60"),
        ("short_volume_ratio", "0.444"),
        ("short_ratio_denominator_type", "FINRA"),
        ("otc_off_exchange_volume", "28.09M"),
        ("otc_week_used", "22 Dec"),
        ("otc_alloc_volume", "5.60M"),
        ("otc_buy_volume", "3.04M"),
        ("otc_sell_volume", "2.56M"),
        ("otc_participation_rate", "38.2"),
    ],
)
def test_a_value_is_spelled_in_the_unit_of_its_column(cell_of, anchored, key, text):
    assert cell_of(anchored(), key).text == text


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ("classification_method", "98%"),
        ("short_ratio_denominator_type", "CNMS"),
        ("otc_week_used", "12 Jan 2026"),
        ("otc_alloc_volume", "by FINRA"),
    ],
)
def test_a_note_says_what_the_value_rests_on(cell_of, anchored, key, note):
    assert cell_of(anchored(), key).note == note


def test_every_column_states_its_meaning_and_all_but_the_name_a_unit(table_of, anchored):
    for section in table_of(anchored()).sections:
        assert all(column.meaning for column in section.columns)
        assert all(column.unit for column in section.columns[1:])


def test_every_titled_group_states_a_unit(full_table):
    assert all(group.unit for section in full_table.sections for group in section.groups if group.title)


def test_there_is_no_composite_in_this_table(full_table):
    keys = {column.key for section in full_table.sections for column in section.columns}
    assert not [key for key in keys if "composite" in key or "confidence" in key or "final_label" in key]


def test_a_symbol_without_any_feed_is_en_dashes_only(table_of, bare):
    section = table_of(bare()).sections[0]
    shown = {column.key: section.cell(0, column.key) for column in section.columns if column.key not in READ}
    assert {(cell.text, cell.sort, cell.note) for cell in shown.values()} == {("–", None, "")}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_an_en_dash(cell_of, anchored, value):
    assert cell_of(anchored(close=value), "close").text == "–"


def test_what_rounds_to_zero_has_neither_sign_nor_tint(cell_of, anchored):
    cell = cell_of(anchored(log_buy_sell=-0.0001), "log_buy_sell")
    assert (cell.text, cell.tint) == ("0.000", None)


@pytest.mark.parametrize("key", OTC_OF_THE_DAY)
def test_a_pre_otc_row_shows_no_otc_volume_of_the_day(cell_of, pre_otc, key):
    assert cell_of(pre_otc(), key).text == "–"


@pytest.mark.parametrize("key", OTC_OF_THE_DAY)
def test_a_pre_otc_row_stays_blank_whatever_is_stored(cell_of, pre_otc, key):
    assert cell_of(pre_otc(**{key: 0.5}), key).text == "–"


def test_a_pre_otc_row_shows_the_older_week_muted(cell_of, pre_otc):
    cell = cell_of(pre_otc(), "otc_off_exchange_volume")
    assert (cell.text, cell.emphasis) == ("28.09M", Emphasis.MUTED)


@pytest.mark.parametrize(
    ("changes", "text", "badge", "note"),
    [
        ({}, "OTC_ANCHORED", BadgeKind.ANCHORED, ""),
        ({"data_quality": "PRE_OTC", "otc_status": "NOT_YET_PUBLISHED"}, "PRE_OTC", BadgeKind.PRE_OTC, "not yet published"),
        ({"data_quality": "PRE_OTC", "otc_status": "OVERDUE"}, "PRE_OTC", BadgeKind.PRE_OTC, "overdue"),
        ({"data_quality": "PRE_OTC", "otc_status": "NO_COVERAGE"}, "NO COVERAGE", BadgeKind.NO_COVERAGE, "PRE_OTC, no week"),
    ],
)
def test_the_provenance_badge_gives_the_reason(cell_of, anchored, changes, text, badge, note):
    cell = cell_of(anchored(**changes), "data_quality")
    assert (cell.text, cell.badge, cell.note) == (text, badge, note)


@pytest.mark.parametrize(
    ("label", "text", "icon"),
    [
        ("SHORT_INTO_STRENGTH", "Short into strength", Icon.UP),
        ("SHORT_ON_WEAKNESS", "Short on weakness", Icon.DOWN),
        ("LOW_SHORT_STRONG_UP", "Low short, strong up", Icon.UP_HOLLOW),
        ("LOW_SHORT_SELL_OFF", "Low short, sell-off", Icon.DOWN_HOLLOW),
        ("NEUTRAL", "Neutral", Icon.DOT),
    ],
)
def test_the_pressure_label_is_words_and_a_shape_of_its_own(cell_of, anchored, label, text, icon):
    cell = cell_of(anchored(pressure_context_label=label), "pressure_context_label")
    assert (cell.text, cell.mark.icon, cell.tint) == (text, icon, None)


def test_a_neutral_label_without_a_short_z_says_so(cell_of, bare):
    assert cell_of(bare(), "pressure_context_label").note == "no short z"


def test_an_unknown_label_is_shown_as_it_is(cell_of, anchored):
    label = "A_LABEL_" * 20
    assert cell_of(anchored(pressure_context_label=label), "pressure_context_label").text == label


@pytest.mark.parametrize(
    ("value", "tint"), [(0.04, None), (0.05, Tint(Hue.BUY, 1)), (0.3, Tint(Hue.BUY, 3)), (-0.5, Tint(Hue.SELL, 4))]
)
def test_direction_is_tinted_by_its_side_and_size(cell_of, anchored, value, tint):
    assert cell_of(anchored(log_buy_sell=value), "log_buy_sell").tint == tint


@pytest.mark.parametrize("value", [-2.1, 2.1])
def test_a_short_z_has_one_hue_for_both_signs(cell_of, anchored, value):
    assert cell_of(anchored(short_ratio_z=value), "short_ratio_z").tint == Tint(Hue.PRESSURE, 3)


def test_a_price_move_takes_no_side(cell_of, anchored):
    assert cell_of(anchored(return_1d=0.2), "return_1d").tint is None


@pytest.mark.parametrize("key", ["log_buy_sell", "log_buy_sell_z"])
def test_no_colour_claims_a_side_on_which_the_rules_disagree(cell_of, anchored, key):
    assert cell_of(anchored(direction_stable=False), key).tint is None


def test_the_line_of_direction_ends_without_a_side_where_the_rules_disagree(cell_of, anchored):
    history = {"SPY": [(240.0, 0.1)] * 5}
    assert cell_of(anchored(direction_stable=False), "direction_line", history=history).spark.end_hue is None


def test_rules_that_disagree_are_marked_in_words(cell_of, anchored):
    assert cell_of(anchored(direction_stable=False), "log_buy_sell").mark.words == "rules disagree"


@pytest.mark.parametrize("stable", [True, None])
def test_rules_that_agree_or_do_not_speak_leave_no_mark(cell_of, anchored, stable):
    assert cell_of(anchored(direction_stable=stable), "log_buy_sell").mark is None


def test_the_range_over_the_rules_stands_under_the_buy_ratio(cell_of, anchored):
    assert cell_of(anchored(lit_buy_ratio_low=0.4412, lit_buy_ratio_high=0.4671), "lit_buy_ratio").note == "0.44–0.47"


def test_a_missing_range_is_an_en_dash(cell_of, anchored):
    assert cell_of(anchored(lit_buy_ratio_low=None, lit_buy_ratio_high=None), "lit_buy_ratio").note == "–"


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("short_ratio_denominator_type", {"short_ratio_denominator_type": "POLYGON_TOTAL"}),
        ("classification_method", {"classification_method": "BVC"}),
    ],
)
def test_a_substitute_input_is_badged(cell_of, anchored, key, changes):
    assert cell_of(anchored(**changes), key).badge == BadgeKind.CAUTION


def test_a_day_without_an_eligible_trade_keeps_its_true_zeros(cell_of, anchored):
    assert cell_of(anchored(lit_buy_volume=0.0, classification_method="NONE"), "lit_buy_volume").text == "0"


def test_a_symbol_that_turns_the_reading_direction_is_made_harmless(cell_of, anchored):
    assert cell_of(anchored(symbol="\u202eYPS"), "symbol").text == "\ufffdYPS"


def test_rows_follow_the_order_of_the_tickers_and_then_the_names(table_of, anchored):
    table = table_of(*(anchored(symbol=name) for name in ("B", "A", "Z", "Y")), tickers=["Z", "Y"])
    assert [row[0].text for row in table.sections[0].rows] == ["Z", "Y", "A", "B"]


def test_a_session_without_a_row_is_a_gap_in_the_line(cell_of, anchored):
    history = {"SPY": [(240.0, 0.1), None, (243.0, -0.2), (241.0, 0.0), (242.0, 0.17)]}
    assert [len(run) for run in cell_of(anchored(), "close_line", history=history).spark.segments] == [1, 3]


def test_a_symbol_without_history_has_no_line(cell_of, anchored):
    assert cell_of(anchored(), "direction_line").is_missing


def test_graphics_are_the_only_columns_without_a_sort_value(full_table):
    section = full_table.sections[0]
    unsorted = {column.kind for column in section.columns if section.cell(0, column.key).sort is None}
    assert unsorted == {Kind.GRAPHIC}


@pytest.mark.parametrize(
    ("key", "text", "note"),
    [
        ("agg_short_ratio", "0.461", ""),
        ("agg_short_ratio_z", "+1.37", ""),
        ("denominator_type", "FINRA", "2.60B"),
        ("dollar_weighted_short_ratio", "0.439", "96 members"),
        ("coverage_count", "97 / 100", "97.0%"),
        ("constituents_list_date", "30 Sep", ""),
        ("index_return", "+0.32", ""),
        ("index_price_symbol", "SPY", "proxy"),
        ("interpretation_label", "Short into strength", ""),
    ],
)
def test_an_index_row_is_spelled_like_a_symbol_row(table_of, anchored, index_row, key, text, note):
    cell = table_of(anchored(), indices=[index_row()]).sections[1].cell(0, key)
    assert (cell.text, cell.note) == (text, note)


def test_an_index_with_nothing_counted_is_en_dashes_and_its_member_count(table_of, index_row):
    blank = {key: None for key in index_row() if key.startswith(("total", "agg", "dollar", "index_")) and key != "index_symbol"}
    section = table_of(indices=[index_row(**blank, denominator_type=None, coverage_count=0, coverage_pct=0.0)]).sections[1]
    shown = [section.cell(0, key).text for key in ("agg_short_ratio", "denominator_type", "coverage_count")]
    assert shown == ["–", "–", "0 / 100"]


def test_a_day_without_index_rows_says_so(table_of, anchored):
    section = table_of(anchored()).sections[1]
    assert (section.rows, section.empty_text) == ((), "No index row is stored for this day.")


def test_a_table_without_rows_is_still_a_table(table_of):
    assert table_of().facts == ("0 symbols",)


def test_the_facts_count_symbols_by_provenance_and_reason(full_table):
    assert full_table.facts == (
        "3 symbols",
        "1 OTC_ANCHORED",
        "2 PRE_OTC (1 not yet published, 1 no coverage)",
        "as of 24 Dec 2025",
        "inference PhaseA_v1",
    )


def test_the_title_names_the_day(full_table):
    assert full_table.title == "Institutional accumulation / distribution · Wed 24 Dec 2025"


def test_the_disclaimer_is_the_vocabularys(full_table):
    assert full_table.disclaimer == DISCLAIMER


def test_sample_data_are_marked(full_table):
    assert full_table.sample_notice == SAMPLE_DATA_NOTICE


def test_real_data_carry_no_sample_mark(table_of, anchored):
    assert table_of(anchored()).sample_notice == ""


def test_a_ticker_without_a_stored_row_is_named(table_of, anchored):
    assert "No stored row: QQQ." in table_of(anchored(), tickers=["SPY", "QQQ"]).notices


def test_feeds_without_any_value_are_named(table_of, bare):
    assert table_of(bare()).notices == ("No value for any symbol: price, lit market, FINRA short sale, FINRA OTC week.",)


def test_direction_from_bars_is_explained(table_of, anchored):
    notice, *_ = table_of(anchored(classification_method="BVC")).notices
    assert "SPY" in notice
    assert "off-exchange prints" in notice


@pytest.mark.parametrize(
    ("kind", "formula"),
    [("SHORT_PLUS_EXEMPT", "Short ratio = (short + short exempt) ÷ denominator"), ("SHORT", "Short ratio = short ÷ denominator")],
)
def test_the_legend_states_the_numerator_of_the_rows(table_of, anchored, kind, formula):
    assert table_of(anchored(short_ratio_numerator_type=kind)).legend[-1].text == formula


def test_rows_of_another_day_are_refused(table_of, anchored):
    with pytest.raises(ValueError, match="2025-12-23"):
        table_of(anchored(date=dt.date(2025, 12, 23)))


def test_rows_of_two_inference_versions_are_refused(table_of, anchored):
    with pytest.raises(ValueError, match="one inference_version"):
        table_of(anchored(), anchored(symbol="QQQ", inference_version="PhaseB"))


def test_two_rows_of_one_symbol_are_refused(table_of, anchored):
    with pytest.raises(ValueError, match="one row per symbol"):
        table_of(anchored(), anchored())
