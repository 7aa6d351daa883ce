"""The columns of the index table: the members' short pressure, and the index's own or its proxy's price.

Each column is declared once with the rule that makes its cell from a stored row of `index_constituent_short_agg_daily`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from darkpool_assets.rendering.daily_table.cell_rules import (
    StoredRow,
    change_in_percent,
    date_cell,
    figure,
    noted,
    one_decimal,
    pressure_cell,
    pressure_tint,
    provenance_cell,
    ratio,
    words,
    z_score,
)
from darkpool_assets.rendering.daily_table.declared_columns import Rule, Spanner, cells_of, groups_of, stored_column
from darkpool_assets.rendering.daily_table.table_model import BadgeKind, Cell, Emphasis, Kind
from darkpool_assets.rendering.display_text import EN_DASH, counted, shares
from darkpool_assets.tables import INDEX_CONSTITUENT_SHORT_AGG_DAILY
from darkpool_assets.vocabulary import DenominatorType, IndexPriceSource

_DENOMINATOR_WORDS: Final[Mapping[str, str]] = {
    DenominatorType.FINRA_TOTAL: "FINRA",
    DenominatorType.POLYGON_TOTAL: "Polygon",
    DenominatorType.MIXED: "mixed",
}
_PRICE_SOURCE_WORDS: Final[Mapping[str, str]] = {IndexPriceSource.INDEX: "the index itself", IndexPriceSource.PROXY: "proxy"}
_column = partial(stored_column, INDEX_CONSTITUENT_SHORT_AGG_DAILY)


def _short_z(key: str, label: str) -> Rule[StoredRow]:
    return _column(key, label, "z"), lambda row: figure(row[key], z_score, tint=pressure_tint(row[key]))


def _denominator(row: StoredRow) -> Cell:
    kind = row["denominator_type"] or ""
    volume = noted(row["total_denominator_volume"], shares)
    text = _DENOMINATOR_WORDS.get(kind, kind)
    if kind in {DenominatorType.POLYGON_TOTAL, DenominatorType.MIXED}:
        return Cell(text=text, sort=text, badge=BadgeKind.CAUTION, note=volume)
    return words(text, note=volume if text else "")


def _members(row: StoredRow) -> Cell:
    counted_members, expected = row["coverage_count"], row["expected_constituent_count"]
    if counted_members is None or expected is None:
        return Cell()
    coverage = noted(row["coverage_pct"], one_decimal)
    note = EN_DASH if coverage == EN_DASH else f"{coverage}%"
    return Cell(text=f"{counted_members} / {expected}", sort=float(counted_members), note=note)


def _dollar_weighted(row: StoredRow) -> Cell:
    priced = row["priced_count"]
    return figure(row["dollar_weighted_short_ratio"], ratio, note="" if priced is None else counted(priced, "member"))


def _price_symbol(row: StoredRow) -> Cell:
    source = row["index_price_source"]
    return words(row["index_price_symbol"], note=_PRICE_SOURCE_WORDS.get(source, source or ""))


READ: Final[tuple[Rule[StoredRow], ...]] = (
    (_column("index_symbol", "Index", "", Kind.TEXT), lambda row: words(row["index_symbol"], emphasis=Emphasis.STRONG)),
    (
        _column("interpretation_label", "Pressure", "short × price", Kind.TEXT),
        lambda row: pressure_cell(row["interpretation_label"], short_z=row["agg_short_ratio_z"]),
    ),
    (
        _column("data_quality", "OTC provenance", "members' own week", Kind.TEXT),
        lambda row: provenance_cell(row["data_quality"], None),
    ),
)
SHORT: Final[tuple[Rule[StoredRow], ...]] = (
    (_column("agg_short_ratio", "Short ratio", "ratio"), lambda row: figure(row["agg_short_ratio"], ratio)),
    _short_z("agg_short_ratio_z", "Short ratio"),
    (_column("denominator_type", "Denominator", "shares", Kind.TEXT), _denominator),
    (_column("dollar_weighted_short_ratio", "Dollar-weighted", "ratio"), _dollar_weighted),
    _short_z("dollar_weighted_short_ratio_z", "Dollar-weighted"),
    (_column("coverage_count", "Members", "coverage"), _members),
    (
        _column("constituents_list_date", "List of", "date", Kind.TEXT),
        lambda row: date_cell(row["constituents_list_date"], beside=row["trade_date"]),
    ),
)
PRICE: Final[tuple[Rule[StoredRow], ...]] = (
    (_column("index_return", "1 day", "%"), lambda row: figure(row["index_return"], change_in_percent)),
    (_column("index_return_z", "1 day", "z"), lambda row: figure(row["index_return_z"], z_score)),
    (_column("index_price_symbol", "Price of", "source", Kind.TEXT), _price_symbol),
)
SPANNERS: Final = (
    Spanner("", "", READ),
    Spanner("FINRA short sale of the members", "ratio of shares", SHORT),
    Spanner("Price", "return", PRICE),
)
INDEX_GROUPS: Final = groups_of(SPANNERS)


def index_cells(row: StoredRow) -> tuple[Cell, ...]:
    """The cells of one index's row, one per column of INDEX_GROUPS."""
    return cells_of(SPANNERS, row)
