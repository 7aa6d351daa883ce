"""Every fault that a service can show, end to end: a completed retry, or an error by its name and nothing of the broken part.

A battle gives each symbol, session or week of one service a fault of its own; the tests read what the runs left behind.
"""

import datetime as dt
import functools
import json
import re
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from darkpool_assets import market_calendar
from darkpool_assets.defs.derived.lit_direction_daily import lit_direction_daily
from darkpool_assets.defs.raw.finra_otc_weekly_raw import finra_otc_weekly_raw
from darkpool_assets.defs.raw.finra_short_daily_raw import finra_short_daily_raw
from darkpool_assets.defs.raw.polygon_daily_agg_raw import polygon_daily_agg_raw
from darkpool_assets.defs.raw.polygon_equity_trades_raw import polygon_equity_trades_raw
from darkpool_assets.sample_market.market_history import build_market_history
from darkpool_assets.sample_market.plan import SampleMarket
from darkpool_assets.sample_market.server_faults import Fault
from darkpool_assets.sample_market.server_faults import FaultKind as Kind
from darkpool_assets.sample_market.service_terms import Plan, Terms
from darkpool_assets.sources.finra.feeds import FinraFeeds
from darkpool_assets.sources.finra.services import FinraServices
from darkpool_assets.sources.polygon import feeds as polygon_feeds
from darkpool_assets.sources.transport import Limits, Transport
from darkpool_assets_tests.hand_made_graph import error_of, kept_open
from darkpool_assets_tests.live_graph import Clock, LiveGraph, keep_pace_by, served

DAY = dt.date(2025, 12, 12)
START = dt.date(2025, 11, 24)
SYMBOLS = ("SPY", "NVDA", "QQQ", "AAPL", "MSFT", "IWM", "TLT", "XLF", "RGTI", "BRK.B")
SESSIONS = market_calendar.sessions_between(START, DAY)
WEEKS = market_calendar.otc_weeks_in_reach(DAY)
TRADES, QUOTES, BARS, GROUPED = "/v3/trades", "/v3/quotes", "/v2/aggs/ticker", "/v2/aggs/grouped/locale/us/market/stocks"
FILES, DATASETS, TOKEN = "/equity/regsho/daily", "/data/group/otcMarket/name", "/fip/rest/ews/oauth2/access_token"
TERMS = Terms(largest_page=100, payload_bytes=20_000, requests_per_minute=100_000, finra_requests_per_second=None)
LIMITS = Limits(deadline=0.6, read_timeout=0.3, connect_timeout=2.0, max_bytes=16 << 20, retries=2)

PASSING = (
    Kind.SERVER_ERROR, Kind.UNAVAILABLE, Kind.TOO_MANY_REQUESTS, Kind.HTML_PAGE, Kind.CUT_JSON, Kind.SILENCE, Kind.DROPPED,
    Kind.TRUNCATED_BODY, Kind.SLOW_DRIP,
)  # fmt: skip
FOR_EVER = dict.fromkeys(PASSING, "Unreachable") | {
    Kind.TOO_MANY_REQUESTS: "RateLimited", Kind.HTML_PAGE: "BrokenContent", Kind.CUT_JSON: "BrokenContent",
}  # fmt: skip
UNREADABLE = {
    Kind.BLOCKED: "RefusedBySource",
    Kind.REDIRECT: "ForeignAddress",
    Kind.WRONG_SHAPE: "MalformedSource",
    Kind.GZIP_BOMB: "OversizedSource",
}
OF_NUMBERS = {Kind.NAN: "MalformedSource", Kind.INFINITE: "MalformedSource"}  # fmt: skip
OF_PLANS = {Kind.NOT_ENTITLED: "NotEntitled"}
OF_SIZES = {Kind.NEGATIVE_SIZE: "MalformedSource", Kind.ABSURD_SIZE: "MalformedSource"}
OF_PAGES = {
    Kind.NEXT_URL_LOOP: "IncompleteSource", Kind.FOREIGN_NEXT_URL: "ForeignAddress", Kind.ANOTHER_DAY: "AnotherDay",
}  # fmt: skip
OF_ONE_PAGE = {Kind.NEXT_URL_LOOP: "IncompleteSource", Kind.FOREIGN_NEXT_URL: "IncompleteSource"}
OF_QUERIES = {
    Kind.REPEATED_PAGE: "IncompleteSource", Kind.TOTAL_TOO_HIGH: "IncompleteSource", Kind.TOTAL_TOO_LOW: "IncompleteSource",
    Kind.IGNORED_FILTERS: "MalformedSource", Kind.ANOTHER_DAY: "MalformedSource",
}  # fmt: skip


@dataclass(frozen=True)
class Service:
    """One service: the asset that asks it, what of it fails alone, and how each fault that stays must end.

    Attributes:
        units: Symbols, sessions or weeks; the last one never gets a fault.
        column: What tells the unit in the asset's table.
        path: Of a unit, which is {0}.
        containing: What else tells the requests of a unit.
        endings: Fault -> name of the error.
        passing: Faults that a retry outlives.
    """

    asset: dg.AssetsDefinition
    units: Sequence[str | dt.date]
    column: str
    path: str
    endings: dict[Kind, str]
    containing: str = ""
    passing: Sequence[Kind] = PASSING
    plan: Plan = Plan.TRADES_AND_QUOTES
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return self.asset.key.to_user_string()

    def fault(self, unit: str | dt.date, kind: Kind, *, times: int | None) -> Fault:
        path, containing = self.path.format(unit), self.containing.format(unit)
        # A repeated page needs one before it.
        after = int(kind is Kind.REPEATED_PAGE)
        return Fault(path, kind, times=times, after=after, containing=containing, retry_after="1", seconds=0.05)


OF_SYMBOLS: dict[str, Any] = {"asset": polygon_equity_trades_raw, "units": SYMBOLS, "column": "symbol"}
OF_SESSIONS: dict[str, Any] = {"units": SESSIONS, "column": "trade_date"}
ONE_OUTAGE = {Kind.UNAVAILABLE: "Unreachable"}
SERVICES = {
    "trades": Service(
        **OF_SYMBOLS, path=f"{TRADES}/{{0}}",
        endings=OF_PAGES | UNREADABLE | OF_NUMBERS | OF_PLANS | FOR_EVER | {Kind.ABSURD_SIZE: "MalformedSource"},
    ),
    "quotes": Service(**OF_SYMBOLS, path=f"{QUOTES}/{{0}}", endings=OF_PAGES | UNREADABLE | OF_NUMBERS | OF_PLANS | FOR_EVER),
    "minute bars": Service(
        **OF_SYMBOLS, path=f"{BARS}/{{0}}", plan=Plan.FREE,
        endings=OF_ONE_PAGE | UNREADABLE | OF_NUMBERS | OF_SIZES | OF_PLANS | FOR_EVER | {Kind.ANOTHER_DAY: "AnotherDay"},
    ),
    "aggregates": Service(
        **OF_SESSIONS, asset=polygon_daily_agg_raw, path=f"{GROUPED}/{{0}}",
        endings=OF_ONE_PAGE | UNREADABLE | ONE_OUTAGE,
    ),
    "short files": Service(
        **OF_SESSIONS, asset=finra_short_daily_raw, path=f"{FILES}/CNMSshvol{{0:%Y%m%d}}.txt",
        endings=UNREADABLE | ONE_OUTAGE | {
            Kind.WRONG_TRAILER: "MalformedSource", Kind.ANOTHER_DAY: "AnotherDay", Kind.HTML_PAGE: "MalformedSource",
            Kind.CUT_JSON: "MalformedSource",
        },
        # A text file that is no such file may be a whole answer: it is not asked for again in this run.
        passing=[kind for kind in PASSING if kind not in {Kind.HTML_PAGE, Kind.CUT_JSON}],
    ),
    "regShoDaily": Service(
        **OF_SESSIONS, asset=finra_short_daily_raw, path=f"{DATASETS}/regShoDaily", containing="{0}",
        endings=OF_QUERIES | UNREADABLE | ONE_OUTAGE,
        settings={"finra_short_sale_url": f"{DATASETS}/regShoDaily", "finra_short_sale_cdn_url": f"{FILES}/nothing"},
    ),
    "weeklySummary": Service(
        asset=finra_otc_weekly_raw, units=WEEKS, column="week_start_date", path=f"{DATASETS}/weeklySummary", containing="{0}",
        endings=OF_QUERIES | UNREADABLE | ONE_OUTAGE,
    ),
}  # fmt: skip


# Read by the same code as trades and the weekly summary.
SELDOM: dict[str, Any] = dict.fromkeys(("quotes", "regShoDaily"), pytest.mark.long)
EACH = [pytest.param(name, marks=SELDOM.get(name, ())) for name in SERVICES]


def each_with(kinds: Callable[[Service], Iterable[Kind]]) -> list[Any]:
    """Each service with each of its `kinds`, as parameters of a test."""
    return [pytest.param(name, kind, marks=SELDOM.get(name, ())) for name, service in SERVICES.items() for kind in kinds(service)]


@dataclass(frozen=True)
class Field:
    """Where battles are fought: one server and one instance; every battle has a database of its own, the newest kept open."""

    graph: LiveGraph
    folder: Path
    opened: ExitStack
    numbers: Iterator[int] = field(default_factory=count)

    def fresh(self) -> LiveGraph:
        self.graph.server.faults.clear()
        self.graph.server.plan, self.graph.server.terms = Plan.TRADES_AND_QUOTES, TERMS
        folder = self.folder / str(next(self.numbers))
        self.opened.close()
        self.opened.enter_context(kept_open(folder))
        return LiveGraph(self.graph.server, self.graph.instance, folder)

    def materialise(self, graph: LiveGraph, service: Service, **changes: Any) -> dg.ExecuteInProcessResult:
        graph.server.plan = service.plan
        mine: dict[str, Any] = {"tickers": ",".join(SYMBOLS), "partitions_start": START}
        mine |= {name: f"{graph.server.url}{path}" for name, path in service.settings.items()}
        return graph.materialise(service.asset, **(mine | changes))


@dataclass
class Battle:
    """What the runs of one service left: without a fault, with faults, afterwards, and when forced to meet them again.

    Attributes:
        clean: Rows without a fault.
        met: Fault -> rows of its unit after the run that met it.
        told: Fault -> what the ledger then says of the unit.
        units: Fault -> its unit.
        others_are_whole: By run with faults, whether the rows of all other units were as without them.
        are_clean_afterwards: By run after the faults, and a forced one that met the first of them again, whether its rows were
            as without.
        hosts: Names under which the server was asked.
    """

    clean: pl.DataFrame
    met: dict[Kind, pl.DataFrame] = field(default_factory=dict)
    told: dict[Kind, str] = field(default_factory=dict)
    units: dict[Kind, str | dt.date] = field(default_factory=dict)
    others_are_whole: list[bool] = field(default_factory=list)
    are_clean_afterwards: list[bool] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


def rows_of(graph: LiveGraph, service: Service) -> pl.DataFrame:
    return graph.rows(service.table).drop("ingested_at", strict=False)


def told_of(graph: LiveGraph, service: Service, unit: str | dt.date) -> str:
    """What the ledger says of a unit."""
    if isinstance(unit, str):
        return json.loads(graph.entry(service.table)["failures"] or "{}").get(unit, "")
    if service.table == "finra_otc_weekly_raw":
        found = re.search(rf"\w+: [\w ]*{unit}[^:]*: .*?(?= \w+: |$)", graph.entry(service.table)["message"])
        return found[0] if found else ""
    entry = graph.entry(service.table, unit)
    return entry["message"] if entry["status"] == "FAILED" else ""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A server of one session's ticks and the sessions before it, with small pages."""
    folder = tmp_path_factory.mktemp("faults")
    history = build_market_history(SampleMarket(folder, last_session=DAY, sessions=1, trades_per_symbol=50))
    with served(history, folder) as graph, ExitStack() as opened:
        yield Field(graph, folder, opened)


def set_limits(patch: pytest.MonkeyPatch, limits: Limits) -> None:
    """The limits of every Transport that is not given others."""
    for maker in (Transport, FinraFeeds, FinraServices):
        patch.setitem(maker.__init__.__kwdefaults__ or {}, "limits", limits)
    patch.setattr(polygon_feeds, "DEFAULT_LIMITS", limits)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Short limits, and turns that nobody waits for."""
    clock = Clock()
    set_limits(monkeypatch, LIMITS)
    keep_pace_by(clock, monkeypatch)
    return clock


@pytest.fixture(scope="module")
def battle_of(ground: Field) -> Callable[[str, bool], Battle]:
    """The battle of a service, fought when it is first asked for: with the faults that stay, or with those that pass."""

    @functools.cache
    def clean(name: str) -> pl.DataFrame:
        graph = ground.fresh()
        ground.materialise(graph, SERVICES[name])
        return rows_of(graph, SERVICES[name])

    @functools.cache
    def battle(name: str, stays: bool) -> Battle:
        return fight(ground, SERVICES[name], clean(name), stays=stays)

    return battle


def fight(ground: Field, service: Service, clean: pl.DataFrame, *, stays: bool) -> Battle:
    server = ground.graph.server
    battle, before = Battle(clean), len(server.requests)
    left, most = list(service.endings if stays else service.passing), len(service.units) - 1
    while left:
        kinds, left = left[:most], left[most:]
        skirmish(ground, service, battle, dict(zip(kinds, service.units, strict=False)), stays=stays)
    battle.hosts = {received.host for received in server.requests[before:]}
    return battle


def skirmish(ground: Field, service: Service, battle: Battle, units: dict[Kind, str | dt.date], *, stays: bool) -> None:
    """Let each of `units` meet its fault, once or for ever."""
    graph, faults = ground.fresh(), [service.fault(unit, kind, times=None if stays else 1) for kind, unit in units.items()]
    graph.server.faults.add(*faults)
    ground.materialise(graph, service)
    rows = rows_of(graph, service)
    for kind, unit in units.items():
        battle.units[kind] = unit
        battle.told[kind] = told_of(graph, service, unit)
        battle.met[kind] = rows.filter(pl.col(service.column) == unit)
    is_other = ~pl.col(service.column).is_in(list(units.values()))
    battle.others_are_whole.append(rows.filter(is_other).equals(battle.clean.filter(is_other)))
    if stays:
        graph.server.faults.clear()
        ground.materialise(graph, service)
        battle.are_clean_afterwards.append(rows_of(graph, service).equals(battle.clean))
    if stays and service.units is not SESSIONS and len(battle.others_are_whole) == 1:
        graph.server.faults.add(*faults)
        ground.materialise(graph, service, force=True)
        battle.are_clean_afterwards.append(rows_of(graph, service).equals(battle.clean))


# Every service meets every fault that it can show


@pytest.mark.parametrize(("name", "kind"), each_with(lambda service: service.passing))
def test_what_passes_within_the_retries_leaves_no_trace(battle_of: Callable[[str, bool], Battle], name: str, kind: Kind):
    battle = battle_of(name, False)
    wanted = battle.clean.filter(pl.col(SERVICES[name].column) == battle.units[kind])
    assert battle.told[kind] == ""
    assert wanted.height
    assert battle.met[kind].equals(wanted)


@pytest.mark.parametrize(("name", "kind"), each_with(lambda service: service.endings))
def test_what_stays_ends_in_an_error_by_its_name_and_stores_nothing(
    battle_of: Callable[[str, bool], Battle], name: str, kind: Kind
):
    battle = battle_of(name, True)
    assert battle.told[kind].startswith(f"{SERVICES[name].endings[kind]}: ")
    assert battle.met[kind].is_empty()


@pytest.mark.parametrize("name", EACH)
def test_the_others_are_stored_as_without_the_fault(battle_of: Callable[[str, bool], Battle], name: str):
    assert all(battle_of(name, True).others_are_whole)


@pytest.mark.parametrize("name", EACH)
def test_the_run_after_the_fault_stores_all_and_a_forced_one_that_meets_it_again_loses_nothing(
    battle_of: Callable[[str, bool], Battle], name: str
):  # fmt: skip
    assert all(battle_of(name, True).are_clean_afterwards)


@pytest.mark.parametrize("name", EACH)
def test_nobody_is_asked_under_another_host(battle_of: Callable[[str, bool], Battle], ground: Field, name: str):
    assert battle_of(name, True).hosts == {ground.graph.server.url.removeprefix("http://")}


# The session of the run itself


@pytest.mark.parametrize("kind", [Kind.WRONG_SHAPE, Kind.UNAVAILABLE, Kind.GZIP_BOMB, Kind.REDIRECT])
@pytest.mark.parametrize("name", ["aggregates", "short files", "regShoDaily"])
def test_the_sessions_own_fault_fails_the_run_by_its_name(ground: Field, name: str, kind: Kind):
    service, graph = SERVICES[name], ground.fresh()
    graph.server.faults.add(service.fault(DAY, kind, times=None))
    result = ground.materialise(graph, service, partitions_start=DAY)
    assert not result.success
    assert f".{service.endings[kind]}: " in error_of(result)
    assert graph.entry(service.table)["message"].startswith(service.endings[kind])
    assert graph.rows(service.table).is_empty()


@pytest.mark.parametrize("kind", [Kind.WRONG_SHAPE, Kind.UNAVAILABLE])
@pytest.mark.parametrize("name", ["aggregates", "short files", "regShoDaily"])
def test_a_stored_session_outlives_a_forced_run_that_fails(ground: Field, name: str, kind: Kind):
    service, graph = SERVICES[name], ground.fresh()
    ground.materialise(graph, service, partitions_start=DAY)
    before = graph.rows(service.table)
    graph.server.faults.add(service.fault(DAY, kind, times=None))
    ground.materialise(graph, service, partitions_start=DAY, force=True)
    assert graph.entry(service.table)["message"].startswith(f"{service.endings[kind]}: ")
    assert graph.rows(service.table).equals(before)


# Keys, plans and tokens


@pytest.mark.parametrize("name", EACH)
def test_a_refused_key_ends_the_run_by_its_name_and_stores_nothing(ground: Field, name: str):
    service, graph = SERVICES[name], ground.fresh()
    graph.server.faults.add(Fault(service.path.partition("{")[0].removesuffix("CNMSshvol"), Kind.UNAUTHORIZED, times=None))
    result = ground.materialise(graph, service, partitions_start=DAY)
    assert ".CredentialsRefused: " in error_of(result)
    assert graph.rows(service.table).is_empty()
    graph.server.faults.clear()
    assert ground.materialise(graph, service, partitions_start=DAY).success
    assert graph.rows(service.table).height


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.UNAUTHORIZED, "CredentialsRefused"), (Kind.BLOCKED, "CredentialsRefused"), (Kind.REDIRECT, "ForeignAddress"),
        (Kind.GZIP_BOMB, "OversizedSource"), (Kind.WRONG_SHAPE, "BrokenContent"), (Kind.CUT_JSON, "BrokenContent"),
        (Kind.HTML_PAGE, "BrokenContent"), (Kind.UNAVAILABLE, "Unreachable"), (Kind.DROPPED, "Unreachable"),
        (Kind.SLOW_DRIP, "Unreachable"), (Kind.TOO_MANY_REQUESTS, "RateLimited"),
    ],
)  # fmt: skip
def test_without_a_token_the_query_fails_by_name_and_is_made_by_a_later_run(ground: Field, kind: Kind, error: str):
    service, graph = SERVICES["regShoDaily"], ground.fresh()
    before = len(graph.server.requests)
    graph.server.faults.add(Fault(TOKEN, kind, times=None, retry_after="1"))
    assert f".{error}: " in error_of(ground.materialise(graph, service, partitions_start=DAY))
    assert graph.rows(service.table).is_empty()
    asked = {received.path for received in graph.server.requests[before:]}
    assert asked == {TOKEN, f"{FILES}/nothing/CNMSshvol20251212.txt"}
    graph.server.faults.clear()
    assert ground.materialise(graph, service, partitions_start=DAY).success
    assert graph.rows(service.table).height


@pytest.mark.parametrize("kind", [*PASSING, Kind.WRONG_SHAPE])
def test_a_token_that_comes_late_is_waited_for(ground: Field, kind: Kind):
    service, graph = SERVICES["regShoDaily"], ground.fresh()
    graph.server.faults.add(Fault(TOKEN, kind, retry_after="1"))
    assert ground.materialise(graph, service, partitions_start=DAY).success
    assert graph.entry(service.table)["status"] == "STORED"


def test_a_token_refused_once_is_fetched_anew_once(ground: Field, battle_of: Callable[[str, bool], Battle]):
    service, graph = SERVICES["weeklySummary"], ground.fresh()
    before = graph.asked(TOKEN)
    graph.server.faults.add(Fault(service.path, Kind.UNAUTHORIZED, after=3))
    assert ground.materialise(graph, service).success
    assert graph.asked(TOKEN) - before == 2
    assert rows_of(graph, service).equals(battle_of("weeklySummary", False).clean)


def test_tokens_that_end_again_and_again_in_a_run_are_fetched_anew(ground: Field, battle_of: Callable[[str, bool], Battle]):
    service, graph = SERVICES["weeklySummary"], ground.fresh()
    before = graph.asked(TOKEN)
    graph.server.terms = Terms(
        payload_bytes=20_000, finra_requests_per_second=None, token_seconds=50, clock=functools.partial(next, count(step=7))
    )
    assert ground.materialise(graph, service).success
    assert graph.asked(TOKEN) - before > 3
    assert rows_of(graph, service).equals(battle_of("weeklySummary", False).clean)


def test_trades_outside_the_plan_become_bars_in_the_same_run(ground: Field, battle_of: Callable[[str, bool], Battle]):
    service, graph = SERVICES["trades"], ground.fresh()
    graph.server.faults.add(Fault(TRADES, Kind.NOT_ENTITLED, times=None))
    assert ground.materialise(graph, service).success
    assert rows_of(graph, service).equals(battle_of("minute bars", False).clean)


def test_quotes_outside_the_plan_leave_the_prints_without_quotes(ground: Field, battle_of: Callable[[str, bool], Battle]):
    service, graph = SERVICES["quotes"], ground.fresh()
    graph.server.faults.add(Fault(QUOTES, Kind.NOT_ENTITLED, times=None))
    assert ground.materialise(graph, service).success
    blank = {side: pl.lit(None, pl.Float64) for side in ("bid", "ask")}
    assert rows_of(graph, service).equals(battle_of("trades", False).clean.with_columns(**blank))


def test_bars_and_trades_outside_the_plan_are_degraded_and_store_nothing(ground: Field):
    service, graph = SERVICES["minute bars"], ground.fresh()
    graph.server.faults.add(Fault("/v2/aggs", Kind.NOT_ENTITLED, times=None))
    assert ground.materialise(graph, service).success
    assert graph.entry(service.table)["status"] == "DEGRADED"
    assert graph.rows(service.table).is_empty()


def test_a_403_without_the_words_of_absence_is_never_not_published_yet(ground: Field):
    service, graph = SERVICES["short files"], ground.fresh()
    graph.server.faults.add(Fault(FILES, Kind.NOT_ENTITLED, times=None))
    assert ".RefusedBySource: " in error_of(ground.materialise(graph, service))


# Numbers and dates that are no fault of the whole


def test_a_print_of_negative_size_is_dropped_and_counted(ground: Field):
    service, graph = SERVICES["trades"], ground.fresh()
    ground.materialise(graph, service, tickers="SPY")
    clean = graph.entry(service.table)
    graph.server.faults.add(Fault(f"{TRADES}/SPY", Kind.NEGATIVE_SIZE))
    assert ground.materialise(graph, service, tickers="SPY", force=True).success
    entry = graph.entry(service.table)
    assert (entry["status"], entry["failures"]) == ("STORED", None)
    assert entry["dropped_rows"] == clean["dropped_rows"] + 1
    assert entry["stored_rows"] == graph.rows(service.table).height == clean["stored_rows"] - 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aggregates", Kind.INFINITE),
        ("short files", Kind.NEGATIVE_SIZE),
        ("regShoDaily", Kind.ABSURD_SIZE),
        ("weeklySummary", Kind.NAN),
    ],
)
def test_a_number_that_cannot_be_costs_its_symbol_alone(
    ground: Field, battle_of: Callable[[str, bool], Battle], name: str, kind: Kind
):  # fmt: skip
    service, graph = SERVICES[name], ground.fresh()
    unit = service.units[-1]
    graph.server.faults.add(service.fault(unit, kind, times=1))
    ground.materialise(graph, service)
    # The hash is that of the whole file.
    clean, rows = (table.drop("content_hash", strict=False) for table in (battle_of(name, False).clean, rows_of(graph, service)))
    lost = clean.join(rows, on=clean.columns, how="anti", nulls_equal=True)
    assert rows.join(clean, on=clean.columns, how="anti", nulls_equal=True).is_empty()
    assert lost["symbol"].n_unique() == 1
    assert set(lost[service.column]) == {unit}


def test_aggregates_are_of_the_session_that_was_asked_for_whatever_they_say(
    ground: Field, battle_of: Callable[[str, bool], Battle]
):  # fmt: skip
    service, graph = SERVICES["aggregates"], ground.fresh()
    graph.server.faults.add(service.fault(DAY, Kind.ANOTHER_DAY, times=None))
    assert ground.materialise(graph, service).success
    assert rows_of(graph, service).equals(battle_of("aggregates", False).clean)


# Waiting, time and memory


@pytest.mark.parametrize(
    ("name", "retry_after", "least"),
    [("trades", None, 2), ("trades", "7", 7), ("aggregates", "7", 7), ("weeklySummary", None, 1), ("weeklySummary", "7", 7)],
)
def test_a_rate_limit_is_waited_for(ground: Field, clock: Clock, name: str, retry_after: str | None, least: float):
    service, graph = SERVICES[name], ground.fresh()
    unit = service.units[-1]
    fault = service.fault(unit, Kind.TOO_MANY_REQUESTS, times=1)
    graph.server.faults.add(
        Fault(fault.path, fault.kind, containing=fault.containing, retry_after=retry_after, has_body=retry_after is None)
    )
    assert ground.materialise(graph, service, tickers="SPY,BRK.B").success
    assert clock.waited >= least
    assert graph.rows(service.table).filter(pl.col(service.column) == unit).height


@pytest.mark.parametrize("kind", [Kind.SILENCE, Kind.SLOW_DRIP])
def test_who_says_nothing_or_trickles_is_left_after_the_deadline_of_each_attempt(ground: Field, kind: Kind):
    service, graph = SERVICES["aggregates"], ground.fresh()
    graph.server.faults.add(service.fault(DAY, kind, times=None))
    started = time.monotonic()
    result = ground.materialise(graph, service, partitions_start=DAY)
    assert ".Unreachable: " in error_of(result)
    assert time.monotonic() - started < (1 + LIMITS.retries) * LIMITS.deadline + 10


@pytest.mark.parametrize("name", ["trades", "aggregates", "short files", "weeklySummary"])
def test_a_bomb_is_left_at_the_limit_in_bounded_memory(ground: Field, name: str):
    service, graph = SERVICES[name], ground.fresh()
    graph.server.faults.add(service.fault(service.units[-1], Kind.GZIP_BOMB, times=None))
    tracemalloc.start()
    try:
        ground.materialise(graph, service, tickers="BRK.B", partitions_start=DAY)
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMITS.max_bytes
    finally:
        tracemalloc.stop()


def test_a_bomb_below_the_usual_limit_is_no_empty_answer(ground: Field, monkeypatch: pytest.MonkeyPatch):
    set_limits(monkeypatch, Limits())
    service, graph = SERVICES["weeklySummary"], ground.fresh()
    graph.server.faults.add(service.fault(WEEKS[-1], Kind.GZIP_BOMB, times=None))
    ground.materialise(graph, service)
    assert graph.entry(service.table)["status"] == "DEGRADED"
    assert "OversizedSource" in graph.entry(service.table)["message"]


def test_a_symbol_under_fire_keeps_no_other_from_being_derived(ground: Field):
    graph = ground.fresh()
    graph.server.faults.add(Fault(f"{TRADES}/SPY", Kind.UNAVAILABLE, times=None))
    result = graph.materialise([polygon_equity_trades_raw, lit_direction_daily], tickers="SPY,QQQ")
    assert result.success
    derived = graph.rows("lit_direction_daily")
    assert derived.select("symbol", pl.col("trade_count") > 0).rows() == [("QQQ", True), ("SPY", None)]
