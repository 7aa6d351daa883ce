"""Every environment variable of the product: its name, default, meaning and what values are allowed.

Values come from the environment, else from `.env` in the working directory, else from the default. A wrong value is
refused at start, all faults at once, by the variable's name; the value of a secret is never printed. What `.env` itself may
be is asked in env_file.py, what values may be in setting_values.py, how they are shown in setting_display.py.
"""

import datetime as dt
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from darkpool_assets import market_calendar
from darkpool_assets.env_file import ENCODING, EnvFileError, env_file_faults, exposure_of, meant_setting
from darkpool_assets.setting_display import masked_json, quoted, shortened, shown
from darkpool_assets.setting_values import (
    SYMBOL_FORM,
    SYMBOL_PATTERN,
    canonical_zone,
    http_address,
    no_file,
    no_folder,
    parse_as_of,
    parse_json_object,
    parse_symbols,
    secret_address,
    usable_key,
)
from darkpool_assets.vocabulary import ClassificationRule, FetchMode

DEFAULT_TICKERS: Final = "SPY,QQQ,IWM,DIA,XLK,XLF,XLE,XLV,XLI,XLY,XLP,XLU,SMH,KRE,TLT,EEM"
_WINDOWS: Final = ("short_z_window", "return_z_window", "lit_z_window")
_ENV_FILE: Final = Path(".env")
_REQUEST_PARAMETERS: Final = ("finra_request_json", "finra_request_params")
_PLAINER: Final = {"date": "A date such as 2026-01-30", "time": "A time such as 09:30"}
_log = logging.getLogger(__name__)


Address = Annotated[str, AfterValidator(http_address)]
Webhook = Annotated[SecretStr, AfterValidator(secret_address)]
Key = Annotated[SecretStr, AfterValidator(usable_key)]
SourceFile = Annotated[Path, AfterValidator(no_folder)]
SourceFolder = Annotated[Path, AfterValidator(no_file)]
Symbols = Annotated[tuple[str, ...], NoDecode]
JsonObject = Annotated[dict[str, Any], NoDecode]
Z = Annotated[float, Field(allow_inf_nan=False)]


class SettingsError(ValueError):
    """Wrong settings, every fault in one message: the setting's name, what was given and what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("Wrong settings:\n" + "\n".join(f"  {fault}" for fault in faults))


class Settings(BaseSettings):
    """The settings of one process, validated. Field names are the environment variables' names in lower case."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE,
        env_file_encoding=ENCODING,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        frozen=True,
    )

    # What is inferred, and for which days
    tickers: Symbols = Field(tuple(DEFAULT_TICKERS.split(",")), description="Symbols to infer, comma-separated")
    fetch_mode: FetchMode = Field(FetchMode.SINGLE, description="single, daily or weekly: which sessions `darkpool run` makes")
    partitions_start: dt.date = Field(dt.date(2018, 8, 1), description="First session of the partitions")
    target_date: dt.date | None = Field(None, description="Session to make; the latest completed session when empty")
    backfill_count: int = Field(5, ge=1, le=2500, description="Sessions (daily) or weeks (weekly) up to TARGET_DATE")
    min_lit_volume: float = Field(
        10_000, ge=0, allow_inf_nan=False, description="Shares of buy + sell below which no ratio is given"
    )
    market_tz: str = Field("US/Eastern", description="Time zone of RTH_START and RTH_END; one that keeps New York's clock")
    rth_start: dt.time = Field(dt.time(9, 30), description="First instant of the session window")
    rth_end: dt.time = Field(dt.time(16, 15), description="Last instant of the session window; moves with an early close")
    inference_version: str = Field("PhaseA_v1", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="Key of every derived row")
    export_csv: bool = Field(default=False, description="Also write each day's table as CSV")
    as_of: str | None = Field(None, description="ISO date or instant up to which publications may be known; now when empty")
    classification_rule: ClassificationRule = Field(
        ClassificationRule.LEE_READY, description="lee_ready, quote, emo, clnv or tick"
    )
    short_ratio_numerator: Literal["short_plus_exempt", "short"] = Field("short_plus_exempt", description="What counts as short")
    pressure_sign: Literal[-1, 1] = Field(-1, description="-1: short volume is selling pressure; 1: the market-maker reading")
    short_z_window: int = Field(20, ge=2, le=40, description="Sessions before the day in short_ratio_z")
    return_z_window: int = Field(20, ge=2, le=40, description="Sessions before the day in return_z")
    lit_z_window: int = Field(20, ge=2, le=40, description="Sessions before the day in log_buy_sell_z")
    zscore_min_periods: int = Field(10, ge=2, le=40, description="Fewest values that make a z-score")
    return_z_min: Z = Field(0.5, ge=0, description="|return_z| below which the day has no price direction")
    short_z_high: Z = Field(1.0, gt=0, description="short_ratio_z from which short pressure is high")
    short_z_low: Z = Field(-1.0, lt=0, description="short_ratio_z down to which short pressure is low")

    # Polygon
    polygon_api_key: Key | None = Field(None, description="API key")
    polygon_base_url: Address = Field("https://api.polygon.io", description="REST address")
    polygon_trades_file: SourceFile | None = Field(None, description="Trades of one file (CSV, csv.gz or JSON)")
    polygon_trades_dir: SourceFolder | None = Field(None, description="Folder of trades flat files, one a day")
    polygon_quotes_file: SourceFile | None = Field(None, description="Quotes of one file")
    polygon_quotes_dir: SourceFolder | None = Field(None, description="Folder of quotes flat files, one a day")
    polygon_daily_agg_file: SourceFile | None = Field(None, description="Daily aggregates of one file")
    polygon_daily_agg_dir: SourceFolder | None = Field(None, description="Folder of day-aggregate files, one a day")

    polygon_requests_per_minute: int | None = Field(
        None, ge=1, le=60_000, description="Most requests a minute; when empty learned from 429s, at least 5 (free plan)"
    )
    polygon_flat_files_endpoint: Address = Field("https://files.massive.com", description="S3 address of the daily flat files")
    polygon_flat_files_bucket: str = Field("flatfiles", min_length=1, description="S3 bucket of the flat files")
    polygon_flat_files_key: Key | None = Field(None, description="S3 access key id: with it flat files are read, not REST")
    polygon_flat_files_secret: Key | None = Field(None, description="S3 secret access key")

    # FINRA weekly OTC volume
    finra_otc_url: Address = Field(
        "https://api.finra.org/data/group/otcMarket/name/weeklySummary", description="Query API dataset"
    )
    finra_otc_file: SourceFile | None = Field(None, description="Weekly summary rows of one file (CSV, pipe or JSON)")
    finra_otc_dir: SourceFolder | None = Field(None, description="Folder of weekly summary files")
    finra_api_key: Key | None = Field(None, description="Query API client id")
    finra_api_secret: Key | None = Field(None, description="Query API client secret")
    finra_token_url: Address = Field(
        "https://ews.fip.finra.org/fip/rest/ews/oauth2/access_token", description="OAuth token address"
    )
    finra_request_method: Literal["GET", "POST"] = Field("POST", description="How the Query API is called")
    finra_request_json: JsonObject | None = Field(None, description="JSON object merged into the request body")
    finra_request_params: JsonObject | None = Field(None, description="JSON object of query parameters")
    finra_date_field: str | None = Field(None, description="Column that holds the week, if not weekStartDate")
    finra_symbol_field: str | None = Field(None, description="Column that holds the symbol, if not issueSymbolIdentifier")
    finra_volume_field: str | None = Field(None, description="Column that holds the shares, if not totalWeeklyShareQuantity")
    finra_trade_count_field: str | None = Field(None, description="Column that holds the trades, if not totalWeeklyTradeCount")
    finra_symbol_filter: Literal["market", "universe"] = Field("market", description="Whole market, or the configured universe")

    # FINRA daily short sale volume
    finra_short_sale_url: Address | None = Field(None, description="regShoDaily dataset, the alternative to files")
    finra_short_sale_file: SourceFile | None = Field(None, description="Short sale file of one day")
    finra_short_sale_dir: SourceFolder | None = Field(None, description="Folder of short sale files as published")
    finra_short_sale_cdn_url: Address = Field(
        "https://cdn.finra.org/equity/regsho/daily", description="Where the files are published"
    )

    # Index
    index_constituents_dir: SourceFolder = Field(Path("data/constituents"), description="Folder of constituents lists (CSV)")
    index_constituents_file: SourceFile | None = Field(None, description="One constituents list (CSV)")
    index_proxy_map: JsonObject = Field(
        {"SPX": "SPY", "SPX_SAMPLE": "SPY"}, description="JSON object: index -> symbol whose return stands for it"
    )

    # Where things live
    offline: bool = Field(default=False, description="true: no feed may use the network")
    duckdb_path: Path = Field(Path("data/darkpool.duckdb"), description="The warehouse")
    output_dir: Path = Field(Path("data/output"), description="Rendered tables, plots and pages")
    site_url: Address = Field("http://127.0.0.1:3001", description="Where OUTPUT_DIR is served, as `darkpool ui` does: for links")
    published_duckdb_path: Path | None = Field(
        None, description="Copy of the warehouse for outside readers, replaced after each run; without raw trades"
    )
    raw_trades_keep_sessions: int | None = Field(
        None, ge=1, le=100_000, description="Newest sessions whose raw trades are kept; all of them when empty"
    )
    sample_data: bool = Field(default=False, description="true: mark every output SAMPLE DATA (the demo sets it)")

    # What runs by itself
    automation: bool = Field(default=False, description="true: schedules and sensors start switched on, else in the UI")
    alert_webhook_url: Webhook | None = Field(None, description="Address that gets a JSON message when a run or a check fails")

    @field_validator("tickers", mode="before")
    @classmethod
    def _parse_tickers(cls, value: str | Iterable[str]) -> tuple[str, ...]:
        return parse_symbols(value)

    @field_validator("finra_request_json", "finra_request_params", "index_proxy_map", mode="before")
    @classmethod
    def _parse_json_object(cls, value: object) -> object:
        return parse_json_object(value) if isinstance(value, str) else value

    @field_validator("index_proxy_map")
    @classmethod
    def _check_proxy_map(cls, value: dict[str, Any]) -> dict[str, str]:
        wrong = {index: proxy for index, proxy in value.items() if not SYMBOL_PATTERN.fullmatch(str(proxy))}
        if wrong:
            raise ValueError(f"given {shortened(str(masked_json(wrong)))}; allowed: index name -> {SYMBOL_FORM}")
        return value

    @field_validator("market_tz")
    @classmethod
    def _canonical_zone(cls, value: str) -> str:
        return canonical_zone(value)

    @field_validator("as_of")
    @classmethod
    def _check_as_of(cls, value: str | None) -> str | None:
        if value is not None:
            parse_as_of(value)
        return value

    @field_validator("pressure_sign", mode="before")
    @classmethod
    def _parse_sign(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.strip() in {"-1", "1", "+1"} else value

    @field_validator("rth_start", "rth_end")
    @classmethod
    def _check_time_of_day(cls, value: dt.time) -> dt.time:
        if value.tzinfo is not None:
            raise ValueError(f"given {value}; allowed: a time such as 09:30 without a zone (its zone is MARKET_TZ)")
        return value

    # What two settings say together is asked at the later one, so that it is told with every other fault.

    @field_validator("target_date")
    @classmethod
    def _check_target_date(cls, value: dt.date | None, info: ValidationInfo) -> dt.date | None:
        if value is None:
            return None
        if value > (today := market_calendar.new_york_date(dt.datetime.now(dt.UTC))):
            raise ValueError(f"given {value}, in the future; allowed: a session up to {today}")
        if not market_calendar.is_session(value):
            near = [*market_calendar.sessions_before(value, 1), *market_calendar.sessions_after(value, 1)]
            raise ValueError(f"given {value}, not an NYSE session; allowed: a session such as {near[0]}")
        start = info.data.get("partitions_start")
        if start and value < start:
            raise ValueError(f"given {value}; allowed: PARTITIONS_START ({start}) or later")
        return value

    @field_validator("rth_end")
    @classmethod
    def _check_after_start(cls, value: dt.time, info: ValidationInfo) -> dt.time:
        start = info.data.get("rth_start")
        if start is not None and start >= value:
            raise ValueError(f"given {value:%H:%M}; allowed: later than RTH_START ({start:%H:%M})")
        return value

    @field_validator("zscore_min_periods")
    @classmethod
    def _check_fits_windows(cls, value: int, info: ValidationInfo) -> int:
        smallest = min((info.data[name] for name in _WINDOWS if name in info.data), default=value)
        if value > smallest:
            raise ValueError(f"given {value}; allowed: up to the smallest z window ({smallest})")
        return value

    @field_validator("finra_api_secret", "polygon_flat_files_secret")
    @classmethod
    def _check_pair(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        secret = str(info.field_name)
        key = secret.replace("_secret", "_key")
        if key in info.data and bool(value) != bool(info.data[key]):
            given = f"a value without {key.upper()}" if value else f"nothing beside {key.upper()}"
            raise ValueError(f"given {given}; allowed: both of {key.upper()} and {secret.upper()}, or neither")
        return value

    @field_validator("published_duckdb_path")
    @classmethod
    def _check_is_another_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        own = info.data.get("duckdb_path")
        if value and own and value.resolve() == own.resolve():
            raise ValueError(f"given {value}, the warehouse itself; allowed: another file than DUCKDB_PATH ({own})")
        return value

    def as_of_date(self, now: dt.datetime) -> dt.date:
        """AS_OF, or else the moment `now`, reduced to its New York date."""
        return parse_as_of(self.as_of) if self.as_of else market_calendar.new_york_date(now)

    def session_window(self, session: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """First and last instant (UTC) whose prints count for `session`."""
        return market_calendar.session_window(session, rth_start=self.rth_start, rth_end=self.rth_end, market_tz=self.market_tz)


def load_settings(**overrides: Any) -> Settings:
    """Load the settings of this process; keyword arguments win over the environment. What is doubtful is logged.

    Raises:
        SettingsError: one or more values or names are wrong, or `.env` can't be read; the message names all of them.
    """
    names = [name.upper() for name in Settings.model_fields]
    try:
        faults = env_file_faults(_ENV_FILE, settings=names)
    except EnvFileError as error:
        raise SettingsError([str(error)]) from None
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_faults(error, overrides) + faults) from None
    if faults:
        raise SettingsError(faults)
    for warning in _warnings(tuple(names)):
        _log.warning(warning)
    return settings


def _warnings(names: tuple[str, ...]) -> list[str]:
    """Name the variables that only resemble a setting, and a `.env` that others may read."""
    meant = {name: meant_setting(name, names) for name, value in os.environ.items() if value}
    unknown = [
        f"{shortened(name)} in the environment is no setting and changes nothing; {setting} was probably meant"
        for name, setting in meant.items()
        if setting
    ]
    return unknown + [warning for warning in (exposure_of(_ENV_FILE),) if warning]


def _faults(error: ValidationError, overrides: Mapping[str, Any]) -> list[str]:
    given = {**_text_values(), **{name: str(value) for name, value in overrides.items()}}
    faults: list[str] = []
    for fault in error.errors(include_url=False, include_input=False):
        message = _PLAINER.get(fault["type"].partition("_")[0], fault["msg"].removeprefix("Value error, "))
        name = str(fault["loc"][0])
        faults.append(f"{name.upper()}: {message if message.startswith('given ') else _refusal(name, message, given.get(name))}")
    return faults


def _refusal(name: str, message: str, value: str | None) -> str:
    is_hidden = "SecretStr" in str(Settings.model_fields[name].annotation) or name in _REQUEST_PARAMETERS
    allowed = f"{message[:1].lower()}{message[1:]} ({Settings.model_fields[name].description})"
    return f"given {'a value' if is_hidden else quoted(value)}; allowed: {allowed}"


def _text_values() -> dict[str, str]:
    return {name: value for name, (value, _origin) in _origins().items()}


def _origins() -> dict[str, tuple[str, str]]:
    environment = {name.lower(): value for name, value in os.environ.items() if value}
    dotenv = {name.lower(): value for name, value in DotEnvSettingsSource(Settings).env_vars.items() if value}
    return {
        name: (environment[name], "environment") if name in environment else (str(dotenv[name]), ".env")
        for name in Settings.model_fields
        if name in environment or name in dotenv
    }


def describe_settings(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Describe every setting in a row: (NAME, value as text with secrets masked, where it came from, meaning)."""
    origins = _origins()
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        text = shown(masked_json(value) if name in _REQUEST_PARAMETERS else value)
        rows.append((name.upper(), text, origins.get(name, ("", "default"))[1], field.description or ""))
    return rows
