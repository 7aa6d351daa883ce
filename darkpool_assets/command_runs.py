"""What the commands that make sessions share: a run with progress that can be interrupted, and what is said of it.

Which sessions are made is the commands' choice, how they are made session_runs.py's work.
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from functools import partial

import dagster as dg
import yaml
from sqlalchemy.exc import SQLAlchemyError

from darkpool_assets import session_runs
from darkpool_assets.command_folders import dagster_home, first_use_of_dagster_home, prepare_dagster_home
from darkpool_assets.defs.automation.dead_runs import fail_dead_runs
from darkpool_assets.defs.automation.retention import prune_raw_trades, pruning_observations
from darkpool_assets.full_disks import NoRoomLeft, refusing_full_disk
from darkpool_assets.lost_writes import named_losses
from darkpool_assets.path_checks import refuse_unusable_paths
from darkpool_assets.resources import connect_to, publish_if_older
from darkpool_assets.run_failures import span_of
from darkpool_assets.session_choice import MissedSessions
from darkpool_assets.session_runs import Outcome, Plots
from darkpool_assets.setting_display import quoted, shortened
from darkpool_assets.settings import Settings, SettingsError
from darkpool_assets.terminal import complain, interruptible, notes, progress_bars, say, shown_waits
from darkpool_assets.warehouse import Warehouse


def make_sessions(
    settings: Settings,
    choose: Callable[[], list[dt.date]],
    *,
    now: dt.datetime,
    force: bool,
    select: Sequence[str] = (),
    skip_finished: bool = False,
    plots: str = "last",
    heal: bool = False,
) -> int:
    """Run sessions with progress and print what was made; returns the exit code.

    Args:
        settings: Of the command.
        choose: Gives the sessions; asked once the arguments are known to be right.
        now: The moment up to which sessions may be missed.
        force: Fetch and derive again what is unchanged.
        select: Assets to make; all of them when empty.
        skip_finished: Leave out sessions that are there and unchanged.
        plots: last or all.
        heal: Also make sessions that nobody made since the newest stored one, and recent ones that lack a feed.

    Raises:
        SettingsError: an argument is wrong, or a path can't be written to; nothing was made.
        NoRoomLeft: Dagster's databases could not be written; what was stored before is whole.
    """
    if plots not in set(Plots):
        raise SettingsError([f"--plots: given {quoted(plots)}; allowed: {', '.join(Plots)}"])
    days = choose()
    refuse_unusable_paths(settings)
    home = prepare_dagster_home()
    try:
        with (
            refusing_full_disk("DAGSTER_HOME", home),
            _instance() as instance,
            progress_bars() as on_day,
            shown_waits(),
            interruptible() as stop_if_asked,
        ):
            runner = session_runs.SessionRunner(settings, instance, on_day=lambda *step: (stop_if_asked(), on_day(*step))[1])
            _refuse_unknown(select, known=runner.asset_names)
            _warn_of_losses(settings, instance)
            missed = runner.missed(now=now) if heal else MissedSessions([], [])
            days = sorted({*missed.days, *days})
            days = runner.with_unfinished(days) if heal else days
            run = runner.run_unfinished if skip_finished else partial(runner.run, force=force)
            outcome = run(days, select=list(select) or None, plots=Plots(plots))
            stop_if_asked()
    except KeyboardInterrupt:
        notes.print("Interrupted. Days that were stored are whole; the same command goes on from there.", style="yellow")
        return 130
    _print_outcome(outcome)
    if missed.before:
        first, last = missed.before[0], missed.before[-1]
        say(f"Missed and not made: {span_of(missed.before)}; `darkpool backfill {first} {last}` makes them")
    _prune(settings)
    return 1 if outcome.failures or not _has_newest_copy(settings) else 0


def warn_of_losses(settings: Settings) -> None:
    """Print what Dagster saw stored and the database does not hold, if there is a Dagster instance that can be asked."""
    if not (dagster_home() / "dagster.yaml").exists():
        return
    try:
        prepare_dagster_home()
        with _opened_instance() as instance:
            _warn_of_losses(settings, instance)
    except (OSError, SettingsError, NoRoomLeft, SQLAlchemyError) as error:
        reason = shortened(str(error).partition("\n")[0])
        complain(f"DAGSTER_HOME: {dagster_home()} can't be asked what was stored ({reason})", style="yellow")


def _warn_of_losses(settings: Settings, instance: dg.DagsterInstance) -> None:
    path = settings.duckdb_path
    if path.exists() and (losses := named_losses(instance, Warehouse(connect_to(path)), path=path)):
        complain(losses, style="yellow")


def _instance() -> dg.DagsterInstance:
    """The Dagster instance of DAGSTER_HOME, rid of runs whose process is gone: they would hold up the queue.

    Raises:
        SettingsError: its dagster.yaml can't be used.
    """
    instance = _opened_instance()
    fail_dead_runs(instance, now=dt.datetime.now(dt.UTC))
    return instance


def _opened_instance() -> dg.DagsterInstance:
    first_use = first_use_of_dagster_home()
    first_use.take()
    try:
        return dg.DagsterInstance.get()
    except (dg.DagsterError, yaml.YAMLError) as error:
        reason = shortened(str(error).replace("\n", " "))
        file = dagster_home() / "dagster.yaml"
        raise SettingsError(
            [f"DAGSTER_HOME: given {file}, which Dagster refuses ({reason}); allowed: that file as it was made"]
        ) from None
    finally:
        first_use.let_go()


def _refuse_unknown(select: Sequence[str], *, known: Sequence[str]) -> None:
    if unknown := sorted(set(select) - set(known)):
        raise SettingsError([f"--select: given {shortened(', '.join(unknown))}; allowed: {', '.join(known)}"])


def _print_outcome(outcome: Outcome) -> None:
    """Print what a command made, skipped and could not make."""
    _print_days("Made", outcome.made)
    _print_days("Skipped, there and unchanged", outcome.skipped)
    _print_days("Derived again", outcome.derived_again)
    for title, lines in (("Not configured", outcome.not_configured), ("Not published yet", outcome.not_published)):
        for line in lines:
            say(f"{title}: {line}")
    for line in outcome.failures:
        complain(f"Failed: {line}")


def _has_newest_copy(settings: Settings) -> bool:
    """Whether readers of PUBLISHED_DUCKDB_PATH, if it is set, see what is stored; makes the copy where they do not."""
    path = settings.published_duckdb_path
    if path is None:
        return True
    with shown_waits():
        return publish_if_older(Warehouse(connect_to(settings.duckdb_path)), path, log=logging.getLogger("darkpool_assets.turns"))


def _prune(settings: Settings) -> None:
    """Delete raw trades older than RAW_TRADES_KEEP_SESSIONS, and print which."""
    if settings.raw_trades_keep_sessions is None:
        return
    pruning = prune_raw_trades(Warehouse(connect_to(settings.duckdb_path)), keep=settings.raw_trades_keep_sessions)
    with refusing_full_disk("DAGSTER_HOME", dagster_home()), _instance() as instance:
        for observation in pruning_observations(pruning):
            instance.report_runless_asset_event(observation)
    _print_days(f"Raw trades deleted ({sum(pruning.pruned.values()):,} rows)", sorted(pruning.pruned))
    for day, reason in pruning.kept.items():
        say(f"Raw trades of {day} kept: {reason}")


def _print_days(title: str, days: list[dt.date]) -> None:
    if days:
        say(f"{title}: {span_of(days)}")


def print_pages(settings: Settings) -> None:
    """Print which page to open, when there is one."""
    first_page = settings.output_dir / "index.html"
    if first_page.is_file():
        say(f"Open      {first_page}")
