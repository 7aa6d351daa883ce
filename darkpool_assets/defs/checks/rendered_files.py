"""What rendered files must say, checked on the files themselves and outside the gate: one check per rendered asset."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import dagster as dg

from darkpool_assets.defs.checks.partitioned_check import DayVerdict, partitioned_check_spec, report_verdicts
from darkpool_assets.defs.checks.unmade_days import fail_for_unmade_days
from darkpool_assets.defs.phase_c.pressure_plots import plots_folder
from darkpool_assets.defs.phase_c.report_site import pages_folder
from darkpool_assets.defs.rendered.daily_tables import tables_folder
from darkpool_assets.settings import Settings
from darkpool_assets.vocabulary import DISCLAIMER
from darkpool_assets.warehouse import Warehouse

_TEXT_SUFFIXES: Final = (".html", ".csv")

FolderOf = Callable[[Settings, dt.date], Path]


def disclaimer_check(asset: str, *, what: str, folder_of: FolderOf) -> dg.AssetChecksDefinition:
    """A check that every text file which `asset` made of a day shows the disclaimer verbatim.

    Args:
        asset: The rendered asset.
        what: Its files, in the check's name: tables, plots, pages.
        folder_of: Where the files of a day are.
    """
    check = f"rendered_{what}_carry_the_disclaimer"

    @dg.multi_asset_check(
        name=f"rendered_{what}",
        specs=[
            partitioned_check_spec(
                check,
                asset=asset,
                description=f"The day's {what} show the disclaimer verbatim. If not: materialise {asset} again.",
            )
        ],
    )
    def rendered(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        folders = {key: folder_of(settings, dt.date.fromisoformat(key)) for key in context.partition_keys}
        verdicts = {key: files_verdict(folder) for key, folder in folders.items()}
        yield from report_verdicts(context, verdicts, asset=asset, check=check)
        fail_for_unmade_days(context, warehouse, version=settings.inference_version)

    return rendered


def files_verdict(folder: Path) -> DayVerdict:
    """Whether there are text files in `folder`, and each shows the disclaimer."""
    texts = [path for path in sorted(folder.rglob("*")) if path.suffix in _TEXT_SUFFIXES]
    without = [path.name for path in texts if DISCLAIMER not in path.read_text(encoding="utf-8")] if texts else ["no file"]
    return DayVerdict(not without, {"files": len(texts), "without": without})


rendered_tables = disclaimer_check("daily_tables", what="tables", folder_of=tables_folder)
rendered_plots = disclaimer_check("pressure_plots", what="plots", folder_of=plots_folder)
rendered_pages = disclaimer_check("report_site", what="pages", folder_of=pages_folder)
