"""Frames of stored rows -> pages, pictures and CSV. Nothing here computes finance or knows Dagster; defs/rendered calls it."""
