"""The columns of the symbol table, left to right: what matters first, then price, lit market, short sale, OTC week.

Each column is declared once with the rule that makes its cell from a stored row of `daily_metrics`. OTC numbers of a
row that is not anchored are context: its week's volume is muted and nothing is allocated to the day, whatever is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from darkpool_assets.rendering.daily_table.cell_rules import (
    LOG_RATIO_STEPS,
    RULES_DISAGREE,
    Z_STEPS,
    Spelling,
    StoredRow,
    change_in_percent,
    date_cell,
    dollars,
    figure,
    log_ratio,
    noted,
    one_decimal,
    pressure_cell,
    pressure_tint,
    provenance_cell,
    range_text,
    ratio,
    ratio_as_percent,
    signed_tint,
    words,
    z_score,
)
from darkpool_assets.rendering.daily_table.declared_columns import Rule, Spanner, cells_of, groups_of, stored_column
from darkpool_assets.rendering.daily_table.table_model import BadgeKind, Cell, Column, Emphasis, Kind
from darkpool_assets.rendering.display_text import EN_DASH, day_text, fixed, shares
from darkpool_assets.rendering.sparkline import Sparkline
from darkpool_assets.tables import DAILY_METRICS
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, DenominatorType, OtcAllocBasis, ShortRatioSource

_BASIS_WORDS: Final[Mapping[str, str]] = {
    OtcAllocBasis.FINRA_DAILY: "by FINRA",
    OtcAllocBasis.POLYGON_DAILY: "by Polygon",
    OtcAllocBasis.EQUAL: "equal days",
}
_SOURCE_WORDS: Final[Mapping[str, str]] = {ShortRatioSource.SUM: "facilities"}
_column = partial(stored_column, DAILY_METRICS)


@dataclass(frozen=True)
class SymbolDay:
    """One symbol's stored row and the lines of its last sessions."""

    row: StoredRow
    close_line: Sparkline | None = None
    direction_line: Sparkline | None = None

    def __getitem__(self, name: str) -> Any:
        return self.row.get(name)

    @property
    def is_anchored(self) -> bool:
        """Whether the OTC week of the day itself is known."""
        return self["data_quality"] == DataQuality.OTC_ANCHORED and bool(self["has_otc"])


def _plain(key: str, label: str, unit: str, spelling: Spelling) -> Rule[SymbolDay]:
    return _column(key, label, unit), lambda day: figure(day[key], spelling)


def _anchored_only(key: str, label: str, unit: str, spelling: Spelling) -> Rule[SymbolDay]:
    return _column(key, label, unit), lambda day: figure(day[key] if day.is_anchored else None, spelling)


def _line(line: Sparkline | None) -> Cell:
    return Cell(text=line.spoken if line else EN_DASH, spark=line)


def _buy_ratio(day: SymbolDay) -> Cell:
    note = range_text(day["lit_buy_ratio_low"], day["lit_buy_ratio_high"], lambda value: fixed(value, 2))
    return figure(day["lit_buy_ratio"], ratio, note=note)


def _log_buy_sell(day: SymbolDay) -> Cell:
    if day["direction_stable"] is False:  # no colour claims a side on which the rules disagree
        return figure(day["log_buy_sell"], log_ratio, mark=RULES_DISAGREE)
    return figure(day["log_buy_sell"], log_ratio, tint=signed_tint(day["log_buy_sell"], LOG_RATIO_STEPS))


def _log_buy_sell_z(day: SymbolDay) -> Cell:
    is_contested = day["direction_stable"] is False
    tint = None if is_contested else signed_tint(day["log_buy_sell_z"], Z_STEPS)
    return figure(day["log_buy_sell_z"], z_score, tint=tint)


def _direction_line(day: SymbolDay) -> Cell:
    line = day.direction_line
    return _line(replace(line, end_hue=None) if line and day["direction_stable"] is False else line)


def _method(day: SymbolDay) -> Cell:
    method = day["classification_method"]
    coverage = noted(day["lit_coverage_pct"], lambda value: fixed(value, 0))
    note = "" if not method or method == ClassificationMethod.NONE else f"{coverage}%" if coverage != EN_DASH else EN_DASH
    if method == ClassificationMethod.BVC:
        return Cell(text=method, sort=method, badge=BadgeKind.CAUTION, note=note)
    return words(method, note=note)


def _denominator(day: SymbolDay) -> Cell:
    kind, source = day["short_ratio_denominator_type"], day["short_ratio_source"]
    note = _SOURCE_WORDS.get(source, source or "") or (EN_DASH if kind else "")
    if kind == DenominatorType.POLYGON_TOTAL:
        return Cell(text="Polygon", sort="Polygon", badge=BadgeKind.CAUTION, note=note)
    return words("FINRA" if kind == DenominatorType.FINRA_TOTAL else kind, note=note)


def _context(day: SymbolDay) -> Emphasis:
    return Emphasis.PLAIN if day.is_anchored else Emphasis.MUTED


def _week_volume(day: SymbolDay) -> Cell:
    volume = day["otc_off_exchange_volume"] if day["has_otc"] else None
    return figure(volume, shares, emphasis=_context(day))


def _week(day: SymbolDay) -> Cell:
    week = day["otc_week_used"] if day["has_otc"] else None
    published = day_text(day["otc_published_date"], beside=day["date"])
    return date_cell(week, beside=day["date"], note=published, emphasis=_context(day))


def _day_share(day: SymbolDay) -> Cell:
    basis = day["otc_alloc_basis"] or EN_DASH
    return figure(day["otc_alloc_volume"] if day.is_anchored else None, shares, note=_BASIS_WORDS.get(basis, basis))


_LINE_MEANING: Final = "Line of the last sessions; a missing session is a gap"
READ: Final[tuple[Rule[SymbolDay], ...]] = (
    (_column("symbol", "Symbol", "", Kind.TEXT), lambda day: words(day["symbol"], emphasis=Emphasis.STRONG)),
    (
        _column("pressure_context_label", "Pressure", "short × price", Kind.TEXT),
        lambda day: pressure_cell(day["pressure_context_label"], short_z=day["short_ratio_z"]),
    ),
    (
        _column("data_quality", "OTC provenance", "own week known?", Kind.TEXT),
        lambda day: provenance_cell(day["data_quality"], day["otc_status"]),
    ),
)
PRICE: Final[tuple[Rule[SymbolDay], ...]] = (
    _plain("close", "Close", "USD", dollars),
    _plain("return_1d", "1 day", "%", change_in_percent),
    _plain("return_z", "1 day", "z", z_score),
    _plain("range_pct", "Range", "%", one_decimal),
    (Column("close_line", "Close", "30 sessions", _LINE_MEANING, Kind.GRAPHIC), lambda day: _line(day.close_line)),
)
LIT: Final[tuple[Rule[SymbolDay], ...]] = (
    _plain("lit_buy_volume", "Buy", "shares", shares),
    _plain("lit_sell_volume", "Sell", "shares", shares),
    (_column("lit_buy_ratio", "Buy ratio", "low–high"), _buy_ratio),
    (_column("log_buy_sell", "ln(B/S)", "log ratio"), _log_buy_sell),
    (_column("log_buy_sell_z", "ln(B/S)", "z"), _log_buy_sell_z),
    (Column("direction_line", "ln(B/S)", "30 sessions", _LINE_MEANING, Kind.GRAPHIC), _direction_line),
    (_column("classification_method", "Method", "coverage", Kind.TEXT), _method),
)
SHORT: Final[tuple[Rule[SymbolDay], ...]] = (
    _plain("short_ratio", "Short", "ratio", ratio),
    (
        _column("short_ratio_z", "Short", "z"),
        lambda day: figure(day["short_ratio_z"], z_score, tint=pressure_tint(day["short_ratio_z"])),
    ),
    _plain("short_volume_ratio", "Short", "÷ total", ratio),
    (_column("short_ratio_denominator_type", "Denom.", "source", Kind.TEXT), _denominator),
)
OTC: Final[tuple[Rule[SymbolDay], ...]] = (
    (_column("otc_off_exchange_volume", "Week", "shares"), _week_volume),
    (_column("otc_week_used", "Week of", "published"), _week),
    (_column("otc_alloc_volume", "Allocated", "to the day"), _day_share),
    _anchored_only("otc_buy_volume", "Inf. buy", "shares", shares),
    _anchored_only("otc_sell_volume", "Inf. sell", "shares", shares),
    _anchored_only("otc_participation_rate", "Particip.", "%", ratio_as_percent),
)
SPANNERS: Final = (
    Spanner("", "", READ),
    Spanner("Price", "USD, unadjusted", PRICE),
    Spanner("Lit market", "shares, direction inferred", LIT),
    Spanner("FINRA short sale", "ratio of shares", SHORT),
    Spanner("FINRA OTC week", "shares, off-exchange, buy/sell inferred", OTC),
)
SYMBOL_GROUPS: Final = groups_of(SPANNERS)


def symbol_cells(day: SymbolDay) -> tuple[Cell, ...]:
    """The cells of one symbol's row, one per column of SYMBOL_GROUPS."""
    return cells_of(SPANNERS, day)
