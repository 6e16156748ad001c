"""Bulkhead: so many calls at once at one source, so many waiting, and not one more.

Places go to whoever waits longest. One that waits stops at its deadline or when it is cancelled; where that happens
just as it is handed a place, the place goes to the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from resolvers.backends.backend import Deadline
from resolvers.backends.places import Places


class Full(Exception):
    """Too many wait already."""


class Bulkhead:
    """``places`` calls at once, ``waiting`` more in line."""

    def __init__(self, places: int, waiting: int) -> None:
        self._free, self._all, self._most = places, places, waiting
        self._line: deque[asyncio.Future[None]] = deque()

    async def take(self, deadline: Deadline) -> None:
        """A place, to be given back once. Raises `Full` at once, TimeoutError at the deadline."""
        if self.take_now():
            return
        if len(self._line) >= self._most:
            raise Full
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(deadline.left()):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give()
            else:
                with suppress(ValueError):
                    self._line.remove(turn)
            raise

    def take_now(self) -> bool:
        """A place, if there is one that nobody waits for."""
        if self._free and not self._line:
            self._free -= 1
            return True
        return False

    def places(self) -> Places:
        return Places("calls", self._all - self._free, self._all, len(self._line))

    def give(self) -> None:
        """A call has ended."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
