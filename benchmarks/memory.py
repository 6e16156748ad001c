"""Memory of our server: at start, and as requests go by that try its caches: many users, many texts, large answers."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import cluster, data
from benchmarks.options import whole
from benchmarks.place import RUN, run_folder
from benchmarks.processes import free_port, gateway, running
from benchmarks.procfs import rss_mib
from benchmarks.rounds import Run, need_wrk, once
from benchmarks.tokens import gateway_signer, subjects
from benchmarks.workloads import bodies, read

QUERIES = Path(__file__).with_name("queries.json")
MIX = ("W1", "W1", "W6", "W11", "W1", "W9", "W1", "W5")
_SLICE, _CONNECTIONS, _STEPS, _BODIES = 10, 16, 4, 20_000
_SLICES = 200  # at most, whatever the machine's pace


def main(arguments: list[str]) -> int:
    """Measure our server's memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    parser.add_argument("--requests", type=whole(1, 5_000_000), default=200_000, help="how many in all (200000)")
    parser.add_argument("--out", type=Path, default=RUN / "memory.md", help="where the table goes")
    args = parser.parse_args(arguments)
    need_wrk()
    started = data.ready()
    try:
        faults: list[str] = []
        lines = list(_table(args.requests, faults))
    finally:
        if started:
            cluster.stop()
    print("\n".join(lines))
    args.out.write_text("\n".join(lines) + "\n")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _table(wanted: int, faults: list[str]) -> Iterator[str]:
    server = gateway("memory", free_port())
    tokens = subjects("ours", gateway_signer())
    path = _mixed()
    with running(server) as pid:
        yield "### Memory\n\n| after requests | RSS MiB |\n|--:|--:|"
        yield f"| 0 | {rss_mib(pid):.0f} |"
        run = Run("memory", "mix", server.url, path, tokens, pid)
        done, step = 0, 1
        for number in range(_SLICES):
            measured = once(run, _SLICE, _CONNECTIONS, number * 3331, None)
            done += measured.requests
            if measured.failed:
                faults.append(f"{measured.failed} of {measured.requests} requests failed")
            if done >= wanted * step / _STEPS:
                yield f"| {done} | {measured.rss_mib:.0f} |"
                step += 1
            if done >= wanted:
                return


def _mixed() -> Path:
    """Bodies of all kinds, in turn. Those with values in their texts are all different."""
    workloads = read(QUERIES)
    each = [itertools.cycle(list(bodies(workloads[name]))) for name in MIX]
    path = run_folder() / "bodies-mixed"
    with contextlib.closing(path.open("w")) as file:
        for number in range(_BODIES):
            file.write(next(each[number % len(each)]) + "\n")
    return path
