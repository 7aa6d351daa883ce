import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from darkpool_assets.sample_market import SampleMarket, true_directions, write_sample_market

SMALL = SampleMarket(Path("unused"), sessions=2, trades_per_symbol=20)
FOLDERS = ("finra_short", "finra_otc", "trades", "quotes", "day_aggs", "constituents", "truth")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(folder: Path, **changes) -> dict[str, bytes]:
    write_sample_market(dataclasses.replace(SMALL, folder=folder, **changes))
    return contents(folder)


@pytest.fixture(scope="module")
def small_files(tmp_path_factory) -> dict[str, bytes]:
    return written(tmp_path_factory.mktemp("small"))


def test_equal_plans_give_byte_identical_files(small_files, tmp_path):
    assert written(tmp_path) == small_files


def test_a_longer_plan_gives_the_same_files_for_the_same_dates(small_files, tmp_path):
    longer = written(tmp_path, sessions=3)
    by_plan = {"plan.json", "constituents/spx_sample.csv"}
    assert {name for name, content in small_files.items() if longer[name] != content} == by_plan


def test_a_later_plan_gives_the_same_files_for_the_same_dates(small_files, tmp_path):
    later = written(tmp_path, last_session=dt.date(2026, 1, 2), sessions=3)
    shared = [name for name in small_files if name.startswith(("trades/", "quotes/", "truth/", "day_aggs/", "finra_otc/"))]
    assert all(later[name] == small_files[name] for name in shared if name in later)
    assert "trades/2025/12/2025-12-31.csv.gz" in later


def test_every_folder_says_that_its_numbers_are_invented(small_files):
    assert all(b"invented" in small_files[name] for name in ["SAMPLE_DATA.txt", *(f"{name}/SAMPLE_DATA.txt" for name in FOLDERS)])


def test_files_lie_by_year_and_month_under_their_published_names(small_files):
    assert {
        "finra_short/2025/12/CNMSshvol20251231.txt",
        "finra_short/2025/12/FORFshvol20251231.txt",
        "finra_otc/weeklySummary_2025-12-29_T2.json",
        "trades/2025/12/2025-12-31.csv.gz",
        "quotes/2025/12/2025-12-31.csv.gz",
        "day_aggs/2025/10/2025-10-31.csv.gz",
        "truth/2025-12-31.parquet",
        "constituents/spx_sample.csv",
    } <= set(small_files)


def test_the_same_plan_is_not_written_again(tmp_path):
    written(tmp_path)
    touched = tmp_path / "trades" / "2025" / "12" / "2025-12-31.csv.gz"
    touched.write_bytes(b"kept")
    written(tmp_path)
    assert touched.read_bytes() == b"kept"


def test_another_plan_replaces_all_files(small_files, tmp_path):
    written(tmp_path, sessions=1)
    assert written(tmp_path) == small_files


def test_an_interrupted_writing_starts_over(small_files, tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(stage: str, done: int, _total: int) -> None:
        if (stage, done) == ("trades and quotes", 1):
            raise Interrupted

    market = dataclasses.replace(SMALL, folder=tmp_path)
    with pytest.raises(Interrupted):
        write_sample_market(market, progress=interrupt)
    assert not (tmp_path / "plan.json").exists()
    (tmp_path / "trades" / "leftover.csv.gz").write_bytes(b"half")
    assert written(tmp_path) == small_files


@pytest.mark.parametrize("found", ["constituents/mine.csv", "plan.json"])
def test_files_of_somebody_else_are_never_touched(tmp_path, found):
    (tmp_path / found).parent.mkdir(exist_ok=True)
    (tmp_path / found).write_text("mine")
    with pytest.raises(FileExistsError, match="no sample market wrote it"):
        written(tmp_path)
    assert contents(tmp_path) == {found: b"mine"}


def test_progress_counts_every_stage_to_its_end(tmp_path):
    seen: dict[str, tuple[int, int]] = {}
    write_sample_market(
        dataclasses.replace(SMALL, folder=tmp_path, sessions=1),
        progress=lambda stage, done, total: seen.update({stage: (done, total)}),
    )
    assert len(seen) == 3
    assert all(done == total for done, total in seen.values())


def test_the_truth_is_read_by_day(written_market):
    truth = true_directions(written_market.folder, dt.date(2025, 12, 31))
    assert truth.columns == ["symbol", "timestamp", "sequence_number", "exchange", "id", "size", "direction"]
    assert truth["symbol"].n_unique() == 10


def test_a_day_without_trades_has_no_truth(written_market):
    with pytest.raises(FileNotFoundError):
        true_directions(written_market.folder, dt.date(2025, 9, 30))
