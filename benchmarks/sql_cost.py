"""What a SQL statement costs the gateway before its source runs, and a join across sources.

Preparing: CPU of reading, checking, resolving, governing and planning, for a text that was never seen, and for one
whose plan is there. Running: 100,000 x 9 rows as Arrow through the gate, against DuckDB's own reader over the same
database and the same governed text; and 200,000 rows of PostgreSQL joined with 336,776 of DuckDB, with the memory of
the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import duckdb

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from app.steward.sources import opened
from benchmarks.place import Missing
from resolvers.backends.backend import Deadline
from resolvers.backends.caps import Caps
from resolvers.backends.dialect import Statement
from resolvers.backends.mix import mixed
from resolvers.backends.registry import open_backend
from resolvers.backends.stream import ArrowStream
from resolvers.engine import Engine
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.catalog import Source
from schema.errors import Place

EXAMPLE = Path("examples/flights")
KEYS = {use: hashlib.sha512(use.encode()).digest() for use in ("hash", "token", "key", "seal")}
PERSONAS = ("admin", "ops-united")
TIMES, ROUNDS, POSTGRES_ROWS = 60, 7, 200_000
STATEMENTS = {
    "one filter": "SELECT id, carrier, dep_delay FROM operations.flights WHERE month = {n} AND dep_delay > 60",
    "join, group, having": (
        "SELECT a.name, count(*) n, avg(f.dep_delay) d FROM operations.flights f JOIN reference.airlines a "
        "ON a.flights__key = f.airline__key WHERE f.month <> {n} GROUP BY a.name HAVING count(*) > 10 ORDER BY n DESC"
    ),
    "CTEs, window, guarded": (
        "WITH d AS (SELECT origin, date_trunc('day', time_hour) AS day, sum(dep_delay) / count(*) AS mean "
        "FROM operations.flights WHERE month > {n} GROUP BY 1, 2) SELECT origin, day, mean, "
        "avg(mean) OVER (PARTITION BY origin ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM d"
    ),
}
NINE = (
    "SELECT id, carrier, tailnum, origin, dest, dep_delay, distance, air_time, time_hour "
    "FROM operations.flights LIMIT 100000"
)
_JOIN = "SELECT f.carrier, count(*), sum(p.amount) FROM flights f JOIN paid p ON p.flight = f.id GROUP BY 1 ORDER BY 1"


def main() -> None:
    asyncio.run(_all())


async def _all() -> None:
    project = load_project(EXAMPLE, "dev")
    if not (EXAMPLE / "data" / "flights.duckdb").exists():
        raise Missing("The example's database is not there: make example.")
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        personas = load_personas(project.root)
        callers = {name: caller_of(personas[name], project.catalog, None, None) for name in PERSONAS}
        callers = {name: replace(caller, expires=time.time() + 3600) for name, caller in callers.items()}
        _preparing(engine, callers)
        for caller in callers.values():
            await _streaming(engine, caller)
        await engine.close()
    await _joining()


def _preparing(engine: Engine, callers: dict[str, Caller]) -> None:
    print("| statement | persona | CPU ms, never seen | CPU ms, plan there |\n|---|---|--:|--:|")
    for name, text in STATEMENTS.items():
        for persona, caller in callers.items():
            fresh, again = [], []
            for number in range(TIMES):
                asked = Asked(text.format(n=number))
                fresh.append(_cpu(engine, asked, caller))
                again.append(_cpu(engine, asked, caller))
            print(f"| {name} | {persona} | {statistics.median(fresh):.2f} | {statistics.median(again):.3f} |")


def _cpu(engine: Engine, asked: Asked, caller: Caller) -> float:
    started = time.process_time()
    engine.statements.prepare(asked, caller)
    return (time.process_time() - started) * 1000


async def _streaming(engine: Engine, caller: Caller) -> None:
    _, ready = engine.statements.prepare(Asked(NINE), caller)
    claims = [caller.claims[str(slot.path[0])] for slot in ready.plan.statement.params]
    bound = [list(value) if isinstance(value, tuple) else value for value in claims]

    async def ours() -> int:
        result = await engine.statements.answer(Asked(NINE), caller)
        try:
            return sum([batch.num_rows async for batch in result.stream])
        finally:
            await result.stream.aclose()

    with duckdb.connect(str(EXAMPLE / "data" / "flights.duckdb"), read_only=True) as bare:

        async def theirs() -> int:
            reader = bare.sql(ready.plan.statement.text, params=bound or None).to_arrow_reader(16_384)
            return sum(batch.num_rows for batch in reader)

        pairs = [(await _timed(ours), await _timed(theirs)) for _ in range(ROUNDS)]
    ratio = statistics.median(one / other for one, other in pairs)
    best = statistics.median(one for one, _ in pairs)
    print(f"\n{caller.subject}: 100,000 x 9 rows in {best:.1f} ms, {ratio:.2f} of the bare engine and the same text")


async def _timed(work: Callable[[], Awaitable[int]]) -> float:
    started = time.perf_counter()
    assert await work() > 10_000
    return (time.perf_counter() - started) * 1000


async def _joining() -> None:
    from tests.postgres import server

    rows = "SELECT n AS id, 1 + n % 336776 AS flight, (n % 1000)::numeric(10,2) AS amount"
    dsn = server().database(f"CREATE TABLE paid AS {rows} FROM generate_series(1, {POSTGRES_ROWS}) AS n")
    place = Place("benchmark")
    with tempfile.TemporaryDirectory():
        postgres = open_backend(Source("pg", "postgres", dsn, place), dsn, Path())
        path = str(EXAMPLE / "data" / "flights.duckdb")
        flights = open_backend(Source("duck", "duckdb", path, place), path, Path())
        before = _peak()

        async def joined() -> int:
            deadline = Deadline.after(60)

            async def left() -> ArrowStream:
                return await flights.stream(Statement("SELECT id, carrier FROM flights", ()), [], deadline)

            async def right() -> ArrowStream:
                return await postgres.stream(Statement("SELECT flight, amount FROM paid", ()), [], deadline)

            caps = Caps(5_000_000, 1 << 29, "512MB")
            stream = await mixed({"flights": left, "paid": right}, Statement(_JOIN, ()), [], deadline, caps)
            return 10_001 + sum([batch.num_rows async for batch in stream])

        times = [await _timed(joined) for _ in range(ROUNDS)]
        print(
            f"\n{POSTGRES_ROWS:,} rows of PostgreSQL joined with 336,776 of DuckDB: {statistics.median(times):.0f} ms, "
            f"peak memory {_peak():.0f} MiB (before: {before:.0f})"
        )
        await postgres.close()
        await flights.close()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


__all__ = ["main"]
