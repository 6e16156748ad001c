"""Hedged calls of a guarded source: who wins, what the loser costs, and that no place is lost."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.faults.house import HOLE, RESET, house, settled
from tests.faults.lines import DICE
from tests.faults.proxy import FINE


async def test_a_hedge_wins_and_the_loser_is_cancelled_at_the_source() -> None:
    async with house(hedge="20ms", call_timeout=60) as h:
        h.server.holds = [60]
        assert await h.code() == ""
        await settled(lambda: h.server.left == 1)
        assert (h.server.calls, h.counts.said) == (2, Counter({("hedge", "second"): 1}))


async def test_the_first_may_still_win() -> None:
    async with house(hedge="20ms", call_timeout=60) as h:
        h.server.holds = [0.4, 60]
        assert await h.code() == ""
        await settled(lambda: h.server.left == 1)
        assert (h.server.calls, h.counts.said) == (2, Counter({("hedge", "first"): 1}))


async def test_one_that_fails_is_not_an_answer_while_the_other_runs() -> None:
    """The first connection is reset after the second call has begun."""
    async with house(hedge="20ms", retries=0) as h:
        h.server.holds = [0.1, 0.3]
        asked = asyncio.create_task(h.code())
        await settled(lambda: h.server.now == 2)
        next(iter(h.proxy._links)).reset()
        assert await asked == ""
        assert h.counts.said == Counter({("hedge", "second"): 1})


async def test_when_both_fail_it_is_one_failure() -> None:
    async with house(hedge="20ms", retries=0, call_timeout=0.1, breaker_failures=2) as h:
        await h.proxy.turn(HOLE)
        assert await h.code() == "CH503"
        assert (h.proxy.marks, h.counts.path) == (2, ["closed"])
        assert await h.code() == "CH503"
        assert (h.counts.path, h.counts.said) == (["closed", "open"], Counter({("hedge", "neither"): 2}))


async def test_hedges_are_paid_from_the_same_budget() -> None:
    """A source that is always slow is not asked twice by everybody."""
    async with house(hedge="10ms", retries=0) as h:
        for _ in range(30):
            h.server.holds = [0.03, 0.03]
            assert await h.code() == ""
        assert h.counts.said.total() == 5 + 2  # the reserve, then one for ten calls; the last ones are saved up
        assert h.server.calls == 37


async def test_no_hedge_without_a_place_or_for_what_must_not_be_asked_twice() -> None:
    async with house(hedge="10ms", concurrency=1) as h:
        h.server.holds = [0.1]
        assert await h.code() == ""
        assert (h.server.calls, h.counts.said) == (1, Counter())
    async with house(hedge="10ms") as h:
        h.server.holds = [0.1]
        assert await h.code(product=DICE) == ""
        assert (h.server.calls, h.counts.said) == (1, Counter())


async def test_a_caller_who_leaves_a_hedged_call_ends_both() -> None:
    async with house(hedge="20ms", concurrency=2, call_timeout=60) as h:
        h.server.holds = [60, 60]
        caller = asyncio.create_task(h.code())
        await settled(lambda: h.server.now == 2)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await settled(lambda: h.server.left == 2)
        assert await asyncio.gather(h.code(), h.code()) == ["", ""]
        assert h.counts.path == ["closed"]


async def test_callers_leaving_at_any_moment_leak_no_place() -> None:
    """A hundred callers who leave after 0 to 40 ms, with slow answers, hedges, retries and resets among them; `house`
    looks at the places and connections afterwards."""
    async with house(hedge="5ms", retry_budget=1, concurrency=4, breaker_failures=10_000, breaker_rate=1) as h:
        assert await h.code() == ""
        for turn in range(100):
            h.server.holds = [0.01 * (at % 3) for at in range(8)]
            callers = [asyncio.create_task(h.code()) for _ in range(3)]
            await asyncio.sleep(0.001 * (turn % 40))
            if turn % 10 == 0:
                await h.proxy.turn(RESET if turn % 20 else FINE)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        await h.proxy.turn(FINE)
        h.server.holds = []
        assert [await h.code() for _ in range(9)][-1] == ""  # after connections that the last fault broke
        assert h.counts.path == ["closed"]
