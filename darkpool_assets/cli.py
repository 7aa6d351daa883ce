"""`darkpool`: everything that the Dagster UI does, from a terminal, through the same definitions and the same instance.

Only the entry point stands here, so that an early Ctrl-C finds it ready; the commands stand in commands.py.
"""

from darkpool_assets.command_folders import PROJECT
from darkpool_assets.process_endings import ending_at_once

__all__ = ["PROJECT", "main"]


def main() -> None:
    """Run the command of the arguments; a signal that comes while modules are imported ends it without a traceback."""
    with ending_at_once():
        from darkpool_assets.commands import run_command

        run_command()


if __name__ == "__main__":
    main()
