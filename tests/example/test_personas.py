"""What each persona sees, asked of the real engine over the real data: cases.yaml."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import orjson
import pytest
import pytest_asyncio
import yaml

from app.keyring import keyring
from app.personas import PersonaError, load_personas
from app.project import Project, load_project
from app.steward.papers import caller_of
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal

HERE = Path(__file__).resolve().parent
FLIGHTS = HERE.parents[1] / "examples" / "flights"


class Case(TypedDict, total=False):
    name: str
    purpose: str
    query: str
    data: object
    code: str


CASES: list[Case] = yaml.safe_load((HERE / "cases.yaml").read_text(encoding="utf-8"))
PROJECT: Project = load_project(FLIGHTS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    urls = {"flights": str(warehouse)}
    sources = PROJECT.catalog.sources.values()
    opened = {source.name: open_source(source, urls.get(source.name, source.url), FLIGHTS) for source in sources}
    keys = keyring("internal", {}, tmp_path_factory.mktemp("keys"), dev_keys=True)
    made = Engine(PROJECT.catalog, PROJECT.policies, "internal", opened, keys)
    yield made
    await made.close()
    for source in opened.values():
        await source.close()


def caller(case: Case) -> Caller:
    persona = load_personas(FLIGHTS)[str(case.get("as"))]
    return replace(caller_of(persona, PROJECT.catalog, "internal", case.get("purpose")), expires=time.time() + 60)


async def ask(engine: Engine, case: Case) -> object:
    """The answer's JSON, or the code of what refused it."""
    try:
        answer = await engine.answer(Operation("graphql", case["query"]), caller(case))
    except Refusal as refused:
        return refused.code
    except PersonaError as refused:
        return str(refused).partition(" ")[0]
    found: object = orjson.loads(answer.body)
    return found


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_persona(case: Case, engine: Engine) -> None:
    assert await ask(engine, case) == (case["code"] if "code" in case else {"data": case["data"]})


def test_every_persona_has_a_case() -> None:
    assert {case.get("as") for case in CASES} == load_personas(FLIGHTS).keys()
