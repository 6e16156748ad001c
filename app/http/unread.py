"""Unread: what a process keeps of long answers until they have been read, and the most of it.

An answer is made whole, and stays in memory until its last piece is on its way. So a reader who takes nothing keeps it
there. These bytes are counted, those of an answer that several are reading once; and where one more would not fit

1. readers who have taken nothing for a while lose their connections, those who have waited longest first;
2. if that is not enough, the new answer is refused (CH164), before a byte of it is sent.

One that is alone is never refused, however long. Short answers are not counted: they wait in their connection, which
takes no next one until they are read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from app.heap import LONG, Trim
from schema.errors import Refusal

PATIENCE = 2.0
"""Seconds without a piece taken, after which a reader makes room for others."""
Clock = Callable[[], float]


class Kept:
    """One answer on its way to one reader. ``lost``: its reader had to make room."""

    __slots__ = ("_clock", "_moved", "body", "drop", "lost")

    def __init__(self, body: bytes, drop: Callable[[], None], clock: Clock) -> None:
        self.body, self.drop, self._clock = body, drop, clock
        self._moved, self.lost = clock(), False

    def took(self) -> None:
        """The reader has taken a piece."""
        self._moved = self._clock()

    def waits(self) -> float:
        """Seconds since it took one."""
        return self._clock() - self._moved


class Unread:
    """The answers that are being read, of ``most`` bytes together."""

    def __init__(self, most: int, patience: float = PATIENCE, clock: Clock = time.monotonic) -> None:
        self._most, self._patience, self._clock = most, patience, clock
        self._kept: set[Kept] = set()
        self._trim = Trim()
        self._readers: Counter[int] = Counter()
        self.bytes = 0

    def keep(self, body: bytes, drop: Callable[[], None]) -> Kept:
        """Count an answer until it is released; ``drop`` ends its reader's connection. Raises `Refusal` CH164."""
        if len(body) >= LONG:
            self._trim.soon()
        if not self._fits(body):
            self._make_room(body)
            if not self._fits(body):
                raise Refusal("CH164", "Too much of other answers is waiting to be read.", "Ask again.", status=503)
        kept = Kept(body, drop, self._clock)
        self._kept.add(kept)
        if not self._readers[id(body)]:
            self.bytes += len(body)
        self._readers[id(body)] += 1
        return kept

    def release(self, kept: Kept) -> None:
        """It has been read, or nobody reads it any more."""
        if kept not in self._kept:
            return
        self._kept.remove(kept)
        mark = id(kept.body)
        self._readers[mark] -= 1
        if not self._readers[mark]:
            del self._readers[mark]
            self.bytes -= len(kept.body)
            if len(kept.body) >= LONG:
                self._trim.soon()

    def _fits(self, body: bytes) -> bool:
        return not self._kept or self._readers[id(body)] > 0 or self.bytes + len(body) <= self._most

    def _make_room(self, body: bytes) -> None:
        waiting = sorted((kept for kept in self._kept if kept.waits() >= self._patience), key=Kept.waits, reverse=True)
        for kept in waiting:
            kept.lost = True
            kept.drop()
            self.release(kept)
            if self._fits(body):
                return
