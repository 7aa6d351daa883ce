"""Bytes of the outside world -> typed frames. Nothing here stores, derives or knows Dagster; defs/raw stores what comes out."""
