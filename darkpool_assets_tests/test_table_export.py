"""Exported tables: what was stored comes back, a spreadsheet runs nothing, and a wrong request names what is allowed."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from darkpool_assets.settings import SettingsError
from darkpool_assets.table_export import export_table
from darkpool_assets.tables import TABLES
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, TUESDAY
from darkpool_assets_tests.hand_made_graph import Graph

EVER = {"first": dt.date.min, "last": dt.date.max}
FILLED = [name for name in TABLES if name not in {"composite_signal", "provenance_events"}]


@pytest.mark.parametrize("table", FILLED)
def test_parquet_gives_every_stored_row_and_type_back(made_week: Graph, tmp_path: Path, table: str):
    rows = export_table(made_week.warehouse, table, tmp_path / "rows.parquet", **EVER)
    back = pl.read_parquet(tmp_path / "rows.parquet")
    assert_frame_equal(back, made_week.rows(table))
    assert (back.height, back.schema) == (rows, TABLES[table].schema)


def test_csv_gives_numbers_back_at_full_precision(made_week: Graph, tmp_path: Path):
    export_table(made_week.warehouse, "daily_metrics", tmp_path / "rows.csv", **EVER)
    back = pl.read_csv(tmp_path / "rows.csv", schema=TABLES["daily_metrics"].schema)
    assert_frame_equal(back, made_week.rows("daily_metrics"), check_exact=True)


def test_a_range_holds_both_its_ends_and_nothing_else(made_week: Graph, tmp_path: Path):
    assert export_table(made_week.warehouse, "daily_metrics", tmp_path / "rows.csv", first=MONDAY, last=TUESDAY) == 6
    assert set(pl.read_csv(tmp_path / "rows.csv", try_parse_dates=True)["date"]) == {MONDAY, TUESDAY}


@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", " =1"])
def test_a_formula_in_a_csv_is_inert_and_in_parquet_untouched(again: Graph, tmp_path: Path, formula: str):
    with again.warehouse._connect() as connection:
        connection.execute("update finra_otc_weekly_raw set issue_name = ?", [formula])
    for suffix in ("csv", "parquet"):
        export_table(again.warehouse, "finra_otc_weekly_raw", tmp_path / f"rows.{suffix}", **EVER)
    assert set(pl.read_csv(tmp_path / "rows.csv")["issue_name"]) == {f"'{formula}"}
    assert set(pl.read_parquet(tmp_path / "rows.parquet")["issue_name"]) == {formula}


def test_negative_numbers_of_a_csv_stay_numbers(made_week: Graph, tmp_path: Path):
    export_table(made_week.warehouse, "daily_metrics", tmp_path / "rows.csv", **EVER)
    assert (pl.read_csv(tmp_path / "rows.csv")["return_1d"] < 0).any()


def test_an_unknown_table_and_suffix_are_told_at_once(made_week: Graph, tmp_path: Path):
    with pytest.raises(SettingsError) as error:
        export_table(made_week.warehouse, "nothing", tmp_path / "rows.xlsx", **EVER)
    assert [fault.split(":")[0] for fault in error.value.faults] == ["TABLE", "FILE"]
    assert "daily_metrics" in str(error.value)
    assert ".parquet or .csv" in str(error.value)


def test_a_range_without_rows_writes_no_file(made_week: Graph, tmp_path: Path):
    with pytest.raises(SettingsError, match="holds no row between 2026-01-01 and 2026-01-02"):
        export_table(
            made_week.warehouse, "daily_metrics", tmp_path / "rows.csv", first=dt.date(2026, 1, 1), last=dt.date(2026, 1, 2)
        )
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_is_replaced_and_nothing_is_left_beside_it(made_week: Graph, tmp_path: Path):
    (tmp_path / "rows.csv").write_text("old")
    export_table(made_week.warehouse, "daily_metrics", tmp_path / "rows.csv", first=FRIDAY, last=FRIDAY)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert (tmp_path / "rows.csv").read_text().startswith("date,symbol,")
