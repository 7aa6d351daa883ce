"""The `.env` file: encodings, lines that set nothing, names that only resemble a setting, and who may read it."""

import codecs
from pathlib import Path

import pytest

from darkpool_assets.env_file import EnvFileError, env_file_faults, exposure_of, meant_setting
from darkpool_assets.settings import Settings

SETTINGS = tuple(name.upper() for name in Settings.model_fields)
# Names of usual environments: a shell, a desktop, containers, clouds, CI, Python, Node, Windows.
USUAL_NAMES = """
PATH HOME HOSTNAME LANG LC_ALL LANGUAGE USER LOGNAME SHELL SHLVL PWD OLDPWD TERM COLORTERM EDITOR VISUAL PAGER TZ TMPDIR TEMP
TMP MAIL COLUMNS LINES NO_COLOR FORCE_COLOR PS1 IFS DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_CONFIG_HOME XDG_DATA_DIRS
XDG_RUNTIME_DIR XDG_SESSION_TYPE DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SSH_CONNECTION SSH_TTY GPG_TTY LS_COLORS LESSOPEN
MANPATH INFOPATH DESKTOP_SESSION SESSION_MANAGER WINDOWID INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID HISTFILE HISTSIZE
AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CA_BUNDLE
AWS_ENDPOINT_URL GOOGLE_APPLICATION_CREDENTIALS CLOUDSDK_CONFIG GCP_PROJECT AZURE_CLIENT_ID AZURE_CLIENT_SECRET
AZURE_TENANT_ID HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR
REQUESTS_CA_BUNDLE CURL_CA_BUNDLE VIRTUAL_ENV VIRTUAL_ENV_PROMPT CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_EXE PYTHONPATH
PYTHONHOME PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYENV_ROOT PIP_INDEX_URL PIP_CERT PIP_FIND_LINKS UV_CACHE_DIR
UV_INDEX_URL UV_PROJECT_ENVIRONMENT POETRY_HOME PIPX_HOME PYTEST_CURRENT_TEST PYTEST_XDIST_WORKER JUPYTER_CONFIG_DIR
MPLBACKEND POLARS_MAX_THREADS OMP_NUM_THREADS DUCKDB_VERSION CI GITHUB_ACTIONS GITHUB_TOKEN GITHUB_SHA GITHUB_REF
GITHUB_WORKSPACE GITHUB_OUTPUT RUNNER_OS RUNNER_TEMP GITLAB_CI CI_COMMIT_SHA CI_JOB_TOKEN CI_PIPELINE_ID JENKINS_URL
BUILD_NUMBER TRAVIS CIRCLECI DOCKER_HOST COMPOSE_PROJECT_NAME KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_ADDR
container IS_SANDBOX DAGSTER_HOME DAGSTER_PG_PASSWORD DAGSTER_IS_DEV_CLI DAGSTER_CLOUD_DEPLOYMENT_NAME DATABASE_URL
POSTGRES_PASSWORD POSTGRES_DB PGHOST REDIS_URL SECRET_KEY DEBUG PORT HOST LOG_LEVEL ENVIRONMENT DJANGO_SETTINGS_MODULE
FLASK_APP SENTRY_DSN SLACK_TOKEN OPENAI_API_KEY STRIPE_SECRET_KEY ALPACA_API_KEY ALPHAVANTAGE_API_KEY IEX_TOKEN NODE_ENV
NVM_DIR NPM_CONFIG_PREFIX NODE_EXTRA_CA_CERTS JAVA_HOME GOPATH GOROOT CARGO_HOME RUSTUP_HOME RUST_BACKTRACE PROGRAMFILES
APPDATA LOCALAPPDATA COMSPEC SYSTEMROOT WINDIR PATHEXT USERPROFILE COMPUTERNAME PROCESSOR_ARCHITECTURE OS
"""


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    """Where a `.env` would be."""
    return tmp_path / ".env"


def faults_of(path: Path) -> list[str]:
    return env_file_faults(path, settings=SETTINGS)


# What may be read


def test_no_file_is_no_fault(dotenv: Path):
    assert faults_of(dotenv) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_and_without_a_byte_order_mark(dotenv: Path, encoding: str):
    dotenv.write_text("# Börse\nTICKERS=SPY\n", encoding=encoding)
    assert faults_of(dotenv) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused_with_and_without_a_byte_order_mark(dotenv: Path, encoding: str):
    dotenv.write_bytes("TICKERS=SPY\n".encode(encoding))
    with pytest.raises(EnvFileError, match=r"\.env: given text in UTF-16; allowed: UTF-8$"):
        faults_of(dotenv)


def test_big_endian_utf_16_with_its_mark_is_refused(dotenv: Path):
    dotenv.write_bytes(codecs.BOM_UTF16_BE + "TICKERS=SPÄ\n".encode("utf-16-be"))
    with pytest.raises(EnvFileError, match="UTF-16"):
        faults_of(dotenv)


def test_latin_1_is_refused_with_the_line_of_its_first_letter(dotenv: Path):
    dotenv.write_bytes("TICKERS=SPY\n# Börse\n".encode("latin-1"))
    with pytest.raises(EnvFileError, match=r"not UTF-8 \(first in line 2\); allowed: UTF-8$"):
        faults_of(dotenv)


def test_a_folder_is_refused(dotenv: Path):
    dotenv.mkdir()
    with pytest.raises(EnvFileError, match=r"\.env: given a folder; allowed: "):
        faults_of(dotenv)


def test_a_file_that_can_not_be_read_is_refused(dotenv: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    dotenv.write_text("TICKERS=SPY\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(EnvFileError, match=r"can't be read \(Permission denied\)"):
        faults_of(dotenv)


@pytest.mark.parametrize("line", ["TICKERS SPY", "TICKERS: SPY", "POLYGON_API_KEY='abc", "TICKERS"])
def test_a_line_that_sets_nothing_is_refused_by_number(dotenv: Path, line: str):
    dotenv.write_text(f"# tickers\n{line}\n")
    (fault,) = faults_of(dotenv)
    assert fault.startswith(f"{dotenv}: given line 2, which sets nothing; allowed: NAME=value")


@pytest.mark.parametrize("line", ["", "# a comment", "export TICKERS=SPY", "TICKERS = SPY # two", "TICKERS='SPY'", "EDITOR"])
def test_a_line_in_any_usual_form_is_no_fault(dotenv: Path, line: str):
    dotenv.write_text(f"{line}\n")
    assert faults_of(dotenv) == []


# Names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OFLINE", "OFFLINE"),
        ("FINRA_SHORT_DIR", "FINRA_SHORT_SALE_DIR"),
        ("TICKER", "TICKERS"),
        ("ticker", "TICKERS"),
        ("Target_Dat", "TARGET_DATE"),
        ("API_KEY", "FINRA_API_KEY"),
        ("KEEP_SESSIONS", "RAW_TRADES_KEEP_SESSIONS"),
        ("WEBHOOK_URL", "ALERT_WEBHOOK_URL"),
        ("POLYGON_KEY", "POLYGON_API_KEY"),
        ("POLYGONAPIKEY", "POLYGON_API_KEY"),
        ("FINRA_USER", "FINRA_OTC_URL"),
        ("DUCKDB", None),
        ("TARGET", None),
    ],
)
def test_a_name_means_the_setting_that_it_resembles(name: str, meant: str | None):
    assert meant_setting(name, SETTINGS) == meant


@pytest.mark.parametrize("source", ["FINRA", "POLYGON"])
def test_every_name_of_a_source_means_one_of_its_settings(source: str):
    assert str(meant_setting(f"{source}_XYZ", SETTINGS)).startswith(source)


@pytest.mark.parametrize("name", [*SETTINGS, "tickers", "Offline"])
def test_a_settings_own_name_in_any_case_means_no_other(name: str):
    assert meant_setting(name, SETTINGS) is None


@pytest.mark.parametrize("name", USUAL_NAMES.split())
def test_a_usual_environment_raises_no_alarm(name: str):
    assert meant_setting(name, SETTINGS) is None


def test_every_misnamed_setting_of_the_file_is_refused_with_the_one_meant(dotenv: Path):
    dotenv.write_text("OFLINE=true\nDAGSTER_HOME=home\nFINRA_SHORT_DIR=files\nTICKERS=SPY\n")
    assert faults_of(dotenv) == [
        f"OFLINE: given in {dotenv}, which is no setting; allowed: OFFLINE, if that was meant",
        f"FINRA_SHORT_DIR: given in {dotenv}, which is no setting; allowed: FINRA_SHORT_SALE_DIR, if that was meant",
    ]


def test_a_misnamed_key_is_refused_without_its_value(dotenv: Path):
    dotenv.write_text("POLYGON_KEY=canary-5f1e0a77\n")
    assert "canary" not in str(faults_of(dotenv))


# Who may read it


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660, 0o601])
def test_a_file_that_others_may_use_is_warned_of(dotenv: Path, mode: int):
    dotenv.touch()
    dotenv.chmod(mode)
    assert f"chmod 600 {dotenv}" in str(exposure_of(dotenv))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ones_own_is_not_warned_of(dotenv: Path, mode: int):
    dotenv.touch()
    dotenv.chmod(mode)
    assert exposure_of(dotenv) is None


def test_no_file_is_not_warned_of(dotenv: Path):
    assert exposure_of(dotenv) is None
