"""README, CONTRIBUTING and .env.example name only what exists, and all of what a reader needs."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

import darkpool_assets
from darkpool_assets.analytics.phase_c_gate import RULES
from darkpool_assets.commands import app
from darkpool_assets.definitions import build_definitions
from darkpool_assets.settings import Settings, describe_settings, load_settings
from darkpool_assets.tables import TABLES
from darkpool_assets.vocabulary import DISCLAIMER

ROOT = Path(darkpool_assets.__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`((?:darkpool_assets|darkpool_assets_tests|data|\.ci)/[\w./*-]*)`", text_of(document)))
    named |= set(re.findall(r"\]\(((?!http)[^)#]+)\)", text_of(document)))
    made_by_running = {"data/demo"}
    assert named
    assert [path for path in sorted(named - made_by_running) if not (list(ROOT.glob(path)) or (ROOT / path).exists())] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_top_level_file_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`([A-Za-z_.]+\.(?:md|toml|yaml|example)|LICENSE)`", text_of(document)))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"\bdarkpool (?!_)([a-z]+)\b", text_of(document)))
    assert named - COMMANDS == set()


def test_the_readme_lists_every_command() -> None:
    assert {f"`darkpool {command}`" for command in COMMANDS if f"`darkpool {command}`" not in README} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_that_a_document_names_exists(document: str) -> None:
    shaped = set(re.findall(r"(?:`|^)([A-Z]+(?:_[A-Z]+)+)(?:=|`)", text_of(document), flags=re.MULTILINE))
    words_of_rows = {"OTC_ANCHORED", "PRE_OTC", "NOT_YET_PUBLISHED", "NO_COVERAGE"}
    assert {name for name in shaped if name.lower() not in Settings.model_fields} - words_of_rows == set()


def test_the_readme_lists_every_table() -> None:
    assert {name for name in TABLES if f"| `{name}` |" not in README} == set()


def test_the_readme_lists_every_rule_with_its_severity_and_what_to_do() -> None:
    missing = [
        rule.name
        for rule in RULES
        if f"| {rule.number} | `{rule.name}` | {rule.severity} | {rule.remedy} |" not in README
        and "_keys_are_unique_" not in rule.name
    ]
    assert missing == []


@pytest.mark.parametrize("text", [README, darkpool_assets.__doc__ or ""], ids=["README", "package docstring"])
def test_the_disclaimer_stands_verbatim(text: str) -> None:
    assert DISCLAIMER in text


def test_the_example_env_lists_every_setting_with_its_default() -> None:
    lines = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text_of(".env.example"), flags=re.MULTILINE))
    defaults = {name: value for name, value, _origin, _meaning in describe_settings(load_settings())}
    assert lines | {"MARKET_TZ": "America/New_York"} == defaults


def test_the_pinned_versions_are_exact() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    direct = [*project["project"]["dependencies"], *itertools.chain(*project["dependency-groups"].values())]
    constraints = project["tool"]["uv"]["constraint-dependencies"]
    assert [one for one in (*direct, *constraints) if not re.search(r"==[\w.]+( ;.*)?$", one)] == []


def test_the_readmes_two_commands_are_the_installed_ones() -> None:
    scripts = tomllib.loads(text_of("pyproject.toml"))["project"]["scripts"]
    assert scripts == {"darkpool": "darkpool_assets.cli:main"}
    assert "pip install uv\nuv run darkpool demo --ui\n" in README


def test_the_readme_tells_what_runs_by_itself() -> None:
    repository = build_definitions(load_settings()).get_repository_def()
    assert [one.name for one in (*repository.schedule_defs, *repository.sensor_defs) if not _is_told(one.name)] == []


def _is_told(name: str) -> bool:
    return any(f"`{told}`" in README for told in (name, name.removesuffix("_schedule")))
