"""How many calls of a guarded source run at once, who waits in line, and what leaving does."""

from __future__ import annotations

import asyncio
from collections import Counter

from resolvers.backends.places import Places
from tests.faults.house import HOLE, REFUSE, house, settled
from tests.faults.proxy import FINE


async def test_so_many_at_once_and_so_many_in_line() -> None:
    """Of 20 callers 3 are served at a time, 7 wait, and 10 are told at once."""
    async with house(concurrency=3, waiting=7) as h:
        h.server.holds = [0.02] * 10
        assert h.source.places() == [Places("calls", 0, 3, 0)]
        asked = asyncio.gather(*(h.code() for _ in range(20)))
        await settled(lambda: h.source.places() == [Places("calls", 3, 3, 7)])
        codes = Counter(await asked)
        assert h.source.places() == [Places("calls", 0, 3, 0)]
        assert codes == Counter({"": 10, "CH501": 10})
        assert (h.server.calls, h.server.most) == (10, 3)
        assert h.counts.said == Counter({("turned away", "full"): 10})


async def test_whoever_waits_too_long_in_line_never_reaches_the_source() -> None:
    async with house(concurrency=1, retries=0) as h:
        h.server.holds = [0.5]
        long = asyncio.create_task(h.code())
        await settled(lambda: h.server.calls == 1)
        assert await h.code(seconds=0.05) == "CH503"
        assert await long == ""
        assert (h.server.calls, h.counts.path) == (1, ["closed"])


async def test_those_in_line_are_turned_away_when_the_breaker_opens() -> None:
    """Twenty wait behind two calls into a black hole; they do not fall into it one after the other."""
    async with house(concurrency=2, breaker_failures=2, retries=0, call_timeout=0.2) as h:
        await h.proxy.turn(HOLE)
        codes = Counter(await asyncio.gather(*(h.code() for _ in range(22))))
        assert codes == Counter({"CH503": 2, "CH501": 20})
        assert h.proxy.marks == 2


async def test_a_cancelled_caller_ends_the_call_and_counts_for_nothing() -> None:
    async with house(concurrency=2, breaker_failures=1) as h:
        h.server.holds = [60] * 6
        for left in range(2, 7, 2):
            callers = [asyncio.create_task(h.code()) for _ in range(2)]
            await settled(lambda: h.server.now == 2)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            await settled(lambda left=left: h.server.left == left)
        assert await h.code() == ""
        assert (h.counts.path, h.counts.said) == (["closed"], Counter())


async def test_a_cancelled_probe_leaves_the_next_caller_to_probe() -> None:
    async with house(breaker_failures=1, retries=0, breaker_seconds=5) as h:
        await h.proxy.turn(REFUSE)
        assert await h.code() == "CH501"
        await h.proxy.turn(FINE)
        h.now[0], h.server.holds = 5.0, [60]
        probe = asyncio.create_task(h.code())
        await settled(lambda: h.server.now == 1)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert await h.code() == ""
        assert h.counts.path == ["closed", "open", "half_open", "closed"]
