"""A seeded market that writes files in the true published formats, for `darkpool demo` and the tests.

Every number is invented and never presented as real; only formats, spellings and faults are the outside world's. Nothing here
reads a source or knows the product's analytics. The flow: plan -> market_history (prices, volumes) -> rows (finra_short_files,
finra_otc_files, polygon_files over order_flow, nbbo_tape and trade_tape) -> writing; or, over real sockets, published_market ->
the services (finra_services, polygon_services, with server_faults and broken_answers) -> market_server.
"""

from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.writing import true_directions, write_sample_market

__all__ = ["SampleMarket", "sample_settings", "true_directions", "write_sample_market"]
