"""Shared stops: what was last said of each partner, in the Valkey or Redis that processes on several machines share.

A record is sealed for its partner and zone (`resolvers.results.seal`): whoever else reaches the server can neither read
nor make one. A record that is absent says nothing: whoever knows of a stop goes on knowing it, and says it again.

Does not promise: that a record is the newest one. Whoever can write there can put an older one back; those who know
better do not believe it, and replace it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from redis.asyncio import Redis

from app.partners.stop import Record, Stop
from resolvers.results.connect import connections
from resolvers.results.seal import seal, unseal

_TIMEOUT = 0.5


class SharedStops:
    """The records of one zone; ``secret`` is the zone's."""

    def __init__(self, url: str, zone: str, secret: bytes) -> None:
        self._client = Redis(connection_pool=connections(url, _TIMEOUT, 2))
        self._zone, self._secret = zone, blake2b(b"partner stops", key=secret[:64], digest_size=32).digest()

    async def read(self, partners: Sequence[str]) -> Mapping[str, Record]:
        """What was last said of these partners. Raises whatever a client may raise, or TimeoutError."""
        keys = [self._key(name) for name in partners]
        async with asyncio.timeout(_TIMEOUT):
            found = await self._client.mget(keys)
        opened = {name: self._opened(key, value) for name, key, value in zip(partners, keys, found, strict=True)}
        return {name: record for name, record in opened.items() if record is not None}

    async def write(self, partner: str, record: Record) -> None:
        """Say something of a partner. Raises as `read`."""
        stop, key = record.stop, self._key(partner)
        rows = [() if stop is None else (stop.since, stop.reason)]
        sealed = seal(self._secret, key, record.at, rows)
        if sealed is None:
            raise ValueError("a reason that is no text")
        async with asyncio.timeout(_TIMEOUT):
            await self._client.set(key, sealed)

    async def close(self) -> None:
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    def _key(self, partner: str) -> bytes:
        digest = blake2b(partner.encode(), key=self._secret, digest_size=16).hexdigest()
        return f"customhouse:1:stop:{self._zone}:{digest}".encode()

    def _opened(self, key: bytes, value: object) -> Record | None:
        found = unseal(self._secret, key, value) if isinstance(value, bytes) else None
        if found is None:
            return None
        at, (row, *_) = found
        return Record(at, Stop(float(str(row[0])), str(row[1])) if row else None)
