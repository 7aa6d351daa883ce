"""The code location with SESSIONS_PER_RUN sessions in each run of a backfill, for the comparison in backfills.py."""

import os

from darkpool_assets.defs import run_options

run_options.LARGEST_RUN = int(os.environ["SESSIONS_PER_RUN"])  # pyright: ignore[reportAttributeAccessIssue] - before the assets

from darkpool_assets.definitions import defs  # noqa: E402, F401
