"""Identical fetches under way run once, and nobody's end is another's."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, failed, timed_out, too_many_bytes, too_many_rows
from resolvers.results.flight import Flights, Overdue
from schema.errors import Refusal


class Source:
    """A source that answers when it is told to, and counts its runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.gates: list[asyncio.Future[object]] = []

    async def run(self) -> object:
        self.runs += 1
        gate: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        answer = await gate
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def started(flights: Flights[object], source: Source, count: int) -> list[asyncio.Task[object]]:
    tasks = [asyncio.create_task(flights.once("key", source.run)) for _ in range(count)]
    await turns()
    return tasks


@pytest.fixture(autouse=True)
def nothing_unretrieved() -> object:
    """An exception that nobody fetched is said when it is collected: do so inside the test that is at fault."""
    yield
    gc.collect()


async def test_many_ask_and_one_runs() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 50)
    assert (source.runs, len(flights)) == (1, 1)
    source.gates[0].set_result("rows")
    assert await asyncio.gather(*tasks) == ["rows"] * 50
    assert (source.runs, len(flights), flights.joined) == (1, 0, 49)


async def test_the_leader_runs_in_its_own_task() -> None:
    flights = Flights[object]()

    async def run() -> object:
        return asyncio.current_task()

    assert await flights.once("key", run) is asyncio.current_task()


async def test_an_outcome_is_not_remembered() -> None:
    flights, source = Flights[object](), Source()
    for outcome in ("first", "second"):
        [task] = await started(flights, source, 1)
        source.gates[-1].set_result(outcome)
        assert await task == outcome
    assert (source.runs, flights.joined, len(flights)) == (2, 0, 0)


async def test_other_keys_run_side_by_side() -> None:
    flights, source = Flights[object](), Source()
    tasks = [asyncio.create_task(flights.once(key, source.run)) for key in (b"a", b"b", ("a", 1), ("a", 2))]
    await turns()
    assert (source.runs, len(flights)) == (4, 4)
    for number, gate in enumerate(source.gates):
        gate.set_result(number)
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert len(flights) == 0


@pytest.mark.parametrize(
    "refusal",
    [
        down("db"),
        failed("db", ValueError("x")),
        too_many_rows(1),
        too_many_bytes(1),
        Refusal("CH504", "x", "y", path=("a", 1)),
    ],
    ids=lambda refusal: refusal.code,
)
async def test_a_failure_of_the_source_is_for_all_who_wait(refusal: Refusal) -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 5)
    source.gates[0].set_result(refusal)
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert source.runs == 1
    for one in said:
        assert isinstance(one, Refusal)
        assert (one.code, one.message, one.hint, one.status, one.path) == (
            refusal.code,
            refusal.message,
            refusal.hint,
            refusal.status,
            refusal.path,
        )
    assert len({id(one) for one in said}) == 5  # tracebacks of one do not gather on another's
    [later] = await started(flights, source, 1)
    source.gates[1].set_result("rows")
    assert await later == "rows"


async def test_a_defect_is_for_all_who_wait() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 3)
    source.gates[0].set_result(KeyError("defect"))
    assert [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [KeyError] * 3
    assert (source.runs, len(flights)) == (1, 0)


@pytest.mark.parametrize("end", [timed_out("db"), TimeoutError()], ids=["CH503", "TimeoutError"])
async def test_the_leaders_deadline_is_its_own(end: Exception) -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 4)
    source.gates[0].set_result(end)
    await turns()
    assert (source.runs, len(flights)) == (2, 1)
    source.gates[1].set_result("rows")
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert type(said[0]) is type(end)
    assert said[1:] == ["rows"] * 3
    assert (source.runs, len(flights), flights.joined) == (2, 0, 2)


async def test_a_cancelled_leader_leaves_the_lead_to_a_follower() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 4)
    tasks[0].cancel()
    await turns()
    assert (source.runs, source.gates[0].cancelled()) == (2, True)
    source.gates[1].set_result("rows")
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(said[0], asyncio.CancelledError)
    assert said[1:] == ["rows"] * 3
    assert (source.runs, len(flights)) == (2, 0)


async def test_leader_after_leader_is_cancelled() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 10)
    for turn in range(9):
        tasks[turn].cancel()
        await turns()
    source.gates[9].set_result("rows")
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert (said[9], source.runs, len(flights)) == ("rows", 10, 0)


async def test_a_leader_cancelled_before_anyone_joins_leaves_nothing() -> None:
    flights, source = Flights[object](), Source()
    [task] = await started(flights, source, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(flights) == 0
    [task] = await started(flights, source, 1)
    source.gates[1].set_result("rows")
    assert (await task, source.runs) == ("rows", 2)


async def test_a_task_cancelled_before_it_began_leaves_nothing() -> None:
    flights, source = Flights[object](), Source()
    task = asyncio.create_task(flights.once("key", source.run))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (source.runs, len(flights)) == (0, 0)


async def test_a_cancelled_follower_disturbs_nobody() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 3)
    tasks[1].cancel()
    await turns()
    assert tasks[1].cancelled() and not tasks[0].done() and not tasks[2].done()
    source.gates[0].set_result("rows")
    assert (await tasks[0], await tasks[2], source.runs) == ("rows", "rows", 1)


async def test_the_next_in_line_is_cancelled_at_the_moment_it_would_lead() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 4)
    tasks[0].cancel()
    await asyncio.sleep(0)  # the leader has ended; the followers have been woken and have not run
    tasks[1].cancel()
    await turns()
    assert source.runs == 2
    source.gates[1].set_result("rows")
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in said[:2]] == [asyncio.CancelledError] * 2
    assert (said[2:], len(flights)) == (["rows"] * 2, 0)


async def test_a_follower_cancelled_when_the_outcome_is_there() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 2)
    source.gates[0].set_result(down("db"))
    await asyncio.sleep(0)
    tasks[1].cancel()
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(said[0], Refusal) and isinstance(said[1], asyncio.CancelledError)
    assert len(flights) == 0


async def test_all_are_cancelled() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 5)
    for task in tasks:
        task.cancel()
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in said} == {asyncio.CancelledError}
    await turns()
    assert (source.runs, len(flights)) == (1, 0)


async def test_a_follower_waits_no_longer_than_its_own_deadline() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 2)
    with pytest.raises(Overdue):
        await flights.once("key", source.run, Deadline.after(0.01))
    with pytest.raises(Overdue):
        await flights.once("key", source.run, Deadline.after(-1))
    assert not any(task.done() for task in tasks)
    source.gates[0].set_result("rows")
    assert (await asyncio.gather(*tasks), source.runs) == (["rows"] * 2, 1)


async def test_a_timeout_around_a_follower_is_its_own() -> None:
    flights, source = Flights[object](), Source()
    tasks = await started(flights, source, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await flights.once("key", source.run, Deadline.after(60))
    source.gates[0].set_result("rows")
    assert (await tasks[0], source.runs, len(flights)) == ("rows", 1, 0)


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_is_cancelled_when_the_others_get_rows(seed: int) -> None:
    """Random arrivals, cancellations, failures: who was not cancelled gets an outcome of a run it overlapped with, at
    most one run is under way at a time, and nothing is left behind."""
    choose = random.Random(seed)
    flights, under_way, most, runs = Flights[int](), 0, 0, 0

    async def run() -> int:
        nonlocal under_way, most, runs
        runs += 1
        mine, under_way = runs, under_way + 1
        most = max(most, under_way)
        try:
            for _ in range(choose.randrange(6)):
                await asyncio.sleep(0)
            if choose.random() < 0.2:
                raise choose.choice([timed_out("db"), down("db"), TimeoutError()])
            return mine
        finally:
            under_way -= 1

    async def ask() -> tuple[int, int, int]:
        before = runs
        return before, await flights.once("key", run), runs

    tasks: list[asyncio.Task[tuple[int, int, int]]] = []
    for _ in range(300):
        if choose.random() < 0.5:
            tasks.append(asyncio.create_task(ask()))
        if tasks and choose.random() < 0.3:
            choose.choice(tasks).cancel()
        if choose.random() < 0.6:
            await asyncio.sleep(0)
    said = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert (most, len(flights)) == (1, 0)
    assert all(isinstance(one, tuple | Refusal | TimeoutError | asyncio.CancelledError) for one in said)
    for one in said:
        if isinstance(one, tuple):
            before, got, after = one
            assert before <= got <= after
    assert any(isinstance(one, tuple) for one in said)


def test_a_callable_of_any_kind() -> None:
    """`run` is any callable that gives an awaitable, such as a `functools.partial`."""

    async def rows(number: int) -> int:
        return number

    def make(number: int) -> Callable[[], Awaitable[int]]:
        return lambda: rows(number)

    assert asyncio.run(Flights[int]().once("key", make(3))) == 3
