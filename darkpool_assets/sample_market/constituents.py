"""The sample index's constituents list: members, weights, and the days on which one joins and one leaves.

It is a list of its own, called SPX_SAMPLE so that nobody takes it for the S&P 500. writing.py stores it.
"""

import datetime as dt

from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.universe import INDEX_NAME, JOINING_MEMBER, LEAVING_MEMBER, UNIVERSE


def constituents_csv(market: SampleMarket) -> str:
    """CSV index_symbol, symbol, weight, start_date, end_date, list_date; dates both inclusive, empty where open.

    The list is dated on the first day of the last session's quarter. One member joins in the middle of the sessions with
    trades; another has its last day on the session before.
    """
    sessions = market.trade_sessions
    joins = sessions[len(sessions) // 2]
    leaves = sessions[len(sessions) // 2 - 1] if len(sessions) > 1 else joins
    quarter = (market.last_session.month - 1) // 3
    listed = dt.date(market.last_session.year, 3 * quarter + 1, 1)
    members = [security for security in UNIVERSE if security.index_weight]
    lines = [f"{_line(member.symbol, member.index_weight, joins, leaves)},{listed}" for member in members]
    return "\n".join(["index_symbol,symbol,weight,start_date,end_date,list_date", *lines, ""])


def _line(symbol: str, weight: float, joins: dt.date, leaves: dt.date) -> str:
    start = joins.isoformat() if symbol == JOINING_MEMBER else ""
    end = leaves.isoformat() if symbol == LEAVING_MEMBER else ""
    return f"{INDEX_NAME},{symbol},{weight},{start},{end}"
