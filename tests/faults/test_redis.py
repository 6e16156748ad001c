"""A guarded Redis source, opened as the catalog opens it: a real Valkey behind the fault proxy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call, Keyed
from resolvers.backends.keyed.registry import open_guarded
from schema.catalog import Place, Source
from schema.errors import Refusal
from tests.faults.house import Counts
from tests.faults.proxy import FINE, Fault, Proxy
from tests.keyed.products import view
from tests.results.valkey import PASSWORD, Valkey

ROUTES = view("route", {"id": "string"}, {"flights": "integer"})
KEYS = [(str(number),) for number in range(100)]


@asynccontextmanager
async def guarded(valkey: Valkey, **options: object) -> AsyncIterator[tuple[Keyed, Proxy, Counts]]:
    """A hundred hashes behind a proxy."""
    with valkey.client() as client:
        for (number,) in KEYS:
            client.hset(f"route:{number}", "Flights-v1", number)
    async with Proxy(valkey.port) as proxy:
        url = f"valkey://:{PASSWORD}@127.0.0.1:{proxy.port}/0"
        counts = Counts()
        source = open_guarded(Source("store", "redis", url, Place("x"), options=options), url, Path("."), counts)
        try:
            assert await page(source) == ""
            yield source, proxy, counts
        finally:
            await source.close()


async def page(source: Keyed, seconds: float = 20) -> str:
    """The code of what a page of a hundred gets; empty for the right rows."""
    try:
        rows = await source.find(ROUTES, KEYS, ["flights"], Call(Deadline.after(seconds)))
    except Refusal as refusal:
        return refusal.code
    assert [row and row["flights"] for row in rows] == list(range(100))
    return ""


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (Fault(latency=0.05), ""),
        (Fault(latency=60), "CH501 CH503"),
        (Fault(drip=2), "CH501 CH503"),
        (Fault(reset_at=0), "CH501"),
        (Fault(reset_at=9), "CH501"),
        (Fault(black_hole=True), "CH501 CH503"),
        (Fault(half_open=True), "CH501 CH503"),
        (Fault(garbage=b"\x00\xff\r\n"), "CH501 CH502"),
        (Fault(garbage=b":1\r\n"), "CH501 CH502"),  # well-formed, and nonsense
        (Fault(refuse=True), "CH501"),
    ],
    ids=str,
)
async def test_each_fault_and_after_it(fault: Fault, codes: str, valkey: Valkey) -> None:
    quick: dict[str, object] = {"call_timeout": 0.3, "breaker_seconds": 0.01} if codes else {}
    async with guarded(valkey, retries=0, **quick) as (source, proxy, _):
        await proxy.turn(fault)
        assert {await page(source) for _ in range(3)} <= set(codes.split(" "))
        await proxy.turn(FINE)
        async with asyncio.timeout(20):
            while await page(source):
                await asyncio.sleep(0.02)
        assert [await page(source) for _ in range(5)] == [""] * 5


async def test_a_store_in_a_black_hole_is_asked_a_few_times_and_comes_back(valkey: Valkey) -> None:
    """200 pages, ten at a time: 5 failures open the breaker, whatever is under way ends, the rest is told at once."""
    async with guarded(valkey, call_timeout=0.3, breaker_seconds=0.5) as (source, proxy, counts):
        await proxy.turn(Fault(black_hole=True))
        said: Counter[str] = Counter()
        for _ in range(20):
            said.update(await asyncio.gather(*(page(source) for _ in range(10))))
        # Calls cannot be counted here: nobody acknowledges the password, so no command follows it. Connections can.
        assert proxy.connections <= 1 + 10 + 5
        assert said.keys() <= {"CH501", "CH503"}
        assert said["CH501"] >= 150
        assert counts.path[:2] == ["closed", "open"]
        await proxy.turn(FINE)
        async with asyncio.timeout(20):
            while await page(source):
                await asyncio.sleep(0.05)
        assert counts.path[-1] == "closed"


async def test_a_retry_makes_up_for_a_reset(valkey: Valkey) -> None:
    async with guarded(valkey) as (source, proxy, counts):
        await proxy.turn(Fault(reset_at=0))
        asked = asyncio.create_task(page(source))
        async with asyncio.timeout(10):
            while not counts.said["retry",]:
                await asyncio.sleep(0)
        await proxy.turn(FINE)
        assert await asked == ""
        assert await page(source) == ""
        assert counts.path == ["closed"]


async def test_a_hedge_takes_another_connection(valkey: Valkey) -> None:
    """The first connection hangs, a new one does not."""
    async with guarded(valkey, hedge="30ms", call_timeout=20) as (source, proxy, counts):
        (hanging,) = proxy._links
        hanging.from_client._transport.pause_reading()  # type: ignore[attr-defined]
        assert await page(source) == ""
        assert (proxy.connections, counts.said) == (2, Counter({("hedge", "second"): 1}))
