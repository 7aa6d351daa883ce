"""What values a setting may have: one function per kind, which refuses with what was given and what is allowed.

No setting is named here, no clock and no file is read. settings.py asks these functions of each variable's text.
"""

import datetime as dt
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr

from darkpool_assets import market_calendar
from darkpool_assets.setting_display import is_http_address, masked_address, quoted, shortened

SYMBOL_PATTERN: Final = re.compile(r"[A-Z]{1,8}(?:[a-z]{1,2}[A-Z]{0,2})?(?:[./][A-Z]{1,4}){0,2}")
SYMBOL_FORM: Final = "a stock or ETF symbol such as SPY, BRK.B, ABRpD or SPCE/WS"
INDEX_AND_OPTION_ROOTS: Final = frozenset(
    {"SPX", "SPXW", "XSP", "NDX", "NDXP", "XND", "RUT", "RUTW", "MRUT", "VIX", "VIXW", "DJX", "OEX", "XEO"}
)
_HTTP_ADDRESS: Final = "an http or https address with a host"
_KNOWN_ZONES: Final = (market_calendar.NEW_YORK, "US/Eastern", "America/Toronto", "EST5EDT")
_ZONE_FORM: Final = f"a zone that keeps New York's clock on every session, such as {', '.join(_KNOWN_ZONES)}"


def parse_symbols(value: str | Iterable[str]) -> tuple[str, ...]:
    """Take a comma-separated list of symbols apart; a repeated one counts once.

    Raises:
        ValueError: a symbol is malformed, an index or an index option, or there is none.
    """
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)
    names = list(dict.fromkeys(name for name in names if name))
    malformed = [name for name in names if not SYMBOL_PATTERN.fullmatch(name)]
    indices = [name for name in names if name in INDEX_AND_OPTION_ROOTS]
    if malformed or indices or not names:
        wrong = shortened(", ".join(map(quoted, malformed + indices or ["no symbol"])))
        raise ValueError(f"given {wrong}; allowed: {SYMBOL_FORM}, separated by commas, no index and no index option")
    return tuple(names)


def parse_json_object(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: the text is no JSON, or another kind of it.
    """
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ValueError(f"given text that is not JSON ({error}); allowed: a JSON object") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"given {type(parsed).__name__}; allowed: a JSON object")  # noqa: TRY004 - pydantic collects ValueError
    return parsed


def parse_as_of(text: str) -> dt.date:
    """Reduce an ISO date or instant to its New York date.

    Raises:
        ValueError: it is neither.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        is_instant = len(text) > len("2026-01-30") and moment.tzinfo is not None
        return market_calendar.new_york_date(moment) if is_instant else moment.date()
    except (ValueError, OverflowError):
        raise ValueError(f"given {quoted(text)}; allowed: an ISO date or instant such as 2026-01-30T18:00:00-05:00") from None


def canonical_zone(name: str) -> str:
    """Give New York's zone its one name; the usual aliases are known, of another zone every session's clock is compared.

    Raises:
        ValueError: it is no zone, or its clock is another on some session.
    """
    if name not in _KNOWN_ZONES and (problem := _clock_fault(name)):
        raise ValueError(f"given {quoted(name)}, {problem}; allowed: {_ZONE_FORM}")
    return market_calendar.NEW_YORK


def _clock_fault(name: str) -> str | None:
    try:
        zone, new_york = ZoneInfo(name), ZoneInfo(market_calendar.NEW_YORK)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "no time zone"
    noons = (dt.datetime.combine(day, dt.time(12)) for day in market_calendar.all_sessions())
    other = [noon for noon in noons if zone.utcoffset(noon) != new_york.utcoffset(noon)]
    return f"whose clock is not New York's, as on {other[-1].date()}" if other else None


def http_address(text: str) -> str:
    """Return an http or https address as it is.

    Raises:
        ValueError: it is another kind of address, or has no host; what may be secret in it is masked.
    """
    if not is_http_address(text):
        raise ValueError(f"given {quoted(masked_address(text))}; allowed: {_HTTP_ADDRESS}")
    return text


def secret_address(value: SecretStr) -> SecretStr:
    """Return an http or https address that is itself the secret.

    Raises:
        ValueError: it is another kind of address, or has no host; nothing of it is told.
    """
    if not is_http_address(value.get_secret_value()):
        raise ValueError(f"given a value that is none; allowed: {_HTTP_ADDRESS}")
    return value


def usable_key(value: SecretStr) -> SecretStr:
    """Return a key that a service could have given out.

    Raises:
        ValueError: it holds no letter and no digit, as a placeholder, or characters that no request can carry.
    """
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable() and text == text.strip() and any(map(str.isalnum, text))):
        raise ValueError(
            "given a value that no service gives out; allowed: the key itself, without quotation marks or blanks around it"
        )
    return value


def no_folder(path: Path) -> Path:
    """Return where a file is or may come.

    Raises:
        ValueError: there is a folder.
    """
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder may not be entered
        raise ValueError(f"given {path}, a folder; allowed: a file")
    return path


def no_file(path: Path) -> Path:
    """Return where a folder is or may come.

    Raises:
        ValueError: there is a file.
    """
    if os.path.isfile(path):  # noqa: PTH113 - as above
        raise ValueError(f"given {path}, a file; allowed: a folder")
    return path
