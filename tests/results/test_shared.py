"""The shared cache: what it gives back, and that whatever happens to it is a miss."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Callable

import pytest

from resolvers.results.entry import Rows
from resolvers.results.pause import Pause
from resolvers.results.seal import seal
from resolvers.results.shared import LARGEST, SharedCache
from tests.results.valkey import Valkey

SECRET = bytes(range(32))
KEY, OTHER = b"k" * 32, b"o" * 32
ROWS: Rows = [(1, "one", 1.5, True, None, {"a": [1]}), (2, "zwei", -0.0, False, None, [])]
Make = Callable[..., SharedCache]


class Clock:
    """A wall or monotonic clock that is put on by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def make(valkey: Valkey) -> AsyncIterator[Make]:
    """Makes caches, patient ones: these tests run beside others."""
    made: list[SharedCache] = []

    def one(url: str = valkey.url, secret: bytes = SECRET, timeout: float = 5.0, **more: object) -> SharedCache:
        made.append(SharedCache(url, secret, timeout, **more))  # type: ignore[arg-type]
        return made[-1]

    yield one
    valkey.thaw()
    for cache in made:
        await cache.close()


async def test_rows_come_back(make: Make) -> None:
    clock = Clock()
    cache = make(clock=clock)
    assert await cache.find(KEY, 60) is None
    await cache.keep(KEY, 1.5, ROWS, 30)
    clock.now += 2
    found = await make(clock=clock).find(KEY, 60)  # another process
    assert found is not None
    age, rows = found
    assert (age, repr(rows)) == (pytest.approx(3.5), repr(ROWS))
    assert await cache.find(OTHER, 60) is None
    assert cache.errors == 0


async def test_an_entry_is_used_up_to_its_age(make: Make) -> None:
    clock = Clock()
    cache = make(clock=clock)
    await cache.keep(KEY, 0, ROWS, 100)
    for age, used in ((9.99, True), (10.01, False), (-0.5, True), (-2.0, False)):
        clock.now = 1_700_000_000.0 + age
        assert (await cache.find(KEY, 10) is not None) is used, age


async def test_the_server_drops_it_at_its_time(make: Make, valkey: Valkey) -> None:
    cache = make(clock=Clock())  # a clock that stands still: only the server's can drop it
    await cache.keep(KEY, 0, ROWS, 0.2)
    [name] = valkey.names()
    with valkey.client() as client:
        assert 0 < client.pttl(name) <= 200
        client.pexpire(name, 1)
    await asyncio.sleep(0.05)
    assert await cache.find(KEY, 60) is None
    await cache.keep(KEY, 0, ROWS, 0)
    await cache.keep(KEY, 0, ROWS, -1)
    assert valkey.names() == []


async def test_zones_cannot_read_each_other(make: Make) -> None:
    await make().keep(KEY, 0, ROWS, 60)
    other = make(secret=os.urandom(32))
    assert await other.find(KEY, 60) is None and other.errors == 1


async def test_an_entry_moved_to_another_key_does_not_open(make: Make, valkey: Valkey) -> None:
    cache = make()
    await cache.keep(KEY, 0, ROWS, 60)
    [name] = valkey.names()
    with valkey.client() as client:
        client.set(name.replace(KEY.hex().encode(), OTHER.hex().encode()), client.get(name))
    assert len(valkey.names()) == 2
    assert await cache.find(KEY, 60) is not None and await cache.find(OTHER, 60) is None


@pytest.mark.parametrize(
    "garbage", [b"", b"x", b"\x80\x04\x95pickle", b"[1, [[1]]]", b"\0" * 500, os.urandom(4096), b"x" * (LARGEST + 10)],
    ids=["empty", "short", "pickle", "json", "zeros", "random", "huge"],
)  # fmt: skip
async def test_garbage_is_a_miss_and_is_written_over(make: Make, valkey: Valkey, garbage: bytes) -> None:
    cache = make()
    await cache.keep(KEY, 0, ROWS, 60)
    [name] = valkey.names()
    with valkey.client() as client:
        client.set(name, garbage)
    assert await cache.find(KEY, 60) is None
    await cache.keep(KEY, 0, ROWS, 60)
    assert await cache.find(KEY, 60) is not None


async def test_no_more_than_an_entry_is_read(make: Make, valkey: Valkey) -> None:
    """Whoever can write to the cache could else fill the memory of the gateway."""
    cache = make()
    await cache.keep(KEY, 0, ROWS, 60)
    [name] = valkey.names()
    with valkey.client() as client:
        client.set(name, b"x" * (4 * LARGEST))
        before = client.info("stats")["total_net_output_bytes"]
        assert await cache.find(KEY, 60) is None
        assert client.info("stats")["total_net_output_bytes"] - before < 2 * LARGEST


async def test_another_kind_of_value_is_a_miss_and_is_written_over(make: Make, valkey: Valkey) -> None:
    cache = make()
    await cache.keep(KEY, 0, ROWS, 60)
    [name] = valkey.names()
    with valkey.client() as client:
        client.delete(name)
        client.rpush(name, "a", "b")
    assert await cache.find(KEY, 60) is None and cache.errors == 1
    await cache.keep(KEY, 0, ROWS, 60)
    assert await cache.find(KEY, 60) is not None  # no pause: it answers


async def test_a_full_server_is_a_miss(make: Make, valkey: Valkey) -> None:
    cache = make()
    with valkey.client() as client:
        client.config_set("maxmemory", 1)
    await cache.keep(KEY, 0, ROWS, 60)
    assert cache.errors == 1 and await cache.find(KEY, 60) is None


async def test_too_large_is_not_kept(make: Make, valkey: Valkey) -> None:
    cache = make()
    await cache.keep(KEY, 0, [("x" * LARGEST,)], 60)
    await cache.keep(KEY, 0, [(2**70,)], 60)
    assert valkey.names() == [] and cache.errors == 0


async def test_a_server_that_is_killed_and_comes_back(make: Make, valkey: Valkey) -> None:
    clock = Clock()
    cache = make(pause=Pause(1.0, 10.0, clock))
    await asyncio.gather(*(cache.keep(bytes([n]) * 32, 0, ROWS, 60) for n in range(20)))  # twenty connections
    valkey.kill()
    assert await cache.find(KEY, 60) is None
    errors = cache.errors
    assert errors >= 1
    for _ in range(100):  # the pause: nobody tries
        assert await cache.find(KEY, 60) is None
        await cache.keep(KEY, 0, ROWS, 60)
        assert await cache.lease(KEY, 1) is not None
    assert cache.errors == errors
    valkey.start()
    clock.now += 1.1
    await cache.keep(KEY, 0, ROWS, 60)
    found = await asyncio.gather(*(cache.find(KEY, 60) for _ in range(20)))  # no old connection is taken for a new one
    assert None not in found and cache.errors == errors


async def test_a_server_that_stops_answering_costs_one_attempt(make: Make, valkey: Valkey) -> None:
    clock = Clock()
    cache = make(timeout=0.05, pause=Pause(1.0, 10.0, clock))
    await make().keep(KEY, 0, ROWS, 60)
    valkey.freeze()
    assert await cache.find(KEY, 60) is None
    assert cache.errors == 1
    assert await asyncio.gather(*(cache.find(KEY, 60) for _ in range(50))) == [None] * 50
    assert cache.errors == 1
    clock.now += 1.1
    assert await asyncio.gather(*(cache.find(KEY, 60) for _ in range(50))) == [None] * 50
    assert cache.errors == 2  # one trial
    valkey.thaw()
    again = make(pause=Pause(1.0, 10.0, clock))
    assert await again.find(KEY, 60) is not None


@pytest.mark.parametrize(
    "url",
    ["redis://127.0.0.1:1/0", "redis://:wrong@127.0.0.1:{port}/0", "redis://127.0.0.1:{port}/0",
     "rediss://:swordfish@127.0.0.1:{port}/0"],
)  # fmt: skip
async def test_a_cache_that_cannot_be_used_is_a_miss(
    make: Make, valkey: Valkey, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody there, a wrong password, none, TLS where there is none."""
    cache = make(url.format(port=valkey.port), timeout=0.5)
    with caplog.at_level(logging.DEBUG, "customhouse.cache"):
        assert await cache.find(KEY, 60) is None
        await cache.keep(KEY, 0, ROWS, 60)
    assert cache.errors >= 1
    assert caplog.records and "swordfish" not in caplog.text and "wrong" not in caplog.text
    assert valkey.names() == []


async def test_a_cancelled_question_does_not_spoil_the_next_answer(make: Make, valkey: Valkey) -> None:
    """A connection that goes back to its pool with an answer still on the way would give it to the next question."""
    cache, choose = make(), random.Random(7)
    keys = [bytes([n]) * 32 for n in range(30)]
    for number, key in enumerate(keys):
        await cache.keep(key, 0, [(number,)], 60)
    for _ in range(30):
        tasks = [asyncio.create_task(cache.find(choose.choice(keys), 60)) for _ in range(10)]
        for _ in range(choose.randrange(6)):
            await asyncio.sleep(0)
        for task in choose.sample(tasks, 5):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for number in choose.sample(range(30), 5):
            found = await cache.find(keys[number], 60)
            assert found is not None and found[1] == [(number,)]
    assert cache.errors == 0


async def test_one_lease_at_a_time(make: Make, valkey: Valkey) -> None:
    one, other = make(), make()
    lease = await one.lease(KEY, 60)
    assert lease is not None
    assert await other.lease(KEY, 60) is None and await one.lease(KEY, 60) is None
    assert await other.lease(OTHER, 60) is not None
    await one.release(lease)
    again = await other.lease(KEY, 60)
    assert again is not None
    await one.release(lease)  # an old one: it is another's now
    assert await one.lease(KEY, 60) is None
    with valkey.client() as client:
        assert all(client.pttl(name) > 0 for name in valkey.names())


async def test_what_is_there_tells_nothing(make: Make, valkey: Valkey) -> None:
    canary = "canary-7f3a"
    cache = make()
    key = os.urandom(32)
    await cache.keep(key, 0, [(canary, 123456789, {canary: [canary]})] * 20, 60)
    await cache.lease(key, 60)
    everything = valkey.everything()
    for told in (canary.encode(), b"123456789", SECRET, SECRET.hex().encode()):
        assert told not in everything
    assert key.hex().encode() in everything  # that is where it was looked for


async def test_the_same_rows_twice_look_different(make: Make, valkey: Valkey) -> None:
    cache = make(clock=Clock())
    await cache.keep(KEY, 0, ROWS, 60)
    await cache.keep(OTHER, 0, ROWS, 60)
    with valkey.client() as client:
        one, other = [client.get(name) or b"" for name in valkey.names()]
    assert one and one[12:60] != other[12:60]
    assert seal(SECRET, KEY, 1.0, ROWS) != seal(SECRET, KEY, 1.0, ROWS)
