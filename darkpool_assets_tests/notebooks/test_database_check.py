"""The notebook in a kernel of its own, on the made market: what it shows of a sound and of a tampered database."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from darkpool_assets.resources import connect_to
from darkpool_assets.sample_market.plan import sample_settings
from darkpool_assets.vocabulary import DISCLAIMER, SAMPLE_DATA_NOTICE
from darkpool_assets_tests.conftest import MadeMarket

NOTEBOOK = resources.files("darkpool_assets") / "notebooks" / "database_check.ipynb"
TEXT = NOTEBOOK.read_text(encoding="utf-8")
STORED = json.loads(TEXT)


@dataclass(frozen=True)
class Shown:
    """What each code cell put out, by the cell's id: its markup and its plain words."""

    outputs: dict[str, str]

    def words(self, cell: str) -> str:
        """A cell's output without its tags."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.outputs[cell]))


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[MadeMarket], Shown]:
    """Runs every cell in a real kernel, whose folder and whose files of its own lie below tmp_path."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "cwd").mkdir()

    def run(market: MadeMarket) -> Shown:
        paths = {"DUCKDB_PATH": str(market.settings.duckdb_path), "OUTPUT_DIR": str(market.settings.output_dir)}
        for name, value in (sample_settings(market.market) | paths).items():
            monkeypatch.setenv(name, value)
        notebook = nbformat.reads(TEXT, as_version=4)
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path / "cwd")}}).execute()
        return Shown({cell.id: _markup(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"})

    return run


def _markup(outputs: list) -> str:
    assert [output.output_type for output in outputs if "data" not in output] == []
    return "\n".join(output.data.get("text/html") or output.data["text/markdown"] for output in outputs)


def test_a_sound_database_is_shown_from_its_tables_to_its_weeks(made_market: MadeMarket, executed):
    shown = executed(made_market)
    assert DISCLAIMER in shown.outputs["day"]
    assert SAMPLE_DATA_NOTICE in shown.outputs["day"]
    assert "2025-12-12" in shown.outputs["day"]
    assert "daily_metrics 3 30 2025-12-10 2025-12-12" in shown.words("tables")
    assert "Phase C gate of 2025-12-12: open" in shown.words("judged")
    assert "1 holds 0 ERROR data_quality_follows_the_published_week daily_metrics" in shown.words("judged")
    assert "BROKEN" not in shown.words("judged")
    for picture in ("strips", "anchoring"):
        assert shown.outputs[picture].count("<svg") == 1
        assert DISCLAIMER in shown.outputs[picture]
    assert "2025-12-10 to 2025-12-12: OPEN" in shown.words("strips")
    assert "2025-12-08" in shown.words("published")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", "".join(shown.outputs.values()))


def test_a_tampered_row_is_shown_with_its_rule_its_problem_and_its_remedy(made_market: MadeMarket, tmp_path: Path, executed):
    broken = made_market.copied_to(tmp_path)
    with connect_to(broken.settings.duckdb_path)() as connection:
        connection.execute("update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '2025-12-12'")
    before = broken.settings.duckdb_path.read_bytes()
    shown = executed(broken)
    assert "Phase C gate of 2025-12-12: CLOSED" in shown.words("judged")
    assert "1 BROKEN" in shown.words("judged")
    failing = shown.words("findings")
    assert "1 data_quality_follows_the_published_week ERROR SPY PRE_OTC although its own week 2025-12-08 is used" in failing
    assert "Materialise daily_metrics of this day again." in failing
    assert "SPY PRE_OTC ANCHORED 2025-12-08" in shown.words("rows")
    assert "2025-12-12: CLOSED" in shown.words("strips")
    assert broken.settings.duckdb_path.read_bytes() == before


def test_the_stored_notebook_holds_no_output_and_no_count():
    assert [cell["id"] for cell in STORED["cells"] if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_stored_notebook_says_nothing_of_a_machine():
    assert re.findall(r"(?<![\w.:/])/(?:home|root|tmp|usr|work|Users|var)\b", TEXT) == []
    assert set(STORED["metadata"]) == {"kernelspec", "language_info"}
    assert STORED["metadata"]["language_info"] == {"name": "python"}


def test_its_first_cell_says_how_to_open_it_and_what_the_numbers_are_not():
    first = "".join(STORED["cells"][0]["source"])
    assert DISCLAIMER in first
    path = re.search(r"uv run --with jupyterlab jupyter lab (\S+)", first)
    assert path is not None
    assert Path(str(NOTEBOOK)).parents[2].joinpath(path[1]).is_file()
