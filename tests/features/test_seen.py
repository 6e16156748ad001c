"""What callers see of features and scores, as cases over DuckDB, PostgreSQL and SQLite beside a second database.

The same cases run with the feature views moved from the store, where policies are functions over rows, into a table,
where they are SQL: every caller sees the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engine.house import ENGINES
from tests.features.house import DESK, NOBODY, OTHER, ROOT, STAFF, House

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
CALLERS = {"root": ROOT, "staff": STAFF, "other": OTHER, "desk": DESK, "nobody": NOBODY}


async def wrong(house: House, cases: Iterator[dict[str, object]]) -> list[tuple[object, ...]]:
    """Every answer that is not as wanted."""
    found: list[tuple[object, ...]] = []
    for case in cases:
        wanted = case["want"]
        assert isinstance(wanted, dict)
        variables = case.get("variables")
        for who, papers in CALLERS.items():
            said = await house.ask(str(case["query"]), papers, variables if isinstance(variables, dict) else None)
            want = wanted.get(who, wanted["staff"])
            if said != (want if "refused" in want else {"data": want}):
                found.append((case["name"], who, said, want))
    return found


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_caller_sees_their_own(engine: str, tmp_path: Path) -> None:
    async with House.made(tmp_path / "p", engine) as house:
        cases = [case for case in CASES if engine != "sqlite" or not case.get("arrays")]
        assert await wrong(house, iter(cases)) == []


@pytest.mark.parametrize("engine", ENGINES)
async def test_policies_say_the_same_in_sql(engine: str, tmp_path: Path) -> None:
    async with House.made(tmp_path / "p", engine, tabled=True) as house:
        cases = [case for case in CASES if engine != "sqlite" or not case.get("arrays")]
        assert await wrong(house, iter(cases)) == []
        assert house.store.calls == []


async def test_an_engine_without_arrays_offers_no_such_order(tmp_path: Path) -> None:
    query = "{flights(orderBy:[{risk:{probability:ASC}}]){nodes{id}}}"
    async with House.made(tmp_path / "p", "sqlite") as house:
        assert await house.ask(query, ROOT) == {"refused": ["CH205"]}
