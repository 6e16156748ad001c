"""What changes while requests go on: the process, its files, its issuer's keys. None of them may cost a request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.resilience_house import POLICIES, THINGS, House, port_of, request, row
from benchmarks.resilience_load import Balancer, Question, Seen, load
from tests.app.issuer import jwk
from tests.app.process import Process

RATE, CALLERS = 300.0, 16
Change = Callable[[], Coroutine[Any, Any, None]]


def asking(house: House, key: str, field: str = "thing", among: int = THINGS) -> Question:
    """Row after row of so many, by callers in turn."""
    tokens = [house.token(key, number) for number in range(CALLERS)]

    def question(number: int) -> tuple[bytes, bytes]:
        body, wanted = row(field, number % among)
        return request(tokens[number % CALLERS], body), wanted

    return question


async def during(balancer: Balancer, question: Question, requests: int, change: Change) -> Seen:
    """So many requests, while ``change`` is made again and again. Raises what it raises."""
    changing = asyncio.create_task(_again(change))
    async with balancer.watching():
        seen = await load(balancer, question, RATE, lambda sent: sent < requests and not changing.done())
        if not changing.done():
            changing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await changing
    return seen


async def _again(change: Change) -> None:
    while True:
        await change()


async def rolling_restart(house: House, requests: int) -> tuple[Seen, str]:
    house.write()
    settings = {"CUSTOMHOUSE_DRAIN_DELAY": "1"}
    running = [house.start(**settings)]
    balancer = Balancer(port_of(running[0]))
    codes: list[int] = []

    async def replace() -> None:
        running.append(house.start(**settings))
        balancer.ports.add(new := await asyncio.to_thread(port_of, running[-1]))
        while new not in balancer.ready:
            await asyncio.sleep(0.05)
        old = running[0]
        codes.append(await asyncio.to_thread(old.stop))
        balancer.ports.discard(port_of(old))
        running.remove(old)
        await asyncio.sleep(0.5)

    try:
        seen = await during(balancer, asking(house, "p256-1"), requests, replace)
    finally:
        for process in running:
            await asyncio.to_thread(process.stop)
    return seen, f"{len(codes)} restarts, exit codes {sorted(set(codes))}"


async def reload(house: House, requests: int) -> tuple[Seen, str]:
    with house.gateway() as process:
        count = 0

        async def change() -> None:
            nonlocal count
            await asyncio.sleep(1)
            count += 1
            (house.folder / "policies" / "d.yaml").write_text(f"# change {count}\n{POLICIES}")

        seen = await during(Balancer(port_of(process)), asking(house, "p256-1"), requests, change)
        return seen, f"{count} changes, {_count(process, 'reloaded')} reloads"


async def rotation(house: House, requests: int) -> tuple[Seen, str]:
    questions = [asking(house, "p256-1")]
    with house.gateway(CUSTOMHOUSE_KEYS_UNKNOWN_KID="1") as process:

        async def rotate() -> None:
            await asyncio.sleep(3)
            old, new = f"p256-{len(questions)}", f"p256-{len(questions) + 1}"
            ready = asking(house, new)
            house.issuer.keys = [jwk(old), jwk(new)]
            questions.append(ready)

        def latest(number: int) -> tuple[bytes, bytes]:
            return questions[-1](number)

        seen = await during(Balancer(port_of(process)), latest, requests, rotate)
        changed = _count(process, "keys_changed") - 1
    house.issuer.keys = [jwk("p256-1")]
    return seen, f"{len(questions) - 1} rotations, {changed} noticed"


def _count(process: Process, event: str) -> int:
    return sum(line["event"] == event for line in list(process.log))
