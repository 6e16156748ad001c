"""Whether a process grows that works for long: its memory, minute by minute, and the slope of it.

Method: a gateway process over a real PostgreSQL and a real issuer, with the audit trail and the admin listener on, is
asked 100 times a second, whatever is answered: look-ups by key, lists, texts that nobody asked before, SQL, refusals,
tokens never seen before, clients that leave. A policy is written anew every 20 seconds, and served. The slope is that
of the straight line through what the process held after the first third. The goal, below 1 MB an hour, asks for an
hour: a shorter run tells less than its figure seems to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import uvloop

from benchmarks.procfs import rss_mib
from benchmarks.resilience_house import POLICIES, THINGS, House, house, port_of
from tests.app.process import Process

_RATE, _TOKENS, _EVERY, _WRITTEN = 100, 500, 10.0, 20.0
Asked = tuple[str, dict[str, object]]


def _asked(number: int) -> Asked:
    """Ten kinds in turn."""
    match number % 10:
        case 0:
            query = f"{{ things(first: 100, where: {{id: {{gt: {number % 50}}}}}) {{ nodes {{ id name }} }} }}"
            return "/graphql", {"query": query}
        case 1:
            return "/graphql", {"query": f"query Q{number} {{ thing(id: {number % THINGS}) {{ id n{number}: name }} }}"}
        case 2:
            return "/sql", {"statement": f"SELECT id, name FROM d.things WHERE id < {number % 300}", "format": "csv"}
        case 3:
            return "/graphql", {"query": f"{{ nothing{number} }}"}
        case _:
            query = "query($id: Int!) { thing(id: $id) { id name } }"
            return "/graphql", {"query": query, "variables": {"id": number % THINGS}}


@dataclass(slots=True)
class Soak:
    """What came back, by status, and what the process held, by seconds since the beginning."""

    statuses: Counter[str] = field(default_factory=Counter)
    held: list[tuple[float, float]] = field(default_factory=list)

    def slope(self) -> float:
        """MiB an hour."""
        later = self.held[len(self.held) // 3 :]
        return statistics.linear_regression([at / 3600 for at, _ in later], [mib for _, mib in later]).slope


async def _soak(at: House, process: Process, url: str, seconds: float) -> Soak:
    seen, began, sent, looked, written = Soak(), time.monotonic(), 0, 0.0, 0.0
    connections = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(url, connector=connections) as session, asyncio.TaskGroup() as asking:
        while (now := time.monotonic() - began) < seconds:
            while sent / _RATE <= now:
                sent += 1
                asking.create_task(_ask(session, at, sent, seen))
            if now - looked >= _EVERY:
                looked = now
                seen.held.append((now, rss_mib(process.popen.pid)))
                process.log.clear()  # ours, not the gateway's
            if now - written >= _WRITTEN:
                written = now
                (at.folder / "policies" / "d.yaml").write_text(f"# {now}\n{POLICIES}")
            await asyncio.sleep(0.002)
    return seen


async def _ask(session: aiohttp.ClientSession, at: House, number: int, seen: Soak) -> None:
    path, body = _asked(number)
    token = at.token("p256-1", number if number % 50 == 0 else number % _TOKENS)
    leaves = number % 97 == 0
    timeout = aiohttp.ClientTimeout(total=0.002 if leaves else 30)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(path, json=body, headers=headers, timeout=timeout) as answer:
            await answer.read()
            seen.statuses[str(answer.status)] += 1
    except (aiohttp.ClientError, TimeoutError) as error:
        seen.statuses["left" if leaves else type(error).__name__] += 1


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description="Memory over a long time.")
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args(arguments)
    with house("p256-1") as at:
        trail = f"file:{at.folder / 'trail'}"
        with at.gateway(CUSTOMHOUSE_AUDIT=trail, CUSTOMHOUSE_ADMIN="127.0.0.1:0") as one:
            seen = uvloop.run(_soak(at, one, f"http://127.0.0.1:{port_of(one)}", args.minutes * 60))
    print("| minute | MiB |\n|--:|--:|")
    for when, mib in seen.held[:: max(1, int(60 / _EVERY))]:
        print(f"| {when / 60:.0f} | {mib:.1f} |")
    print(f"\n{json.dumps(dict(seen.statuses))}; {seen.slope():+.2f} MiB an hour after {args.minutes / 3:.0f} minutes")
    return 0
