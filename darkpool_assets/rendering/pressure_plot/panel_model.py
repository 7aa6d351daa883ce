"""What a pressure plot consists of: panels over one axis of sessions, and the words around them, all frozen.

Places are session indices (0 the oldest), heights are values in the panel's unit; there are no colours, pixels, times or
markup. The page and the picture are both drawn from one `PressurePanels`, so that they cannot drift apart.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from darkpool_assets.rendering.daily_table.table_model import BadgeKind
from darkpool_assets.rendering.icons import Icon
from darkpool_assets.rendering.pressure_plot.smoothing import Run
from darkpool_assets.vocabulary import DataQuality


class Tone(StrEnum):
    """What a mark stands for; the sides differ in colour and in shape, the contested one claims no side."""

    BUY = "buy"
    SELL = "sell"
    CONTESTED = "contested"
    PRESSURE = "pressure"


class Key(StrEnum):
    """A sample in the legend."""

    ANCHORED = "anchored"
    PRE_OTC = "pre-otc"
    RISING = "rising"
    FALLING = "falling"
    BUY = "buy"
    SELL = "sell"
    CONTESTED = "contested"
    BARS_METHOD = "bars-method"
    OWN_WEEK = "own-week"
    OLDER_WEEK = "older-week"
    CONFIDENCE = "confidence"
    GAP = "gap"


@dataclass(frozen=True)
class Candle:
    """One session's prices; without open, high and low it is a dash at the close."""

    place: int
    close: float
    open: float | None = None
    high: float | None = None
    low: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all four prices are there."""
        return None not in (self.open, self.high, self.low)

    @property
    def is_rising(self) -> bool:
        """Whether the close is not below the open."""
        return self.open is None or self.close >= self.open


@dataclass(frozen=True)
class Mark:
    """A true point of a curve; hollow where it rests on weaker evidence."""

    place: int
    value: float
    tone: Tone
    is_hollow: bool = False


@dataclass(frozen=True)
class Bar:
    """A column from zero to `value`, filled strongly over the share `solid` (0..1) of its height."""

    place: int
    value: float
    tone: Tone
    solid: float = 0.0


@dataclass(frozen=True)
class Step:
    """A week's volume over the sessions `first` to `last`; not `is_own` where an older week stands in."""

    first: int
    last: int
    volume: float
    is_own: bool


@dataclass(frozen=True)
class Band:
    """Shading behind all panels over the sessions `first` to `last`."""

    first: int
    last: int
    quality: DataQuality


@dataclass(frozen=True)
class Gap:
    """Sessions `first` to `last` without a value, and what is missing."""

    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Guide:
    """A horizontal line to read values against; its text, if any, stands at the axis."""

    value: float
    text: str = ""


@dataclass(frozen=True)
class Tick:
    """A labelled place of an axis: a value of a panel, or a session index."""

    value: float
    text: str


@dataclass(frozen=True)
class Scale:
    """What a panel shows from bottom to top."""

    low: float
    high: float
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Panel:
    """One panel: what is drawn in it, and its value of every session in words.

    A reading is "" where there is no value; what qualifies it stands in a second line.
    """

    key: str
    title: str
    unit: str
    short_title: str
    share: float
    readings: tuple[str, ...]
    has_zero: bool = False
    candles: tuple[Candle, ...] = ()
    bars: tuple[Bar, ...] = ()
    curve: tuple[Run, ...] = ()
    curve_tone: Tone | None = None
    marks: tuple[Mark, ...] = ()
    steps: tuple[Step, ...] = ()
    guides: tuple[Guide, ...] = ()
    gaps: tuple[Gap, ...] = ()
    empty_text: str = ""


@dataclass(frozen=True)
class View:
    """The last sessions, from `first` on: the ticks of the axis of sessions and a scale for every panel."""

    first: int
    sessions: int
    ticks: tuple[Tick, ...]
    scales: tuple[Scale, ...]


@dataclass(frozen=True)
class Labelled:
    """Words with a shape before them or in a frame; `note` qualifies them."""

    text: str
    icon: Icon | None = None
    badge: BadgeKind | None = None
    note: str = ""


@dataclass(frozen=True)
class Head:
    """What is said of the day above the panels: close, change, provenance and the composite's label."""

    symbol: str
    close: str
    change: Labelled | None
    provenance: Labelled | None
    label: Labelled | None


@dataclass(frozen=True)
class Readout:
    """The plotted values as a table, newest session first; the first cell of a row names it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class PressurePanels:
    """Everything that the plot of one symbol shows, in reading order.

    `views` go from few sessions to all of them; `sample_notice` is empty for real data; `disclaimer` is shown verbatim.
    """

    symbol: str
    day: dt.date
    title: str
    head: Head
    facts: tuple[str, ...]
    sample_notice: str
    sessions: tuple[dt.date, ...]
    bands: tuple[Band, ...]
    panels: tuple[Panel, ...]
    views: tuple[View, ...]
    legend: tuple[tuple[Key, str], ...]
    notices: tuple[str, ...]
    readout: Readout
    spoken: str
    disclaimer: str
