"""Commands that measure, none of them a test: `uv run python -m darkpool_assets_tests.benchmarks.rest_pages` and its like."""
