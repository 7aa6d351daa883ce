"""Tests of darkpool_assets.sources."""
