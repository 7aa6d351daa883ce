"""What rendered files must say, checked on the files themselves and outside the gate."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

import dagster as dg

from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets.warehouse import Warehouse

_CHECK: Final = "rendered_tables_carry_the_disclaimer"
_TEXT_SUFFIXES: Final = (".html", ".csv")


@dg.multi_asset_check(
    name="rendered_files",
    specs=[
        partitioned_check_spec(
            _CHECK,
            asset="daily_tables",
            description="The day's page and CSV file show the disclaimer verbatim. If not: materialise daily_tables again.",
        )
    ],
)
def rendered_files(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """The disclaimer in the text files of each day of the run; fails the run when a day asked for could not be made."""
    verdicts = {key: _verdict(settings, dt.date.fromisoformat(key)) for key in context.partition_keys}
    yield from report_verdicts(context, verdicts, asset="daily_tables", check=_CHECK)
    fail_for_unmade_days(context, warehouse, version=settings.inference_version)


def _verdict(settings: Settings, day: dt.date) -> DayVerdict:
    texts = [path for path in sorted(tables_folder(settings, day).glob("daily_metrics.*")) if path.suffix in _TEXT_SUFFIXES]
    without = [path.name for path in texts if DISCLAIMER not in path.read_text(encoding="utf-8")] if texts else ["no file"]
    return DayVerdict(not without, {"without": without})
