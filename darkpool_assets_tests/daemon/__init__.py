"""The real Dagster daemon: schedule, sensors and backfills as separate processes, killed in the middle."""
