"""What an engine knows of a whole table changes no answer: not its rows, and not whether there is one.

A planner that knows that a column is NULL in every row plans otherwise. DuckDB 2.0 then fails to compare a constant
mask of it (BindBuiltinScalarFunction), so that an error would tell of rows that are not the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from resolvers.operation import Operation
from tests.engine.house import ENGINES, House, caller, place

COLUMNS = ("redacted", "fixed", "plain", "shown")
CONDITIONS = (
    'ne: "N2"', 'eq: "N2"', 'gt: "A"', 'lte: "N2"', 'in: ["N2", "x"]', 'notIn: ["N2"]', 'contains: "N"', "isNull: true",
)  # fmt: skip
QUESTIONS = (
    "{{notes(where: {{{0}: {{{1}}}}}) {{nodes {{id {0}}}}}}}",
    "{{notes(where: {{not: {{{0}: {{{1}}}}}}}, orderBy: [{{{0}: ASC}}]) {{totalCount nodes {{id}}}}}}",
    "{{notesAggregate(where: {{{0}: {{{1}}}}}) {{count min {{{0}}}}}}}",
)


def statements(hidden: str) -> Iterator[str]:
    yield "CREATE TABLE notes (id BIGINT, owner TEXT, redacted TEXT, fixed TEXT, plain TEXT, shown TEXT)"
    yield f"INSERT INTO notes VALUES (1, 'me', NULL, NULL, NULL, NULL), (2, 'you', {', '.join([hidden] * 4)})"


async def answers(folder: Path, engine: str, hidden: str) -> dict[str, bytes]:
    me = caller("me", login="me")
    asked = [text.format(column, test) for text, column, test in product(QUESTIONS, COLUMNS, CONDITIONS)]
    async with House.open(place("statistics", folder, engine, statements(hidden))) as house:
        return {text: (await house.engine.answer(Operation("graphql", text, {}), me)).body for text in asked}


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_column_that_is_null_in_all_rows_answers_as_others(engine: str, tmp_path: Path) -> None:
    nulls, texts = await answers(tmp_path / "nulls", engine, "NULL"), await answers(tmp_path / "texts", engine, "'N1'")
    assert {text: body for text, body in nulls.items() if body != texts[text]} == {}
    assert [body for body in texts.values() if b'"errors"' in body] == []
