"""PostgreSQL over asyncpg: one round trip per statement, on a connection of our own pool.

1. Take a connection; nothing is reset or pinged, because every session is read-only, in UTC and in autocommit.
2. Run the statement, prepared once per connection, for at most the rows of one chunk. Where there are more, run it
   again through a cursor, so that memory stays bounded whatever the rows weigh; large statements are remembered.
3. At the deadline, or when the caller goes away, the server is told to cancel, and the connection recovers in place.
4. A statement that met a broken connection runs once more on a fresh one: reading twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from resolvers.backends.backend import Bounds, Deadline, TableInfo
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.places import Places
from resolvers.backends.pool import Pool, Unavailable
from resolvers.backends.postgres_describe import describe
from resolvers.backends.postgres_dialect import PostgresDialect, spelt_for
from resolvers.backends.reading import CHUNK, Reader, Row, within
from resolvers.backends.stream import ArrowStream
from schema.catalog import Source

if TYPE_CHECKING:
    from resolvers.backends.postgres_stream import PostgresStreams

_BROKEN = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
)
_RECORD = asyncpg.Record
_LARGE = 1000
_KNOWN = 5000
_COLLATIONS = """
SELECT d.datcollate IN ('C', 'POSIX') AND coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c' AND NOT EXISTS (
  SELECT FROM pg_attribute WHERE attrelid >= 16384 AND attcollation NOT IN (0, 100, 950, 951)) AS binary,
  EXISTS (SELECT FROM pg_collation WHERE collname = 'pg_c_utf8' AND collencoding = d.encoding) AS folding
FROM pg_database AS d WHERE d.datname = current_database()"""

_ACTS = 0.1
"""Seconds within which a cancel request ends a statement, unless it was lost."""


class Postgres:
    """Options: ``pool_size`` (10), ``connect_timeout`` (5 s), ``statement_timeout`` (60 s: the server's own last word),
    ``statement_cache_size`` (1000 per connection; 0 behind a pooler in transaction mode), ``streams`` (4: streams at
    once, each with a connection beside the pool)."""

    def __init__(self, source: Source, url: str) -> None:
        self.name = source.name
        self.dialect: Dialect = PostgresDialect()
        self._collations = (False, True)
        self._url = url
        self._connect_timeout = float(str(source.options.get("connect_timeout", 5)))
        self._settings = {
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
            "IntervalStyle": "iso_8601",
            "extra_float_digits": "1",
            "default_transaction_read_only": "on",
            "statement_timeout": str(int(float(str(source.options.get("statement_timeout", 60))) * 1000)),
        }
        self._cache = int(str(source.options.get("statement_cache_size", 1000)))
        self._pool: Pool[asyncpg.Connection] = Pool(
            int(str(source.options.get("pool_size", 10))), self._connect, _recover
        )
        streams = int(str(source.options.get("streams", 4)))
        self._stream_count = streams
        self._streams: PostgresStreams | None = None
        self._large: dict[str, None] = {}
        self._spelt: dict[str, str] = {}

    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[Row]:
        again = False
        while True:
            connection = self._pool.idle() or await self._take(deadline)
            try:
                rows = await self._read(connection, statement, values, deadline, bounds)
            except BaseException as error:  # noqa: BLE001 - every one is raised again, as what the caller may know
                told = self._failed(connection, error)
                if not isinstance(told, _BROKEN):
                    raise told from None
                if again:
                    raise down(self.name, told) from None
                again = True  # broken since its last use; the second attempt has a fresh connection or none
                continue
            self._pool.give(connection)
            return rows

    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        if self._streams is None:
            from resolvers.backends.postgres_stream import PostgresStreams  # imported here because it imports Arrow

            patience, settings = self._connect_timeout, self._settings
            self._streams = PostgresStreams(self.name, self._url, self._stream_count, patience, settings, _COLLATIONS)
        return await self._streams.stream(statement, values, deadline)

    def _failed(self, connection: asyncpg.Connection, error: BaseException) -> BaseException:
        """Where the connection goes, and what the caller is told."""
        if isinstance(error, TimeoutError | asyncio.CancelledError):
            self._pool.give_up(connection)
            return timed_out(self.name) if isinstance(error, TimeoutError) else error
        if isinstance(error, _BROKEN) and not isinstance(error, asyncpg.QueryCanceledError | ValueError):
            self._pool.drop(connection)
            return error
        self._pool.give(connection)
        if isinstance(error, asyncpg.QueryCanceledError):
            return timed_out(self.name, error)
        # A ValueError: asyncpg cannot encode a value. One of its interface errors, but not one of the connection.
        return failed(self.name, error) if isinstance(error, asyncpg.PostgresError | ValueError) else error

    async def _take(self, deadline: Deadline, insist: bool = False) -> asyncpg.Connection:
        try:
            return await self._pool.take(deadline, insist)
        except Unavailable:
            raise down(self.name) from None
        except TimeoutError as error:
            raise timed_out(self.name, error) if self._pool.open else down(self.name, error) from None
        except (*_BROKEN, asyncpg.PostgresError) as error:
            raise down(self.name, error) from None

    async def _read(
        self,
        connection: asyncpg.Connection,
        statement: Statement,
        values: Sequence[object],
        deadline: Deadline,
        bounds: Bounds,
    ) -> list[Row]:
        text = self._text(statement)
        if statement.raw and text not in self._large:
            rows = await _ask(connection, text, values, min(CHUNK, bounds.rows + 1), deadline.left() or 0.001)
            if len(rows) < CHUNK:
                within(rows, bounds)
                return rows
            self._remember(text)
        parsed = frozenset[int]() if statement.raw else await _json_columns(connection, text, deadline.left() or 0.001)
        reader = Reader(statement, bounds, parsed)
        if text not in self._large:
            rows = await _ask(connection, text, values, reader.most(), deadline.left() or 0.001)
            if len(rows) < CHUNK:
                reader.add(rows)
                return reader.rows
            self._remember(text)
        async with asyncio.timeout(deadline.left()), connection.transaction(readonly=True):
            cursor = await connection.cursor(text, *values)
            while rows := await cursor.fetch(reader.most()):
                reader.add(rows)
        return reader.rows

    def _remember(self, text: str) -> None:
        self._large[text] = None
        while len(self._large) > _LARGE:
            del self._large[next(iter(self._large))]

    async def describe(self) -> list[TableInfo]:
        deadline = Deadline.after(30)
        connection = await self._take(deadline)
        try:
            return await describe(connection)
        finally:
            self._pool.give_up(connection)

    async def check(self) -> None:
        """A pool that is full is passed by: by a connection of its own, which is closed again."""
        if self._pool.places().full:
            await self._check_beside()
            return
        connection = await self._take(Deadline.after(self._connect_timeout), insist=True)
        try:
            await connection.fetchval("SELECT 1", timeout=self._connect_timeout)
        except (TimeoutError, *_BROKEN, asyncpg.PostgresError) as error:
            self._pool.drop(connection)
            raise down(self.name, error) from None
        self._pool.give(connection)

    async def _check_beside(self) -> None:
        try:
            connection = await asyncpg.connect(self._url, timeout=self._connect_timeout)
        except asyncpg.TooManyConnectionsError:
            return  # it answers
        except (TimeoutError, *_BROKEN, asyncpg.PostgresError) as error:
            raise down(self.name, error) from None
        with suppress(TimeoutError, *_BROKEN):
            await connection.close(timeout=self._connect_timeout)

    def places(self) -> list[Places]:
        streams = Places("streams", 0, self._stream_count, 0, 0) if self._streams is None else self._streams.places()
        return [self._pool.places(), streams]

    async def close(self) -> None:
        if self._streams is not None:
            await self._streams.close()
        await self._pool.close()

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url,
            timeout=self._connect_timeout,
            statement_cache_size=self._cache,
            max_cached_statement_lifetime=0,
            server_settings={"application_name": "customhouse", **self._settings},
        )
        try:
            binary, folding = await connection.fetchrow(_COLLATIONS, timeout=self._connect_timeout)
        except BaseException:
            connection.terminate()
            raise
        if (binary, folding) != self._collations:
            self._collations = (binary, folding)
            self._spelt.clear()
        return connection

    def _text(self, statement: Statement) -> str:
        """The statement as this database needs it, known once it has been connected to."""
        if self._collations == (False, True):
            return statement.text
        found = self._spelt.get(statement.text)
        if found is None:
            if len(self._spelt) >= _KNOWN:
                self._spelt.clear()
            found = self._spelt[statement.text] = spelt_for(statement.text, *self._collations)
        return found


async def _ask(
    connection: asyncpg.Connection, text: str, values: Sequence[object], most: int, seconds: float
) -> list[Row]:
    """fetch() with a limit, as fetchrow() has it: the server stops there and no transaction is needed.

    The statement is prepared once per connection; asking for it takes asyncpg's own look-up and bind, and leaves out
    the layers between, which cost as much as a look-up by key.
    """
    state = connection._stmt_cache.get((text, _RECORD, False)) or await connection._get_statement(text, seconds)
    try:
        rows: list[Row] = await connection._protocol.bind_execute(state, values, "", most, False, seconds)
        return rows
    except (asyncpg.InvalidCachedStatementError, asyncpg.exceptions.OutdatedSchemaCacheError):
        pass  # the table was altered: asyncpg knows how to prepare anew
    again: list[Row] = await connection._execute(text, values, most, seconds)
    return again


async def _json_columns(connection: asyncpg.Connection, text: str, seconds: float) -> frozenset[int]:
    """The columns that the driver gives as JSON text."""
    prepared = await connection.prepare(text, timeout=seconds)
    return frozenset(at for at, column in enumerate(prepared.get_attributes()) if column.type.name in ("json", "jsonb"))


async def _recover(connection: asyncpg.Connection) -> None:
    """Prove a connection usable after a cancelled statement. The server passes over a cancel request that arrives
    between two messages of one statement, about one in a thousand: so it is sent again until the statement ends.
    Raises `ConnectionError` then: a request too many must not meet the next statement."""
    proof = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    try:
        ended, _ = await asyncio.wait({proof}, timeout=_ACTS)
        if ended:
            await proof
            return
        while not ended:
            await connection._cancel(asyncio.get_running_loop().create_future())
            ended, _ = await asyncio.wait({proof}, timeout=_ACTS)
        raise ConnectionError("a cancel request had to be sent again")
    finally:
        proof.cancel()
        await asyncio.gather(proof, return_exceptions=True)
