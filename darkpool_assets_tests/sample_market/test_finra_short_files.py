import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkpool_assets.sample_market import oddities
from darkpool_assets.sample_market.finra_short_files import short_file_name, short_files, short_rows
from darkpool_assets.vocabulary import FACILITY_FAMILIES, ShortFileFamily

DAY = dt.date(2025, 12, 2)
HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"


def parsed(content: bytes) -> list[list[str]]:
    return [line.split("|") for line in content.decode("ascii").split("\r\n")[1:-2]]


def volumes(content: bytes) -> dict[str, list[Decimal]]:
    return {row[1]: [Decimal(value) for value in row[2:5]] for row in parsed(content)}


def files_by_family(history, day):
    files = short_files(history, day)
    return {family: files[short_file_name(family, day)] for family in ShortFileFamily if family != ShortFileFamily.API}


def test_a_file_is_crlf_text_with_header_and_row_count(history):
    lines = files_by_family(history, dt.date(2025, 12, 31))[ShortFileFamily.CNMS].decode("ascii").split("\r\n")
    assert lines[0] == HEADER
    assert lines[-1] == ""
    assert int(lines[-2]) == len(lines) - 3 > 40


def test_the_real_files_have_the_same_shape(history, real_samples):
    real = (real_samples / "finra_short" / "CNMSshvol20200102.txt").read_bytes()
    made = files_by_family(history, DAY)[ShortFileFamily.CNMS]
    assert made.split(b"\r\n")[0] == real.split(b"\r\n")[0]
    assert made.endswith(b"\r\n")
    assert real.endswith(b"\r\n")
    assert {len(row) for row in parsed(made)} == {len(row) for row in parsed(real)}


@settings(max_examples=40, deadline=None)
@given(offset=st.integers(0, 1865))
def test_the_consolidated_file_is_the_sum_of_the_facilities(history, offset):
    rows = short_rows(history, history.sessions[offset])
    facilities: Counter[tuple[str, str]] = Counter()
    for family in FACILITY_FAMILIES:
        for row in rows[family]:
            facilities.update({(row.symbol, "short"): row.short, (row.symbol, "exempt"): row.short_exempt})
            facilities.update({(row.symbol, "total"): row.total})
    for row in rows[ShortFileFamily.CNMS]:
        summed = tuple(facilities[row.symbol, name] for name in ("short", "exempt", "total"))
        assert summed == (row.short, row.short_exempt, row.total)


@settings(max_examples=40, deadline=None)
@given(offset=st.integers(0, 1865))
def test_exempt_is_part_of_short_and_short_part_of_total(history, offset):
    for rows in short_rows(history, history.sessions[offset]).values():
        assert all(0 <= row.short_exempt <= row.short <= row.total for row in rows)


def test_otc_equities_are_in_forf_and_nowhere_else(history):
    rows = short_rows(history, DAY)
    assert {row.market for row in rows[ShortFileFamily.FORF]} == {"O"}
    others = {row.symbol for family in (ShortFileFamily.CNMS, *FACILITY_FAMILIES) for row in rows[family]}
    assert not others & {row.symbol for row in rows[ShortFileFamily.FORF]}


def test_symbols_are_spelled_as_reg_sho_spells_them(history):
    symbols = {row[1] for day in history.sessions[-60:] for row in parsed(files_by_family(history, day)[ShortFileFamily.CNMS])}
    assert {"BRK/B", "NA", "NAN", "TRUE", "ABRpD", "SPCE/WS", "CCH/U"} <= symbols


def test_market_names_the_reporting_facilities(history):
    rows = {row[1]: row[5] for row in parsed(files_by_family(history, DAY)[ShortFileFamily.CNMS])}
    assert rows["SPY"].startswith("B,Q,N")


def test_volumes_are_whole_before_the_change_and_fractional_after(history, fractional_history):
    before = files_by_family(history, dt.date(2025, 12, 31))[ShortFileFamily.CNMS]
    after = files_by_family(fractional_history, dt.date(2026, 2, 23))[ShortFileFamily.CNMS]
    assert b"." not in before
    assert all(
        value % 1 and value.as_tuple().exponent == -6 for value in (row[2] for row in volumes(after).values() if row[2] > 10**6)
    )
    assert any(row[2] % 1 == 0 for row in volumes(after).values())


def test_fractional_facilities_add_up_exactly(fractional_history):
    files = files_by_family(fractional_history, dt.date(2026, 3, 3))
    facilities = [volumes(files[family]) for family in FACILITY_FAMILIES]
    for symbol, consolidated in volumes(files[ShortFileFamily.CNMS]).items():
        parts = [facility[symbol] for facility in facilities if symbol in facility]
        assert [sum(values) for values in zip(*parts, strict=True)] == consolidated


def test_an_adf_file_without_trades_is_header_and_zero(history):
    contents = [files_by_family(history, day)[ShortFileFamily.FNRA] for day in history.sessions[-20:]]
    assert f"{HEADER}\r\n0\r\n".encode() in contents
    assert any(len(content) > 80 for content in contents)


def test_on_some_days_one_file_repeats_a_row_and_counts_it(history):
    repeated = []
    for day in history.sessions[-30:]:
        for content in files_by_family(history, day).values():
            rows = [tuple(row) for row in parsed(content)]
            assert int(content.split(b"\r\n")[-2]) == len(rows)
            repeated.append(len(rows) - len(set(rows)))
    assert max(repeated) == 1
    assert 1 <= sum(repeated) <= 10


def test_thin_symbols_miss_some_days(history):
    present = [
        "CCH/U" in {row.symbol for row in short_rows(history, day)[ShortFileFamily.CNMS]} for day in history.sessions[-60:]
    ]
    assert 0 < sum(present) < 60


def test_one_ticker_has_only_zeros_on_one_day(history):
    days = [day for day in history.market.trade_sessions if oddities.has_zero_short_total("TLT", history.number_of(day))]
    assert days
    row = volumes(files_by_family(history, days[0])[ShortFileFamily.CNMS])["TLT"]
    assert row == [0, 0, 0]


def test_a_day_outside_the_history_is_refused(history):
    with pytest.raises(KeyError, match="2025-12-25"):
        short_rows(history, dt.date(2025, 12, 25))
