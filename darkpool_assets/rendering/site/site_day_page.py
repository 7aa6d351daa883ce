"""The day page of the report site: labels joined to the day's table, the indices, and the verdict of every rule.

Draws a `ReportDay`. Without a composite, because the gate is closed or none is stored, the page stands and says why.
"""

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Final

import polars as pl

from darkpool_assets.rendering.daily_table.daily_table import build_daily_table
from darkpool_assets.rendering.daily_table.table_markup import legend_markup, section_markup
from darkpool_assets.rendering.daily_table.table_model import DailyTable
from darkpool_assets.rendering.html_page import escaped, listing
from darkpool_assets.rendering.site.site_columns import label_legend, with_composite
from darkpool_assets.rendering.site.site_layout import DAY_PAGE, market_index_page
from darkpool_assets.rendering.site.site_model import DayFiles, ReportDay
from darkpool_assets.rendering.site.site_navigation import Place, navigation
from darkpool_assets.rendering.site.site_shell import heading, links_line, site_page, tally
from darkpool_assets.rendering.site.site_verdicts import CHECKS, gate_words, missing_composite, verdicts_section

LINE_SESSIONS: Final = 30
SCRIPTS: Final = ("daily_table/sort_table.js", "site/site.js")
_TABLE_FILES: Final = (("the table alone", "html"), ("picture (PNG)", "png"), ("spreadsheet (CSV)", "csv"))


def day_page(report: ReportDay, *, files: DayFiles, generated_at: dt.datetime | None) -> str:
    """The page `<date>/index.html`.

    Args:
        report: The day.
        files: What else has been made of the day.
        generated_at: The moment (aware) of the line at the foot; without one there is no such line.
    """
    table = joined_table(report)
    place = Place(report.day, DAY_PAGE, tuple(report.row_by_symbol))
    return site_page(
        title=table.title,
        bar=navigation(place),
        parts=(
            heading(table.title, sample_data=report.sample_data),
            listing("facts", [escaped(fact) for fact in (*table.facts, gate_words(report.gate))]),
            missing_composite(report, checks=f"#{CHECKS}"),
            day_tally(report),
            section_markup(table.sections[0], links={symbol: place.ticker_address(symbol) for symbol in report.row_by_symbol}),
            listing("notices", [escaped(notice) for notice in (*table.notices, *_without_composite(report))]),
            _files(report, files),
            _indices(report, table),
            verdicts_section(report),
            _legends(report, table),
        ),
        generated_at=generated_at,
        scripts=SCRIPTS,
        script_files=(place.days_script,),
    )


def joined_table(report: ReportDay) -> DailyTable:
    """The day's table with the composite's columns joined to the symbols."""
    table = build_daily_table(
        report.metrics.filter(pl.col("date") == report.day),
        report.indices.filter(pl.col("trade_date") == report.day),
        report.metrics,
        day=report.day,
        sessions=report.sessions[-LINE_SESSIONS:],
        tickers=report.tickers,
        sample_data=report.sample_data,
    )
    symbols, *others = table.sections
    composites = [report.composite_by_symbol.get(symbol) for symbol in report.row_by_symbol]
    return replace(table, sections=(with_composite(symbols, composites), *others))


def day_tally(report: ReportDay) -> str:
    """How many symbols of the day carry each label."""
    return tally(Counter(row["final_label"] for row in report.composite_by_symbol.values()))


def _without_composite(report: ReportDay) -> list[str]:
    if not report.composite_by_symbol:
        return []
    absent = [symbol for symbol in report.row_by_symbol if symbol not in report.composite_by_symbol]
    return [f"No composite is stored, so no label is shown: {', '.join(absent)}."] if absent else []


def _files(report: ReportDay, files: DayFiles) -> str:
    made = [(text, suffix) for text, suffix in _TABLE_FILES if f"daily_metrics.{suffix}" in files.tables]
    return links_line("Files of the day:", [(text, f"../tables/{report.day}/daily_metrics.{suffix}") for text, suffix in made])


def _indices(report: ReportDay, table: DailyTable) -> str:
    links = {symbol: f"{market_index_page(symbol)}.html" for symbol in report.index_by_symbol}
    return f"<h2>Indices</h2>\n{section_markup(table.sections[1], links=links)}"


def _legends(report: ReportDay, table: DailyTable) -> str:
    labels = f"<h3>Labels</h3>\n{legend_markup(label_legend())}\n" if report.composite_by_symbol else ""
    return f"<h2>How to read this page</h2>\n{labels}<h3>Table</h3>\n{legend_markup(table.legend)}"
