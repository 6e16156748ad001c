"""The TPC-H comparison: our server, the ceiling, and what teams use instead, on the same PostgreSQL tables."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import cluster, data, report
from benchmarks.comparison import Compared, Target, run
from benchmarks.large import large_project
from benchmarks.options import add_load, load_of, names
from benchmarks.peers.registry import PEERS
from benchmarks.place import PROJECT, RUN, Missing, run_folder
from benchmarks.processes import free_port, gateway, running
from benchmarks.procfs import pid_on_port
from benchmarks.rounds import need_wrk
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
            compared = run(targets, args.workloads, load_of(args), cluster.postmaster())
        text = report.tables(compared, BASE)
        print(text)
        _keep(args.out, text, compared)
    finally:
        if started:
            cluster.stop()
    for fault in compared.faults:
        print(fault, file=sys.stderr)
    return 1 if compared.faults else 0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks tpch", description=__doc__)
    add_load(parser, list(read(QUERIES)))
    parser.add_argument("--targets", type=names([OURS, *PEERS]), default=[OURS, *PEERS], help="of ours,A,B,D (all)")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=URL,FILE", help=_at.__doc__)
    parser.add_argument("--out", type=Path, default=RUN / "tpch.md", help="where the tables go, and .json beside")
    return parser.parse_args(arguments)


def _targets(args: argparse.Namespace, stack: contextlib.ExitStack) -> Iterator[Target]:
    """Start what is asked for; the first is the one whose answers the others must give."""
    workloads = read(QUERIES)
    many = any(workloads[name].subjects for name in args.workloads)
    peers_file = subjects("peers", peer_signer()) if many else None
    for letter, peer in PEERS.items():
        if letter in args.targets:
            try:
                server = peer.server(free_port())
            except Missing as missing:
                print(missing, file=sys.stderr)
                continue
            pid = stack.enter_context(running(server))
            yield Target(letter, server.url, read(peer.queries), bearer(peer_signer()), peers_file, pid)
    if OURS in args.targets:
        file = subjects(OURS, gateway_signer()) if many else None
        yield _ours(stack, OURS, PROJECT, _of_server(workloads, None), file)
        if any(workloads[name].server == LARGE for name in args.workloads):
            yield _ours(stack, LARGE, large_project(), _of_server(workloads, LARGE), None)
    for text in args.at:
        yield _at(text, workloads)


def _ours(
    stack: contextlib.ExitStack, name: str, project: Path, workloads: dict[str, Workload], file: Path | None
) -> Target:
    server = gateway(name, free_port(), project)
    pid = stack.enter_context(running(server))
    return Target(name, server.url, workloads, bearer(gateway_signer(project)), file, pid, OURS)


def _of_server(workloads: dict[str, Workload], server: str | None) -> dict[str, Workload]:
    return {name: one for name, one in workloads.items() if one.server == server}


def _at(text: str, workloads: dict[str, Workload]) -> Target:
    """a gateway that runs already, such as another version; FILE holds its header"""
    name, _, rest = text.partition("=")
    url, _, file = rest.partition(",")
    try:
        port = int(url.removeprefix("http://127.0.0.1:").partition("/")[0])
        header = Path(file).read_text().strip().removeprefix("Authorization: ")
    except (ValueError, OSError):
        raise Missing(f"--at is NAME=http://127.0.0.1:PORT/graphql,FILE with a header in FILE, not {text!r}.") from None
    here = {name: one for name, one in _of_server(workloads, None).items() if not one.subjects}
    return Target(name, url, here, header, None, pid_on_port(port))


def _keep(path: Path, text: str, compared: Compared) -> None:
    run_folder()
    path.write_text(text + "\n")
    figures = {f"{target}/{name}": [asdict(one) for one in many] for (target, name), many in compared.results.items()}
    for (target, name), plain in compared.plain.items():
        figures[f"{plain.target}/{plain.workload} beside {target}/{name}"] = [asdict(one) for one in plain.measures]
    path.with_suffix(".json").write_text(json.dumps(figures, indent=1))
    print(f"\nThese tables are in {path}, every round in {path.with_suffix('.json')}.", file=sys.stderr)
