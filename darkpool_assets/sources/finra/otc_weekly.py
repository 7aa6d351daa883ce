"""FINRA's weekly OTC volume (ATS and non-ATS): summary rows as the Query API names them, from CSV, pipe or JSON.

Each file becomes one Reading in the columns of finra_otc_weekly_raw, all its weeks together. Rows are kept as published:
which summary types are summed and which week a day may use is decided in analytics; defs/raw stores vintages.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from darkpool_assets import tables
from darkpool_assets.settings import Settings
from darkpool_assets.sources.content import Content, digest_of
from darkpool_assets.sources.day_files import files_in
from darkpool_assets.sources.delimited import Delimited, open_delimited
from darkpool_assets.sources.errors import MalformedSource, NotPublishedYet
from darkpool_assets.sources.finra.query_answers import read_query_answer
from darkpool_assets.sources.json_records import JsonRows
from darkpool_assets.sources.reading import Reading
from darkpool_assets.sources.records import Kind, Records
from darkpool_assets.sources.symbol_records import SymbolRecords
from darkpool_assets.vocabulary import SummaryType

_API_NAMES: Final = {
    "symbol": ("issueSymbolIdentifier",),
    "week_start_date": ("weekStartDate", "summaryStartDate"),
    "off_exchange_volume": ("totalWeeklyShareQuantity",),
    "trade_count": ("totalWeeklyTradeCount",),
    "tier_identifier": ("tierIdentifier",),
    "tier_description": ("tierDescription",),
    "summary_type_code": ("summaryTypeCode",),
    "product_type_code": ("productTypeCode",),
    "issue_name": ("issueName",),
    "market_participant_name": ("marketParticipantName",),
    "mpid": ("MPID",),
    "firm_crd_number": ("firmCRDNumber",),
    "initial_published_date": ("initialPublishedDate",),
    "last_update_date": ("lastUpdateDate",),
    "last_reported_date": ("lastReportedDate",),
}
_ALIASES: Final = {ours: (*names, ours) for ours, names in _API_NAMES.items()}
_KINDS: Final = {
    **dict.fromkeys(_API_NAMES, Kind.TEXT),
    "symbol": Kind.SYMBOL,
    **dict.fromkeys(("off_exchange_volume", "trade_count"), Kind.NUMBER),
    **dict.fromkeys(("week_start_date", "initial_published_date", "last_update_date", "last_reported_date"), Kind.DATE),
}
_REQUIRED: Final = ("symbol", "week_start_date", "off_exchange_volume", "summary_type_code")
_KEY: Final = tuple(name for name in tables.FINRA_OTC_WEEKLY_RAW.key if name in _API_NAMES)
_TIER_BY_DESCRIPTION: Final = {"tier 1": "T1", "tier 2": "T2", "otc": "OTCE", "over-the-counter": "OTCE"}
_DROPPED_TIERS: Final = ("NA", "NMS")
_FIRM: Final = ("market_participant_name", "mpid", "firm_crd_number")
_MONDAY: Final = 1
_LAST_DAY_OF_WEEK: Final = "6d"  # FINRA's weeks end on Sunday
_LATEST_PUBLICATION: Final = "2y"
_SUMMED: Final = (SummaryType.ATS.value, SummaryType.NON_ATS.value)
_SUFFIXES: Final = (".csv", ".txt", ".psv", ".json")


@dataclass(frozen=True)
class OtcFields:
    """A user's own column names, from FINRA_DATE_FIELD, FINRA_SYMBOL_FIELD, FINRA_VOLUME_FIELD and FINRA_TRADE_COUNT_FIELD."""

    date: str | None = None
    symbol: str | None = None
    volume: str | None = None
    trade_count: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "OtcFields":
        """The column names that the settings give."""
        return cls(
            settings.finra_date_field, settings.finra_symbol_field, settings.finra_volume_field, settings.finra_trade_count_field
        )

    def by_setting(self) -> Mapping[str, tuple[str, str | None]]:
        """Setting -> (our column, the name given for it)."""
        return {
            "FINRA_DATE_FIELD": ("week_start_date", self.date),
            "FINRA_SYMBOL_FIELD": ("symbol", self.symbol),
            "FINRA_VOLUME_FIELD": ("off_exchange_volume", self.volume),
            "FINRA_TRADE_COUNT_FIELD": ("trade_count", self.trade_count),
        }


def read_otc_content(content: Content, *, fields: OtcFields, today: dt.date) -> Reading:
    """Every weekly summary row of one file or body; unknown columns are ignored.

    Rows without a symbol (statistics of firms) and rows of the tiers NA and NMS are dropped and counted. A fault in a row that
    is summed costs that week of its symbol, a fault in any other row that row: Reading.left_out names it.

    Args:
        content: CSV, pipe-delimited or JSON, as published or as saved.
        fields: Column names of the user's own.
        today: New York date of the reading; a week that has not ended by then is a fault.

    Returns:
        One row per (week, tier, summary type, symbol, product type, issue name, firm): the columns of
        finra_otc_weekly_raw but ingested_at. Its rows' content_hash is one per (symbol, week): all its rows are one vintage.

    Raises:
        NotPublishedYet: a saved answer without rows.
        MalformedSource: a column is absent, many symbols are odd, ...
    """
    if content.looks_like_json():
        table = read_query_answer(content)
        if not table.rows:
            raise NotPublishedYet(f"{content.name}: an answer without rows; FINRA has not published its week yet.")
        records = table.records(_choose(table, content.name, fields))
    else:
        file = open_delimited(content)
        records = file.records(file.all_lines(), _choose(file, content.name, fields))
    if records.text.is_empty():
        raise MalformedSource(content.name, "line 2", found="nothing below the header", allowed="at least one row")
    return _reading(records, content_hash=otc_hash(content, fields=fields), today=today)


def otc_hash(content: Content, *, fields: OtcFields) -> str:
    """Hash of a file as it is read: of its bytes, and of the column names that were given for it."""
    given = [f"{setting}={name}" for setting, (_ours, name) in fields.by_setting().items() if name]
    return digest_of(content.digest(), *given) if given else content.digest()


def read_otc_rows(answer: JsonRows, *, week: dt.date, fields: OtcFields, today: dt.date) -> Reading:
    """The same for rows that the Query API answered for `week`, all pages together; in any order they have an equal hash."""
    reading = _reading(answer.records(_choose(answer, answer.source, fields)), content_hash="", today=today, asked=week)
    return replace(reading, content_hash=digest_of(*reading.rows["content_hash"].unique().sort()))


def week_source(week: dt.date) -> str:
    """What a week of FINRA's Query API is called, in its rows and in the ledger, whichever dataset answered."""
    return f"weeklySummary {week}"


def _reading(records: Records, *, content_hash: str, today: dt.date, asked: dt.date | None = None) -> Reading:
    kept = _with_tier(records)
    checked = SymbolRecords.of(kept)
    rows, duplicates = _checked(checked, today=today)
    if asked:
        checked.refuse(rows, pl.col("week_start_date") != asked, column="week_start_date", allowed=f"{asked}, as asked for")
    monday = pl.col("week_start_date").dt.truncate("1w")
    is_summed = pl.col("summary_type_code").is_in(_SUMMED).fill_null(value=True)
    marked = rows.with_columns(monday=monday, is_summed=is_summed)
    sound, left_out = checked.without_odd_symbols(marked, week="monday", decides="is_summed")
    stored = _hashed(sound).with_columns(source_file=pl.lit(records.source)).select(_stored_columns())
    return Reading(
        source=records.source,
        rows=stored,
        physical_rows=records.text.height,
        duplicate_rows=duplicates,
        dropped_rows=records.text.height - kept.text.height,
        content_hash=content_hash,
        left_out=left_out,
    )


def otc_files_in(directory: Path) -> list[Path]:
    """Every CSV, pipe or JSON file (plain or .gz) of the directory and its YYYY/MM, sorted by name.

    Raises:
        MissingSource: the directory does not exist.
    """
    return files_in(directory, setting="FINRA_OTC_DIR", suffixes=_SUFFIXES)


def _choose(table: JsonRows | Delimited, source: str, fields: OtcFields) -> dict[str, str]:
    aliases = dict(_ALIASES)
    for setting, (ours, given) in fields.by_setting().items():
        if given and given not in table.columns:
            found = f"columns {', '.join(table.columns)}"
            raise MalformedSource(source, f"{setting}={given}", found=found, allowed="the name of one of the file's columns")
        aliases[ours] = (given,) if given else aliases[ours]
    if not set(aliases["summary_type_code"]) & set(table.columns):
        raise MalformedSource(
            source, "columns", found=", ".join(table.columns),
            allowed=f"summaryTypeCode among them: add it with {SummaryType.ATS} or {SummaryType.NON_ATS} in every row",
        )  # fmt: skip
    return table.choose(aliases, required=_REQUIRED)


def _with_tier(records: Records) -> Records:
    """Records of the published tiers, with the tier read off its description where the identifier is blank."""
    text = records.text.with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("tier_identifier", "tier_description") if name not in records.names
    )
    described = pl.col("tier_description").str.to_lowercase()
    derived = pl.coalesce(
        pl.when(described.str.contains(words, literal=True)).then(pl.lit(tier)) for words, tier in _TIER_BY_DESCRIPTION.items()
    )
    text = text.with_columns(tier_identifier=pl.coalesce("tier_identifier", derived))
    published = ~pl.col("tier_identifier").is_in(_DROPPED_TIERS).fill_null(value=False)
    names = {"tier_identifier": "tierIdentifier", "tier_description": "tierDescription", **records.names}
    return Records(records.source, records.unit, names, text.filter(pl.col("symbol").is_not_null() & published))


def _checked(records: SymbolRecords, *, today: dt.date) -> tuple[pl.DataFrame, int]:
    is_summed = pl.col("summary_type_code").is_in(_SUMMED).fill_null(value=False)
    # A summed row is of no firm: what stands there ("N/A", 0) must not make two rows of one.
    rows = records.typed(_KINDS).with_columns(pl.when(~is_summed).then(pl.col(name)).alias(name) for name in _FIRM)
    records.require(rows, _REQUIRED)
    records.require_shares(rows, ("off_exchange_volume", "trade_count"))
    week, published = pl.col("week_start_date"), pl.col("initial_published_date")
    end = week.dt.offset_by(_LAST_DAY_OF_WEEK)
    not_monday = week.dt.weekday() != _MONDAY
    records.refuse(rows, not_monday, column="week_start_date", allowed="a Monday: the first day of FINRA's week")
    records.refuse(rows, end >= today, column="week_start_date", allowed=f"a week that has ended by {today}")
    early, late = published < end, published > end.dt.offset_by(_LATEST_PUBLICATION)
    allowed = "a date from the end of its week to two years after it"
    records.refuse(rows, early | late, column="initial_published_date", allowed=allowed)
    return records.once(rows, key=_KEY)


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` sorted, with one content_hash per (symbol, week) over all its rows, whatever their order in the file."""
    names = [name for name in _API_NAMES if name != "firm_crd_number"]
    said = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in names], separator="\x1f")
    # Only where it is given: a row without it has the hash that it had before the column was read.
    said += pl.coalesce(pl.lit("\x1f") + pl.col("firm_crd_number"), pl.lit(""))
    vintage = ["week_start_date", "symbol"]
    ordered = rows.with_columns(said=said).sort(*vintage, "said")
    contents = ordered.group_by(vintage, maintain_order=True).agg(pl.col("said").str.join("\x1e"))
    digests = pl.Series([digest_of(content) for content in contents["said"]], dtype=pl.String)
    return ordered.join(contents.select(*vintage, content_hash=digests), on=vintage, how="left", maintain_order="left")


def _stored_columns() -> list[str]:
    return [name for name in tables.FINRA_OTC_WEEKLY_RAW.column_names if name != "ingested_at"]
