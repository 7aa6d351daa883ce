"""pressure_plots through Dagster: whole files of a sound day, none of a day whose provenance is wrong, whoever asks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from darkpool_assets.defs.phase_c.composite_signal import composite_signal
from darkpool_assets.defs.phase_c.pressure_plots import plots_folder, pressure_plots
from darkpool_assets.resources import build_resources, connect_to
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets_tests.conftest import MadeMarket
from darkpool_assets_tests.defs.test_stored_day import CORRUPTIONS, DAY_OF_CORRUPTION
from darkpool_assets_tests.hand_made_feeds import FRIDAY, MONDAY, THURSDAY, TICKERS, WEEK
from darkpool_assets_tests.hand_made_graph import Graph, copy_of, error_of

CLOSED_BY = "data_quality_follows_the_published_week"


def close_gate(graph: Graph, day: object = FRIDAY) -> None:
    """Make the day's SPY row claim the wrong provenance."""
    with connect_to(graph.folder / "darkpool.duckdb")() as connection:
        connection.execute(f"update daily_metrics set data_quality = 'PRE_OTC' where symbol = 'SPY' and date = '{day}'")


def files(graph: Graph, day: object = FRIDAY) -> dict[str, bytes]:
    """The plots of a day by file name."""
    folder = plots_folder(graph.settings(), day)  # type: ignore[arg-type]
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


@dataclass(frozen=True)
class Drawn:
    """Friday drawn twice: its files after each time, and a plot of no ticker of the day that lay there in between."""

    graph: Graph
    first: dict[str, bytes]
    second: dict[str, bytes]


@pytest.fixture(scope="module")
def drawn(made_week: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    """The made week's Friday, drawn into a folder of its own; not to be changed."""
    with copy_of(made_week, tmp_path_factory.mktemp("drawn")) as graph:
        assert graph.materialise(pressure_plots, FRIDAY).success
        first = files(graph)
        (plots_folder(graph.settings(), FRIDAY) / "GONE.html").write_text("of another day's tickers")
        assert graph.materialise(pressure_plots, FRIDAY).success
        yield Drawn(graph, first, files(graph))


# A day that passes


def test_every_ticker_has_a_page_and_a_picture(drawn: Drawn):
    made = drawn.first
    assert set(made) == {f"{ticker}.{kind}" for ticker in TICKERS for kind in ("html", "png")}
    assert all(content.startswith(b"\x89PNG") for name, content in made.items() if name.endswith(".png"))
    assert all(DISCLAIMER in content.decode() for name, content in made.items() if name.endswith(".html"))


def test_the_plotting_script_lies_beside_them_once(drawn: Drawn):
    assert [path.suffix for path in (drawn.graph.settings().output_dir / "assets").iterdir()] == [".js"]


def test_drawn_again_a_picture_is_the_same_bytes(drawn: Drawn):
    assert {name: drawn.second[name] for name in drawn.first if name.endswith(".png")} == {
        name: content for name, content in drawn.first.items() if name.endswith(".png")
    }


def test_a_ticker_that_the_day_lost_loses_its_plot(drawn: Drawn):
    assert set(drawn.second) == set(drawn.first)


def test_the_metadata_has_a_small_picture_and_the_folder(drawn: Drawn):
    metadata = drawn.graph.metadata("pressure_plots", FRIDAY)
    assert metadata["picture"].startswith("![pressure plot](data:image/png;base64,")
    assert len(metadata["picture"]) < 60_000
    assert Path(metadata["folder"]) == plots_folder(drawn.graph.settings(), FRIDAY).resolve()


def test_a_pre_otc_day_is_plotted(graph: Graph):
    assert graph.run([FRIDAY], plots="last", as_of="2025-12-12", tickers="SPY", partitions_start=FRIDAY).failures == []
    assert set(graph.rows("daily_metrics")["data_quality"]) == {"PRE_OTC"}
    assert files(graph)


# A day that is refused


@pytest.mark.parametrize(("rule", "corruption"), CORRUPTIONS[::2], ids=[f"rule {n}: {sql[:90]}" for n, sql in CORRUPTIONS[::2]])
def test_a_corrupted_row_is_refused_by_name_by_the_plot_alone(
    made_market: MadeMarket, tmp_path: Path, rule: int, corruption: str
) -> None:
    broken = made_market.copied_to(tmp_path)
    with connect_to(broken.settings.duckdb_path)() as connection:
        connection.execute(corruption)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [pressure_plots],
            instance=instance,
            partition_key=broken.days[DAY_OF_CORRUPTION].isoformat(),
            resources=build_resources(broken.settings),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
    assert not result.success
    assert f"rule {rule}, " in error_of(result)
    assert not plots_folder(broken.settings, broken.days[DAY_OF_CORRUPTION]).exists()


def test_a_refused_plot_leaves_the_older_one_as_it_was(again: Graph, drawn: Drawn):
    shutil.copytree(drawn.graph.settings().output_dir, again.settings().output_dir)
    close_gate(again)
    assert not again.materialise(pressure_plots, FRIDAY).success
    assert files(again) == drawn.second


def test_the_same_run_refuses_the_plot_with_the_composite(again: Graph):
    close_gate(again)
    result = again.materialise([composite_signal, pressure_plots], FRIDAY)
    assert not result.success
    assert CLOSED_BY in error_of(result)
    assert files(again) == {}


def test_in_a_range_the_bad_day_alone_is_refused(again: Graph):
    close_gate(again, THURSDAY)
    outcome = again.run(WEEK[2:], select=["composite_signal", "pressure_plots"], plots="all")
    assert {failure[:10] for failure in outcome.failures} == {THURSDAY.isoformat()}
    assert all(CLOSED_BY in failure for failure in outcome.failures)
    assert [bool(files(again, day)) for day in WEEK[2:]] == [True, False, True]


def test_a_day_without_its_composite_is_not_plotted(again: Graph):
    with connect_to(again.folder / "darkpool.duckdb")() as connection:
        connection.execute(f"delete from composite_signal where date = '{MONDAY}'")
    result = again.materialise(pressure_plots, MONDAY)
    assert "composite_signal has no rows" in error_of(result)


def test_bars_and_pruned_trades_leave_the_gate_open(again: Graph):
    with connect_to(again.folder / "darkpool.duckdb")() as connection:
        connection.execute("delete from polygon_equity_trades_raw")
    assert again.rows("polygon_equity_trades_raw").is_empty()
    assert again.materialise(pressure_plots, FRIDAY).success
