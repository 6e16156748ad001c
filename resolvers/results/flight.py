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
    """One fetch under way. Followers are woken and read the outcome here: a future that holds an exception which
    nobody fetches would complain."""

    __slots__ = ("error", "landed", "value", "waiting")
    error: Exception | None
    value: T

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Future[bool], None] | None = None
        self.landed = False


class Flights(Generic[T]):
    """Fetches under way by key. For one event loop. ``joined`` counts those who got another's outcome; an outcome that
    somebody waits for is what ``share`` makes of it, for all of them."""

    def __init__(self, share: Callable[[T], T] = lambda value: value) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._share = share
        self.joined = 0

    def __len__(self) -> int:
        return len(self._flights)

    async def once(self, key: Hashable, run: Callable[[], Awaitable[T]], until: Deadline | None = None) -> T:
        """What ``run`` gives, run here or by whoever asked first. Raises what it raises, and `Overdue` where it is
        another's run that does not end before ``until``. ``run`` keeps its own deadline."""
        while (under_way := self._flights.get(key)) is not None:
            await _follow(under_way, until)
            if under_way.landed:
                self.joined += 1
                if under_way.error is not None:
                    raise _again(under_way.error)
                return under_way.value
        flight: _Flight[T] = _Flight()  # not _Flight[T](), which costs as much as all the rest
        self._flights[key] = flight
        try:
            value = await run()
            if flight.waiting:
                value = flight.value = self._share(value)
                flight.error, flight.landed = None, True
            return value
        except Exception as error:
            if flight.waiting and not _about_its_leader(error):
                flight.error, flight.landed = error, True
            raise
        finally:
            del self._flights[key]
            if flight.waiting:
                for follower in flight.waiting:
                    if not follower.done():
                        follower.set_result(True)


async def _follow(flight: _Flight[T], until: Deadline | None) -> None:
    """Wait until a flight has ended, one way or another."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[bool] = loop.create_future()
    waiting = flight.waiting = {} if flight.waiting is None else flight.waiting
    waiting[ended] = None
    # A timer that ends the wait is a sixth of asyncio.timeout, which would have to cancel this task and take it back.
    timer = None if until is None else loop.call_later(until.left(), _overdue, ended)
    try:
        if not await ended:
            raise Overdue
    finally:
        waiting.pop(ended, None)
        if timer is not None:
            timer.cancel()


def _overdue(ended: asyncio.Future[bool]) -> None:
    if not ended.done():
        ended.set_result(False)


def _about_its_leader(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or (isinstance(error, Refusal) and error.code in OWN)


def _again(error: Exception) -> Exception:
    """The error for one more task: a refusal anew, since tracebacks gather on an exception that is raised twice."""
    if type(error) is not Refusal:
        return error
    return Refusal(
        error.code, error.message, error.hint, status=error.status, locations=error.locations, path=error.path
    )
