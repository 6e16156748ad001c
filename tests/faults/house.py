"""A guarded source behind the fault proxy, for the tests of the guard; and an observer that counts.

Only the breaker's clock is the test's own; the sockets, the timeouts and the faults are real.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.guard import Guarded
from resolvers.backends.keyed.keyed import Call, Row
from resolvers.backends.reliability.breaker import STATES
from resolvers.backends.reliability.guard import Guard
from resolvers.backends.reliability.settings import split
from resolvers.observe import Silent
from schema.catalog import Product
from schema.errors import Refusal
from tests.faults.lines import FEATURES, Lines, Server, row
from tests.faults.proxy import Fault, Proxy

REFUSE, RESET, HOLE = Fault(refuse=True), Fault(reset_at=0), Fault(black_hole=True)


class Counts(Silent):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.said: Counter[tuple[str, ...]] = Counter()
        self.states: Counter[str] = Counter()
        self.path: list[str] = []

    def breaker(self, name: str, before: str | None, after: str | None) -> None:
        self.states[str(before)] -= 1
        self.states[str(after)] += 1
        self.path.append(str(after))

    def retry(self, name: str) -> None:
        self.said["retry",] += 1

    def hedge(self, name: str, winner: str) -> None:
        self.said["hedge", winner] += 1

    def turned_away(self, name: str, why: str) -> None:
        self.said["turned away", why] += 1


@dataclass
class House:
    """A server, the proxy before it, the guarded back end before that; ``now`` is the breaker's clock."""

    server: Server
    proxy: Proxy
    source: Guarded
    counts: Counts
    now: list[float] = field(default_factory=lambda: [0.0])

    async def ask(self, *airports: str, seconds: float = 20, product: Product = FEATURES) -> list[Row | None]:
        keys = [(airport,) for airport in airports or ("EWR",)]
        return await self.source.find(product, keys, ["delay"], Call(Deadline.after(seconds)))

    async def code(self, seconds: float = 20, product: Product = FEATURES) -> str:
        """The code of the refusal; empty for an answer, which must be the right one."""
        try:
            assert await self.ask(seconds=seconds, product=product) == [row("EWR")]
        except Refusal as refusal:
            return refusal.code
        return ""


@asynccontextmanager
async def house(chance: float = 0.0, **options: object) -> AsyncIterator[House]:
    """With ``chance`` 0 retries wait for no time, and the breaker opens for exactly its seconds; with 1 both are at
    their longest."""
    settings, rest = split(options)
    assert not rest
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server())
        proxy = await stack.enter_async_context(Proxy(server.port))
        now, counts = [0.0], Counts()
        guard = Guard("lines", settings, counts, lambda: now[0], lambda: chance)
        source = Guarded(Lines(proxy.port), guard)
        stack.push_async_callback(source.close)
        yield House(server, proxy, source, counts, now)
        await source.close()
        assert not any(counts.states[state] for state in STATES)
        await settled(lambda: proxy.open == 0)
        assert guard._bulkhead._free == settings.concurrency


async def settled(true: object, seconds: float = 10) -> None:
    """Wait until it is true: the other end hears of things a moment later."""
    async with asyncio.timeout(seconds):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.001)
