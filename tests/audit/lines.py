"""A trail made by hand, and things to tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.audit.chain import Chain
from app.audit.record import Recorder
from app.audit.sink import Head, SinkError
from app.audit.told import Act, Exchanged, Versions
from schema.caller import Caller

CALLER = Caller("ann@example.org", "https://issuer.example", "internal", {"roles": ("x",)}, 2e9, digest="ab" * 32)
VERSIONS = Versions("internal", "c1", "p1", bytes(32))


def exchanged(number: int = 1, **over: object) -> Exchanged:
    made = Exchanged(
        1_790_000_000.5, 0.0123, "/graphql", "POST", 200, 321, f"request-{number}", "", "127.0.0.1", VERSIONS, CALLER,
        "0123456789abcdef", None, (), None, 3, {}, "whole",
    )  # fmt: skip
    return made._replace(**over)  # type: ignore[arg-type]


def trail(path: Path, count: int, chain: Chain | None = None, ended: bool = True) -> list[bytes]:
    """Write a chain to a file; gives its lines."""
    chain = chain or Chain("file-0-test")
    recorder = Recorder("hash", "1.0")
    told = [recorder.record(exchanged(number)) for number in range(1, count + 1)]
    if ended:
        told.append(recorder.record(Act(1_790_000_001.0, "audit.stop", True, {})))
    lines = [chain.line(record) for record in told]
    path.write_bytes(b"".join(lines))
    return lines


class Memory:
    """A sink that keeps lines, and fails, or takes its time, as it is told."""

    kind = "memory"

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.failing, self.slow, self.attempts, self.closed = False, 0.0, 0, False

    def write(self, lines: Sequence[bytes]) -> None:
        self.attempts += 1
        time.sleep(self.slow)
        if self.failing:
            raise SinkError("told to")
        self.lines += lines

    def pause(self, head: Head, idle: bool) -> None: ...

    def close(self, head: Head) -> None:
        self.closed = True


async def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, not for a time."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.005)
    return condition()
