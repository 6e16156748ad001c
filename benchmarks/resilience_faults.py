"""What is not there for a while: a source, the cache that processes share, the issuer. Whoever does not need it must
not notice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.procfs import tree
from benchmarks.resilience_changes import RATE, asking
from benchmarks.resilience_house import House, port_of, request, row
from benchmarks.resilience_load import Balancer, Seen, load
from tests.results.valkey import Valkey

_PAUSE, _RARELY, _MOST = 10.0, 10.0, 15.0


@contextlib.contextmanager
def _stopped(root: int) -> Iterator[None]:
    """The server and all that serve its connections."""
    held = sorted(tree(root))
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def paused(house: House, timeout: str) -> tuple[Seen, str]:
    """What the other source's callers saw, and how long after its return the paused one's first answer came."""
    with house.gateway(timeout) as process:
        balancer, rest, over = Balancer(port_of(process)), Seen(), asyncio.Event()

        def goes(_: int) -> bool:
            return not over.is_set()

        shop = asyncio.create_task(load(balancer, asking(house, "p256-1"), RATE, goes))
        other = asyncio.create_task(load(balancer, asking(house, "p256-1", "good"), _RARELY, goes, rest))
        await asyncio.sleep(2)
        with _stopped(house.other_pid):
            await asyncio.sleep(_PAUSE)
        back = time.perf_counter()
        while rest.first_asked(back) > _MOST and time.perf_counter() < back + _MOST:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        over.set()
        seen, _ = await shop, await other
    return seen, (
        f"the paused source's first answer {rest.first(back):.2f} s after its return, the first to a question asked "
        f"since {rest.first_asked(back):.2f} s; of its own {rest.said()}"
    )


async def cache_stopped(house: House) -> tuple[Seen, str]:
    with tempfile.TemporaryDirectory(prefix="customhouse-resilience-valkey-") as home:
        valkey = Valkey(Path(home))
        try:
            return await _without_cache(house, valkey)
        finally:
            valkey.thaw()
            valkey.kill()


async def _without_cache(house: House, valkey: Valkey) -> tuple[Seen, str]:
    with house.gateway(CUSTOMHOUSE_CACHE_URL=valkey.url, CUSTOMHOUSE_CACHE_BYTES="0") as process:
        end, question = time.perf_counter() + 17, asking(house, "p256-1", "keptThing", among=100)
        balancer = Balancer(port_of(process))
        asked = asyncio.create_task(load(balancer, question, RATE, lambda _: time.perf_counter() < end))
        await asyncio.sleep(3)
        before = await asyncio.to_thread(_hits, valkey)
        await asyncio.to_thread(valkey.kill)
        await asyncio.sleep(4)
        await asyncio.to_thread(valkey.start)
        await asyncio.sleep(5)
        valkey.freeze()
        await asyncio.sleep(3)
        valkey.thaw()
        seen = await asked
        after = await asyncio.to_thread(_hits, valkey)
    return seen, f"answered from it: {before} before it was killed, {after} when it was back"


def _hits(valkey: Valkey) -> int:
    with valkey.client() as client:
        return int(client.info("stats")["keyspace_hits"])


async def issuer_down(house: House) -> tuple[Seen, str]:
    """Every request with a token that was never seen before."""
    with house.gateway(CUSTOMHOUSE_KEYS_REFRESH="0.05") as process:

        def question(number: int) -> tuple[bytes, bytes]:
            body, wanted = row("thing", number)
            return request(house.token("p256-1", number), body), wanted

        balancer = Balancer(port_of(process))
        end = time.perf_counter() + 16
        asked = asyncio.create_task(load(balancer, question, RATE, lambda _: time.perf_counter() < end))
        await asyncio.sleep(1)
        house.issuer.mode = "down"
        await asyncio.sleep(8)
        await asyncio.to_thread(house.issuer.close)
        seen = await asked
        failed = sum(line["event"] == "keys_unavailable" for line in list(process.log))
    return seen, f"{failed} fetches of its keys failed; at the default pace of 25 s that is {failed * 25 / 3600:.1f} h"
