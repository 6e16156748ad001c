"""The minimum group: every number that comes out is held against an independent computation over small random data."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.engine.house import EVERY, House, caller, place
from tests.engine.privacy_reference import NOTHING, WARDS, Row, aggregate, figures, filters, groups, nulls_last, stays

SEED = int(os.environ.get("CUSTOMHOUSE_PRIVACY_SEED", "7"))
BATCHES = int(os.environ.get("CUSTOMHOUSE_PRIVACY_BATCHES", "10"))
KEYS = {"rowStays": "id", "patientStays": "patient", "openStays": "id", "bothStays": "patient"}
"""By list: what tells the entities apart. Of several minimum groups the one with the fewest entities decides; a row has
at most one patient, so for ``bothStays`` that is the patients."""
FIGURES = "count countDistinct { ward } sum { cost } avg { age }"
CASES = yaml.safe_load((Path(__file__).parent / "minimum_group.yaml").read_text())


def world() -> dict[int, list[Row]]:
    dice = random.Random(SEED)
    return {batch: stays(dice, batch) for batch in range(BATCHES)}


def statements(rows: dict[int, list[Row]]) -> Iterator[str]:
    yield (
        "CREATE TABLE stays (id BIGINT, batch INTEGER, patient TEXT, ward TEXT, age INTEGER, cost DECIMAL(10,2),"
        " score DOUBLE PRECISION)"
    )
    yield "CREATE TABLE wards (code TEXT, floor INTEGER)"
    for floor, code in enumerate(WARDS):
        yield f"INSERT INTO wards VALUES ('{code}', {floor})"
    for batch in rows.values():
        for row in batch:
            yield f"INSERT INTO stays VALUES ({', '.join(map(literal, row.values()))})"


def literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


async def answer(house: House, text: str, batch: int) -> object:
    """The data of an answer, sums as numbers: engines differ in zeros at their end, and SQLite sums floats."""
    said = await house.ask(text, caller(batch=batch))
    return numbers(said["data"]) if set(said) == {"data"} else said


def numbers(value: object) -> object:
    if isinstance(value, list):
        return [numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    return round(Decimal(value), 6) if isinstance(value, str) and value[-1:].isdigit() else value


@pytest.fixture(params=EVERY)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with House.open(place("privacy", tmp_path / "p", request.param, statements(world()))) as opened:
        yield opened


async def test_aggregates_and_totals(house: House) -> None:
    dice = random.Random(SEED)
    for batch, rows in world().items():
        for root, key in KEYS.items():
            wanted = filters(dice)
            found = [row for row in rows if wanted.holds(row)]
            where = f"(where: {wanted.text})"
            text = f"{{ a: {root}Aggregate{where} {{ {FIGURES} }} t: {root}{where} {{ totalCount }} }}"
            expected = aggregate(rows, found, key)
            said = await answer(house, text, batch)
            assert said == {"a": expected, "t": {"totalCount": expected["count"]}}, (batch, text, rows)


async def test_groups(house: House) -> None:
    dice = random.Random(SEED + 1)
    for batch, rows in world().items():
        for root, key in KEYS.items():
            wanted = filters(dice)
            by = dice.choice([("ward",), ("age",), ("ward", "age")])
            found = [row for row in rows if wanted.holds(row)]
            least = dice.choice([0, 4])
            descending = dice.random() < 0.5
            first, offset = dice.choice([1, 2, 100]), dice.choice([0, 1])
            order = "[{count: DESC}]" if descending else "[]"
            text = (
                f"{{ g: {root}Groups(by: [{', '.join(f'{{column: {name.upper()}}}' for name in by)}],"
                f" where: {wanted.text}, having: {{count: {{gte: {least}}}}}, orderBy: {order},"
                f" first: {first}, offset: {offset}) {{ key {{ {' '.join(by)} }} {FIGURES} }} }}"
            )
            kept = [(values, group) for values, group in groups(rows, found, key, by) if len(group) >= least]
            if descending:
                kept.sort(key=lambda item: (-len(item[1]), tuple(map(nulls_last, item[0]))))
            page = kept[offset : offset + first]
            expected = [{"key": dict(zip(by, values, strict=True)), **figures(group, key)} for values, group in page]
            assert await answer(house, text, batch) == {"g": expected}, (batch, text, rows)


async def test_aggregates_under_a_parent(house: House) -> None:
    dice = random.Random(SEED + 2)
    for batch, rows in world().items():
        for root, key in KEYS.items():
            wanted = filters(dice)
            text = (
                f"{{ wards {{ nodes {{ code a: {root}Aggregate(where: {wanted.text}) {{ {FIGURES} }}"
                f" t: {root}(where: {wanted.text}) {{ totalCount }} }} }} }}"
            )
            expected = []
            for ward in WARDS:
                found = [row for row in rows if wanted.holds(row) and row["ward"] == ward]
                inside = aggregate(rows, found, key, nested=True)
                expected.append({"code": ward, "a": inside, "t": {"totalCount": inside["count"]}})
            assert await answer(house, text, batch) == {"wards": {"nodes": expected}}, (batch, text, rows)


async def test_zero_and_too_few_are_the_same(house: House) -> None:
    """Nobody and somebody below the group answer alike, in figures and in groups."""
    nobody = "where: {age: {gt: 1000}}"
    few = [batch for batch, rows in world().items() if 0 < len(rows) < 3]
    assert few
    for batch in few:
        for where in (f"({nobody})", ""):
            assert await answer(house, f"{{ a: rowStaysAggregate{where} {{ {FIGURES} }} }}", batch) == {"a": NOTHING}
        for where in (f", {nobody}", ""):
            text = f"{{ a: rowStaysGroups(by: [{{column: WARD}}]{where}) {{ count }} }}"
            assert await answer(house, text, batch) == {"a": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return place("privacy", tmp_path_factory.mktemp("asked") / "p", "duckdb", statements(world()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_what_may_be_asked(case: dict[str, object], folder: Path) -> None:
    async with House.open(folder) as house:
        said = await house.ask(str(case["query"]), caller(batch=case.get("batch", 0)))
    if "error" in case:
        assert said == {"refused": [case["error"]]}
    else:
        assert set(said) == {"data"}
