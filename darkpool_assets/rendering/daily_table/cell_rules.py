"""How one stored value becomes one cell: figures, dates, pressure labels, provenance badges and tints.

Rules of display only; nothing is computed that an analyst could not read off the stored row. The columns of the symbol
and the index table are made of these.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from darkpool_assets.rendering.daily_table.table_model import BadgeKind, Cell, Emphasis, Mark, Tint
from darkpool_assets.rendering.display_text import EN_DASH, day_text, finite, fixed, percent, printable, signed, signed_percent
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.theme import Hue
from darkpool_assets.vocabulary import DataQuality, OtcStatus, PressureContext

StoredRow = Mapping[str, Any]
Spelling = Callable[[float | None], str]

LOG_RATIO_STEPS: Final = (0.05, 0.12, 0.223, 0.4)  # 0.223 = ln 1.25, the guide line of the plots
Z_STEPS: Final = (1.0, 1.5, 2.0, 3.0)
RULES_DISAGREE: Final = Mark(Icon.OPPOSED, "rules disagree")
PRESSURE_WORDS: Final[Mapping[str, tuple[str, Icon]]] = {
    PressureContext.SHORT_INTO_STRENGTH: ("Short into strength", Icon.UP),
    PressureContext.SHORT_ON_WEAKNESS: ("Short on weakness", Icon.DOWN),
    PressureContext.LOW_SHORT_STRONG_UP: ("Low short, strong up", Icon.UP_HOLLOW),
    PressureContext.LOW_SHORT_SELL_OFF: ("Low short, sell-off", Icon.DOWN_HOLLOW),
    PressureContext.NEUTRAL: ("Neutral", Icon.DOT),
}
STATUS_WORDS: Final[Mapping[str, str]] = {OtcStatus.NOT_YET_PUBLISHED: "not yet published", OtcStatus.OVERDUE: "overdue"}
NO_COVERAGE_TEXT: Final = "NO COVERAGE"


def dollars(value: float | None) -> str:
    """A price with cents."""
    return fixed(value, 2)


def ratio(value: float | None) -> str:
    """A ratio with three decimals."""
    return fixed(value, 3)


def log_ratio(value: float | None) -> str:
    """A logarithm with its sign and three decimals."""
    return signed(value, 3)


def z_score(value: float | None) -> str:
    """A z-score with its sign and two decimals."""
    return signed(value, 2)


def one_decimal(value: float | None) -> str:
    """A number that is a percentage already."""
    return fixed(value, 1)


def ratio_as_percent(value: float | None) -> str:
    """A ratio in percent with one decimal."""
    return percent(value, 1)


def change_in_percent(value: float | None) -> str:
    """A return in percent with its sign and two decimals."""
    return signed_percent(value, 2)


def figure(
    value: object,
    spelling: Spelling,
    *,
    note: str = "",
    tint: Tint | None = None,
    mark: Mark | None = None,
    emphasis: Emphasis = Emphasis.PLAIN,
) -> Cell:
    """A number spelled by `spelling`; without one an en dash that carries neither note, tint nor mark."""
    number = finite(value)
    if number is None:
        return Cell()
    return Cell(text=spelling(number), sort=number, note=note, tint=tint, mark=mark, emphasis=emphasis)


def words(text: object, *, note: str = "", emphasis: Emphasis = Emphasis.PLAIN) -> Cell:
    """A stored word as it is."""
    if not text:
        return Cell(note=note)
    return Cell(text=printable(str(text)), sort=str(text), note=note, emphasis=emphasis)


def date_cell(day: dt.date | None, *, beside: dt.date, note: str = "", emphasis: Emphasis = Emphasis.PLAIN) -> Cell:
    """A date, sorted by time."""
    if day is None:
        return Cell()
    return Cell(text=day_text(day, beside=beside), sort=day.isoformat(), note=note, emphasis=emphasis)


def pressure_cell(label: str, *, short_z: object) -> Cell:
    """The pressure label in words; without a short z the label is NEUTRAL by rule, and the cell says so."""
    text, icon = PRESSURE_WORDS.get(label, (printable(label), Icon.DOT))
    note = "no short z" if finite(short_z) is None else ""
    emphasis = Emphasis.MUTED if label == PressureContext.NEUTRAL else Emphasis.STRONG
    return Cell(text=text, sort=text, mark=Mark(icon), note=note, emphasis=emphasis)


def provenance_cell(data_quality: str, status: str | None) -> Cell:
    """The provenance badge and, where the week is not known, why."""
    if data_quality == DataQuality.OTC_ANCHORED:
        return Cell(text=DataQuality.OTC_ANCHORED, sort="1", badge=BadgeKind.ANCHORED)
    if status == OtcStatus.NO_COVERAGE:
        return Cell(text=NO_COVERAGE_TEXT, sort="3", badge=BadgeKind.NO_COVERAGE, note="PRE_OTC, no week")
    note = STATUS_WORDS.get(status or "", "")
    return Cell(text=DataQuality.PRE_OTC, sort=f"2 {note}", badge=BadgeKind.PRE_OTC, note=note)


def signed_tint(value: object, steps: tuple[float, ...]) -> Tint | None:
    """Blue for a positive, vermillion for a negative value, stronger with its size."""
    number = finite(value)
    if number is None:
        return None
    return _tint(Hue.BUY if number > 0 else Hue.SELL, abs(number), steps)


def pressure_tint(value: object) -> Tint | None:
    """One hue for both signs: what short pressure means for direction is contested."""
    number = finite(value)
    return None if number is None else _tint(Hue.PRESSURE, abs(number), Z_STEPS)


def noted(value: object, spelling: Spelling) -> str:
    """A number as a note; an en dash when missing."""
    return spelling(finite(value))


def range_text(low: object, high: object, spelling: Spelling) -> str:
    """Both ends as "0.44–0.47"; one en dash when either end is missing."""
    ends = finite(low), finite(high)
    return EN_DASH if None in ends else EN_DASH.join(spelling(end) for end in ends)


def _tint(hue: Hue, size: float, steps: tuple[float, ...]) -> Tint | None:
    reached = sum(size >= step for step in steps)
    return Tint(hue, reached) if reached else None
