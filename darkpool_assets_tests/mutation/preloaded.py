"""Imported once by the mutation run, before it forks a process for each mutant; a second of each process is saved.

Nothing is computed here: Polars' threads do not survive a fork. No test and no fixture lives here.
"""

import gc
from importlib.metadata import entry_points

import hypothesis  # noqa: F401
import polars.testing  # noqa: F401

import darkpool_assets_tests.conftest  # noqa: F401

for plugin in entry_points(group="pytest11"):
    plugin.load()
gc.collect()
gc.freeze()
