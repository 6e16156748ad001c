"""Accept connections so that several workers share them, not only the requests on them.

The kernel wakes every worker that waits at one listener, and an event loop then takes all connections that are there:
of a load balancer's sixteen, one worker was seen to get all, for as long as they live. So a worker takes one at a time,
and one with more connections than another leaves the next to that one for a millisecond; then it takes it after all, so
nobody waits for a worker that is busy or stuck. One listener, not one each (SO_REUSEPORT): connections that wait when a
worker dies are taken by the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection, Sequence

from app.log import failure
from app.metrics.sheet import Sheet

_LEAVE, _EXHAUSTED = 0.001, 0.5


class Share:
    """One worker's share of all connections, whichever listeners they came in at. ``own`` is its sheet, ``others`` are
    its siblings'."""

    def __init__(self, connections: Collection[object], own: Sheet, others: Sequence[Sheet]) -> None:
        self._connections, self._own, self._others = connections, own, others
        self.arriving: set[asyncio.Task[None]] = set()

    def count(self) -> None:
        """Let the others know how many connections this worker has."""
        self._own.connections = len(self._connections) + len(self.arriving)

    def above_another(self) -> bool:
        """Whether some other worker has fewer."""
        self.count()
        return any(other.serving and other.connections < self._own.connections for other in self._others)


class Acceptor:
    """One worker at one listener; has what uvicorn needs of an asyncio server."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol], share: Share) -> None:
        self._listener, self._protocol, self._share = listener, protocol, share
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more."""
        self._pause(None)

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._share.arriving, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._offered)

    def _pause(self, seconds: float | None) -> None:
        self._loop.remove_reader(self._listener)
        if self._again is not None:
            self._again.cancel()
        self._again = None if seconds is None else self._loop.call_later(seconds, self._take_up)

    def _offered(self) -> None:
        if self._share.above_another():
            self._pause(_LEAVE)
        else:
            self._accept()

    def _take_up(self) -> None:
        self._again = None
        self._listen()
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # somebody else took it, or it has gone
        except OSError as error:  # no file descriptor is free: connections wait until one is
            failure("accept", error)
            self._pause(_EXHAUSTED)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._serve(connection))
        self._share.arriving.add(task)
        task.add_done_callback(self._share.arriving.discard)
        self._share.count()

    async def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it has gone already
            await self._loop.connect_accepted_socket(self._protocol, connection)
