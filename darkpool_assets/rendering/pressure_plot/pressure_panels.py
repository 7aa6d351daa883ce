"""The pressure plot of one symbol, as a model: what the interactive page and the picture both show.

Reads frames of stored rows; draws nothing and computes no finance. Panels from top to bottom: price, log(Buy/Sell),
short ratio z, FINRA OTC week, composite. `panels_interactive` and `panels_static` take the result.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from darkpool_assets.rendering.pressure_plot.five_panels import Rows, Window, five_panels, stretches
from darkpool_assets.rendering.pressure_plot.panel_model import Band, PressurePanels
from darkpool_assets.rendering.pressure_plot.panel_readings import readout_of, sessions_by_method
from darkpool_assets.rendering.pressure_plot.panel_views import views_of
from darkpool_assets.rendering.pressure_plot.panel_words import facts_of, head_of, legend_of, notices_of, spoken_of
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE, DataQuality


def build_pressure_panels(
    metrics: pl.DataFrame,
    composite: pl.DataFrame,
    *,
    symbol: str,
    day: dt.date,
    sessions: Sequence[dt.date],
    inference_version: str,
    as_of: dt.date,
    sample_data: bool,
) -> PressurePanels:
    """The model of one symbol's plot.

    Args:
        metrics: Rows of `daily_metrics` of the symbol, one per session at most; dates outside `sessions` are ignored.
        composite: Rows of `composite_signal` of the symbol, likewise; a session without one shows no composite.
        symbol: The symbol that all rows are of.
        day: The session that the plot is of, the last of `sessions`.
        sessions: Every NYSE session of the window, oldest first; one without a stored row is a gap.
        inference_version: The version that all rows are of.
        as_of: New York date up to which publications were known to the day's row.
        sample_data: Whether the numbers are invented, which is then said wherever the plot is shown.

    Raises:
        ValueError: rows of another symbol or inference version, two rows of one session, or `day` is not the last session.
    """
    if not sessions or sessions[-1] != day:
        raise ValueError(f"A plot of {day} takes the sessions up to that day, not up to {sessions[-1] if sessions else 'none'}")
    aligned = (_aligned(frame, symbol, inference_version, sessions) for frame in (metrics, composite))
    window = Window(tuple(sessions), *aligned)
    panels = five_panels(window)
    last, score = window.metrics[-1], window.composites[-1]
    head = head_of(symbol, last, score)
    facts = facts_of(sessions, last, as_of=as_of, inference_version=inference_version)
    return PressurePanels(
        symbol=symbol,
        day=day,
        title=f"{head.symbol} · {facts[0]}",
        head=head,
        facts=(*facts, *_mixed_methods(window.metrics)),
        sample_notice=SAMPLE_DATA_NOTICE if sample_data else "",
        sessions=window.sessions,
        bands=tuple(_bands(window.metrics)),
        panels=panels,
        views=views_of(panels, window.sessions),
        legend=legend_of(panels, window.metrics),
        notices=notices_of(last, score),
        readout=readout_of(sessions, window.metrics, window.composites),
        spoken=spoken_of(head, sessions, panels),
        disclaimer=DISCLAIMER,
    )


def _aligned(frame: pl.DataFrame, symbol: str, inference_version: str, sessions: Sequence[dt.date]) -> Rows:
    for column, wanted in (("symbol", symbol), ("inference_version", inference_version)):
        if others := sorted(set(frame[column].to_list()) - {wanted}):
            raise ValueError(f"A plot of {wanted!r} takes rows of that {column} only, not of {others}: select them first")
    if frame["date"].n_unique() != frame.height:
        raise ValueError(
            f"A plot takes one row per session; {frame.height} rows of {symbol} hold {frame['date'].n_unique()} of them"
        )
    by_day: dict[dt.date, dict[str, Any]] = {row["date"]: row for row in frame.iter_rows(named=True)}
    return tuple(by_day.get(session) for session in sessions)


def _bands(rows: Rows) -> Iterable[Band]:
    qualities = [None if row is None else DataQuality(row["data_quality"]) for row in rows]
    return (Band(first, last, quality) for first, last, quality in stretches(qualities))


def _mixed_methods(rows: Rows) -> Iterable[str]:
    """How many sessions rest on which method, where not all rest on the same."""
    counts = sessions_by_method(rows)
    if len(counts) > 1:
        yield f"direction by {', '.join(f'{method} {count}' for method, count in counts.items())} sessions"
