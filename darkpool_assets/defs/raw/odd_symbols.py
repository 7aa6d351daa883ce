"""Which symbols left out of a whole-market feed are failures: those that the product's numbers rest on.

What is left out is decided by the readers in sources; the ledger keeps both kinds, a failure ends the command with 1.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from darkpool_assets.analytics.symbol_spelling import to_polygon
from darkpool_assets.settings import Settings
from darkpool_assets.sources.constituents import configured_universe
from darkpool_assets.sources.errors import SourceError
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.symbol_records import LeftOut


class Universe:
    """The configured tickers, index members and proxies of one run, in any spelling."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def with_failures(self, reading: Reading) -> Reading:
        """The reading with every left-out symbol of the universe among its failures."""
        return replace(reading, failures={**reading.failures, **self.failures_among(reading.left_out)})

    def failures_among(self, left_out: Sequence[LeftOut]) -> dict[str, str]:
        """Symbol -> its faults, for the left-out symbols of the universe whose day or week is lost."""
        failures: dict[str, str] = {}
        for one in left_out:
            if one.is_whole and to_polygon(one.symbol) in self._symbols:
                failures[one.symbol] = "; ".join(filter(None, [failures.get(one.symbol), one.fault]))
        return failures

    @cached_property
    def _symbols(self) -> frozenset[str]:
        try:
            symbols = configured_universe(self._settings)
        except SourceError:  # the index asset reads the list too, and fails for it by name
            symbols = {*self._settings.tickers, *self._settings.index_proxy_map.values()}
        return frozenset(to_polygon(symbol) for symbol in symbols)
