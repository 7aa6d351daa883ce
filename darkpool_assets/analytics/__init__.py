"""Frames -> frames: the finance. No clock, disk, network or Dagster; every financial rule is one pure function here."""
