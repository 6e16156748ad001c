"""The connection pool by itself: bounded, last in first out, safe under cancellation, patient with what is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.places import Places
from resolvers.backends.pool import Pool, Unavailable


class Wire:
    """A connection that counts."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self, *, timeout: float) -> None:
        self.closed = True


class House:
    """What answers, or does not."""

    def __init__(self) -> None:
        self.made: list[Wire] = []
        self.up = True
        self.now = 0.0
        self.attempts = 0
        self.recovers: Callable[[], None] = lambda: None

    async def connect(self) -> Wire:
        self.attempts += 1
        await asyncio.sleep(0)
        if not self.up:
            raise OSError("nobody there")
        self.made.append(Wire())
        return self.made[-1]

    async def recover(self, wire: Wire) -> None:
        await asyncio.sleep(0)
        self.recovers()

    def pool(self, size: int) -> Pool[Wire]:
        return Pool(size, self.connect, self.recover, lambda: self.now)


def soon() -> Deadline:
    return Deadline.after(5)


async def test_the_last_one_back_is_the_first_one_out() -> None:
    house = House()
    pool = house.pool(3)
    first, second = await pool.take(soon()), await pool.take(soon())
    pool.give(first)
    pool.give(second)
    assert await pool.take(soon()) is second
    assert len(house.made) == 2


async def test_bounded_and_fair() -> None:
    house = House()
    pool = house.pool(2)
    held = [await pool.take(soon()), await pool.take(soon())]
    waiting = [asyncio.create_task(pool.take(soon())) for _ in range(3)]
    await asyncio.sleep(0)
    assert pool.open == 2
    pool.give(held[0])
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert done == {waiting[0]}
    for _ in range(2):
        pool.give(held[1])
        await asyncio.sleep(0.01)
    assert all(task.done() for task in waiting)
    assert len(house.made) == 2


async def test_a_deadline_ends_the_wait() -> None:
    pool = House().pool(1)
    await pool.take(soon())
    with pytest.raises(TimeoutError):
        await pool.take(Deadline.after(0.01))


async def test_a_waiter_cancelled_as_it_is_served_passes_it_on() -> None:
    pool = House().pool(1)
    held = await pool.take(soon())
    first, second = (asyncio.create_task(pool.take(soon())) for _ in range(2))
    await asyncio.sleep(0)
    pool.give(held)
    first.cancel()
    assert await asyncio.wait_for(second, 1) is held
    assert first.cancelled()


async def test_a_cancelled_attempt_frees_its_place() -> None:
    house = House()
    pool = house.pool(1)
    attempt = asyncio.create_task(pool.take(soon()))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert pool.open == 0
    assert not (await pool.take(soon())).closed


async def test_a_closed_one_is_replaced() -> None:
    house = House()
    pool = house.pool(1)
    wire = await pool.take(soon())
    pool.give(wire)
    wire.closed = True
    assert await pool.take(soon()) is not wire
    assert pool.open == 1


async def test_dropping_one_drops_the_idle_ones() -> None:
    house = House()
    pool = house.pool(3)
    wires = [await pool.take(soon()) for _ in range(3)]
    pool.give(wires[0])
    pool.give(wires[1])
    pool.drop(wires[2])
    assert pool.open == 0
    assert all(wire.closed for wire in wires)


async def test_a_cancelled_statement_keeps_its_place_until_it_recovered() -> None:
    house = House()
    pool = house.pool(1)
    wire = await pool.take(soon())
    pool.give_up(wire)
    assert pool.open == 1
    assert await pool.take(soon()) is wire


async def test_what_does_not_recover_is_replaced() -> None:
    house = House()
    pool = house.pool(1)
    wire = await pool.take(soon())

    def broken() -> None:
        raise OSError("gone")

    house.recovers = broken
    pool.give_up(wire)
    assert await pool.take(soon()) is not wire
    assert wire.closed


async def test_attempts_are_spaced_out_while_nothing_answers() -> None:
    house = House()
    house.up = False
    pool = house.pool(2)
    for _ in range(5):
        with pytest.raises((OSError, Unavailable)):
            await pool.take(soon())
    assert house.attempts == 1
    for expected in range(2, 12):
        house.now += 8.0
        with pytest.raises(OSError, match="nobody"):
            await pool.take(soon())
        assert house.attempts == expected
    house.up = True
    with pytest.raises(Unavailable):
        await pool.take(soon())
    assert not (await pool.take(soon(), insist=True)).closed
    assert not (await pool.take(soon())).closed


async def test_closing_drains() -> None:
    house = House()
    pool = house.pool(2)
    busy, idle = await pool.take(soon()), await pool.take(soon())
    pool.give(idle)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.01)
    assert idle.closed
    assert not busy.closed
    assert not closing.done()
    with pytest.raises(Unavailable):
        await pool.take(soon())
    pool.give(busy)
    await asyncio.wait_for(closing, 1)
    assert busy.closed


async def test_places_count_those_that_connect_and_those_that_recover() -> None:
    house = House()
    pool = house.pool(2)
    connecting = asyncio.create_task(pool.take(soon()))
    await asyncio.sleep(0)
    assert pool.places() == Places("connections", 1, 2, 0, 0)
    first, second = await connecting, await pool.take(soon())
    waiting = asyncio.create_task(pool.take(soon()))
    await asyncio.sleep(0)
    assert pool.places() == Places("connections", 2, 2, 1, 0)
    pool.give(second)
    assert await waiting is second
    pool.give(second)
    pool.give_up(first)
    assert pool.places() == Places("connections", 1, 2, 0, 1)
    await asyncio.gather(*pool._tasks)
    assert pool.places() == Places("connections", 0, 2, 0, 2)
    pool.drop(await pool.take(soon()))
    assert pool.places() == Places("connections", 0, 2, 0, 0)
    await pool.close()
