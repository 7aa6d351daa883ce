"""Polygon's REST service of the sample market: keys, plans, rates, and the routes to ticks and bars.

It answers requests with what Polygon would answer; rows and JSON come from polygon_pages.py and polygon_bars.py, and no socket
is touched. market_server.py routes to it.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import polars as pl

from darkpool_assets.sample_market.http_messages import Answer, Request, json_answer
from darkpool_assets.sample_market.polygon_bars import adjusted, day_bar_rows, minute_bars
from darkpool_assets.sample_market.polygon_pages import (
    BadRequest,
    PageRequest,
    bars_json,
    quotes_json,
    ticks_between,
    trades_json,
)
from darkpool_assets.sample_market.published_market import PublishedMarket
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY, Plan, RequestRate, Terms
from darkpool_assets.sample_market.session_clock import SECOND, SessionClock

_TICKS: Final = re.compile(r"/v3/(trades|quotes)/([^/]+)")
_BARS: Final = re.compile(r"/v2/aggs/ticker/([^/]+)/range/1/(day|minute)/([^/]+)/([^/]+)")
_GROUPED: Final = re.compile(r"/v2/aggs/grouped/locale/us/market/stocks/([^/]+)")
_DAY: Final = 86_400 * SECOND
_UPGRADE: Final = "Please upgrade your plan at https://polygon.io/pricing"


class PolygonService:
    """REST answers over the sample market; `address` is what next_url begins with."""

    def __init__(self, market: PublishedMarket, address: str) -> None:
        self._market = market
        self._address = address
        self._rate = RequestRate(60.0)
        self._numbers = itertools.count(1)

    def answer(self, request: Request, now: dt.datetime, plan: Plan, terms: Terms) -> Answer:
        """401 without the Bearer key (a key in the address counts for nothing), 429, 403, 404, 400, or the rows."""
        if request.bearer() != SAMPLE_POLYGON_KEY or "apiKey" in request.query:
            return unknown_key()
        allowed = terms.requests_per_minute or plan.requests_per_minute
        if (wait := self._rate.wait(allowed, terms.clock())) > 0:
            return too_many_requests(f"{int(wait) + 1}" if terms.says_retry_after else None)
        try:
            return self._routed(request, now, plan, terms)
        except BadRequest as error:
            return json_answer(400, {"status": "ERROR", "request_id": self._id(), "error": str(error)})

    def _routed(self, request: Request, now: dt.datetime, plan: Plan, terms: Terms) -> Answer:
        if request.method == "GET" and (found := _TICKS.fullmatch(request.path)):
            kind, symbol = found[1], unquote(found[2])
            return self._ticks(request, kind, symbol, now, terms) if plan.includes(kind) else not_entitled()
        if request.method == "GET" and (found := _BARS.fullmatch(request.path)):
            return self._bars(request, unquote(found[1]), found[2], (_date(found[3]), _date(found[4])), now)
        if request.method == "GET" and (found := _GROUPED.fullmatch(request.path)):
            return self._grouped(request, _date(found[1]), now)
        return json_answer(404, {"status": "NOT_FOUND", "request_id": self._id(), "message": "Resource not found"})

    def _ticks(self, request: Request, kind: str, symbol: str, now: dt.datetime, terms: Terms) -> Answer:
        asked = PageRequest.of_ticks(request.query, now=int(now.timestamp()) * SECOND)
        count = min(asked.limit, terms.largest_page)
        parts = asked.rows_of(self._tick_frames(kind, symbol, asked), most=count + 1)
        rows = _joined(parts)
        page = rows.head(count)
        results = b"[]" if page.is_empty() else (trades_json if kind == "trades" else quotes_json)(page)
        return self._page(request, results, {}, asked.after(count) if rows.height > count else None)

    def _tick_frames(self, kind: str, symbol: str, asked: PageRequest) -> Iterator[pl.DataFrame]:
        clocks = list(self._market.trade_sessions.items())
        for day, clock in reversed(clocks) if asked.is_descending else clocks:
            if clock.midnight < asked.upper and clock.midnight + _DAY > asked.lower:
                rows = self._market.ticks(kind, symbol, day)
                if rows is not None:
                    yield ticks_between(rows, asked.lower, asked.upper)

    def _bars(self, request: Request, symbol: str, span: str, days: tuple[dt.date, dt.date], now: dt.datetime) -> Answer:
        asked = PageRequest.of_bars(request.query)
        sessions = [day for day in self._market.cheap_sessions if days[0] <= day <= days[1]]
        made = self._day_bars if span == "day" else self._minute_bars
        frames = (made(symbol, day, now) for day in (reversed(sessions) if asked.is_descending else sessions))
        parts = asked.rows_of((frame for frame in frames if frame.height), most=asked.limit + 1)
        rows = _joined(parts)
        cursor = asked.after(asked.limit) if rows.height > asked.limit else None
        bars = rows.head(asked.limit)
        if asked.is_adjusted and bars.height:
            bars = adjusted(bars, pl.lit(symbol))
        return self._bars_page(request, bars, {"ticker": symbol, "adjusted": asked.is_adjusted}, cursor)

    def _day_bars(self, symbol: str, day: dt.date, now: dt.datetime) -> pl.DataFrame:
        return day_bar_rows(self._market.day_bars(day, now).filter(ticker=symbol)).drop("T")

    def _minute_bars(self, symbol: str, day: dt.date, now: dt.datetime) -> pl.DataFrame:
        """The minutes of one session that are over."""
        trades = self._market.ticks("trades", symbol, day)
        last = int(now.timestamp()) // 60 * 60 * SECOND
        return pl.DataFrame() if trades is None else minute_bars(ticks_between(trades, 0, last))

    def _grouped(self, request: Request, day: dt.date, now: dt.datetime) -> Answer:
        """The whole market of one day; `t` is the session's close, as Polygon has it, not its midnight."""
        asked = PageRequest.of_bars({name: value for name, value in request.query.items() if name != "include_otc"})
        if day not in self._market.cheap_sessions:
            return self._bars_page(request, pl.DataFrame(), {"adjusted": asked.is_adjusted}, None)
        bars = day_bar_rows(self._market.day_bars(day, now), at=SessionClock.of(day).close)
        rows = adjusted(bars, pl.col("T")) if asked.is_adjusted else bars
        return self._bars_page(request, rows, {"adjusted": asked.is_adjusted}, None)

    def _bars_page(self, request: Request, bars: pl.DataFrame, said: dict[str, Any], cursor: str | None) -> Answer:
        """An answer without rows has no `results` at all."""
        said |= {"queryCount": bars.height, "resultsCount": bars.height, "count": bars.height}
        return self._page(request, bars_json(bars) if bars.height else None, said, cursor)

    def _page(self, request: Request, results: bytes | None, said: dict[str, Any], cursor: str | None) -> Answer:
        head = json_answer(200, {**said, "status": "OK", "request_id": self._id()}).body[:-1]
        tail = b"" if results is None else b',"results":' + results
        if cursor is not None:
            tail += f',"next_url":"{self._address}{request.path}?cursor={cursor}"'.encode()
        return Answer(200, head + tail + b"}")

    def _id(self) -> str:
        return f"{next(self._numbers):032x}"


def unknown_key() -> Answer:
    """401 of a missing, wrong or misplaced key."""
    return json_answer(401, {"status": "ERROR", "request_id": f"{0:032x}", "error": "Unknown API Key"})


def not_entitled() -> Answer:
    """403 of data outside the plan."""
    message = f"You are not entitled to this data. {_UPGRADE}"
    return json_answer(403, {"status": "NOT_AUTHORIZED", "request_id": f"{0:032x}", "message": message})


def too_many_requests(retry_after: str | None) -> Answer:
    """429, with or without Retry-After."""
    message = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue."
    body = {"status": "ERROR", "request_id": f"{0:032x}", "error": message}
    return json_answer(429, body, {} if retry_after is None else {"Retry-After": retry_after})


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Days in one frame; sizes are whole shares on some days and fractional on others."""
    return pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame()


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadRequest("Could not parse the date; YYYY-MM-DD is needed") from None
