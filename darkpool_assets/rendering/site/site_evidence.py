"""What a symbol's label rests on: the stored reasons as a list, and the parts of score and confidence as a table.

Shows stored rows as they are; no score, weight or threshold is computed here.
"""

from collections.abc import Mapping
from typing import Any, Final

from darkpool_assets.rendering.daily_table.cell_rules import noted, provenance_cell, ratio_as_percent, z_score
from darkpool_assets.rendering.daily_table.table_markup import cell_markup
from darkpool_assets.rendering.display_text import EN_DASH, counted, finite, fixed, printable, signed
from darkpool_assets.rendering.html_page import escaped, listing
from darkpool_assets.tables import COMPOSITE_SIGNAL
from darkpool_assets.vocabulary import REASONS_SEPARATOR, DenominatorType

_MEANINGS: Final = {column.name: column.meaning for column in COMPOSITE_SIGNAL.columns}
_HEADERS: Final = (("Part", ""), ("Score", "−1 to +1"), ("z", ""), ("Against", "earlier values"), ("Evidence", "0 to 1"))
_DENOMINATORS: Final[Mapping[str, str]] = {
    DenominatorType.FINRA_TOTAL: "over FINRA's total",
    DenominatorType.POLYGON_TOTAL: "over Polygon's volume",
}

Row = Mapping[str, Any]


def evidence_section(row: Row, composite: Row) -> str:
    """Reasons, and parts of score and confidence, of one symbol's day.

    Args:
        row: The symbol's row of `daily_metrics`.
        composite: Its row of `composite_signal`.
    """
    reasons = [escaped(reason) for reason in composite["label_reasons"].split(REASONS_SEPARATOR) if reason]
    return (
        '<section class="evidence">\n<div><h2>What the label rests on</h2>\n'
        f"{listing('reasons', reasons)}</div>\n<div><h2>Score and confidence, part by part</h2>\n{_parts(row, composite)}\n"
        f'<p class="formula"><b>Composite</b> = {_formula("composite_score")}, within −1 and +1.</p>\n'
        f'<p class="formula"><b>Confidence</b> = {_formula("confidence")}, c being the evidence above.</p></div>\n</section>'
    )


def _parts(row: Row, composite: Row) -> str:
    headers = "".join(f'<th scope="col">{name}<small>{unit or "&nbsp;"}</small></th>' for name, unit in _HEADERS)
    lines = (
        _part(
            "Lit direction",
            _direction_note(row),
            (composite["directional_score"], row["log_buy_sell_z"], composite["lit_z_periods"], "session", composite["c_lit"]),
        ),
        _part(
            "Short pressure",
            _DENOMINATORS.get(row["short_ratio_denominator_type"] or "", ""),
            (composite["pressure_score"], row["short_ratio_z"], composite["short_z_periods"], "session", composite["c_short"]),
        ),
        _part(
            "Off-exchange participation",
            _participation_note(row),
            (composite["participation_score"], composite["participation_z"], composite["participation_z_periods"], "week", None),
        ),
        _provenance(row),
        _whole(composite),
    )
    return (
        '<table class="parts">\n<caption class="quiet">Parts of the composite score and of its confidence</caption>\n'
        f"<thead><tr>{headers}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>"
    )


def _part(name: str, note: str, values: tuple[Any, Any, int | None, str, Any]) -> str:
    """One part; `values` are score, z, how many values it was held against, what those are, and its evidence."""
    score, z, periods, noun, evidence = values
    against = EN_DASH if periods is None else counted(periods, noun)
    small = f"<small>{escaped(note)}</small>" if note else ""
    return (
        f'<tr><th scope="row">{name}{small}</th><td>{_signed(score)}</td><td>{noted(z, z_score)}</td>'
        f"<td>{against}</td><td>{_evidence(evidence)}</td></tr>"
    )


def _provenance(row: Row) -> str:
    badge = cell_markup(provenance_cell(row["data_quality"], row["otc_status"]))
    return f'<tr><th scope="row">OTC provenance</th><td class="text" colspan="4">{badge}</td></tr>'


def _whole(composite: Row) -> str:
    return (
        f'<tr class="whole"><th scope="row">Composite, confidence</th><td>{_signed(composite["composite_score"])}</td>'
        f"<td></td><td></td><td>{_evidence(composite['confidence'])}</td></tr>"
    )


def _direction_note(row: Row) -> str:
    method = printable(row["classification_method"] or "")
    coverage = noted(row["lit_coverage_pct"], lambda value: fixed(value, 0))
    return f"{method}, {coverage}% of eligible volume" if coverage != EN_DASH else method


def _participation_note(row: Row) -> str:
    rate = noted(row["otc_participation_rate"], ratio_as_percent)
    return f"{rate}% of the week's volume" if rate != EN_DASH else ""


def _signed(value: object) -> str:
    return noted(value, lambda number: signed(number, 2))


def _evidence(value: object) -> str:
    """The number and a bar of its length, which says nothing more."""
    share = finite(value)
    if share is None:
        return EN_DASH
    width = f"{100 * min(max(share, 0.0), 1.0):.0f}"
    return f'{fixed(share, 2)}<span class="share" aria-hidden="true"><i style="width:{width}%"></i></span>'


def _formula(column: str) -> str:
    return escaped(_MEANINGS[column].replace(" x ", " × "))
