"""Load, in rounds. In a round all runs of a group follow one another; the order is turned round every other time.

Machines are shared: what a neighbour does meets all runs of a round nearly alike, so ratios are taken inside a round
and the median over rounds is reported. The first round only warms up.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.place import Missing
from benchmarks.procfs import cpu_seconds, rss_mib

_SCRIPT = Path(__file__).with_name("replay.lua")
_STRIDE = 3331  # requests by which each round begins later than the one before


@dataclass(frozen=True, slots=True)
class Load:
    """How long and how wide, within the bounds of the command line."""

    rounds: int
    seconds: int
    connections: int


@dataclass(frozen=True, slots=True)
class Run:
    """One server under one workload. ``bodies`` and ``tokens`` are files for the load generator."""

    target: str
    workload: str
    url: str
    bodies: Path
    tokens: Path | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One run in one round. CPU is user and system, for each request."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float
    rss_mib: float
    bytes: float
    failed: int


def measure(group: Sequence[Run], load: Load, database: int | None) -> dict[Run, list[Measure]]:
    """The measures of each run of a group, by round."""
    found: dict[Run, list[Measure]] = {run: [] for run in group}
    for turn in range(load.rounds + 1):
        for run in group if turn % 2 else reversed(group):
            if turn:
                found[run].append(once(run, load.seconds, load.connections, turn * _STRIDE, database))
            else:
                _warm(run, load.connections)
    return found


def ratio(mine: Sequence[Measure], other: Sequence[Measure], figure: str) -> float | None:
    """The median of a figure's ratio inside the rounds; None where there is none."""
    pairs = zip(mine, other, strict=True)
    ratios = [getattr(one, figure) / getattr(two, figure) for one, two in pairs if getattr(two, figure)]
    return statistics.median(ratios) if ratios else None


def median(measures: Sequence[Measure], figure: str) -> float:
    return float(statistics.median(getattr(one, figure) for one in measures))


def need_wrk() -> None:
    if shutil.which("wrk") is None:
        raise Missing("The load generator wrk is not installed; on Debian and Ubuntu: apt install wrk")


def _warm(run: Run, connections: int) -> None:
    """The first round: until every one of many callers has been seen once."""
    callers = 0 if run.tokens is None else len(run.tokens.read_text().splitlines())
    asked = once(run, 1 if callers < 2 else 10, connections, 0, None).requests
    while asked < callers:
        asked += once(run, 5, connections, asked, None).requests


def once(run: Run, seconds: int, connections: int, start: int, database: int | None) -> Measure:
    """One run, beginning at the request of this number. ``database`` is its PostgreSQL, where it has one."""
    server, below = cpu_seconds(run.pid), cpu_seconds(database)
    said = _wrk(run, seconds, connections, start)
    count = max(said["requests"], 1)
    return Measure(
        requests=int(said["requests"]),
        per_second=said["requests"] / said["us"] * 1e6,
        p50_ms=said["p50"] / 1e3,
        p99_ms=said["p99"] / 1e3,
        server_us=(cpu_seconds(run.pid) - server) / count * 1e6,
        database_us=(cpu_seconds(database) - below) / count * 1e6,
        rss_mib=rss_mib(run.pid),
        bytes=said["bytes"] / count,
        failed=int(said["failed"]),
    )


def _wrk(run: Run, seconds: int, connections: int, start: int) -> dict[str, float]:
    files = {"BENCH_BODIES": str(run.bodies), "BENCH_TOKENS": str(run.tokens or ""), "BENCH_START": str(start)}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT), run.url]
    done = subprocess.run(
        command, env=os.environ | files, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise Missing(f"wrk failed: {done.stdout}{done.stderr}")
    said: dict[str, float] = json.loads(lines[-1])
    return said
