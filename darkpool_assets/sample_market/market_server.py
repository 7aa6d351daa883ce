"""The sample market as FINRA's and Polygon's services on one local address, for the tests and `darkpool demo --over-http`.

Routing, the server's instant, the log of requests and the settings that point the product here. What is answered is decided by
finra_services.py and polygon_services.py, what goes wrong by server_faults.py; market_sockets.py sends it.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from darkpool_assets import market_calendar
from darkpool_assets.sample_market.broken_answers import falsified, misread, refusal
from darkpool_assets.sample_market.finra_services import (
    CDN_PATH,
    DATA_PATH,
    TOKEN_PATH,
    QueryService,
    ShortFilesCdn,
    TokenService,
)
from darkpool_assets.sample_market.http_messages import Answer, Request, json_answer
from darkpool_assets.sample_market.market_history import MarketHistory, build_market_history
from darkpool_assets.sample_market.market_sockets import MarketSockets, Response
from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
from darkpool_assets.sample_market.polygon_services import PolygonService
from darkpool_assets.sample_market.published_market import PublishedMarket
from darkpool_assets.sample_market.server_faults import TRANSFER_FAULTS, UNANSWERED_FAULTS, Fault, FaultBook
from darkpool_assets.sample_market.service_terms import SAMPLE_POLYGON_KEY, Plan, Terms

_OF_FILES_ALONE: Final = (
    "OFFLINE", "FINRA_SHORT_SALE_DIR", "FINRA_OTC_DIR", "POLYGON_TRADES_DIR", "POLYGON_QUOTES_DIR", "POLYGON_DAILY_AGG_DIR",
)  # fmt: skip


@dataclass(frozen=True)
class Received:
    """One request as the server saw it; values of queries and headers are not kept.

    `status` is None where nothing was answered; `host` is the name by which the caller knew the server.
    """

    method: str
    path: str
    host: str
    query_names: tuple[str, ...]
    has_authorization: bool
    status: int | None


class MarketServer:
    """The services of one sample market at a frozen instant; a context manager that serves between enter and exit.

    Attributes:
        url: Address of every service, http://127.0.0.1:PORT, without a final slash.
        plan: What the Polygon key may ask for; settable while serving, as are `terms` and `now`.
        terms: Keys, rates and spellings.
        faults: What goes wrong; to be added to and cleared while serving.
    """

    def __init__(
        self,
        market: SampleMarket,
        *,
        now: dt.datetime,
        plan: Plan = Plan.TRADES_AND_QUOTES,
        terms: Terms | None = None,
        faults: Iterable[Fault] = (),
        history: MarketHistory | None = None,
    ) -> None:
        """Take a free port; `history` spares drawing the one of `market` again.

        Raises:
            ValueError: `now` has no time zone.
        """
        self.market = market
        self.now = now
        self.plan = plan
        self.terms = terms or Terms()
        self.faults = FaultBook(faults)
        self._log: list[Received] = []
        published = PublishedMarket(history or build_market_history(market))
        self._sockets = MarketSockets(self)
        self.url = f"http://127.0.0.1:{self._sockets.server_port}"
        self._tokens = TokenService()
        self._cdn, self._data = ShortFilesCdn(published), QueryService(published, self._tokens)
        self._polygon = PolygonService(published, self.url)

    def __enter__(self) -> Self:
        self._sockets.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._sockets.stop()

    @property
    def now(self) -> dt.datetime:
        """The instant up to which things are published."""
        return self._now

    @now.setter
    def now(self, moment: dt.datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError(f"now: given {moment}, without a time zone")
        self._now = moment

    @property
    def requests(self) -> list[Received]:
        """The requests so far, in the order of their answers."""
        return list(self._log)

    def requests_to(self, path: str) -> list[Received]:
        """The requests so far whose path begins with `path`."""
        return [received for received in self.requests if received.path.startswith(path)]

    def expire_tokens(self) -> None:
        """Let every access token given out so far expire now."""
        self._tokens.expire()

    def settings(self) -> dict[str, str]:
        """Environment values that point the product at this server, at its instant, marked as sample data.

        No feed but the constituents list reads a folder of the market; FINRA_SHORT_SALE_URL and OFFLINE stay unset.
        """
        kept = {name: value for name, value in sample_settings(self.market).items() if name not in _OF_FILES_ALONE}
        account = dict(zip(("FINRA_API_KEY", "FINRA_API_SECRET"), self.terms.finra_credentials or (), strict=False))
        newest = min(self.market.last_session, market_calendar.latest_completed_session(self.now))
        return {
            **kept,
            **account,
            "FINRA_SHORT_SALE_CDN_URL": self.url + CDN_PATH,
            "FINRA_OTC_URL": f"{self.url}{DATA_PATH}/weeklySummary",
            "FINRA_TOKEN_URL": self.url + TOKEN_PATH,
            "POLYGON_BASE_URL": self.url,
            "POLYGON_API_KEY": SAMPLE_POLYGON_KEY,
            "AS_OF": market_calendar.new_york_date(self.now).isoformat(),
            "TARGET_DATE": newest.isoformat(),
        }

    def respond(self, request: Request) -> Response:
        """Answer `request`, or let it meet its fault, and put it into the log."""
        fault = self.faults.hit(request)
        answer = self._true_answer(request) if fault is None else self._faulty_answer(fault, request)
        is_answered = fault is None or fault.kind not in UNANSWERED_FAULTS
        self._log.append(
            Received(
                request.method,
                request.path,
                request.header("host"),
                tuple(request.query),
                bool(request.header("authorization")),
                answer.status if is_answered else None,
            )
        )
        return Response(answer, fault if fault and fault.kind in TRANSFER_FAULTS else None, self.terms.compresses)

    def _true_answer(self, request: Request) -> Answer:
        answer = self._routed(request)
        self.faults.remember(request, answer.body)
        return answer

    def _faulty_answer(self, fault: Fault, request: Request) -> Answer:
        refused = refusal(fault, request, self.url)
        if refused is not None:
            return refused
        previous = self.faults.remembered(request)
        answer = self._true_answer(misread(fault, request))
        return falsified(fault, request, answer, previous=previous or answer.body, server=self.url)

    def _routed(self, request: Request) -> Answer:
        path, terms = request.path, self.terms
        if path.startswith(f"{CDN_PATH}/"):
            return self._cdn.answer(request, self.now)
        if path == TOKEN_PATH:
            return self._tokens.answer(request, terms)
        if path.startswith(f"{DATA_PATH}/"):
            return self._data.answer(request, self.now, terms)
        if path.startswith(("/v2/", "/v3/")):
            return self._polygon.answer(request, self.now, Plan(self.plan), terms)
        return json_answer(404, {"error": "not found"})
