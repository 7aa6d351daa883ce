"""Retries, told in words of ours: the lines of the libraries show arguments and addresses.

What is asked again stands where it is asked.
"""

import logging
from typing import Final

import duckdb
import stamina.instrumentation

_sources: Final = logging.getLogger("darkpool_assets.sources.retries")
_turns: Final = logging.getLogger("darkpool_assets.turns")


def tell_of_retries() -> None:
    """Log each retry of a source, and once that a database is held by another process."""
    stamina.instrumentation.set_on_retry_hooks([_tell])


def _tell(details: stamina.instrumentation.RetryDetails) -> None:
    if not isinstance(details.caused_by, duckdb.Error):
        _sources.warning("%s; attempt %d in %.1f s", str(details.caused_by).rstrip("."), details.retry_num + 1, details.wait_for)
    elif details.retry_num == 1:
        _turns.warning("Another process holds the database; waiting for it, up to two minutes")
