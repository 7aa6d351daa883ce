"""What rendered files must say, checked on the files themselves and outside the gate."""

import datetime as dt
import warnings
from collections.abc import Iterator

import dagster as dg

from darkpool_assets.defs.partitions import trading_days
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import DISCLAIMER

_CHECK = "rendered_tables_carry_the_disclaimer"

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning)
    _SPEC = dg.AssetCheckSpec(
        _CHECK,
        asset="daily_tables",
        partitions_def=trading_days,
        description="Every rendered page and CSV file of the day shows the disclaimer verbatim. If not: materialise daily_tables.",
    )


@dg.multi_asset_check(name="rendered_files", specs=[_SPEC], can_subset=True)
def rendered_files(context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]) -> Iterator[dg.AssetCheckResult]:
    """The disclaimer in the text files of each day of the run."""
    broken: dict[str, list[str]] = {}
    days = list(context.partition_keys)
    for day in days:
        folder = tables_folder(settings, dt.date.fromisoformat(day))
        texts = [path for path in sorted(folder.glob("daily_metrics.*")) if path.suffix in {".html", ".csv"}]
        broken[day] = [path.name for path in texts if DISCLAIMER not in path.read_text(encoding="utf-8")]
        if not texts:
            broken[day] = ["no file"]
        if len(days) > 1:
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey("daily_tables"),
                    check_name=_CHECK,
                    passed=not broken[day],
                    metadata={"without": broken[day]},
                    severity=dg.AssetCheckSeverity.ERROR,
                    partition=day,
                )
            )
    without = [f"{day}: {name}" for day, names in broken.items() for name in names]
    yield dg.AssetCheckResult(asset_key="daily_tables", check_name=_CHECK, passed=not without, metadata={"without": without})
