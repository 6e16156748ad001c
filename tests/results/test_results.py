"""Results as a whole: who gets whose rows, how old they may be, and that no cache ever makes an answer wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, timed_out
from resolvers.results.entry import Rows
from resolvers.results.key import Origin, StatementKey
from resolvers.results.results import Results
from resolvers.results.shared import SharedCache
from schema.errors import Refusal
from tests.results.test_key import BINDS, KEYS, ORIGIN, OTHERS
from tests.results.test_shared import Clock
from tests.results.valkey import Valkey

KINDS = ["memory", "shared", "both"]


class Source:
    """A source that answers each fetch with another number, when ``gate`` lets it."""

    def __init__(self) -> None:
        self.runs = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: BaseException | None = None

    async def run(self) -> Rows:
        self.runs += 1
        mine = self.runs
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [(mine, "row")]


class House:
    """Processes of a gateway that share a Valkey, or do not."""

    def __init__(self, valkey: Valkey) -> None:
        self.valkey, self.clock, self.made = valkey, Clock(), list[Results]()
        self.timeout = 5.0  # patience: these tests run beside others

    def process(
        self, kind: str = "both", zone: str = "internal", keys: dict[str, bytes] = KEYS, url: str | None = None
    ) -> Results:
        results = Results(
            zone,
            keys,
            memory=1 << 20 if kind in ("memory", "both") else 0,
            url=(url or self.valkey.url) if kind in ("shared", "both") else None,
            clock=self.clock,
        )
        results._open()
        if results._shared is not None:
            results._shared = SharedCache(results._url or "", results.secrets.seal, self.timeout, clock=self.clock)
        self.made.append(results)
        return results


@pytest.fixture
async def house(valkey: Valkey) -> AsyncIterator[House]:
    made = House(valkey)
    yield made
    valkey.thaw()
    for results in made.made:
        await results.close()
        assert (len(results._fetching), len(results._loading)) == (0, 0)


def statement(results: Results, origin: Origin = ORIGIN) -> StatementKey:
    return results.secrets.statement(origin)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def ask(
    results: Results,
    run: Callable[..., object],
    freshness: float | None = 60,
    origin: Origin = ORIGIN,
    binds: object = ("UA",),
    until: Deadline | None = None,
) -> Rows:
    return await results.rows(statement(results, origin), binds, freshness, run, until)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
async def test_asked_again_it_is_not_fetched_again(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    for _ in range(3):
        assert await ask(results, source.run) == [(1, "row")]
    counts = results.counts
    assert (source.runs, counts.misses, counts.hits + counts.shared_hits, counts.errors) == (1, 1, 2, 0)


@pytest.mark.parametrize("freshness", [None, 0, 0.0])
async def test_what_may_not_be_kept_is_fetched_each_time(house: House, freshness: float | None) -> None:
    results, source = house.process(), Source()
    assert [await ask(results, source.run, freshness) for _ in range(3)] == [[(n, "row")] for n in (1, 2, 3)]
    assert house.valkey.names() == []
    source.gate.clear()
    tasks = [asyncio.create_task(ask(results, source.run, freshness)) for _ in range(10)]
    await turns()
    source.gate.set()
    assert await asyncio.gather(*tasks) == [[(4, "row")]] * 10
    assert results.counts.joined == 9


@pytest.mark.parametrize("kind", KINDS)
async def test_no_two_that_differ_in_anything_share_rows(house: House, kind: str) -> None:
    """Each question asked twice, all mixed: each gets the rows that were fetched for it and for nothing else."""
    processes = {zone: house.process(kind, zone) for zone in ("internal", "partner")}
    questions = [(ORIGIN, binds) for binds in BINDS] + [(origin, ["UA"]) for origin in OTHERS.values()]
    asked: list[int] = []

    def fetch(number: int) -> Callable[[], object]:
        async def run() -> Rows:
            asked.append(number)
            return [(number,)]

        return run

    for _ in range(2):
        tasks = [
            asyncio.create_task(ask(processes[origin.zone], fetch(number), 600, origin, binds))
            for number, (origin, binds) in enumerate(questions)
        ]
        assert await asyncio.gather(*tasks) == [[(number,)] for number in range(len(questions))]
    assert sorted(asked) == list(range(len(questions)))


async def test_zones_share_nothing_though_all_names_are_the_same(house: House) -> None:
    """The same origin in two zones with one Valkey and one master key: neither key nor seal is the same."""
    source = Source()
    one, other = house.process("shared", "internal"), house.process("shared", "partner")
    assert await ask(one, source.run) == [(1, "row")]
    assert await ask(other, source.run) == [(2, "row")]
    assert len(house.valkey.names()) == 2


async def test_a_value_of_an_unknown_kind_is_never_shared(house: House) -> None:
    results, source = house.process(), Source()
    odd = [{"a": 1}]
    source.gate.clear()
    tasks = [asyncio.create_task(ask(results, source.run, 60, binds=odd)) for _ in range(3)]
    await turns()
    source.gate.set()
    assert await asyncio.gather(*tasks) == [[(1, "row")], [(2, "row")], [(3, "row")]]


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_used_until_it_is_too_old(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    for after, want in ((0, 1), (59.9, 1), (0.2, 2), (59.9, 2), (0.2, 3)):
        house.clock.now += after
        assert await ask(results, source.run) == [(want, "row")]


@pytest.mark.parametrize("kind", KINDS)
async def test_age_counts_from_when_the_fetch_began(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    source.gate.clear()
    task = asyncio.create_task(ask(results, source.run))
    while not source.runs:
        await asyncio.sleep(0.001)
    house.clock.now += 50  # the fetch takes this long
    source.gate.set()
    assert await task == [(1, "row")]
    house.clock.now += 9.9
    assert await ask(results, source.run) == [(1, "row")]
    house.clock.now += 0.2
    assert await ask(results, source.run) == [(2, "row")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stricter_question_does_not_get_an_older_answer(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    await ask(results, source.run, 60)
    house.clock.now += 10
    assert await ask(results, source.run, 9) == [(2, "row")]
    assert await ask(results, source.run, 60) == [(2, "row")]


async def test_who_joins_a_fetch_that_began_too_early_gets_the_next_one(house: House) -> None:
    results, source = house.process("memory"), Source()
    source.gate.clear()
    first = asyncio.create_task(ask(results, source.run, 5))
    await turns()
    house.clock.now += 4
    second = asyncio.create_task(ask(results, source.run, 5))
    await turns()
    house.clock.now += 4
    third = asyncio.create_task(ask(results, source.run, 5))
    await turns()
    assert source.runs == 1
    source.gate.set()
    assert await asyncio.gather(first, second, third) == [[(1, "row")], [(1, "row")], [(2, "row")]]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_is_not_kept(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    source.failure = down("db")
    for _ in range(2):
        with pytest.raises(Refusal, match="not available"):
            await ask(results, source.run)
    source.failure = None
    assert await ask(results, source.run) == [(3, "row")]
    assert all(b"lease" not in name for name in house.valkey.names())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stampede_fetches_once(house: House, kind: str) -> None:
    results, source = house.process(kind), Source()
    source.gate.clear()
    tasks = [asyncio.create_task(ask(results, source.run)) for _ in range(200)]
    while not source.runs:
        await asyncio.sleep(0.001)
    source.gate.set()
    assert await asyncio.gather(*tasks) == [[(1, "row")]] * 200
    assert (source.runs, results.counts.joined) == (1, 199)


async def test_a_stampede_of_processes_fetches_once(house: House) -> None:
    processes, source = [house.process() for _ in range(5)], Source()

    async def slow() -> Rows:
        await asyncio.sleep(0.02)
        return await source.run()

    found = await asyncio.gather(*(ask(results, slow) for results in processes for _ in range(20)))
    assert found == [[(1, "row")]] * 100
    assert source.runs == 1
    assert sum(results.counts.shared_hits for results in processes) == 4


async def test_a_process_that_waits_in_vain_fetches_itself(house: House) -> None:
    """The one with the lease died, or takes too long."""
    one, other, source = house.process(), house.process(), Source()
    key = statement(one).of(["UA"])
    assert key is not None and one._shared is not None
    assert await one._shared.lease(key, 60) is not None
    assert await ask(other, source.run) == [(1, "row")]
    assert await ask(one, source.run) == [(1, "row")]
    assert await ask(other, source.run, 60, binds=["DL"], until=Deadline.after(0.01)) == [(2, "row")]


async def test_nobody_waits_for_a_lease_beyond_its_deadline(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    results, source = house.process(), Source()
    monkeypatch.setattr("resolvers.results.results.LOOKS", (3600.0,))
    key = statement(results).of(["UA"])
    assert key is not None and results._shared is not None
    await results._shared.lease(key, 60)
    assert await ask(results, source.run, until=Deadline.after(30)) == [(1, "row")]


async def test_the_leaders_end_is_not_the_followers(house: House) -> None:
    results, source = house.process(), Source()
    source.gate.clear()
    tasks = [asyncio.create_task(ask(results, source.run)) for _ in range(5)]
    while not source.runs:
        await asyncio.sleep(0.001)
    tasks[0].cancel()
    while source.runs < 2:
        await asyncio.sleep(0.001)
    source.gate.set()
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(said[0], asyncio.CancelledError) and said[1:] == [[(2, "row")]] * 4


async def test_a_follower_out_of_time_is_refused_like_one_that_fetched(house: House) -> None:
    results, source = house.process("memory"), Source()
    source.gate.clear()
    for freshness in (None, 60):
        leader = asyncio.create_task(ask(results, source.run, freshness))
        await turns()
        with pytest.raises(Refusal) as caught:
            await ask(results, source.run, freshness, until=Deadline.after(0.01))
        own = timed_out("db")
        assert (caught.value.code, caught.value.message, caught.value.hint) == (own.code, own.message, own.hint)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)


async def test_rows_that_cannot_be_kept_are_given_all_the_same(house: House) -> None:
    results = house.process()
    odd: Rows = [(b"bytes",)]
    fetched = 0

    async def run() -> Rows:
        nonlocal fetched
        fetched += 1
        return odd

    assert await ask(results, run) is odd and await ask(results, run) is odd and fetched == 2
    assert house.valkey.names() == []


async def test_rows_too_large_for_memory_come_from_the_shared_cache(house: House) -> None:
    results, fetched = house.process(), 0
    large: Rows = [("x" * 300_000,)]

    async def run() -> Rows:
        nonlocal fetched
        fetched += 1
        return large

    assert await ask(results, run) == large and await ask(results, run) == large
    assert fetched == 1 and results.counts.shared_hits == 1


@pytest.mark.parametrize("mishap", ["killed", "frozen", "full", "garbage", "nobody there"])
async def test_whatever_happens_to_the_cache_answers_are_right(house: House, valkey: Valkey, mishap: str) -> None:
    url = "redis://127.0.0.1:1/0" if mishap == "nobody there" else None
    house.timeout = 0.2 if mishap == "frozen" else 5.0
    results, source = house.process("shared", url=url), Source()
    await ask(results, source.run, binds=["before"])
    if mishap == "killed":
        valkey.kill()
    elif mishap == "frozen":
        valkey.freeze()
    elif mishap == "full":
        with valkey.client() as client:
            client.config_set("maxmemory", 1)
            client.flushall()
    elif mishap == "garbage":
        with valkey.client() as client:
            for name in valkey.names():
                client.set(name, os.urandom(300))
    for number in range(10):
        assert await ask(results, source.run, binds=[number]) == [(source.runs, "row")]
    assert await ask(results, source.run, binds=["before"]) == [(source.runs, "row")]
    assert source.runs == 12
    assert results.counts.errors >= 1


async def test_it_works_again_when_the_cache_does(house: House, valkey: Valkey) -> None:
    results, source = house.process("shared"), Source()
    valkey.kill()
    await ask(results, source.run)
    valkey.start()
    assert isinstance(results._shared, SharedCache)
    results._shared._pause._until = 0.0  # the pause is over
    await ask(results, source.run)
    assert await ask(results, source.run) == [(2, "row")]


async def test_nothing_of_a_result_can_be_read_in_the_cache(house: House, valkey: Valkey) -> None:
    """Values, binds, statement, names of products, keys: none of them, in any of the bytes that the server holds."""
    canary = "canary-19c2"
    results = house.process("shared")
    origin = replace(ORIGIN, statement=f"SELECT '{canary}'", identity=canary, source=canary)

    async def run() -> Rows:
        return [(canary, 987654321)] * 30

    await ask(results, run, 60, origin, [canary, 987654321])
    assert len(valkey.names()) == 1
    everything = valkey.everything()
    told = [canary.encode(), b"987654321", b"SELECT", KEYS["seal"], b"internal", b"reader"]
    assert [one for one in told if one in everything] == []


async def test_without_any_cache_only_fetches_under_way_are_shared() -> None:
    results, source = Results("internal", KEYS), Source()
    assert [await ask(results, source.run) for _ in range(2)] == [[(1, "row")], [(2, "row")]]
    await results.close()


LAZY = """
import asyncio, sys
from resolvers.results.results import Results
results = Results("z", {"seal": bytes(64)}, memory=1 << 20, url="redis://127.0.0.1:1")
async def run(): return [(1,)]
from resolvers.results.key import Origin
key = results.secrets.statement(Origin("z", "c", "p", "s", "i", "t", False))
asyncio.run(results.rows(key, [], None, run))
print([name for name in ("aiocache", "redis") if name in sys.modules])
asyncio.run(results.rows(key, [], 60, run))
print([name for name in ("aiocache", "redis") if name in sys.modules])
"""


def test_nothing_is_imported_before_something_may_be_kept() -> None:
    ran = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["[]", "['aiocache', 'redis']"]
