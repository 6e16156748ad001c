"""Results: the rows of a statement, from whoever has them: memory, the shared cache, a fetch under way, the source.

1. A statement whose products do not allow it to be kept only joins an identical fetch that is under way.
2. Else: memory, unless the entry's fetch began longer ago than the freshness asked for, counted from now.
3. Else, once for all in this process who ask: the shared cache, and after that the source. Of several processes one
   holds a lease; the others look for its entry a few times and then fetch too.
4. What was fetched is kept in both for what is left of the freshness. What failed is not kept.

The caches are opened by the first catalog that wants them: until then neither aiocache nor redis-py is imported.

Does not promise: that a row is as new as its source says. That is for how long a steward allows it not to be.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import timed_out
from resolvers.results.entry import Entry, Row, Rows, weigh
from resolvers.results.flight import Flights, Overdue
from resolvers.results.key import Secrets, StatementKey
from schema.catalog import Catalog

if TYPE_CHECKING:
    from resolvers.results.memory import MemoryCache
    from resolvers.results.shared import SharedCache

Fetch = Callable[[], Awaitable[Rows]]

LEASE = 2.0
"""Seconds that others leave a fetch to the process that has the lease; their patience ends before."""
LOOKS = (0.02, 0.03, 0.05, 0.1)
"""Seconds between looks for the entry of the process that has the lease."""


LARGEST_SHARED = 32 * 1024 * 1024
"""Bytes in memory of the largest result that is sealed for the shared cache; sealing takes the process's time."""


class SharedRows(list[Row]):
    """Rows that several requests got of one fetch under way; nobody may change them. What one of them has written of
    them is kept here for those who would write the same."""

    __slots__ = ("_written",)

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._written: list[tuple[object, bytes]] = []

    def written(self, by: object) -> bytes | None:
        """What was written by this very object."""
        return next((text for writer, text in self._written if writer is by), None)

    def keep(self, by: object, text: bytes) -> None:
        self._written.append((by, text))


@dataclass(slots=True)
class Fresh:
    """Until when the rows of an answer may be used again, on the monotonic clock: what each statement's steward allows,
    counted from when its fetch began. The past: not at all."""

    until: float = math.inf

    def no_longer_than(self, until: float) -> None:
        self.until = min(self.until, until)


@dataclass(slots=True)
class Counts:
    """What happened since start. ``hits`` were in memory, ``shared_hits`` in the shared cache, ``joined`` got the
    outcome of another's fetch, ``misses`` fetched what could have been kept. ``errors`` are the shared cache's."""

    hits: int = 0
    shared_hits: int = 0
    joined: int = 0
    misses: int = 0
    errors: int = 0


class Results:
    """The results of one zone in one process; a reload goes on using it, since versions are in the keys. ``memory`` is
    the bytes of the memory cache, 0 for none; ``url`` the shared cache, or None; ``count`` is told hit, shared_hit or
    miss."""

    def __init__(
        self,
        zone: str,
        keys: Mapping[str, bytes],
        memory: int = 0,
        url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        count: Callable[[str], None] = lambda result: None,
    ) -> None:
        self._count = count
        self.secrets = Secrets.derived(zone, keys)
        self._most, self._url, self._clock = memory, url, clock
        self._fetching: Flights[Rows] = Flights(SharedRows)
        self._loading: Flights[Entry] = Flights()
        self._memory: MemoryCache | None = None
        self._shared: SharedCache | None = None
        self._counts = Counts()

    def prepare(self, catalog: Catalog) -> None:
        """Open the caches if a product of this catalog may be kept. Takes a moment, and waits for nothing."""
        if any(product.cache for product in catalog.products.values()):
            self._open()

    @property
    def counts(self) -> Counts:
        counts = self._counts
        counts.joined = self._fetching.joined + self._loading.joined
        counts.errors = self._shared.errors if self._shared else 0
        return counts

    async def rows(
        self,
        statement: StatementKey,
        binds: Sequence[object],
        freshness: float | None,
        run: Fetch,
        until: Deadline | None = None,
        fresh: Fresh | None = None,
    ) -> Rows:
        """The rows of a statement with values bound, which nobody may change: others have them too. ``run`` fetches
        them by its own deadline; ``until`` bounds the wait for another's fetch. ``freshness`` is in seconds; None or 0
        keeps nothing. ``fresh`` is told until when they may be used. Raises what ``run`` raises, for whoever waits for
        it, and `Refusal` CH503 at ``until``."""
        kept = freshness if self._most or self._url else None
        key = statement.of(binds) if kept else statement.under_way(binds)
        if fresh is not None and (not kept or key is None):
            fresh.until = -math.inf
        if key is None:
            return await run()
        try:
            if not kept:
                return await self._fetching.once(key, run, until)
            entry = await self._fresh(key, kept, run, until)
            if fresh is not None:
                fresh.no_longer_than(entry.began + kept)
            return entry.rows
        except Overdue:
            raise timed_out(statement.source) from None

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()

    def _open(self) -> None:
        if self._most and self._memory is None:
            from resolvers.results.memory import MemoryCache

            self._memory = MemoryCache(self._most, self._clock)
        if self._url and self._shared is None:
            from resolvers.results.shared import SharedCache

            self._shared = SharedCache(self._url, self.secrets.seal)

    async def _fresh(self, key: bytes, freshness: float, run: Fetch, until: Deadline | None) -> Entry:
        self._open()
        oldest = self._clock() - freshness
        held = self._held(key, oldest)
        if held is not None:
            self._counts.hits += 1
            self._count("hit")
            return held

        async def load() -> Entry:
            return await self._load(key, freshness, oldest, run, until)

        # An outcome that was under way may have begun too early for whoever joined late: the next one has not.
        while True:
            entry = await self._loading.once((key, freshness), load, until)
            if entry.began >= oldest:
                return entry

    def _held(self, key: bytes, oldest: float) -> Entry | None:
        """An entry in memory whose fetch began no earlier than ``oldest``."""
        held = self._memory.find(key) if self._memory is not None else None
        return held if held is not None and held.began >= oldest else None

    async def _load(self, key: bytes, freshness: float, oldest: float, run: Fetch, until: Deadline | None) -> Entry:
        """An entry from wherever it is, by the one who leads."""
        held = self._held(key, oldest)  # a leader before this one may have come that far
        if held is not None:
            return held
        if self._shared is None:
            return await self._fetched(key, freshness, run)
        found = await self._look(self._shared, key, freshness, oldest)
        if found is not None:
            return found
        lease = await self._shared.lease(key, LEASE)
        if lease is None:
            found = await self._await(self._shared, key, freshness, oldest, until)
            return found if found is not None else await self._fetched(key, freshness, run)
        try:
            return await self._fetched(key, freshness, run)
        finally:
            await self._shared.release(lease)

    async def _look(self, shared: SharedCache, key: bytes, freshness: float, oldest: float) -> Entry | None:
        found = await shared.find(key, freshness)
        if found is None:
            return None
        age, rows = found
        began = self._clock() - age
        if began < oldest:
            return None
        self._counts.shared_hits += 1
        self._count("shared_hit")
        entry = self._weighed(began, rows)
        self._remember(key, freshness, entry)
        return entry

    async def _await(
        self, shared: SharedCache, key: bytes, freshness: float, oldest: float, until: Deadline | None
    ) -> Entry | None:
        """The entry of the process that has the lease, if it comes soon."""
        for pause in LOOKS:
            if until is not None and until.left() < 4 * pause:
                return None
            await asyncio.sleep(pause)
            found = await self._look(shared, key, freshness, oldest)
            if found is not None:
                return found
        return None

    async def _fetched(self, key: bytes, freshness: float, run: Fetch) -> Entry:
        began = self._clock()
        rows = await run()
        self._counts.misses += 1
        self._count("miss")
        entry = self._weighed(began, rows)
        self._remember(key, freshness, entry)
        if self._shared is not None and entry.weight:
            age = self._clock() - began
            await self._shared.keep(key, age, rows, freshness - age)
        return entry

    def _weighed(self, began: float, rows: Rows) -> Entry:
        """The entry, with a weight only where it may be kept."""
        most = 0 if self._memory is None else self._memory.largest
        if self._shared is not None:
            most = max(most, LARGEST_SHARED)
        return Entry(began, rows, weigh(rows, most) or 0)

    def _remember(self, key: bytes, freshness: float, entry: Entry) -> None:
        if self._memory is not None:
            self._memory.keep(key, entry, entry.began + freshness - self._clock())
