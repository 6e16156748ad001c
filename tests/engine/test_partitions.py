"""A product that requires a filter on its partition: who asks for all of it is told so, before a source is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from sqlglot import parse_one

from resolvers.operation import Operation
from resolvers.partitions import partition_filtered
from schema.errors import Refusal
from tests.engine.house import House, caller, place

CASES = yaml.safe_load((Path(__file__).parent / "partitions.yaml").read_text(encoding="utf-8"))
TABLES = [
    "CREATE TABLE flights (id BIGINT, flown DATE, origin TEXT)",
    "INSERT INTO flights VALUES (1, '2013-01-01', 'EWR'), (2, '2013-01-01', 'JFK'), (3, '2013-01-02', 'EWR')",
    "CREATE TABLE weather (day DATE, rain DOUBLE PRECISION)",
    "INSERT INTO weather VALUES ('2013-01-01', 0.1), ('2013-01-02', 0.2)",
    "CREATE TABLE airports (code TEXT)",
    "INSERT INTO airports VALUES ('EWR'), ('JFK')",
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House.open(place("partitions", tmp_path / "p", "duckdb", TABLES)) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['ask']} {case.get('who', '')}")
async def test_questions(house: House, case: dict[str, object]) -> None:
    who = caller(roles=(str(case.get("who", "staff")),))
    said = await house.ask(str(case["ask"]), who)
    if case.get("refused"):
        assert said == {"refused": ["CH609"]}
        return
    (found,) = said["data"].values()  # type: ignore[attr-defined]
    if "rows" in case:
        assert len(found["nodes"]) == case["rows"]
    elif "total" in case:
        assert found["totalCount"] == case["total"]
    else:
        assert len(found) == case["count"]


@pytest.mark.parametrize(("role", "told"), [("staff", True), ("guest", False)])
async def test_the_column_is_named_to_who_may_know_it(house: House, role: str, told: bool) -> None:
    with pytest.raises(Refusal) as refused:
        await house.engine.answer(Operation("graphql", "{ flights { nodes { id } } }"), caller(roles=(role,)))
    assert ("flown" in f"{refused.value.message} {refused.value.hint}") is told
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("t.day = DATE '2013-01-01'", True),
        ("DATE '2013-01-01' < t.day", True),
        ("t.day BETWEEN :a AND :b", True),
        ("t.day BETWEEN :a AND t.other", False),
        ("t.day IN (:a, :b)", True),
        ("t.day IN (SELECT u.day FROM u)", False),
        ("t.day IN (t.other)", False),
        ("t.day = t.other", False),
        ("t.day = u.day", False),
        ("u.day = :a", False),
        ("day = :a", False),
        ("t.day = (SELECT 1)", False),
        ("t.day = NULL", False),
        ("t.day + 1 = :a", False),
        ("CAST(t.day AS TEXT) = :a", False),
        ("t.day = CAST(:a AS DATE) + 1", True),
        ("(t.other = 1 AND ((t.day > :a)))", True),
        ("t.day > :a OR t.day IS NULL", True),
        ("t.day > :a OR TRUE", False),
        ("NOT t.day > :a", False),
        ("t.day IS NOT NULL", False),
        ("t.day <> :a", False),
        ("CH_IN(t.day, :l)", True),
        ("CH_IN(t.day, t.days)", False),
        ("EXISTS(SELECT 1 FROM u AS t WHERE t.day = :a)", False),
    ],
)
def test_what_chooses_partitions(where: str, chosen: bool) -> None:
    assert partition_filtered(parse_one(where), "t", "day") is chosen


def test_nothing_chooses_nothing() -> None:
    assert partition_filtered(None, "t", "day") is False
