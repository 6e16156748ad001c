"""The parts of a guard by themselves: the budget, the bulkhead, the settings."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.backends.backend import Deadline
from resolvers.backends.reliability.breaker import Trip
from resolvers.backends.reliability.budget import Budget
from resolvers.backends.reliability.bulkhead import Bulkhead, Full
from resolvers.backends.reliability.settings import NAMES, Settings, split
from resolvers.backends.reliability.window import BUCKETS, Window


@given(st.lists(st.booleans(), max_size=400), st.sampled_from((0.0, 0.001, 0.1, 0.5, 1.0)), st.integers(0, 5))
def test_second_calls_are_never_more_than_a_share_and_the_reserve(
    spends: list[bool], fraction: float, reserve: int
) -> None:
    budget, again = Budget(fraction, reserve), 0
    for calls, spend in enumerate(spends, start=1):
        budget.earn()
        again += spend and budget.spend()
        assert again <= reserve + calls * fraction + 1e-9
        assert fraction or not again


def test_ten_tenths_are_a_whole() -> None:
    budget = Budget(0.1, reserve=1)
    assert budget.spend()
    for _ in range(9):
        budget.earn()
        assert not budget.spend()
    budget.earn()
    assert budget.spend()


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60))
def test_a_window_counts_the_last_ten_buckets(ends: list[tuple[int, bool]]) -> None:
    window, now, all_of_them = Window(10.0), 0, list[tuple[int, bool]]()
    for pause, failed in ends:
        now += pause
        window.add(now + 0.5, failed)
        all_of_them.append((now, failed))
        late = [failed for at, failed in all_of_them if at > now - BUCKETS]
        assert window.sums() == (len(late), sum(late))


def later() -> Deadline:
    return Deadline.after(10)


async def test_places_go_to_whoever_waits_longest() -> None:
    bulkhead = Bulkhead(1, 3)
    await bulkhead.take(later())
    order: list[int] = []

    async def wait(number: int) -> None:
        await bulkhead.take(later())
        order.append(number)
        bulkhead.give()

    waiting = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Full):
        await bulkhead.take(later())
    assert not bulkhead.take_now()
    bulkhead.give()
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]
    assert bulkhead.take_now()


async def test_a_deadline_ends_the_wait_and_frees_the_line() -> None:
    bulkhead = Bulkhead(1, 1)
    await bulkhead.take(later())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await bulkhead.take(Deadline.after(0.01))
    bulkhead.give()
    assert bulkhead.take_now()


async def test_a_waiter_cancelled_as_it_is_served_passes_its_place_on() -> None:
    bulkhead = Bulkhead(1, 2)
    await bulkhead.take(later())
    first, second = (asyncio.create_task(bulkhead.take(later())) for _ in range(2))
    await asyncio.sleep(0)
    bulkhead.give()
    first.cancel()
    await asyncio.wait_for(second, 5)
    assert first.cancelled()
    bulkhead.give()
    assert bulkhead.take_now()
    assert not bulkhead.take_now()


@given(st.lists(st.sampled_from(("take", "give", "cancel", "step")), max_size=60))
def test_no_place_is_lost_or_made(steps: list[str]) -> None:
    """Whatever happens in whatever order: two places there were, and two there are in the end."""

    async def play() -> None:
        bulkhead, tasks, given_back = Bulkhead(2, 3), list[asyncio.Task[None]](), 0
        for step in steps:
            held = sum(task.done() and not task.cancelled() and not task.exception() for task in tasks) - given_back
            assert 0 <= held <= 2
            if step == "take":
                tasks.append(asyncio.create_task(bulkhead.take(later())))
            elif step == "give" and held:
                bulkhead.give()
                given_back += 1
            elif step == "cancel" and tasks:
                tasks[-1].cancel()
            else:
                await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(sum(not task.cancelled() and not task.exception() for task in tasks) - given_back):
            bulkhead.give()
        assert [bulkhead.take_now() for _ in range(3)] == [True, True, False]

    asyncio.run(play())


def test_without_options_there_are_defaults() -> None:
    assert split({}) == (Settings(), {})


def test_the_guard_takes_its_own_and_leaves_the_rest() -> None:
    options: dict[str, object] = {
        "concurrency": "4", "waiting": 0, "call_timeout": 2, "retries": 2, "retry_budget": "20%",
        "breaker_failures": 3, "breaker_rate": 0.25, "breaker_seconds": "5s", "breaker_patience": "500ms",
        "hedge": "50ms", "prefix": "f:",
    }  # fmt: skip
    trip = Trip(failures=3, rate=0.25, seconds=5.0)
    assert split(options) == (Settings(4, 0, 2.0, 2, 0.2, 0.5, 0.05, trip), {"prefix": "f:"})
    assert options.keys() - NAMES == {"prefix"}


@pytest.mark.parametrize("off", [False, "off"])
def test_hedges_can_be_off(off: object) -> None:
    assert split({"hedge": off})[0].hedge is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"concurrency": 0}, "'concurrency' is a whole number from 1 to 10000"),
        ({"concurrency": 2.5}, "'concurrency' is a whole number"),
        ({"concurrency": True}, "'concurrency' is a whole number"),
        ({"waiting": -1}, "'waiting' is a whole number from 0"),
        ({"retries": 6}, "'retries' is a whole number from 0 to 5"),
        ({"retry_budget": 1.5}, "'retry_budget' is a share from 0 to 1"),
        ({"retry_budget": "200%"}, "'retry_budget' is a share"),
        ({"retry_budget": "much"}, "'retry_budget' is a share"),
        ({"breaker_rate": 0}, "'breaker_rate' is a share from 0.01 to 1"),
        ({"breaker_failures": None}, "'breaker_failures' is a whole number"),
        ({"breaker_seconds": "soon"}, "'breaker_seconds' is a time"),
        ({"breaker_seconds": "nan"}, "'breaker_seconds' is a time"),
        ({"call_timeout": float("inf")}, "'call_timeout' is a time"),
        ({"call_timeout": [1]}, "'call_timeout' is a time"),
        ({"hedge": 0}, "'hedge' is a time from 0.001 to 60 seconds"),
        ({"hedge": True}, "'hedge' is a time"),
        ({"hedge": 2, "call_timeout": 2}, "'hedge' must be shorter than 'call_timeout'"),
        ({"breaker_second": 5}, "there is no option 'breaker_second'; a guard has breaker_failures, "),
        ({"hedge_after": 5}, "there is no option 'hedge_after'"),
    ],
)
def test_a_silly_setting_is_refused_with_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + sentence.replace(".", "\\.")):
        split(options)
