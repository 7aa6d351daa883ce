"""What a page of Polygon's REST API costs from bytes to typed rows, and what a busy symbol's whole day takes in memory.

uv run python -m darkpool_assets_tests.benchmarks.rest_pages [--trades 1000000] [--quotes 5000000] [--rounds 15]
"""

import argparse
import json
from collections.abc import Callable
from typing import Final

import polars as pl

from darkpool_assets.analytics.prevailing_quote import attach_streamed_quotes
from darkpool_assets.sources.content import Content
from darkpool_assets.sources.polygon.live import LiveTrades
from darkpool_assets.sources.polygon.rest import BearerAuth, PolygonRest, polygon_hosts
from darkpool_assets.sources.polygon.tick_pages import read_quotes_page, read_trades_page
from darkpool_assets.sources.transport import Transport
from darkpool_assets_tests.benchmarks.measurement import Cost, cost_of, round_robin
from darkpool_assets_tests.benchmarks.page_server import served
from darkpool_assets_tests.benchmarks.rendered_pages import DAY, PAGE_ROWS, SYMBOL, WINDOW, quotes_page, trades_page

PAGE_CPU_GOAL: Final = 0.15  # seconds
MEMORY_GOAL: Final = 1e9  # bytes


def page_costs(*, rounds: int) -> dict[str, float]:
    """Processor seconds for one page of 50,000 rows: ours, and what only parses it."""
    trades = trades_page(0, pages=20, next_url="https://api.polygon.io/v3/trades/SPY?cursor=1")
    quotes = quotes_page(0, pages=100, next_url="https://api.polygon.io/v3/quotes/SPY?cursor=1")
    contestants: dict[str, Callable[[], object]] = {
        "trades: json.loads alone": lambda: json.loads(trades),
        "trades: pl.read_json alone": lambda: pl.read_json(trades),
        "trades: read_trades_page": lambda: read_trades_page(Content("page", trades), symbol=SYMBOL, day=DAY, window=WINDOW),
        "quotes: json.loads alone": lambda: json.loads(quotes),
        "quotes: pl.read_json alone": lambda: pl.read_json(quotes),
        "quotes: read_quotes_page": lambda: read_quotes_page(Content("page", quotes), symbol=SYMBOL, day=DAY),
    }
    return round_robin(contestants, rounds=rounds)


def read_the_day(base_url: str) -> int:
    """Read the served day as the asset does; the number of prints that met a quote."""
    with Transport("Polygon", auth=BearerAuth("key"), hosts=polygon_hosts(base_url)) as transport:
        live = LiveTrades(PolygonRest(transport, base_url=base_url))
        rows = live.read_day(DAY, window=WINDOW, symbols=[SYMBOL], attach=attach_streamed_quotes).rows
    return rows["bid"].count()


def main() -> None:
    """Measure, and print one small table of each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--quotes", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    _print_pages(page_costs(rounds=arguments.rounds), rounds=arguments.rounds)
    with served(trades=arguments.trades, quotes=arguments.quotes) as base_url:
        quoted, cost = cost_of(read_the_day, base_url)
    _print_day(f"{arguments.trades:,} trades + {arguments.quotes:,} quotes, {quoted:,} prints met a quote", cost)


def _print_pages(costs: dict[str, float], *, rounds: int) -> None:
    print(f"One page of {PAGE_ROWS:,} rows, CPU seconds, median of {rounds} (goal for ours: {PAGE_CPU_GOAL})")
    for name, seconds in costs.items():
        plain = costs[f"{name.partition(':')[0]}: json.loads alone"]
        print(f"  {name:<28} {seconds:7.3f}  {seconds / plain:5.2f} x json.loads")


def _print_day(title: str, cost: Cost) -> None:
    print(f"One symbol's day over loopback: {title}")
    print(f"  wall {cost.wall:.1f} s, CPU {cost.cpu:.1f} s")
    print(
        f"  peak memory {cost.peak_bytes / 1e6:,.0f} MB, {(cost.peak_bytes - cost.start_bytes) / 1e6:,.0f} MB of it the reading "
        f"(goal: below {MEMORY_GOAL / 1e6:,.0f} MB)"
    )


if __name__ == "__main__":
    main()
