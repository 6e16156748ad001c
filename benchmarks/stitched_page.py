"""A page of rows with five features of a store and a score of a model each: time beside the same written by hand, in
batches and with one call for each row; and the same page while one of its sources is a black hole.

    rows        DuckDB, the flights of the example
    features    Redis hashes of aircraft (a Valkey)
    scores      the example's ONNX model, in this process, fed by columns and by features

Ours answers with its policies on (a row filter over a claim, a mask), without HTTP; by hand there are none. All three
give the same values, which is checked first. One question at a time; the median and the best of the rounds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
from redis import Redis

from app.project import Project, load_project
from app.steward.policy_test import fixed_keys
from app.steward.sources import opened
from benchmarks.by_hand import FEATURES, ByHand
from benchmarks.place import ROOT, run_folder
from benchmarks.valkey import valkey
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from tests.faults.proxy import Fault, Proxy

PROJECT = Path(__file__).parent / "stitched"
CARRIERS = ["UA", "DL", "AA", "B6"]
ROUNDS = 25
QUERY = """query($n: Int!) { flights(first: $n, where: {month: {eq: 12}}) { nodes { id carrier flight tailnum depDelay
  aircraft { status age flights seats meanDelay lateShare } risk { probability label } } } }"""
PAGE = """{ flights(first: 100, where: {month: {eq: 12}}) { nodes { id aircraft { status age } seats { seats } } } }"""


def main() -> None:
    warehouse = run_folder() / "flights.duckdb"
    build = [sys.executable, str(ROOT / "examples" / "flights" / "build.py"), "--to", str(warehouse)]
    subprocess.run(build, check=True)
    with valkey() as store:
        _fill(store, warehouse)
        os.environ |= {"BENCH_FLIGHTS": str(warehouse), "BENCH_STORE": store, "BENCH_STORE_ALONE": store}
        asyncio.run(_pages(warehouse, store))
        asyncio.run(_hole(store))


def _fill(store: str, warehouse: Path) -> None:
    """Features of every aircraft that flew, as far as they are known."""
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as database, Redis.from_url(store) as client:
        rows = database.execute(
            "SELECT f.tailnum, f.age_years, f.flights_30d, f.mean_delay_30d, f.late_share_30d, p.seats"
            " FROM plane_features f LEFT JOIN planes p USING (tailnum)"
            " QUALIFY row_number() OVER (PARTITION BY f.tailnum ORDER BY f.as_of DESC) = 1"
        ).fetchall()
        pipe = client.pipeline(transaction=False)
        for tailnum, *values in rows:
            known = {name: str(value) for name, value in zip(FEATURES, values, strict=True) if value is not None}
            if known:
                pipe.hset(f"aircraft:{tailnum}", mapping=known)  # type: ignore[arg-type]
        pipe.execute()


def _caller() -> Caller:
    claims = {"roles": ("staff",), "carriers": tuple(CARRIERS)}
    return Caller("ann", "https://dev.customhouse.example", "internal", claims, 4e9, None, None, digest="ann")


def _engine(project: Project, sources: object) -> Engine:
    return Engine(project.catalog, project.policies, "internal", sources, fixed_keys("internal"))  # type: ignore[arg-type]


async def _pages(warehouse: Path, store: str) -> None:
    project, who = load_project(PROJECT), _caller()
    model = ROOT / "examples" / "flights" / "models" / "delay_risk.onnx"
    async with opened(project) as sources:
        engine = _engine(project, sources)
        hand = ByHand(warehouse, store, model, 100)
        print("\n| rows | | median ms | best ms | CPU ms | calls | to by hand |\n|--:|---|--:|--:|--:|--:|--:|")
        for size in (100, 1000):
            operation = Operation("graphql", QUERY, {"n": size})
            ways: dict[str, Callable[[], Awaitable[bytes]]] = {
                "by hand, in batches": lambda size=size: hand.page(CARRIERS, size),  # type: ignore[misc]
                "Customhouse": lambda operation=operation: _ours(engine, operation, who),  # type: ignore[misc]
                "by hand, a call for each row": lambda size=size: hand.page_by_rows(CARRIERS, size),  # type: ignore[misc]
            }
            await _same(ways)
            calls = await _calls(ways, hand, engine, operation, who)
            _told(size, await _rounds(ways), calls)
        await hand.close()
        await engine.close()


async def _ours(engine: Engine, operation: Operation, who: Caller) -> bytes:
    return (await engine.answer(operation, who)).body


async def _same(ways: dict[str, Callable[[], Awaitable[bytes]]]) -> None:
    """All answers hold the same values."""
    answers = {name: orjson.loads(await way()) for name, way in ways.items()}
    first = next(iter(answers.values()))
    for name, answer in answers.items():
        if answer != first:
            for one, other in zip(answer["data"]["flights"]["nodes"], first["data"]["flights"]["nodes"], strict=True):
                if one != other:
                    raise SystemExit(f"{name} answers otherwise: {one} instead of {other}")


async def _calls(
    ways: dict[str, Callable[[], Awaitable[bytes]]], hand: ByHand, engine: Engine, operation: Operation, who: Caller
) -> dict[str, int]:
    """How often each asks a source besides the warehouse."""
    found: dict[str, int] = {}
    for name, way in ways.items():
        before = hand.calls
        await way()
        found[name] = hand.calls - before
    found["Customhouse"] = sum(one.calls for one in (await engine.trace(operation, who))[1:])
    return found


async def _rounds(ways: dict[str, Callable[[], Awaitable[bytes]]]) -> dict[str, list[tuple[float, float]]]:
    """Seconds of wall and of CPU, taken in turns."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for at in range(ROUNDS):
        for name, way in ways.items():
            if name.endswith("each row") and at >= 5:
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            await way()
            took[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return took


def _told(size: int, took: dict[str, list[tuple[float, float]]], calls: dict[str, int]) -> None:
    base = statistics.median(wall for wall, _ in took["by hand, in batches"])
    for name, found in took.items():
        median, best = statistics.median(wall for wall, _ in found), min(wall for wall, _ in found)
        cpu = statistics.median(cpu for _, cpu in found)
        print(
            f"| {size} | {name} | {median * 1000:.1f} | {best * 1000:.1f} | {cpu * 1000:.1f} | {calls[name]} |"
            f" {median / base:.2f} |"
        )


async def _hole(store: str) -> None:
    """The page of a hundred while one store answers nothing: what came back, when, and what its breaker did."""
    project, who = load_project(PROJECT), _caller()
    port = int(store.rpartition(":")[2].partition("/")[0])
    async with Proxy(port) as proxy:
        os.environ["BENCH_STORE"] = f"redis://127.0.0.1:{proxy.port}/0"
        async with opened(project) as sources:
            engine = _engine(project, sources)
            operation = Operation("graphql", PAGE)
            await engine.answer(operation, who)
            await proxy.turn(Fault(black_hole=True))
            print("\n| question | ms | rows | features of the hole | of the other store | errors |")
            print("|--:|--:|--:|---|---|---|")
            for number in range(1, 7):
                await _asked(number, engine, operation, who)
            await engine.close()


async def _asked(number: int, engine: Engine, operation: Operation, who: Caller) -> None:
    began = time.perf_counter()
    answer = orjson.loads((await engine.answer(operation, who)).body)
    took = (time.perf_counter() - began) * 1000
    nodes = answer["data"]["flights"]["nodes"]
    lost = sum(node["aircraft"] is None for node in nodes)
    there = sum(node["seats"] is not None for node in nodes)
    codes = sorted({error["extensions"]["code"] for error in answer.get("errors", ())})
    print(f"| {number} | {took:.0f} | {len(nodes)} | {lost} null | {there} there | {', '.join(codes)} |")
