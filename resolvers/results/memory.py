"""Memory: results in this process, an aiocache back end that is bounded by bytes.

The least recently used entry goes first; one that is larger than an eighth of the bound is not taken. An entry is gone
at its time to live, on the monotonic clock, whether or not anything looked.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import cast

from aiocache.base import BaseCache
from aiocache.serializers import NullSerializer

from resolvers.results.entry import Entry

SHARE = 8
"""The largest entry is the bound divided by this."""


class MemoryCache(BaseCache):  # type: ignore[misc]  # aiocache has no types
    """``most`` bytes of entries by key. aiocache's own timeout is off: it costs more than the look-up."""

    NAME = "customhouse"

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(serializer=NullSerializer(encoding=None), timeout=0, key_builder=lambda key, namespace: key)
        self.most, self.largest, self.weight = most, most // SHARE, 0
        self._clock = clock
        self._held: OrderedDict[bytes, tuple[float, Entry]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def find(self, key: bytes) -> Entry | None:
        """The entry of a key, which becomes the last to go. What `get` calls, without the wrappers around it."""
        held = self._held.get(key)
        if held is None:
            return None
        if held[0] <= self._clock():
            self._drop(key)
            return None
        self._held.move_to_end(key)
        return held[1]

    def keep(self, key: bytes, entry: Entry, ttl: float) -> bool:
        """Take an entry. False where it is too large, was not weighed, or is at its end already."""
        self._drop(key)
        if not 0 < entry.weight <= self.largest or ttl <= 0:
            return False
        self._held[key] = (self._clock() + ttl, entry)
        self.weight += entry.weight
        while self.weight > self.most:
            self._drop(next(iter(self._held)))
        return True

    def _drop(self, key: bytes) -> int:
        held = self._held.pop(key, None)
        if held is None:
            return 0
        self.weight -= held[1].weight
        return 1

    async def _get(self, key: bytes, encoding: object = None, _conn: object = None) -> Entry | None:
        return self.find(key)

    async def _gets(self, key: bytes, encoding: object = None, _conn: object = None) -> Entry | None:
        return self.find(key)

    async def _multi_get(
        self, keys: Iterable[bytes], encoding: object = None, _conn: object = None
    ) -> list[Entry | None]:
        return [self.find(key) for key in keys]

    async def _set(
        self, key: bytes, value: Entry, ttl: float | None = None, _cas_token: object = None, _conn: object = None
    ) -> bool:
        if _cas_token is not None and self.find(key) is not _cas_token:
            return False
        return self.keep(key, value, _forever(ttl))

    async def _multi_set(
        self, pairs: Iterable[tuple[bytes, Entry]], ttl: float | None = None, _conn: object = None
    ) -> bool:
        kept = [self.keep(key, value, _forever(ttl)) for key, value in pairs]
        return all(kept)

    async def _add(self, key: bytes, value: Entry, ttl: float | None = None, _conn: object = None) -> bool:
        if self.find(key) is not None:
            raise ValueError("The key is there already.")
        return self.keep(key, value, _forever(ttl))

    async def _exists(self, key: bytes, _conn: object = None) -> bool:
        return self.find(key) is not None

    async def _expire(self, key: bytes, ttl: float, _conn: object = None) -> bool:
        entry = self.find(key)
        return entry is not None and self.keep(key, entry, ttl or float("inf"))

    async def _delete(self, key: bytes, _conn: object = None) -> int:
        return self._drop(key)

    async def _clear(self, namespace: object = None, _conn: object = None) -> bool:
        self._held.clear()
        self.weight = 0
        return True

    async def _raw(self, command: str, *args: object, **kwargs: object) -> object:
        return cast(object, getattr(self._held, command)(*args))


def _forever(ttl: float | None) -> float:
    return float("inf") if ttl is None else ttl
