"""The embedded engine: our server over a DuckDB file, and a bare loop that runs the same SQL as our server wrote it.

What the ratio says is how much CPU a request costs beyond the engine: HTTP, token, plan, limits, encoding. The loop has
none of them, and is asked as fast as it can answer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import data
from benchmarks.comparison import Target, prepare
from benchmarks.options import add_load, load_of
from benchmarks.place import PROJECT, RUN, Missing, warehouse
from benchmarks.processes import Server, free_port, gateway, running
from benchmarks.rounds import Load, Run, need_wrk, once
from benchmarks.tokens import bearer, gateway_signer
from benchmarks.workloads import Workload, bodies, read

QUERIES = Path(__file__).with_name("queries.json")
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6")
_QUESTIONS = 20  # different values for the loop


def main(arguments: list[str]) -> int:
    """Measure our server over DuckDB against a bare loop."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks duckdb", description=__doc__)
    add_load(parser, WORKLOADS)
    parser.add_argument("--out", type=Path, default=RUN / "duckdb.md", help="where the table goes")
    args = parser.parse_args(arguments)
    need_wrk()
    data.ready_duckdb()
    server = gateway("duckdb", free_port(), PROJECT, "duckdb")
    with running(server) as pid:
        target = Target("duckdb", server.url, read(QUERIES), bearer(gateway_signer()), None, pid)
        lines = list(_table(server, target, args.workloads, load_of(args)))
    text = "\n".join(lines)
    print(text)
    args.out.write_text(text + "\n")
    return 0


def _table(server: Server, target: Target, wanted: list[str], load: Load) -> Iterator[str]:
    yield "### DuckDB: our server, and a bare loop over the same SQL\n"
    yield "| | loop CPU µs | ours CPU µs | ratio | loop req/s | ours req/s |"
    yield "|---|--:|--:|--:|--:|--:|"
    for name in wanted:
        workload = target.workloads[name]
        statement = _statement(server, workload)
        run, _ = prepare(target, workload)
        bare, ours = _rounds(run, statement, load)
        ratio = statistics.median(mine[0] / other[0] for mine, other in zip(ours, bare, strict=True))
        cells = [statistics.median(one[at] for one in many) for at in (0, 1) for many in (bare, ours)]
        yield f"| {name} | {cells[0]:.0f} | {cells[1]:.0f} | {ratio:.2f} | {cells[2]:.0f} | {cells[3]:.0f} |"
        print(name, file=sys.stderr, flush=True)


def _rounds(run: Run, statement: str, load: Load) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """CPU per request and requests a second, of the loop and of ours, by round; the order alternates."""
    bare: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for turn in range(load.rounds + 1):
        for is_ours in (False, True) if turn % 2 else (True, False):
            seconds = load.seconds if turn else 1
            if is_ours:
                measured = once(run, seconds, load.connections, turn, None)
                figures = (measured.server_us, measured.per_second)
                if measured.failed:
                    raise Missing(f"{run.workload}: {measured.failed} requests failed; see .run/bench/logs/duckdb.log")
            else:
                figures = _loop(statement, seconds)
            if turn:
                (ours if is_ours else bare).append(figures)
    return bare, ours


def _loop(statement: str, seconds: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.duckdb_loop", str(warehouse()), str(seconds)]
    done = subprocess.run(command, input=statement, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode:
        raise Missing(f"The DuckDB loop failed: {done.stderr.strip()[-1000:]}")
    said = json.loads(done.stdout)
    return said["cpu_us"], said["per_second"]


def _statement(server: Server, workload: Workload) -> str:
    """The SQL our server runs for a workload, with the values of some questions, as the loop reads it."""
    texts = [json.loads(body) for body in dict.fromkeys(bodies(workload))][:_QUESTIONS]
    explained = [_explained(server, said["query"], said["variables"]) for said in texts]
    return json.dumps({"sql": explained[0]["sql"], "binds": [one["binds"] for one in explained]})


def _explained(server: Server, query: str, variables: dict[str, object]) -> dict[str, object]:
    program = server.command[0]
    chosen = ["--project", str(PROJECT), "--env", "duckdb", "--as", "analyst"]
    command = [program, "explain", *chosen, "--json", query, "--variables", json.dumps(variables)]
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"customhouse explain failed: {done.stderr.strip()}")
    with contextlib.suppress(ValueError):
        (statement,) = json.loads(done.stdout)["statements"]
        return {"sql": statement["sql"], "binds": [bind["value"] for bind in statement["binds"]]}
    raise Missing("A workload of one source runs as several statements: the loop cannot repeat it.")
