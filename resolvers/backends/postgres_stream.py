"""PostgreSQL's rows as a stream, over ADBC: the driver turns the server's binary rows into Arrow outside of Python.

1. Take a session: read-only, in UTC, set as those of `postgres` are. One statement of it is a server-side cursor in a
   read-only transaction, because only a cursor takes binds and is read a part at a time (the driver's COPY takes none,
   and a statement with binds it would read as a whole).
2. Fetch a part when the last one has been taken.
3. A session that ended well serves the next stream. One that failed or was stopped is closed: a cancel request that is
   still on its way finds nobody. One that broke while idle is replaced, once.

Why ADBC: 100,000 rows of 9 columns took 0.15 s through it (its COPY: 0.10 to 0.16 s), 0.63 to 0.94 s through asyncpg's
cursor and pyarrow. What it costs: the driver gives numerics as text, some types as bytes or as what they are not
(`arrow_types`), and the server plans no parallel work for a cursor.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa
from adbc_driver_manager import dbapi
from adbc_driver_postgresql import dbapi as postgres  # type: ignore[import-untyped]

from resolvers.backends.arrow_types import Normal
from resolvers.backends.backend import Deadline
from resolvers.backends.dialect import Statement
from resolvers.backends.failures import down, failed, timed_out, unfit
from resolvers.backends.places import Places
from resolvers.backends.postgres_dialect import spelt_for
from resolvers.backends.stream import ArrowStream
from resolvers.backends.streams import Feed, Pace, Streams
from schema.errors import Refusal
from schema.query import Slot
from schema.types import Kind

_IN_PARTS = {"adbc.postgresql.use_copy": "false"}
_BINDS = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.BIGINT: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BYTES: pa.binary(),
}


_MISFITS = {
    "42803": "a column stands outside of GROUP BY and of aggregates",
    "42804": "values of these types do not go together",
    "42846": "a value of this type is not cast to that one",
    "42883": "a function or operator does not take these types",
    "42P10": "DISTINCT ON or ORDER BY does not fit the select list",
    "42P18": "the type of a value cannot be told",
    "42P20": "a window function stands where none may",
    "0A000": "it has no such form",
}
"""What PostgreSQL says before it looks at a row, by SQLSTATE; tables and rights that are missing are no misfits."""


class _Down(Exception):
    """No session could be had."""


class PostgresStreams:
    """``settings`` are what every session is set to; ``collations`` is the query that says how statements are spelt."""

    def __init__(
        self, name: str, url: str, count: int, connect_timeout: float, settings: dict[str, str], collations: str
    ) -> None:
        self._name, self._count, self._collations = name, count, collations
        self._url = _asking(url, connect_timeout)
        self._settings = {**settings, "application_name": "customhouse-stream", "cursor_tuple_fraction": "1"}
        self._lock = threading.Lock()
        self._idle: list[_Session] = []
        self._streams = Streams(name, count, self._told)

    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        def work(feed: Feed) -> None:
            session = self._begun(statement, values, feed)
            try:
                session.read(feed)
                feed.finished()
                session.run("COMMIT")
            except BaseException:
                feed.finished()
                session.close()
                raise
            with self._lock:
                self._idle.append(session)

        return await self._streams.stream(work, deadline)

    def places(self) -> Places:
        return self._streams.places()._replace(idle=len(self._idle))

    async def close(self) -> None:
        await self._streams.close()
        while self._idle:
            self._idle.pop().close()

    def _begun(self, statement: Statement, values: Sequence[object], feed: Feed) -> _Session:
        """A session in which the statement's cursor is open."""
        while True:
            with self._lock:
                session = self._idle.pop() if self._idle else None
            used = session is not None
            session = session or self._connected()
            try:
                feed.running(session.cancel)
                session.begin(statement, values)
                return session
            except BaseException as error:
                feed.finished()
                session.close()
                if not used or not _broke(error) or feed.stopped:
                    raise
            self._drop_idle()

    def _connected(self) -> _Session:
        try:
            return _Session(self._url, self._settings, self._collations)
        except dbapi.Error as error:
            raise _Down from error

    def _drop_idle(self) -> None:
        """One was broken, so most likely they all are."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def _told(self, error: Exception) -> Refusal:
        if isinstance(error, _Down):
            return down(self._name, error.__cause__)
        if _broke(error):
            return down(self._name, error)
        if isinstance(error, dbapi.Error) and error.sqlstate == "57014":
            return timed_out(self._name, error)
        why = _MISFITS.get(error.sqlstate or "") if isinstance(error, dbapi.Error) else None
        return failed(self._name, error) if why is None else unfit(self._name, error, why)


class _Session:
    """One connection. Raises dbapi.Error."""

    def __init__(self, url: str, settings: dict[str, str], collations: str) -> None:
        self._connection = postgres.connect(url, autocommit=True)
        try:
            names = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
            self.run(f"SELECT {names}")
            found = self.run(collations)
            self._spelling = found.column(0)[0].as_py(), found.column(1)[0].as_py()
        except BaseException:
            self.close()
            raise

    def run(self, text: str, binds: pa.RecordBatch | None = None) -> pa.Table:
        with closing(self._connection.cursor(adbc_stmt_kwargs=_IN_PARTS)) as cursor:
            cursor.execute(text, binds)
            return cursor.fetch_record_batch().read_all()

    def begin(self, statement: Statement, values: Sequence[object]) -> None:
        self.run("BEGIN READ ONLY")
        text = spelt_for(statement.text, *self._spelling)
        self.run(f"DECLARE ch NO SCROLL CURSOR FOR {text}", _bound(statement.params, values))

    def read(self, feed: Feed) -> None:
        normal: Normal | None = None
        pace = Pace()
        while True:
            rows = self.run(f"FETCH FORWARD {pace.rows} FROM ch")
            if normal is None:
                normal = Normal(rows.schema)
                feed.columns(normal.schema)
            if rows.num_rows == 0:
                return
            asked, given = pace.rows, rows.num_rows
            for batch in rows.to_batches():
                made = normal.batch(batch)
                pace.had(made)
                feed.give(made)
            if given < asked:
                return

    def cancel(self) -> None:
        self._connection.adbc_cancel()

    def close(self) -> None:
        with suppress(dbapi.Error):
            self._connection.close()


def _bound(slots: Sequence[Slot], values: Sequence[object]) -> pa.RecordBatch | None:
    """The one row of binds, each of the type that its cast in the statement reads (`PostgresDialect`)."""
    if not slots:
        return None
    types = [_BINDS.get(slot.type.kind, pa.string()) for slot in slots]
    typed = [pa.list_(type_) if slot.many else type_ for slot, type_ in zip(slots, types, strict=True)]
    columns = [pa.array([value], type_) for value, type_ in zip(values, typed, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=[f"p{at}" for at in range(len(slots))])


def _broke(error: BaseException) -> bool:
    """The connection is gone, or the server is about to be."""
    if not isinstance(error, dbapi.Error):
        return False
    state = error.sqlstate
    return isinstance(error, dbapi.OperationalError) if state is None else state[:2] == "08" or state[:4] == "57P0"


def _asking(url: str, timeout: float) -> str:
    """The URL with the time that connecting may take, in whole seconds, of which libpq knows no fewer than two."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=urlencode({"connect_timeout": str(max(2, round(timeout))), **given})))
