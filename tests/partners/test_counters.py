"""What was used of quotas: in one process by its share, in several by what they share, and by the share again while
that does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from app.quotas.counters import Counter, Counters
from resolvers.results.pause import Pause
from schema.zone import Rate
from tests.results.valkey import Valkey

SECRET = bytes(range(32))
HOUR = Rate(10, 3600.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of what is counted in memory."""
    made = Clock()
    monkeypatch.setattr("limits.aio.storage.memory.time", made)
    return made


@pytest.fixture
async def shared(valkey: Valkey) -> AsyncIterator[list[Counters]]:
    """Three processes' counters; what shares is slower on a busy machine than anything that is tested here."""
    made = [Counters("partner", SECRET, workers=2, url=valkey.url, timeout=5.0, pause=Pause(60.0)) for _ in range(3)]
    yield made
    for one in made:
        await one.close()


async def taken(counters: Counters, counter: Counter, times: int) -> int:
    return sum([await counters.take_one(counter) for _ in range(times)])


async def left(counters: Counters, counter: Counter) -> int:
    return (await counters.look([counter]))[0].left


async def test_one_worker_has_all_of_it(clock: Clock) -> None:
    counters = Counters("partner", SECRET)
    counter = counters.counter(HOUR, "agency", "", "requests")
    assert await taken(counters, counter, 15) == 10
    clock.now += 3600  # all of it is in the window before, which counts as long as it reaches back
    assert await taken(counters, counter, 15) == 0
    clock.now += 1800
    assert await taken(counters, counter, 15) == 5
    clock.now += 2 * 3600
    assert await taken(counters, counter, 15) == 10


async def test_what_was_refused_is_not_charged(clock: Clock) -> None:
    counters = Counters("partner", SECRET)
    counter = counters.counter(HOUR, "agency", "", "requests")
    assert await taken(counters, counter, 500) == 10
    over = (await counters.look([counter]))[0].over
    clock.now += over + 1
    assert await taken(counters, counter, 500) == 1


@pytest.mark.parametrize(("workers", "limit", "share"), [(2, 10, 5), (3, 10, 3), (64, 10, 1)])
async def test_each_of_several_has_its_share(clock: Clock, workers: int, limit: int, share: int) -> None:
    counters = Counters("partner", SECRET, workers=workers)
    counter = counters.counter(Rate(limit, 60.0), "agency", "", "requests")
    assert (await counters.look([counter]))[0].limit == share
    assert await taken(counters, counter, 100) == share


async def test_more_than_there_was_is_charged(clock: Clock) -> None:
    """An answer of 25 rows where 10 were left: it takes one and a half windows more until a row is left again."""
    counters = Counters("partner", SECRET)
    counter = counters.counter(HOUR, "agency", "", "rows")
    await counters.charge([(counter, 25)])
    found = (await counters.look([counter]))[0]
    assert found.left == 0
    clock.now += found.over - 10
    assert await left(counters, counter) == 0
    clock.now += 20
    assert await left(counters, counter) == 1


async def test_a_changed_limit_goes_on_with_what_was_used(clock: Clock) -> None:
    counters = Counters("partner", SECRET)
    await counters.charge([(counters.counter(HOUR, "agency", "", "rows"), 8)])
    assert await left(counters, counters.counter(Rate(20, 3600.0), "agency", "", "rows")) == 12


async def test_partners_products_and_kinds_are_counted_apart(clock: Clock) -> None:
    counters = Counters("partner", SECRET)
    whats = [("a", "", "rows"), ("a", "", "requests"), ("b", "", "rows"), ("a", "x.y", "rows"), ("a", "x.z", "rows")]
    await counters.charge([(counters.counter(HOUR, *what), at + 1) for at, what in enumerate(whats)])
    assert [await left(counters, counters.counter(HOUR, *what)) for what in whats] == [9, 8, 7, 6, 5]


async def test_processes_share_what_they_count(shared: list[Counters], valkey: Valkey) -> None:
    counters = [one.counter(HOUR, "agency", "", "requests") for one in shared]
    found = await asyncio.gather(*(taken(one, at, 8) for one, at in zip(shared, counters, strict=True)))
    assert sum(found) == 10
    assert [await left(one, at) for one, at in zip(shared, counters, strict=True)] == [0, 0, 0]
    await shared[0].charge([(shared[0].counter(HOUR, "agency", "", "rows"), 25)])
    assert (await shared[1].look([shared[1].counter(HOUR, "agency", "", "rows")]))[0].over > 3600


async def test_what_is_shared_names_nobody(shared: list[Counters], valkey: Valkey) -> None:
    await shared[0].charge([(shared[0].counter(HOUR, "agency", "sales.customers", "rows"), 3)])
    found = valkey.everything()
    assert b"customhouse:1:quota:" in found
    assert not any(word in found for word in (b"agency", b"sales", b"customers"))
    other = Counters("partner", SECRET[::-1]).counter(HOUR, "agency", "sales.customers", "rows")
    assert other.name != shared[0].counter(HOUR, "agency", "sales.customers", "rows").name


async def test_while_nothing_is_shared_each_has_its_share(
    shared: list[Counters], valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    one = shared[0]
    counter = one.counter(HOUR, "agency", "", "requests")
    assert await taken(one, counter, 4) == 4
    valkey.kill()
    with caplog.at_level(logging.WARNING, "customhouse.quotas"):
        assert await taken(one, counter, 20) == 5  # half of 10, counted anew: neither open nor closed
        assert (await one.look([counter]))[0].left == 0
    assert [record.name for record in caplog.records] == ["customhouse.quotas"], "it is said once"


async def test_a_shared_one_that_hangs_does_not_hold_a_request_up(valkey: Valkey) -> None:
    one = Counters("partner", SECRET, url=valkey.url, pause=Pause(60.0))
    counter = one.counter(HOUR, "agency", "", "requests")
    assert await taken(one, counter, 1) == 1
    valkey.freeze()
    async with asyncio.timeout(5):
        assert await taken(one, counter, 20) == 10
    valkey.thaw()
    await one.close()


async def test_a_short_window_of_the_shared_one_passes(shared: list[Counters]) -> None:
    counter = shared[0].counter(Rate(3, 1.0), "agency", "", "requests")
    assert await taken(shared[0], counter, 5) == 3
    async with asyncio.timeout(10):
        while not await shared[1].take_one(counter):
            await asyncio.sleep(0.05)
