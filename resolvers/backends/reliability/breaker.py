"""Breaker: ask a source no more once it has shown that it does not answer, and find out when it does again.

    closed      calls pass; a run of failures, or a rate of them among enough calls, opens it
    open        nothing passes for a stated time and up to a quarter more, so that workers do not probe in step
    half_open   one call at a time passes, the probe: an answer closes the breaker, a failure opens it again

A call is settled in the state it was admitted in, or not at all: what began before the breaker opened neither closes
it nor keeps it open. The change from open to half_open happens when somebody asks, not by a timer.

Does not know what a failure is (`guard`), and holds no lock: one event loop uses it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from resolvers.backends.reliability.window import Window

State = Literal["closed", "open", "half_open"]
Outcome = Literal["answered", "failed", "neither"]
STATES: tuple[State, ...] = ("closed", "open", "half_open")
SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Trip:
    """When it opens, and for how long. ``failures`` in a row; or ``rate`` of at least ``calls`` in ``window`` seconds.
    ``seconds`` is how long it stays open at least."""

    failures: int = 5
    rate: float = 0.5
    calls: int = 20
    window: float = 10.0
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call, to be settled once. ``probe`` is the only call that a half-open breaker lets through."""

    epoch: int
    probe: bool


class Breaker:
    """``changed(before, after)`` is called at each change of state. ``clock`` gives seconds, ``chance`` 0 to 1."""

    def __init__(
        self,
        trip: Trip,
        changed: Callable[[State, State], None] = lambda before, after: None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._trip, self._changed, self._clock, self._chance = trip, changed, clock, chance
        self.state: State = "closed"
        self._permit = Permit(0, probe=False)
        self._run = 0
        self._window = Window(trip.window)
        self._until = 0.0
        self._probing = False

    def refuses(self) -> bool:
        """Whether a call would be turned away now. Changes nothing."""
        if self.state == "open":
            return self._clock() < self._until
        return self._probing

    def admit(self) -> Permit | None:
        """Leave for a call, or None where it must not be made."""
        if self.refuses():
            return None
        if self.state == "open":
            self._become("half_open")
        self._probing = self.state == "half_open"
        return self._permit

    def settle(self, permit: Permit, outcome: Outcome) -> None:
        """How the call ended. ``neither`` says nothing about the source: the caller left, or had too little time."""
        if permit.epoch != self._permit.epoch:
            return
        if self.state == "half_open":
            self._probing = False
            if outcome != "neither":
                self._become("closed" if outcome == "answered" else "open")
        elif outcome != "neither":
            self._count(failed=outcome == "failed")

    def _count(self, failed: bool) -> None:
        self._window.add(self._clock(), failed)
        self._run = self._run + 1 if failed else 0
        if not failed:
            return
        calls, failures = self._window.sums()
        many = calls >= self._trip.calls and failures >= self._trip.rate * calls
        if self._run >= self._trip.failures or many:
            self._become("open")

    def _become(self, state: State) -> None:
        before, self.state = self.state, state
        self._permit = Permit(self._permit.epoch + 1, probe=state == "half_open")
        self._run = 0
        self._window.clear()
        if state == "open":
            self._until = self._clock() + self._trip.seconds * (1.0 + SPREAD * self._chance())
        self._changed(before, state)
