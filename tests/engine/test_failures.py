"""What an answer says when a part of it cannot be had: sources down, bounds, deadlines, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from graphql import GraphQLNonNull

from resolvers.operation import Operation
from tests.engine.house import House, caller, filled, place
from tests.leak.house import MINUTE

CASES = yaml.safe_load((Path(__file__).parent / "failures.yaml").read_text())
LABEL = "x" * 100


def boxes() -> Iterator[str]:
    yield "CREATE TABLE boxes (id BIGINT, label TEXT, slow BIGINT)"
    yield f"INSERT INTO boxes SELECT i, '{LABEL}', i FROM range(1, 41) t(i)"


def tags() -> Iterator[str]:
    yield "CREATE TABLE tags (id BIGINT, box_id BIGINT, word TEXT)"
    yield "INSERT INTO tags SELECT i, (i - 1) % 40 + 1, 'w' || i FROM range(1, 2001) t(i)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = place("failures", tmp_path_factory.mktemp("failures") / "p", "duckdb", boxes())
    filled(made, "side", "duckdb", tags())
    return made


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    async with House.open(folder) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_failure(case: dict[str, object], house: House) -> None:
    said = await house.ask(str(case["query"]), caller(), case.get("variables"))
    if "refused" in case:
        assert said == {"refused": case["refused"]}
        return
    errors = [[error["extensions"]["code"], error["path"]] for error in said.get("errors", [])]
    assert (said["data"], errors) == (case["data"], case["errors"])


async def test_errors_that_would_make_an_answer_too_large_are_said_once(house: House) -> None:
    """It is the data that is bounded: 20,000 bytes here, which a hundred errors would fill."""
    page = "boxes(first: 1) { nodes { tags(first: 50) { nodes { ghost { name } } } } }"
    said = await house.ask(f"{{ a: {page} b: {page} }}", caller())
    ghosts = {"nodes": [{"tags": {"nodes": [{"ghost": None}] * 50}}]}
    assert said["data"] == {"a": ghosts, "b": ghosts}
    places = [error["path"] for error in said["errors"]]  # type: ignore[attr-defined]
    assert places == [[root, "nodes", 0, "tags", "nodes", 0, "ghost"] for root in "ab"]


async def test_a_partial_answer_says_so(house: House) -> None:
    """The engine's 294 is what the HTTP layer makes a status of; nothing that failed is said to be whole."""
    partial = await house.engine.answer(Operation("graphql", "{ ghosts { nodes { id } } }"), caller())
    whole = await house.engine.answer(Operation("graphql", "{ boxesAggregate { count } }"), caller())
    assert (partial.status, whole.status) == (294, 200)


def test_every_root_may_be_null(house: House) -> None:
    """A root that fails is null, so no root's type may forbid it."""
    view = house.engine.frontend.schema.view(house.engine.visible(caller()))
    fields = view.schema.query_type.fields
    assert {"boxes", "boxesAggregate", "boxesGroups", "box", "node"} <= set(fields)
    assert not [name for name, field in fields.items() if isinstance(field.type, GraphQLNonNull)]


async def test_no_answer_outlives_the_token(house: House) -> None:
    """The statement is ended when the token expires, long before the zone's timeout; what is done by then answers."""
    said = await house.ask("{ slow { nodes { n } } }", caller(expires=MINUTE + 0.5))
    assert [error["extensions"]["code"] for error in said["errors"]] == ["CH503"]
    assert said["data"] == {"slow": None}
    assert await house.ask("{ boxesAggregate { count } }", caller()) == {"data": {"boxesAggregate": {"count": 40}}}


@pytest.mark.parametrize("late", [0.0, 3600.0])
async def test_an_expired_token_gets_nothing(late: float, house: House) -> None:
    said = await house.ask("{ boxes { nodes { id } } }", caller(expires=MINUTE - late))
    assert said["data"] == {"boxes": None}
    assert [error["extensions"]["code"] for error in said["errors"]] == ["CH503"]


async def test_cancelling_one_request_leaves_the_others(house: House) -> None:
    """Two ask the same at the same time; one leaves. The other, and those after, are answered."""
    text = "{ some { nodes { n } } }"
    leaving, staying = (asyncio.create_task(house.ask(text, caller())) for _ in range(2))
    hopeless = asyncio.create_task(house.ask("{ slow { nodes { n } } }", caller()))
    await asyncio.sleep(0.05)
    for task in (leaving, hopeless):
        task.cancel()
    ended = await asyncio.gather(leaving, hopeless, return_exceptions=True)
    stayed = await staying
    assert stayed["data"]["some"]["nodes"][0] == {"n": str(40**2)}
    assert isinstance(ended[0], asyncio.CancelledError) or ended[0] == stayed
    assert isinstance(ended[1], asyncio.CancelledError)
    assert await house.ask("{ boxesAggregate { count } }", caller()) == {"data": {"boxesAggregate": {"count": 40}}}


async def test_a_source_that_comes_up_answers_without_a_restart(tmp_path: Path) -> None:
    folder = place("failures", tmp_path / "p", "duckdb", boxes())
    async with House.open(folder) as house:
        before = await house.ask("{ tagsAggregate { count } }", caller())
        assert before["errors"][0]["extensions"]["code"] == "CH501"
        filled(folder, "side", "duckdb", tags())
        assert await house.ask("{ tagsAggregate { count } }", caller()) == {"data": {"tagsAggregate": {"count": 2000}}}
