"""The commands of `darkpool`: they choose sessions, hand them on, and print.

What takes seconds to import is imported by the command that needs it. Exit codes: 0 done (also with feeds that are not
published yet), 1 something failed, 2 wrong settings or arguments, 130 interrupted, 143 ended by SIGTERM.
"""

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Column
from rich.table import Table as ScreenTable

from darkpool_assets.command_folders import DEMO_FOLDER, MARKET, enter_demo, enter_stored_demo
from darkpool_assets.full_disks import NoRoomLeft, refusing_full_disk
from darkpool_assets.path_checks import refuse_taken_ports, refuse_unwritable
from darkpool_assets.process_endings import ending_at_once, take_signals_as_usual
from darkpool_assets.setting_display import quoted
from darkpool_assets.settings import Settings, SettingsError, describe_settings, load_settings
from darkpool_assets.terminal import complain, progress_bars, say, screen, shown_setting_warnings
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

CHARTED_SESSIONS: Final = 10

app = typer.Typer(
    name="darkpool",
    help=f"Institutional accumulation and distribution, inferred daily, with provenance.\n\n{DISCLAIMER}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    callback=take_signals_as_usual,  # from here on a command is under way
)
PlotsOf = Annotated[str, typer.Option("--plots", metavar="last|all", help="Sessions that get plots and pages.")]
Force = Annotated[bool, typer.Option("--force", help="Fetch and derive again what is stored and unchanged.")]
Port = Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1; the report site takes the one above.")]
OfDemo = Annotated[bool, typer.Option("--demo", help="On the demo that `darkpool demo` made in data/demo.")]


def run_command() -> None:
    """Run the command of the arguments: wrong settings end with 2, a database that can't be used or a full disk with 1."""
    from darkpool_assets.database_faults import WarehouseError

    try:
        with shown_setting_warnings():
            app()
    except (SettingsError, WarehouseError, NoRoomLeft) as error:
        complain(str(error))
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def demo(
    *,
    sessions: Annotated[int, typer.Option(min=1, max=300, help="Sessions to make, ending at the sample market's last one.")] = 30,
    plots: PlotsOf = "last",
    over_http: Annotated[
        bool, typer.Option("--over-http", help="Ask a local server for it, as FINRA and Polygon answer.")
    ] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Then start the Dagster UI on it.")] = False,
    port: Port = 3000,
) -> None:
    """Make the sample market's files and run every asset on them, marked SAMPLE DATA, into data/demo."""
    from darkpool_assets.sample_market.market_server import MarketServer
    from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
    from darkpool_assets.sample_market.writing import write_sample_market

    if ui:
        refuse_taken_ports(port)
    refuse_unwritable(files={}, folders={"demo": DEMO_FOLDER})
    market = SampleMarket(folder=MARKET.resolve(), sessions=sessions)
    with refusing_full_disk("demo", DEMO_FOLDER), progress_bars() as on_step:
        write_sample_market(market, progress=lambda stage, done, total: on_step(f"sample market: {stage}", done, total))
    ui_port = port if ui else None
    if not over_http:
        enter_demo(sample_settings(market), DEMO_FOLDER)
        raise typer.Exit(_make_demo(market.last_session, plots, hint="--demo", ui_port=ui_port))
    with MarketServer(market, now=market.closed_at) as server:
        enter_demo(server.settings(), DEMO_FOLDER / "over_http")
        raise typer.Exit(_make_demo(market.last_session, plots, ui_port=ui_port))


def _make_demo(last_session: dt.date, plots: str, *, hint: str = "", ui_port: int | None = None) -> int:
    """Make the sessions of the demo that was entered, and print where everything is; returns the exit code."""
    from darkpool_assets.command_runs import make_sessions, print_pages
    from darkpool_assets.defs.rendered.daily_tables import tables_folder

    settings = load_settings()
    code = make_sessions(settings, lambda: _chosen(settings), now=_now(), force=False, skip_finished=True, plots=plots)
    say(f"Database  {settings.duckdb_path}")
    say(f"Table     {tables_folder(settings, last_session) / 'daily_metrics.html'}")
    print_pages(settings)
    if hint:
        say(f"Look      darkpool check {hint}, darkpool status {hint}, darkpool ui {hint}")
    screen.print(f"\n{DISCLAIMER}", style="dim")
    return code or (0 if ui_port is None else _serve(settings, ui_port))


def _serve(settings: Settings, port: int) -> int:
    from darkpool_assets.site_server import serve_ui

    return serve_ui(settings, port)


@app.command()
def run(*, plots: PlotsOf = "last", force: Force = False) -> None:
    """Make the sessions that FETCH_MODE, TARGET_DATE and BACKFILL_COUNT choose, and recent ones that are not whole yet."""
    from darkpool_assets.command_runs import make_sessions, print_pages

    settings = load_settings()
    heal = settings.target_date is None
    code = make_sessions(settings, lambda: _chosen(settings), now=_now(), force=force, plots=plots, heal=heal)
    print_pages(settings)
    raise typer.Exit(code)


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM")],
    last: Annotated[str, typer.Argument(metavar="TO")],
    *,
    select: Annotated[str, typer.Option(help="Assets to make, comma-separated; all of them when empty.")] = "",
    plots: PlotsOf = "last",
    force: Force = False,
) -> None:
    """Make a range of sessions; what is there and unchanged is skipped."""
    from darkpool_assets.command_runs import make_sessions, print_pages
    from darkpool_assets.session_choice import sessions_of_range

    settings = load_settings()
    begin, end = _date("FROM", first), _date("TO", last)
    names = [name.strip() for name in select.split(",") if name.strip()]
    days = sessions_of_range(begin, end, settings=settings, now=_now())
    code = make_sessions(settings, lambda: days, now=_now(), force=force, select=names, skip_finished=not force, plots=plots)
    print_pages(settings)
    raise typer.Exit(code)


@app.command()
def check(
    day: Annotated[str | None, typer.Argument(metavar="DATE")] = None,
    *,
    last: Annotated[int, typer.Option(min=1, max=2500, help="Stored sessions to judge, up to DATE.")] = 1,
    demo: OfDemo = False,
) -> None:
    """Print every rule's verdict of a day (the newest stored one), its failing rows, and coverage over time.

    Ends with 1 when the Phase C gate is closed.
    """
    from darkpool_assets.check_report import coverage_screen, failing_screen, gate_line, verdicts_screen
    from darkpool_assets.coverage_history import coverage_over_time
    from darkpool_assets.database_check import check_day

    settings = _settings(demo=demo)
    chosen, *earlier = _stored_sessions(settings, _session("DATE", day) if day else None)
    warehouse, gates = _warehouse(settings), {}
    for one in [chosen, *earlier][:last][::-1]:
        checked = check_day(warehouse, one, settings=settings)
        gates[one] = checked.gate
        if last == 1:
            screen.print(verdicts_screen(checked.verdicts, title=f"{one}, {settings.inference_version}"))
        screen.print(gate_line(checked.gate, day=one), style="bold", highlight=False)
        screen.print(failing_screen(checked.verdicts), highlight=False)
        screen.print()
    shown = max(last, CHARTED_SESSIONS)
    screen.print(coverage_screen(coverage_over_time(warehouse, settings=settings, until=chosen, last=shown, judged=gates)))
    screen.print(f"\n{SAMPLE_DATA_NOTICE}. {DISCLAIMER}" if settings.sample_data else f"\n{DISCLAIMER}", style="dim")
    raise typer.Exit(0 if all(gate.is_open for gate in gates.values()) else 1)


@app.command()
def status(*, demo: OfDemo = False) -> None:
    """Show what is stored per table, the newest vintages, the OTC weeks awaited, and the gate by day."""
    from darkpool_assets.command_runs import warn_of_losses
    from darkpool_assets.status_report import status_tables

    settings = _settings(demo=demo)
    _refuse_without_database(settings)
    warn_of_losses(settings)
    for table in status_tables(_warehouse(settings), settings=settings, now=_now()):
        screen.print(table)


@app.command()
def config(*, demo: OfDemo = False) -> None:
    """Print every setting, its value and where it came from; secrets are masked."""
    folded = {name: Column(name, overflow="fold") for name in ("Value", "Meaning")}
    table = ScreenTable(Column("Setting", no_wrap=True), folded["Value"], Column("From", no_wrap=True), folded["Meaning"])
    for name, value, origin, meaning in describe_settings(_settings(demo=demo)):
        table.add_row(name, _plain(value), origin, _plain(meaning))
    screen.print(table)


@app.command()
def rebuild(
    first: Annotated[str | None, typer.Argument(metavar="FROM")] = None,
    last: Annotated[str | None, typer.Argument(metavar="TO")] = None,
) -> None:
    """Make stored sessions again: raw from files or sources where they are there, derived tables from raw."""
    from darkpool_assets.command_runs import make_sessions, print_pages
    from darkpool_assets.session_choice import sessions_of_range

    settings = load_settings()
    if (first is None) != (last is None):
        raise SettingsError(["FROM, TO: given one of them; allowed: both, or neither for every stored session"])
    if first and last:
        days = sessions_of_range(_date("FROM", first), _date("TO", last), settings=settings, now=_now())
    else:
        days = _stored_days(settings)
    if not days:
        raise SettingsError(
            [f"FROM, TO: given nothing, and {settings.duckdb_path} holds no session; allowed: a range of sessions"]
        )
    code = make_sessions(settings, lambda: days, now=_now(), force=True)
    print_pages(settings)
    raise typer.Exit(code)


@app.command()
def export(
    table: Annotated[str, typer.Argument(metavar="TABLE")],
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    first: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
    demo: OfDemo = False,
) -> None:
    """Write a table, or a date range of it, as Parquet or CSV (by the file's suffix)."""
    from darkpool_assets.table_export import export_table

    target = file.absolute()
    settings = _settings(demo=demo)
    _refuse_without_database(settings)
    begin = _date("--from", first) if first else dt.date.min
    end = _date("--to", last) if last else dt.date.max
    if begin > end:
        raise SettingsError([f"--from: given {begin}; allowed: not later than --to ({end})"])
    refuse_unwritable(files={"FILE": target}, folders={})
    with refusing_full_disk("FILE", target.parent):
        rows = export_table(_warehouse(settings), table, target, first=begin, last=end)
    say(f"{rows:,} rows of {table} in {file}")
    screen.print(DISCLAIMER, style="dim")


@app.command()
def ui(*, port: Port = 3000, demo: OfDemo = False) -> None:
    """Start the Dagster UI and daemon on workspace.yaml, and the report site on the port above, on 127.0.0.1."""
    with ending_at_once():
        raise typer.Exit(_serve(_settings(demo=demo), port))


def _settings(*, demo: bool) -> Settings:
    """The settings of this folder, or of the demo in it."""
    if demo:
        enter_stored_demo()
    return load_settings()


def _chosen(settings: Settings) -> list[dt.date]:
    from darkpool_assets.session_choice import chosen_sessions

    return chosen_sessions(settings, now=_now())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _date(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError([f"{name}: given {quoted(text)}; allowed: a date such as 2026-01-30"]) from None


def _session(name: str, text: str) -> dt.date:
    from darkpool_assets import market_calendar

    day = _date(name, text)
    if not market_calendar.is_session(day):
        raise SettingsError(
            [f"{name}: given {day}, not an NYSE session; allowed: a session such as {market_calendar.previous_session(day)}"]
        )
    return day


def _warehouse(settings: Settings) -> Any:
    from darkpool_assets.resources import connect_to
    from darkpool_assets.warehouse import Warehouse

    return Warehouse(connect_to(settings.duckdb_path))


def _refuse_without_database(settings: Settings) -> None:
    if not settings.duckdb_path.is_file():
        raise SettingsError(
            [f"DUCKDB_PATH: given {settings.duckdb_path}, no database there; make one with `darkpool run` or `darkpool demo`"]
        )


def _stored_days(settings: Settings) -> list[dt.date]:
    from darkpool_assets import market_calendar

    _refuse_without_database(settings)
    first, last, version = settings.partitions_start, market_calendar.last_calendar_day(), settings.inference_version
    return _warehouse(settings).stored_days("daily_metrics", first, last, inference_version=version)


def _stored_sessions(settings: Settings, last: dt.date | None) -> list[dt.date]:
    """The stored sessions up to `last`, the newest where that is None, newest first.

    Raises:
        SettingsError: `last` is not stored, or nothing is.
    """
    days, version = _stored_days(settings), settings.inference_version
    if not days:
        none = f"{settings.duckdb_path} holds no session of {version}; make one with `darkpool run`"
        raise SettingsError([f"DATE: given {last or 'nothing'}, and {none}"])
    if last and last not in days:
        raise SettingsError(
            [f"DATE: given {last}, not stored under {version}; allowed: a stored session from {days[0]} to {days[-1]}"]
        )
    return [one for one in reversed(days) if last is None or one <= last]


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
