"""Kept rows: what deterministic models and cached feature views gave, in this process, bounded by their number.

Raw rows, known by what they come from and by their whole key: whoever may see what of one is decided after it was found
here, as if the source had been asked. They never leave the process. That there is no row is kept just as long: else who
asks twice could tell an entity that they may not see, which is asked once, from one that is not there.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from resolvers.backends.keyed.keyed import Key, Row

MOST = 50_000
"""Rows kept, the least recently used first out: some tens of megabytes."""


class Origin(NamedTuple):
    """What a row was obtained from: a product (a model of one version) in a source as it was opened, under one version
    of the catalog, for one cloud session. ``freshness``: for how many seconds it may be used again."""

    product: str
    version: str
    source: str
    catalog: str
    session: tuple[tuple[str, str], ...]
    freshness: float


class KeptRows:
    """Rows by origin and key."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self.clock = most, clock
        self._held: OrderedDict[tuple[Origin, Key], tuple[float, Row | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def find(self, origin: Origin, key: Key) -> tuple[Row | None] | None:
        """What is kept for a key, which may be that there is no row; None where nothing is."""
        held = self._held.get((origin, key))
        if held is None:
            return None
        if held[0] <= self.clock():
            del self._held[origin, key]
            return None
        self._held.move_to_end((origin, key))
        return (held[1],)

    def keep(self, origin: Origin, key: Key, row: Row | None) -> None:
        self._held[origin, key] = (self.clock() + origin.freshness, row)
        self._held.move_to_end((origin, key))
        while len(self._held) > self._most:
            self._held.popitem(last=False)
