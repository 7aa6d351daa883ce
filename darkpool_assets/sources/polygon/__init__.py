"""Polygon's (Massive's) trades, quotes and daily aggregates."""
