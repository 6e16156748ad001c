"""Watch: ends a request's work when its client leaves or its time is up, with one timer and no task of its own.

Where the server does not say when a client leaves, a task listens for it.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from app.http.exchange import ClientLeft, Exchange


class TimeIsUp(Exception):
    """The request's time is up; what it was doing has been cancelled."""


class Watch:
    """A context manager around the work of the current task. Raises `ClientLeft` or `TimeIsUp` in place of the
    cancellation that it causes; any other cancellation passes."""

    __slots__ = ("_exchange", "_listening", "_seconds", "_task", "_timer", "_why")

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        self._exchange, self._seconds = exchange, seconds
        self._why: type[ClientLeft | TimeIsUp] | None = None
        self._listening: asyncio.Task[None] | None = None

    def __enter__(self) -> Watch:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a request is worked on in a task")
        self._task = task
        self._timer = loop.call_later(max(0.0, self._seconds), self._late)
        short = self._exchange.short
        if short is not None:
            short.watch(self._left)
        return self

    def listen(self) -> None:
        """The body has been read: from now on only the end of the connection can arrive."""
        if self._exchange.short is None:
            self._listening = asyncio.create_task(self._exchange.left())
            self._listening.add_done_callback(lambda done: None if done.cancelled() else self._left())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        if self._exchange.short is not None:
            self._exchange.short.watch(None)
        if self._listening is not None:
            self._listening.cancel()
        if self._why is None or kind is None:
            return
        # What is cancelled may fail in another way on its way out: that is the cancellation's doing too.
        if self._task.uncancel() == 0 or kind is not asyncio.CancelledError:
            raise self._why from None

    def _left(self) -> None:
        self._end(ClientLeft)

    def _late(self) -> None:
        self._end(TimeIsUp)

    def _end(self, why: type[ClientLeft | TimeIsUp]) -> None:
        if self._why is None:
            self._why = why
            self._task.cancel()
