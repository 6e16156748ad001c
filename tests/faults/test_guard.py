"""A guarded source behind the fault proxy: what a caller gets, what reaches the source, what the breaker does.

What must not happen is counted at the proxy and at the server.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest

from schema.catalog import Product
from schema.errors import Refusal
from tests.faults.house import HOLE, REFUSE, RESET, house, settled
from tests.faults.lines import DICE, FEATURES, SCORES, row
from tests.faults.proxy import FINE, Fault


async def test_a_guard_changes_no_answer() -> None:
    async with house() as h:
        assert await h.ask("EWR", "XXX", "JFK") == [row("EWR"), None, row("JFK")]
        assert h.source.batch(FEATURES) == 100
        await h.source.check()
        assert (h.server.calls, h.counts.said) == (2, Counter())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(latency=0.05), ""),
        (Fault(drip=400), ""),
        (Fault(latency=30), "CH503"),
        (Fault(drip=2), "CH503"),
        (Fault(reset_at=0), "CH501"),
        (Fault(reset_at=7), "CH501"),
        (Fault(black_hole=True), "CH503"),
        (Fault(half_open=True), "CH503"),
        (Fault(garbage=b"\x00{\n"), "CH502"),
        (Fault(garbage=b"[[[["), "CH503"),  # an answer that never ends
        (Fault(refuse=True), "CH501"),
    ],
    ids=str,
)
async def test_each_fault_has_its_code_and_is_over_when_it_is_over(fault: Fault, code: str) -> None:
    """With a connection that was open before, and without one."""
    async with house(call_timeout=0.3 if code else 10, retries=0) as h:
        assert await h.code() == ""
        await h.proxy.turn(fault)
        assert [await h.code(), await h.code()] == [code, code]
        await h.proxy.turn(FINE)
        # What is still in the pool of the back end may be broken; a retry is not needed to find that out once.
        found = [await h.code() for _ in range(3)]
        assert found[-1] == ""


async def test_the_breaker_opens_answers_at_once_probes_and_closes() -> None:
    async with house(retries=0, breaker_failures=3, breaker_seconds=5) as h:
        await h.proxy.turn(RESET)
        assert [await h.code() for _ in range(3)] == ["CH501"] * 3
        reached = h.proxy.marks
        assert [await h.code() for _ in range(50)] == ["CH501"] * 50
        assert (h.proxy.marks, h.counts.said) == (reached, Counter({("turned away", "open"): 50}))
        h.now[0] = 5.0
        assert await h.code() == "CH501"  # the probe, for which the source is still down
        assert (h.proxy.marks, await h.code(), h.proxy.marks) == (reached + 1, "CH501", reached + 1)
        await h.proxy.turn(FINE)
        h.now[0] = 10.0
        assert [await h.code() for _ in range(3)] == ["", "", ""]
        assert h.counts.path == ["closed", "open", "half_open", "open", "half_open", "closed"]
        assert +h.counts.states == Counter(closed=1)


async def test_one_probe_at_a_time() -> None:
    async with house(retries=0, breaker_failures=1, breaker_seconds=5) as h:
        await h.proxy.turn(REFUSE)
        assert await h.code() == "CH501"
        await h.proxy.turn(FINE)
        h.now[0], h.server.holds = 5.0, [0.1]
        assert sorted(await asyncio.gather(*(h.code() for _ in range(20)))) == [""] + ["CH501"] * 19
        assert (h.server.calls, h.counts.said["turned away", "open"]) == (1, 19)
        assert await h.code() == ""


async def test_one_bad_value_does_not_close_the_source_to_everybody() -> None:
    async with house(breaker_failures=2) as h:
        await h.proxy.turn(Fault(garbage=b"\x00{\n"))
        assert [await h.code() for _ in range(40)] == ["CH502"] * 40
        assert (h.proxy.marks, h.counts.said) == (40, Counter())  # neither asked again
        await h.proxy.turn(FINE)
        assert await h.code() == ""
        assert h.counts.path == ["closed"]


async def test_an_unreadable_answer_ends_a_probe_well() -> None:
    """The source speaks, so callers are let through to it, whatever it says."""
    async with house(retries=0, breaker_failures=1, breaker_seconds=5) as h:
        await h.proxy.turn(RESET)
        assert await h.code() == "CH501"
        await h.proxy.turn(Fault(garbage=b"\x00{\n"))
        h.now[0] = 5.0
        assert await h.code() == "CH502"
        assert h.counts.path[-1] == "closed"


async def test_an_outage_is_not_multiplied() -> None:
    """Of 200 calls to a source that takes each and answers none, at most a tenth and the reserve are made twice."""
    async with house(retries=3, breaker_failures=1000, breaker_rate=1, concurrency=50, waiting=500) as h:
        assert await h.code() == ""  # one success in the window, so that the rate does not open the breaker
        await h.proxy.turn(RESET)
        reached = h.proxy.marks
        assert set(await asyncio.gather(*(h.code() for _ in range(200)))) == {"CH501"}
        assert 200 < h.proxy.marks - reached <= 200 + 20 + 5
        assert h.counts.said == Counter({("retry",): h.proxy.marks - reached - 200})


async def test_with_the_breaker_an_outage_reaches_the_source_a_handful_of_times() -> None:
    async with house(breaker_failures=5) as h:
        await h.proxy.turn(RESET)
        assert {await h.code() for _ in range(200)} == {"CH501"}
        assert h.proxy.marks == 5


async def test_a_retry_makes_up_for_a_connection_that_died_idle() -> None:
    async with house() as h:
        assert await h.code() == ""
        await h.proxy.turn(REFUSE)
        await h.proxy.turn(FINE)
        assert await h.code() == ""
        assert h.counts.said == Counter({("retry",): 1})


@pytest.mark.parametrize(
    ("product", "calls"), [(FEATURES, 3), (SCORES, 3), (DICE, 1)], ids=["features", "same", "dice"]
)
async def test_only_what_gives_the_same_again_is_asked_again(product: Product, calls: int) -> None:
    async with house(retries=2) as h:
        await h.proxy.turn(RESET)
        assert await h.code(product=product) == "CH501"
        assert h.proxy.marks == calls


async def test_no_retry_beyond_the_deadline() -> None:
    """The first call takes all the time there is."""
    async with house(retries=5) as h:
        await h.proxy.turn(HOLE)
        assert await h.code(seconds=0.1) == "CH503"
        assert h.proxy.marks == 1


async def test_no_retry_when_its_pause_ends_after_the_deadline() -> None:
    async with house(chance=1.0, retries=5) as h:
        await h.proxy.turn(RESET)
        assert await h.code(seconds=0.04) in ("CH501", "CH503")
        assert h.counts.said == Counter()


async def test_whoever_comes_while_it_is_open_waits_for_no_place() -> None:
    """Both places are taken by calls that hang, one of them the probe. Others are turned away, not put in line."""
    async with house(concurrency=2, retries=0, breaker_failures=1, breaker_seconds=5) as h:
        h.server.holds = [60]
        hanging = asyncio.create_task(h.code())
        await settled(lambda: h.server.now == 1)
        await h.proxy.turn(RESET)
        assert await h.code() == "CH501"
        h.now[0] = 5.0
        await h.proxy.turn(FINE)
        h.server.holds = [60]
        probe = asyncio.create_task(h.code())
        await settled(lambda: h.server.now == 2)
        assert await h.code(seconds=5) == "CH501"
        for call in (hanging, probe):
            call.cancel()
        await asyncio.gather(hanging, probe, return_exceptions=True)


async def test_a_caller_in_a_hurry_says_nothing_about_the_source() -> None:
    """Thirty callers with 5 ms each find a slow source too slow. Others do not suffer for it."""
    async with house(breaker_failures=2, retries=0) as h:
        h.server.holds = [0.2] * 30
        assert {await h.code(seconds=0.005) for _ in range(30)} == {"CH503"}
        h.server.holds = []
        assert await h.code() == ""
        assert h.counts.path == ["closed"]


async def test_a_caller_with_patience_does() -> None:
    async with house(breaker_failures=2, retries=0, breaker_patience="50ms") as h:
        await h.proxy.turn(HOLE)
        assert [await h.code(seconds=0.1) for _ in range(3)] == ["CH503", "CH503", "CH501"]
        assert h.counts.path == ["closed", "open"]


async def test_a_hurried_probe_leaves_the_next_caller_to_probe() -> None:
    async with house(breaker_failures=1, retries=0, breaker_seconds=5) as h:
        await h.proxy.turn(REFUSE)
        assert await h.code() == "CH501"
        await h.proxy.turn(FINE)
        h.now[0], h.server.holds = 5.0, [0.2]
        assert await h.code(seconds=0.01) == "CH503"
        assert h.counts.path == ["closed", "open", "half_open"]
        assert await h.code() == ""
        assert h.counts.path[-1] == "closed"


async def test_no_time_is_no_call() -> None:
    async with house(breaker_failures=1) as h:
        assert await h.code(seconds=0) == "CH503"
        assert (h.proxy.connections, h.counts.path) == (0, ["closed"])


async def test_changes_of_state_are_told_once_and_turning_away_is_not(caplog: pytest.LogCaptureFixture) -> None:
    """An open breaker must not write a line for each caller."""
    async with house(retries=0, breaker_failures=2, breaker_seconds=5) as h:
        await h.proxy.turn(RESET)
        with caplog.at_level(logging.WARNING, "customhouse.source"):
            for _ in range(100):
                await h.code()
        lines = [record.getMessage() for record in caplog.records]
        assert [line for line in lines if "breaker" in line] == ["source lines: breaker open, was closed"]
        assert len(lines) == 3


async def test_a_check_goes_past_the_guard() -> None:
    async with house(retries=0, breaker_failures=1, concurrency=1, waiting=0) as h:
        await h.proxy.turn(RESET)
        assert [await h.code(), await h.code()] == ["CH501", "CH501"]
        reached = h.proxy.marks
        with pytest.raises(Refusal, match="not available"):
            await h.source.check()
        await h.proxy.turn(FINE)
        await h.source.check()
        assert h.proxy.marks == reached + 2
