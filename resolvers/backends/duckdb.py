"""DuckDB: the embedded warehouse. A database file, read-only and locked down; one cursor per thread.

1. Open the file read-only, set what must hold (UTC, no files, no network, no extensions, limits, no statistics), lock
   it, prove it.
2. A statement runs on its thread's own cursor, so that an interrupt hits it and nothing else. A stream has a cursor and
   a thread of its own, beside those of `fetch`.

A file that is not there yet, or is being written, is CH501 until it can be opened. Does not promise: to notice that the
file was replaced while it is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import duckdb

from resolvers.backends.backend import Bounds, Deadline, TableInfo
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.duckdb_describe import describe
from resolvers.backends.duckdb_dialect import DuckDBDialect
from resolvers.backends.duckdb_lock import GLOBAL, LOCKED
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.places import Places
from resolvers.backends.reading import CHUNK, Reader, Row, within
from resolvers.backends.stream import ArrowStream
from resolvers.backends.streams import Feed, Streams
from resolvers.backends.threads import Job, Stopped, Threads
from schema.catalog import Source
from schema.errors import Refusal

_PARSED = 1_000
"""Statements that each thread keeps parsed."""


class DuckDB:
    """Options: ``threads`` (default: the cores), ``memory_limit`` (``1GB``), ``workers`` (statements at once),
    ``streams`` (4: streams at once)."""

    def __init__(self, source: Source, path: Path) -> None:
        cores = os.cpu_count() or 1
        self.name = source.name
        self.dialect: Dialect = DuckDBDialect()
        self._path = path.resolve()
        self._threads_setting = int(str(source.options.get("threads", cores)))
        self._memory = str(source.options.get("memory_limit", "1GB"))
        self._pool = Threads(source.name, int(str(source.options.get("workers", cores))))
        self._streams = Streams(source.name, int(str(source.options.get("streams", 4))), self._told)
        self._opening = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._local = threading.local()

    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[Row]:
        def work(job: Job) -> list[Row]:
            cursor = self._cursor()
            job.running(cursor.interrupt)
            cursor.execute(self._parsed(cursor, statement.text), list(values))
            if statement.raw:
                few = cursor.fetchmany(min(CHUNK, bounds.rows + 1))
                if len(few) < CHUNK:
                    within(few, bounds)
                    return few
                reader = Reader(statement, bounds)
                reader.add(few)
                return self._rest(cursor, job, reader)
            types = cursor.description or []
            reader = Reader(statement, bounds, frozenset(at for at, column in enumerate(types) if column[1] == "JSON"))
            return self._rest(cursor, job, reader)

        try:
            return await self._pool.run(work, deadline)
        except (TimeoutError, Stopped):
            raise timed_out(self.name) from None
        except duckdb.Error as error:
            raise failed(self.name, error) from None

    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        from resolvers.backends.duckdb_stream import read  # imported here because it imports Arrow

        def work(feed: Feed) -> None:
            with self._opened().cursor() as cursor:
                feed.running(cursor.interrupt)
                try:
                    read(cursor, statement.text, values, feed)
                finally:
                    feed.finished()

        return await self._streams.stream(work, deadline)

    def _told(self, error: Exception) -> Refusal:
        from resolvers.backends.duckdb_stream import told  # imported here because it imports Arrow

        return told(self.name, error)

    @staticmethod
    def _rest(cursor: duckdb.DuckDBPyConnection, job: Job, reader: Reader) -> list[Row]:
        while rows := cursor.fetchmany(reader.most()):
            if job.stopped:
                raise Stopped
            reader.add(rows)
        return reader.rows

    def _parsed(self, cursor: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
        """The statement of a text, parsed once in this thread: parsing takes DuckDB longer than a look-up by key."""
        known: dict[str, duckdb.Statement] = self._local.parsed
        found = known.get(text)
        if found is None:
            statements = cursor.extract_statements(text)
            if len(statements) != 1:
                raise duckdb.NotSupportedError("only one statement runs at a time")
            found = statements[0]
            if len(known) >= _PARSED:
                del known[next(iter(known))]
            known[text] = found
        return found

    async def describe(self) -> list[TableInfo]:
        def work(job: Job) -> list[TableInfo]:
            return describe(self._cursor())

        return await self._pool.run(work, Deadline.after(30))

    async def check(self) -> None:
        if self._pool.places().full:
            return

        def work(job: Job) -> None:
            self._cursor().execute("SELECT 1").fetchall()

        try:
            await self._pool.run(work, Deadline.after(5))
        except (TimeoutError, duckdb.Error) as error:
            raise down(self.name, error) from None

    def places(self) -> list[Places]:
        return [self._pool.places(), self._streams.places()]

    async def close(self) -> None:
        await self._streams.close()
        await self._pool.close()
        with self._opening:
            if self._database is not None:
                _release(self._path)
                self._database = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own cursor. Raises `Refusal` CH501 while the file cannot be opened."""
        found: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if found is None:
            found = self._local.cursor = self._opened().cursor()
            self._local.parsed = {}
        return found

    def _opened(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._database is None:
                try:
                    self._database = _shared(self._path, self._threads_setting, self._memory)
                except duckdb.Error as error:
                    raise down(self.name, error) from None
            return self._database


_sharing = threading.Lock()
_databases: dict[Path, tuple[duckdb.DuckDBPyConnection, int]] = {}


def _shared(path: Path, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """The one database of a file in this process, which DuckDB opens only once; the first opener's options hold."""
    with _sharing:
        database, users = _databases.get(path, (None, 0))
        if database is None:
            database = _open(path, threads, memory)
        _databases[path] = (database, users + 1)
        return database


def _release(path: Path) -> None:
    with _sharing:
        database, users = _databases.pop(path)
        if users > 1:
            _databases[path] = (database, users - 1)
        else:
            database.close()


def _open(path: Path, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(str(path), read_only=True)
    try:
        for name, value in GLOBAL.items():
            database.execute(f"SET GLOBAL {name} = '{value}'")
        for name, value in LOCKED.items():
            database.execute(f"SET {name} = {value}")
        database.execute("SET disabled_filesystems = 'LocalFileSystem'")
        database.execute("SET max_temp_directory_size = '0B'")
        database.execute("SET threads = $1", [threads])
        database.execute("SET memory_limit = $1", [memory])
        database.execute("SET lock_configuration = true")
        _prove(database)
    except BaseException:
        database.close()
        raise
    return database


def _prove(database: duckdb.DuckDBPyConnection) -> None:
    """Raises duckdb.Error unless everything holds, for cursors too, and can no longer be changed."""
    wanted = {**LOCKED, **GLOBAL, "lock_configuration": "true"}
    del wanted["python_enable_replacements"]
    rows = database.cursor().execute("SELECT name, value FROM duckdb_settings()").fetchall()
    held = {str(name): str(value) for name, value in rows}
    loose = sorted(name for name, value in wanted.items() if held.get(name) != value)
    if loose:
        raise duckdb.OperationalError(f"the lockdown does not hold: {', '.join(loose)}")
    for forbidden in ("SET enable_external_access = true", "SELECT * FROM read_text('*')"):
        try:
            database.execute(forbidden).fetchall()
        except (duckdb.InvalidInputException, duckdb.PermissionException):
            continue
        raise duckdb.OperationalError("the lockdown does not hold: something forbidden ran")
