"""darkpool_assets: daily, provenance-labelled inference of institutional accumulation and distribution.

FINRA does not publish trade direction for off-exchange volume. Buy/Sell values are inferred estimates derived from lit-market equity trades and applied proportionally to FINRA OTC volume.

The tree, in the order of its flow:

    vocabulary.py, market_calendar.py, settings.py, tables.py   words, sessions, settings, tables declared once
    sources/         bytes of the outside world -> typed frames
    warehouse.py     DuckDB: every read and write, each in one short transaction
    analytics/       frames -> frames: the finance; no clock, disk, network or Dagster
    rendering/       frames -> HTML, PNG, CSV
    sample_market/   the seeded simulator behind `darkpool demo` and the tests
    resources.py     Dagster shells that hand assets plain objects
    defs/            the graph: raw -> derived -> rendered, and the checks
    definitions.py   everything that may run, on one screen
    session_choice.py, stored_sessions.py, session_runs.py   which sessions a command makes, skips and derives again
    status_report.py, table_export.py                        what `darkpool status` and `darkpool export` show
    cli.py           the same definitions from a terminal
"""  # noqa: E501 - the disclaimer stands verbatim on one line
