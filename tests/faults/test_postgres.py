"""PostgreSQL behind the fault proxy: the pool, without a guard. Each fault ends in CH501 or CH503 before the deadline,
and when it is over the source answers again, with nothing restarted and no connection too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.dialect import Statement
from resolvers.backends.registry import open_backend
from schema.catalog import Source
from schema.errors import Place, Refusal
from tests.faults.proxy import FINE, Fault, Proxy
from tests.postgres import Server

WIDE = Bounds(1000, 1 << 20)
SIZE = 3


@asynccontextmanager
async def pooled(postgres: Server) -> AsyncIterator[tuple[Backend, Proxy]]:
    """A pool of three through a proxy, with its connections open."""
    async with Proxy(postgres.port) as proxy:
        url = postgres.database().replace(f":{postgres.port}/", f":{proxy.port}/")
        options = {"pool_size": SIZE, "connect_timeout": 1}
        backend = open_backend(Source("db", "postgres", url, Place("x.yaml"), options=options), url, Path("."))
        try:
            assert await codes(backend, 6) == Counter({"": 6})
            yield backend, proxy
        finally:
            await backend.close()


async def code(backend: Backend, seconds: float) -> str:
    try:
        assert await backend.fetch(Statement("SELECT 1", ()), (), Deadline.after(seconds), WIDE) == [(1,)]
    except Refusal as refusal:
        return refusal.code
    return ""


async def codes(backend: Backend, count: int, seconds: float = 20) -> Counter[str]:
    return Counter(await asyncio.gather(*(code(backend, seconds) for _ in range(count))))


async def recovered(backend: Backend) -> None:
    """It answers everybody again; the pool spaces out its attempts, so not at once."""
    async with asyncio.timeout(30):
        while await code(backend, 20):
            await asyncio.sleep(0.05)
        while await codes(backend, 6) != Counter({"": 6}):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("fault", "want"),
    [
        (Fault(latency=0.05), ""),
        (Fault(latency=60), "CH501 CH503"),
        (Fault(drip=2), "CH501 CH503"),
        (Fault(reset_at=0), "CH501"),
        (Fault(reset_at=9), "CH501"),
        (Fault(black_hole=True), "CH501 CH503"),
        (Fault(half_open=True), "CH501 CH503"),
        # Not just any garbage: asyncpg 0.32 never comes back from a message of negative length (docs/reliability.md).
        (Fault(garbage=b"HTTP/1.1 400 Bad Request\r\n"), "CH501 CH502 CH503"),
        (Fault(refuse=True), "CH501"),
    ],
    ids=str,
)
async def test_each_fault_and_after_it(fault: Fault, want: str, postgres: Server) -> None:
    """Twice as many callers as connections; first with the connections there were, then with what became of them."""
    async with pooled(postgres) as (backend, proxy):
        await proxy.turn(fault)
        for _ in range(2):
            async with asyncio.timeout(15):  # not a matter of speed: a deadline must end it, and nothing else would
                assert set(await codes(backend, 2 * SIZE, seconds=1)) <= set(want.split(" "))
        await proxy.turn(FINE)
        await recovered(backend)
        open_now = await backend.fetch(
            Statement("SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()", ()),
            (),
            Deadline.after(20),
            WIDE,
        )
        assert open_now[0][0] <= SIZE  # type: ignore[operator]
