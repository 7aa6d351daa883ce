"""Rendered assets: stored rows become pages, pictures and CSV files. They compute nothing."""
