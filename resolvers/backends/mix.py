"""Mix: one statement over the streams of several sources, in a DuckDB of its own that holds nothing else.

1. Open an empty database in memory, lock it as `duckdb` does, with nothing that could spill to disk.
2. Make a table of each part's columns, then read the parts side by side, each batch into its table before the next one
   is asked for. Rows and bytes are counted before they are copied.
3. Run the statement and stream what it gives. The database goes with its last row, with a failure, or with the stream.

Parts become tables, not views of Arrow: the engine then counts them against its memory limit, and compares with its own
rules, not with those of Arrow's filters. Does not promise: that the parts saw one moment, or a bound on mixes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import duckdb
import pyarrow as pa

from resolvers.backends.backend import Deadline
from resolvers.backends.caps import Caps
from resolvers.backends.dialect import Statement
from resolvers.backends.duckdb_lock import GLOBAL, LOCKED
from resolvers.backends.duckdb_stream import read, told
from resolvers.backends.failures import timed_out
from resolvers.backends.stream import ArrowStream
from resolvers.backends.streams import Feed, ThreadStream
from resolvers.backends.threads import Job, Stopped, Threads
from schema.errors import Refusal

__all__ = ["Caps", "Follow", "Part", "mixed"]

_NAME = "mix"
_HANDED = "~handed"
_THREADS = 2
_MEMORY = "Out of Memory Error"
_SETTINGS = {
    **{name: f"'{value}'" for name, value in GLOBAL.items()},
    # Without a place to spill to, what does not fit into memory is said to be that.
    "temp_directory": "''",
    **LOCKED,
    "disabled_filesystems": "'LocalFileSystem'",
    "max_temp_directory_size": "'0B'",
}

T = TypeVar("T")
NOTHING_FOLLOWS: Mapping[str, Follow] = MappingProxyType({})
Part = ArrowStream | Callable[[], Awaitable[ArrowStream]]
"""A stream, or what opens it: a part that is opened here holds its place at its source no longer than it is read."""


@dataclass(frozen=True, slots=True)
class Follow:
    """A part that depends on others: ``keys`` is asked of the parts that are there, for at most ``most`` rows, and
    ``open`` makes the part of what came; None where there were more."""

    keys: Statement
    values: Sequence[object]
    most: int
    open: Callable[[list[tuple[object, ...]] | None], Awaitable[ArrowStream]]


async def mixed(
    parts: Mapping[str, Part],
    statement: Statement,
    values: Sequence[object],
    deadline: Deadline,
    caps: Caps,
    follow: Mapping[str, Follow] = NOTHING_FOLLOWS,
) -> ArrowStream:
    """The rows of a statement over tables that have the parts' names. The parts are closed in any case. Those that
    ``follow`` come one after the other, when all the others are there.

    Raises `Refusal` CH606 where a cap is passed, whatever a part raises, and what `Backend.stream` raises.
    """
    mix = _Mix(deadline, caps)
    try:
        await mix.run(lambda job: mix.open())
        await mix.gather(parts)
        for name, later in follow.items():
            found = await mix.keys(later)
            await mix.gather({name: partial(later.open, found)})
        return await mix.answer(statement, values)
    except BaseException:
        mix.leave()
        raise
    finally:
        for part in parts.values():
            if not callable(part):
                await part.aclose()


class _Mix:
    """One database, in one thread, from its opening to the last row."""

    def __init__(self, deadline: Deadline, caps: Caps) -> None:
        self._deadline, self._caps = deadline, caps
        self._threads = Threads(_NAME, 1)
        self._database: duckdb.DuckDBPyConnection | None = None
        self._rows, self._bytes = 0, 0

    async def run(self, work: Callable[[Job], T]) -> T:
        try:
            return await self._threads.run(work, self._deadline)
        except (TimeoutError, Stopped):
            raise timed_out(_NAME) from None
        except (duckdb.Error, pa.ArrowException, OSError, ValueError) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> Refusal:
        if isinstance(error, duckdb.OutOfMemoryException) or str(error).startswith(_MEMORY):
            return _over(f"{self._caps.memory} of memory")
        return told(_NAME, error)

    def open(self) -> None:
        self._database = duckdb.connect(":memory:")
        for name, value in _SETTINGS.items():
            self._database.execute(f"SET GLOBAL {name} = {value}")
        self._database.execute("SET threads = $1", [_THREADS])
        self._database.execute("SET memory_limit = $1", [self._caps.memory])
        self._database.execute("SET lock_configuration = true")

    @property
    def database(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            raise Stopped
        return self._database

    async def gather(self, parts: Mapping[str, Part]) -> None:
        """Every part into its table. The first refusal ends all of them."""
        tasks = [asyncio.create_task(self._load(name, part)) for name, part in parts.items()]
        try:
            async with asyncio.timeout(self._deadline.left()):
                await asyncio.gather(*tasks)
        except TimeoutError:
            raise timed_out(_NAME) from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def keys(self, part: Follow) -> list[tuple[object, ...]] | None:
        """The rows of a part's keys; None where there are more than it takes."""

        def work(job: Job) -> list[tuple[object, ...]]:
            cursor = self.database.cursor()  # of its own, since what it does not read must not be waited for
            try:
                job.running(cursor.interrupt)
                return cursor.execute(part.keys.text, list(part.values)).fetchmany(part.most + 1)
            finally:
                job.finished()
                cursor.close()

        found = await self.run(work)
        return found if len(found) <= part.most else None

    async def _load(self, name: str, part: Part) -> None:
        stream = await part() if callable(part) else part
        try:
            quoted = '"' + name.replace('"', '""') + '"'
            empty = pa.RecordBatch.from_pylist([], schema=stream.schema)
            await self.run(self._putting(f"CREATE TABLE {quoted} AS SELECT * FROM ", empty))
            async for batch in stream:
                self._count(batch)
                await self.run(self._putting(f"INSERT INTO {quoted} SELECT * FROM ", batch))
        finally:
            await stream.aclose()

    def _count(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows > self._caps.rows:
            raise _over(f"{self._caps.rows} rows")
        if self._bytes > self._caps.bytes:
            raise _over(f"{self._caps.bytes} bytes")

    def _putting(self, text: str, batch: pa.RecordBatch) -> Callable[[Job], None]:
        def put(job: Job) -> None:
            database = self.database
            job.running(database.interrupt)
            database.register(_HANDED, batch)
            try:
                database.execute(f'{text}"{_HANDED}"')
            finally:
                database.unregister(_HANDED)

        return put

    async def answer(self, statement: Statement, values: Sequence[object]) -> ArrowStream:
        def work(feed: Feed) -> None:
            database = self.database
            try:
                feed.running(database.interrupt)
                read(database, statement.text, values, feed)
            finally:
                feed.finished()
                self._close()

        stream = ThreadStream(_NAME, self._told)
        await stream.start(self._threads, work, self._deadline)
        self._threads.leave()
        return stream

    def leave(self) -> None:
        """Close the database behind what its thread still does, without waiting for that."""
        with suppress(RuntimeError):  # it has been left already
            self._threads.submit(self._close)
        self._threads.leave()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def _over(cap: str) -> Refusal:
    return Refusal(
        "CH606",
        f"To join several sources, more than {cap} would have to be gathered.",
        "Filter each source's rows more narrowly, select fewer columns, or aggregate each side before the join.",
        status=422,
    )
