"""The TPC-H comparison: our server, the ceiling, and what teams use instead, on the same PostgreSQL tables."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import cluster, data, report
from benchmarks.comparison import Target, run
from benchmarks.peers_list import PEERS
from benchmarks.place import RUN, Missing, run_folder
from benchmarks.processes import free_port, gateway, running
from benchmarks.procfs import pid_on_port
from benchmarks.rounds import Load, need_wrk
from benchmarks.tokens import bearer, gateway_signer, peer_signer, subjects
from benchmarks.workloads import Workload, read

QUERIES = Path(__file__).with_name("queries.json")
OURS, LARGE, BASE = "ours", "large", "D"


def main(arguments: list[str]) -> int:
    """Compare, print the tables and keep them under .run/bench/."""
    args = _arguments(arguments)
    need_wrk()
    started = data.ready()
    try:
        with contextlib.ExitStack() as stack:
            targets = list(_targets(args, stack))
            load = Load(args.rounds, args.seconds, args.connections)
            compared = run(targets, args.workloads, load, cluster.postmaster())
        alike = _alike(targets)
        text = report.tables(compared.results, BASE, alike)
        print(text)
        _keep(args.out, text, {f"{t}/{w}": [asdict(one) for one in m] for (t, w), m in compared.results.items()})
    finally:
        if started:
            cluster.stop()
    for fault in compared.faults:
        print(fault, file=sys.stderr)
    return 1 if compared.faults else 0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    known = read(QUERIES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks tpch", description=__doc__)
    parser.add_argument("--workloads", type=_names(known), default=list(known), help="such as W1,W6 (all)")
    parser.add_argument("--targets", type=_names([OURS, *PEERS]), default=[OURS, *PEERS], help="of ours,A,B,D (all)")
    parser.add_argument("--rounds", type=_whole(1, 20), default=3, help="after one that warms up (3)")
    parser.add_argument("--seconds", type=_whole(1, 10), default=3, help="of each run (3)")
    parser.add_argument("--connections", type=_whole(1, 64), default=16, help="at once (16)")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=URL,FILE", help=_at.__doc__)
    parser.add_argument("--out", type=Path, default=RUN / "tpch.md", help="where the tables go, and .json beside")
    return parser.parse_args(arguments)


def _names(known: Collection[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if wrong := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"there is no {wrong[0]}; there are {', '.join(known)}")
        return names

    return parse


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most}")
        return int(text)

    return parse


def _targets(args: argparse.Namespace, stack: contextlib.ExitStack) -> Iterator[Target]:
    """Start what is asked for; the first is the one whose answers the others must give."""
    workloads = read(QUERIES)
    subjects_wanted = any(workloads[name].subjects for name in args.workloads)
    for letter, peer in PEERS.items():
        if letter in args.targets:
            server = peer.server(free_port())
            pid = stack.enter_context(running(server))
            file = subjects("peers", peer_signer()) if subjects_wanted else None
            yield Target(letter, server.url, read(peer.queries), bearer(peer_signer()), file, pid)
    if OURS in args.targets:
        server = gateway(OURS, free_port())
        pid = stack.enter_context(running(server))
        sign = gateway_signer()
        file = subjects(OURS, sign) if subjects_wanted else None
        here = {name: one for name, one in workloads.items() if one.server is None}
        yield Target(OURS, server.url, here, bearer(sign), file, pid)
    for text in args.at:
        yield _at(text, workloads)


def _at(text: str, workloads: dict[str, Workload]) -> Target:
    """a gateway that runs already, such as another version; FILE holds its header"""
    name, _, rest = text.partition("=")
    url, _, file = rest.partition(",")
    try:
        port = int(url.removeprefix("http://127.0.0.1:").partition("/")[0])
        header = Path(file).read_text().strip().removeprefix("Authorization: ")
    except (ValueError, OSError):
        raise Missing(f"--at is NAME=http://127.0.0.1:PORT/graphql,FILE with a header in FILE, not {text!r}.") from None
    here = {name: one for name, one in workloads.items() if one.server is None and not one.subjects}
    return Target(name, url, here, header, None, pid_on_port(port))


def _alike(targets: Sequence[Target]) -> list[tuple[str, str, str, str]]:
    """Which run is another way to ask which."""
    return [
        (target.name, name, OURS if workload.server else target.name, workload.like)
        for target in targets
        for name, workload in target.workloads.items()
        if workload.like
    ]


def _keep(path: Path, text: str, figures: object) -> None:
    run_folder()
    path.write_text(text + "\n")
    path.with_suffix(".json").write_text(json.dumps(figures, indent=1))
    print(f"\nThese tables are in {path}, every round in {path.with_suffix('.json')}.", file=sys.stderr)
