"""Hedge: ask a second time when the first call is slow to answer, take what comes first, and cancel the other.

The first *answer* counts: where one call fails, the other is waited for, and only when both have failed is the first
failure raised. A loser is cancelled and not waited for, so it cannot hold the winner up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Winner = Literal["first", "second", "neither"]


@dataclass(frozen=True, slots=True)
class Hedge(Generic[T]):
    """``make`` gives a call that has not begun; ``ended`` is told of each one when it is really over. ``after``
    seconds the second begins, if ``may`` then says so; ``told`` hears how such a pair ended. ``running`` holds the
    calls that have not ended, losers too."""

    make: Callable[[], Coroutine[Any, Any, T]]
    ended: Callable[[], None]
    after: float
    may: Callable[[], bool]
    told: Callable[[Winner], None]
    running: set[asyncio.Task[Any]]

    async def answer(self) -> T:
        """What came first. Raises what the first call raised, where there is no answer."""
        first = self._begin()
        calls = [first]
        try:
            done, _ = await asyncio.wait(calls, timeout=self.after)
            if done or not self.may():
                await asyncio.wait(calls)
                return first.result()
            calls.append(self._begin())
            winner = await _winner(calls)
            self.told("neither" if winner is None else "first" if winner is first else "second")
            return (winner or first).result()
        finally:
            for call in calls:
                call.cancel()

    def _begin(self) -> asyncio.Task[T]:
        call = asyncio.create_task(self.make())
        self.running.add(call)
        # The callback runs even where a task is cancelled before its first step, when no `finally` of it would.
        call.add_done_callback(self._over)
        return call

    def _over(self, call: asyncio.Task[T]) -> None:
        self.running.discard(call)
        if not call.cancelled():
            call.exception()  # nobody else may look at a loser's
        self.ended()


async def _winner(calls: list[asyncio.Task[T]]) -> asyncio.Task[T] | None:
    running = set(calls)
    while running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for call in done:
            if not call.cancelled() and call.exception() is None:
                return call
    return None
