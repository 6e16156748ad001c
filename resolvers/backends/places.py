"""Places: how full the pools of a source are, for whoever watches them.

What a place is, the pool's name says: ``connections`` to the source; ``threads``, each of which has a connection or a
statement of its own, where a driver is synchronous; ``streams``, the same for rows that are streamed; ``calls``, those
that a guard lets pass at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Pool = Literal["connections", "threads", "streams", "calls"]


class Places(NamedTuple):
    """One pool now. ``used`` of ``most`` places do something, and ``waiting`` calls stand in line for one. ``idle``
    places are open and at rest; None where that is not said of them."""

    pool: Pool
    used: int
    most: int
    waiting: int
    idle: int | None = None

    @property
    def full(self) -> bool:
        return self.used >= self.most


def taken(pool: Pool, calls: int, most: int, idle: int | None = None) -> Places:
    """The places of a pool that has so many calls, in them and in line."""
    return Places(pool, min(calls, most), most, max(0, calls - most), idle)
