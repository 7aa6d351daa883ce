"""The words around a pressure plot: the head, the facts, the legend, the notices and the plot in a sentence.

The values of the sessions in words are made in `panel_readings`, what is drawn in `five_panels`.
"""

import datetime as dt
from collections.abc import Sequence

from darkpool_assets.rendering.daily_table.cell_rules import (
    PRESSURE_WORDS,
    StoredRow,
    change_in_percent,
    dollars,
    noted,
    provenance_cell,
)
from darkpool_assets.rendering.daily_table.table_model import BADGE_ICONS
from darkpool_assets.rendering.display_text import EN_DASH, counted, day_text, finite, printable, weekday_text
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.pressure_plot.panel_model import Head, Key, Labelled, Panel, Tone
from darkpool_assets.rendering.pressure_plot.panel_readings import label_of
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality


def head_of(symbol: str, row: StoredRow | None, composite: StoredRow | None) -> Head:
    """The day above the panels; an en dash for a close that is not there, nothing for what has no row."""
    label = label_of(composite)
    if row is None:
        return Head(printable(symbol), EN_DASH, None, None, label)
    change = finite(row["return_1d"])
    badge = provenance_cell(row["data_quality"], row["otc_status"])
    return Head(
        symbol=printable(symbol),
        close=noted(row["close"], dollars),
        change=None if change is None else Labelled(f"{change_in_percent(change)}%", _arrow(change)),
        provenance=Labelled(badge.text, BADGE_ICONS.get(badge.badge) if badge.badge else None, badge.badge, badge.note),
        label=label,
    )


def facts_of(sessions: Sequence[dt.date], row: StoredRow | None, *, as_of: dt.date, inference_version: str) -> tuple[str, ...]:
    """The day, the span, the pressure label, as of when and under which inference version."""
    facts = [weekday_text(sessions[-1]), f"{counted(len(sessions), 'session')} from {day_text(sessions[0])}"]
    if row is not None and finite(row["short_ratio_z"]) is not None:
        name = row["pressure_context_label"]
        facts.append(f"pressure: {PRESSURE_WORDS.get(name, (printable(name), None))[0].lower()}")
    return (*facts, f"as of {day_text(as_of)}", f"inference {printable(inference_version)}")


def legend_of(panels: Sequence[Panel], rows: Sequence[StoredRow | None]) -> tuple[tuple[Key, str], ...]:
    """What the marks of these panels mean; marks that are not there are not explained."""
    marks = [mark for panel in panels for mark in panel.marks]
    tones = {mark.tone for mark in marks}
    steps = [step for panel in panels for step in panel.steps]
    qualities = {row["data_quality"] for row in rows if row is not None}
    entries = (
        (Key.ANCHORED, "OTC_ANCHORED: the day's own OTC week is known", DataQuality.OTC_ANCHORED in qualities),
        (Key.PRE_OTC, "PRE_OTC: the day's own OTC week is not known", DataQuality.PRE_OTC in qualities),
        (Key.RISING, "close not below open", any(candle.is_rising for panel in panels for candle in panel.candles)),
        (Key.FALLING, "close below open", any(not candle.is_rising for panel in panels for candle in panel.candles)),
        (Key.BUY, "inferred buying", Tone.BUY in tones),
        (Key.SELL, "inferred selling", Tone.SELL in tones),
        (Key.CONTESTED, "no side: rules disagree, evidence insufficient, or zero", Tone.CONTESTED in tones),
        (
            Key.BARS_METHOD,
            "from one-minute bars (BVC), never allocated to OTC",
            any(mark.is_hollow and mark.tone != Tone.CONTESTED for mark in marks),
        ),
        (Key.OWN_WEEK, "that week's own volume", any(step.is_own for step in steps)),
        (Key.OLDER_WEEK, "an older week's volume, until the own one is published", any(not step.is_own for step in steps)),
        (
            Key.CONFIDENCE,
            "solid part = score × confidence: beyond 0.2 the label leans, beyond 0.5 it infers",
            any(panel.bars for panel in panels[-1:]),
        ),
        (Key.GAP, "no value, never bridged", any(panel.gaps for panel in panels)),
    )
    return tuple((key, text) for key, text, is_shown in entries if is_shown)


def notices_of(row: StoredRow | None, composite: StoredRow | None) -> tuple[str, ...]:
    """What a reader must know of the day: an absent row, why the label is what it is, direction from bars."""
    notices = []
    if row is None:
        notices.append("No row of daily_metrics is stored for this day.")
    elif row["classification_method"] == ClassificationMethod.BVC:
        notices.append("Direction of the day from one-minute bars (BVC), whose volumes include off-exchange prints.")
    if composite is None:
        notices.append("No composite is stored for this day.")
    elif composite["label_reasons"]:
        notices.append(f"Why this label: {printable(composite['label_reasons'])}")
    return tuple(notices)


def spoken_of(head: Head, sessions: Sequence[dt.date], panels: Sequence[Panel]) -> str:
    """The plot in a sentence: what it spans and the day's value of every panel."""
    readings = (panel.readings[-1].replace("\n", ", ") or "not available" for panel in panels)
    values = "; ".join(f"{panel.title} {reading}" for panel, reading in zip(panels, readings, strict=True))
    span = f"{counted(len(sessions), 'session')} from {day_text(sessions[0])} to {day_text(sessions[-1])}"
    return f"{counted(len(panels), 'panel')} of {head.symbol} over {span}. On the last day: {values}."


def _arrow(change: float) -> Icon | None:
    return Icon.UP if change > 0 else Icon.DOWN if change < 0 else None
