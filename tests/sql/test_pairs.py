"""The same answers: a question in GraphQL and in SQL (pairs.yaml), as every persona of the example."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import yaml

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from app.steward.sources import opened
from resolvers.backends.backend import Bounds
from resolvers.engine import Engine
from resolvers.formats.choose import writer_of
from resolvers.formats.column import columns
from resolvers.formats.encode import encoded
from resolvers.operation import Operation
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from tests.leak.house import KEYS, rounded
from tests.sql.test_analytic import example

PAIRS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pairs.yaml").read_text(encoding="utf-8"))
REFUSED = None


async def test_every_pair_for_every_persona(tmp_path: Path) -> None:
    project = load_project(example(tmp_path / "flights"), "dev")
    faults: list[str] = []
    answered = 0
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        for name, persona in load_personas(project.root).items():
            caller = replace(caller_of(persona, project.catalog, None, None), expires=time.time() + 3600)
            if not project.catalog.zones[caller.zone].sql.enabled:
                continue  # partners ask in GraphQL alone
            for pair in PAIRS:
                one = await _graphql(engine, pair["graphql"], pair["at"], caller)
                other = await _sql(engine, pair["sql"], caller)
                answered += one is not REFUSED
                if one != other:
                    faults.append(f"{name}, {pair['name']}:\n    {str(one)[:400]}\n    {str(other)[:400]}")
        await engine.close()
    assert answered > len(PAIRS) * 3
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)


async def _graphql(engine: Engine, text: str, at: list[str], caller: Caller) -> list[list[object]] | None:
    try:
        found = orjson.loads((await engine.answer(Operation("graphql", text), caller)).body)["data"]
    except (Refusal, Refusals):
        return REFUSED
    for step in at:
        found = found[step]
    return [[_plain(value) for value in _flat(row)] for row in (found if isinstance(found, list) else [found])]


def _flat(row: object) -> list[object]:
    """The values of an object in their order; of an absent related row one null."""
    if not isinstance(row, dict):
        return [row]
    return [value for part in row.values() for value in _flat(part)]


async def _sql(engine: Engine, text: str, caller: Caller) -> list[list[object]] | None:
    try:
        result = await engine.statements.answer(Asked(text), caller)
    except Refusal:
        return REFUSED
    writer = writer_of("json", result.stream.schema, columns(result.stream.schema, result.types))
    body = b"".join([piece async for piece in encoded(result.stream, writer, Bounds(10_000, 1 << 24))])
    return [[_plain(value) for value in row] for row in orjson.loads(body)["rows"]]


def _plain(value: object) -> object:
    """A count is an Int in GraphQL and a bigint, written as text, in SQL."""
    return str(value) if type(value) is int else rounded(value)
