"""darkpool_assets: daily, provenance-labelled inference of institutional accumulation and distribution.

FINRA does not publish trade direction for off-exchange volume. Buy/Sell values are inferred estimates derived from lit-market equity trades and applied proportionally to FINRA OTC volume.

The tree, in the order of its flow:

    vocabulary.py, market_calendar.py, settings.py, tables.py   words, sessions, settings, tables declared once
    sources/         bytes of the outside world (files, HTTP, S3) -> typed frames
    warehouse.py     DuckDB: every read and write, each in one short transaction; published_copy.py: a copy for readers
    analytics/       frames -> frames: the finance; no clock, disk, network or Dagster
    rendering/       frames -> HTML, PNG, CSV
    sample_market/   the seeded simulator behind `darkpool demo` and the tests, and its local server
    resources.py     Dagster shells that hand assets plain objects
    defs/            the graph: raw -> derived -> phase_c, rendered, and the checks; automation: schedules and sensors
    definitions.py   everything that may run, on one screen
    database_faults.py, full_disks.py, lost_writes.py        what is wrong with a database, a disk, a log that was cut off
    turns.py, process_identity.py, retry_log.py              which process writes, whether it lives, what is asked again
    session_choice.py, session_runs.py   which sessions a command makes, skips and derives again; run_failures.py: what failed
    status_report.py, table_export.py                        what `darkpool status` and `darkpool export` show
    database_check.py, coverage_history.py, check_report.py  what `darkpool check` and the notebook ask and show
    site_server.py   the report site on loopback, beside the Dagster UI, which ui_server.py serves behind ui_guard.py
    cli.py, commands.py, command_runs.py                     the same definitions from a terminal
    notebooks/       database_check.ipynb: the same rules on a database of your own
"""  # noqa: E501 - the disclaimer stands verbatim on one line
