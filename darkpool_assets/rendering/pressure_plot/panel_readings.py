"""A session's stored values in words: one reading for each panel, and the table of all sessions.

Rounding happens here, for display only. What qualifies a value stands in a second line of its reading.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from darkpool_assets.rendering.daily_table.cell_rules import (
    STATUS_WORDS,
    StoredRow,
    dollars,
    log_ratio,
    noted,
    ratio,
    ratio_as_percent,
    z_score,
)
from darkpool_assets.rendering.display_text import EN_DASH, day_text, finite, fixed, printable, shares, signed
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.pressure_plot.panel_model import Labelled, Readout
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, FinalLabel

_LABELS: Final[Mapping[str, tuple[str, Icon]]] = {
    FinalLabel.INFERRED_ACCUMULATION: ("Inferred accumulation", Icon.UP),
    FinalLabel.LEAN_ACCUMULATION: ("Leaning to accumulation", Icon.UP_HOLLOW),
    FinalLabel.NEUTRAL: ("Neutral", Icon.DOT),
    FinalLabel.LEAN_DISTRIBUTION: ("Leaning to distribution", Icon.DOWN_HOLLOW),
    FinalLabel.INFERRED_DISTRIBUTION: ("Inferred distribution", Icon.DOWN),
    FinalLabel.UNSTABLE: ("Unstable", Icon.OPPOSED),
    FinalLabel.INSUFFICIENT: ("Insufficient evidence", Icon.EMPTY),
}
_COLUMNS: Final = (
    "Session", "Close", "ln(B/S)", "Buy %", "Method", "Short z", "OTC week, shares", "Week of", "Provenance", "Composite",
    "Confidence", "Label",
)  # fmt: skip


def label_of(composite: StoredRow | None) -> Labelled | None:
    """The composite's label in words, with its score and confidence; None without a stored row."""
    if composite is None:
        return None
    name = composite["final_label"]
    text, icon = _LABELS.get(name, (printable(name), Icon.DOT))
    return Labelled(text, icon, note=f"score {noted(composite['composite_score'], _score)}, confidence {_confidence(composite)}")


def sessions_by_method(rows: Sequence[StoredRow | None]) -> dict[str, int]:
    """How many sessions' directions were found by each method, the best method first."""
    counts = Counter(row["classification_method"] for row in rows if row is not None and row["has_lit"])
    return {method: counts[method] for method in ClassificationMethod if counts[method]}


def price_reading(row: StoredRow) -> str:
    """The session's prices in dollars."""
    close = finite(row["close"])
    if close is None:
        return ""
    others = " · ".join(f"{name[0].upper()} {noted(row[name], dollars)}" for name in ("open", "high", "low"))
    return f"{dollars(close)} · {others}"


def direction_reading(row: StoredRow) -> str:
    """ln(B/S), the buy share and how it was found."""
    value = finite(row["log_buy_sell"])
    if value is None:
        return ""
    method = printable(row["classification_method"] or "")
    said = f"{log_ratio(value)} · {noted(row['lit_buy_ratio'], ratio_as_percent)}% buy{f' · {method}' if method else ''}"
    if row["direction_stable"] is False:
        return f"{said}\nthe classification rules disagree"
    return said


def pressure_reading(row: StoredRow) -> str:
    """The short ratio's z and the ratio itself."""
    value = finite(row["short_ratio_z"])
    return "" if value is None else f"{z_score(value)} · ratio {noted(row['short_ratio'], ratio)}"


def week_reading(row: StoredRow) -> str:
    """The week's volume and which week it is of."""
    volume = finite(row["otc_off_exchange_volume"]) if row["has_otc"] else None
    if volume is None:
        return ""
    week = f"{shares(volume)} · week of {day_text(row['otc_week_used'], beside=row['date'])}"
    if row["data_quality"] == DataQuality.OTC_ANCHORED:
        return f"{week} · {DataQuality.OTC_ANCHORED}"
    return f"{week}\n{DataQuality.PRE_OTC}: own week {STATUS_WORDS.get(row['otc_status'], 'not known')}"


def composite_reading(row: StoredRow) -> str:
    """Score, confidence and label."""
    score = finite(row["composite_score"])
    if score is None:
        return ""
    label = label_of(row)
    return f"{_score(score)} · confidence {_confidence(row)}\n{label.text if label else EN_DASH}"


def readout_of(sessions: Sequence[dt.date], rows: Sequence[StoredRow | None], composites: Sequence[StoredRow | None]) -> Readout:
    """The plotted values of all sessions, newest first."""
    lines = (_line(*session) for session in zip(sessions, rows, composites, strict=True))
    return Readout(_COLUMNS, tuple(lines)[::-1])


def _line(session: dt.date, row: StoredRow | None, composite: StoredRow | None) -> tuple[str, ...]:
    known: StoredRow = row or dict.fromkeys(("close", "log_buy_sell", "lit_buy_ratio", "short_ratio_z"))
    week = known if known.get("has_otc") else {}
    label = label_of(composite)
    return (
        day_text(session),
        noted(known["close"], dollars),
        noted(known["log_buy_sell"], log_ratio),
        noted(known["lit_buy_ratio"], ratio_as_percent),
        printable(known.get("classification_method") or EN_DASH),
        noted(known["short_ratio_z"], z_score),
        noted(week.get("otc_off_exchange_volume"), shares),
        day_text(week.get("otc_week_used")),
        printable(known.get("data_quality") or EN_DASH),
        noted(composite["composite_score"], _score) if composite else EN_DASH,
        _confidence(composite) if composite else EN_DASH,
        label.text if label else EN_DASH,
    )


def _score(value: float | None) -> str:
    return signed(value, 2)


def _confidence(composite: StoredRow) -> str:
    return noted(composite["confidence"], lambda value: fixed(value, 2))
