"""Memory holds no more than its bytes, the newest used stay, and nothing outlives its time."""

from __future__ import annotations

import pytest
from aiocache.base import BaseCache
from hypothesis import given
from hypothesis import strategies as st

from resolvers.results.entry import Entry
from resolvers.results.memory import SHARE, MemoryCache

BOUND = 8000


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(weight: int, began: float = 0.0) -> Entry:
    return Entry(began, [("x",)], weight)


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("keep"),
            st.integers(0, 12),
            st.integers(600, BOUND // SHARE + 2) | st.integers(-1, 2),
            st.floats(-1, 60),
        ),
        st.tuples(st.just("find"), st.integers(0, 12), st.just(0), st.just(0.0)),
        st.tuples(st.just("wait"), st.just(0), st.just(0), st.floats(0, 8)),
        st.tuples(st.just("drop"), st.integers(0, 12), st.just(0), st.just(0.0)),
    ),
    min_size=20,
    max_size=120,
)


@given(steps)
def test_random_load_stays_within_the_bound(load: list[tuple[str, int, int, float]]) -> None:
    """Against a plain model: a dict with deadlines, whose oldest uses go while it is too heavy."""
    clock = Clock()
    cache = MemoryCache(BOUND, clock)
    model: dict[int, tuple[float, Entry]] = {}
    for what, number, weight, seconds in load:
        key = bytes([number])
        if what == "wait":
            clock.now += seconds
        elif what == "drop":
            cache._drop(key)
            model.pop(number, None)
        elif what == "find":
            held = model.pop(number, None)
            alive = held if held is not None and held[0] > clock.now else None
            if alive is not None:
                model[number] = alive
            assert cache.find(key) is (None if alive is None else alive[1])
        else:
            one = entry(weight)
            model.pop(number, None)
            if 0 < weight <= BOUND // SHARE and seconds > 0:
                model[number] = (clock.now + seconds, one)
            assert cache.keep(key, one, seconds) is (number in model)
            while sum(held.weight for _, held in model.values()) > BOUND:
                del model[next(iter(model))]
        assert cache.weight == sum(held.weight for _, held in cache._held.values()) <= BOUND
        assert list(cache._held) == [bytes([number]) for number in model]


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(BOUND)
    for number in range(8):
        cache.keep(bytes([number]), entry(1000), 60)
    assert cache.find(b"\0") is not None  # used, so it is the last to go
    cache.keep(b"new", entry(500), 60)
    assert cache.find(b"\0") is not None and cache.find(b"\1") is None


def test_an_entry_larger_than_its_share_is_not_taken_and_its_forerunner_is_gone() -> None:
    cache = MemoryCache(BOUND)
    assert cache.keep(b"k", entry(BOUND // SHARE), 60)
    assert not cache.keep(b"k", entry(BOUND // SHARE + 1), 60)
    assert cache.find(b"k") is None and cache.weight == 0


async def test_it_speaks_aiocache() -> None:
    clock = Clock()
    cache: BaseCache = MemoryCache(BOUND, clock)
    one, two = entry(10), entry(20)
    assert await cache.set(b"a", one, ttl=5) and await cache.get(b"a") is one
    assert await cache.exists(b"a") and not await cache.exists(b"b")
    assert await cache.multi_set([(b"b", two), (b"c", one)]) and await cache.multi_get([b"b", b"x"]) == [two, None]
    assert await cache.add(b"d", one, ttl=1)
    with pytest.raises(ValueError, match="there already"):
        await cache.add(b"d", one)
    assert await cache.expire(b"c", 1) and not await cache.expire(b"x", 1)
    clock.now += 1
    assert await cache.get(b"c") is None and await cache.get(b"d") is None
    assert await cache.delete(b"a") == 1 and await cache.delete(b"a") == 0
    assert await cache.raw("get", b"zz") is None
    assert await cache.clear() and await cache.get(b"b") is None and len(cache) == cache.weight == 0
    await cache.close()


async def test_the_environment_does_not_switch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiocache answers True to `set` without keeping anything where AIOCACHE_DISABLE is 1: no harm is done by it."""
    monkeypatch.setenv("AIOCACHE_DISABLE", "1")
    cache = MemoryCache(BOUND)
    assert cache.keep(b"a", entry(10), 5) and cache.find(b"a") is not None
