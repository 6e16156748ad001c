"""Streams: what a synchronous driver reads in a thread of a small pool, batch by batch, iterated in the event loop.

1. A stream holds one thread and one connection from its start to its end. One that finds none waits in line until its
   deadline.
2. The thread reads the next batch when the last one has been taken. With the one that the reader works on, two are
   held, and an engine whose reader is slow waits.
3. At the deadline, when the stream is closed, or when the task that iterates it is cancelled, the statement is stopped
   at the engine (`threads`), and the thread then closes what it opened.

Does not promise: that the thread is back when ``aclose`` returns. `Streams.close` waits for that.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import timed_out
from resolvers.backends.places import Places
from resolvers.backends.threads import Job, Stop, Stopped, Threads
from schema.errors import Refusal

if TYPE_CHECKING:
    import pyarrow as pa

Told = Callable[[Exception], Refusal]
"""What the caller is told of a driver's error; the log hears the rest."""
ROWS = 16_384
"""The most rows of a batch."""
_FIRST = 1_000
_BYTES = 2 << 20


class Pace:
    """How many rows to ask for next: few at first, then as many as make a batch of some megabytes."""

    def __init__(self) -> None:
        self.rows = _FIRST

    def had(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self.rows = max(1, min(ROWS, self.rows * 8, _BYTES * batch.num_rows // max(1, batch.nbytes)))


class Feed:
    """The thread's end of a stream: first `columns`, then `give` for each batch. Every call may raise `Stopped`."""

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop, stream: ThreadStream) -> None:
        self._job, self._loop, self._stream = job, loop, stream
        self._taken = threading.Semaphore(0)
        self.given = False

    def running(self, stop: Stop) -> None:
        """From now on ``stop`` stops the statement, from another thread."""

        def both() -> None:
            self._taken.release()
            stop()

        self._job.running(both)

    def finished(self) -> None:
        """The statement is over, and nothing may be stopped any more."""
        self._job.finished()

    @property
    def stopped(self) -> bool:
        return self._job.stopped

    def columns(self, schema: pa.Schema) -> None:
        self._tell(self._stream.knows, schema)
        self.given = True

    def give(self, batch: pa.RecordBatch) -> None:
        """Hand a batch over and wait until it has been taken. One without rows is left out."""
        if batch.num_rows == 0:
            return
        self._tell(self._stream.has, batch, self._taken.release)
        self._taken.acquire()
        if self._job.stopped:
            raise Stopped

    def _tell(self, what: Callable[..., None], *args: object) -> None:
        if self._job.stopped or self._loop.is_closed():
            raise Stopped
        self._loop.call_soon_threadsafe(what, *args)


Work = Callable[[Feed], None]


class ThreadStream:
    """The loop's end of a stream (`ArrowStream`)."""

    schema: pa.Schema

    def __init__(self, name: str, told: Told) -> None:
        self._name, self._told = name, told
        self._waiting: deque[tuple[pa.RecordBatch, Callable[[], None]]] = deque()
        self._news = asyncio.Event()
        self._known = False
        self._closed = False
        self._task: asyncio.Task[None]

    async def start(self, threads: Threads, work: Work, deadline: Deadline) -> None:
        """Return once the columns are known."""
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(threads, lambda job: work(Feed(job, loop, self)), deadline))
        self._task.add_done_callback(self._ended)
        try:
            while not self._known:
                if self._task.done():
                    self._task.result()
                    raise self._told(ValueError("a statement without columns"))
                await self._heard()
        except BaseException:
            self._task.cancel()
            raise

    async def _run(self, threads: Threads, work: Callable[[Job], None], deadline: Deadline) -> None:
        try:
            await threads.run(work, deadline)
        except (TimeoutError, Stopped):
            raise timed_out(self._name) from None
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, nothing of it may reach a caller
            raise self._told(error) from None

    def knows(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._known = True
        self._news.set()

    def has(self, batch: pa.RecordBatch, taken: Callable[[], None]) -> None:
        self._waiting.append((batch, taken))
        self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._news.set()
        # Where nobody iterates any more, how it ended is of no interest, and nothing for asyncio to log.
        _ = task.cancelled() or task.exception()

    async def _heard(self) -> None:
        self._news.clear()
        await self._news.wait()

    @property
    def done(self) -> bool:
        return self._task.done()

    def __aiter__(self) -> ThreadStream:
        return self

    async def __anext__(self) -> pa.RecordBatch:
        try:
            while not self._closed:
                if self._waiting:
                    batch, taken = self._waiting.popleft()
                    taken()
                    return batch
                if self._task.done():
                    self._task.result()
                    break
                await self._heard()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._news.set()
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])


class Streams:
    """``count`` streams at once over one source."""

    def __init__(self, name: str, count: int, told: Told) -> None:
        self._name, self._told = name, told
        self._threads = Threads(f"{name}-stream", count)
        self._open: set[ThreadStream] = set()

    async def stream(self, work: Work, deadline: Deadline) -> ThreadStream:
        """Started, with its columns known. Raises `Refusal` as ``told`` says, and CH503."""
        made = ThreadStream(self._name, self._told)
        self._open = {known for known in self._open if not known.done} | {made}
        await made.start(self._threads, work, deadline)
        return made

    def places(self) -> Places:
        return self._threads.places("streams")

    async def close(self) -> None:
        """Stop what runs and wait for its threads."""
        for stream in self._open:
            await stream.aclose()
        await self._threads.close()
