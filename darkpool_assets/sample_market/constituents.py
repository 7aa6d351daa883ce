"""The sample index's constituents list: members, weights, and the days on which one joins and one leaves.

It is a list of its own, called SPX_SAMPLE so that nobody takes it for the S&P 500. writing.py stores it.
"""

import datetime as dt

from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.universe import INDEX_NAME, JOINING_MEMBER, LEAVING_MEMBER, UNIVERSE


def constituents_csv(market: SampleMarket) -> str:
    """CSV index_symbol, symbol, weight, start_date, end_date; dates both inclusive, empty where open.

    One member joins in the middle of the sessions with trades; another has its last day on the session before.
    """
    sessions = market.trade_sessions
    joins = sessions[len(sessions) // 2]
    leaves = sessions[len(sessions) // 2 - 1] if len(sessions) > 1 else joins
    lines = ["index_symbol,symbol,weight,start_date,end_date"]
    lines += [_line(security.symbol, security.index_weight, joins, leaves) for security in UNIVERSE if security.index_weight]
    return "\n".join([*lines, ""])


def _line(symbol: str, weight: float, joins: dt.date, leaves: dt.date) -> str:
    start = joins.isoformat() if symbol == JOINING_MEMBER else ""
    end = leaves.isoformat() if symbol == LEAVING_MEMBER else ""
    return f"{INDEX_NAME},{symbol},{weight},{start},{end}"
