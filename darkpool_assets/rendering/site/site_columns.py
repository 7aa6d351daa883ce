"""The columns that Phase C joins to the day's table: the label with its shape, the composite score and its confidence.

Each column is declared once with the rule that makes its cell from a stored row of `composite_signal`. A symbol without
such a row has no label, and a label that claims a side without a score behind it is not shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from darkpool_assets.rendering.daily_table.cell_rules import StoredRow, figure, signed_tint
from darkpool_assets.rendering.daily_table.declared_columns import Rule, stored_column
from darkpool_assets.rendering.daily_table.table_model import Cell, Emphasis, Kind, LegendEntry, Mark, Section, Tint
from darkpool_assets.rendering.display_text import finite, fixed, signed
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.pressure_plot.panel_words import label_of
from darkpool_assets.rendering.theme import Hue
from darkpool_assets.tables import COMPOSITE_SIGNAL
from darkpool_assets.vocabulary import FinalLabel

SCORE_STEPS: Final = (0.2, 0.35, 0.5, 0.75)
SIDE_TINTS: Final[Mapping[str, Tint]] = {
    FinalLabel.INFERRED_ACCUMULATION: Tint(Hue.BUY, 3),
    FinalLabel.LEAN_ACCUMULATION: Tint(Hue.BUY, 1),
    FinalLabel.LEAN_DISTRIBUTION: Tint(Hue.SELL, 1),
    FinalLabel.INFERRED_DISTRIBUTION: Tint(Hue.SELL, 3),
}
FROM_BUYING_TO_SELLING: Final = (
    FinalLabel.INFERRED_ACCUMULATION,
    FinalLabel.LEAN_ACCUMULATION,
    FinalLabel.NEUTRAL,
    FinalLabel.LEAN_DISTRIBUTION,
    FinalLabel.INFERRED_DISTRIBUTION,
    FinalLabel.UNSTABLE,
    FinalLabel.INSUFFICIENT,
)
_CLAIMS_NO_SIDE: Final = frozenset({FinalLabel.UNSTABLE, FinalLabel.INSUFFICIENT})
_column = partial(stored_column, COMPOSITE_SIGNAL)


def label_words(label: str) -> tuple[str, Icon]:
    """A final_label in words, and its shape."""
    words = label_of({"final_label": label, "composite_score": None, "confidence": None})
    return (words.text, words.icon or Icon.DOT) if words else (label, Icon.DOT)


def _label(row: StoredRow) -> Cell:
    label = row["final_label"]
    if finite(row["composite_score"]) is None and label != FinalLabel.INSUFFICIENT:
        return Cell()
    text, icon = label_words(label)
    rank = FROM_BUYING_TO_SELLING.index(label) if label in FROM_BUYING_TO_SELLING else len(FROM_BUYING_TO_SELLING)
    emphasis = Emphasis.STRONG if label in SIDE_TINTS else Emphasis.MUTED
    return Cell(text=text, sort=f"{rank} {text}", mark=Mark(icon), tint=SIDE_TINTS.get(label), emphasis=emphasis)


def _score(row: StoredRow) -> Cell:
    tint = None if row["final_label"] in _CLAIMS_NO_SIDE else signed_tint(row["composite_score"], SCORE_STEPS)
    return figure(row["composite_score"], lambda value: signed(value, 2), tint=tint)


def _confidence(row: StoredRow) -> Cell:
    return figure(row["confidence"], lambda value: fixed(value, 2))


COMPOSITE: Final[tuple[Rule[StoredRow], ...]] = (
    (_column("final_label", "Label", "score × confidence", Kind.TEXT), _label),
    (_column("composite_score", "Composite", "−1 to +1"), _score),
    (_column("confidence", "Confidence", "0 to 1"), _confidence),
)


def composite_cells(row: StoredRow | None) -> tuple[Cell, ...]:
    """The cells of one symbol's composite; en dashes where it has none."""
    return tuple(Cell() if row is None else rule(row) for _, rule in COMPOSITE)


def with_composite(section: Section, composites: Sequence[Mapping[str, Any] | None]) -> Section:
    """`section` with the composite's columns after the first one, which names the row; one composite or None per row.

    Where no row has a composite the columns are left out.
    """
    if not any(composites):
        return section
    lead, *others = section.groups
    columns = (lead.columns[0], *(column for column, _ in COMPOSITE), *lead.columns[1:])
    rows = (
        (cells[0], *composite_cells(composite), *cells[1:]) for cells, composite in zip(section.rows, composites, strict=True)
    )
    return replace(section, groups=(replace(lead, columns=columns), *others), rows=tuple(rows))


def without_lines(section: Section) -> Section:
    """`section` without its columns of small lines."""
    kept = [place for place, column in enumerate(section.columns) if column.kind is not Kind.GRAPHIC]
    groups = (
        replace(group, columns=tuple(column for column in group.columns if column.kind is not Kind.GRAPHIC))
        for group in section.groups
    )
    return replace(section, groups=tuple(groups), rows=tuple(tuple(row[place] for place in kept) for row in section.rows))


def label_legend() -> tuple[LegendEntry, ...]:
    """What each label's shape means."""
    meanings = {
        FinalLabel.INFERRED_ACCUMULATION: "score × confidence at least +0.5",
        FinalLabel.LEAN_ACCUMULATION: "at least +0.2",
        FinalLabel.NEUTRAL: "between −0.2 and +0.2",
        FinalLabel.LEAN_DISTRIBUTION: "at most −0.2",
        FinalLabel.INFERRED_DISTRIBUTION: "at most −0.5",
        FinalLabel.UNSTABLE: "the classification rules disagree on the side",
        FinalLabel.INSUFFICIENT: "too little evidence for a label; short pressure alone never labels",
    }
    words = ((label, label_words(label)) for label in FROM_BUYING_TO_SELLING)
    return tuple(LegendEntry(meanings[label], term=text, icon=icon) for label, (text, icon) in words)
