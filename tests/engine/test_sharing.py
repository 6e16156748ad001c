"""Shared fetches and kept results mix nobody: every answer with all caches on is the one without.

The cases are those of `test_views` (five callers with other rights over the same questions), asked side by side and
again, by one process's `Results`; then the policies change under the same caches.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.project import load_project
from resolvers.engine import Engine
from resolvers.operation import Operation
from resolvers.results.kept import Kept
from resolvers.results.results import Results
from tests.engine.house import ENGINES, House, place
from tests.engine.test_views import CALLERS, CASES, statements
from tests.leak.house import KEYS, MINUTE


def sharing(folder: Path, house: House, results: Results) -> House:
    """The house with an engine that keeps every product's results for an hour."""
    project = load_project(folder)
    products = {
        name: replace(product, cache=True, freshness=3600.0) for name, product in project.catalog.products.items()
    }
    catalog = replace(project.catalog, products=products)
    kept = Kept(results, {name: name for name in house.backends})
    engine = Engine(catalog, project.policies, "internal", house.backends, KEYS, lambda: MINUTE, kept=kept)
    return House(engine, house.backends)


@pytest.mark.parametrize("engine", ENGINES)
async def test_answers_are_those_without_caches(engine: str, tmp_path: Path) -> None:
    folder = place("views", tmp_path / "p", engine, statements())
    results = Results("internal", KEYS, 1 << 24)
    async with House.open(folder) as house:
        shared = sharing(folder, house, results)
        asked = [(case["query"], who) for case in CASES for who in CALLERS.values()]
        wanted = [await house.ask(query, who) for query, who in asked]
        assert len({json.dumps(answer) for answer in wanted}) > len(CASES), "the callers see different things"
        for _ in range(3):
            found = await asyncio.gather(*(shared.ask(query, who) for query, who in asked))
            assert [pair for pair in zip(asked, found, wanted, strict=True) if pair[1] != pair[2]] == []
        again = await asyncio.gather(*(shared.ask(query, who) for query, who in reversed(asked)))
        assert again == wanted[::-1]
        await shared.engine.close()
    assert results.counts.hits > 0, "something was kept"


@pytest.mark.parametrize("engine", ENGINES)
async def test_fetches_under_way_are_shared_by_those_with_the_same_rows(engine: str, tmp_path: Path) -> None:
    """Nothing is kept here; four callers ask each question three times at once, with plans that are there already."""
    folder = place("views", tmp_path / "p", engine, statements())
    results = Results("internal", KEYS)
    async with House.open(folder) as house:
        shared = sharing(folder, house, results)
        for case in CASES:
            asked = [who for who in CALLERS.values() for _ in range(3)]
            wanted = [await shared.ask(case["query"], who) for who in asked]
            joined = results.counts.joined
            assert await asyncio.gather(*(shared.ask(case["query"], who) for who in asked)) == wanted
            assert results.counts.joined > joined or all("refused" in answer for answer in wanted), case["name"]
        await shared.engine.close()
    assert results.counts.hits == 0


async def test_a_change_of_policies_is_not_answered_from_before(tmp_path: Path) -> None:
    """The same question of the same caller, by the same caches, after a reload that takes the caller's grant away."""
    folder = place("views", tmp_path / "p", "duckdb", statements())
    results = Results("internal", KEYS, 1 << 24)
    query, who = CASES[0]["query"], CALLERS[CASES[0].get("as", "staff")]
    async with House.open(folder) as house:
        before = sharing(folder, house, results)
        first = await before.ask(query, who)
        assert "data" in first
        assert await before.ask(query, who) == first
        for policy in (folder / "policies").glob("*.yaml"):
            policy.write_text(policy.read_text().replace("'staff' IN claims.roles", "'nobody' IN claims.roles"))
        after = sharing(folder, house, results)
        assert await after.ask(query, who) != first
        assert await before.ask(query, who) == first, "who began under the old version ends under it"


ANSWERED = "{ purchases { nodes { id region amount } } }"
OTHERWISE = "{ purchases { nodes { one: id two: region three: amount } } }"
SEALED = "{ purchases(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } } }"


@pytest.mark.parametrize("engine", ENGINES)
async def test_who_joins_a_fetch_shares_its_written_answer(engine: str, tmp_path: Path) -> None:
    """The same bytes, not equal ones; and whoever asks for the same rows under other names has those names."""
    folder = place("views", tmp_path / "p", engine, statements())
    async with House.open(folder) as house:
        shared = sharing(folder, house, Results("internal", KEYS))
        asked = [Operation("graphql", text) for text in (ANSWERED, OTHERWISE) * 4]
        wanted = [await shared.ask(operation.text, CALLERS["staff"]) for operation in asked]
        found = await asyncio.gather(*(shared.engine.answer(operation, CALLERS["staff"]) for operation in asked))
        await shared.engine.close()
    assert [json.loads(answer.body) for answer in found] == wanted
    assert len({id(answer.body) for answer in found}) < len(found)


@pytest.mark.parametrize("engine", ENGINES)
async def test_sealed_texts_are_never_shared(engine: str, tmp_path: Path) -> None:
    """Two people with the same rights get the same rows of one fetch; each cursor opens for its own caller alone."""
    folder = place("views", tmp_path / "p", engine, statements())
    results = Results("internal", KEYS)
    pair = [replace(CALLERS["staff"], subject=name, digest=name) for name in ("ann", "bob")]
    async with House.open(folder) as house:
        shared = sharing(folder, house, results)
        wanted = [await shared.ask(SEALED, who) for who in pair]
        found = await asyncio.gather(*(shared.ask(SEALED, who) for who in pair * 3))
        await shared.engine.close()
    assert results.counts.joined > 0
    assert found == wanted * 3 and wanted[0] != wanted[1]
