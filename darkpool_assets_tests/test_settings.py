"""Every variable of the contract, its default, what is refused and how; a developer's own .env is never read."""

import datetime as dt
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from darkpool_assets import market_calendar
from darkpool_assets.settings import DEFAULT_TICKERS, SYMBOL_PATTERN, Settings, SettingsError, describe_settings, load_settings
from darkpool_assets.vocabulary import ClassificationRule, FetchMode

CANARY = "canary-5f1e0a77"
SECRETS = ("POLYGON_API_KEY", "FINRA_API_KEY", "FINRA_API_SECRET")
NOW = dt.datetime(2026, 2, 2, 12, tzinfo=dt.UTC)

# The contract's section of settings; None where it names no default.
CONTRACT_DEFAULTS = {
    "TICKERS": ("SPY", "QQQ", "IWM", "DIA", "XLK", "XLF", "XLE", "XLV", "XLI", "XLY", "XLP", "XLU", "SMH", "KRE", "TLT", "EEM"),
    "FETCH_MODE": "single",
    "TARGET_DATE": None,
    "BACKFILL_COUNT": 5,
    "MIN_LIT_VOLUME": 10_000,
    "MARKET_TZ": "America/New_York",
    "RTH_START": dt.time(9, 30),
    "RTH_END": dt.time(16, 15),
    "INFERENCE_VERSION": "PhaseA_v1",
    "EXPORT_CSV": False,
    "POLYGON_API_KEY": None,
    "POLYGON_BASE_URL": "https://api.polygon.io",
    "POLYGON_TRADES_FILE": None,
    "POLYGON_DAILY_AGG_FILE": None,
    "POLYGON_DAILY_AGG_DIR": None,
    "POLYGON_TRADES_DIR": None,
    "POLYGON_QUOTES_FILE": None,
    "POLYGON_QUOTES_DIR": None,
    "FINRA_OTC_URL": "https://api.finra.org/data/group/otcMarket/name/weeklySummary",
    "FINRA_OTC_FILE": None,
    "FINRA_OTC_DIR": None,
    "FINRA_API_KEY": None,
    "FINRA_API_SECRET": None,
    "FINRA_TOKEN_URL": "https://ews.fip.finra.org/fip/rest/ews/oauth2/access_token",
    "FINRA_REQUEST_METHOD": "POST",
    "FINRA_REQUEST_JSON": None,
    "FINRA_REQUEST_PARAMS": None,
    "FINRA_DATE_FIELD": None,
    "FINRA_SYMBOL_FIELD": None,
    "FINRA_VOLUME_FIELD": None,
    "FINRA_TRADE_COUNT_FIELD": None,
    "FINRA_SYMBOL_FILTER": "market",
    "FINRA_SHORT_SALE_URL": None,
    "FINRA_SHORT_SALE_FILE": None,
    "FINRA_SHORT_SALE_DIR": None,
    "FINRA_SHORT_SALE_CDN_URL": "https://cdn.finra.org/equity/regsho/daily",
    "INDEX_CONSTITUENTS_DIR": Path("data/constituents"),
    "INDEX_CONSTITUENTS_FILE": None,
    "INDEX_PROXY_MAP": {"SPX": "SPY", "SPX_SAMPLE": "SPY"},
    "OFFLINE": False,
    "DUCKDB_PATH": Path("data/darkpool.duckdb"),
    "OUTPUT_DIR": Path("data/output"),
    "PARTITIONS_START": dt.date(2018, 8, 1),
    "AS_OF": None,
    "CLASSIFICATION_RULE": "lee_ready",
    "SHORT_RATIO_NUMERATOR": "short_plus_exempt",
    "PRESSURE_SIGN": -1,
    "SHORT_Z_WINDOW": 20,
    "RETURN_Z_WINDOW": 20,
    "LIT_Z_WINDOW": 20,
    "ZSCORE_MIN_PERIODS": 10,
    "RETURN_Z_MIN": 0.5,
    "SHORT_Z_HIGH": 1.0,
    "SHORT_Z_LOW": -1.0,
}


@pytest.fixture(autouse=True)
def a_bare_environment(tmp_path, monkeypatch):
    """An empty working directory and none of the product's variables."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


@pytest.fixture
def given(monkeypatch):
    """Sets environment variables and loads the settings."""

    def load(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return load


@pytest.fixture
def refused(given):
    """The faults that environment variables give."""

    def faults(**variables):
        with pytest.raises(SettingsError) as error:
            given(**variables)
        assert all(fault in str(error.value) for fault in error.value.faults)
        return error.value.faults

    return faults


# Names and defaults


@pytest.mark.parametrize("name", CONTRACT_DEFAULTS)
def test_every_setting_of_the_contract_has_its_default(name):
    assert getattr(load_settings(), name.lower()) == CONTRACT_DEFAULTS[name]


def test_no_setting_is_without_meaning():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_default_tickers_are_written_as_the_variable_is():
    assert tuple(DEFAULT_TICKERS.split(",")) == CONTRACT_DEFAULTS["TICKERS"]


WRITTEN = {
    "TICKERS": ("SPY, QQQ,,SPY", ("SPY", "QQQ")),
    "FETCH_MODE": ("weekly", FetchMode.WEEKLY),
    "TARGET_DATE": ("2025-01-08", dt.date(2025, 1, 8)),
    "BACKFILL_COUNT": ("1", 1),
    "MIN_LIT_VOLUME": ("0", 0),
    "MARKET_TZ": ("America/Toronto", "America/New_York"),
    "RTH_START": ("09:31", dt.time(9, 31)),
    "RTH_END": ("16:00", dt.time(16)),
    "INFERENCE_VERSION": ("PhaseA_v2.1-x", "PhaseA_v2.1-x"),
    "EXPORT_CSV": ("true", True),
    "OFFLINE": ("true", True),
    "POLYGON_BASE_URL": ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    "POLYGON_TRADES_FILE": ("trades.csv", Path("trades.csv")),
    "FINRA_REQUEST_METHOD": ("GET", "GET"),
    "FINRA_REQUEST_JSON": ('{"limit": 10}', {"limit": 10}),
    "FINRA_REQUEST_PARAMS": ("{}", {}),
    "FINRA_DATE_FIELD": ("week", "week"),
    "FINRA_SYMBOL_FILTER": ("universe", "universe"),
    "INDEX_PROXY_MAP": ('{"NDX": "QQQ"}', {"NDX": "QQQ"}),
    "PARTITIONS_START": ("2024-01-02", dt.date(2024, 1, 2)),
    "CLASSIFICATION_RULE": ("clnv", ClassificationRule.CLNV),
    "SHORT_RATIO_NUMERATOR": ("short", "short"),
    "SHORT_Z_WINDOW": ("40", 40),
    "RETURN_Z_WINDOW": ("10", 10),
    "LIT_Z_WINDOW": ("10", 10),
    "ZSCORE_MIN_PERIODS": ("20", 20),
    "RETURN_Z_MIN": ("0", 0),
    "SHORT_Z_HIGH": ("1.5", 1.5),
    "SHORT_Z_LOW": ("-0.5", -0.5),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_setting_is_read_from_its_variable(given, name):
    text, value = WRITTEN[name]
    assert getattr(given(**{name: text}), name.lower()) == value


@pytest.mark.parametrize(("text", "sign"), [("-1", -1), ("1", 1), ("+1", 1)])
def test_the_pressure_sign_is_read_from_its_variable(given, text, sign):
    assert given(PRESSURE_SIGN=text).pressure_sign == sign


@pytest.mark.parametrize("name", ["TICKERS", "TARGET_DATE", "POLYGON_API_KEY", "INDEX_PROXY_MAP", "MIN_LIT_VOLUME"])
def test_an_empty_variable_leaves_the_default(given, name):
    assert getattr(given(**{name: ""}), name.lower()) == CONTRACT_DEFAULTS[name]


def test_variables_that_are_no_settings_are_ignored(given):
    assert given(UNKNOWN_VARIABLE="x") == load_settings()


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().backfill_count = 6  # type: ignore[misc]


# Where values come from


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_first_name_of_a_dotenv_file_is_read_with_and_without_a_byte_order_mark(encoding):
    Path(".env").write_text("BACKFILL_COUNT=7\nTICKERS=IWM\n", encoding=encoding)
    settings = load_settings()
    assert (settings.backfill_count, settings.tickers) == (7, ("IWM",))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_dotenv_file_in_another_encoding_is_refused_in_one_line(refused, encoding):
    Path(".env").write_bytes("# Börse\nBACKFILL_COUNT=0\n".encode(encoding))
    (fault,) = refused()
    assert fault.startswith(".env: given text")
    assert fault.endswith("; allowed: UTF-8")


def test_a_folder_named_as_the_dotenv_file_is_refused(refused):
    Path(".env").mkdir()
    assert refused() == [".env: given a folder; allowed: a text file in UTF-8, or none"]


def test_a_misnamed_setting_of_the_dotenv_file_is_refused_with_all_other_faults(refused):
    Path(".env").write_text("OFLINE=true\nBACKFILL_COUNT=0\n", encoding="utf-8")
    assert [fault.split(":")[0] for fault in refused(FETCH_MODE="never")] == ["FETCH_MODE", "BACKFILL_COUNT", "OFLINE"]


def test_a_misnamed_setting_of_the_environment_is_a_warning(given, caplog):
    given(OFLINE="true", DAGSTER_HOME="home", ticker="SPY")
    assert caplog.messages == [
        "OFLINE in the environment is no setting and changes nothing; OFFLINE was probably meant",
        "ticker in the environment is no setting and changes nothing; TICKERS was probably meant",
    ]


def test_a_dotenv_file_that_others_may_read_is_a_warning(caplog):
    Path(".env").write_text("BACKFILL_COUNT=7\n", encoding="utf-8")
    Path(".env").chmod(0o644)
    load_settings()
    assert caplog.messages == [".env may be read or written by others on this machine; `chmod 600 .env` keeps its keys yours"]


def test_the_environment_wins_over_the_dotenv_file_and_the_file_over_the_default(given):
    Path(".env").write_text("BACKFILL_COUNT=7\nMIN_LIT_VOLUME=500\n", encoding="utf-8")
    loaded = given(BACKFILL_COUNT="9")
    assert (loaded.backfill_count, loaded.min_lit_volume, loaded.lit_z_window) == (9, 500, 20)


def test_an_empty_variable_does_not_hide_the_dotenv_file(given):
    Path(".env").write_text("BACKFILL_COUNT=7\n", encoding="utf-8")
    assert given(BACKFILL_COUNT="").backfill_count == 7


def test_keyword_arguments_win_over_the_environment(given):
    given(BACKFILL_COUNT="9")
    assert load_settings(backfill_count=3).backfill_count == 3


def test_a_wrong_value_of_the_dotenv_file_is_refused_as_it_was_given(refused):
    Path(".env").write_text("BACKFILL_COUNT=seven\n", encoding="utf-8")
    (fault,) = refused()
    assert fault.startswith("BACKFILL_COUNT: given 'seven'")


def test_a_wrong_keyword_argument_is_refused_as_it_was_given():
    with pytest.raises(SettingsError) as error:
        load_settings(backfill_count=0)
    assert error.value.faults[0].startswith("BACKFILL_COUNT: given '0'")


def test_the_description_says_where_each_value_came_from(given):
    Path(".env").write_text("MIN_LIT_VOLUME=500\nBACKFILL_COUNT=7\n", encoding="utf-8")
    rows = {name: (value, origin) for name, value, origin, _meaning in describe_settings(given(BACKFILL_COUNT="9"))}
    assert rows["BACKFILL_COUNT"] == ("9", "environment")
    assert rows["MIN_LIT_VOLUME"] == ("500", ".env")
    assert rows["LIT_Z_WINDOW"] == ("20", "default")


def test_the_description_writes_values_as_variables_are_written(given):
    rows = {name: value for name, value, _origin, _meaning in describe_settings(given(TICKERS="SPY,QQQ"))}
    assert (rows["TICKERS"], rows["RTH_END"], rows["AS_OF"]) == ("SPY,QQQ", "16:15", "")
    assert rows["INDEX_PROXY_MAP"] == '{"SPX": "SPY", "SPX_SAMPLE": "SPY"}'


def test_the_description_has_every_setting_once(given):
    assert {name for name, *_ in describe_settings(given())} >= set(CONTRACT_DEFAULTS)
    assert len(describe_settings(given())) == len(Settings.model_fields)


# Secrets


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_no_text_form_of_the_settings_holds_a_secret(given, where):
    secrets = dict.fromkeys(SECRETS, CANARY)
    if where == ".env":
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()), encoding="utf-8")
    loaded = given(**(secrets if where == "environment" else {}))
    texts = [str(loaded), repr(loaded), loaded.model_dump_json(), str(loaded.model_dump()), str(describe_settings(loaded))]
    assert [text for text in texts if CANARY in text] == []
    assert isinstance(loaded.polygon_api_key, SecretStr)
    assert loaded.polygon_api_key.get_secret_value() == CANARY


def test_a_secret_that_is_set_is_shown_masked_and_one_that_is_not_is_empty(given):
    rows = {name: value for name, value, _origin, _meaning in describe_settings(given(POLYGON_API_KEY=CANARY))}
    assert (rows["POLYGON_API_KEY"], rows["FINRA_API_KEY"]) == ("********", "")


@pytest.mark.parametrize("half", ["FINRA_API_KEY", "FINRA_API_SECRET"])
def test_half_a_pair_of_credentials_is_refused_without_its_value(refused, half):
    (fault,) = refused(POLYGON_API_KEY=CANARY, **{half: CANARY})
    assert "FINRA_API_KEY and FINRA_API_SECRET" in fault
    assert CANARY not in fault


def test_a_whole_pair_of_credentials_is_accepted(given):
    assert given(FINRA_API_KEY=CANARY, FINRA_API_SECRET=CANARY).finra_api_secret.get_secret_value() == CANARY


def test_a_refusal_for_other_reasons_tells_no_secret(refused):
    faults = refused(BACKFILL_COUNT="0", TICKERS="spy", **dict.fromkeys(SECRETS, CANARY))
    assert CANARY not in "".join(faults)


def test_a_secret_of_the_wrong_kind_is_refused_without_its_value():
    with pytest.raises(SettingsError) as error:
        load_settings(polygon_api_key=[CANARY])
    assert CANARY not in str(error.value)
    assert "POLYGON_API_KEY" in str(error.value)


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_no_secret_of_an_address_or_of_parameters_is_described(given, where):
    values = {
        "POLYGON_BASE_URL": f"https://user:{CANARY}@host/v3?apiKey={CANARY}#{CANARY}",
        "FINRA_REQUEST_JSON": f'{{"limit": 5, "auth": {{"token": "{CANARY}"}}}}',
        "FINRA_REQUEST_PARAMS": f'{{"apiKey": "{CANARY}"}}',
        "FINRA_OTC_FILE": f"https://user:{CANARY}@host/file.csv",
    }
    if where == ".env":
        Path(".env").write_text("".join(f"{name}='{value}'\n" for name, value in values.items()), encoding="utf-8")
    rows = {name: value for name, value, *_ in describe_settings(given(**(values if where == "environment" else {})))}
    assert CANARY not in str(rows)
    assert rows["POLYGON_BASE_URL"] == "https://********@host/v3?apiKey=********#********"
    assert rows["FINRA_REQUEST_JSON"] == '{"limit": 5, "auth": "********"}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLYGON_BASE_URL", f"ftp://user:{CANARY}@host?key={CANARY}"),
        ("POLYGON_BASE_URL", f"user:{CANARY}@host"),
        ("FINRA_OTC_URL", f"https://user:{CANARY}/x@host"),
        ("FINRA_SHORT_SALE_URL", f"{CANARY}@host"),
        ("FETCH_MODE", f"https://host?token={CANARY}"),
        ("TICKERS", f"SPY,https://user:{CANARY}@host"),
        ("AS_OF", f"https://user:{CANARY}@host"),
        ("MARKET_TZ", f"https://user:{CANARY}@host"),
        ("INDEX_PROXY_MAP", f'{{"SPX": "https://user:{CANARY}@host"}}'),
        ("INDEX_PROXY_MAP", f'{{"SPX": {{"token": "{CANARY}"}}}}'),
        ("FINRA_REQUEST_JSON", f'{{"token": "{CANARY}"'),
        ("FINRA_REQUEST_PARAMS", f'["{CANARY}"]'),
        ("ALERT_WEBHOOK_URL", f"hooks.example.com/{CANARY}"),
        ("ALERT_WEBHOOK_URL", f"ftp://host/{CANARY}"),
        ("ALERT_WEBHOOK_URL", f"https:///{CANARY}"),
    ],
)
def test_a_refused_value_is_quoted_without_its_secrets(refused, name, value):
    (fault,) = refused(**{name: value})
    assert fault.startswith(f"{name}: given ")
    assert CANARY not in fault


def test_a_webhook_with_a_host_is_accepted(given):
    assert given(ALERT_WEBHOOK_URL="https://hooks.example.com/x").alert_webhook_url is not None


# Refusals


WRONG = {
    "FETCH_MODE": "DAILY",
    "TARGET_DATE": "soon",
    "BACKFILL_COUNT": "0",
    "MIN_LIT_VOLUME": "-0.01",
    "MARKET_TZ": "Mars/Olympus",
    "RTH_START": "half past nine",
    "RTH_END": "25:00",
    "INFERENCE_VERSION": "../up",
    "EXPORT_CSV": "perhaps",
    "OFFLINE": "perhaps",
    "POLYGON_BASE_URL": "api.polygon.io",
    "FINRA_OTC_URL": "ftp://finra",
    "FINRA_TOKEN_URL": "x",
    "FINRA_SHORT_SALE_URL": "x",
    "FINRA_SHORT_SALE_CDN_URL": "x",
    "FINRA_REQUEST_METHOD": "PUT",
    "FINRA_REQUEST_JSON": "[1]",
    "FINRA_REQUEST_PARAMS": "{",
    "FINRA_SYMBOL_FILTER": "all",
    "INDEX_PROXY_MAP": '{"SPX": 5}',
    "PARTITIONS_START": "2018-13-01",
    "AS_OF": "2026-02-30",
    "CLASSIFICATION_RULE": "leeready",
    "SHORT_RATIO_NUMERATOR": "both",
    "PRESSURE_SIGN": "0",
    "SHORT_Z_WINDOW": "1",
    "RETURN_Z_WINDOW": "41",
    "LIT_Z_WINDOW": "ten",
    "ZSCORE_MIN_PERIODS": "1",
    "RETURN_Z_MIN": "nan",
    "SHORT_Z_HIGH": "0",
    "SHORT_Z_LOW": "0",
    "TICKERS": "spy",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_by_name_with_what_was_given_and_what_is_allowed(refused, name):
    (fault,) = refused(**{name: WRONG[name]})
    assert fault.startswith(f"{name}: given ")
    assert "; allowed: " in fault


def test_all_faults_are_told_at_once(refused):
    assert {fault.split(":")[0] for fault in refused(**WRONG)} == set(WRONG)


def test_faults_of_two_settings_together_are_told_with_all_others(refused):
    faults = refused(
        TICKERS="spy", RTH_START="17:00", ZSCORE_MIN_PERIODS="21", FINRA_API_SECRET="x", TARGET_DATE="2018-07-31", EXPORT_CSV="?"
    )
    names = {fault.split(":")[0] for fault in faults}
    assert names == {"TICKERS", "RTH_END", "ZSCORE_MIN_PERIODS", "FINRA_API_SECRET", "TARGET_DATE", "EXPORT_CSV"}


def test_a_fault_repeats_the_text_that_was_given(refused):
    assert refused(FETCH_MODE="yearly")[0].startswith("FETCH_MODE: given 'yearly'; allowed: ")


@pytest.mark.parametrize(("start", "end"), [("16:15", "16:15"), ("16:16", "16:15")])
def test_a_session_window_that_does_not_end_after_its_start_is_refused(refused, start, end):
    (fault,) = refused(RTH_START=start, RTH_END=end)
    assert fault.startswith("RTH_END: given 16:15")


def test_a_session_window_of_one_minute_is_accepted(given):
    assert given(RTH_START="16:14", RTH_END="16:15").rth_start == dt.time(16, 14)


@pytest.mark.parametrize("name", ["RTH_START", "RTH_END"])
def test_a_time_of_day_with_a_zone_of_its_own_is_refused(refused, name):
    (fault,) = refused(**{name: "10:00+00:00"})
    assert fault.startswith(f"{name}: given 10:00:00+00:00")


@pytest.mark.parametrize("window", ["SHORT_Z_WINDOW", "RETURN_Z_WINDOW", "LIT_Z_WINDOW"])
def test_more_periods_than_any_z_window_holds_are_refused(given, refused, window):
    assert given(**{window: "10"}).zscore_min_periods == 10
    (fault,) = refused(**{window: "9"})
    assert fault.startswith("ZSCORE_MIN_PERIODS: given 10")


# Symbols


@pytest.mark.parametrize(
    "symbol",
    [
        "A",
        "SPY",
        "GOOGL",
        "BRK.B",
        "BRK/B",
        "ABRpD",
        "AXSpD/CL",
        "SPCE/WS",
        "CCH/U",
        "NA",
        "NAN",
        "TRUE",
        "AACIW",
        "RUSHA",
        "SPXL",
    ],
)
def test_a_well_formed_symbol_is_accepted_and_keeps_its_case(given, symbol):
    assert given(TICKERS=symbol).tickers == (symbol,)


@pytest.mark.parametrize(
    "symbol",
    ["SPXW", "SPX", "NDX", "VIX", "spy", "O:SPXW251219C06000000", "SPXW251219C06000000", "^SPX", "I:SPX", "SPY QQQ", "../SPY",
     "BRK..B", "A/../B", "/A", "A/", ".A", "SPY;", "=SPY", "<B>", "ABCDEFGHI", "SPY\nQQQ", "S\u00c4P", "1A"],
)  # fmt: skip
def test_an_index_an_option_and_a_malformed_symbol_are_refused_by_name(refused, symbol):
    (fault,) = refused(TICKERS=f"QQQ,{symbol}")
    assert fault.startswith(f"TICKERS: given {symbol!r}; allowed: ")


def test_a_long_value_is_quoted_cut(refused):
    (fault,) = refused(TICKERS="A" * 4000)
    assert fault.startswith("TICKERS: given 'AAAA")
    assert len(fault.split("; allowed: ")[0]) < 250


def test_all_refused_symbols_are_named_and_the_good_ones_are_not(refused):
    (fault,) = refused(TICKERS="SPY,SPXW,qqq,IWM,VIX")
    assert fault.startswith("TICKERS: given 'qqq', 'SPXW', 'VIX'; allowed: ")


def test_a_list_without_symbols_is_refused(refused):
    assert refused(TICKERS=" , ")[0].startswith("TICKERS: given 'no symbol'")


def test_a_repeated_symbol_counts_once_and_the_order_stays(given):
    assert given(TICKERS="QQQ,SPY,QQQ").tickers == ("QQQ", "SPY")


def test_tickers_may_be_handed_over_as_a_sequence():
    assert load_settings(tickers=["SPY", "QQQ"]).tickers == ("SPY", "QQQ")


def test_every_symbol_of_real_short_files_is_well_formed(real_samples):
    texts = (path.read_text("ascii") for path in (real_samples / "finra_short").glob("*.txt"))
    symbols = {line.split("|")[1] for text in texts for line in text.splitlines()[1:] if "|" in line}
    assert len(symbols) > 5000
    assert [symbol for symbol in symbols if not SYMBOL_PATTERN.fullmatch(symbol)] == []


# Dates, instants and zones


@pytest.fixture
def on_friday_13_june_2025(monkeypatch):
    """Freezes the New York date that TARGET_DATE is held against."""
    monkeypatch.setattr(market_calendar, "new_york_date", lambda _moment: dt.date(2025, 6, 13))


@pytest.mark.usefixtures("on_friday_13_june_2025")
def test_a_target_date_of_today_is_accepted(given):
    assert given(TARGET_DATE="2025-06-13").target_date == dt.date(2025, 6, 13)


@pytest.mark.usefixtures("on_friday_13_june_2025")
def test_a_target_date_in_the_future_is_refused(refused):
    assert refused(TARGET_DATE="2025-06-16")[0].startswith("TARGET_DATE: given 2025-06-16, in the future")


@pytest.mark.parametrize(
    ("day", "instead"),
    [
        ("2025-01-09", "2025-01-08"),
        ("2025-06-14", "2025-06-13"),
        ("2025-07-04", "2025-07-03"),
        ("2004-01-01", "2004-01-02"),
        ("1999-01-04", "2004-01-02"),
    ],
)
def test_a_target_date_without_a_session_is_refused_and_a_session_named(refused, day, instead):
    assert refused(TARGET_DATE=day) == [f"TARGET_DATE: given {day}, not an NYSE session; allowed: a session such as {instead}"]


def test_a_target_date_before_the_first_partition_is_refused(given, refused):
    assert given(TARGET_DATE="2018-08-01").target_date == dt.date(2018, 8, 1)
    assert refused(TARGET_DATE="2018-07-31") == ["TARGET_DATE: given 2018-07-31; allowed: PARTITIONS_START (2018-08-01) or later"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-01-30", dt.date(2026, 1, 30)),
        ("20260130", dt.date(2026, 1, 30)),
        ("2026-01-30T00:00:01Z", dt.date(2026, 1, 29)),
        ("2026-01-30T04:59:59+00:00", dt.date(2026, 1, 29)),
        ("2026-01-30T05:00:00+00:00", dt.date(2026, 1, 30)),
        ("20260130T0001Z", dt.date(2026, 1, 29)),
        ("2026-07-30T03:59:59Z", dt.date(2026, 7, 29)),
        ("2026-07-30T04:00:00Z", dt.date(2026, 7, 30)),
        ("2026-01-30T18:00:00-05:00", dt.date(2026, 1, 30)),
        ("2026-01-30T23:30:00-08:00", dt.date(2026, 1, 31)),
        ("2026-01-30T23:30:00", dt.date(2026, 1, 30)),
    ],
)
def test_as_of_is_reduced_to_its_new_york_date(given, text, date):
    assert given(AS_OF=text).as_of_date(NOW) == date


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-01-30T25:00", "0001-01-01T00:00:00+00:00", "1"])
def test_an_as_of_that_is_no_date_and_no_instant_is_refused(refused, text):
    assert refused(AS_OF=text)[0].startswith(f"AS_OF: given {text!r}")


@pytest.mark.parametrize(
    ("now", "date"),
    [
        (dt.datetime(2026, 1, 30, 4, 59, tzinfo=dt.UTC), dt.date(2026, 1, 29)),
        (dt.datetime(2026, 1, 30, 5, 0, tzinfo=dt.UTC), dt.date(2026, 1, 30)),
    ],
)
def test_without_as_of_the_moment_of_the_run_is_reduced_to_its_new_york_date(given, now, date):
    assert given().as_of_date(now) == date


@pytest.mark.parametrize(
    "name", ["US/Eastern", "America/New_York", "America/Toronto", "EST5EDT", "America/Detroit", "Canada/Eastern"]
)
def test_new_yorks_clock_has_one_name(given, name):
    assert given(MARKET_TZ=name).market_tz == "America/New_York"


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/localtime", "America", "EST 5"])
def test_a_zone_that_is_a_path_or_unknown_is_refused(refused, name):
    assert refused(MARKET_TZ=name)[0].startswith(f"MARKET_TZ: given {name!r}, no time zone; allowed: ")


@pytest.mark.parametrize(
    "name",
    [
        "EST",
        "Etc/GMT+5",
        "America/Panama",
        "America/Chicago",
        "America/Havana",
        "America/Indiana/Indianapolis",
        "Europe/London",
        "UTC",
    ],
)
def test_a_zone_with_another_clock_on_some_session_is_refused(refused, name):
    (fault,) = refused(MARKET_TZ=name)
    assert fault.startswith(f"MARKET_TZ: given {name!r}, whose clock is not New York's, as on ")
    assert "America/New_York, US/Eastern, America/Toronto, EST5EDT" in fault


@pytest.mark.parametrize("name", ["US/Eastern", "America/New_York", "America/Toronto", "EST5EDT"])
def test_the_usual_zones_are_known_without_the_calendar(given, monkeypatch, name):
    monkeypatch.setattr(market_calendar, "all_sessions", lambda: pytest.fail("looked at the calendar"))
    assert given(MARKET_TZ=name).market_tz == "America/New_York"


def test_the_session_window_of_the_settings_is_the_calendars(given):
    start, end = given(RTH_END="16:00").session_window(dt.date(2025, 11, 28))
    assert (start, end) == (dt.datetime(2025, 11, 28, 14, 30, tzinfo=dt.UTC), dt.datetime(2025, 11, 28, 18, 0, tzinfo=dt.UTC))
