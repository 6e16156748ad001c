"""Guard: one question to one source, with everything that keeps a slow or dead source from taking the gateway along.

1. Turn away at once while the breaker is open, and when too many wait already (CH501).
2. Wait for a place, until the caller's deadline (CH503).
3. Make the call, for at most ``call_timeout``; where it is slow and may be asked twice, a second one beside it.
4. Tell the breaker how it ended.
5. Ask again after CH501 or CH503, where that is harmless, the budget allows it and there is time.

What counts for the breaker:

    an answer        and every refusal that shows that the source spoke: CH502, CH601, CH602
    a failure        CH501, and CH503 of the source's own or after ``call_timeout``
    neither          a caller who left; other refusals; and CH501 or CH503 at the deadline of a caller who had left the
                     source less than ``patience``: that says something about the caller

CH502 never opens it, because one bad value would then close the source to everybody; so a back end says CH501, not
CH502, when a connection breaks, also in the middle of an answer.

Does not look into what is asked or answered, so SQL sources can use it as well as keyed ones.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import timed_out, unavailable
from resolvers.backends.places import Places
from resolvers.backends.reliability.breaker import Breaker, Outcome, Permit, State
from resolvers.backends.reliability.budget import Budget
from resolvers.backends.reliability.bulkhead import Bulkhead, Full
from resolvers.backends.reliability.hedge import Hedge, Winner
from resolvers.backends.reliability.settings import Settings
from resolvers.observe import SILENT, Observer
from schema.errors import Refusal

T = TypeVar("T")
Ask = Callable[[Deadline], Coroutine[Any, Any, T]]
log = logging.getLogger("customhouse.source")
_FAILED = frozenset({"CH501", "CH503"})
_ANSWERED = frozenset({"CH502", "CH601", "CH602"})
_CLOSE = 0.05  # drivers give up a moment before the deadline
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Guard:
    """Stands before one source, in one event loop. ``close`` ends it; its gauges in ``observer`` go with it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        observer: Observer = SILENT,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._name, self._settings, self._observer, self._chance = name, settings, observer, chance
        self._breaker = Breaker(settings.trip, self._changed, clock, chance)
        self._bulkhead = Bulkhead(settings.concurrency, settings.waiting)
        self._budget = Budget(settings.retry_budget)
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False
        observer.breaker(name, None, self._breaker.state)

    async def run(self, ask: Ask[T], deadline: Deadline, twice: bool) -> T:
        """What ``ask`` gives, which is called with the deadline of each call. ``twice``: asking again is harmless.

        Raises what ``ask`` raises, CH501 for who is turned away, and CH503 at the deadline.
        """
        self._budget.earn()
        left = self._settings.retries if twice else 0
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._once(ask, deadline, twice)
            except _TurnedAway as refused:
                raise refused.refusal from None
            except Refusal as refusal:
                wait = self._chance() * pause
                if left == 0 or refusal.code not in _FAILED or wait >= deadline.left() or not self._budget.spend():
                    raise
            self._observer.retry(self._name)
            await asyncio.sleep(wait)
            left, pause = left - 1, min(2 * pause, _LONGEST_PAUSE)

    def places(self) -> Places:
        return self._bulkhead.places()

    async def close(self) -> None:
        """Let calls that were given up end."""
        if not self._closed:
            self._closed = True
            self._observer.breaker(self._name, self._breaker.state, None)
        if self._running:
            await asyncio.wait(self._running, timeout=5)

    async def _once(self, ask: Ask[T], deadline: Deadline, twice: bool) -> T:
        permit = await self._enter(deadline)
        began = time.monotonic()
        until = Deadline(min(deadline.at, began + self._settings.call_timeout))
        try:
            answer = await self._hedged(ask, until) if twice and not permit.probe else await self._plain(ask, until)
        except Refusal as refusal:
            self._breaker.settle(permit, self._outcome(refusal, deadline, began))
            raise
        except BaseException:
            self._breaker.settle(permit, "neither")
            raise
        self._breaker.settle(permit, "answered")
        return answer

    async def _enter(self, deadline: Deadline) -> Permit:
        """A place and a permit for one call."""
        if self._breaker.refuses():
            raise self._turned_away("open")
        try:
            await self._bulkhead.take(deadline)
        except Full:
            raise self._turned_away("full") from None
        except TimeoutError:
            raise timed_out(self._name) from None
        # Asked again: the breaker may have opened while this one waited in line.
        permit = self._breaker.admit()
        if permit is None:
            self._bulkhead.give()
            raise self._turned_away("open")
        return permit

    async def _plain(self, ask: Ask[T], until: Deadline) -> T:
        try:
            return await self._bounded(ask, until)
        finally:
            self._bulkhead.give()

    async def _hedged(self, ask: Ask[T], until: Deadline) -> T:
        after = self._settings.hedge
        if after is None or after >= until.left():
            return await self._plain(ask, until)
        hedge = Hedge(
            make=lambda: self._bounded(ask, until),
            ended=self._bulkhead.give,
            after=after,
            may=self._may_hedge,
            told=self._hedge_ended,
            running=self._running,
        )
        return await hedge.answer()

    def _may_hedge(self) -> bool:
        """Whether a second call has its place, and is paid for."""
        if self._breaker.state != "closed" or not self._bulkhead.take_now():
            return False
        if self._budget.spend():
            return True
        self._bulkhead.give()
        return False

    async def _bounded(self, ask: Ask[T], until: Deadline) -> T:
        if until.left() <= 0:
            raise timed_out(self._name)
        try:
            async with asyncio.timeout(until.left()):
                return await ask(until)
        except TimeoutError:
            raise timed_out(self._name) from None

    def _outcome(self, refusal: Refusal, deadline: Deadline, began: float) -> Outcome:
        if refusal.code in _ANSWERED:
            return "answered"
        if refusal.code not in _FAILED:
            return "neither"
        hurried = deadline.left() <= _CLOSE and time.monotonic() - began < self._settings.patience
        return "neither" if hurried else "failed"

    def _turned_away(self, why: str) -> _TurnedAway:
        self._observer.turned_away(self._name, why)
        return _TurnedAway(unavailable())

    def _hedge_ended(self, winner: Winner) -> None:
        self._observer.hedge(self._name, winner)

    def _changed(self, before: State, after: State) -> None:
        log.warning("source %s: breaker %s, was %s", self._name, after, before)
        if not self._closed:
            self._observer.breaker(self._name, before, after)


class _TurnedAway(Exception):
    """Refused by the guard itself: nothing was asked, so nothing is asked again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal
