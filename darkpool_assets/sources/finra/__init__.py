"""FINRA's daily short sale files and weekly off-exchange volume."""
