"""Bytecode is kept for the next run also where none may lie beside the sources (PYTHONDONTWRITEBYTECODE).

A plugin of pytest, so that it comes before every import: compiling takes seconds of each test worker and of each child process
that a test starts. No test and no fixture lives here.
"""

import os
import sys
from pathlib import Path

if sys.dont_write_bytecode:
    folder = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    sys.pycache_prefix, sys.dont_write_bytecode = folder, False
    os.environ |= {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
