"""Threads: synchronous drivers behind a bounded pool, with deadlines and with cancellation that reaches the engine.

A job that the caller no longer waits for is stopped through its own hook, again and again until its thread has come
back, because an interrupt that arrives just before the engine begins is lost. The hook is only ever called while its
own statement may be running, so it cannot hit the next one on the same connection.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from resolvers.backends.backend import Deadline
from resolvers.backends.places import Places, Pool, taken

T = TypeVar("T")
Stop = Callable[[], None]
_AGAIN = 0.05


class Stopped(Exception):
    """The job was given up before it began, or between two of its steps."""


class Job:
    """One statement on its way through a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hook: Stop | None = None
        self.stopped = False

    def running(self, hook: Stop) -> None:
        """From now on the statement can be stopped by ``hook``. Raises `Stopped` where that is already wanted."""
        with self._lock:
            if self.stopped:
                raise Stopped
            self._hook = hook

    def finished(self) -> None:
        """The connection is about to serve somebody else."""
        with self._lock:
            self._hook = None

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            if self._hook is not None:
                self._hook()


class Threads:
    """A bounded pool of threads. Jobs wait in line; a job whose deadline passes there never runs."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"source-{name}")
        self._stopping: set[asyncio.Task[None]] = set()
        self._most, self._jobs = count, 0

    async def run(self, work: Callable[[Job], T], deadline: Deadline) -> T:
        """The result of ``work``. Raises TimeoutError at the deadline and CancelledError where the task is cancelled,
        both without waiting for the engine to come back."""
        if deadline.left() == 0:
            raise TimeoutError
        loop, job = asyncio.get_running_loop(), Job()
        # Who waits is woken by the end or by the clock: asyncio.timeout and asyncio.shield cost six times as much.
        waiter: asyncio.Future[None] = loop.create_future()
        future = self._pool.submit(self._work, work, job)
        awaited = asyncio.wrap_future(future, loop=loop)
        self._jobs += 1

        def ended(done: asyncio.Future[T]) -> None:
            self._jobs -= 1  # also of one that nobody waits for: its thread has come back, or it never had one
            _wake(waiter)
            # Where nobody waits any more, how it ended is of no interest, and nothing for asyncio to log.
            _ = done.cancelled() or done.exception()

        awaited.add_done_callback(ended)
        timer = loop.call_later(deadline.left(), _wake, waiter)
        try:
            await waiter
            if awaited.done():
                return awaited.result()
            raise TimeoutError
        except (TimeoutError, asyncio.CancelledError):
            if not awaited.done() and not future.cancel():
                self._give_up(job, future)
            raise
        finally:
            timer.cancel()

    @staticmethod
    def _work(work: Callable[[Job], T], job: Job) -> T:
        try:
            return work(job)
        finally:
            job.finished()

    def _give_up(self, job: Job, future: Future[T]) -> None:
        task = asyncio.get_running_loop().create_task(self._stop(job, future))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, job: Job, future: Future[T]) -> None:
        while not future.done():
            # In a thread of its own: a hook may talk to the engine. What it raises must not end the loop.
            with suppress(Exception):
                await asyncio.to_thread(job.stop)
            await asyncio.sleep(_AGAIN)
        with suppress(BaseException):
            future.exception()

    def places(self, pool: Pool = "threads") -> Places:
        """A job that was given up has its thread until that has come back."""
        return taken(pool, self._jobs, self._most)

    def submit(self, work: Callable[[], None]) -> None:
        """Do something behind all jobs, with nobody waiting. Raises RuntimeError where the pool has been left."""
        self._pool.submit(work)

    def leave(self) -> None:
        """Take no more jobs; those that are here end, and nobody waits for that."""
        self._pool.shutdown(wait=False)

    async def close(self) -> None:
        """Let running jobs end, drop waiting ones."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=5)
        await asyncio.to_thread(self._pool.shutdown, wait=True)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
