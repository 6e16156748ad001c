"""Shared: results in a Valkey or Redis that the gateway's processes have in common, through aiocache.

Whatever goes wrong there is a miss: it may be slower with it than without, and never wrong. One attempt lasts 50 ms at
most; after a failure there is a pause (`resolvers.results.pause`). Nothing in it can be read or used by whoever else
reaches it (`resolvers.results.seal`), and nothing is unpickled.

A lease keeps several processes from fetching the same at once. It is a courtesy, not a lock: who does not get it, or
cannot ask for it, fetches after a short wait.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from aiocache import RedisCache
from aiocache.serializers import NullSerializer
from redis.asyncio import ConnectionPool
from redis.exceptions import ResponseError

from resolvers.results.connect import connections
from resolvers.results.entry import Rows
from resolvers.results.pause import Pause
from resolvers.results.seal import seal, unseal

T = TypeVar("T")
log = logging.getLogger("customhouse.cache")
LARGEST = 8 * 1024 * 1024
"""Bytes of the largest sealed entry."""
_CONNECTIONS = 16
_AHEAD = 1.0
_PREFIX = b"customhouse:1:"


class _Valkey(RedisCache):  # type: ignore[misc]  # aiocache has no types
    """aiocache's back end over connections with settings of our own, and without the calls that redis-py deprecates."""

    def __init__(self, pool: ConnectionPool) -> None:
        super().__init__(
            serializer=NullSerializer(encoding=None),
            timeout=0,
            key_builder=lambda key, namespace: key,
            connection_pool_class=lambda **_: pool,
        )
        self._pool = pool

    async def _get(self, key: bytes, encoding: object = None, _conn: object = None) -> bytes | None:
        """The value, of which no more than an entry may be long is ever read."""
        return await self.client.getrange(key, 0, LARGEST) or None

    async def _set(
        self, key: bytes, value: bytes, ttl: float, _cas_token: object = None, _conn: object = None
    ) -> object:
        return cast(object, await self.client.set(key, value, px=max(1, int(ttl * 1000))))

    async def _close(self, *_: object, **__: object) -> None:
        await self.client.aclose()
        await self._pool.disconnect()


class SharedCache:
    """``url`` is redis://, rediss:// or valkey://; ``secret`` is the zone's seal key for results. ``errors`` counts
    what went wrong. The clock is the wall clock: processes on several machines compare it."""

    def __init__(
        self,
        url: str,
        secret: bytes,
        timeout: float = 0.05,
        pause: Pause | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = _Valkey(connections(url, timeout, 2 * _CONNECTIONS))
        self._secret, self._timeout, self._clock = secret, timeout, clock
        self._pause = pause or Pause()
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self.errors = 0

    async def find(self, key: bytes, freshness: float) -> tuple[float, Rows] | None:
        """The age of an entry in seconds, and its rows; None where there is none that is younger than ``freshness``."""
        sealed = await self._ask(lambda: self._cache.get(_PREFIX + key.hex().encode()))
        if not isinstance(sealed, bytes) or len(sealed) > LARGEST:
            return None
        opened = unseal(self._secret, key, sealed)
        if opened is None:
            self.errors += 1
            return None
        began, rows = opened
        age = self._clock() - began
        # An entry of the future is of a machine whose clock is wrong: its age is not known.
        return None if age > freshness or age < -_AHEAD else (max(0.0, age), rows)

    async def keep(self, key: bytes, age: float, rows: Rows, ttl: float) -> None:
        """Keep rows whose fetch began ``age`` seconds ago. The server drops them after ``ttl`` by its own clock, so
        that clocks which differ do not make anything live longer."""
        sealed = seal(self._secret, key, self._clock() - age, rows)
        if sealed is not None and len(sealed) <= LARGEST and ttl > 0:
            await self._ask(lambda: self._cache.set(_PREFIX + key.hex().encode(), sealed, ttl=float(ttl)))

    async def lease(self, key: bytes, seconds: float) -> Lease | None:
        """The right to fetch, or None where another process has it. A cache that does not answer gives it to all."""
        lease = Lease(_PREFIX + b"lease:" + key.hex().encode(), secrets.token_bytes(16))
        taken = await self._ask(lambda: self._claim(lease, seconds))
        return None if taken is False else lease

    async def release(self, lease: Lease) -> None:
        """Give a lease back; one that ran out and is another's now stays."""
        await self._ask(lambda: self._cache._redlock_release(lease.name, lease.token))

    async def close(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._cache.close()
        except Exception as error:  # noqa: BLE001 - it is being given up, whatever it says
            log.info("the shared cache did not close: %s", type(error).__name__)

    async def _claim(self, lease: Lease, seconds: float) -> bool:
        try:
            await self._cache.add(lease.name, lease.token, ttl=float(seconds))
        except ValueError:
            return False
        return True

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """What the cache says; None while it says nothing. Never raises, but for a cancellation."""
        attempt = self._pause.attempt()
        if attempt is None:
            return None
        try:
            async with asyncio.timeout(self._timeout), self._free:
                said = await call()
        except ResponseError as error:
            # It answers, and at once: out of memory, read only, not a text. A pause would help nobody.
            self._failed(error)
            self._pause.succeeded(attempt)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a cache does, the answer is made without it
            self._failed(error)
            if self._pause.failed(attempt):
                log.warning("the shared cache does not answer (%s); going on without it", type(error).__name__)
            return None
        self._pause.succeeded(attempt)
        return said

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        log.debug("the shared cache failed: %s", type(error).__name__)


class Lease:
    """A right to fetch that ends by itself."""

    __slots__ = ("name", "token")

    def __init__(self, name: bytes, token: bytes) -> None:
        self.name, self.token = name, token
