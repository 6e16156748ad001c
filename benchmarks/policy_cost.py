"""What governing costs on a plan hit: the same query with the example's policies and with a single grant of everything.

Both engines live in one process over the same database and are asked in turn, round by round, so that noise meets
both alike. CPU is the process's own (user and system; it holds DuckDB, but not PostgreSQL); the ratio is taken inside
each round and the median reported. ``gateway`` is the CPU of everything but the source: a back end that answers from
memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.project import load_project
from benchmarks.warehouse import flights_in_postgres
from resolvers.backends.backend import Backend, Bounds, Deadline, TableInfo
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller, ClaimValue

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"
KEYS = {use: hashlib.sha512(use.encode()).digest() for use in ("hash", "token", "key", "seal")}
PAPERS: dict[str, ClaimValue] = {"roles": ("staff", "ops_analyst"), "carriers": ("UA",)}
OPEN_POLICY = 'grants:\n  - {name: everything, on: {products: ["*"]}}\n'
QUERIES = {
    "by key": "query Q($v: BigInt!) { flight(id: $v) { id carrier flight tailnum depDelay origin dest } }",
    "100 rows": "query Q($v: BigInt!) { flights(where: {id: {gt: $v}, carrier: {eq: \"UA\"}}, first: 100) "
    "{ nodes { id carrier flight tailnum depDelay arrDelay origin dest } } }",
    "group by": "query Q($v: BigInt!) { flightsGroups(where: {id: {gt: $v}, carrier: {eq: \"UA\"}}, "
    "by: [{column: ORIGIN}]) { key { origin } count avg { depDelay } } }",
}  # fmt: skip
ROUNDS, PER_ROUND = 15, 60


@dataclass
class Remembering:
    """A back end that asks its source once per statement and then answers from memory: what is left is the gateway."""

    behind: Backend
    name: str = "remembering"
    kept: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    @property
    def dialect(self) -> Dialect:
        return self.behind.dialect

    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[tuple[object, ...]]:
        if statement.text not in self.kept:
            self.kept[statement.text] = await self.behind.fetch(statement, values, deadline, bounds)
        return self.kept[statement.text]

    async def describe(self) -> list[TableInfo]:
        return await self.behind.describe()

    async def check(self) -> None:
        await self.behind.check()

    async def close(self) -> None:
        await self.behind.close()


def caller() -> Caller:
    return Caller("bench", "bench", "internal", PAPERS, time.time() + 3600, region="eu-west-1", digest="bench")


def main() -> None:
    subprocess.run([sys.executable, EXAMPLE / "build.py"], check=True)
    warehouse = EXAMPLE / "data" / "flights.duckdb"
    dsn = flights_in_postgres(warehouse)
    with tempfile.TemporaryDirectory() as folder:
        ruled, unruled = Path(folder) / "ruled", Path(folder) / "unruled"
        for project in (ruled, unruled):
            shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("data", ".run"))
        shutil.rmtree(unruled / "policies")
        (unruled / "policies").mkdir()
        (unruled / "policies" / "all.yaml").write_text(OPEN_POLICY)
        for engine, kind, url in (("PostgreSQL", "postgres", dsn), ("DuckDB", "duckdb", str(warehouse))):
            for project in (ruled, unruled):
                _point(project, kind, url)
            asyncio.run(_compare(engine, ruled, unruled))


def _point(project: Path, kind: str, url: str) -> None:
    """Let the project's source be this database."""
    settings = project / "customhouse.yaml"
    lines = settings.read_text().splitlines()
    for index, line in enumerate(lines):
        if line.startswith("    kind:"):
            lines[index] = f"    kind: {kind}"
        if line.startswith("    url:"):
            lines[index] = f'    url: "{url}"'
    settings.write_text("\n".join(lines) + "\n")


async def _compare(engine: str, ruled: Path, unruled: Path) -> None:
    print(f"\n{engine}\n\n| query | CPU us, no policies | CPU us, policies | ratio | gateway only, ratio |")
    print("|---|--:|--:|--:|--:|")
    for name, text in QUERIES.items():
        whole = await _ratio(text, [_engine(folder, False) for folder in (unruled, ruled)])
        gateway = await _ratio(text, [_engine(folder, True) for folder in (unruled, ruled)])
        print(f"| {name} | {whole[0]:.0f} | {whole[1]:.0f} | {whole[2]:.2f} | {gateway[2]:.2f} |")


def _engine(folder: Path, memory: bool) -> Engine:
    project = load_project(folder, "dev")
    backends: Mapping[str, Backend] = {
        name: open_backend(source, source.url, folder) for name, source in project.catalog.sources.items()
    }
    if memory:
        backends = {name: Remembering(backend) for name, backend in backends.items()}
    return Engine(project.catalog, project.policies, "internal", backends, KEYS)


async def _ratio(text: str, engines: list[Engine]) -> tuple[float, float, float]:
    """Median CPU per request (us) of each engine, and the median of the rounds' ratios."""
    costs: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 1):
        for index in (0, 1) if turn % 2 else (1, 0):
            cost = await _round(engines[index], text, turn)
            if turn:
                costs[index].append(cost)
    ratio = statistics.median(b / a for a, b in zip(*costs, strict=True))
    for engine in engines:
        for backend in engine.backends.values():
            await backend.close()
    return statistics.median(costs[0]), statistics.median(costs[1]), ratio


async def _round(engine: Engine, text: str, turn: int) -> float:
    who = caller()
    started = time.process_time()
    for number in range(PER_ROUND):
        answer = await engine.answer(Operation("graphql", text, {"v": str(1000 + turn * 100 + number)}), who)
        if b'"errors"' in answer.body:
            raise RuntimeError(answer.body.decode())
    return (time.process_time() - started) / PER_ROUND * 1e6
