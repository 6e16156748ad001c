"""Tally: refusals of which there may be more than can be told one by one, counted and told once a second.

They are given where a request costs next to nothing (`app.http.crowd`), to whoever comes: a record for each would cost
several times what it costs to refuse, and the flood that is refused would fill the trail's queue. Nobody has looked at
who asks or for what, so there is nothing to tell but how many there were, and when.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from app.audit.told import Counted

EVERY = 1.0


class Tally:
    """One zone's, on one event loop. Where nothing is refused there is no timer either."""

    def __init__(self, zone: str, tell: Callable[[Counted], None]) -> None:
        self._zone, self._tell = zone, tell
        self._counts: dict[tuple[str, int], Counter[str]] = {}
        self._since = 0.0
        self._due: asyncio.TimerHandle | None = None

    def add(self, code: str, status: int, route: str) -> None:
        """One refusal has been given at a route."""
        if self._due is None:
            self._since = time.time()
            self._due = asyncio.get_running_loop().call_later(EVERY, self.tell)
        counts = self._counts.get((code, status))
        if counts is None:
            counts = self._counts[code, status] = Counter()
        counts[route] += 1

    def tell(self) -> None:
        """Tell what has been counted since the last time."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        counted, self._counts = self._counts, {}
        now = time.time()
        for (code, status), routes in counted.items():
            self._tell(Counted(now, self._since, self._zone, code, status, routes))
