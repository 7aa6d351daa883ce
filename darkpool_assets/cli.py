"""`darkpool`: everything that the Dagster UI does, from a terminal, through the same definitions and the same instance.

Commands are thin: they choose sessions, hand them to session_runs, and print. Exit codes: 0 done (also with feeds that are
not published yet), 1 something failed, 2 wrong settings or arguments, 130 interrupted.
"""

import datetime as dt
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.table import Table as ScreenTable

from darkpool_assets.settings import Settings, SettingsError, describe_settings, load_settings
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE

PROJECT: Final = Path(__file__).resolve().parents[1]
DEFAULT_DAGSTER_HOME: Final = Path("data/dagster_home")
DEMO_FOLDER: Final = Path("data/demo")
CHARTED_SESSIONS: Final = 10

app = typer.Typer(
    name="darkpool",
    help=f"Institutional accumulation and distribution, inferred daily, with provenance.\n\n{DISCLAIMER}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
screen = Console()
notes = Console(stderr=True)

PlotsOf = Annotated[str, typer.Option("--plots", metavar="last|all", help="Sessions that get plots and pages.")]
Force = Annotated[bool, typer.Option("--force", help="Fetch and derive again what is stored and unchanged.")]


def main() -> None:
    """Entry point: wrong settings end with 2, a database that can't be used with 1."""
    from darkpool_assets.warehouse import WarehouseError

    try:
        app()
    except (SettingsError, WarehouseError) as error:
        notes.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, SettingsError) else 1)


@app.command()
def demo(
    *,
    sessions: Annotated[int, typer.Option(min=1, max=300, help="Sessions to make, ending at the sample market's last one.")] = 30,
    plots: PlotsOf = "last",
    over_http: Annotated[
        bool, typer.Option("--over-http", help="Ask a local server for it, as FINRA and Polygon answer.")
    ] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Then start the Dagster UI on it.")] = False,
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
) -> None:
    """Make the sample market's files and run every asset on them, marked SAMPLE DATA, into data/demo."""
    from darkpool_assets.sample_market.market_server import MarketServer
    from darkpool_assets.sample_market.plan import SampleMarket, sample_settings
    from darkpool_assets.sample_market.writing import write_sample_market

    market = SampleMarket(folder=(DEMO_FOLDER / "market").resolve(), sessions=sessions)
    with _progress() as on_step:
        write_sample_market(market, progress=lambda stage, done, total: on_step(f"sample market: {stage}", done, total))
    if not over_http:
        _enter_demo(sample_settings(market), DEMO_FOLDER)
        raise typer.Exit(_make_demo(market.last_session, plots) or (_start_ui(port) if ui else 0))
    with MarketServer(market, now=market.closed_at) as server:
        _enter_demo(server.settings(), DEMO_FOLDER / "over_http")
        raise typer.Exit(_make_demo(market.last_session, plots) or (_start_ui(port) if ui else 0))


def _make_demo(last_session: dt.date, plots: str) -> int:
    """Make the sessions of the demo that was entered, and say where everything is; returns the exit code."""
    from darkpool_assets.defs.rendered.daily_tables import tables_folder

    settings = load_settings()
    code = _make(settings, lambda now: _chosen(settings, now), force=False, skip_finished=True, plots=plots)
    screen.print(f"Database  {settings.duckdb_path}", soft_wrap=True, highlight=False)
    screen.print(f"Table     {tables_folder(settings, last_session) / 'daily_metrics.html'}", soft_wrap=True, highlight=False)
    screen.print(f"Open      {settings.output_dir / 'index.html'}", soft_wrap=True, highlight=False)
    screen.print(f"\n{DISCLAIMER}", style="dim")
    return code


@app.command()
def run(*, plots: PlotsOf = "last", force: Force = False) -> None:
    """Make the sessions that FETCH_MODE, TARGET_DATE and BACKFILL_COUNT choose, and recent ones that are not whole yet."""
    settings = load_settings()
    heal = settings.target_date is None
    raise typer.Exit(_make(settings, lambda now: _chosen(settings, now), force=force, plots=plots, heal=heal))


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
    from darkpool_assets.session_choice import sessions_of_range

    settings = load_settings()
    begin, end = _date("FROM", first), _date("TO", last)
    names = [name.strip() for name in select.split(",") if name.strip()]
    days = sessions_of_range(begin, end, settings=settings, now=_now())
    code = _make(settings, lambda _now: days, force=force, select=names or None, skip_finished=not force, plots=plots)
    raise typer.Exit(code)


@app.command()
def check(
    day: Annotated[str | None, typer.Argument(metavar="DATE")] = None,
    *,
    last: Annotated[int, typer.Option(min=1, max=2500, help="Stored sessions to judge, up to DATE.")] = 1,
) -> None:
    """Print every rule's verdict of a day (the newest stored one), its failing rows, and coverage over time.

    Ends with 1 when the Phase C gate is closed.
    """
    from darkpool_assets.check_report import coverage_screen, failing_screen, gate_line, verdicts_screen
    from darkpool_assets.coverage_history import coverage_over_time
    from darkpool_assets.database_check import check_day

    settings = load_settings()
    _refuse_without_database(settings)
    chosen = _session("DATE", day) if day else _newest_stored_day(settings)
    earlier = [one for one in _stored_days(settings) if one < chosen] if last > 1 else []
    warehouse, gates = _warehouse(settings), {}
    for one in [*earlier, chosen][-last:]:
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
def status() -> None:
    """Show what is stored per table, the newest vintages, the OTC weeks awaited, and the gate by day."""
    from darkpool_assets.status_report import status_tables

    settings = load_settings()
    _refuse_without_database(settings)
    for table in status_tables(_warehouse(settings), settings=settings, now=_now()):
        screen.print(table)


@app.command()
def config() -> None:
    """Print every setting, its value and where it came from; secrets are masked."""
    folded = {name: Column(name, overflow="fold") for name in ("Value", "Meaning")}
    table = ScreenTable(Column("Setting", no_wrap=True), folded["Value"], Column("From", no_wrap=True), folded["Meaning"])
    for name, value, origin, meaning in describe_settings(load_settings()):
        table.add_row(name, _plain(value), origin, _plain(meaning))
    screen.print(table)


@app.command()
def rebuild(
    first: Annotated[str | None, typer.Argument(metavar="FROM")] = None,
    last: Annotated[str | None, typer.Argument(metavar="TO")] = None,
) -> None:
    """Make stored sessions again: raw from files or sources where they are there, derived tables from raw."""
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
    raise typer.Exit(_make(settings, lambda _now: days, force=True))


@app.command()
def export(
    table: Annotated[str, typer.Argument(metavar="TABLE")],
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    first: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
) -> None:
    """Write a table, or a date range of it, as Parquet or CSV (by the file's suffix)."""
    from darkpool_assets.table_export import export_table

    settings = load_settings()
    _refuse_without_database(settings)
    begin = _date("--from", first) if first else dt.date.min
    end = _date("--to", last) if last else dt.date.max
    rows = export_table(_warehouse(settings), table, file, first=begin, last=end)
    screen.print(f"{rows:,} rows of {table} in {file}", highlight=False, soft_wrap=True)
    screen.print(DISCLAIMER, style="dim")


@app.command()
def ui(*, port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Start the Dagster UI and daemon on workspace.yaml, and the report site on the port above, on 127.0.0.1."""
    raise typer.Exit(_start_ui(port))


def _enter_demo(values: dict[str, str], folder: Path) -> None:
    """Only the sample market's settings from here on: a .env or an exported source of the user's would mix feeds."""
    home = folder.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    paths = {"DUCKDB_PATH": "darkpool.duckdb", "OUTPUT_DIR": "output", "DAGSTER_HOME": "dagster_home"}
    os.environ.update(values | {name: str(home / path) for name, path in paths.items()})


def _make(
    settings: Settings,
    choose: Callable[[dt.datetime], list[dt.date]],
    *,
    force: bool,
    select: list[str] | None = None,
    skip_finished: bool = False,
    plots: str = "last",
    heal: bool = False,
) -> int:
    """Run sessions with progress and say what was made; returns the exit code."""
    import dagster as dg

    from darkpool_assets.session_runs import Plots, SessionRunner

    if plots not in set(Plots):
        raise SettingsError([f"--plots: given {plots!r}; allowed: {', '.join(Plots)}"])
    drawn, days = Plots(plots), choose(_now())
    _prepare_dagster_home()
    try:
        with dg.DagsterInstance.get() as instance, _progress() as on_day, _shown_waits(), _heeded_interrupts() as heed:
            runner = SessionRunner(settings, instance, on_day=lambda *step: (heed(), on_day(*step))[1])
            if unknown := set(select or []) - set(runner.asset_names):
                raise SettingsError([f"--select: given {', '.join(sorted(unknown))}; allowed: {', '.join(runner.asset_names)}"])
            days = runner.with_unfinished(days) if heal else days
            outcome = (
                runner.run_unfinished(days, select=select, plots=drawn)
                if skip_finished
                else runner.run(days, select=select, force=force, plots=drawn)
            )
            heed()
    except KeyboardInterrupt:
        notes.print("Interrupted. Days that were stored are whole; the same command goes on from there.", style="yellow")
        return 130
    _tell(outcome)
    _prune(settings)
    return 1 if outcome.failures else 0


def _tell(outcome: Any) -> None:
    """Print what a command made, skipped and could not make."""
    _say("Made", outcome.made)
    _say("Skipped, there and unchanged", outcome.skipped)
    _say("Derived again", outcome.derived_again)
    for title, lines in (("Not configured", outcome.not_configured), ("Not published yet", outcome.not_published)):
        for line in lines:
            screen.print(f"{title}: {line}", highlight=False, markup=False, soft_wrap=True)
    for line in outcome.failures:
        notes.print(f"Failed: {line}", style="red", highlight=False, markup=False, soft_wrap=True)


def _prune(settings: Settings) -> None:
    """Delete raw trades older than RAW_TRADES_KEEP_SESSIONS, and say which."""
    import dagster as dg

    from darkpool_assets.defs.automation.retention import prune_raw_trades, pruning_observations

    if settings.raw_trades_keep_sessions is not None:
        pruning = prune_raw_trades(_warehouse(settings), keep=settings.raw_trades_keep_sessions)
        with dg.DagsterInstance.get() as instance:
            for observation in pruning_observations(pruning):
                instance.report_runless_asset_event(observation)
        _say(f"Raw trades deleted ({sum(pruning.pruned.values()):,} rows)", sorted(pruning.pruned))
        for day, reason in pruning.kept.items():
            screen.print(f"Raw trades of {day} kept: {reason}", highlight=False, markup=False, soft_wrap=True)


def _say(title: str, days: list[dt.date]) -> None:
    if days:
        span = f"{days[0]}" if len(days) == 1 else f"{len(days)} sessions, {min(days)} to {max(days)}"
        screen.print(f"{title}: {span}", highlight=False)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on stderr, one per asset or stage."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=notes, transient=False) as progress:

        def on_step(name: str, done: int, total: int) -> None:
            if name not in bars or (progress.tasks[bars[name]].finished and done < total):
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done, total=total)

        yield on_step


@contextmanager
def _shown_waits() -> Iterator[None]:
    """Waits for a service's rate limit, and retries, on stderr beside the progress."""
    handler = RichHandler(console=notes, show_path=False, show_level=False, log_time_format="%H:%M:%S")
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.endswith(".request_pace"))
    logger = logging.getLogger("darkpool_assets.sources")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def _heeded_interrupts() -> Iterator[Callable[[], None]]:
    """The first Ctrl-C waits for the yielded function, which is called between two days; the second one stops at once."""
    received: list[int] = []

    def interrupt(signal_number: int, _frame: object) -> None:
        received.append(signal_number)
        if len(received) > 1:
            raise KeyboardInterrupt
        notes.print("Stopping after the day at hand; Ctrl-C again stops at once.", style="yellow")

    def heed() -> None:
        if received:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, before)


def _chosen(settings: Settings, now: dt.datetime) -> list[dt.date]:
    from darkpool_assets.session_choice import chosen_sessions

    return chosen_sessions(settings, now=now)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _date(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError([f"{name}: given {text!r}; allowed: a date such as 2026-01-30"]) from None


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


def _newest_stored_day(settings: Settings) -> dt.date:
    days = _stored_days(settings)
    if not days:
        raise SettingsError(
            [f"DATE: given nothing, and {settings.duckdb_path} holds no derived session; make one with `darkpool run`"]
        )
    return days[-1]


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _prepare_dagster_home() -> Path:
    """Set DAGSTER_HOME, by default data/dagster_home, and give it the project's dagster.yaml."""
    home = Path(os.environ.get("DAGSTER_HOME") or DEFAULT_DAGSTER_HOME).resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    return home


def _start_ui(port: int) -> int:
    """Run `dagster dev` on workspace.yaml, and the report site beside it, until it ends.

    SIGTERM is handed on, Ctrl-C reaches it by itself.
    """
    from darkpool_assets.site_server import served_site

    _prepare_dagster_home()
    settings = load_settings()
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    try:
        with served_site(settings.output_dir, port=port + 1) as site:
            os.environ["SITE_URL"] = site
            screen.print(f"Dagster UI on http://127.0.0.1:{port}", highlight=False)
            screen.print(f"Report site on {site}", highlight=False)
            sys.stdout.flush()
            return _attended(command)
    except OSError as error:
        raise SettingsError(
            [f"--port: given {port}, and {port + 1} (report site) is taken ({error}); allowed: two free ports"]
        ) from None


def _attended(command: list[str]) -> int:
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal told dagster, too: it stops its daemon first


if __name__ == "__main__":
    main()
