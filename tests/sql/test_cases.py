"""What the endpoint promises (cases.yaml), on both engines; and what it promises about who runs how much."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from resolvers.frontends.sql.parameters import read_parameters
from resolvers.statements.engine import Asked
from schema.errors import Refusal
from tests.sql.house import ENGINES, House

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ENGINES)
async def test_cases(kind: str, tmp_path: Path) -> None:
    faults: list[str] = []
    async with House.open(tmp_path / "house", kind, other=False) as house:
        for case in CASES:
            answer = await house.ask(case["sql"], "analyst", case.get("dialect", "postgres"), case.get("parameters"))
            told = answer.body.decode()
            if "code" in case:
                if answer.code != case["code"] or case["says"] not in told:
                    faults.append(f"{case['name']}: {told[:300]}")
                continue
            rows = None if answer.rows is None else sorted(map(_plain, map(list, answer.rows)))
            if rows != sorted(map(_plain, case["rows"])):
                faults.append(f"{case['name']}: {told[:300]}")
            elif "columns" in case and _names(answer.body) != case["columns"]:
                faults.append(f"{case['name']}: {_names(answer.body)}")
    assert not faults, "\n".join(faults)


def _plain(row: list[object]) -> list[str]:
    """Whole numbers of one value: which of them an engine counts in 64 bits, or as a decimal, is its own affair."""
    return [str(value) for value in row]


def _names(body: bytes) -> list[str]:
    return [column["name"] for column in orjson.loads(body)["columns"]]


async def test_statements_at_once(tmp_path: Path) -> None:
    """Four of one caller, each until its rows are read; others have places of their own."""
    asked = Asked("SELECT id FROM crm.customers", parameters=read_parameters(None))
    async with House.open(tmp_path / "house", "duckdb", other=False) as house:
        statements, analyst = house.engine.statements, house.callers["analyst"]
        analyst = replace(analyst, digest="one")
        running = [await statements.answer(asked, analyst) for _ in range(4)]
        with pytest.raises(Refusal) as told:
            await statements.answer(asked, analyst)
        assert (told.value.code, told.value.status) == ("CH608", 429)
        await (await statements.answer(asked, replace(analyst, digest="another"))).stream.aclose()
        await running[0].stream.aclose()
        await running[0].stream.aclose()
        await (await statements.answer(asked, analyst)).stream.aclose()
        for result in running[1:]:
            await result.stream.aclose()


async def test_never_later_than_the_token(tmp_path: Path) -> None:
    """The token ends in a fifth of a second by the gateway's clock; the statement would take longer."""
    tables = ", ".join(f"crm.customers AS t{at}" for at in range(4))
    long = f"SELECT count(*) FROM {tables}, generate_series(1, 900000)"
    async with House.open(tmp_path / "house", "duckdb", other=False) as house:
        caller = replace(house.callers["analyst"], expires=1_700_000_000.2)
        with pytest.raises(Refusal) as told:
            result = await house.engine.statements.answer(Asked(long), caller)
            async with asyncio.timeout(5):
                async for _ in result.stream:
                    pass
        assert told.value.code == "CH503"
