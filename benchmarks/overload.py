"""What happens at three times what a process can do: the time of those it answers, and of those it turns away.

Method: one gateway process over a DuckDB file, pinned to one core; the load from this process, pinned to another. What
the gateway can do is found with sixteen connections that ask as soon as they are answered. Then requests fall due at a
fixed rate, whatever is answered (an open loop), over 256 kept connections; a request's time counts from when it was
due, also where no connection was free. Unloaded is 0.3 of what it can do, overloaded three times. Both with the bound
on requests in flight that is said; 1,000 is as good as none. Figures are of one run of some seconds each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.place import Missing
from tests.app.process import Process

_CONNECTIONS, _SECONDS = 256, 6.0
PROJECT = """\
version: 1
sources: {shop: {kind: duckdb, url: shop.duckdb}}
claims: {roles: {type: list<string>}}
issuers: {dev: {issuer: "https://dev.example", audiences: [x], development: true, max_lifetime: 2h}}
zones: {internal: {issuers: [dev]}}
"""
CATALOG = """\
domains: {d: {description: Things, steward: T <t@x.example>}}
products:
  d.things:
    description: A thing
    source: shop
    table: things
    key: [id]
    columns:
      id: {type: integer, description: Number}
      name: {type: string, description: Name}
"""
POLICIES = "grants: [{name: all, on: {products: [d.things]}, when: \"'reader' IN claims.roles\"}]\n"
PERSONAS = "reader: {description: Reads, subject: r, claims: {roles: [reader]}}\n"
BODY = b'{"query": "{ things(first: 20) { nodes { id name } } }"}'


@dataclass(slots=True)
class Seen:
    """Seconds by status."""

    times: dict[int, list[float]] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        self.times.setdefault(status, []).append(seconds)

    def percentile(self, status: int, share: float) -> float:
        """In milliseconds."""
        times = sorted(self.times.get(status, []))
        return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else float("nan")

    def count(self, status: int) -> int:
        return len(self.times.get(status, []))


class Asker(asyncio.Protocol):
    """One connection, which asks one thing at a time."""

    def __init__(self, load: Load) -> None:
        self._load, self._received, self._due = load, b"", 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what TCP gives
        self._transport = transport

    def ask(self, due: float) -> None:
        self._due, self._received = due, b""
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if len(body) >= int(length):
            self._load.answered(self, int(head[9:12]), time.perf_counter() - self._due)


class Load:
    """Requests that fall due at ``rate`` a second; without one, as soon as the one before is answered."""

    def __init__(self, request: bytes, rate: float | None) -> None:
        self.request, self._rate, self.seen = request, rate, Seen()
        self._free: deque[Asker] = deque()
        self._waiting: deque[float] = deque()
        self._ended = False

    def answered(self, asker: Asker, status: int, seconds: float) -> None:
        if not self._ended:
            self.seen.add(status, seconds)
        if self._rate is None and not self._ended:
            asker.ask(time.perf_counter())
        elif self._waiting:
            asker.ask(self._waiting.popleft())
        else:
            self._free.append(asker)

    async def run(self, port: int, connections: int, seconds: float) -> Seen:
        loop = asyncio.get_running_loop()
        made = [(await loop.create_connection(lambda: Asker(self), "127.0.0.1", port)) for _ in range(connections)]
        began = time.perf_counter()
        if self._rate is None:
            for _, asker in made:
                asker.ask(began)
            await asyncio.sleep(seconds)
        else:
            self._free.extend(asker for _, asker in made)
            sent = 0
            while (now := time.perf_counter()) < began + seconds:
                while began + sent / self._rate <= now:
                    due = began + sent / self._rate
                    sent += 1
                    if self._free:
                        self._free.popleft().ask(due)
                    else:
                        self._waiting.append(due)
                await asyncio.sleep(0.0005)
        self._ended = True
        self._waiting.clear()
        await asyncio.sleep(0.5)
        for transport, _ in made:
            transport.close()
        return self.seen


@contextlib.contextmanager
def _gateway(folder: Path, most: int, core: int) -> Iterator[tuple[int, str]]:
    """Its port, and a token, while it runs on one core."""
    command = ["-m", "app.cli", "serve", "--project", str(folder), "--zone", "internal", "--dev-keys"]
    process = Process(command, {"CUSTOMHOUSE_MOST_INFLIGHT": str(most)})
    try:
        port = int(process.url.rpartition(":")[2])
        os.sched_setaffinity(process.popen.pid, {core})
        for task in Path(f"/proc/{process.popen.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
        yield port, _token(folder)
    finally:
        process.stop()


def _token(folder: Path) -> str:
    from app.project import load_project
    from app.tokens.development import mint

    issuer = load_project(folder).catalog.issuers["dev"]
    return mint(issuer, folder, "r", {"roles": ["reader"]}, 3600)


def _request(token: str) -> bytes:
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


def _write(folder: Path) -> None:
    import duckdb

    for name, text in {
        "customhouse.yaml": PROJECT,
        "catalog/d.yaml": CATALOG,
        "policies/d.yaml": POLICIES,
        "personas.yaml": PERSONAS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE things AS SELECT i::INTEGER AS id, 'thing ' || i AS name FROM range(1000) r(i)"
        )


def _measure(folder: Path, most: int, server: int) -> tuple[float, Seen, Seen]:
    with _gateway(folder, most, server) as (port, token):
        request = _request(token)
        uvloop.run(Load(request, None).run(port, 16, 1.0))  # warm
        able = uvloop.run(Load(request, None).run(port, min(16, most), 3.0)).count(200) / 3.0
        quiet = uvloop.run(Load(request, able * 0.3).run(port, _CONNECTIONS, _SECONDS))
        loud = uvloop.run(Load(request, able * 3).run(port, _CONNECTIONS, _SECONDS))
        return able, quiet, loud


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overload", description="Three times too much.")
    parser.add_argument("--inflight", type=int, nargs="+", default=[8, 16, 32, 1000])
    args = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Missing("Two cores are needed: one for the gateway and one for the load.")
    os.sched_setaffinity(0, {cores[1]})
    print(
        "| in flight | can do /s | p99 unloaded ms | 3x: answered /s | p50 ms | p99 ms | refused /s | p50 ms | p99 ms |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name))
        for most in args.inflight:
            able, quiet, loud = _measure(Path(name), most, cores[0])
            accepted, refused = ([loud.percentile(status, share) for share in (0.5, 0.99)] for status in (200, 503))
            print(
                f"| {most} | {able:.0f} | {quiet.percentile(200, 0.99):.1f} | {loud.count(200) / _SECONDS:.0f} | "
                f"{accepted[0]:.1f} | {accepted[1]:.1f} | {loud.count(503) / _SECONDS:.0f} | {refused[0]:.1f} | "
                f"{refused[1]:.1f} |",
                flush=True,
            )
    return 0
