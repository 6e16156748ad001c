"""Golden governed SQL: what the gate and the planner make of a query, and what the engine answers to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from resolvers.operation import Operation
from resolvers.steps import Fetch, Step
from schema.errors import Refusal, Refusals
from tests.leak.compare import real_project
from tests.leak.engines import DuckDBFiles
from tests.leak.house import House, caller
from tests.leak.reference import PERSONAS

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "cases.yaml").read_text())
SEED = 1
BY_NAME = {persona.name: persona for persona in PERSONAS}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goldens") / "project"
    real_project(folder, SEED, DuckDBFiles())
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_golden(case: dict[str, str], project: Path) -> None:
    async with House.open(project) as house:
        said = await _said(house, case)
    golden = HERE / "golden" / f"{case['name']}.txt"
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()


async def _said(house: House, case: dict[str, str]) -> str:
    persona = BY_NAME[case["as"]]
    lines = [f"# {case['why']}", f"# as {persona.name}", case["query"], ""]
    try:
        prepared = house.engine.prepare(Operation("graphql", case["query"]), caller(persona))
        for fetch in prepared.ready.plan.steps:
            lines += _statements(fetch)
    except (Refusal, Refusals):
        lines.append("(refused before any statement)")
    answer = await house.ask(case["query"], persona)
    return "\n".join([*lines, "", answer.decode(), ""])


def _statements(fetch: Step) -> list[str]:
    assert isinstance(fetch, Fetch)
    lines = [f"-- {fetch.source}: {', '.join(slot.name for slot in fetch.statement.params) or 'no binds'}"]
    lines.append(fetch.statement.text)
    for below in fetch.below:
        lines += _statements(below)
    return lines
