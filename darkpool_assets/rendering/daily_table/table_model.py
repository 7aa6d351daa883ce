"""What a rendered table consists of: sections, column groups with units, and typed cells, all frozen.

No numbers are computed and no markup is made here. The page and the picture are both drawn from one `DailyTable`, so
that they cannot drift apart.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from darkpool_assets.rendering.display_text import EN_DASH
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.sparkline import Sparkline
from darkpool_assets.rendering.theme import Hue


class Kind(StrEnum):
    """How a column is aligned and sorted; graphics are not sorted."""

    TEXT = "text"
    NUMBER = "number"
    GRAPHIC = "graphic"


class BadgeKind(StrEnum):
    """What a framed word says; each kind has its own frame, the kinds of provenance a shape as well."""

    ANCHORED = "anchored"
    PRE_OTC = "pre-otc"
    NO_COVERAGE = "no-coverage"
    CAUTION = "caution"


BADGE_ICONS: Final[Mapping[BadgeKind, Icon]] = {
    BadgeKind.ANCHORED: Icon.ANCHOR,
    BadgeKind.PRE_OTC: Icon.CLOCK,
    BadgeKind.NO_COVERAGE: Icon.EMPTY,
}


class Emphasis(StrEnum):
    """Weight of a cell's text."""

    PLAIN = "plain"
    STRONG = "strong"
    MUTED = "muted"


@dataclass(frozen=True)
class Tint:
    """A background: what it stands for and how strong it is (1 faint to 4 strong)."""

    hue: Hue
    step: int


@dataclass(frozen=True)
class Mark:
    """A shape before a cell's text; `words` say what it means where the text does not."""

    icon: Icon
    words: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: The value as read; an en dash when missing.
        sort: The value to sort by, unrounded; None sorts last in either direction.
        note: What qualifies the value, in small type beneath it.
        tint: Background.
        badge: The text is framed as this badge.
        mark: Shape before the text.
        spark: A line instead of text.
        emphasis: Weight of the text.
    """

    text: str = EN_DASH
    sort: float | str | None = None
    note: str = ""
    tint: Tint | None = None
    badge: BadgeKind | None = None
    mark: Mark | None = None
    spark: Sparkline | None = None
    emphasis: Emphasis = Emphasis.PLAIN

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing to show but the en dash."""
        return self.text == EN_DASH and self.spark is None and self.badge is None


@dataclass(frozen=True)
class Column:
    """One column: its key, its label, the unit (or what the small type in its cells is), and its meaning in a sentence."""

    key: str
    label: str
    unit: str
    meaning: str
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True)
class Group:
    """Neighbouring columns under one spanner; the first group of a section may have no title."""

    title: str
    unit: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Section:
    """One table of the page: every row has one cell per column, the first of which names the row."""

    key: str
    title: str
    groups: tuple[Group, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty_text: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of all groups, left to right."""
        return tuple(column for group in self.groups for column in group.columns)

    def cell(self, row: int, key: str) -> Cell:
        """The cell of a row in the column called `key`."""
        return self.rows[row][[column.key for column in self.columns].index(key)]


@dataclass(frozen=True)
class LegendEntry:
    """A sample of a mark (badge, shape, tints or a bare term) and what it means."""

    text: str
    term: str = ""
    badge: BadgeKind | None = None
    icon: Icon | None = None
    tints: tuple[Tint, ...] = ()


@dataclass(frozen=True)
class DailyTable:
    """Everything that the table of one day shows, in reading order.

    `sample_notice` is empty for real data; `facts` are the words under the title; `disclaimer` is shown verbatim.
    """

    day: dt.date
    title: str
    facts: tuple[str, ...]
    sample_notice: str
    sections: tuple[Section, ...]
    legend: tuple[LegendEntry, ...]
    notices: tuple[str, ...]
    disclaimer: str
