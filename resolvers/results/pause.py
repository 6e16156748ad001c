"""Pause: after a failure, leave a service alone for a while (a circuit breaker).

The first pause is short, and each attempt that fails after it doubles it, up to a bound. When a pause ends, one attempt
is made; the others go on without the service until that one has succeeded. Attempts that were under way together when
it failed count as one failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Pause:
    """``first`` and ``most`` are seconds."""

    def __init__(self, first: float = 1.0, most: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._first, self._most, self._clock = first, most, clock
        self._length, self._until, self._turn = 0.0, 0.0, 0

    def attempt(self) -> int | None:
        """The number of an attempt, to say how it ended; None during a pause."""
        if not self._length:
            return self._turn
        now = self._clock()
        if now < self._until:
            return None
        self._until = now + self._length
        self._turn += 1
        return self._turn

    def failed(self, attempt: int) -> bool:
        """True where a pause begins by it."""
        if attempt != self._turn:
            return False
        self._length = min(self._most, self._length * 2) or self._first
        self._until = self._clock() + self._length
        self._turn += 1
        return True

    def succeeded(self, attempt: int) -> None:
        if attempt == self._turn:
            self._length = 0.0
