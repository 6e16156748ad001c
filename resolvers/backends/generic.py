"""Any engine that SQLAlchemy can reach, through its synchronous driver in a bounded pool of threads.

1. Take a connection in autocommit; nothing is reset or pinged. Spell the statement's marks for the driver.
2. A connection that turns out to be broken is replaced and the statement runs once more.
3. At the deadline, or when the caller goes away, the engine's own way to stop a statement is used (`engine_ways`).

Proven on SQLite and MariaDB; another engine needs a dialect and, to be stopped, a way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine, exc

from resolvers.backends.backend import Bounds, Deadline, TableInfo
from resolvers.backends.binding import expand
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.engine_ways import Ways
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.places import Places
from resolvers.backends.reading import Reader, Row
from resolvers.backends.reflect import reflect
from resolvers.backends.stream import ArrowStream
from resolvers.backends.streams import Feed, Pace, Streams
from resolvers.backends.threads import Job, Stopped, Threads
from schema.catalog import Source
from schema.errors import Refusal

_T = TypeVar("_T")
_Parameters = dict[str, object] | tuple[object, ...] | None
_FIRST, _LONGEST = 0.1, 8.0


class _Down(Exception):
    """The engine cannot be reached."""


class Generic:
    """Options: ``pool_size`` (5), ``streams`` (4: streams at once, each with a connection beside those), and what
    `engine_ways` reads."""

    def __init__(self, source: Source, ways: Ways) -> None:
        size = int(str(source.options.get("pool_size", 5)))
        self.name = source.name
        self.dialect: Dialect = ways.dialect
        self._ways = ways
        streams = int(str(source.options.get("streams", 4)))
        self._engine: Engine = ways.engine(size + streams)
        self._streams = Streams(source.name, streams, self._told)
        self._pool = Threads(source.name, size)
        self._lock = threading.Lock()
        self._pause, self._again_at = 0.0, 0.0

    def _expanded(self, statement: Statement, values: Sequence[object]) -> tuple[str, _Parameters]:
        adapted = [self._ways.adapt(slot, value) for slot, value in zip(statement.params, values, strict=True)]
        expanded = expand(statement, adapted, self._engine.dialect.paramstyle)
        return expanded.text, expanded.named or expanded.positional or None

    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[Row]:
        text, parameters = self._expanded(statement, values)

        def work(job: Job) -> list[Row]:
            for last in (False, True):
                with self._connected() as connection:
                    job.running(self._ways.stop(connection))
                    try:
                        reader = Reader(statement, bounds)
                        result = connection.exec_driver_sql(self._ways.spelt(text), parameters)
                        while rows := result.fetchmany(reader.most()):
                            if job.stopped:
                                raise Stopped
                            reader.add([tuple(row) for row in rows])
                        return reader.rows
                    except exc.DBAPIError as error:
                        if last or job.stopped or not error.connection_invalidated:
                            raise
                    finally:
                        job.finished()
            raise _Down

        return await self._asked(work, deadline)

    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:

        text, parameters = self._expanded(statement, values)

        def work(feed: Feed) -> None:
            for last in (False, True):
                with self._connected() as connection:
                    feed.running(self._ways.stop(connection))
                    try:
                        self._read(connection, text, parameters, feed)
                        return
                    except exc.DBAPIError as error:
                        if last or feed.given or feed.stopped or not error.connection_invalidated:
                            raise
                    except BaseException:
                        # Rows that nobody reads would have to be read before the connection serves somebody else.
                        if not connection.invalidated:
                            self._ways.abandon(connection)
                        connection.invalidate()
                        raise
                    finally:
                        feed.finished()
            raise _Down

        return await self._streams.stream(work, deadline)

    def _read(self, connection: Connection, text: str, parameters: _Parameters, feed: Feed) -> None:
        from resolvers.backends.arrow_rows import Table  # imported here because it imports Arrow

        pace = Pace()
        streaming = connection.execution_options(stream_results=True, max_row_buffer=1)
        result = streaming.exec_driver_sql(self._ways.spelt(text), parameters)
        described = result.cursor.description if result.cursor is not None else None
        if not described:
            raise ValueError("a statement without columns")
        rows = result.fetchmany(pace.rows)
        table = Table([column[0] for column in described], [self._ways.declared(column) for column in described], rows)
        feed.columns(table.schema)
        while rows:
            batch = table.batch(rows)
            pace.had(batch)
            feed.give(batch)
            rows = result.fetchmany(pace.rows)

    async def describe(self) -> list[TableInfo]:
        def work(job: Job) -> list[TableInfo]:
            with self._connected() as connection:
                return reflect(connection)

        return await self._asked(work, Deadline.after(60))

    async def check(self) -> None:
        if self._pool.places().full:
            return

        def work(job: Job) -> None:
            with self._connected(insist=True) as connection:
                connection.exec_driver_sql("SELECT 1").fetchall()

        try:
            await self._pool.run(work, Deadline.after(5))
        except (TimeoutError, _Down, exc.SQLAlchemyError) as error:
            raise down(self.name, _origin(error)) from None

    def places(self) -> list[Places]:
        return [self._pool.places(), self._streams.places()]

    async def close(self) -> None:
        await self._streams.close()
        await self._pool.close()
        self._engine.dispose()

    async def _asked(self, work: Callable[[Job], _T], deadline: Deadline) -> _T:
        try:
            return await self._pool.run(work, deadline)
        except (TimeoutError, Stopped):
            raise timed_out(self.name) from None
        except (_Down, exc.SQLAlchemyError) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> Refusal:
        if isinstance(error, _Down):
            return down(self.name, _origin(error))
        if not isinstance(error, exc.DBAPIError):
            return failed(self.name, error)
        if error.connection_invalidated:
            return down(self.name, error.orig)
        if self._ways.is_timeout(error):
            return timed_out(self.name, error.orig)
        return failed(self.name, error.orig or error)

    def _connected(self, insist: bool = False) -> Connection:
        """A connection of the pool. Raises `_Down`; while down, attempts are spaced out."""
        with self._lock:
            if time.monotonic() < self._again_at and not insist:
                raise _Down
        try:
            connection = self._engine.connect()
        except (exc.SQLAlchemyError, OSError) as error:
            with self._lock:
                self._pause = min(_LONGEST, self._pause * 2 or _FIRST)
                self._again_at = time.monotonic() + self._pause
            raise _Down from error
        self._pause, self._again_at = 0.0, 0.0
        return connection


def _origin(error: BaseException) -> BaseException:
    """The driver's own error, whose text has no statement and no parameters in it."""
    inner = error.__cause__ if isinstance(error, _Down) and error.__cause__ is not None else error
    return inner.orig if isinstance(inner, exc.DBAPIError) and inner.orig is not None else inner
