"""Trust: commands that are killed in the midst and commands that race, each held against undisturbed ones, cell by cell.

`uv run python -m darkpool_assets_tests.trust --kills N --races N` runs as many as wanted.
"""
