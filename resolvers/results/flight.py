"""Flights: identical fetches that are under way run once.

1. The first to ask under a key leads: it runs the fetch in its own task.
2. Whoever asks while it runs follows: it waits for the outcome, no longer than its own deadline.
3. A result, or a failure of the source, is the outcome for all who wait. Nothing is remembered for who comes later.
4. A leader that is cancelled or out of its own time has no outcome: one of those who wait leads anew, in its own time.

Does not promise: that a follower's answer was begun after it asked (`resolvers.results.results` looks at the age).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from resolvers.backends.backend import Deadline
from schema.errors import Refusal

T = TypeVar("T")
OWN = frozenset({"CH503"})
"""Refusals that are about the deadline of whoever ran the fetch."""


class Overdue(TimeoutError):
    """A follower's deadline came before the outcome."""


class _Flight(Generic[T]):
    """One fetch under way. Followers are woken with nothing and read the outcome here: a future that holds an
    exception which nobody fetches would complain."""

    __slots__ = ("error", "landed", "value", "waiting")
    error: Exception | None
    value: T

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Future[None], None] | None = None
        self.landed = False


class Flights(Generic[T]):
    """Fetches under way by key. For one event loop. ``joined`` counts those who got another's outcome."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}
        self.joined = 0

    def __len__(self) -> int:
        return len(self._flights)

    async def once(self, key: Hashable, run: Callable[[], Awaitable[T]], until: Deadline | None = None) -> T:
        """What ``run`` gives, run here or by whoever asked first. Raises what it raises, and `Overdue` where it is
        another's run that does not end before ``until``. ``run`` keeps its own deadline."""
        while True:
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, run)
            await _follow(flight, until)
            if flight.landed:
                self.joined += 1
                if flight.error is not None:
                    raise _again(flight.error)
                return flight.value

    async def _lead(self, key: Hashable, run: Callable[[], Awaitable[T]]) -> T:
        flight: _Flight[T] = _Flight()  # not _Flight[T](), which costs as much as all the rest
        self._flights[key] = flight
        try:
            value = await run()
            if flight.waiting:
                flight.value, flight.error, flight.landed = value, None, True
            return value
        except Exception as error:
            if flight.waiting and not _about_its_leader(error):
                flight.error, flight.landed = error, True
            raise
        finally:
            del self._flights[key]
            for follower in flight.waiting or ():
                if not follower.done():
                    follower.set_result(None)


async def _follow(flight: _Flight[T], until: Deadline | None) -> None:
    """Wait until a flight has ended, one way or another."""
    ended = asyncio.get_running_loop().create_future()
    waiting = flight.waiting = {} if flight.waiting is None else flight.waiting
    waiting[ended] = None
    try:
        if until is None:
            await ended
            return
        try:
            async with asyncio.timeout(until.left()):
                await ended
        except TimeoutError:
            raise Overdue from None
    finally:
        waiting.pop(ended, None)


def _about_its_leader(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or (isinstance(error, Refusal) and error.code in OWN)


def _again(error: Exception) -> Exception:
    """The error for one more task: a refusal anew, since tracebacks gather on an exception that is raised twice."""
    if type(error) is not Refusal:
        return error
    return Refusal(
        error.code, error.message, error.hint, status=error.status, locations=error.locations, path=error.path
    )
