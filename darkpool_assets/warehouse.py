"""The warehouse: every read and write of DuckDB, each in one short transaction on a connection that is closed afterwards.

The connection is handed in, so that no Dagster word stands here; no financial rule does either. A connection is never held
while a source is read: another process can write between two calls. Assets, checks and the command line read and write
through this class alone.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock

import duckdb
import polars as pl

from darkpool_assets.database_faults import WarehouseBusy, WarehouseError, WarehouseUnreadable
from darkpool_assets.published_copy import publish_tables
from darkpool_assets.tables import TABLES, Table
from darkpool_assets.turns import Turn

__all__ = ["Connect", "Warehouse", "WarehouseBusy", "WarehouseError", "WarehouseSchemaError", "WarehouseUnreadable"]

Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


class WarehouseSchemaError(WarehouseError):
    """The database holds tables of another program, or of ours with more than an absent nullable column; nothing was changed."""


class Warehouse:
    """Transactional store of the declared tables. One instance may be shared by threads; each call opens a connection."""

    def __init__(
        self, connect: Connect, *, is_prepared: bool = False, in_transaction: bool = False, turn: Turn | None = None
    ) -> None:
        self._connect = connect
        self._turn = turn
        self._is_prepared = is_prepared
        self._in_transaction = in_transaction
        self._preparing = Lock()

    @contextmanager
    def connected(self) -> Iterator["Warehouse"]:
        """The same warehouse on one connection for several calls in a row; never to be held while a source is read."""
        with self._connection() as connection:
            yield Warehouse(lambda: nullcontext(connection), is_prepared=True)

    @contextmanager
    def transaction(self) -> Iterator["Warehouse"]:
        """The same warehouse in one transaction: what is read in it is what its writes replace, whoever else writes."""
        with self._transaction() as connection:
            yield Warehouse(lambda: nullcontext(connection), is_prepared=True, in_transaction=True)

    def take_turn(self) -> None:
        """Wait until no other run derives; the turn is this run's until its end.

        Derived rows of a day are those of one run: two runs with other tickers that derive at once would leave a day of both.
        """
        if self._turn:
            self._turn.take()

    def let_turn_go(self) -> None:
        """End this run's turn to derive."""
        if self._turn:
            self._turn.let_go()

    # Reads

    def read_day(self, table: str, day: dt.date, *, inference_version: str | None = None) -> pl.DataFrame:
        """Rows of one day (of one week for the OTC table), all vintages."""
        return self.read_window(table, day, day, inference_version=inference_version)

    def read_window(
        self,
        table: str,
        first: dt.date,
        last: dt.date,
        *,
        symbols: Sequence[str] | None = None,
        inference_version: str | None = None,
    ) -> pl.DataFrame:
        """Rows from `first` to `last`, both inside, of `symbols` where given; ordered by the table's key."""
        declared = TABLES[table]
        where = [f'"{declared.day_column}" between $first and $last']
        values: dict[str, object] = {"first": first, "last": last}
        if symbols is not None:
            where.append("symbol in (select unnest($symbols::varchar[]))")
            values["symbols"] = list(symbols)
        if inference_version is not None:
            where.append("inference_version = $version")
            values["version"] = inference_version
        key = ", ".join(f'"{name}"' for name in declared.key)
        sql = f'select {_names(declared)} from "{table}" where {" and ".join(where)} order by {key}'
        return self._query(sql, values)

    def read_newest_short_rows(self, first: dt.date, last: dt.date, *, symbols: Sequence[str] | None) -> pl.DataFrame:
        """Rows of finra_short_daily_raw, of each (trade_date, source) the newest vintage; of `symbols` where given."""
        wanted = "true" if symbols is None else "symbol in (select unnest($symbols::varchar[]))"
        sql = f"""
            select {_names(TABLES["finra_short_daily_raw"])} from finra_short_daily_raw
            semi join (
                select trade_date, source, max(ingested_at) as ingested_at from finra_short_daily_raw
                where trade_date between $first and $last group by all
            ) newest using (trade_date, source, ingested_at)
            where {wanted} order by trade_date, source, symbol
        """
        values: dict[str, object] = {"first": first, "last": last}
        return self._query(sql, values if symbols is None else {**values, "symbols": list(symbols)})

    def read_short_sources(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """One row per (trade_date, source) that holds any row: which short files a day has."""
        sql = """
            select distinct trade_date, source from finra_short_daily_raw
            where trade_date between $first and $last order by all
        """
        return self._query(sql, {"first": first, "last": last})

    def count_otc_weeks(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """One row per stored week from `first` to `last` with its rows and symbols, and one of all together (no week)."""
        sql = """
            select week_start_date, count(*) as rows, count(distinct symbol) as symbols from finra_otc_weekly_raw
            where week_start_date between $first and $last
            group by grouping sets ((week_start_date), ()) order by week_start_date
        """
        return self._query(sql, {"first": first, "last": last})

    def read_otc_dates(self) -> pl.DataFrame:
        """One row per (week_start_date, ingested_at, known_on): when rows of a week were stored, and from when on they count."""
        sql = """
            select distinct week_start_date, ingested_at, cast(greatest(
                coalesce(initial_published_date, week_start_date + if(tier_identifier = 'T1', 21, 35)), last_update_date
            ) as date) as known_on
            from finra_otc_weekly_raw order by all
        """
        return self._query(sql, {})

    def stored_days(self, table: str, first: dt.date, last: dt.date, *, inference_version: str | None = None) -> list[dt.date]:
        """Days between `first` and `last` that hold at least one row, oldest first."""
        day = f'"{TABLES[table].day_column}"'
        sql = f'select distinct {day} as day from "{table}" where {day} between $first and $last'
        values: dict[str, object] = {"first": first, "last": last}
        if inference_version is not None:
            sql, values = f"{sql} and inference_version = $version", {**values, "version": inference_version}
        return self._query(f"{sql} order by day", values)["day"].to_list()

    def newest_entries(
        self, ledger: str, first: dt.date, last: dt.date, *, by: Sequence[str], owner: str | None = None, whole: bool = False
    ) -> pl.DataFrame:
        """Of a ledger's rows between two days the newest one per `by`; of one `owner` where given.

        Args:
            ledger: ingest_ledger or derivation_ledger.
            first: First day.
            last: Last day, inside.
            by: Columns of which each combination keeps its newest row.
            owner: A feed or an asset: value of the ledger's first column.
            whole: Every row of the newest moment: a reading of several files leaves one of each.
        """
        declared = TABLES[ledger]
        over = ", ".join(f'"{name}"' for name in by)
        newest = f'partition by {over} order by "at" desc{"" if whole else ", rowid desc"}'
        owned = "" if owner is None else f'"{declared.column_names[0]}" = $owner and'
        sql = f"""
            select {_names(declared)} from "{ledger}"
            where {owned} "{declared.day_column}" between $first and $last
            qualify {"rank()" if whole else "row_number()"} over ({newest}) = 1
            order by "{declared.day_column}", {over}
        """
        values: dict[str, object] = {"first": first, "last": last}
        return self._query(sql, values if owner is None else {**values, "owner": owner})

    def last_written_at(self) -> dt.datetime | None:
        """The moment of the newest ledger row (UTC, naive): each write of rows leaves one."""
        sql = 'select max("at") as written from (select "at" from ingest_ledger union all select "at" from derivation_ledger)'
        return self._query(sql, {})["written"][0]

    def count_rows(self) -> pl.DataFrame:
        """One row per declared table: table, days, rows, first and last day."""
        selects = [
            f'select {index} as place, \'{name}\' as "table", count(distinct "{table.day_column}") as days, count(*) as rows, '
            f'min("{table.day_column}") as first_day, max("{table.day_column}") as last_day from "{name}"'
            for index, (name, table) in enumerate(TABLES.items())
        ]
        return self._query(" union all ".join(selects) + " order by place", {}).drop("place")

    # Writes

    def replace_day(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        day: dt.date,
        inference_version: str | None = None,
        also: Mapping[str, pl.DataFrame] | None = None,
    ) -> int:
        """Replace the rows of `day` (of one inference_version) by `frame` in one transaction, and append `also` to ledgers.

        A failure leaves the stored day as it was.

        Returns:
            Rows stored.

        Raises:
            ValueError: `frame` does not fit the table, or holds rows of another day or version.
        """
        declared = TABLES[table]
        rows = declared.conform(frame)
        _refuse_foreign_rows(declared, rows, day, inference_version)
        where, values = f'"{declared.day_column}" = $day', {"day": day}
        if inference_version is not None:
            where, values = f"{where} and inference_version = $version", {**values, "version": inference_version}
        with self._transaction() as connection:
            connection.execute(f'delete from "{table}" where {where}', values)
            _insert(connection, declared, rows)
            _insert_all(connection, also)
        return rows.height

    def append_vintage(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        per: Sequence[str],
        at: dt.datetime,
        also: Mapping[str, pl.DataFrame] | None = None,
    ) -> int:
        """Append those groups of `frame` whose content is new, as a vintage ingested at `at`; nothing is overwritten.

        A group is new when no stored vintage of it has its content_hash, or when the newest stored vintage has another one and
        the rows carry no last_update_date that would order them.

        Args:
            table: A FINRA raw table.
            frame: Rows with content_hash, without ingested_at.
            per: Columns that identify a vintage beside its hash: (symbol, week_start_date) or (trade_date, source).
            at: UTC moment of the vintage, naive.
            also: Ledger rows to append in the same transaction.

        Returns:
            Rows stored.
        """
        declared = TABLES[table]
        rows = declared.conform(frame.with_columns(ingested_at=pl.lit(at, pl.Datetime("us"))))
        group = ", ".join(f'"{name}"' for name in per)
        ordered = "count(last_update_date) > 0" if "last_update_date" in declared.column_names else "false"
        known = f"""
            with stored as (
                select {group}, content_hash, max(ingested_at) as newest, {ordered} as is_ordered from "{table}"
                semi join incoming using ({group}) group by {group}, content_hash
            )
            select {group}, content_hash from stored
            qualify is_ordered or newest = max(newest) over (partition by {group})
        """
        with self._transaction() as connection:
            connection.register("incoming", rows)
            sql = f'insert into "{table}" by name select * from incoming anti join ({known}) known using ({group}, content_hash)'
            stored = connection.execute(sql).fetchone()
            connection.unregister("incoming")
            _insert_all(connection, also)
        return int(stored[0]) if stored else 0

    def append(self, rows: Mapping[str, pl.DataFrame]) -> None:
        """Append ledger rows in one transaction."""
        with self._transaction() as connection:
            _insert_all(connection, rows)

    # For readers outside

    def publish_to(self, path: Path) -> int:
        """Replace the DuckDB file at `path` by a copy of the declared tables but raw trades, all as of one moment.

        Who holds the file that was there keeps it; a failure leaves it in its place and nothing beside it. Nothing is copied
        byte by byte: opening the database's own file a second time would let go its lock.

        Returns:
            Tables copied.

        Raises:
            ValueError: `path` is the database itself.
            duckdb.Error: the copy could not be written.
            OSError: it could not be put in its place.
        """
        with self._connection() as connection:
            return publish_tables(connection, path)

    # Connections

    def _query(self, sql: str, values: Mapping[str, object]) -> pl.DataFrame:
        with self._connection() as connection:
            return connection.sql(sql, params=dict(values)).pl()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connection() as connection:
            if self._in_transaction:
                yield connection
                return
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException:
                with suppress(duckdb.Error):  # an interrupted transaction is rolled back already
                    connection.rollback()
                raise

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connect() as connection:
            with self._preparing:
                if not self._is_prepared:
                    _prepare(connection)
                    self._is_prepared = True
            try:
                yield connection
            except (RuntimeError, duckdb.InterruptException) as error:
                if "interrupted" in str(error).lower():  # Ctrl-C: DuckDB ends its query with an error of its own
                    raise KeyboardInterrupt from error
                raise


def _names(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.column_names)


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    connection.register("incoming", rows)
    connection.execute(f'insert into "{table.name}" by name select * from incoming')
    connection.unregister("incoming")


def _insert_all(connection: duckdb.DuckDBPyConnection, frames: Mapping[str, pl.DataFrame] | None) -> None:
    for name, frame in (frames or {}).items():
        _insert(connection, TABLES[name], TABLES[name].conform(frame))


def _refuse_foreign_rows(table: Table, rows: pl.DataFrame, day: dt.date, inference_version: str | None) -> None:
    foreign = rows.filter(pl.col(table.day_column) != day)
    if inference_version is not None:
        foreign = rows.filter((pl.col(table.day_column) != day) | (pl.col("inference_version") != inference_version))
    if foreign.height:
        raise ValueError(f"{table.name}: {foreign.height} rows of another day or version than {day} {inference_version or ''}")


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create absent tables and add absent nullable columns; refuse every other difference before anything is changed.

    Raises:
        WarehouseSchemaError: only tables of another program, or a stored column of ours has another type or null rule, is
            unknown, or a required column is absent.
    """
    stored = refuse_foreign_tables(connection)
    for table in TABLES.values():
        if table.name not in stored:
            connection.execute(f'create table if not exists "{table.name}" ({table.definition})')
            continue
        for column in table.columns:
            if column.name not in stored[table.name]:
                connection.execute(f'alter table "{table.name}" add column "{column.name}" {column.definition}')


def refuse_foreign_tables(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Mapping[str, str]]:
    """Read which tables the database holds: name -> column -> definition.

    Raises:
        WarehouseSchemaError: they are another program's, or ours in another form.
    """
    sql = """
        select table_name, column_name, data_type || if(is_nullable = 'NO', ' not null', '') from information_schema.columns
        where table_catalog = current_database() and table_schema = 'main'
    """
    stored: dict[str, dict[str, str]] = {}
    for name, column, definition in connection.execute(sql).fetchall():
        stored.setdefault(name, {})[column] = definition
    if stored and not stored.keys() & TABLES.keys():
        raise WarehouseSchemaError(
            f"DUCKDB_PATH holds tables of another program ({', '.join(sorted(stored)[:5])}). It was not changed. "
            "Set DUCKDB_PATH to a file of its own."
        )
    faults = [f"{name}: {fault}" for name in stored.keys() & TABLES.keys() for fault in _misfits(TABLES[name], stored[name])]
    if faults:
        raise WarehouseSchemaError(
            f"DUCKDB_PATH holds tables that do not fit their declaration: {'; '.join(sorted(faults)[:5])}. It was not changed. "
            "Set DUCKDB_PATH to a new file; `darkpool rebuild FROM TO` makes the tables again from the sources."
        )
    return stored


def _misfits(table: Table, stored: Mapping[str, str]) -> list[str]:
    declared = {column.name: column for column in table.columns}
    return [
        *(
            f"{name} is {stored[name]}, not {column.definition}"
            for name, column in declared.items()
            if stored.get(name, column.definition) != column.definition
        ),
        *(f"{name} is unknown" for name in stored if name not in declared),
        *(f"{name} is absent and required" for name, column in declared.items() if name not in stored and column.required),
    ]
