"""The words around the table: title, the facts under it, the legend and the day's notices.

Counts and names only; whatever stands in a cell is made by the columns. `daily_table` puts both together.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from darkpool_assets.rendering.daily_table.cell_rules import NO_COVERAGE_TEXT, STATUS_WORDS, StoredRow
from darkpool_assets.rendering.daily_table.table_model import BadgeKind, LegendEntry, Tint
from darkpool_assets.rendering.display_text import EN_DASH, counted, day_text, printable, weekday_text
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.theme import TINT_STEPS, Hue
from darkpool_assets.vocabulary import ClassificationMethod, DataQuality, NumeratorType, OtcStatus

TITLE: Final = "Institutional accumulation / distribution"
_NAMES_SHOWN: Final = 8
_NUMERATOR_WORDS: Final = {
    NumeratorType.SHORT_PLUS_EXEMPT: "Short ratio = (short + short exempt) ÷ denominator",
    NumeratorType.SHORT: "Short ratio = short ÷ denominator",
}
_FEED_FLAGS: Final = (
    ("has_price", "price"),
    ("has_lit", "lit market"),
    ("has_short", "FINRA short sale"),
    ("has_otc", "FINRA OTC week"),
)


def title_of(day: dt.date) -> str:
    """The heading of the day's table."""
    return f"{TITLE} · {weekday_text(day)}"


def facts_of(rows: Sequence[StoredRow]) -> tuple[str, ...]:
    """How many symbols, how they are anchored, and as of when under which inference version."""
    qualities = Counter(row["data_quality"] for row in rows)
    facts = [counted(len(rows), "symbol")]
    facts += [f"{qualities[quality]} {quality}" for quality in DataQuality if qualities[quality]]
    if reasons := _pre_otc_reasons(rows):
        facts[-1] += f" ({reasons})"
    facts += [f"as of {day_text(day)}" for day in sorted({row["as_of"] for row in rows})]
    facts += [f"inference {printable(version)}" for version in sorted({row["inference_version"] for row in rows})]
    return tuple(facts)


def legend_of(rows: Sequence[StoredRow]) -> tuple[LegendEntry, ...]:
    """What every mark of the table means; the numerator of the short ratio as the rows have it."""
    numerators = {row["short_ratio_numerator_type"] for row in rows}
    formulas = [LegendEntry(text) for kind, text in _NUMERATOR_WORDS.items() if kind in numerators]
    return (
        LegendEntry("this day's OTC week is known", term=DataQuality.OTC_ANCHORED, badge=BadgeKind.ANCHORED),
        LegendEntry("it is not yet; grey OTC numbers are an older week's", term=DataQuality.PRE_OTC, badge=BadgeKind.PRE_OTC),
        LegendEntry("no OTC week known within eight weeks", term=NO_COVERAGE_TEXT, badge=BadgeKind.NO_COVERAGE),
        LegendEntry("not the usual input: Polygon volume, minute bars", term="Polygon", badge=BadgeKind.CAUTION),
        LegendEntry("high short ratio, price up", icon=Icon.UP),
        LegendEntry("high, price down", icon=Icon.DOWN),
        LegendEntry("low, price up", icon=Icon.UP_HOLLOW),
        LegendEntry("low, price down", icon=Icon.DOWN_HOLLOW),
        LegendEntry("inferred buying", tints=_scale(Hue.BUY)),
        LegendEntry("inferred selling", tints=_scale(Hue.SELL)),
        LegendEntry("short ratio far from its usual, either way", tints=_scale(Hue.PRESSURE)),
        LegendEntry("the classification rules disagree on the side", icon=Icon.OPPOSED),
        LegendEntry("not available, never zero", term=EN_DASH),
        *formulas,
    )


def notices_of(rows: Sequence[StoredRow], *, tickers: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know about this day: absent feeds, absent rows, direction from bars."""
    notices = []
    if rows and (empty := [feed for flag, feed in _FEED_FLAGS if not any(row[flag] for row in rows)]):
        notices.append(f"No value for any symbol: {', '.join(empty)}.")
    stored = {row["symbol"] for row in rows}
    if absent := [ticker for ticker in tickers if ticker not in stored]:
        notices.append(f"No stored row: {_named(absent)}.")
    if bars := [row["symbol"] for row in rows if row["classification_method"] == ClassificationMethod.BVC]:
        notices.append(
            f"Direction from one-minute bars ({ClassificationMethod.BVC}): {_named(bars)}. "
            "Bar volumes include off-exchange prints; they never feed the OTC allocation."
        )
    return tuple(notices)


def _pre_otc_reasons(rows: Sequence[StoredRow]) -> str:
    statuses = Counter(row["otc_status"] for row in rows if row["data_quality"] == DataQuality.PRE_OTC)
    words = {**STATUS_WORDS, OtcStatus.NO_COVERAGE: "no coverage"}
    return ", ".join(f"{statuses[status]} {text}" for status, text in words.items() if statuses[status])


def _scale(hue: Hue) -> tuple[Tint, ...]:
    return tuple(Tint(hue, step) for step in range(1, TINT_STEPS + 1))


def _named(symbols: Iterable[str]) -> str:
    names = [printable(symbol) for symbol in symbols]
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
