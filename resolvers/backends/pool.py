"""Pool: a bounded stack of connections, the last one back is the first one out.

1. Take an idle connection, else open one while there is room, else wait in line until the deadline.
2. Give it back directly to whoever waits longest. A broken one is dropped, its place is free.
3. A connection whose statement was cancelled keeps its place until it has recovered, so the server never sees more than
   ``size`` statements of ours.
4. While nothing answers, attempts to connect are spaced out: 0.1 s, 0.2 s .. 8 s; in between the answer is immediate.

A waiter that is cancelled at the moment it is handed a connection passes it on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from resolvers.backends.backend import Deadline
from resolvers.backends.places import Places

_FIRST, _LONGEST = 0.1, 8.0


class Closable(Protocol):
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...
    async def close(self, *, timeout: float) -> None: ...


C = TypeVar("C", bound=Closable)


class Unavailable(Exception):
    """No connection, and no attempt at one before the pause is over."""


class Pool(Generic[C]):
    """``connect`` opens a connection; ``recover`` proves one usable again after a cancelled statement."""

    def __init__(
        self,
        size: int,
        connect: Callable[[], Awaitable[C]],
        recover: Callable[[C], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size, self._connect, self._recover, self._clock = size, connect, recover, clock
        self._idle: list[C] = []
        self._waiting: deque[asyncio.Future[C | None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause, self._again_at = 0.0, 0.0
        self._closed = False
        self._drained = asyncio.Event()
        self.open = 0
        """Connections that exist or are being made."""

    def idle(self) -> C | None:
        """The connection that came back last, if one is idle."""
        while self._idle and not self._closed:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._gone()
        return None

    async def take(self, deadline: Deadline, insist: bool = False) -> C:
        """A connection. ``insist`` connects even during a pause. Raises TimeoutError at the deadline, `Unavailable`
        during a pause, and whatever ``connect`` raises."""
        while True:
            if self._closed:
                raise Unavailable("the pool is closed")
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._gone()
            if self.open < self._size:
                return await self._new(deadline, insist)
            if (handed := await self._wait(deadline)) is not None:
                return handed

    async def _new(self, deadline: Deadline, insist: bool) -> C:
        if self._clock() < self._again_at and not insist:
            raise Unavailable("waiting before the next attempt")
        self.open += 1
        try:
            async with asyncio.timeout(deadline.left()):
                connection = await self._connect()
        except BaseException as error:
            if isinstance(error, Exception):
                self._pause = min(_LONGEST, self._pause * 2 or _FIRST)
                self._again_at = self._clock() + self._pause * random.uniform(0.75, 1.0)
            self._gone()
            raise
        self._pause, self._again_at = 0.0, 0.0
        return connection

    async def _wait(self, deadline: Deadline) -> C | None:
        """A connection handed over, or None where there is room to open one."""
        loop = asyncio.get_running_loop()
        place: asyncio.Future[C | None] = loop.create_future()
        self._waiting.append(place)
        timer = loop.call_later(deadline.left(), _late, place)
        try:
            return await place
        except BaseException:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._pass_on(place.result())
            else:
                with suppress(ValueError):
                    self._waiting.remove(place)
            raise
        finally:
            timer.cancel()

    def give(self, connection: C) -> None:
        """Back from a statement that ended."""
        if connection.is_closed() or self._closed:
            connection.terminate()
            self._gone()
        else:
            self._pass_on(connection)

    def give_up(self, connection: C) -> None:
        """Back from a statement that was cancelled: it recovers in the background, in its place."""
        task = asyncio.get_running_loop().create_task(self._recovered(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recovered(self, connection: C) -> None:
        try:
            async with asyncio.timeout(5):
                await self._recover(connection)
        except Exception:  # noqa: BLE001 - a connection that does not recover, for whatever reason, is replaced
            connection.terminate()
        self.give(connection)

    def drop(self, connection: C) -> None:
        """It is broken: the idle ones most likely are too, so they are closed and their places are free."""
        for stale in [connection, *self._idle]:
            stale.terminate()
        broken = 1 + len(self._idle)
        self._idle.clear()
        for _ in range(broken):
            self._gone()

    def _pass_on(self, connection: C | None) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)

    def _gone(self) -> None:
        self.open -= 1
        if self.open == 0:
            self._drained.set()
        self._pass_on(None)

    def places(self) -> Places:
        """Those that connect or recover count as used."""
        idle = len(self._idle)
        return Places("connections", self.open - idle, self._size, len(self._waiting), idle)

    async def close(self, patience: float = 10.0) -> None:
        """Refuse new statements, let running ones end, then close everything."""
        self._closed = True
        while self._waiting:
            self._pass_on(None)
        self._drained.clear()
        for connection in self._idle:
            with suppress(Exception):
                await connection.close(timeout=2)
            self.open -= 1
        self._idle.clear()
        if self.open:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._drained.wait()
        for task in list(self._tasks):
            task.cancel()


def _late(place: asyncio.Future[C | None]) -> None:
    """End a wait in line: a sixth of what asyncio.timeout costs."""
    if not place.done():
        place.set_exception(TimeoutError())
