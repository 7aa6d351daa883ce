"""How a setting's value is shown: secrets inside addresses and JSON parameters are masked, long values are cut.

No setting is named here and nothing is read; settings.py shows and quotes values through these functions.
"""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

MASK: Final = "********"
QUOTED_CHARACTERS: Final = 200
_SECRET_WORDS: Final = ("key", "token", "secret", "passw", "pwd", "signature", "auth", "credential")
_HTTP: Final = frozenset({"http", "https"})


def shortened(text: str) -> str:
    """Cut a text to 200 characters, the last of them an ellipsis."""
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[: QUOTED_CHARACTERS - 1]}…"


def quoted(value: object) -> str:
    """Quote a value for a message: an address is masked, control characters are escaped, at most 200 characters are kept."""
    text = str(value)
    written = repr(masked_address(text) if is_address(text) else text)
    return f"{written[0]}{shortened(written[1:-1])}{written[-1]}"


def is_address(text: str) -> bool:
    """Tell whether a text may be a network address; a path keeps one slash of the two after the scheme."""
    return ":/" in text


def is_http_address(text: str) -> bool:
    """Tell whether a text is an http or https address with a host."""
    parts = _split(text)
    return parts is not None and parts.scheme in _HTTP and bool(parts.hostname)


def masked_address(text: str) -> str:
    """Mask user and password, every query value and the fragment of an address; all of it when it can't be taken apart."""
    scheme, is_absolute, _rest = text.partition("://")
    has_scheme = bool(is_absolute) and not set(scheme) & set(":@/?#")
    parts = _split(text if has_scheme else f"//{text}")
    if parts is None:
        return MASK
    _user, has_user, host = f"{parts.netloc}{parts.path}".rpartition("@")
    place = f"{MASK}@{host}" if has_user else host
    query = f"?{'&'.join(map(_masked_pair, parts.query.split('&')))}" if parts.query else ""
    fragment = f"#{MASK}" if parts.fragment else ""
    return f"{f'{parts.scheme}://' if has_scheme else ''}{place}{query}{fragment}"


def _split(text: str) -> SplitResult | None:
    """Take an address apart; None when its host or port can't be one, as with an unescaped slash in a password."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return None
    return parts


def _masked_pair(pair: str) -> str:
    name, _equals, value = pair.partition("=")
    return f"{name}={MASK}" if value.strip("=") else MASK  # a token alone may end with its padding


def masked_json(value: Any) -> Any:
    """Mask values under names that look like a secret's, and addresses, at every depth."""
    if isinstance(value, dict):
        return {name: MASK if _is_secret_name(name) else masked_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked_json(inner) for inner in value]
    return masked_address(value) if isinstance(value, str) and is_address(value) else value


def _is_secret_name(name: object) -> bool:
    return any(word in str(name).lower() for word in _SECRET_WORDS)


def shown(value: object) -> str:
    """Write a value as its variable is written; a secret is masked, and so is what an address holds beside its place."""
    spellings: dict[type, Callable[[Any], str]] = {
        type(None): lambda _: "",
        SecretStr: lambda _: MASK,
        tuple: ",".join,
        dict: json.dumps,
        bool: lambda flag: str(flag).lower(),
        float: lambda number: f"{number:g}",
        dt.time: lambda time: f"{time:%H:%M}",
    }
    text = spellings.get(type(value), str)(value)
    return masked_address(text) if is_address(text) and not isinstance(value, dict) else text
