"""Features and scores in SQL: what answers by key is found for the keys that a statement's joins give it, governed.

The answers are those of GraphQL. A model that is given nothing of its optional inputs scores as for one who may not see
the features.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from app.steward.sources import opened
from resolvers.engine import Engine
from resolvers.operation import Operation
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.errors import Refusal
from tests.leak.house import KEYS
from tests.sql.test_analytic import example

FLIGHTS = "FROM operations.flights f {} WHERE f.month = 12 AND f.day = 1 ORDER BY f.id LIMIT 40"
SCORED = "SELECT f.id, m.probability, m.label " + FLIGHTS.format(
    """LEFT JOIN features.route_delays r ON r.origin = f.origin AND r.dest = f.dest
    LEFT JOIN features.planes p ON p.tailnum = f.tailnum
    LEFT JOIN ml.delay_risk m ON m.distance = f.distance AND m.hour = f.hour AND m.day_of_week = f.day_of_week
    AND m.carrier = f.carrier AND m.route_mean_delay IS NOT DISTINCT FROM r.mean_delay_30d
    AND m.route_late_share IS NOT DISTINCT FROM r.late_share_30d AND m.plane_age IS NOT DISTINCT FROM p.age_years"""
)
WITHOUT_FEATURES = "SELECT f.id, m.probability, m.label " + FLIGHTS.format(
    """JOIN ml.delay_risk m ON m.distance = f.distance AND m.hour = f.hour AND m.day_of_week = f.day_of_week
    AND m.carrier = f.carrier"""
)
GRAPHQL = """{ flights(first: 40, where: {month: {eq: 12}, day: {eq: 1}}, orderBy: [{id: ASC}])
  { nodes { id delayRisk { probability label } } } }"""


@pytest.mark.parametrize(("persona", "statement"), [("admin", SCORED), ("support-eu", WITHOUT_FEATURES)])
async def test_scores_are_those_of_graphql(persona: str, statement: str, tmp_path: Path) -> None:
    project = load_project(example(tmp_path / "flights"), "dev")
    caller = caller_of(load_personas(project.root)[persona], project.catalog, None, None)
    caller = replace(caller, expires=time.time() + 3600)
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        body = orjson.loads((await engine.answer(Operation("graphql", GRAPHQL), caller)).body)
        wanted = [
            (int(node["id"]), *((node["delayRisk"] or {"p": None, "l": None}).values()))
            for node in body["data"]["flights"]["nodes"]
        ]
        assert len(wanted) == 40
        assert await _rows(engine, statement, caller) == wanted
        await engine.close()


async def test_keys_that_nothing_gives_are_asked_for(tmp_path: Path) -> None:
    project = load_project(example(tmp_path / "flights"), "dev")
    admin = caller_of(load_personas(project.root)["admin"], project.catalog, None, None)
    admin = replace(admin, expires=time.time() + 3600)
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        one = "SELECT label FROM ml.delay_risk WHERE distance = 1000 AND hour = 8 AND day_of_week = 2 AND carrier = $1"
        with pytest.raises(Refusal) as told:
            await _rows(engine, "SELECT label FROM ml.delay_risk WHERE distance = 1000", admin)
        assert told.value.code == "CH161" and "hour, day_of_week, carrier" in told.value.message
        with pytest.raises(Refusal) as told:
            await _rows(engine, f"SELECT count(*) {SCORED[SCORED.index('FROM') : SCORED.index('WHERE')]}", admin)
        assert told.value.code == "CH604"
        assert await _rows(engine, one.replace("$1", "'UA'"), admin) == [("on_time",)]
        await engine.close()


async def _rows(engine: Engine, statement: str, caller: Caller) -> list[tuple[object, ...]]:
    result = await engine.statements.answer(Asked(statement), caller)
    try:
        rows: list[tuple[object, ...]] = []
        async for batch in result.stream:
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return rows
    finally:
        await result.stream.aclose()
