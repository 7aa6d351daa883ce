"""Numbers, dates and names as people read them: a true minus sign, shares in thousands to trillions, never a "-0".

Missing and not finite are an en dash, never zero. Rounding happens here and nowhere else, for display only. Dates are
spelled without the machine's locale, so that a page is the same bytes everywhere.
"""

import datetime as dt
import math
from typing import Final

EN_DASH: Final = "–"
MINUS: Final = "\N{MINUS SIGN}"
_BIDI_CONTROLS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNPRINTABLE: Final = dict.fromkeys(
    (*range(32), *range(127, 160), 0x2028, 0x2029, *_BIDI_CONTROLS, *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"
)
_SHARE_UNITS: Final = ("", "K", "M", "B", "T")
_PLAIN_LIMIT: Final = 1e15
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def printable(text: str) -> str:
    """`text` with a replacement character for what is not to be seen or turns the reading direction of its neighbours."""
    return text.translate(_UNPRINTABLE)


def finite(value: object) -> float | None:
    """`value` as a float, or None where there is none or it is NaN or infinite."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def fixed(value: float | None, decimals: int) -> str:
    """`value` with so many decimals: "242.02", "−1.50", and "0.00" for what rounds to zero."""
    return _spelled(value, decimals, plus="")


def signed(value: float | None, decimals: int) -> str:
    """The same with its sign always shown, except on what rounds to zero: "+0.171", "−0.171", "0.000"."""
    return _spelled(value, decimals, plus="+")


def percent(value: float | None, decimals: int) -> str:
    """A ratio in percent, without the sign of its unit: 0.382 is "38.2"."""
    return fixed(None if value is None else 100 * value, decimals)


def signed_percent(value: float | None, decimals: int) -> str:
    """A ratio in percent with its sign: 0.0157 is "+1.57"."""
    return signed(None if value is None else 100 * value, decimals)


def shares(value: float | None) -> str:
    """A number of shares: "12.85M", "999", "0.4"; fractions of a share are shown below a thousand only."""
    if value is None:
        return EN_DASH
    scaled = abs(value)
    for unit in _SHARE_UNITS:
        if round(scaled, 2) < 1000 or unit == _SHARE_UNITS[-1]:
            break
        scaled /= 1000
    digits = fixed(scaled, 2) if unit else _few_shares(scaled)
    return (MINUS if value < 0 and digits != "0" else "") + digits + unit


def day_text(day: dt.date | None, *, beside: dt.date | None = None) -> str:
    """A day as "24 Dec 2025"; the year is left out where it is the year of `beside`."""
    if day is None:
        return EN_DASH
    year = "" if beside is not None and beside.year == day.year else f" {day.year}"
    return f"{day.day} {_MONTHS[day.month - 1]}{year}"


def weekday_text(day: dt.date) -> str:
    """A day as "Wed 24 Dec 2025"."""
    return f"{_DAYS[day.weekday()]} {day_text(day)}"


def counted(number: int, noun: str) -> str:
    """A count as "1 symbol", "20 symbols"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _spelled(value: float | None, decimals: int, *, plus: str) -> str:
    if value is None:
        return EN_DASH
    digits = f"{abs(value):,.{decimals}f}" if abs(value) < _PLAIN_LIMIT else f"{abs(value):.2e}"
    if not digits.strip("0.,"):
        return digits
    return (MINUS if value < 0 else plus) + digits


def _few_shares(value: float) -> str:
    if 0 < value < 0.01:
        return "<0.01"
    return f"{value:.2f}".rstrip("0").rstrip(".")
