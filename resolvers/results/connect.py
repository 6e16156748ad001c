"""Connect to the Valkey or Redis that processes share: no call waits for longer than it is told, and none is made
again by itself."""

from __future__ import annotations

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connections(url: str, timeout: float, most: int) -> ConnectionPool:
    """At most so many connections, opened when they are needed; ``timeout`` is in seconds."""
    return ConnectionPool.from_url(
        _spelt(url),
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        max_connections=most,
        protocol=2,
    )


def _spelt(url: str) -> str:
    """The URL in redis-py's words."""
    scheme, rest = url.split("://", 1)
    return f"{ {'valkey': 'redis', 'valkeys': 'rediss'}.get(scheme, scheme) }://{rest}"
