"""Counters: what was used of quotas, in a Valkey or Redis that all processes share, or in this process.

Without a shared one, each worker of a listener has its share of every quota: the limit divided by their number, and 1
at least. The same while the shared one does not answer: a quota is then neither open nor closed, and what a worker
counts by itself begins anew. Nothing in the shared one names a partner or a product.

Does not promise: to the unit. Requests that come at once are each looked at before any is charged for its rows.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, TypeVar

from app.quotas.window import Standing, Tally, standing
from resolvers.results.pause import Pause
from schema.zone import Rate

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

T = TypeVar("T")
log = logging.getLogger("customhouse.quotas")
TIMEOUT = 0.25
_CONNECTIONS = 16
_ANY = 2**53
"""More than any window holds: what has been taken is charged, also where it is more than there was."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted, by a name that tells nothing, and how much of it there may be."""

    name: str
    limit: int
    window: int


class _Store(Protocol):
    """What is needed of the storages of ``limits``."""

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool: ...
    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]: ...


@dataclass(slots=True)
class Counters:
    """The counters of one zone in one process; a reload goes on using them. ``url`` is the shared Valkey or Redis, or
    None; ``secret`` makes the names. Nothing is imported for a zone that counts nothing."""

    zone: str
    secret: bytes
    workers: int = 1
    url: str | None = None
    timeout: float = TIMEOUT
    pause: Pause = field(default_factory=Pause)
    _own: _Store | None = None
    _shared: _Store | None = None
    _pool: ConnectionPool | None = None

    def counter(self, rate: Rate, *what: str) -> Counter:
        """The counter of a rate: ``what`` says of whom and of what. A changed limit goes on with what was used."""
        window = max(1, math.ceil(rate.window))
        said = "\0".join([*what, str(window)]).encode()
        return Counter(f"{self.zone}:{blake2b(said, key=self.secret, digest_size=16).hexdigest()}", rate.limit, window)

    def prepare(self) -> None:
        """Import and make what counts, which takes a tenth of a second: before a request has to wait for it."""
        self._memory()
        if self.url is not None:
            self._opened(self.url)

    async def look(self, counters: Sequence[Counter]) -> list[Standing]:
        """Where they stand. Never raises, but for a cancellation."""

        async def together(store: _Store) -> list[Tally]:
            return await asyncio.gather(*(_tally(store, counter) for counter in counters))

        found = await self._ask(together)
        whole = found is not None
        if found is None:
            found = [await _tally(self._memory(), counter) for counter in counters]
        return [standing(one, self._limit(at, whole), at.window) for one, at in zip(found, counters, strict=True)]

    async def take_one(self, counter: Counter) -> bool:
        """Charge one unit if there is one; gives whether there was."""

        async def take(store: _Store, limit: int) -> bool:
            return await store.acquire_sliding_window_entry(counter.name, limit, counter.window, 1)

        taken = await self._ask(lambda store: take(store, self._limit(counter, True)))
        return await take(self._memory(), self._limit(counter, False)) if taken is None else taken

    async def charge(self, amounts: Sequence[tuple[Counter, int]]) -> None:
        """Charge what has been taken, however much there was."""

        async def charged(store: _Store) -> bool:
            for counter, amount in amounts:
                await store.acquire_sliding_window_entry(counter.name, _ANY, counter.window, amount)
            return True

        if await self._ask(charged) is None:
            await charged(self._memory())

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    def _limit(self, counter: Counter, whole: bool) -> int:
        return counter.limit if whole else max(1, counter.limit // self.workers)

    def _memory(self) -> _Store:
        if self._own is None:
            from limits.aio.storage import MemoryStorage

            self._own = MemoryStorage()
        return self._own

    def _opened(self, url: str) -> _Store:
        if self._shared is None:
            from limits.aio.storage import RedisStorage

            from resolvers.results.connect import connections

            self._pool = connections(url, self.timeout, _CONNECTIONS)
            # Where it is, the connections know; the address is only read for its form.
            self._shared = RedisStorage(
                "async+redis://shared:1",
                implementation="redispy",
                key_prefix="customhouse:1:quota",
                connection_pool=self._pool,  # type: ignore[arg-type]  # it is handed on to redis-py
            )
        return self._shared

    async def _ask(self, call: Callable[[_Store], Awaitable[T]]) -> T | None:
        """What the shared counters say; None where there are none, or while they say nothing."""
        attempt = self.pause.attempt() if self.url is not None else None
        if self.url is None or attempt is None:
            return None
        try:
            async with asyncio.timeout(self.timeout):
                said = await call(self._opened(self.url))
        except Exception as error:  # noqa: BLE001 - whatever it does, quotas are kept without it
            if self.pause.failed(attempt):
                log.warning("the shared quotas do not answer (%s): each worker counts its share", type(error).__name__)
            return None
        self.pause.succeeded(attempt)
        return said


async def _tally(store: _Store, counter: Counter) -> Tally:
    return Tally(*await store.get_sliding_window(counter.name, counter.window))
