"""Whether a day's feed is out: one look at a source, and in words why it is still awaited where it is not.

What is looked at is the feeds' to know (finra/feeds.py and polygon/feeds.py); when it is worth looking is decided in defs.
"""

from collections.abc import Callable, Mapping

from darkpool_assets.sources.errors import NotConfigured, NotEntitled, RateLimited, SourceError, Unreachable


def why_awaited(service: str, looks: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """Raw table -> why it is still awaited; a table that is out, or that nothing can bring, is absent.

    Args:
        service: The service's name, as the reasons call it.
        looks: Raw table -> looks for its rows, and raises a SourceError where there are none to be had yet.
    """
    reasons = {table: _reason(service, look) for table, look in looks.items()}
    return {table: reason for table, reason in reasons.items() if reason}


def _reason(service: str, look: Callable[[], object]) -> str:
    try:
        look()
    except (NotConfigured, NotEntitled):
        return ""  # waiting changes nothing: the day is made of what the plan and the settings give
    except RateLimited:
        return f"{service}'s rate limit"
    except Unreachable as error:
        return f"{service} could not be reached: {error.reason}"
    except SourceError as error:
        return str(error)
    return ""
